"""Findings with one cause: one incident, with a sentence that names the cause. Pure.

Findings belong together when they rest on the same payment, credit memo or journal entry: an echo and the negative
balance that it makes, a credit that was freed and the overdue invoice beside it. Two mistakes on one invoice that
share nothing else are two incidents.
"""

import hashlib
from collections import defaultdict
from collections.abc import Mapping, Sequence

import msgspec

from mappings.findings import Finding
from mappings.model import Kind, RecordKey

_JOINING = frozenset({Kind.PAYMENT, Kind.CREDIT_MEMO, Kind.JOURNAL_ENTRY, Kind.PURCHASE, Kind.DEPOSIT})
# What follows from something else; it never names an incident that has another finding in it.
_CONSEQUENCES = ("F", "C1", "C2", "D7", "D8", "E10", "E11", "G")
_CAUSES = {
    "A1": "A client credit was applied in BigTime to a posted invoice",
    "A2": "A client credit was applied before posting, and posting did not carry it over",
    "A3": "The invoice was posted net of its client credit",
    "A4": "The same credit was applied in BigTime and in QuickBooks",
    "A5": "The invoice was marked as paid by hand",
    "A7": "The QuickBooks invoice is gone, its client credit stayed in BigTime",
    "B1": "A client credit was applied twice, as by a double click",
    "B2": "The sync pushed one payment back to BigTime more than once",
    "B3": "A credit memo was entered twice, as by a double click",
    "B4": "One credit was spent in both systems",
    "B5": "One payment was keyed in both systems",
    "B6": "The invoice was posted or imported more than once",
    "B7": "One overpayment is kept as credit in both systems",
    "B8": "One credit was entered in two forms",
    "C3": "The sync lost a payment on its way to BigTime",
    "C4": "A payment was taken back in QuickBooks, or only ever keyed in BigTime",
    "C6b": "A payment came loose from its invoice in QuickBooks",
    "C8": "An invoice was written off in QuickBooks only",
    "D1": "One payment has two amounts",
    "D2": "A credit was put on another invoice in QuickBooks than in BigTime",
    "E1": "The invoice was edited in BigTime after posting",
    "E2": "A payment was edited in BigTime after the sync",
    "E3": "A credit memo was lowered after it had been applied",
    "E4": "A credit memo was voided or deleted after it had been pushed back",
    "E5": "A credit was un-applied in QuickBooks, which leaves no record",
    "E6": "An invoice was voided or deleted in QuickBooks with money on it",
    "E7": "The invoice was edited in QuickBooks after posting",
    "E8": "A closed period was changed in QuickBooks",
    "E9": "A record was re-dated or renumbered in QuickBooks",
    "E10": "Customers were merged in QuickBooks",
}


_NOTHING: frozenset[RecordKey] = frozenset()


def join_incidents(
    findings: Sequence[Finding], causes: Mapping[str, str], apart: Mapping[str, frozenset[RecordKey]]
) -> tuple[Finding, ...]:
    """The same findings with their incident's id and cause filled in.

    `causes` are better words for some findings, by fingerprint (an automatic application that QuickBooks' own note
    gives away), and `apart` the records by which a finding joins nothing, by its fingerprint. The id stays the same as long as the finding that names the incident does.
    """
    joined: list[Finding] = []
    for members in _clusters(findings, apart):
        first = min(members, key=lambda finding: (is_consequence(finding.code), finding.fingerprint))
        cause = causes.get(first.fingerprint) or _CAUSES.get(first.code, "")
        sentence = _sentence(cause, _affected(members)) if cause else ""
        name = "I-" + hashlib.sha256(first.fingerprint.encode()).hexdigest()[:8]
        joined += [msgspec.structs.replace(finding, incident=name, cause=sentence) for finding in members]
    return tuple(joined)


def _sentence(cause: str, invoice_count: int) -> str:
    if invoice_count == 0:
        return f"{cause}."
    return f"{cause}; {invoice_count} invoice{'s' if invoice_count != 1 else ''} affected."


def rests_on(finding: Finding) -> frozenset[RecordKey]:
    """The payments, credits and entries that the finding is about: what makes two findings one incident."""
    return frozenset(evidence.key for evidence in finding.evidence if evidence.key.kind in _JOINING)


def is_consequence(code: str) -> bool:
    """Whether findings of this code follow from something else, when there is something else."""
    return code.startswith(_CONSEQUENCES)


def _affected(members: Sequence[Finding]) -> int:
    """How many invoices an incident touches; one that is in both systems counts once.

    A merge names no invoice: it touches those that moved with their customer.
    """
    twins = {each.invoice.quickbooks: each.invoice.bigtime for each in members if each.invoice and each.invoice.bigtime}
    ids = {claim.invoice_id for finding in members for claim in finding.claims}
    ids |= {finding.invoice.bigtime or finding.invoice.quickbooks for finding in members if finding.invoice}
    ids |= {
        twins.get(evidence.key.id, evidence.key.id)
        for finding in members
        if finding.code == "E10"
        for evidence in finding.evidence
        if evidence.key.kind is Kind.INVOICE
    }
    return len(ids)


def _clusters(findings: Sequence[Finding], apart: Mapping[str, frozenset[RecordKey]]) -> list[list[Finding]]:
    """The findings in groups that share a joining record, each group in the order of its members."""
    leader: dict[RecordKey, int] = {}
    group_of = list(range(len(findings)))

    def find(index: int) -> int:
        while group_of[index] != index:
            group_of[index] = group_of[group_of[index]]
            index = group_of[index]
        return index

    for index, finding in enumerate(findings):
        aside = apart.get(finding.fingerprint, _NOTHING)
        for key in sorted(rests_on(finding) - aside):
            other = leader.setdefault(key, index)
            low, high = sorted((find(index), find(other)))
            group_of[high] = low
    clusters: dict[int, list[Finding]] = defaultdict(list)
    for index, finding in enumerate(findings):
        clusters[find(index)].append(finding)
    return list(clusters.values())
