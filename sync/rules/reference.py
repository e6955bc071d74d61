"""The reference of finding types as a page, from the catalogue and the rules' own docstrings. Pure text."""

import inspect
import re
from collections.abc import Callable

from sync.rules import gates
from sync.rules.catalogue import CATALOGUE
from sync.rules.client_credits import stale_credit
from sync.rules.evaluate import RULES
from sync.rules.finding_type import FindingType
from sync.rules.one_sided import open_credits
from sync.rules.reference_notes import NOTES, OWN_WORDS, WITHOUT_A_FINDING

_CODE = re.compile(r"\b[A-G]\d{1,2}b?\b")
_GROUPS = {
    "A": "Credit authority: a posted invoice is credited only in QuickBooks",
    "B": "Duplicates: one credit or payment that stands twice",
    "C": "One-sided: in one system only",
    "D": "Attributes: the same credit or payment, described in two ways",
    "E": "Edits after the sync: what was in step and is no more",
    "F": "Balances: sums of the above",
    "G": "Completeness: what a run could not read or does not understand",
}
_HEAD = """# Findings

What each finding means, how Tieout sees it, and what to do. This page is written from the rules themselves.

**Severity.** S1: money or the rule is wrong on a client document. S2: the books disagree, act before this close.
S3: review. S4: information; it leaves the verdict clean.

**Proof.** *proved*: our own stored versions, or the systems' own links, show it. *likely*: the pattern fits and
nothing contradicts it. *cannot tell*: the amount is exact, the cause is not to be had from the two APIs; the finding
says why.

**Claim** is the part of BigTime − QuickBooks that the finding explains (negative: BigTime shows the client owing
less). Claims never overlap, and together they are the difference. **Exposure** is the money at stake.

All 55 types and 12 gates of the field's catalogue are listed. A few never appear as a finding of their own; they say so,
and why.
"""


def _functions() -> tuple[Callable[..., object], ...]:
    judges = (gates.findings_from_gaps, gates.unknown_words, gates.changed_preferences, gates.inferred_deletions)
    return (*RULES, open_credits, stale_credit, *judges)


def detection_of(code: str) -> str:
    """How a type is detected, in the words of the rule that does it; "" for a type that no rule finds."""
    if code in OWN_WORDS:
        return OWN_WORDS[code]
    for function in _functions():
        text = inspect.getdoc(function) or ""
        head = text.partition(":")[0]
        if code in _CODE.findall(head):
            words = " ".join(text.partition(":")[2].split())
            return words[:1].upper() + words[1:]
    return ""


def _entry(entry: FindingType) -> str:
    note = NOTES[entry.code]
    limits = ("", f"*What cannot be seen.* {note.limits}") if note.limits else ()
    return "\n".join(
        (
            f"### {entry.code} {entry.slug}",
            "",
            f"{entry.severity}. {entry.meaning}",
            "",
            f"*How it is seen.* {detection_of(entry.code)}",
            "",
            f"*What to do, in {note.where}.* {entry.remedy}",
            "",
            f"*What it is not:* {note.is_not}.",
            *limits,
            "",
        )
    )


def _missing(code: str) -> str:
    name, _, reason = WITHOUT_A_FINDING[code].partition(". ")
    return f"### {code}\n\n{name}. {reason}\n"


def _order(code: str) -> tuple[int, str]:
    return int(re.sub(r"\D", "", code)), code


def reference_page() -> str:
    """The page `docs/findings.md`."""
    parts = [_HEAD]
    for letter, title in _GROUPS.items():
        parts.append(f"## {letter}. {title}\n")
        entries = {code: _entry(entry) for code, entry in CATALOGUE.items()} | {
            code: _missing(code) for code in WITHOUT_A_FINDING
        }
        parts += [entries[code] for code in sorted(entries, key=_order) if code.startswith(letter)]
    return "\n".join(parts)
