"""Where the credit ledger itself does not add up: a roll-forward that breaks, an application that pays nothing.

Every movement of a credit is derived from records, so the roll-forward can only break where QuickBooks shows another
remainder than its own payments leave over (I3), and applied balance can only differ from what receivables lost where a
payment does not add up (I1) or an invoice holds more credit than it was for.
Source: fact sheet `field.md` §8, F9 and F11; `quickbooks.md` §6.2.
"""

from collections import defaultdict
from collections.abc import Iterator

import msgspec

from mappings.findings import Proof
from mappings.identities import credit_memo_breaks, payment_breaks
from mappings.ledger import Ledger
from mappings.model import Book, CreditMemo, Invoice, Kind, LineTarget, Payment, RecordKey, System
from sync.rules.desk import Desk, amount
from sync.rules.draft import Draft


class RollForwardBreak(msgspec.Struct, frozen=True, order=True, kw_only=True):
    """What QuickBooks says is left of a credit beyond what everything that happened to it leaves over."""

    source: RecordKey
    client_id: str
    currency: str
    unexplained_minor: int


def roll_forward_breaks(book: Book, ledger: Ledger) -> tuple[RollForwardBreak, ...]:
    """The credits of a book whose roll-forward breaks. `ledger` is that of the same book."""
    contents = {history.key: history.content for history in book.of(System.QUICKBOOKS, Kind.CREDIT_MEMO)}
    breaks = []
    for each in credit_memo_breaks(book, ledger):
        memo = contents[each.key]
        assert isinstance(memo, CreditMemo)
        breaks.append((each.key, memo.client_id, each.currency, each.difference_minor))
    used: defaultdict[tuple[RecordKey, str, str], int] = defaultdict(int)
    for use in ledger.uses:
        if use.source.kind is Kind.CREDIT_MEMO and contents.get(use.source) is None:
            used[use.source, use.client_id, use.currency] += use.amount_minor
    breaks += [(*name, minor) for name, minor in used.items()]
    return tuple(
        sorted(
            RollForwardBreak(source=source, client_id=client, currency=currency, unexplained_minor=minor)
            for source, client, currency, minor in breaks
            if minor != 0
        )
    )


def roll_forward_break(desk: Desk) -> tuple[Draft, ...]:
    """F9: opening + issued − applied + un-applied − refunded ± edits is not what remains. Ex: 500 − 110 and 380 left."""
    return tuple(_draft(desk, each) for each in roll_forward_breaks(desk.book, desk.ledger))


def _draft(desk: Desk, found: RollForwardBreak) -> Draft:
    history = desk.histories.get(found.source)
    users = sorted({use.payment for use in desk.ledger.uses if use.source == found.source})
    content = history.content if history else None
    used_minor = sum(use.amount_minor for use in desk.ledger.uses if use.source == found.source)
    if isinstance(content, CreditMemo):
        told = (
            f"QuickBooks shows {amount(content.remaining_minor, found.currency)} left of credit memo {content.number}; "
            f"it was for {amount(content.total_minor, found.currency)}, and payments took "
            f"{amount(used_minor, found.currency)} of it."
        )
    else:
        told = f"Payments still use {amount(used_minor, found.currency)} of a credit memo that is not there."
    return Draft(
        code="F9",
        proof=Proof.PROVED,
        reason="QuickBooks' own records give it",
        exposure_minor=found.unexplained_minor,
        currency=found.currency,
        client=desk.client_of(found.client_id),
        invoice=None,
        explanation=f"{told} {amount(found.unexplained_minor, found.currency)} of the client's credit is unexplained.",
        records=tuple(record for key in (found.source, *users) if (record := desk.histories.get(key)) is not None),
        subject=(found.source,),
    )


def applied_without_receivable(desk: Desk) -> tuple[Draft, ...]:
    """F11: credit was used up that did not lower a receivable by as much."""
    return (*_unbalanced_payments(desk), *_overfilled_invoices(desk))


def _unbalanced_payments(desk: Desk) -> Iterator[Draft]:
    for each in payment_breaks(desk.book, desk.ledger):
        history = desk.histories[each.key]
        payment = history.content
        if not isinstance(payment, Payment) or not any(line.target is LineTarget.CREDIT_MEMO for line in payment.lines):
            continue
        yield Draft(
            code="F11",
            proof=Proof.PROVED,
            reason="the payment's own lines give it",
            exposure_minor=each.difference_minor,
            currency=each.currency,
            client=desk.client_of(payment.client_id),
            invoice=None,
            explanation=(
                f"A QuickBooks payment uses credits, and its lines and what is left of it give "
                f"{amount(each.expected_minor, each.currency)} of money where it shows "
                f"{amount(each.shown_minor, each.currency)}: the credit used and the receivables paid with it differ "
                f"by {amount(abs(each.difference_minor), each.currency)}."
            ),
            records=(history,),
        )


def _overfilled_invoices(desk: Desk) -> Iterator[Draft]:
    """An invoice below zero with credit on it: QuickBooks holds more on it than it was for."""
    credited: defaultdict[RecordKey, int] = defaultdict(int)
    payers: defaultdict[RecordKey, set[RecordKey]] = defaultdict(set)
    for application in desk.ledger.applications:
        if application.credit_minor.most_minor > 0:
            credited[application.target] += application.credit_minor.most_minor
            payers[application.target].add(application.payment)
    for key in sorted(credited):
        history = desk.histories.get(key)
        invoice = history.content if history else None
        if history is None or not isinstance(invoice, Invoice) or invoice.total_minor < 0:
            continue
        excess = min(-(invoice.balance_minor or 0), credited[key])
        if excess > 0:
            yield Draft(
                code="F11",
                proof=Proof.PROVED,
                reason="QuickBooks shows the invoice below zero",
                exposure_minor=excess,
                currency=invoice.currency,
                client=desk.client_of(invoice.client_id),
                invoice=None,
                explanation=(
                    f"Credits on invoice {invoice.number} of {amount(invoice.total_minor, invoice.currency)} are "
                    f"{amount(excess, invoice.currency)} more than it was for: so much credit is used up and paid "
                    "nothing."
                ),
                records=(history,),
                context=tuple(desk.histories[payment] for payment in sorted(payers[key])),
            )
