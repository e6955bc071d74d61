"""The shared model: what a record of either system says, in one vocabulary.

A *content* is what one record said at one moment, without anything that changes when the record does not:
no names resolved at read time, no leaked serialiser fields. Contents are frozen, comparable and encoded
deterministically, so that equal bytes mean "nothing changed". This module must never know how a system
spells things (that is `mappings.quickbooks` and `mappings.bigtime`) nor what is wrong with a record (that is
`sync.rules`).

Amounts are whole minor units of the content's `currency`. Dates are bookkeeping dates (no zone); datetimes
are aware and UTC. An empty string means that the system gave none.

What a large book holds by the hundred thousand is made with `gc=False`, here and in the modules above: such values
are trees that never lead back to themselves, and the collector would walk them again and again.
"""

import hashlib
from datetime import date, datetime
from enum import StrEnum
from functools import cached_property

import msgspec


class System(StrEnum):
    """The two systems that are kept honest."""

    QUICKBOOKS = "quickbooks"  # where the books are kept
    BIGTIME = "bigtime"  # where invoices are written


class Kind(StrEnum):
    """What a record is, in the shared vocabulary; the names appear in commands, reports and JSON."""

    INVOICE = "invoice"
    PAYMENT = "payment"
    CREDIT_MEMO = "credit_memo"
    JOURNAL_ENTRY = "journal_entry"
    PURCHASE = "purchase"  # a cheque or expense; on A/R it refunds a credit
    REFUND_RECEIPT = "refund_receipt"
    DEPOSIT = "deposit"
    CUSTOMER = "customer"  # QuickBooks
    CLIENT = "client"  # BigTime
    PREFERENCES = "preferences"
    ACCOUNT = "account"  # an account of the chart; only those of receivables are read


class RecordKey(msgspec.Struct, frozen=True, order=True, array_like=True, gc=False):
    """The name of one record inside a company."""

    system: System
    kind: Kind
    id: str

    def __str__(self) -> str:
        return f"{self.system}:{self.kind}:{self.id}"


class Posted(StrEnum):
    """Whether BigTime says that an invoice has been posted to QuickBooks."""

    YES = "yes"  # `PostedStatus` is one of the configured words
    NO = "no"  # `PostedStatus` is empty or one of the configured words for "not posted"
    UNKNOWN = "unknown"  # a word that nobody has configured: never taken for "no"


class Method(StrEnum):
    """How a payment was made, as far as the system tells."""

    ACCOUNT_CREDIT = "account_credit"  # BigTime's payment type for an applied client credit
    MONEY = "money"  # a word configured as real money: check, card, ACH, cash, wire
    CREDIT_MEMO = "credit_memo"  # a word configured as the label of a pushed-back credit memo
    NONE = "none"  # the system gave no word
    UNKNOWN = "unknown"  # a word that nobody has configured: flagged, never classified


class LineTarget(StrEnum):
    """What a QuickBooks payment line links. The line's amount is positive; the sign comes from the target.

    Source: QuickBooks Online API, `Payment.Line.LinkedTxn.TxnType`.
    """

    INVOICE = "Invoice"  # charge: the payment settles it
    CREDIT_MEMO = "CreditMemo"  # funds
    JOURNAL_ENTRY = "JournalEntry"  # funds or is charged: the sign is that of the entry's A/R line
    EXPENSE = "Expense"  # charge: money that refunded a credit
    CHECK = "Check"  # charge: money that refunded a credit
    CREDIT_CARD_CREDIT = "CreditCardCredit"
    DEPOSIT = "Deposit"  # funds
    OTHER = "Other"  # a link type we have not met


class PaymentLine(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """One line of a payment: `amount_minor` (as the system sends it) put on the record `target_id`."""

    target: LineTarget
    target_id: str
    amount_minor: int


class ReceivableLine(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """One line of an entry that names a customer: positive charges the customer, negative credits him.

    Whether `account_id` is an accounts-receivable account is not known to the record; the reader of the whole
    book decides.
    """

    line_id: str
    client_id: str
    account_id: str
    amount_minor: int


class Invoice(msgspec.Struct, frozen=True, kw_only=True, tag="invoice", gc=False):
    """An invoice of either system.

    `balance_minor` is what the system shows as still due; None when it does not say. `discount_minor` is what
    QuickBooks' discount lines take off, `paid_minor` is BigTime's `PaidAmt`, `revision` is QuickBooks' SyncToken.
    `content_digest` covers the lines and other material text, so that an edit which leaves the total alone is seen.
    QuickBooks' `voided` = total 0 and the note that QuickBooks prepends.
    """

    client_id: str
    number: str
    currency: str
    total_minor: int
    balance_minor: int | None = None
    tax_minor: int = 0
    discount_minor: int = 0
    deposit_minor: int = 0
    paid_minor: int | None = None
    issued_on: date | None = None
    due_on: date | None = None
    marked_paid: bool = False
    posted: Posted = Posted.UNKNOWN
    posted_status: str = ""
    status: str = ""
    is_draft: bool = False
    voided: bool = False
    project_id: str = ""
    content_digest: str = ""
    revision: str = ""
    created_at: datetime | None = None
    modified_at: datetime | None = None


class Payment(msgspec.Struct, frozen=True, kw_only=True, tag="payment", gc=False):
    """Money or credit that was put against invoices.

    QuickBooks: the whole payment; `total_minor` is the money only, often 0 when it merely links a credit to an
    invoice; `unapplied_minor` is what is left; `receivable_account_id` is "" when QuickBooks does not say on which of
    its accounts the receivable stands, as in a company that has one. BigTime: one *row*, that is one application to
    one invoice: exactly one line, `total_minor` is the whole payment and repeats over its rows (never sum it).
    `payment_id` is BigTime's PaymentSid, which repeats over rows; in QuickBooks it is the record's own id.
    `method_name` is the system's own word, `reference` the cheque or reference number. `auto_linked` is true
    for the note QuickBooks writes when it links credits to charges by itself. `has_time_of_day`: BigTime wrote the
    day with a time, so that it may be another day where the books are kept.
    """

    client_id: str
    payment_id: str
    currency: str
    total_minor: int
    unapplied_minor: int = 0
    lines: tuple[PaymentLine, ...] = ()
    paid_on: date | None = None
    applied_on: date | None = None
    method: Method = Method.NONE
    method_name: str = ""
    reference: str = ""
    invoice_number: str = ""
    auto_linked: bool = False
    voided: bool = False
    content_digest: str = ""
    revision: str = ""
    created_at: datetime | None = None
    modified_at: datetime | None = None
    receivable_account_id: str = ""
    has_time_of_day: bool = False


class CreditMemo(msgspec.Struct, frozen=True, kw_only=True, tag="credit_memo", gc=False):
    """A QuickBooks credit memo. What used it is found only in payments: it carries no links itself."""

    client_id: str
    number: str
    currency: str
    total_minor: int
    remaining_minor: int
    tax_minor: int = 0
    issued_on: date | None = None
    voided: bool = False
    content_digest: str = ""
    revision: str = ""
    created_at: datetime | None = None
    modified_at: datetime | None = None


class Entry(msgspec.Struct, frozen=True, kw_only=True, tag="entry"):
    """A journal entry, purchase or deposit, as far as its lines name a customer.

    The record's kind says which of the three it is. `total_minor` is what the system shows; for journal
    entries it is always 0, the lines count.
    """

    number: str
    currency: str
    total_minor: int = 0
    on_date: date | None = None
    lines: tuple[ReceivableLine, ...] = ()
    note: str = ""
    voided: bool = False
    content_digest: str = ""
    revision: str = ""
    created_at: datetime | None = None
    modified_at: datetime | None = None


class RefundReceipt(msgspec.Struct, frozen=True, kw_only=True, tag="refund_receipt"):
    """Money given back for a sale. It does not touch accounts receivable."""

    client_id: str
    number: str
    currency: str
    total_minor: int
    on_date: date | None = None
    content_digest: str = ""
    revision: str = ""
    created_at: datetime | None = None
    modified_at: datetime | None = None


class Client(msgspec.Struct, frozen=True, kw_only=True, tag="client", gc=False):
    """A QuickBooks customer (or job of one) or a BigTime client.

    `balance_minor` and `balance_with_jobs_minor` are QuickBooks' own; None for BigTime, which has none.
    `quickbooks_id` is BigTime's `QBCustomerId`, when the detailed view was read. The modification time is left
    out on purpose: QuickBooks moves a customer's time on every transaction without changing the customer.
    """

    name: str
    parent_id: str = ""
    active: bool = True
    is_job: bool = False
    bill_with_parent: bool = False
    currency: str = ""
    balance_minor: int | None = None
    balance_with_jobs_minor: int | None = None
    quickbooks_id: str = ""
    code: str = ""
    revision: str = ""


class Preferences(msgspec.Struct, frozen=True, kw_only=True, tag="preferences"):
    """The QuickBooks settings that decide what happens to credits."""

    auto_apply_credit: bool = False
    auto_apply_payments: bool = False
    book_close_on: date | None = None
    home_currency: str = ""
    multi_currency: bool = False


class Account(msgspec.Struct, frozen=True, kw_only=True, tag="account"):
    """An account of QuickBooks' chart; `is_receivable`: it is one of accounts receivable. An inactive one counts."""

    name: str
    is_receivable: bool = False
    active: bool = True
    currency: str = ""


Content = Invoice | Payment | CreditMemo | Entry | RefundReceipt | Client | Preferences | Account

_ENCODER = msgspec.msgpack.Encoder()
_DECODER: msgspec.msgpack.Decoder[Content] = msgspec.msgpack.Decoder(Content)


def encode_content(content: Content) -> bytes:
    """The content as bytes; equal contents give equal bytes."""
    return _ENCODER.encode(content)


def decode_content(data: bytes) -> Content:
    """The content that `encode_content` wrote.

    Raises: `msgspec.DecodeError` when the bytes are not a content, which means a damaged store.
    """
    return _DECODER.decode(data)


def content_hash(encoded: bytes) -> bytes:
    """16 bytes that name an encoded content; equal hashes mean that nothing we rely on has changed."""
    return hashlib.blake2b(encoded, digest_size=16).digest()


def raw_hash(raw: bytes) -> str:
    """The name of a raw record as evidence: `sha256:` and 64 hex digits."""
    return "sha256:" + hashlib.sha256(raw).hexdigest()


class Observation(msgspec.Struct, frozen=True, kw_only=True):
    """One record as one read found it, on its way to the store.

    `content` None means that the system says the record is gone; `raw` is then the system's own words for it
    (a delete stub) or empty when absence was inferred from two complete reads. `observed_at` is our clock.
    `absent_before` is the last time a complete read of the place where this record would have stood did not
    show it (or showed its previous version); None when there was no such read. Together they bound the moment
    of the change: after `absent_before`, not later than `observed_at`.
    """

    key: RecordKey
    raw: bytes
    content: Content | None
    observed_at: datetime
    absent_before: datetime | None = None
    modified_at: datetime | None = None


class Version(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """One distinct content of a record that we have seen; `content` None is a deletion.

    `sequence` starts at 1 and has no holes. The change happened after `absent_before` (None: unknown) and not
    after `observed_at`. `sha256` names the raw record in the store.
    """

    key: RecordKey
    sequence: int
    content: Content | None
    observed_at: datetime
    absent_before: datetime | None
    modified_at: datetime | None
    sha256: str
    run_id: str


class History(msgspec.Struct, frozen=True, gc=False):
    """All versions of one record, oldest first; never empty."""

    versions: tuple[Version, ...]

    @property
    def key(self) -> RecordKey:
        """The record that this is the history of."""
        return self.versions[0].key

    @property
    def first(self) -> Version:
        """The version in which we first saw the record."""
        return self.versions[0]

    @property
    def latest(self) -> Version:
        """The record as it was when we last looked."""
        return self.versions[-1]

    @property
    def content(self) -> Content | None:
        """What the record says now; None when it is gone."""
        return self.versions[-1].content


class Book(msgspec.Struct, frozen=True, kw_only=True, dict=True):
    """Everything about one group of clients that can influence each other, in both systems.

    The groups partition a company: two clients are in one group when a payment, a parent, a twin invoice or a
    shared name joins them. `histories` holds every record of the group, sorted by key, deleted ones included.
    `preferences` is the company's. `receivable_accounts` are the ids of the A/R accounts; empty when they are
    not known, and then every customer line of an entry counts. `account_names` are their names.
    """

    company: str
    home_currency: str
    histories: tuple[History, ...]
    preferences: History | None = None
    receivable_accounts: frozenset[str] = frozenset()
    account_names: dict[str, str] = {}

    def of(self, system: System, *kinds: Kind) -> tuple[History, ...]:
        """The histories of these kinds in one system, kind by kind, each in the book's order.

        A book is asked dozens of times and sorts its records once.
        """
        by_kind = self._by_kind
        if len(kinds) == 1:
            return tuple(by_kind.get((system, kinds[0]), ()))
        return tuple(history for kind in kinds for history in by_kind.get((system, kind), ()))

    @cached_property
    def _by_kind(self) -> dict[tuple[System, Kind], list[History]]:
        found: dict[tuple[System, Kind], list[History]] = {}
        for history in self.histories:
            key = history.versions[0].key
            found.setdefault((key.system, key.kind), []).append(history)
        return found
