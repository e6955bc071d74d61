"""Rows of the simulated books as the JSON objects that QuickBooks Online sends, with everything odd about them.

Whole amounts have no decimals, times are Pacific with whole seconds, names of customers are those of the moment
of reading, payment lines carry leaked serialiser fields, journal entries total 0.
Source: facts/quickbooks.md §6.1 and §6.2.
"""

from collections.abc import Callable
from datetime import datetime
from decimal import Decimal
from functools import lru_cache
from typing import Any
from zoneinfo import ZoneInfo

from connectors.sandbox.exchange import JSON
from connectors.sandbox.quickbooks_books import Books
from connectors.sandbox.quickbooks_rows import (
    Account,
    Customer,
    Deleted,
    Entity,
    EntryLine,
    Link,
    Preferences,
    Row,
    Transaction,
)
from connectors.sandbox.quickbooks_switches import QuickBooksSwitches
from mappings.money import minor_digits

PACIFIC = ZoneInfo("America/Los_Angeles")
Content = dict[str, Any]
_CURRENCY_NAMES = {
    "USD": "United States Dollar",
    "CAD": "Canadian Dollar",
    "EUR": "Euro",
    "GBP": "British Pound Sterling",
}
_METHODS = {"Cash": "1", "Check": "2", "Credit Card": "3", "ACH": "4", "Wire": "5"}
_CLASSES = {"Accounts Receivable": "Asset", "Other Current Asset": "Asset", "Bank": "Asset", "Income": "Revenue"}
_RATE_OF_TAX = Decimal(8)


@lru_cache(maxsize=100_000)
def pacific_time(seconds: int) -> str:
    """A time as QuickBooks writes it: `2026-04-07T12:51:28-07:00`."""
    return datetime.fromtimestamp(seconds, PACIFIC).isoformat()


@lru_cache(maxsize=100_000)
def number(minor: int, currency: str) -> int | Decimal:
    """An amount as a JSON number: no decimals when it is whole, no zeros at the end otherwise."""
    amount = Decimal(minor).scaleb(-minor_digits(currency))
    whole = int(amount)
    return whole if amount == whole else amount.normalize()


class Renderer:
    """Turns rows into JSON objects; `text` keeps what it made on the row until the books change it."""

    def __init__(self, books: Books, switches: QuickBooksSwitches) -> None:
        self._books = books
        self._switches = switches
        self._makers: dict[Entity, Callable[[Any], Content]] = {
            Entity.INVOICE: self._invoice,
            Entity.PAYMENT: self._payment,
            Entity.CREDIT_MEMO: self._credit_memo,
            Entity.REFUND_RECEIPT: self._refund_receipt,
            Entity.JOURNAL_ENTRY: self._journal_entry,
            Entity.PURCHASE: self._purchase,
            Entity.DEPOSIT: self._deposit,
            Entity.CUSTOMER: self._customer,
            Entity.ACCOUNT: self._account,
            Entity.PREFERENCES: self._preferences,
            Entity.COMPANY_INFO: self._company_info,
        }

    def text(self, row: Row) -> bytes:
        """The JSON text of a row as it stands."""
        if row.encoded is None:
            row.encoded = JSON.encode(self.content(row))
        return row.encoded

    def content(self, row: Row) -> Content:
        """The JSON object of a row as it stands."""
        return self._makers[row.entity](row) | dict(self._switches.extra_fields)

    def stub(self, deleted: Deleted) -> Content:
        """What change data capture tells of a deleted transaction: no SyncToken, no customer, no amount."""
        return {
            "domain": "QBO",
            "status": "Deleted",
            "Id": deleted.id,
            "MetaData": {"LastUpdatedTime": pacific_time(deleted.updated_at)},
        }

    def customer_ref(self, customer_id: str) -> Content:
        """The reference to a customer, under the name that the customer has now."""
        return {"value": customer_id, "name": display_name(self._books.customer(customer_id))}

    def _common(self, row: Row) -> Content:
        return {
            "domain": "QBO",
            "sparse": False,
            "Id": row.id,
            "SyncToken": str(row.sync_token),
            "MetaData": {
                "CreateTime": pacific_time(row.created_at),
                "LastUpdatedTime": pacific_time(row.updated_at),
            },
        }

    def _transaction(self, row: Transaction) -> Content:
        content = self._common(row) | {"TxnDate": row.on.isoformat(), "CurrencyRef": currency_ref(row.currency)}
        content |= {"DocNumber": row.number} if row.number else {}
        content |= {"PrivateNote": row.note} if row.note else {}
        if self._books.rates:
            content["ExchangeRate"] = self._rate(row.currency)
        return content | dict(row.extra)

    def _rate(self, currency: str) -> int | Decimal:
        rate = self._books.rates.get(currency, Decimal(1))
        return int(rate) if rate == int(rate) else rate

    def _home(self, minor: int, currency: str) -> int | Decimal:
        home = Decimal(minor).scaleb(-minor_digits(currency)) * self._books.rates.get(currency, Decimal(1))
        digits = minor_digits(self._books.home_currency)
        return number(int(home.quantize(Decimal(1).scaleb(-digits)).scaleb(digits)), self._books.home_currency)

    def _sale(self, row: Transaction) -> Content:
        content = self._transaction(row)
        lines = [_sale_line(place, line, row) for place, line in enumerate(row.sale_lines, 1)]
        subtotal = number(row.total - row.tax, row.currency)
        lines.append({"Amount": subtotal, "DetailType": "SubTotalLineDetail", "SubTotalLineDetail": {}})
        content |= {
            "CustomerRef": self.customer_ref(row.customer_id),
            "Line": lines,
            "TxnTaxDetail": _tax_detail(row),
            "TotalAmt": number(row.total, row.currency),
            "ApplyTaxAfterDiscount": False,
            "PrintStatus": "NeedToPrint",
            "EmailStatus": "NotSet",
        }
        if self._books.rates:
            content["HomeTotalAmt"] = self._home(row.total, row.currency)
        return content

    def _invoice(self, row: Transaction) -> Content:
        content = self._sale(row) | {
            "AllowIPNPayment": False,
            "AllowOnlinePayment": False,
            "Balance": number(row.open_amount, row.currency),
            "LinkedTxn": [{"TxnId": payment, "TxnType": "Payment"} for payment in reversed(row.linked_by)],
        }
        content |= {"DueDate": row.due.isoformat()} if row.due else {}
        content |= {"CustomerMemo": {"value": row.memo}} if row.memo else {}
        content |= {"Deposit": number(row.deposit, row.currency)} if row.deposit else {}
        if self._books.rates:
            content["HomeBalance"] = self._home(row.open_amount, row.currency)
        return content

    def _credit_memo(self, row: Transaction) -> Content:
        remaining = number(row.open_amount, row.currency)
        content = self._sale(row) | {"RemainingCredit": remaining, "Balance": remaining}
        if self._books.rates:
            content["HomeBalance"] = self._home(row.open_amount, row.currency)
        return content

    def _refund_receipt(self, row: Transaction) -> Content:
        account = {"DepositToAccountRef": {"value": "3", "name": "Checking"}, "PaymentType": row.method or "Cash"}
        return self._sale(row) | {"Balance": 0} | account

    def _payment(self, row: Transaction) -> Content:
        content = self._transaction(row) | {
            "CustomerRef": self.customer_ref(row.customer_id),
            "TotalAmt": number(row.total, row.currency),
            "UnappliedAmt": number(row.unapplied, row.currency),
            "ProcessPayment": False,
            "Line": [self._payment_line(link, row.currency) for link in row.links],
        }
        content |= {"PaymentRefNum": row.reference} if row.reference else {}
        if row.method:
            named = {"name": row.method} if self._switches.payment_method_is_named else {}
            content["PaymentMethodRef"] = {"value": _METHODS.get(row.method, "9")} | named
        if row.total:
            content["DepositToAccountRef"] = {"value": "2"}
        if row.deposit_id:
            content["LinkedTxn"] = [{"TxnId": row.deposit_id, "TxnType": "Deposit"}]
        return content

    def _payment_line(self, link: Link, currency: str) -> Content:
        """A line with its leak: `txnOpenBalance` is what the target has open now, plus the line."""
        target = self._books.transactions[link.target_id]
        leaked = {
            "txnId": link.target_id,
            "txnOpenBalance": str(number(max(target.open_amount, 0) + link.amount, currency)),
            "txnReferenceNumber": target.number,
        }
        return {
            "Amount": number(link.amount, currency),
            "LinkedTxn": [{"TxnId": link.target_id, "TxnType": link.txn_type}],
            "LineEx": {"any": [_leak(name, value) for name, value in leaked.items()]},
        }

    def _journal_entry(self, row: Transaction) -> Content:
        lines = [self._entry_line(place, line, row.currency) for place, line in enumerate(row.entries)]
        return self._transaction(row) | {"Adjustment": False, "TotalAmt": 0, "TxnTaxDetail": {}, "Line": lines}

    def _entry_line(self, place: int, line: EntryLine, currency: str) -> Content:
        detail: Content = {
            "PostingType": "Debit" if line.amount > 0 else "Credit",
            "AccountRef": self._account_ref(line.account_id),
        }
        if line.customer_id:
            detail["Entity"] = {"Type": "Customer", "EntityRef": self.customer_ref(line.customer_id)}
        return {
            "Id": str(place),
            "Description": "Entry",
            "Amount": number(abs(line.amount), currency),
            "DetailType": "JournalEntryLineDetail",
            "JournalEntryLineDetail": detail,
        }

    def _purchase(self, row: Transaction) -> Content:
        lines = [
            {
                "Id": str(place),
                "Amount": number(line.amount, row.currency),
                "DetailType": "AccountBasedExpenseLineDetail",
                "AccountBasedExpenseLineDetail": {
                    "CustomerRef": self.customer_ref(line.customer_id),
                    "AccountRef": self._account_ref(line.account_id),
                    "BillableStatus": "NotBillable",
                    "TaxCodeRef": {"value": "NON"},
                },
            }
            for place, line in enumerate(row.entries, 1)
        ]
        return self._transaction(row) | {
            "AccountRef": self._account_ref("3"),
            "PaymentType": row.method,
            "EntityRef": self.customer_ref(row.customer_id) | {"type": "Customer"},
            "Credit": False,
            "TotalAmt": number(row.total, row.currency),
            "PurchaseEx": {"any": [_leak("TxnType", "54")]},
            "Line": lines,
        }

    def _deposit(self, row: Transaction) -> Content:
        return self._transaction(row) | {
            "DepositToAccountRef": self._account_ref("3"),
            "TotalAmt": number(row.total, row.currency),
            "Line": [self._deposit_line(place, line, row.currency) for place, line in enumerate(row.entries, 1)],
        }

    def _deposit_line(self, place: int, line: EntryLine, currency: str) -> Content:
        content: Content = {"Amount": number(-line.amount, currency)}
        if line.payment_id:
            linked = {"TxnId": line.payment_id, "TxnType": "Payment", "TxnLineId": "0"}
            return content | {"LinkedTxn": [linked]}
        detail = {
            "Entity": self.customer_ref(line.customer_id) | {"type": "CUSTOMER"},
            "AccountRef": self._account_ref(line.account_id),
        }
        return content | {
            "Id": str(place),
            "LineNum": place,
            "DetailType": "DepositLineDetail",
            "DepositLineDetail": detail,
        }

    def _account_ref(self, account_id: str) -> Content:
        return {"value": account_id, "name": self._books.account(account_id).name}

    def _customer(self, row: Customer) -> Content:
        with_jobs = [self._books.customer(job_id) for job_id in self._books.with_jobs(row.id)]
        balance_with_jobs = sum(job.balance for job in with_jobs if job.currency == row.currency)
        path = [row]
        while path[0].parent_id:
            path.insert(0, self._books.customer(path[0].parent_id))
        content: Content = self._common(row) | {
            "Taxable": True,
            "Job": bool(row.parent_id),
            "BillWithParent": False,
            "Balance": number(row.balance, row.currency),
            "BalanceWithJobs": number(balance_with_jobs, row.currency),
            "CurrencyRef": currency_ref(row.currency),
            "PreferredDeliveryMethod": "Print",
            "IsProject": False,
            "ClientEntityId": "0",
            "FullyQualifiedName": ":".join(display_name(customer) for customer in path),
            "DisplayName": display_name(row),
            "PrintOnCheckName": row.name,
            "Active": row.active,
            "V4IDPseudonym": f"002098{row.id.rjust(26, '0')}",
        }
        if row.parent_id:
            content |= {"ParentRef": {"value": row.parent_id}, "Level": len(path) - 1}
        return content | dict(row.extra)

    def _account(self, row: Account) -> Content:
        return self._common(row) | {
            "Name": row.name,
            "SubAccount": False,
            "FullyQualifiedName": row.name,
            "Active": row.active,
            "Classification": _CLASSES.get(row.type, "Expense"),
            "AccountType": row.type,
            "AccountSubType": row.type.replace(" ", ""),
            "CurrentBalance": 0,
            "CurrencyRef": currency_ref(row.currency),
        }

    def _company_info(self, row: Row) -> Content:
        return self._common(row) | {
            "CompanyName": "Simulated Company",
            "LegalName": "Simulated Company",
            "Country": "USA",
            "FiscalYearStartMonth": "January",
            "DefaultTimeZone": "America/Los_Angeles",
            "NameValue": [{"Name": "OfferingSku", "Value": "QuickBooks Online Plus"}],
        }

    def _preferences(self, row: Preferences) -> Content:
        accounting: Content = {"TrackDepartments": False, "CustomerTerminology": "Customers"}
        if row.book_close_on:
            accounting["BookCloseDate"] = row.book_close_on.isoformat()
        home = currency_ref(self._books.home_currency)
        return self._common(row) | {
            "AccountingInfoPrefs": accounting,
            "SalesFormsPrefs": {
                "AutoApplyCredit": row.auto_apply_credit,
                "AutoApplyPayments": row.auto_apply_payments,
                "AllowDeposit": True,
                "CustomTxnNumbers": True,
            },
            "CurrencyPrefs": {"HomeCurrency": home, "MultiCurrencyEnabled": bool(self._books.rates)},
            "TaxPrefs": {"UsingSalesTax": True, "PartnerTaxEnabled": True},
            "OtherPrefs": {"NameValue": [{"Name": "SalesFormsPrefs.DefaultTerms", "Value": "3"}]},
        }


def currency_ref(currency: str) -> Content:
    """The reference to a currency."""
    return {"value": currency, "name": _CURRENCY_NAMES.get(currency, currency)}


def display_name(customer: Customer) -> str:
    """The name a customer is shown under: a suffix tells of its deletion."""
    return customer.name if customer.active else f"{customer.name} (deleted)"


def _sale_line(place: int, line: Any, row: Transaction) -> Content:
    unit_price = (
        number(line.amount, row.currency)
        if line.quantity == 1
        else number(line.amount // (line.quantity or 1), row.currency)
    )
    return {
        "Id": str(place),
        "LineNum": place,
        "Description": line.description,
        "Amount": number(line.amount, row.currency),
        "DetailType": "SalesItemLineDetail",
        "SalesItemLineDetail": {
            "ItemRef": {"value": "1", "name": "Services"},
            "UnitPrice": unit_price,
            "Qty": line.quantity,
            "ItemAccountRef": {"value": "4", "name": "Services"},
            "TaxCodeRef": {"value": "TAX" if row.tax else "NON"},
        },
    }


def _tax_detail(row: Transaction) -> Content:
    if not row.tax:
        return {"TotalTax": 0}
    tax = number(row.tax, row.currency)
    detail = {
        "TaxRateRef": {"value": "3"},
        "PercentBased": True,
        "TaxPercent": int(_RATE_OF_TAX),
        "NetAmountTaxable": number(row.total - row.tax, row.currency),
    }
    line = {"Amount": tax, "DetailType": "TaxLineDetail", "TaxLineDetail": detail}
    return {"TxnTaxCodeRef": {"value": "2"}, "TotalTax": tax, "TaxLine": [line]}


def _leak(name: str, value: str) -> Content:
    """One serialiser object as QuickBooks leaks it into JSON."""
    return {
        "name": "{http://schema.intuit.com/finance/v3}NameValue",
        "declaredType": "com.intuit.schema.finance.v3.NameValue",
        "scope": "javax.xml.bind.JAXBElement$GlobalScope",
        "value": {"Name": name, "Value": value},
        "nil": False,
        "globalScope": True,
        "typeSubstituted": False,
    }
