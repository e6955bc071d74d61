"""The credits of clients in QuickBooks: where they came from, what used them, and what paid each invoice.

Derived from the current records of a book and nothing else; voided and deleted ones are not in it.
Source: fact sheet `quickbooks.md` §6.2 to §6.6.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator
from datetime import date
from enum import StrEnum
from operator import attrgetter

import msgspec

from mappings.model import Book, CreditMemo, Entry, History, Kind, LineTarget, Payment, RecordKey, System
from mappings.splitting import Bounds, Split, bound_credit, receivable_lines, split_payment


class Origin(StrEnum):
    """What gave a client a credit. The first five are derived here; the others are said by people or by rules."""

    CREDIT_MEMO = "credit_memo"
    OVERPAYMENT = "overpayment"  # what a payment on an invoice left over
    PREPAYMENT = "prepayment"  # money that was never put on an invoice
    JOURNAL_ENTRY = "journal_entry"  # a journal credit on accounts receivable
    ADJUSTMENT = "adjustment"  # a deposit or card refund booked straight to accounts receivable
    BIGTIME_CLIENT_CREDIT = "bigtime_client_credit"
    LINE_REMOVED_AFTER_PAYMENT = "line_removed_after_payment"
    DISCOUNT_AFTER_PAYMENT = "discount_after_payment"
    UNKNOWN = "unknown"


class Via(StrEnum):
    """What an application was paid with."""

    CASH = "cash"
    CREDIT = "credit"
    MIXED = "mixed"  # the payment brings both, and both may be in it


class Application(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """What one payment put on one charge: an invoice, a refund cheque or a journal debit.

    Several lines of one payment on one target are added up. `cash_minor` and `credit_minor` add up to `amount_minor`,
    the least of one with the most of the other. `applied_on` is the payment's date: QuickBooks does not keep the day
    on which an older payment was applied. `sources` are the credits that the payment links, sorted.
    """

    payment: RecordKey
    target: RecordKey
    client_id: str
    currency: str
    amount_minor: int
    cash_minor: Bounds
    credit_minor: Bounds
    applied_on: date | None
    via: Via
    auto_linked: bool = False
    sources: tuple[RecordKey, ...] = ()


class CreditUse(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """What one payment took from one credit; exact. `targets` are the charges it can have gone to, sorted."""

    source: RecordKey
    payment: RecordKey
    client_id: str
    currency: str
    amount_minor: int
    used_on: date | None
    targets: tuple[RecordKey, ...]
    auto_linked: bool = False


class Credit(msgspec.Struct, frozen=True, kw_only=True):
    """A source of credit of one client. `remaining_minor` < 0 means that more was taken from it than it was for.

    For a payment `original_minor` is the most that was ever seen unapplied of it; it may be used up by now.
    """

    key: RecordKey
    origin: Origin
    client_id: str
    currency: str
    original_minor: int
    remaining_minor: int
    issued_on: date | None


class Charge(msgspec.Struct, frozen=True, kw_only=True):
    """What a client owes beside invoices: a journal debit, or money paid out to him on accounts receivable."""

    key: RecordKey
    client_id: str
    currency: str
    original_minor: int
    open_minor: int
    charged_on: date | None


class Ledger(msgspec.Struct, frozen=True, kw_only=True):
    """All applications, uses, credits and further charges of a book, each sorted by its keys.

    `splits` are the two sides of every living payment, from which all of it follows.
    """

    applications: tuple[Application, ...]
    uses: tuple[CreditUse, ...]
    credits: tuple[Credit, ...]
    charges: tuple[Charge, ...]
    splits: tuple[tuple[RecordKey, Split], ...] = ()


def derive_ledger(book: Book) -> Ledger:
    """The QuickBooks side of a book as a ledger of credits. The order of its histories makes no difference.

    For each payment Σ applications is exact and is Σ cash + Σ credit; Σ uses is that credit wherever the payment's
    own total holds (I1).
    """
    payments = living_payments(book)
    splits = _split(book, payments)
    applications = [one for key, split in splits.items() for one in _applications(key, payments[key], split)]
    uses = [one for key, split in splits.items() for one in _uses(key, payments[key], split)]
    positions = list(_entry_positions(book, applications, uses))
    credits_ = [*_memo_credits(book), *_payment_credits(book), *(one for one in positions if isinstance(one, Credit))]
    return Ledger(
        applications=tuple(applications),
        uses=tuple(uses),
        credits=tuple(sorted(credits_, key=lambda one: (one.key, one.client_id))),
        charges=tuple(one for one in positions if isinstance(one, Charge)),
        splits=tuple(splits.items()),
    )


def living_payments(book: Book) -> dict[RecordKey, Payment]:
    """The QuickBooks payments that are there and not voided, in the order of their keys."""
    return {
        history.key: history.content
        for history in _quickbooks(book, Kind.PAYMENT)
        if isinstance(history.content, Payment) and not history.content.voided
    }


def living_entries(book: Book) -> dict[RecordKey, Entry]:
    """The journal entries, purchases and deposits that are there and not voided, in the order of their keys."""
    return {
        history.key: history.content
        for history in _quickbooks(book, Kind.JOURNAL_ENTRY, Kind.PURCHASE, Kind.DEPOSIT)
        if isinstance(history.content, Entry) and not history.content.voided
    }


def _split(book: Book, payments: dict[RecordKey, Payment]) -> dict[RecordKey, Split]:
    lines = {key: receivable_lines(entry, book.receivable_accounts) for key, entry in living_entries(book).items()}
    return {key: split_payment(payment, lambda target: lines.get(target, ())) for key, payment in payments.items()}


def _quickbooks(book: Book, *kinds: Kind) -> list[History]:
    return sorted(book.of(System.QUICKBOOKS, *kinds), key=attrgetter("key"))


def _applications(key: RecordKey, payment: Payment, split: Split) -> Iterator[Application]:
    charges = dict(split.charges)
    credit_minor = max(0, min(split.credited_minor, split.charged_minor)) if split.credits else 0
    for target, credit in bound_credit(charges, credit_minor).items():
        amount = charges[target]
        cash = Bounds(amount - credit.most_minor, amount - credit.least_minor)
        yield Application(
            payment=key,
            target=target,
            client_id=payment.client_id,
            currency=payment.currency,
            amount_minor=amount,
            cash_minor=cash,
            credit_minor=credit,
            applied_on=payment.paid_on,
            via=_via(cash, credit),
            auto_linked=payment.auto_linked,
            sources=tuple(source for source, _ in split.credits),
        )


def _via(cash: Bounds, credit: Bounds) -> Via:
    nothing = Bounds(0, 0)
    if credit == nothing:
        return Via.CASH
    return Via.CREDIT if cash == nothing else Via.MIXED


def _uses(key: RecordKey, payment: Payment, split: Split) -> Iterator[CreditUse]:
    for source, amount in split.credits:
        yield CreditUse(
            source=source,
            payment=key,
            client_id=payment.client_id,
            currency=payment.currency,
            amount_minor=amount,
            used_on=payment.paid_on,
            targets=tuple(target for target, _ in split.charges),
            auto_linked=payment.auto_linked,
        )


def _memo_credits(book: Book) -> Iterator[Credit]:
    for history in _quickbooks(book, Kind.CREDIT_MEMO):
        memo = history.content
        if isinstance(memo, CreditMemo) and not memo.voided:
            yield Credit(
                key=history.key,
                origin=Origin.CREDIT_MEMO,
                client_id=memo.client_id,
                currency=memo.currency,
                original_minor=memo.total_minor,
                remaining_minor=memo.remaining_minor,
                issued_on=memo.issued_on,
            )


def _payment_credits(book: Book) -> Iterator[Credit]:
    """What payments have, or had, unapplied. A payment that any version shows on an invoice is an overpayment."""
    for history in _quickbooks(book, Kind.PAYMENT):
        payment = history.content
        if not isinstance(payment, Payment) or payment.voided:
            continue
        versions = [version.content for version in history.versions if isinstance(version.content, Payment)]
        original = max(version.unapplied_minor for version in versions)
        if original == 0 and payment.unapplied_minor == 0:
            continue
        was_applied = any(line.target is LineTarget.INVOICE for version in versions for line in version.lines)
        yield Credit(
            key=history.key,
            origin=Origin.OVERPAYMENT if was_applied else Origin.PREPAYMENT,
            client_id=payment.client_id,
            currency=payment.currency,
            original_minor=original,
            remaining_minor=payment.unapplied_minor,
            issued_on=payment.paid_on,
        )


def _entry_positions(
    book: Book, applications: Iterable[Application], uses: Iterable[CreditUse]
) -> Iterator[Credit | Charge]:
    """The credit and charge of each entry per client. An entry has no balance: it is its lines − what links it.

    A payment that links an entry is counted for its own client's lines; if he has none there, for the first client
    that has, by id (a parent's payment can use a job's credit).
    """
    entries = living_entries(book)
    if not entries:
        return
    used = _amounts_by_client((use.source, use.client_id, use.amount_minor) for use in uses)
    settled = _amounts_by_client((one.target, one.client_id, one.amount_minor) for one in applications)
    for key, entry in entries.items():
        lines = receivable_lines(entry, book.receivable_accounts)
        given: defaultdict[str, int] = defaultdict(int)
        charged: defaultdict[str, int] = defaultdict(int)
        for line in lines:
            (charged if line.amount_minor > 0 else given)[line.client_id] += abs(line.amount_minor)
        for client, original, left in _remainders(given, used.get(key, {})):
            yield Credit(
                key=key,
                origin=Origin.JOURNAL_ENTRY if key.kind is Kind.JOURNAL_ENTRY else Origin.ADJUSTMENT,
                client_id=client,
                currency=entry.currency,
                original_minor=original,
                remaining_minor=left,
                issued_on=entry.on_date,
            )
        for client, original, left in _remainders(charged, settled.get(key, {})):
            yield Charge(
                key=key,
                client_id=client,
                currency=entry.currency,
                original_minor=original,
                open_minor=left,
                charged_on=entry.on_date,
            )


def _amounts_by_client(amounts: Iterable[tuple[RecordKey, str, int]]) -> dict[RecordKey, dict[str, int]]:
    sums: defaultdict[RecordKey, defaultdict[str, int]] = defaultdict(lambda: defaultdict(int))
    for key, client, minor in amounts:
        sums[key][client] += minor
    return {key: dict(clients) for key, clients in sums.items()}


def _remainders(originals: dict[str, int], taken: dict[str, int]) -> Iterator[tuple[str, int, int]]:
    """Client, original and remainder, by client; what a stranger took is counted for the first client."""
    by_strangers = sum(minor for client, minor in taken.items() if client not in originals)
    for place, (client, original) in enumerate(sorted((c, m) for c, m in originals.items() if m != 0)):
        left = original - taken.get(client, 0) - (by_strangers if place == 0 else 0)
        yield client, original, left
