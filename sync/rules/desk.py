"""The desk: twin invoices side by side, and the amounts in which they differ, each to be claimed once.

For a posted invoice the difference BigTime − QuickBooks is, by the systems' own identities (I2, I5), the sum of
a few *items*: a BigTime payment row without a QuickBooks counterpart (−), a QuickBooks application without a
BigTime counterpart (+), the difference of the totals, and what either system shows beside its own arithmetic. A
rule explains a difference by *consuming* items; its claim is the sum of their effects, and no item can be
consumed twice. What nobody consumes is the residual.
"""

from collections.abc import Iterable
from datetime import date, datetime
from enum import StrEnum

import msgspec

from mappings.findings import ClientRef, InvoiceRef
from mappings.ledger import Ledger
from mappings.linking import Links
from mappings.model import Book, Client, CreditMemo, Entry, History, Invoice, Kind, Payment, RecordKey, System
from mappings.money import format_amount, minor_digits
from sync.rules.moment import Moment
from sync.rules.past import PastLine


def amount(minor: int, currency: str) -> str:
    """An amount as a reader wants it: with thousands separators and the currency's own decimals."""
    text = format_amount(abs(minor), currency)
    whole, point, rest = text.partition(".")
    return f"{'-' if minor < 0 else ''}{int(whole):,}{point}{rest} {currency}"


def in_currency(minor: int, written: str, wanted: str) -> int:
    """A BigTime amount in the twin's currency: BigTime names none, so the figure is kept and the digits follow.

    100.00 read as dollars is 100 yen. A figure that the other currency cannot hold is rounded down; the rest
    shows up as a difference of the totals.
    """
    if written == wanted:
        return minor
    shift = minor_digits(wanted) - minor_digits(written)
    return minor * int(10**shift) if shift >= 0 else minor // int(10**-shift)


def applied_minor(payment: Payment, invoice_id: str, currency: str) -> int:
    """What a BigTime payment row puts on an invoice, in the currency of the invoice's twin."""
    minor = sum(line.amount_minor for line in payment.lines if line.target_id == invoice_id)
    return in_currency(minor, payment.currency, currency)


class ItemKind(StrEnum):
    """What an item is a difference of."""

    ROW = "row"  # a BigTime payment row that QuickBooks does not have
    LINE = "line"  # a QuickBooks application that BigTime does not have
    TOTAL = "total"  # the invoices' totals
    PAID_FLAG = "paid_flag"  # BigTime shows the invoice as paid without the payments
    BIGTIME_SHOWN = "bigtime_shown"  # BigTime shows another balance than its total and payments give
    QUICKBOOKS_SHOWN = "quickbooks_shown"  # QuickBooks shows another balance than its total and payments give


class Funding(StrEnum):
    """What paid a QuickBooks application."""

    CASH = "cash"
    CREDIT = "credit"
    MIXED = "mixed"  # one payment with cash and credit over several invoices: the split is only bounded


class Row(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """A BigTime payment row on an invoice; `amount_minor` is in the invoice's currency."""

    history: History
    payment: Payment
    amount_minor: int

    @property
    def on(self) -> date | None:
        """The bookkeeping day of the row: when it was applied, else paid."""
        return self.payment.applied_on or self.payment.paid_on


class Line(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """A QuickBooks application: one payment's amount on one invoice; equal invoices of one payment are added up.

    `credit_keys` are the credits that the payment links, `credit_numbers` the numbers of those that have one. A deposit
    taken on the invoice itself is a line, too; its history is then the invoice's.
    """

    history: History
    payment: Payment
    invoice_id: str
    amount_minor: int
    funding: Funding
    credit_keys: tuple[RecordKey, ...] = ()
    credit_numbers: tuple[str, ...] = ()

    def is_named_by(self, reference: str) -> bool:
        """Whether a reference is the payment's, or the number of a credit that it uses; an empty one names nothing."""
        return bool(reference) and reference in (self.payment.reference, *self.credit_numbers)


class Pair(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """BigTime rows and QuickBooks lines that are the same money; the sums are equal."""

    rows: tuple[Row, ...]
    lines: tuple[Line, ...]


class Item(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """One unexplained amount of one invoice; `effect_minor` is its part of BigTime − QuickBooks."""

    kind: ItemKind
    case_id: str
    effect_minor: int
    row: Row | None = None
    line: Line | None = None

    @property
    def id(self) -> tuple[str, ...]:
        """Unique on the desk and independent of order."""
        record = self.row.history.key if self.row else self.line.history.key if self.line else ""
        return (self.case_id, self.kind, str(record))


class Case(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """One BigTime invoice, with its QuickBooks twin if it has one that lives.

    `quickbooks` None means that the invoice is not in the tie-out; `dead_twin` is then the voided or deleted
    QuickBooks invoice it used to have. `amount`s are in `currency`, the twin's. `posted_at` is when QuickBooks
    created the twin. `candidates` are QuickBooks invoices among which the twin could not be chosen.
    """

    id: str
    bigtime: History
    invoice: Invoice
    quickbooks: History | None
    twin: Invoice | None
    dead_twin: History | None
    currency: str
    total_minor: int
    bigtime_minor: int
    client: ClientRef
    rows: tuple[Row, ...] = ()
    lines: tuple[Line, ...] = ()
    pairs: tuple[Pair, ...] = ()
    posted_at: datetime | None = None
    candidates: tuple[History, ...] = ()

    @property
    def ref(self) -> InvoiceRef:
        """The invoice as a reader knows it."""
        twin = self.quickbooks or self.dead_twin
        return InvoiceRef(
            number=self.invoice.number, bigtime=self.bigtime.key.id, quickbooks=twin.key.id if twin else ""
        )

    @property
    def number(self) -> str:
        """The invoice's number as BigTime writes it."""
        return self.invoice.number

    def money(self, minor: int) -> str:
        """An amount in the case's currency, as a reader wants it."""
        return amount(minor, self.currency)

    @property
    def quickbooks_minor(self) -> int:
        """The balance that QuickBooks shows."""
        return (self.twin.balance_minor or 0) if self.twin else 0

    @property
    def computed_minor(self) -> int:
        """BigTime's total − Σ applied amounts (I5)."""
        return self.total_minor - sum(row.amount_minor for row in self.rows)


class OpenCredit(msgspec.Struct, frozen=True, kw_only=True):
    """A QuickBooks credit with something left: an unapplied payment, a credit memo or an A/R journal credit."""

    history: History
    content: Payment | CreditMemo | Entry
    client: ClientRef
    client_id: str
    currency: str
    remaining_minor: int
    original_minor: int
    issued_on: date | None


class Desk(msgspec.Struct, frozen=True, kw_only=True):
    """Everything the rules look at, and the items that are still unexplained."""

    book: Book
    moment: Moment
    cases: dict[str, Case]
    items: tuple[Item, ...]
    open_credits: tuple[OpenCredit, ...]
    histories: dict[RecordKey, History]
    unmatched_quickbooks: tuple[History, ...] = ()
    quickbooks_lines: dict[str, list[Line]] = {}
    quickbooks_clients: dict[str, ClientRef] = {}
    links: Links
    ledger: Ledger
    past_lines: tuple[PastLine, ...]

    def client_of(self, customer_id: str) -> ClientRef:
        """The client who is this QuickBooks customer; a nameless one for a customer that nobody told us about."""
        return self.quickbooks_clients.get(customer_id, ClientRef(name="", quickbooks=customer_id))

    def bigtime_client(self, client_id: str) -> ClientRef:
        """The client with this BigTime id, with the customer he is linked to."""
        history = self.histories.get(RecordKey(System.BIGTIME, Kind.CLIENT, client_id))
        name = history.content.name if history and isinstance(history.content, Client) else ""
        customers = self.links.clients.customers_of(client_id)
        return ClientRef(name=name, bigtime=client_id, quickbooks=customers[0] if customers else "")

    def of_kind(self, kind: ItemKind) -> tuple[Item, ...]:
        """The unexplained items of a kind, in a stable order."""
        return tuple(item for item in self.items if item.kind is kind)

    def by_case(self, *kinds: ItemKind) -> tuple[tuple[Case, tuple[Item, ...]], ...]:
        """The unexplained items of some kinds, by invoice, in a stable order; invoices without any are left out."""
        found: dict[str, list[Item]] = {}
        for item in self.items:
            if item.kind in kinds:
                found.setdefault(item.case_id, []).append(item)
        return tuple((self.cases[case_id], tuple(items)) for case_id, items in found.items())

    def without(self, consumed: Iterable[Item]) -> "Desk":
        """The desk after these items have been explained.

        Raises `AssertionError` when one of them had been explained before: two rules claim one amount.
        """
        gone = [item.id for item in consumed]
        if not gone:
            return self
        left = {item.id for item in self.items}
        assert len(gone) == len(set(gone)), "an amount is claimed twice by one rule"
        assert left.issuperset(gone), "an amount is claimed by two findings"
        dropped = set(gone)
        return msgspec.structs.replace(self, items=tuple(item for item in self.items if item.id not in dropped))
