"""Group C, and G4: what is in one system only."""

from collections.abc import Collection
from datetime import timedelta

from mappings.findings import InvoiceRef, Proof, Severity
from mappings.indexing import normalise_number
from mappings.model import CreditMemo, Entry, Invoice, Payment, RecordKey
from sync.rules.desk import Case, Desk, Funding, Item, ItemKind, OpenCredit, amount
from sync.rules.draft import Draft, on_case


def became_unapplied(desk: Desk) -> tuple[Draft, ...]:
    """C6b: a payment stands on the invoice in BigTime; QuickBooks has the same money, unapplied.

    Example: BigTime paid 400.00, QuickBooks invoice open 400.00, payment unapplied 400.00. Source: QuickBooks can
    drop the invoice line of a pushed payment without an error.
    """
    free = [credit for credit in desk.open_credits if isinstance(credit.content, Payment)]
    drafts = []
    for case, items in desk.by_case(ItemKind.ROW):
        for item in items:
            credit = next((credit for credit in free if _is_same_money(item, credit, case)), None)
            if credit is not None:
                free.remove(credit)
                drafts.append(_unapplied_draft(case, item, credit))
    return tuple(drafts)


def _is_same_money(item: Item, credit: OpenCredit, case: Case) -> bool:
    assert item.row is not None
    assert isinstance(credit.content, Payment)
    if credit.currency != case.currency or credit.remaining_minor != item.row.amount_minor:
        return False
    reference = item.row.payment.reference
    if reference and reference == credit.content.reference:
        return True
    paid_on = credit.content.paid_on
    same_client = case.twin is not None and case.twin.client_id == credit.client_id
    return same_client and item.row.on is not None and paid_on is not None and abs(item.row.on - paid_on).days <= 3


def _unapplied_draft(case: Case, item: Item, credit: OpenCredit) -> Draft:
    assert item.row is not None
    minor = item.row.amount_minor
    return on_case(
        case,
        code="C6b",
        proof=Proof.LIKELY,
        reason="client, amount and day (or reference) agree",
        exposure_minor=minor,
        explanation=(
            f"BigTime shows {case.money(minor)} paid on invoice {case.number}. QuickBooks has the payment "
            "but left it unapplied, so its invoice is still open. Apply the payment to the invoice in QuickBooks."
        ),
        records=(item.row.history, credit.history),
        consumes=(item,),
        subject=(item.row.history.key, credit.history.key),
    )


def sync_under_way(desk: Desk) -> tuple[Draft, ...]:
    """G4: an application in QuickBooks younger than the grace period, which BigTime may still be given."""
    drafts = []
    for case, items in desk.by_case(ItemKind.LINE):
        for item in items:
            assert item.line is not None
            changed_at = item.line.payment.modified_at or item.line.history.latest.observed_at
            if desk.moment.in_grace(changed_at):
                drafts.append(_line_draft(desk, case, item, "G4"))
    return tuple(drafts)


def not_in_bigtime(desk: Desk) -> tuple[Draft, ...]:
    """C3: applied in QuickBooks and, after the grace period, not in BigTime.

    Example: a credit memo of 300.00 applied on 2 March; on 5 March BigTime still asks for the 300.00.
    """
    return tuple(_line_draft(desk, case, item, "C3") for case, items in desk.by_case(ItemKind.LINE) for item in items)


def _line_draft(desk: Desk, case: Case, item: Item, code: str) -> Draft:
    assert item.line is not None
    line, minor = item.line, item.line.amount_minor
    kind = "credit" if line.funding == "credit" else "payment"
    hours = desk.moment.grace // timedelta(hours=1)
    tail = (
        f"It is less than {hours} hours old; the sync may still bring it."
        if code == "G4"
        else "BigTime still asks for it. Run the payment sync for this invoice, or record the payment in BigTime."
    )
    return on_case(
        case,
        code=code,
        proof=Proof.PROVED if code == "C3" else Proof.CANNOT_TELL,
        reason=(
            "QuickBooks links it to the invoice, and BigTime's rows were read after that"
            if code == "C3"
            else "the grace period is not over"
        ),
        exposure_minor=minor,
        explanation=(
            f"A {kind} of {case.money(minor)} was applied to invoice {case.number} in QuickBooks"
            f"{f' on {line.payment.paid_on}' if line.payment.paid_on else ''} and is not in BigTime. {tail}"
        ),
        records=(case.bigtime, line.history),
        consumes=(item,),
        subject=(case.bigtime.key, line.history.key),
    )


def not_in_quickbooks(desk: Desk) -> tuple[Draft, ...]:
    """C4: a payment in BigTime that QuickBooks does not have on the invoice, and of which we know no more.

    It may have been deleted in QuickBooks before we first read it, or keyed in BigTime only.
    """
    drafts = []
    for case, items in desk.by_case(ItemKind.ROW):
        for item in items:
            assert item.row is not None
            row = item.row
            drafts.append(
                on_case(
                    case,
                    code="C4",
                    proof=Proof.CANNOT_TELL,
                    reason="no version of a QuickBooks payment that we hold had this amount on the invoice",
                    exposure_minor=row.amount_minor,
                    explanation=(
                        f"BigTime shows a payment of {case.money(row.amount_minor)} on invoice "
                        f"{case.number}{f' on {row.on}' if row.on else ''} that QuickBooks does not have. If the money "
                        "came in, enter it in QuickBooks; else delete it in BigTime."
                    ),
                    records=(row.history, *((case.quickbooks,) if case.quickbooks else ())),
                    consumes=(item,),
                    subject=(row.history.key,),
                )
            )
    return tuple(drafts)


# The findings that say what became of the credits among their records.
_TELLS_THE_REST = frozenset({"B7", "C6b", "C7", "E6", "F7"})


def freed_payments(drafts: tuple[Draft, ...]) -> frozenset[RecordKey]:
    """The records whose rest, if they are credits, another finding already tells: E6, C6b, B5, B7, C7 or F7."""
    twice = frozenset(key for draft in drafts if draft.code == "B5" and not draft.consumes for key in draft.subject)
    return twice | frozenset(
        history.key for draft in drafts if draft.code in _TELLS_THE_REST for history in draft.records
    )


def open_credits(desk: Desk, told: Collection[RecordKey] = ()) -> tuple[Draft, ...]:
    """C1 and C2: what a client has left in QuickBooks, which BigTime cannot show. Information until it is stale.

    C1 example: paid 150.00 on an invoice of 100.00: 50.00 unapplied. `told` are payments whose rest another
    finding already explains.
    """
    drafts = []
    for credit in desk.open_credits:
        if credit.remaining_minor <= 0 or credit.history.key in told or isinstance(credit.content, Entry):
            continue
        drafts.append(_open_credit_draft(desk, credit))
    return tuple(drafts)


def _open_credit_draft(desk: Desk, credit: OpenCredit) -> Draft:
    age = (desk.moment.today - credit.issued_on) if credit.issued_on else timedelta(0)
    stale = age > desk.moment.stale_after
    left = amount(credit.remaining_minor, credit.currency)
    what = (
        f"Credit memo {credit.content.number} has {left} left of {amount(credit.original_minor, credit.currency)}"
        if isinstance(credit.content, CreditMemo)
        else f"A payment of {amount(credit.original_minor, credit.currency)} has {left} that is applied to nothing"
    )
    old = f" for more than {desk.moment.stale_after.days} days" if stale else ""
    return Draft(
        code="C2" if isinstance(credit.content, CreditMemo) else "C1",
        proof=Proof.PROVED,
        reason="QuickBooks shows it as remaining",
        exposure_minor=credit.remaining_minor,
        currency=credit.currency,
        client=credit.client,
        invoice=None,
        explanation=f"{what}{old}. BigTime cannot show it. Apply it to an open invoice in QuickBooks, or refund it.",
        records=(credit.history,),
        severity=Severity.S3 if stale and isinstance(credit.content, Payment) else Severity.S4,
    )


def credit_on_unknown_invoice(desk: Desk) -> tuple[Draft, ...]:
    """C6: a QuickBooks credit is applied to an invoice that BigTime does not have.

    Normal for an invoice that was written in QuickBooks on purpose. Urgent when a BigTime invoice that is not in
    QuickBooks has its number: then the credit is probably on the wrong invoice.
    """
    missing = {normalise_number(case.number) for case in desk.cases.values() if case.quickbooks is None} - {""}
    alone = {history.key.id: history for history in desk.unmatched_quickbooks}
    drafts = []
    for invoice_id, lines in sorted(desk.quickbooks_lines.items()):
        history = alone.get(invoice_id)
        on_credit = [line for line in lines if line.funding is Funding.CREDIT]
        if history is None or not on_credit or not isinstance(history.content, Invoice):
            continue
        minor = sum(line.amount_minor for line in on_credit)
        invoice = history.content
        is_expected = normalise_number(invoice.number) not in missing
        advice = (
            "Nothing to do if the invoice was written in QuickBooks on purpose."
            if is_expected
            else "BigTime has an invoice of this number that is not in QuickBooks: see which one the credit is for."
        )
        drafts.append(
            Draft(
                code="C6",
                proof=Proof.PROVED,
                reason="no BigTime invoice has this number for this client",
                severity=Severity.S4 if is_expected else Severity.S2,
                exposure_minor=minor,
                currency=invoice.currency,
                client=desk.client_of(invoice.client_id),
                invoice=InvoiceRef(number=invoice.number, quickbooks=invoice_id),
                explanation=(
                    f"{amount(minor, invoice.currency)} of credit is applied to QuickBooks invoice {invoice.number}, "
                    f"which BigTime does not have. {advice}"
                ),
                records=(history, *(line.history for line in on_credit)),
                subject=(history.key,),
            )
        )
    return tuple(drafts)
