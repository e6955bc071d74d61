"""A full reconcile of a large firm, and the reconcile of a cycle in which a few records changed.

`python -m tests.benchmarks.reconcile [--invoices N] [--runs N]`
"""

import argparse
import shutil
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from tests.benchmarks.figures import Figure, Section, answer_of, figure, show

INVOICES, RUNS = 100_000, 3
_PAYMENTS = 25  # each changes four records: the invoice and the payment, in both systems


def measure(*, invoices: int = INVOICES, runs: int = RUNS) -> Section:
    """Fill one store, then reconcile `runs` copies of it, each in a process of its own."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        filled, arriving = folder / "filled.db", folder / "arriving.bin"
        planted = answer_of("filling", f"sqlite:///{filled}", str(invoices), str(_PAYMENTS), str(arriving))
        done = []
        for number in range(runs):
            copy = folder / f"run-{number}.db"
            shutil.copy(filled, copy)
            done.append(answer_of("reconciling", f"sqlite:///{copy}", str(arriving)))
            copy.unlink()
    return Section(
        title=f"Reconcile of {invoices:,} invoices in each system",
        command=f"python -m tests.benchmarks.reconcile --invoices {invoices} --runs {runs}",
        what=(
            f"{planted['versions']:,} versions of invoices, payments, credit memos and clients are put straight into a "
            f"SQLite store, as two reads found them; {len(planted['mistaken']):,} invoices have a mistake on them, of "
            "eight types. A process of its own then reconciles everything and stores findings and tie-out; "
            f"{_PAYMENTS} payments arrive, {planted['arriving']} records in all, and it reconciles what they touch; "
            "then nothing changes. Each time is that of the whole run, its pull from memory included."
        ),
        figures=tuple(_figures(done, planted)),
    )


def _figures(runs: Sequence[dict[str, Any]], planted: dict[str, Any]) -> list[Figure]:
    full, changed, quiet = ([run[part] for run in runs] for part in ("full", "changed", "quiet"))
    mistaken = set(planted["mistaken"])
    return [
        figure("full reconcile", [each["seconds"] for each in full], "{:.1f} s", target="< 60 s"),
        figure("the same, CPU time", [each["cpu_seconds"] for each in full], "{:.1f} s"),
        figure("peak memory of the process", [each["peak_mb"] for each in full], "{:,.0f} MB", target="< 500 MB"),
        figure(
            f"reconcile after {planted['arriving']} changed records",
            [each["seconds"] for each in changed],
            "{:.2f} s",
            target="< 1 s",
        ),
        figure("the same, CPU time", [each["cpu_seconds"] for each in changed], "{:.2f} s"),
        figure("reconcile with nothing changed", [each["seconds"] for each in quiet], "{:.2f} s"),
        figure(
            "planted mistakes found",
            [len(mistaken & set(each["invoices"])) for each in full],
            "{:,.0f}",
            target=f"{len(mistaken):,}",
        ),
        figure("other invoices named", [len(set(each["invoices"]) - mistaken) for each in full], "{:,.0f}", target="0"),
        figure("residual", [each["residual_minor"] for each in full], "{:,.0f} cents", target="0 cents"),
    ]


def main() -> None:
    """The command."""
    description = (__doc__ or "").splitlines()[0]
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks.reconcile", description=description)
    parser.add_argument("--invoices", type=int, default=INVOICES, help="invoices in each system (%(default)s)")
    parser.add_argument("--runs", type=int, default=RUNS, help="reconciles to take the median of (%(default)s)")
    options = parser.parse_args()
    show([measure(invoices=options.invoices, runs=options.runs)])


if __name__ == "__main__":
    main()
