"""Run every benchmark and write docs/benchmarks.md: `python -m tests.benchmarks`. Takes several minutes."""

from functools import partial
from pathlib import Path

from tests.benchmarks import cycle, load, reconcile
from tests.benchmarks.figures import as_markdown, machine

_PAGE = Path(__file__).resolve().parents[2] / "docs" / "benchmarks.md"
_HEAD = """# Benchmarks

Written by `python -m tests.benchmarks`; every figure is of that one run. Each value is the median of the single runs
beside it. Nothing here leaves the machine: the other ends of the wires are the project's own simulators.
"""


def main() -> None:
    """Measure, print and write."""
    sections: list[str] = []
    measures = (load.measure, partial(load.measure, runs=1, database="postgresql"), cycle.measure, reconcile.measure)
    for measure in measures:
        sections.append(as_markdown(measure()))
        print(sections[-1], flush=True)
    _PAGE.write_text("\n".join([_HEAD, machine(), "", *sections]), "utf-8")
    print(f"wrote docs/{_PAGE.name}")


if __name__ == "__main__":
    main()
