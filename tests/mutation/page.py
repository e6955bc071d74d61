"""What the mutation run says, as a table and as a page. Pure but for the names of the machine and of the versions."""

from collections import defaultdict
from collections.abc import Mapping
from pathlib import Path

from tests.benchmarks.figures import machine
from tests.mutation.mutants import Mutant

ROOT = Path(__file__).resolve().parents[2]

# What only holds words or lists has nothing to change.
_NO_RULES = ("catalogue", "desk", "finding_type", "matching", "reference", "reference_notes", "types_of_books",
             "types_of_credits", "__init__")  # fmt: skip
_RULES = sorted(path.stem for path in (ROOT / "sync" / "rules").glob("*.py") if path.stem not in _NO_RULES)
GROUPS: Mapping[str, tuple[str, ...]] = {
    "money": ("mappings/money.py",),
    "matching": ("sync/rules/matching.py", "mappings/linking.py", "mappings/splitting.py"),
    "tie-out": ("sync/tie_out.py", "sync/rules/desk.py"),
    "rules": tuple(f"sync/rules/{name}.py" for name in _RULES),
    "ledger": ("mappings/ledger.py", "mappings/movements.py", "mappings/sources.py"),
    "cursors": ("sync/pulling/quickbooks_cursor.py", "sync/pulling/windows.py", "sync/pulling/spans.py"),
}

Verdicts = Mapping[Mutant, str]

_HEAD = """# Mutation score

Written by `python -m tests.mutation --write`. One small wrong at a time is put into the core: another operator,
constant or return value, a statement left out, a branch swapped. It counts as noticed when a test fails or no longer
ends. A mutant is held against tests that reach its line, for some seconds, not against all: the score is a lower bound.
Texts, assertions, class bodies and default arguments are not changed. Not every survivor is a gap: some
changes make no difference that anybody could see.
"""


def group_scores(verdicts: Verdicts) -> dict[str, float]:
    """The part of each group's mutants that a test noticed; groups without mutants are left out."""
    killed, total = _counts(verdicts)
    scores = {}
    for group, paths in GROUPS.items():
        count = sum(total[path] for path in paths)
        if count:
            scores[group] = sum(killed[path] for path in paths) / count
    return scores


def table(verdicts: Verdicts) -> str:
    """One line for each module and each group."""
    killed, total = _counts(verdicts)
    lines = ["| group | module | mutants | noticed | score |", "| --- | --- | ---: | ---: | ---: |"]
    for group, paths in GROUPS.items():
        there = [path for path in paths if total[path]]
        lines += [_line(group, f"`{path}`", killed[path], total[path]) for path in there]
        if len(there) > 1:
            count = sum(total[path] for path in there)
            lines.append(_line(f"**{group}**", "**all**", sum(killed[path] for path in there), count))
    for path in sorted(set(total) - {path for paths in GROUPS.values() for path in paths}):
        lines.append(_line("", f"`{path}`", killed[path], total[path]))
    return "\n".join(lines)


def _line(group: str, module: str, killed: int, total: int) -> str:
    return f"| {group} | {module} | {total} | {killed} | {100 * killed / total:.1f} % |"


def _counts(verdicts: Verdicts) -> tuple[dict[str, int], dict[str, int]]:
    killed: dict[str, int] = defaultdict(int)
    total: dict[str, int] = defaultdict(int)
    for mutant, verdict in verdicts.items():
        total[mutant.path] += 1
        killed[mutant.path] += verdict == "killed"
    return killed, total


def page(verdicts: Verdicts, *, sample: int, seed: int, missing: int) -> str:
    """The whole of docs/mutation.md; `missing` mutants were drawn and have no verdict yet."""
    drawn = f"up to {sample} of each module, drawn with seed {seed}" if sample else "all"
    if missing:
        drawn += f"; {missing} that were drawn have not been tried and are not counted"
    survivors = [
        f"- `{mutant}`" + (" (no test reaches it)" if verdict == "unreached" else "")
        for mutant, verdict in verdicts.items()
        if verdict != "killed"
    ]
    facts = f"Mutants: {drawn}. {machine()}"
    return "\n".join([_HEAD, facts, "", table(verdicts), "", "## Survivors", "", *survivors, ""])
