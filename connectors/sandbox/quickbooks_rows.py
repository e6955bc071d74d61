"""The rows of the simulated books: mutable, touched by the ledger only. Amounts are whole minor units."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from enum import StrEnum

from mappings.money import minor_digits

Amount = Decimal | int | str


class Entity(StrEnum):
    """The entities that are modelled, by QuickBooks' own names."""

    INVOICE = "Invoice"
    PAYMENT = "Payment"
    CREDIT_MEMO = "CreditMemo"
    REFUND_RECEIPT = "RefundReceipt"
    JOURNAL_ENTRY = "JournalEntry"
    PURCHASE = "Purchase"
    DEPOSIT = "Deposit"
    CUSTOMER = "Customer"
    ACCOUNT = "Account"
    PREFERENCES = "Preferences"
    COMPANY_INFO = "CompanyInfo"


TRANSACTIONS = frozenset(
    {
        Entity.INVOICE,
        Entity.PAYMENT,
        Entity.CREDIT_MEMO,
        Entity.REFUND_RECEIPT,
        Entity.JOURNAL_ENTRY,
        Entity.PURCHASE,
        Entity.DEPOSIT,
    }
)
RECEIVABLE = "Accounts Receivable"


class LedgerRefused(ValueError):  # noqa: N818 - says what the ledger did, which is what a reader needs
    """An operation that QuickBooks would not carry out. `code` is the code of the Fault it answers with."""

    def __init__(self, sentence: str, *, code: str = "6000") -> None:
        super().__init__(sentence)
        self.code = code


def minor_units(amount: Amount, currency: str) -> int:
    """Whole minor units of an exact amount. Raises: `LedgerRefused` when it is finer than the currency."""
    scaled = Decimal(amount).scaleb(minor_digits(currency))
    if scaled != scaled.to_integral_value():
        raise LedgerRefused(f"{amount} is finer than {currency} allows", code="2050")
    return int(scaled)


@dataclass(slots=True, kw_only=True, eq=False)
class Row:
    """What every record has. Times are whole seconds since 1970; `encoded` is the JSON text while it holds."""

    entity: Entity
    id: str
    sync_token: int = 0
    created_at: int = 0
    updated_at: int = 0
    encoded: bytes | None = None

    @property
    def key(self) -> int:
        """The id as a number, for ordering."""
        return int(self.id)


@dataclass(slots=True, kw_only=True, eq=False)
class Preferences(Row):
    """The settings of the company that a reader of the books must know."""

    auto_apply_credit: bool = False
    auto_apply_payments: bool = False
    book_close_on: date | None = None


@dataclass(slots=True, kw_only=True, eq=False)
class Customer(Row):
    """A customer, job or project. `balance` is kept by the ledger, without jobs."""

    name: str
    currency: str
    parent_id: str = ""
    active: bool = True
    balance: int = 0
    extra: Mapping[str, object] = field(default_factory=dict)


@dataclass(slots=True, kw_only=True, eq=False)
class Account(Row):
    """An account of the chart."""

    name: str
    type: str
    currency: str
    active: bool = True


@dataclass(frozen=True, slots=True)
class SaleLine:
    """One line of an invoice, credit memo or refund receipt; `amount` is without tax."""

    amount: int
    description: str = "Professional services"
    quantity: int = 1


@dataclass(slots=True)
class Link:
    """One line of a payment: `amount` (always positive) put on, or taken from, the row `target_id`.

    `sign` is +1 for a charge that is settled and -1 for a credit that funds the payment; it is not visible
    outside, where it must be read from `txn_type`. `owner_id` is the customer whose receivable is meant.
    """

    target_id: str
    txn_type: str
    amount: int
    sign: int
    owner_id: str


@dataclass(frozen=True, slots=True)
class EntryLine:
    """One line of a journal entry, purchase or deposit: positive debits the account, negative credits it."""

    account_id: str
    amount: int
    customer_id: str = ""
    payment_id: str = ""  # deposits: the payment that was carried to the bank


@dataclass(slots=True, kw_only=True, eq=False)
class Transaction(Row):
    """Any transaction. `links` are the lines of a payment; `linked_by` says which payments link this row and by
    how much; `weight` is what the row contributes to the balance of each customer, as last booked.
    """

    customer_id: str
    currency: str
    total: int
    on: date
    number: str = ""
    due: date | None = None
    tax: int = 0
    deposit: int = 0
    note: str = ""
    memo: str = ""
    reference: str = ""
    method: str = ""
    voided: bool = False
    deposit_id: str = ""  # payments: the deposit that carried the money to the bank
    sale_lines: tuple[SaleLine, ...] = ()
    links: list[Link] = field(default_factory=list)
    entries: tuple[EntryLine, ...] = ()
    linked_by: dict[str, int] = field(default_factory=dict)
    weight: dict[str, int] = field(default_factory=dict)
    extra: Mapping[str, object] = field(default_factory=dict)

    @property
    def open_amount(self) -> int:
        """Invoice: Balance (I2). Credit memo: RemainingCredit (I3)."""
        return self.total - self.deposit - sum(self.linked_by.values())

    @property
    def unapplied(self) -> int:
        """Payment: UnappliedAmt (I1)."""
        return self.total - sum(link.sign * link.amount for link in self.links)


@dataclass(frozen=True, slots=True, kw_only=True)
class Deleted:
    """What is left of a deleted transaction."""

    entity: Entity
    id: str
    updated_at: int
