"""Run every benchmark and write docs/benchmarks.md: `python -m tests.benchmarks [--runs N] [--only SECTION]`.

Takes several minutes.
"""

import argparse
import re
from collections.abc import Callable
from pathlib import Path

from tests.benchmarks import cycle, load, month_end, reconcile, webhooks
from tests.benchmarks.figures import Section, as_markdown, machine

_PAGE = Path(__file__).resolve().parents[2] / "docs" / "benchmarks.md"
_HEAD = """# Benchmarks

Written by `python -m tests.benchmarks`; every figure of a section is of one run of it. Each value is the median of
the single runs beside it. Nothing here leaves the machine: the other ends of the wires are the project's own
simulators. A machine that is busy with other things makes every time longer: compare the ratios, and the CPU times.
"""


def main() -> None:
    """Measure, print and write."""
    measures: dict[str, Callable[[int], Section]] = {
        "load": lambda runs: load.measure(runs=runs),
        "load-postgresql": lambda runs: load.measure(runs=runs, database="postgresql"),
        "cycle": lambda _: cycle.measure(),
        "reconcile": lambda runs: reconcile.measure(runs=runs),
        "month-end": lambda runs: month_end.measure(runs=runs),
        "webhooks": lambda _: webhooks.measure(),
    }
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks", description="Run every benchmark.")
    parser.add_argument("--runs", type=int, default=3, help="runs to take the median of (%(default)s)")
    parser.add_argument("--only", choices=list(measures), help="measure and write this section, and keep the others")
    options = parser.parse_args()
    if options.only:
        _PAGE.write_text(with_section(_PAGE.read_text("utf-8"), measures[options.only](options.runs)), "utf-8")
    else:
        sections: list[str] = []
        for measure in measures.values():
            sections.append(as_markdown(measure(options.runs)))
            print(sections[-1], flush=True)
        _PAGE.write_text("\n".join([_HEAD, machine(), "", *sections]), "utf-8")
    print(f"wrote docs/{_PAGE.name}")


def with_section(page: str, section: Section) -> str:
    """The page with a section in the place of the one of the same title, and the machine it was measured on."""
    parts = re.split(r"(?m)^(?=## )", page)
    places = [place for place, part in enumerate(parts) if part.startswith(f"## {section.title}\n")]
    assert len(places) == 1, f"the page has no section {section.title!r}"
    parts[places[0]] = f"{as_markdown(section)}\nMeasured by itself: {machine()}\n"
    return "\n".join(part.strip("\n") + "\n" for part in parts)


if __name__ == "__main__":
    main()
