"""Accuracy on random histories through the real worker: recall, precision, residual, decoys, and two baselines.

`python -m tests.benchmarks.accuracy [--histories N] [--seed S] [--workers N] [--write]`
"""

import argparse
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor, as_completed
from pathlib import Path

from tests.benchmarks.accuracy_page import page
from tests.benchmarks.accuracy_pipeline import Told, live_through
from tests.benchmarks.accuracy_tally import Tally

HISTORIES, SEED, WORKERS = 2000, 1, 2
_PAGE = Path(__file__).resolve().parents[2] / "docs" / "accuracy.md"
_PER_TASK = 20


def measure(*, histories: int, seed: int, workers: int) -> Tally:
    """Live through histories with the seeds from `seed` on; the result does not depend on the number of workers."""
    tasks = [
        range(first, min(first + _PER_TASK, seed + histories)) for first in range(seed, seed + histories, _PER_TASK)
    ]
    lived: list[Told] = []
    if workers == 1:
        for task in tasks:
            lived += _live(task)
            _report(lived, histories, latest=len(task))
    else:
        for part in _live_in_processes(tasks, workers):
            lived += part
            _report(lived, histories, latest=len(part))
    tally = Tally()
    for told in sorted(lived, key=lambda each: each.seed):
        tally.add(told)
    return tally


def _live(seeds: range) -> list[Told]:
    return list(live_through(iter(seeds)))


def _live_in_processes(tasks: list[range], workers: int) -> Iterator[list[Told]]:
    with ProcessPoolExecutor(workers) as pool:
        yield from (done.result() for done in as_completed([pool.submit(_live, task) for task in tasks]))


def _report(lived: list[Told], whole: int, *, latest: int) -> None:
    """How far it is, and at once whatever went wrong in the latest histories."""
    news = Tally()
    for told in lived[-latest:]:
        news.add(told)
    for line in news.shown_failures:
        print(f"\n{line}", file=sys.stderr)
    end = "" if len(lived) < whole else "\n"
    print(f"\r{len(lived):,} of {whole:,} histories", end=end, file=sys.stderr, flush=True)


def main() -> int:
    """The command; answers 1 when something was missed, said without a reason, or left unexplained."""
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks.accuracy", description=__doc__.splitlines()[0])
    parser.add_argument("--histories", type=int, default=HISTORIES, help="how many (%(default)s)")
    parser.add_argument("--seed", type=int, default=SEED, help="the seed of the first one (%(default)s)")
    parser.add_argument("--workers", type=int, default=WORKERS, help="processes (%(default)s)")
    parser.add_argument("--write", action="store_true", help="write docs/accuracy.md")
    options = parser.parse_args()
    began = time.monotonic()
    tally = measure(histories=options.histories, seed=options.seed, workers=options.workers)
    command = (
        f"python -m tests.benchmarks.accuracy --histories {options.histories} --seed {options.seed} "
        f"--workers {options.workers} --write"
    )
    text = page(tally, command=command, seed=options.seed, seconds=time.monotonic() - began)
    print(text)
    if options.write:
        _PAGE.write_text(text, encoding="utf-8")
    return 1 if tally.misses or tally.alarms or tally.residual_count else 0


if __name__ == "__main__":
    sys.exit(main())
