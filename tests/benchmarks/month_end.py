"""How long a month-end pack of a large firm takes, and how much memory.

`python -m tests.benchmarks.month_end [--invoices N] [--runs N]`
"""

import argparse
import json
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from tests.benchmarks.figures import Figure, Section, answer_of, figure, show

INVOICES, CLIENTS, RUNS = 20_000, 400, 3
_MONTH = "2026-10"
_SETTINGS = """
[store]
url = "sqlite:///tieout.db"
[[companies]]
alias = "bulk"
[companies.quickbooks]
realm_id = "9130347"
client_id = "none"
[companies.bigtime]
firm = "none"
"""


def measure(*, invoices: int = INVOICES, clients: int = CLIENTS, runs: int = RUNS) -> Section:
    """Fill one store, then make the pack of its last month `runs` times, each in a process of its own."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "tieout.toml").write_text(_SETTINGS)
        made = answer_of("month_end_filling", str(folder), str(invoices), str(clients))
        done = [_run(folder, number) for number in range(runs)]
    return Section(
        title=f"Month-end of {invoices:,} invoices in each system over 24 months",
        command=f"python -m tests.benchmarks.month_end --invoices {invoices} --runs {runs}",
        what=(
            f"{made['versions']:,} versions are put into a SQLite store as two reads found them: {_counted(made)}. "
            f"Between the reads credits were un-applied, voided, deleted and re-dated. Then `tieout report month-end "
            f"--month {_MONTH}` runs in a process of its own: every report, BigTime against QuickBooks, the year "
            "before it, a workbook, CSV files, a page and the manifest. The time is that of the whole process, its "
            "start included."
        ),
        figures=tuple(_figures(done)),
    )


def _counted(made: dict[str, Any]) -> str:
    kinds = {key: count for key, count in made.items() if key != "versions" and count > 1}
    return ", ".join(f"{count:,} {key.replace('_', ' ')}" for key, count in sorted(kinds.items()))


def _run(folder: Path, number: int) -> dict[str, Any]:
    before = time.monotonic()
    answer = answer_of("month_end_running", str(folder / "tieout.toml"), str(folder / f"pack-{number}"), _MONTH)
    manifest = json.loads((folder / f"pack-{number}" / "manifest.json").read_text("utf-8"))
    return {**answer, "seconds": time.monotonic() - before, "manifest": manifest}


def _figures(runs: Sequence[dict[str, Any]]) -> list[Figure]:
    checks = [run["manifest"]["checks"] for run in runs]
    hashes = {tuple(file["sha256"] for file in run["manifest"]["files"]) for run in runs}
    return [
        figure("month-end pack", [run["seconds"] for run in runs], "{:.1f} s", target="< 30 s"),
        figure("the same, CPU time", [run["cpu_seconds"] for run in runs], "{:.1f} s"),
        figure("peak memory of the process", [run["peak_mb"] for run in runs], "{:,.0f} MB", target="< 400 MB"),
        figure("size of the pack", [_size(run) for run in runs], "{:,.2f} MB"),
        figure("rows in the CSV files", [run["rows"] for run in runs], "{:,.0f}"),
        figure(
            "pairs of figures that must agree, and do",
            [sum(check["holds"] for check in each) for each in checks],
            "{:,.0f}",
            target=f"{len(checks[0])}",
        ),
        figure("different packs among the runs", [len(hashes)], "{:,.0f}", target="1"),
    ]


def _size(run: dict[str, Any]) -> float:
    return float(sum(file["bytes"] for file in run["manifest"]["files"])) / 1e6


def main() -> None:
    """The command."""
    description = (__doc__ or "").splitlines()[0]
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks.month_end", description=description)
    parser.add_argument("--invoices", type=int, default=INVOICES, help="invoices in each system (%(default)s)")
    parser.add_argument("--clients", type=int, default=CLIENTS, help="clients they are spread over (%(default)s)")
    parser.add_argument("--runs", type=int, default=RUNS, help="packs to take the median of (%(default)s)")
    options = parser.parse_args()
    show([measure(invoices=options.invoices, clients=options.clients, runs=options.runs)])


if __name__ == "__main__":
    main()
