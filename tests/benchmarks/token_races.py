"""A thousand refresh races between processes: `python -m tests.benchmarks.token_races [--races N]`."""

import argparse
import sys
import tempfile
import time

from tests.benchmarks.postgres import started_postgres
from tests.token_races import Races, run_races


def main() -> int:
    """Hold the races on both databases, print what came of them, and fail when anybody was sent to connect."""
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks.token_races", description=__doc__)
    parser.add_argument("--races", type=int, default=1_000, help="races on each database (%(default)s)")
    parser.add_argument("--workers", type=int, default=4, help="processes that race (%(default)s)")
    parser.add_argument("--strike-every", type=int, default=10, help="the token endpoint fails in every Nth race")
    options = parser.parse_args()
    failed = False
    for name in ("SQLite", "PostgreSQL"):
        began = time.monotonic()
        done = _held(name, options)
        failed |= bool(done.errors or done.disagreements)
        print(
            f"{name}: {done.races:,} races of {done.workers} processes in {time.monotonic() - began:.0f} s: "
            f"{done.reconnects} false reconnects, {done.disagreements} races without one token for all, "
            f"{done.refreshes:,} refreshes accepted, {done.refused} refused; the token endpoint failed {done.struck} "
            f"times{''.join(f'; {error}' for error in done.errors)}",
            flush=True,
        )
    return int(failed)


def _held(name: str, options: argparse.Namespace) -> Races:
    if name == "SQLite":
        with tempfile.TemporaryDirectory(prefix="tieout-races-") as folder:
            url = f"sqlite:///{folder}/store.db"
            return run_races(url, races=options.races, workers=options.workers, strike_every=options.strike_every)
    with started_postgres() as url:
        return run_races(url, races=options.races, workers=options.workers, strike_every=options.strike_every)


if __name__ == "__main__":
    sys.exit(main())
