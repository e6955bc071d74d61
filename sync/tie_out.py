"""The tie-out: the statement, per currency, that BigTime − QuickBooks is explained to the last minor unit. Pure."""

from collections import defaultdict
from collections.abc import Iterable, Sequence

from mappings.findings import Finding, Gap, Severity, TieLine, TieOut, Verdict


def tie_out(lines: Iterable[TieLine]) -> tuple[TieOut, ...]:
    """One statement per currency, in alphabetical order. Currencies are never added up."""
    by_currency: dict[str, list[TieLine]] = defaultdict(list)
    for line in lines:
        by_currency[line.currency].append(line)
    return tuple(
        TieOut(
            currency=currency,
            invoice_count=len(group),
            bigtime_minor=sum(line.bigtime_minor for line in group),
            quickbooks_minor=sum(line.quickbooks_minor for line in group),
            explained_minor=sum(line.claimed_minor for line in group),
            gross_minor=sum(abs(line.difference_minor) for line in group),
        )
        for currency, group in sorted(by_currency.items())
    )


def decide_verdict(*, complete: bool, gaps: Sequence[Gap], open_findings: Iterable[Finding]) -> Verdict:
    """The first that holds: incomplete, findings, clean.

    Findings of S4 are information and leave the verdict clean. A run with a gap is incomplete whatever it found.
    """
    if not complete or gaps:
        return Verdict.INCOMPLETE
    if any(finding.severity is not Severity.S4 for finding in open_findings):
        return Verdict.FINDINGS
    return Verdict.CLEAN
