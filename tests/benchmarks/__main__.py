"""Run every benchmark and write docs/benchmarks.md: `python -m tests.benchmarks [--runs N]`. Takes several minutes."""

import argparse
from collections.abc import Callable
from pathlib import Path

from tests.benchmarks import cycle, load, month_end, reconcile
from tests.benchmarks.figures import Section, as_markdown, machine

_PAGE = Path(__file__).resolve().parents[2] / "docs" / "benchmarks.md"
_HEAD = """# Benchmarks

Written by `python -m tests.benchmarks`; every figure is of that one run. Each value is the median of the single runs
beside it. Nothing here leaves the machine: the other ends of the wires are the project's own simulators. A machine
that is busy with other things makes every time longer: compare the ratios, and the CPU times.
"""


def main() -> None:
    """Measure, print and write."""
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks", description="Run every benchmark.")
    parser.add_argument("--runs", type=int, default=3, help="runs to take the median of (%(default)s)")
    runs = parser.parse_args().runs
    sections: list[str] = []
    measures: tuple[Callable[[], Section], ...] = (
        lambda: load.measure(runs=runs),
        lambda: load.measure(runs=runs, database="postgresql"),
        cycle.measure,
        lambda: reconcile.measure(runs=runs),
        lambda: month_end.measure(runs=runs),
    )
    for measure in measures:
        sections.append(as_markdown(measure()))
        print(sections[-1], flush=True)
    _PAGE.write_text("\n".join([_HEAD, machine(), "", *sections]), "utf-8")
    print(f"wrote docs/{_PAGE.name}")


if __name__ == "__main__":
    main()
