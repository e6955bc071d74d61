"""The sums that hold in QuickBooks' own records (I1 to I4), and where they do not.

A break means that a record is missing from what was read, or that QuickBooks is not what we think. Each check says
which record, which identity and by how much; none of them guesses a cause.
Source: fact sheet `quickbooks.md` §6.2, checked there against recorded payments, invoices, memos and customers.
"""

from collections import defaultdict
from collections.abc import Iterator

import msgspec

from mappings.ledger import Ledger, living_payments
from mappings.model import (
    Book,
    Client,
    CreditMemo,
    Entry,
    History,
    Invoice,
    Kind,
    LineTarget,
    Payment,
    RecordKey,
    System,
)

_OF_ONE_CUSTOMER = (Invoice, Payment, CreditMemo)


class IdentityBreak(msgspec.Struct, frozen=True, order=True, kw_only=True):
    """An identity that does not hold for a record: what the record shows, and what the other records give."""

    identity: str
    key: RecordKey
    currency: str
    shown_minor: int
    expected_minor: int

    @property
    def difference_minor(self) -> int:
        """What the record shows beyond what the other records give."""
        return self.shown_minor - self.expected_minor


def identity_breaks(book: Book, ledger: Ledger) -> tuple[IdentityBreak, ...]:
    """All breaks of I1 to I4 in a book, sorted. `ledger` is that of the same book."""
    found = [
        *payment_breaks(book, ledger),
        *invoice_breaks(book, ledger),
        *credit_memo_breaks(book, ledger),
        *customer_breaks(book, ledger),
    ]
    return tuple(sorted(found))


def payment_breaks(book: Book, ledger: Ledger) -> Iterator[IdentityBreak]:
    """I1: total = Σ charges − Σ credits + unapplied."""
    payments = living_payments(book)
    for key, split in ledger.splits:
        payment = payments[key]
        expected = split.charged_minor - split.credited_minor + payment.unapplied_minor
        if any(line.target is LineTarget.OTHER and line.amount_minor != 0 for line in payment.lines):
            continue  # the side of a link type that we have not met is not known
        if expected != payment.total_minor:
            yield IdentityBreak(
                identity="I1",
                key=key,
                currency=payment.currency,
                shown_minor=payment.total_minor,
                expected_minor=expected,
            )


def invoice_breaks(book: Book, ledger: Ledger) -> Iterator[IdentityBreak]:
    """I2: balance = total − Σ applications − deposit. An invoice that shows no balance is not checked."""
    applied: defaultdict[RecordKey, int] = defaultdict(int)
    for application in ledger.applications:
        applied[application.target] += application.amount_minor
    for history in _of_quickbooks(book, Kind.INVOICE):
        invoice = history.content
        if not isinstance(invoice, Invoice) or invoice.balance_minor is None:
            continue
        expected = invoice.total_minor - applied[history.key] - invoice.deposit_minor
        if expected != invoice.balance_minor:
            yield IdentityBreak(
                identity="I2",
                key=history.key,
                currency=invoice.currency,
                shown_minor=invoice.balance_minor,
                expected_minor=expected,
            )


def credit_memo_breaks(book: Book, ledger: Ledger) -> Iterator[IdentityBreak]:
    """I3: remaining = total − Σ uses."""
    used: defaultdict[RecordKey, int] = defaultdict(int)
    for use in ledger.uses:
        used[use.source] += use.amount_minor
    for history in _of_quickbooks(book, Kind.CREDIT_MEMO):
        memo = history.content
        if isinstance(memo, CreditMemo) and memo.total_minor - used[history.key] != memo.remaining_minor:
            yield IdentityBreak(
                identity="I3",
                key=history.key,
                currency=memo.currency,
                shown_minor=memo.remaining_minor,
                expected_minor=memo.total_minor - used[history.key],
            )


def customer_breaks(book: Book, ledger: Ledger) -> Iterator[IdentityBreak]:
    """I4: a customer's balance = Σ invoice balances − Σ unapplied − Σ remaining credit ± open journal lines.

    Customers are read more seldom than their transactions: one that was last seen changed before any of his
    transactions changed in a later run is not checked, nor is one with entry lines while the receivable accounts are
    unknown, or with amounts in another currency than his own.
    """
    expected: defaultdict[str, int] = defaultdict(int)
    currencies: defaultdict[str, set[str]] = defaultdict(set)
    for history in _of_quickbooks(book, Kind.INVOICE):
        if isinstance(history.content, Invoice):
            expected[history.content.client_id] += history.content.balance_minor or 0
            currencies[history.content.client_id].add(history.content.currency)
    for credit in ledger.credits:
        expected[credit.client_id] -= credit.remaining_minor
        currencies[credit.client_id].add(credit.currency)
    for charge in ledger.charges:
        expected[charge.client_id] += charge.open_minor
        currencies[charge.client_id].add(charge.currency)
    touching = _transactions_by_client(book)
    in_entries = _clients_in_entries(ledger) if not book.receivable_accounts else set()
    for history in _of_quickbooks(book, Kind.CUSTOMER):
        customer, id_ = history.content, history.key.id
        if not isinstance(customer, Client) or customer.balance_minor is None or id_ in in_entries:
            continue
        if currencies[id_] - {customer.currency} or _is_behind(history, touching.get(id_, [])):
            continue
        if expected[id_] != customer.balance_minor:
            yield IdentityBreak(
                identity="I4",
                key=history.key,
                currency=customer.currency,
                shown_minor=customer.balance_minor,
                expected_minor=expected[id_],
            )


def _of_quickbooks(book: Book, *kinds: Kind) -> list[History]:
    return list(book.of(System.QUICKBOOKS, *kinds))


def _transactions_by_client(book: Book) -> dict[str, list[History]]:
    """The records that name a customer in any of their versions."""
    touching: defaultdict[str, list[History]] = defaultdict(list)
    for history in book.histories:
        if history.versions[0].key.system is not System.QUICKBOOKS:
            continue
        for version in history.versions:
            content = version.content
            if isinstance(content, _OF_ONE_CUSTOMER):
                touching[content.client_id].append(history)
            elif isinstance(content, Entry):
                for line in content.lines:
                    touching[line.client_id].append(history)
    return touching


def _clients_in_entries(ledger: Ledger) -> set[str]:
    entries = {Kind.JOURNAL_ENTRY, Kind.PURCHASE, Kind.DEPOSIT}
    in_credits = {credit.client_id for credit in ledger.credits if credit.key.kind in entries}
    return in_credits | {charge.client_id for charge in ledger.charges}


def _is_behind(customer: History, transactions: list[History]) -> bool:
    seen = customer.latest
    return any(
        history.latest.observed_at > seen.observed_at and history.latest.run_id != seen.run_id
        for history in transactions
    )
