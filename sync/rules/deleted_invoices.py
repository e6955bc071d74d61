"""E1 in its last form: a posted invoice that is not in BigTime any more."""

from mappings.findings import InvoiceRef, Proof
from mappings.linking import Twin, TwinStatus
from mappings.model import Invoice, Version
from sync.rules.desk import Desk, amount
from sync.rules.draft import Draft


def invoice_deleted_in_bigtime(desk: Desk) -> tuple[Draft, ...]:
    """E1: BigTime has deleted an invoice that QuickBooks still has, with whatever was credited on it.

    Example: posted for 1,000.00 and deleted in BigTime; QuickBooks still asks for the 1,000.00. It claims nothing: what
    is in one system only is in no tie-out. An invoice that was entered again is its twin's invoice now, and none is
    told where QuickBooks has voided or deleted its own.
    """
    drafts = []
    for twin in desk.links.twins:
        last = _last_seen(twin)
        if twin.status is TwinStatus.BIGTIME_GONE and last is not None:
            drafts.append(_draft(desk, twin, last))
    return tuple(drafts)


def _last_seen(twin: Twin) -> Version | None:
    return next((each for each in reversed(twin.bigtime.versions) if isinstance(each.content, Invoice)), None)


def _draft(desk: Desk, twin: Twin, last: Version) -> Draft:
    assert twin.quickbooks is not None
    theirs, ours = twin.quickbooks.content, last.content
    assert isinstance(theirs, Invoice)
    assert isinstance(ours, Invoice)
    total = amount(theirs.total_minor, theirs.currency)
    still_due = amount(theirs.balance_minor or 0, theirs.currency)
    return Draft(
        code="E1",
        proof=Proof.PROVED,
        reason="two complete reads of BigTime did not show it any more, and QuickBooks still has it",
        exposure_minor=theirs.total_minor,
        currency=theirs.currency,
        client=desk.client_of(theirs.client_id),
        invoice=InvoiceRef(number=ours.number, bigtime=twin.bigtime.key.id, quickbooks=twin.quickbooks.key.id),
        explanation=(
            f"Invoice {ours.number} of {total} was deleted in BigTime after it had been posted. QuickBooks still has it, "
            f"with {still_due} open. Void it in QuickBooks if it is not owed; else enter it in BigTime again."
        ),
        records=(twin.quickbooks,),
        versions=(last,),
        subject=(twin.bigtime.key, twin.quickbooks.key),
    )
