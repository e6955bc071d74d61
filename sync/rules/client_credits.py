"""What a client has to his credit: spent twice, refunded and still there, without an occasion, or beside a debt."""

from collections import defaultdict
from collections.abc import Collection
from datetime import timedelta

from mappings.findings import Proof, Severity
from mappings.ledger import Credit, Origin
from mappings.model import CreditMemo, Entry, History, Invoice, Kind, Method, Payment, RecordKey, RefundReceipt, System
from sync.rules.desk import Case, Desk, Funding, Item, ItemKind, OpenCredit, amount, in_currency
from sync.rules.draft import Draft, on_case

# Rules on unclaimed property differ by state; none of them looks at a credit younger than this.
UNCLAIMED_AFTER = timedelta(days=180)
CREDIT_AGES = tuple(timedelta(days=days) for days in (30, 60, 90, 180, 365))
# How BigTime names a credit that a person gave: by its credit tool, or by hand under the memo's name.
_GIVEN = frozenset({Method.ACCOUNT_CREDIT, Method.CREDIT_MEMO})
_SAME_EVENT = timedelta(days=3)
_SAME_MONTH = timedelta(days=31)


def _draft(desk: Desk, credit: Credit, **words: object) -> Draft:
    """A draft about one QuickBooks credit."""
    users = sorted({use.payment for use in desk.ledger.uses if use.source == credit.key})
    fields: dict[str, object] = {
        "severity": None,
        "records": (desk.histories[credit.key],),
        "context": tuple(desk.histories[key] for key in users),
        **words,
    }
    return Draft(
        currency=credit.currency,
        client=desk.client_of(credit.client_id),
        invoice=None,
        **fields,  # type: ignore[arg-type]
    )


def spent_in_both_systems(desk: Desk) -> tuple[Draft, ...]:
    """B4: a credit that QuickBooks put on one invoice was given again in BigTime on another, and does not reach for both.

    Example: a credit memo of 500.00, of which QuickBooks put 300.00 on INV-1; BigTime credits INV-2 with 300.00 in
    the same days: 600.00 from 500.00. Told by client, amount and time, for neither system names the other's credit.
    """
    drafts = []
    uses = [use for use in desk.ledger.uses if use.source.kind is Kind.CREDIT_MEMO]
    for case, items in desk.by_case(ItemKind.ROW):
        for item in items:
            if item.row is None or item.row.payment.method not in _GIVEN or case.twin is None:
                continue
            for use in uses:
                memo = desk.histories[use.source].content
                if (
                    isinstance(memo, CreditMemo)
                    and use.client_id == case.twin.client_id
                    and use.currency == case.currency
                    and use.amount_minor == item.row.amount_minor
                    and memo.remaining_minor < item.row.amount_minor
                    and all(target.id != (case.quickbooks.key.id if case.quickbooks else "") for target in use.targets)
                    and item.row.on is not None
                    and use.used_on is not None
                    and abs(item.row.on - use.used_on) <= desk.moment.duplicate_window
                ):
                    uses.remove(use)
                    drafts.append(_spent_draft(desk, case, item, use.source, use.payment))
                    break
    return tuple(drafts)


def _spent_draft(desk: Desk, case: Case, item: Item, source: RecordKey, payment: RecordKey) -> Draft:
    assert item.row is not None
    memo = desk.histories[source].content
    assert isinstance(memo, CreditMemo)
    return on_case(
        case,
        code="B4",
        proof=Proof.LIKELY,
        reason="client, amount and days agree; neither system names the other's credit",
        exposure_minor=item.row.amount_minor,
        explanation=(
            f"{case.money(item.row.amount_minor)} of credit memo {memo.number} ({case.money(memo.total_minor)}) is used in "
            f"QuickBooks; BigTime credits invoice {case.number} with the same amount, and the memo has only "
            f"{case.money(memo.remaining_minor)} left. Remove the AccountCredit payment in BigTime."
        ),
        records=(item.row.history, desk.histories[source], desk.histories[payment]),
        consumes=(item,),
        subject=(item.row.history.key,),
    )


def two_forms(desk: Desk) -> tuple[Draft, ...]:
    """B8: a credit memo and a journal credit of one amount for one client within a month.

    Example: CM 200.00 and a journal entry that credits receivables by 200.00: one of them is too much.
    """
    drafts = []
    memos = [credit for credit in desk.ledger.credits if credit.origin is Origin.CREDIT_MEMO]
    for entry in desk.ledger.credits:
        if entry.origin is not Origin.JOURNAL_ENTRY or entry.issued_on is None:
            continue
        twin = next(
            (
                memo
                for memo in memos
                if (memo.client_id, memo.currency, memo.original_minor)
                == (entry.client_id, entry.currency, entry.original_minor)
                and memo.issued_on is not None
                and abs(memo.issued_on - entry.issued_on) <= _SAME_MONTH
            ),
            None,
        )
        if twin is not None:
            memos.remove(twin)
            drafts.append(
                _draft(
                    desk,
                    entry,
                    code="B8",
                    proof=Proof.LIKELY,
                    reason="client and amount agree, within a month",
                    exposure_minor=entry.original_minor,
                    explanation=(
                        f"{amount(entry.original_minor, entry.currency)} was credited to the client by a credit memo and "
                        "again by a journal entry in QuickBooks. If it is one credit, reverse the journal entry."
                    ),
                    records=(desk.histories[entry.key], desk.histories[twin.key]),
                )
            )
    return tuple(drafts)


class _Unused:
    """What BigTime payments have left, as far as their rows show: whole payment − Σ rows."""

    def __init__(self, desk: Desk) -> None:
        self.rows: dict[str, list[History]] = defaultdict(list)
        self.left: dict[str, int] = {}
        payments: dict[str, list[Payment]] = defaultdict(list)
        for history in desk.book.of(System.BIGTIME, Kind.PAYMENT):
            payment = history.content
            if isinstance(payment, Payment) and payment.payment_id:
                self.rows[payment.payment_id].append(history)
                payments[payment.payment_id].append(payment)
        for name, rows in payments.items():
            # A negative row takes a payment back; it gives the client nothing.
            applied = sum(max(line.amount_minor, 0) for row in rows for line in row.lines)
            self.left[name] = rows[0].total_minor - applied if rows[0].total_minor > 0 else 0


def one_overpayment_twice(desk: Desk) -> tuple[Draft, ...]:
    """B7 and C5: a BigTime payment that is larger than its rows, so that BigTime holds the rest as client credit.

    B7: QuickBooks has the same rest unapplied: one overpayment stands in both systems and counts once. C5: QuickBooks
    has nothing of it. BigTime's credits are not readable; the rest is whole payment less the rows that we saw, an
    estimate, hence likely at most.
    """
    unused = _Unused(desk)
    free = [credit for credit in desk.open_credits if isinstance(credit.content, Payment)]
    drafts = []
    for name, left in sorted(unused.left.items()):
        payment = unused.rows[name][0].content
        if left <= 0 or not isinstance(payment, Payment):
            continue
        customers = desk.links.clients.customers_of(payment.client_id)
        twin = next((credit for credit in free if _is_same_rest(payment, left, credit.content, customers)), None)
        if twin is not None:
            free.remove(twin)
        drafts.append(_rest_draft(desk, payment, left, tuple(unused.rows[name]), twin))
    return tuple(drafts)


def _is_same_rest(payment: Payment, left: int, other: object, customers: tuple[str, ...]) -> bool:
    if not isinstance(other, Payment) or other.client_id not in customers:
        return False
    if other.unapplied_minor != in_currency(left, payment.currency, other.currency):
        return False
    if payment.reference and payment.reference == other.reference:
        return True
    return (
        payment.paid_on is not None
        and other.paid_on is not None
        and abs(payment.paid_on - other.paid_on) <= _SAME_EVENT
    )


def _rest_draft(desk: Desk, payment: Payment, left: int, rows: tuple[History, ...], twin: OpenCredit | None) -> Draft:
    currency = twin.currency if twin else payment.currency
    minor = in_currency(left, payment.currency, currency)
    rest = amount(minor, currency)
    return Draft(
        code="B7" if twin else "C5",
        proof=Proof.LIKELY,
        reason="BigTime shows no client credits; this is the payment's total less the rows that we saw",
        exposure_minor=minor,
        currency=currency,
        client=desk.bigtime_client(payment.client_id),
        invoice=None,
        explanation=(
            f"BigTime keeps {rest} of a payment as client credit, and QuickBooks has the same {rest} unapplied: it is one "
            "overpayment. Use it in QuickBooks only."
            if twin
            else f"BigTime keeps {rest} of a payment as client credit that QuickBooks does not have. Enter it in QuickBooks."
        ),
        records=(*rows, *((twin.history,) if twin else ())),
        severity=Severity.S2 if twin else Severity.S3,
    )


def credit_beside_debt(desk: Desk) -> tuple[Draft, ...]:
    """F4: a client has an open credit in QuickBooks and an overdue invoice. An opportunity, not an error.

    Example: 390.00 of credit beside an invoice of 110.00 that was due last month.
    """
    overdue: dict[tuple[str, str], list[tuple[History, int]]] = defaultdict(list)
    for history in desk.book.of(System.QUICKBOOKS, Kind.INVOICE):
        invoice = history.content
        if not isinstance(invoice, Invoice):
            continue
        due_minor = invoice.balance_minor or 0
        if due_minor > 0 and invoice.due_on is not None and invoice.due_on < desk.moment.today:
            overdue[invoice.client_id, invoice.currency].append((history, due_minor))
    credits_ = defaultdict(list)
    for credit in desk.open_credits:
        if credit.remaining_minor > 0:
            credits_[credit.client_id, credit.currency].append(credit)
    drafts = []
    for who, owed in sorted(overdue.items()):
        if who not in credits_:
            continue
        due = sum(minor for _, minor in owed)
        open_minor = sum(credit.remaining_minor for credit in credits_[who])
        drafts.append(
            Draft(
                code="F4",
                proof=Proof.PROVED,
                reason="QuickBooks shows both",
                exposure_minor=min(due, open_minor),
                currency=who[1],
                client=desk.client_of(who[0]),
                invoice=None,
                explanation=(
                    f"The client has {amount(open_minor, who[1])} of open credit in QuickBooks and {amount(due, who[1])} "
                    "overdue. Apply the credit in QuickBooks, unless it is meant for something else."
                ),
                records=(*(history for history, _ in owed), *(credit.history for credit in credits_[who])),
                subject=(RecordKey(System.QUICKBOOKS, Kind.CUSTOMER, who[0]),),
                discriminator=who[1],
            )
        )
    return tuple(drafts)


def stale_credit(desk: Desk, told: Collection[RecordKey] = ()) -> tuple[Draft, ...]:
    """F5: a credit that nobody has used since its occasion for longer than `stale_credit_days`.

    Its age is told in steps of 30, 60, 90, 180 and 365 days; from 180 days on there may be rules on unclaimed property,
    which vary by state. Until then what is left of a payment is C1's, which becomes as urgent by itself.
    `told` are credits of which another finding says what became of them.
    """
    drafts = []
    for credit in desk.ledger.credits:
        if credit.remaining_minor <= 0 or credit.issued_on is None or credit.key in told:
            continue
        age = desk.moment.today - credit.issued_on
        if age > (UNCLAIMED_AFTER if credit.key.kind is Kind.PAYMENT else desk.moment.stale_after):
            drafts.append(
                _draft(
                    desk,
                    credit,
                    code="F5",
                    proof=Proof.PROVED,
                    reason="QuickBooks shows it as remaining",
                    exposure_minor=credit.remaining_minor,
                    explanation=(
                        f"{amount(credit.remaining_minor, credit.currency)} of credit has not been used for more than "
                        f"{max(step for step in (*CREDIT_AGES, desk.moment.stale_after) if step < age).days} days. Use it in QuickBooks, or refund it"
                        f"{'; or ask counsel: states have rules on unclaimed property' if age > UNCLAIMED_AFTER else ''}."
                    ),
                )
            )
    return tuple(drafts)


def credit_without_occasion(desk: Desk) -> tuple[Draft, ...]:
    """F6: a journal entry or deposit credits a client without a note that says why. A number alone is no occasion."""
    drafts = []
    for credit in desk.ledger.credits:
        entry = desk.histories[credit.key].content
        if isinstance(entry, Entry) and not entry.note.strip():
            drafts.append(
                _draft(
                    desk,
                    credit,
                    code="F6",
                    proof=Proof.PROVED,
                    reason="the record has no note",
                    exposure_minor=credit.original_minor,
                    explanation=(
                        f"{amount(credit.original_minor, credit.currency)} was credited to the client in QuickBooks by an entry "
                        "without a note. Write down what it was for."
                    ),
                )
            )
    return tuple(drafts)


def refunded_and_still_there(desk: Desk) -> tuple[Draft, ...]:
    """F7: money was paid back to a client, and the credit it was for is still open.

    Example: CM 200.00 and a cheque of 200.00 on accounts receivable that nobody linked to it. A refund that is linked
    to another credit is in order.
    """
    refunds = [
        (charge.key, charge.client_id, charge.currency, charge.open_minor)
        for charge in desk.ledger.charges
        if charge.key.kind is Kind.PURCHASE and charge.open_minor > 0
    ]
    refunds += [
        (history.key, history.content.client_id, history.content.currency, history.content.total_minor)
        for history in desk.book.of(System.QUICKBOOKS, Kind.REFUND_RECEIPT)
        if isinstance(history.content, RefundReceipt)
    ]
    free = [credit for credit in desk.ledger.credits if credit.remaining_minor > 0]
    drafts = []
    for key, client_id, currency, minor in sorted(refunds):
        credit = next(
            (one for one in free if (one.client_id, one.currency, one.remaining_minor) == (client_id, currency, minor)),
            None,
        )
        if credit is not None:
            free.remove(credit)
            drafts.append(
                _draft(
                    desk,
                    credit,
                    code="F7",
                    proof=Proof.LIKELY,
                    reason="client and amount agree, and nothing links the refund to another credit",
                    exposure_minor=minor,
                    explanation=(
                        f"{amount(minor, currency)} was paid back to the client, and a credit of the same amount is still open "
                        "in QuickBooks: it could be used again. Link the refund to the credit."
                    ),
                    records=(desk.histories[key], desk.histories[credit.key]),
                )
            )
    return tuple(drafts)


def write_off_on_one_side(desk: Desk) -> tuple[Draft, ...]:
    """C8: a journal credit settled the invoice in QuickBooks, and BigTime still asks for it: a write-off or adjustment."""
    drafts = []
    for case, items in desk.by_case(ItemKind.LINE):
        for item in items:
            line = item.line
            if line is None or line.funding is Funding.CASH or not line.credit_keys:
                continue
            if desk.moment.in_grace(line.payment.modified_at or line.history.latest.observed_at):
                continue
            if all(key.kind is Kind.JOURNAL_ENTRY for key in line.credit_keys):
                drafts.append(
                    on_case(
                        case,
                        code="C8",
                        proof=Proof.PROVED,
                        reason="QuickBooks links a journal entry to the invoice, and BigTime has nothing of it",
                        exposure_minor=line.amount_minor,
                        explanation=(
                            f"{case.money(line.amount_minor)} of invoice {case.number} was written off or adjusted by a journal "
                            "entry in QuickBooks; BigTime still asks for it. Make the same adjustment in BigTime."
                        ),
                        records=(case.bigtime, line.history),
                        consumes=(item,),
                        subject=(case.bigtime.key, line.history.key),
                    )
                )
    return tuple(drafts)
