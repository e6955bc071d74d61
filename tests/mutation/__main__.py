"""Measure how many small wrongs in the core the tests notice: `python -m tests.mutation`.

    python -m tests.mutation                       every mutant of every measured module
    python -m tests.mutation mappings/money.py     one module
    python -m tests.mutation --sample 40 --seed 1  forty of each module, drawn by the seed
    python -m tests.mutation --write               write docs/mutation.md with what is known by then

It works in slices: `--seconds` ends one, and the next call with the same `--keep` goes on from there. A module that was
changed in between starts again. Exit code 0 when every group reaches 90 %, 1 when not, 3 when verdicts are missing.

Why not mutmut: it works here, but does not change returns or remove statements, counts message texts, and picks tests
by function, while every scenario passes through every rule.
"""

import argparse
import json
import os
import sys
import tempfile
import time
from pathlib import Path

import pytest

from tests.mutation.page import GROUPS, group_scores, page, table
from tests.mutation.running import MutationSession, Plan

_ROOT = Path(__file__).resolve().parent.parent.parent
_PAGE = _ROOT / "docs" / "mutation.md"
_TARGET = 0.90
# The tests of the core: they need no database server and no process of their own.
_TESTS = (
    "scenarios/test_rules_on_scenarios.py",
    "scenarios/test_known_faults.py",
    *(
        f"unit/test_{name}.py"
        for name in (
            *("bigtime_ledger", "bigtime_mapping", "incidents"),
            *("indexing", "ledger", "linking", "money", "movements", "quickbooks_mapping", "quickbooks_wire"),
            *("splitting", "tie_out"),
        )
    ),
    "unit/test_rules_*.py",
    "unit/test_report_examples.py",
    "unit/test_report_occasions.py",
)
_TESTS_OF_CURSORS = ("unit/test_bigtime_absence.py", "unit/test_bigtime_windows.py", "unit/test_pulling_*.py")


def main(arguments: list[str]) -> int:
    """Run a slice and say where things stand."""
    parser = argparse.ArgumentParser(prog="python -m tests.mutation", description=__doc__.splitlines()[0])
    parser.add_argument("modules", nargs="*", help="paths of modules; without any, all that are measured")
    parser.add_argument("--sample", type=int, default=0, help="mutants of each module, 0 for all")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--jobs", type=int, default=os.cpu_count() or 1, help="processes side by side")
    parser.add_argument("--seconds", type=float, default=1e9, help="end this slice after so long")
    parser.add_argument("--keep", type=Path, default=Path(tempfile.gettempdir()) / "tieout-mutation.json")
    parser.add_argument("--again", action="store_true", help="try the survivors again, after tests were added")
    parser.add_argument("--write", action="store_true", help="write docs/mutation.md")
    chosen = parser.parse_args(arguments)

    known = tuple(path for paths in GROUPS.values() for path in paths)
    paths = tuple(chosen.modules) or known
    plan = Plan(
        root=_ROOT,
        paths=paths,
        reachable=tuple(dict.fromkeys([*known, *paths])),
        sample=chosen.sample,
        seed=chosen.seed,
        jobs=chosen.jobs,
        until=time.monotonic() + chosen.seconds,
        kept_in=chosen.keep,
        verdicts=_kept(chosen.keep, again=chosen.again),
    )
    mutants = plan.mutants()
    for part in _by_tests(paths):
        if any(each.key not in plan.verdicts for each in mutants if each.path in part):
            plan.paths = part
            _run(plan)
    known_mutants = sorted(
        (each for each in mutants if each.key in plan.verdicts), key=lambda each: (each.path, each.line)
    )
    verdicts = {mutant: plan.verdicts[mutant.key] for mutant in known_mutants}
    print(table(verdicts))
    for mutant, verdict in verdicts.items():
        if verdict != "killed":
            print(f"{verdict:9} {mutant}")
    missing = len(mutants) - len(verdicts)
    if chosen.write:
        _PAGE.write_text(page(verdicts, sample=chosen.sample, seed=chosen.seed, missing=missing))
    if missing:
        print(f"{missing} of {len(mutants)} mutants wait for the next slice")
        return 3
    return 0 if all(score >= _TARGET for score in group_scores(verdicts).values()) else 1


def _kept(path: Path, *, again: bool) -> dict[str, str]:
    """The verdicts of earlier slices; `again` forgets those that no test had noticed."""
    kept: dict[str, str] = json.loads(path.read_text()) if path.exists() else {}
    return {key: verdict for key, verdict in kept.items() if verdict == "killed" or not again}


def _by_tests(paths: tuple[str, ...]) -> list[tuple[str, ...]]:
    """The modules in the parts that are held against the same tests."""
    cursors = tuple(path for path in paths if path in GROUPS["cursors"])
    others = tuple(path for path in paths if path not in cursors)
    return [part for part in (others, cursors) if part]


def _run(plan: Plan) -> None:
    patterns = _TESTS_OF_CURSORS if plan.paths[0] in GROUPS["cursors"] else _TESTS
    tests = [str(path) for pattern in patterns for path in sorted((_ROOT / "tests").glob(pattern))]
    options = ["-q", "-p", "no:cacheprovider", "-p", "no:xdist", "--no-header"]
    pytest.main([*options, *tests], plugins=[MutationSession(plan)])


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
