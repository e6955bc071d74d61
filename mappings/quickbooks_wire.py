"""What QuickBooks sends, field by field, as far as it is read. No meaning is given here.

Every field may be missing or null, unknown fields are skipped without being built, and amounts are decimals taken
from the text. Fields that only serve to notice an edit are kept as raw text (`Raw`): they are never computed with.
Names (`*Ref.name`) are left out on purpose: QuickBooks resolves them when it answers, so they change without the
record. Source: Intuit Accounting API v3, entity pages, and recorded responses.
"""

from datetime import date, datetime
from decimal import Decimal

import msgspec
from msgspec import UNSET, Raw, Struct, UnsetType, field

from mappings.model import Kind

RawText = Raw | UnsetType


class Ref(Struct, gc=False, omit_defaults=True):
    """A reference; `kind` is the type of a deposit's entity."""

    value: str | None = None
    kind: str | None = field(default=None, name="type")


class MetaData(Struct, gc=False, rename="pascal"):
    """When a record was made and last touched."""

    create_time: datetime | None = None
    last_updated_time: datetime | None = None


class Link(Struct, gc=False, omit_defaults=True, rename="pascal"):
    """A linked transaction."""

    txn_id: str | None = None
    txn_type: str | None = None


class ItemDetail(Struct, gc=False, omit_defaults=True, rename="pascal"):
    """The material fields of any kind of sales line."""

    item_ref: Ref | None = None
    qty: RawText = UNSET
    unit_price: RawText = UNSET
    tax_code_ref: Ref | None = None
    discount_account_ref: Ref | None = None
    discount_percent: RawText = UNSET


class SalesLine(Struct, gc=False, omit_defaults=True, rename="pascal"):
    """The material fields of a line of an invoice, credit memo or refund receipt; it is only digested."""

    amount: RawText = UNSET
    description: str | None = None
    detail_type: str | None = None
    sales_item_line_detail: ItemDetail | None = None
    discount_line_detail: ItemDetail | None = None
    group_line_detail: "GroupDetail | None" = None


class GroupDetail(Struct, gc=False, omit_defaults=True, rename="pascal"):
    """A bundle of lines."""

    group_item_ref: Ref | None = None
    quantity: RawText = UNSET
    line: tuple[SalesLine, ...] | None = None


class LinkLine(Struct, gc=False, rename="pascal"):
    """A line of a payment."""

    amount: Decimal | None = None
    linked_txn: tuple[Link, ...] | None = None


class EntityRef(Struct, gc=False, omit_defaults=True):
    """Who a line of an entry names: journal entries nest the reference, deposits do not."""

    upper_type: str | None = field(default=None, name="Type")
    lower_type: str | None = field(default=None, name="type")
    entity_ref: Ref | None = field(default=None, name="EntityRef")
    value: str | None = None


class EntryDetail(Struct, gc=False, omit_defaults=True, rename="pascal"):
    """The detail of a line of a journal entry, purchase or deposit."""

    posting_type: str | None = None
    account_ref: Ref | None = None
    entity: EntityRef | None = None
    customer_ref: Ref | None = None
    billable_status: str | None = None
    tax_code_ref: Ref | None = None


class EntryLine(Struct, gc=False, omit_defaults=True, rename="pascal"):
    """A line of a journal entry, purchase or deposit."""

    id: str | None = None
    amount: Decimal | None = None
    description: str | None = None
    detail_type: str | None = None
    journal_entry_line_detail: EntryDetail | None = None
    account_based_expense_line_detail: EntryDetail | None = None
    deposit_line_detail: EntryDetail | None = None
    linked_txn: tuple[Link, ...] | None = None


class TaxDetail(Struct, gc=False, rename="pascal"):
    """The tax of a transaction."""

    total_tax: Decimal | None = None


class Record(Struct, gc=False, rename="pascal", kw_only=True):
    """What every record has; `status` is "Deleted" in the stub that stands for a record that is gone."""

    id: str
    sync_token: str | None = None
    status: str | None = field(default=None, name="status")
    meta_data: MetaData | None = None
    currency_ref: Ref | None = None
    txn_date: date | None = None
    doc_number: str | None = None
    private_note: str | None = None


class InvoiceRecord(Record, gc=False, rename="pascal", kw_only=True):
    """An invoice."""

    customer_ref: Ref | None = None
    due_date: date | None = None
    total_amt: Decimal | None = None
    balance: Decimal | None = None
    deposit: Decimal | None = None
    txn_tax_detail: TaxDetail | None = None
    line: tuple[SalesLine, ...] | None = None
    invoice_status: str | None = field(default=None, name="invoiceStatus")


class PaymentRecord(Record, gc=False, rename="pascal", kw_only=True):
    """A payment."""

    customer_ref: Ref | None = None
    total_amt: Decimal | None = None
    unapplied_amt: Decimal | None = None
    payment_ref_num: str | None = None
    payment_method_ref: Ref | None = None
    ar_account_ref: Ref | None = field(default=None, name="ARAccountRef")
    line: tuple[LinkLine, ...] | None = None


class CreditMemoRecord(Record, gc=False, rename="pascal", kw_only=True):
    """A credit memo, or a refund receipt, which has the same fields as far as they are read."""

    customer_ref: Ref | None = None
    total_amt: Decimal | None = None
    remaining_credit: Decimal | None = None
    balance: Decimal | None = None
    txn_tax_detail: TaxDetail | None = None
    line: tuple[SalesLine, ...] | None = None


class EntryRecord(Record, gc=False, rename="pascal", kw_only=True):
    """A journal entry, purchase or deposit. `credit` marks a purchase that gives money back to a card."""

    total_amt: Decimal | None = None
    credit: bool | None = None
    entity_ref: Ref | None = None
    line: tuple[EntryLine, ...] | None = None


class CustomerRecord(Record, gc=False, rename="pascal", kw_only=True):
    """A customer or a job of one."""

    display_name: str | None = None
    fully_qualified_name: str | None = None
    parent_ref: Ref | None = None
    active: bool | None = None
    job: bool | None = None
    bill_with_parent: bool | None = None
    balance: Decimal | None = None
    balance_with_jobs: Decimal | None = None


class SalesForms(Struct, gc=False, rename="pascal"):
    """`SalesFormsPrefs`."""

    auto_apply_credit: bool | None = None
    auto_apply_payments: bool | None = None


class CurrencySettings(Struct, gc=False, rename="pascal"):
    """`CurrencyPrefs`."""

    home_currency: Ref | None = None
    multi_currency_enabled: bool | None = None


class Accounting(Struct, gc=False, rename="pascal"):
    """`AccountingInfoPrefs`."""

    book_close_date: date | None = None


class PreferencesRecord(Record, gc=False, rename="pascal", kw_only=True):
    """The company's settings."""

    sales_forms_prefs: SalesForms | None = None
    currency_prefs: CurrencySettings | None = None
    accounting_info_prefs: Accounting | None = None


class AccountRecord(Record, gc=False, rename="pascal", kw_only=True):
    """An account of the chart."""

    name: str | None = None
    fully_qualified_name: str | None = None
    account_type: str | None = None
    active: bool | None = None


class Identity(Struct, gc=False):
    """The id alone."""

    id: str | None = field(default=None, name="Id")


_RECORDS: dict[Kind, type[Record]] = {
    Kind.INVOICE: InvoiceRecord,
    Kind.PAYMENT: PaymentRecord,
    Kind.CREDIT_MEMO: CreditMemoRecord,
    Kind.JOURNAL_ENTRY: EntryRecord,
    Kind.PURCHASE: EntryRecord,
    Kind.REFUND_RECEIPT: CreditMemoRecord,
    Kind.DEPOSIT: EntryRecord,
    Kind.CUSTOMER: CustomerRecord,
    Kind.PREFERENCES: PreferencesRecord,
    Kind.ACCOUNT: AccountRecord,
}
DECODERS: dict[Kind, msgspec.json.Decoder[Record]] = {
    kind: msgspec.json.Decoder(record) for kind, record in _RECORDS.items()
}
IDENTITY_DECODER = msgspec.json.Decoder(Identity)
