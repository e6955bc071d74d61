"""From a QuickBooks record to the shared model. Pure; one record at a time; never raises on what it is given.

What changes without the record changing is left out: names resolved at read time, the serialiser's `LineEx`, a
customer's time of change. Source for every rule: fact sheet `quickbooks.md` (Intuit Accounting API v3).
"""

from collections.abc import Callable
from datetime import datetime
from decimal import Decimal

import msgspec

from mappings.line_digest import digest_lines
from mappings.model import (
    Account,
    Client,
    Content,
    CreditMemo,
    Entry,
    Invoice,
    Kind,
    LineTarget,
    Payment,
    PaymentLine,
    Preferences,
    ReceivableLine,
    RefundReceipt,
)
from mappings.problems import Problem
from mappings.quickbooks_wire import (
    DECODERS,
    IDENTITY_DECODER,
    AccountRecord,
    CreditMemoRecord,
    CustomerRecord,
    EntityRef,
    EntryLine,
    EntryRecord,
    InvoiceRecord,
    LinkLine,
    PaymentRecord,
    PreferencesRecord,
    Record,
    Ref,
    SalesLine,
    TaxDetail,
)
from mappings.refusal import (
    UNREADABLE,
    Refused,
    checked_id,
    refuse,
    refuse_nul,
    unreadable,
    utc,
    whole_minor,
)

# Kind <-> the entity name that QuickBooks uses in queries, change data capture and as JSON keys.
ENTITY_NAMES: dict[Kind, str] = {
    Kind.INVOICE: "Invoice",
    Kind.PAYMENT: "Payment",
    Kind.CREDIT_MEMO: "CreditMemo",
    Kind.REFUND_RECEIPT: "RefundReceipt",
    Kind.JOURNAL_ENTRY: "JournalEntry",
    Kind.PURCHASE: "Purchase",
    Kind.DEPOSIT: "Deposit",
    Kind.CUSTOMER: "Customer",
    Kind.PREFERENCES: "Preferences",
    Kind.ACCOUNT: "Account",
}
KINDS_BY_ENTITY: dict[str, Kind] = {name: kind for kind, name in ENTITY_NAMES.items()}

# The note that QuickBooks writes into a payment that it made itself to link a credit to a charge.
AUTO_LINK_NOTE = "Created by QB Online to link credits to charges."
_DELETED_SUFFIX = " (deleted)"  # appended to the name of a customer that was made inactive
_RECEIVABLE = "Accounts Receivable"  # the `AccountType`
_TARGETS = {target.value: target for target in LineTarget}


class MappedRecord(msgspec.Struct, frozen=True, kw_only=True):
    """One record in the shared vocabulary; `content` None is a stub for a record that is gone.

    `modified_at` is the system's own time of the last change, None when it gives none.
    """

    id: str
    content: Content | None
    modified_at: datetime | None = None


def content_from_quickbooks(kind: Kind, raw: bytes, *, home_currency: str = "USD") -> MappedRecord | Problem:
    """The record in the shared vocabulary, or what is wrong with it. Never raises on hostile text.

    `raw` is the JSON text of one object as the query or change feed returned it; a stub of a deleted record gives
    a content of None. `home_currency` is used when a record names no currency, as a company with a single
    currency may.
    """
    try:
        record = DECODERS[kind].decode(raw)
        id_ = checked_id(record.id, "Id")
        changed_at = utc(record.meta_data.last_updated_time, "MetaData.LastUpdatedTime") if record.meta_data else None
        if record.status is not None and record.status.casefold() == "deleted":
            return MappedRecord(id=id_, content=None, modified_at=changed_at)
        currency = _currency(record.currency_ref, home_currency)
        content = _MAPPINGS[kind](record, currency, changed_at)
        if b"\\" in raw:
            refuse_nul(content)
    except Refused as refused:
        return refused.problem
    except UNREADABLE as error:
        return unreadable(error)
    return MappedRecord(id=id_, content=content, modified_at=changed_at)


def identity_of(raw: bytes) -> str:
    """The record's id as far as it can be read, "" when it cannot; for naming what is set aside."""
    try:
        return checked_id(IDENTITY_DECODER.decode(raw).id or "", "Id")
    except (Refused, *UNREADABLE):
        return ""


def _currency(ref: Ref | None, home_currency: str) -> str:
    code = (ref.value if ref else None) or home_currency
    if not (len(code) == 3 and code.isascii() and code.isupper() and code.isalpha()):
        raise refuse("CurrencyRef", code, "is not a currency code: expected three capital letters")
    return code


def _minor(amount: Decimal | None, currency: str, where: str) -> int:
    return 0 if amount is None else whole_minor(amount, currency, where)


def _required(amount: Decimal | None, currency: str, where: str) -> int:
    if amount is None:
        raise refuse(where, "", "is missing: an amount that is not there is not taken for 0")
    return whole_minor(amount, currency, where)


def _optional(amount: Decimal | None, currency: str, where: str) -> int | None:
    return None if amount is None else whole_minor(amount, currency, where)


def _value(ref: Ref | None) -> str:
    return (ref.value or "") if ref else ""


def _created_at(record: Record) -> datetime | None:
    return utc(record.meta_data.create_time, "MetaData.CreateTime") if record.meta_data else None


def _says_voided(record: Record) -> bool:
    """Whether the note begins with the word that QuickBooks prepends when a record is voided."""
    if record.status is not None and record.status.casefold() == "voided":
        return True
    note = (record.private_note or "").lstrip()
    return note[:6].casefold() == "voided" and not note[6:7].isalnum()


def _tax(detail: TaxDetail | None, currency: str) -> int:
    return _minor(detail.total_tax, currency, "TxnTaxDetail.TotalTax") if detail else 0


def _discount(line: SalesLine, currency: str) -> int:
    if line.discount_line_detail is None or isinstance(line.amount, msgspec.UnsetType):
        return 0
    return _minor(msgspec.json.decode(line.amount, type=Decimal | None), currency, "Line.Amount")


def _invoice(record: Record, currency: str, changed_at: datetime | None) -> Content:
    assert isinstance(record, InvoiceRecord)
    total = _required(record.total_amt, currency, "TotalAmt")
    says_voided = (record.invoice_status or "").casefold() == "voided" or _says_voided(record)
    return Invoice(
        client_id=_value(record.customer_ref),
        number=record.doc_number or "",
        currency=currency,
        total_minor=total,
        balance_minor=_optional(record.balance, currency, "Balance"),
        tax_minor=_tax(record.txn_tax_detail, currency),
        discount_minor=sum(_discount(line, currency) for line in record.line or ()),
        deposit_minor=_minor(record.deposit, currency, "Deposit"),
        issued_on=record.txn_date,
        due_on=record.due_date,
        voided=total == 0 and says_voided,
        content_digest=digest_lines(record.line or ()),
        revision=record.sync_token or "",
        created_at=_created_at(record),
        modified_at=changed_at,
    )


def _payment(record: Record, currency: str, changed_at: datetime | None) -> Content:
    """A payment. A total of 0 is normal (it links a credit): void needs the note, and that nothing is applied."""
    assert isinstance(record, PaymentRecord)
    total = _required(record.total_amt, currency, "TotalAmt")
    unapplied = _minor(record.unapplied_amt, currency, "UnappliedAmt")
    lines = tuple([_payment_line(line, currency) for line in record.line or ()])
    is_empty = total == 0 and unapplied == 0 and all(line.amount_minor == 0 for line in lines)
    return Payment(
        client_id=_value(record.customer_ref),
        payment_id=record.id,
        currency=currency,
        total_minor=total,
        unapplied_minor=unapplied,
        lines=lines,
        paid_on=record.txn_date,
        method_name=_value(record.payment_method_ref),
        reference=record.payment_ref_num or "",
        auto_linked=(record.private_note or "").strip() == AUTO_LINK_NOTE,
        voided=is_empty and _says_voided(record),
        revision=record.sync_token or "",
        created_at=_created_at(record),
        modified_at=changed_at,
        receivable_account_id=_value(record.ar_account_ref),
    )


def _payment_line(line: LinkLine, currency: str) -> PaymentLine:
    amount = _required(line.amount, currency, "Line.Amount")
    links = line.linked_txn or ()
    if len(links) > 1:
        raise refuse("Line.LinkedTxn", len(links), "links several records: how the amount is split is not known")
    if not links:
        return PaymentLine(LineTarget.OTHER, "", amount)
    return PaymentLine(_TARGETS.get(links[0].txn_type or "", LineTarget.OTHER), links[0].txn_id or "", amount)


def _credit_memo(record: Record, currency: str, changed_at: datetime | None) -> Content:
    assert isinstance(record, CreditMemoRecord)
    total = _required(record.total_amt, currency, "TotalAmt")
    remaining = record.balance if record.remaining_credit is None else record.remaining_credit
    return CreditMemo(
        client_id=_value(record.customer_ref),
        number=record.doc_number or "",
        currency=currency,
        total_minor=total,
        remaining_minor=_required(remaining, currency, "RemainingCredit"),
        tax_minor=_tax(record.txn_tax_detail, currency),
        issued_on=record.txn_date,
        voided=total == 0 and _says_voided(record),
        content_digest=digest_lines(record.line or ()),
        revision=record.sync_token or "",
        created_at=_created_at(record),
        modified_at=changed_at,
    )


def _refund_receipt(record: Record, currency: str, changed_at: datetime | None) -> Content:
    assert isinstance(record, CreditMemoRecord)
    return RefundReceipt(
        client_id=_value(record.customer_ref),
        number=record.doc_number or "",
        currency=currency,
        total_minor=_required(record.total_amt, currency, "TotalAmt"),
        on_date=record.txn_date,
        content_digest=digest_lines(record.line or ()),
        revision=record.sync_token or "",
        created_at=_created_at(record),
        modified_at=changed_at,
    )


_LineReader = Callable[[EntryRecord, EntryLine, str], ReceivableLine | None]


def _entry(read_line: _LineReader) -> Callable[[Record, str, datetime | None], Content]:
    def mapping(record: Record, currency: str, changed_at: datetime | None) -> Content:
        assert isinstance(record, EntryRecord)
        lines = record.line or ()
        read = [read_line(record, line, currency) for line in lines]
        total = _minor(record.total_amt, currency, "TotalAmt")
        return Entry(
            number=record.doc_number or "",
            currency=currency,
            total_minor=total,
            on_date=record.txn_date,
            lines=tuple(line for line in read if line is not None),
            note=record.private_note or "",
            voided=total == 0 and not any(line.amount for line in lines) and _says_voided(record),
            content_digest=digest_lines(lines),
            revision=record.sync_token or "",
            created_at=_created_at(record),
            modified_at=changed_at,
        )

    return mapping


def _journal_line(_: EntryRecord, line: EntryLine, currency: str) -> ReceivableLine | None:
    """A debit charges the customer, a credit credits him. Lines that name no customer are not his."""
    detail = line.journal_entry_line_detail
    customer = _customer(detail.entity) if detail else ""
    if detail is None or not customer:
        return None
    posting = (detail.posting_type or "").casefold()
    if posting not in {"debit", "credit"}:
        raise refuse("Line.PostingType", posting, "is neither Debit nor Credit")
    amount = _required(line.amount, currency, "Line.Amount")
    signed = amount if posting == "debit" else -amount
    return ReceivableLine(line.id or "", customer, _value(detail.account_ref), signed)


def _purchase_line(record: EntryRecord, line: EntryLine, currency: str) -> ReceivableLine | None:
    """Money paid out to a customer charges him: on A/R it uses up a credit of his.

    A line's own customer goes before the payee. A billable line is a cost to be invoiced later, never A/R.
    """
    detail = line.account_based_expense_line_detail
    if detail is None or (detail.billable_status or "").casefold() in {"billable", "hasbeenbilled"}:
        return None
    customer = _value(detail.customer_ref) or _payee(record.entity_ref)
    if not customer:
        return None
    amount = _required(line.amount, currency, "Line.Amount")
    return ReceivableLine(line.id or "", customer, _value(detail.account_ref), -amount if record.credit else amount)


def _deposit_line(_: EntryRecord, line: EntryLine, currency: str) -> ReceivableLine | None:
    """Money deposited straight to A/R credits the customer; a line that links a payment only banks it."""
    detail = line.deposit_line_detail
    customer = _customer(detail.entity) if detail and not line.linked_txn else ""
    if detail is None or not customer:
        return None
    return ReceivableLine(
        line.id or "", customer, _value(detail.account_ref), -_required(line.amount, currency, "Line.Amount")
    )


def _payee(ref: Ref | None) -> str:
    return _value(ref) if ref and (ref.kind or "").casefold() == "customer" else ""


def _customer(entity: EntityRef | None) -> str:
    if entity is None:
        return ""
    ref = entity.entity_ref
    kind = entity.upper_type or entity.lower_type or (ref.kind if ref else None) or "customer"
    return (entity.value or _value(ref)) if kind.casefold() == "customer" else ""


def _client(record: Record, currency: str, _: datetime | None) -> Content:
    assert isinstance(record, CustomerRecord)
    active = record.active is not False
    name = record.display_name or record.fully_qualified_name or ""
    return Client(
        name=name if active else name.removesuffix(_DELETED_SUFFIX),
        parent_id=_value(record.parent_ref),
        active=active,
        is_job=bool(record.job),
        bill_with_parent=bool(record.bill_with_parent),
        currency=currency,
        balance_minor=_optional(record.balance, currency, "Balance"),
        balance_with_jobs_minor=_optional(record.balance_with_jobs, currency, "BalanceWithJobs"),
        revision=record.sync_token or "",
    )


def _preferences(record: Record, _: str, __: datetime | None) -> Content:
    assert isinstance(record, PreferencesRecord)
    sales, money, books = record.sales_forms_prefs, record.currency_prefs, record.accounting_info_prefs
    return Preferences(
        auto_apply_credit=bool(sales and sales.auto_apply_credit),
        auto_apply_payments=bool(sales and sales.auto_apply_payments),
        book_close_on=books.book_close_date if books else None,
        home_currency=_value(money.home_currency) if money else "",
        multi_currency=bool(money and money.multi_currency_enabled),
    )


def _account(record: Record, currency: str, _: datetime | None) -> Content:
    assert isinstance(record, AccountRecord)
    return Account(
        name=record.fully_qualified_name or record.name or "",
        is_receivable=record.account_type == _RECEIVABLE,
        active=record.active is not False,
        currency=currency,
    )


_MAPPINGS: dict[Kind, Callable[[Record, str, datetime | None], Content]] = {
    Kind.INVOICE: _invoice,
    Kind.PAYMENT: _payment,
    Kind.CREDIT_MEMO: _credit_memo,
    Kind.REFUND_RECEIPT: _refund_receipt,
    Kind.JOURNAL_ENTRY: _entry(_journal_line),
    Kind.PURCHASE: _entry(_purchase_line),
    Kind.DEPOSIT: _entry(_deposit_line),
    Kind.CUSTOMER: _client,
    Kind.PREFERENCES: _preferences,
    Kind.ACCOUNT: _account,
}
