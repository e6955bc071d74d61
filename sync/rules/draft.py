"""From what a rule sees to a finding: claims from the consumed items, evidence, fingerprint, incident."""

from collections import defaultdict

import msgspec

from mappings.findings import Claim, ClientRef, Evidence, Finding, InvoiceRef, Proof, Severity, fingerprint
from mappings.model import History, RecordKey, Version
from sync.rules.catalogue import CATALOGUE
from sync.rules.desk import Case, Desk, Item


class Draft(msgspec.Struct, frozen=True, kw_only=True):
    """A finding as a rule states it.

    `consumes` are the items it explains; its claim follows from them. `records` are the histories it rests on
    (their latest versions become the evidence, and `versions` are added where an earlier one matters);
    `context` are further records that the amounts are made of: evidence, too, but no part of what went wrong.
    `subject` names the records that identify the finding over runs, by default all of `records`. `cause` is a better
    word for what happened than the type's own, where the rule has seen it.
    """

    code: str
    proof: Proof
    reason: str
    exposure_minor: int
    currency: str
    client: ClientRef
    invoice: InvoiceRef | None
    explanation: str
    records: tuple[History, ...]
    consumes: tuple[Item, ...] = ()
    versions: tuple[Version, ...] = ()
    context: tuple[History, ...] = ()
    subject: tuple[RecordKey, ...] = ()
    severity: Severity | None = None
    discriminator: str = ""
    cause: str = ""


def on_case(
    case: Case,
    *,
    code: str,
    proof: Proof,
    reason: str,
    exposure_minor: int,
    explanation: str,
    records: tuple[History, ...],
    consumes: tuple[Item, ...] = (),
    versions: tuple[Version, ...] = (),
    context: tuple[History, ...] = (),
    subject: tuple[RecordKey, ...] = (),
    severity: Severity | None = None,
    cause: str = "",
) -> Draft:
    """A draft about one invoice: currency, client and invoice are the case's."""
    return Draft(
        code=code,
        proof=proof,
        reason=reason,
        exposure_minor=exposure_minor,
        currency=case.currency,
        client=case.client,
        invoice=case.ref,
        explanation=explanation,
        records=records,
        consumes=consumes,
        versions=versions,
        context=context,
        subject=subject,
        severity=severity,
        cause=cause,
    )


def _evidence(draft: Draft) -> tuple[Evidence, ...]:
    versions = [history.latest for history in (*draft.records, *draft.context)] + list(draft.versions)
    return tuple(sorted({Evidence(version.key, version.sha256) for version in versions}))


def records_apart(draft: Draft) -> frozenset[RecordKey]:
    """The records that are in the evidence for the arithmetic alone; what shares them need not share a cause."""
    own = {history.key for history in draft.records} | {version.key for version in draft.versions}
    return frozenset(history.key for history in draft.context) - own


def fingerprint_of(draft: Draft, desk: Desk) -> str:
    """The identity of the draft's finding over runs."""
    subject = draft.subject or tuple(history.key for history in draft.records)
    return fingerprint(desk.book.company, draft.code, subject, draft.discriminator)


def finding_from_draft(draft: Draft, desk: Desk) -> Finding:
    """The finding, with claims for the invoices in the tie-out; no other has items."""
    effects: dict[str, int] = defaultdict(int)
    for item in draft.consumes:
        effects[item.case_id] += item.effect_minor
    entry = CATALOGUE[draft.code]
    return Finding(
        company=desk.book.company,
        code=draft.code,
        slug=entry.slug,
        severity=draft.severity or entry.severity,
        proof=draft.proof,
        reason=draft.reason,
        currency=draft.currency,
        exposure_minor=abs(draft.exposure_minor),
        claims=tuple(Claim(case_id, minor) for case_id, minor in sorted(effects.items()) if minor != 0),
        client=draft.client,
        invoice=draft.invoice,
        evidence=_evidence(draft),
        explanation=draft.explanation,
        fingerprint=fingerprint_of(draft, desk),
        incident="",
        cause=draft.cause,
    )
