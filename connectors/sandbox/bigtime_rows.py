"""How BigTime's API shows what its ledger holds: rows of invoices, payments and clients under the switches.

Nothing here changes the ledger. Values are ready for a JSON encoder that writes decimals as numbers.
Source: facts/bigtime.md §1.7, §2.1, §2.2 and §2.4.
"""

from collections.abc import Iterable, Mapping
from datetime import date
from decimal import Decimal

from connectors.sandbox.bigtime_ledger import ACCOUNT_CREDIT, BigTimeClient, BigTimeInvoice, BigTimeLedger, PaymentRow
from connectors.sandbox.bigtime_switches import Absent, BigTimeSwitches, Casing, Numbers, Timestamp

Wire = str | int | bool | Decimal | None | list[object] | dict[str, object]
Row = dict[str, object]

_EPOCH = date(1970, 1, 1)
_DRAFT, _SENT, _PAID = (0, "Draft"), (2, "Final"), (3, "Paid/Closed")


def amount_text(cents: int) -> str:
    """An amount with two decimals: 1234.50."""
    return f"{Decimal(cents).scaleb(-2):.2f}"


def amount_on_wire(cents: int, switches: BigTimeSwitches) -> Decimal | str:
    """An amount as a field of type double is written."""
    exact = Decimal(cents).scaleb(-2)
    if switches.numbers is Numbers.NUMBER:
        short = exact.normalize()
        return short if short.as_tuple().exponent == -2 else exact.quantize(Decimal("0.1"))
    if switches.numbers is Numbers.STRING:
        return f"{exact:.2f}"
    sign = "-" if exact < 0 else ""
    return f"{sign}{'$' if switches.numbers is Numbers.DOLLARS else ''}{abs(exact):,.2f}"


def day_on_wire(day: date | None, style: Timestamp) -> str | None:
    """A calendar date as a field of type DateTime is written; None stays None."""
    if day is None or style is Timestamp.DATE:
        return None if day is None else day.isoformat()
    if style is Timestamp.MILLISECONDS:
        return f"/Date({(day - _EPOCH).days * 86_400_000})/"
    tails = {Timestamp.FRACTION: ".0000000", Timestamp.ZULU: "Z", Timestamp.OFFSET: "-05:00"}
    return f"{day.isoformat()}T00:00:00{tails.get(style, '')}"


def dress(row: Mapping[str, object], switches: BigTimeSwitches) -> Row:
    """The row with its keys and its missing values written as the switches say."""
    dressed: Row = {}
    for key, value in row.items():
        if value is None and switches.absent is Absent.MISSING:
            continue
        shown = _written_absent(key, switches) if value is None else value
        dressed[_cased(key, switches.casing)] = _inner(shown, switches)
    return dressed


def _inner(value: object, switches: BigTimeSwitches) -> object:
    if isinstance(value, dict):
        return dress(value, switches)
    if isinstance(value, list):
        return [_inner(each, switches) for each in value]
    return value


def _written_absent(key: str, switches: BigTimeSwitches) -> object:
    if switches.absent is Absent.EMPTY:
        return ""
    return 0 if switches.absent is Absent.ZERO and key.endswith(("Sid", "Id")) else None


def _cased(key: str, casing: Casing) -> str:
    if casing is Casing.LOWER:
        return key.lower()
    return key[:1].lower() + key[1:] if casing is Casing.CAMEL else key


def paid_cents(invoice: BigTimeInvoice, rows: Iterable[PaymentRow], switches: BigTimeSwitches) -> int:
    """`PaidAmt`, which is not always the sum of the payment rows. Source: facts/bigtime.md §5, line 9."""
    counted = (row for row in rows if switches.paid_includes_account_credit or row.method != ACCOUNT_CREDIT)
    if invoice.marked_paid and switches.marked_paid_counts_as_paid:
        return invoice.total_cents
    return sum(row.applied_cents for row in counted)


def due_cents(invoice: BigTimeInvoice, switches: BigTimeSwitches) -> int:
    """`TotalAmtDue`: what the ledger holds, and nothing for an invoice marked as paid if this BigTime does so."""
    return 0 if invoice.marked_paid and switches.marked_paid_shows_nothing_due else invoice.due_cents


def invoice_row(ledger: BigTimeLedger, invoice: BigTimeInvoice) -> Row:
    """An invoice in the simple view of the lists."""
    switches, client = ledger.switches, ledger.clients[invoice.client_id]
    due = due_cents(invoice, switches)
    is_paid = invoice.marked_paid or (invoice.due_cents <= 0 < invoice.total_cents)
    status, status_text = _PAID if is_paid else _DRAFT if invoice.sent_on is None else _SENT
    today = ledger.clock.now().date()

    def day(moment: date | None) -> str | None:
        return day_on_wire(moment, switches.invoice_timestamp)

    def money(cents: int) -> Decimal | str:
        return amount_on_wire(cents, switches)

    return dress(
        {
            "Sid": int(invoice.id),
            "ClientSid": int(invoice.client_id),
            "ProjectSid": int(client.project_id),
            "ClientNm": client.name,
            "DName": f"{client.name}:General",
            "InvoiceNbr": invoice.number or None,
            "InvoiceDt": day(invoice.issued_on),
            "InvoiceDtSent": day(invoice.sent_on),
            "InvoiceDtDue": day(invoice.due_on),
            "InvoicePeriod": invoice.issued_on.year * 100 + invoice.issued_on.month,
            "InvoiceAmt": money(invoice.total_cents - invoice.tax_cents),
            "Subtotal": money(invoice.total_cents - invoice.tax_cents),
            "SalesTaxAmt": money(invoice.tax_cents),
            "TotalAmt": money(invoice.total_cents),
            "PaidAmt": money(paid_cents(invoice, ledger.rows_on(invoice.id), switches)),
            "TotalAmtDue": money(due),
            "IsPaid": is_paid,
            "Status": status,
            "StatusTxt": status_text,
            "PostedStatus": invoice.posted_word or None,
            "TermsNm": "Net 30",
            "PONumber": None,
            "DaysOutstanding": max((today - invoice.issued_on).days, 0) if due > 0 else 0,
            "ARPeriodNm": "Current" if today <= invoice.due_on else "Past due",
            "Note1": invoice.note or None,
            "CanEditInvoice": True,
        },
        switches,
    )


def invoice_detail(ledger: BigTimeLedger, invoice: BigTimeInvoice) -> Row:
    """An invoice in the detailed view: the simple one and its lines."""
    client = ledger.clients[invoice.client_id]
    line = {
        "LineNbr": 1,
        "InvoiceSid": int(invoice.id),
        "ProjectSid": int(client.project_id),
        "Nm": "Professional services",
        "Nt": None,
        "LineType": 1,
        "Source": 0,
        "Quantity": None,
        "Rate": None,
        "Amt": amount_on_wire(invoice.total_cents - invoice.tax_cents, ledger.switches),
        "IsCredit": False,
        "IsTaxable": invoice.tax_cents > 0,
        "SalesTaxAmt": amount_on_wire(invoice.tax_cents, ledger.switches),
        "IsDeleted": False,
    }
    return {**invoice_row(ledger, invoice), **dress({"Lines": [line]}, ledger.switches)}


def payment_row(ledger: BigTimeLedger, row: PaymentRow) -> Row:
    """One application of a payment, with the documented odd types: ids of client and project, balance and due date
    are strings, and `TotalAmount` is that of the whole payment on each of its rows.
    """
    switches = ledger.switches
    invoice = ledger.invoices[row.invoice_id]
    client = ledger.clients[invoice.client_id]

    def day(moment: date | None) -> str | None:
        return day_on_wire(moment, switches.payment_timestamp)

    return dress(
        {
            "PaymentSid": int(row.payment_id),
            "PayerName": row.payer or None,
            "PaymentNumber": row.number or None,
            "DueDate": invoice.due_on.isoformat(),
            "InvoiceSid": int(row.invoice_id),
            "InvoiceNumber": invoice.number,
            "TotalAmount": amount_on_wire(row.total_cents, switches),
            "PaidDate": day(row.paid_on),
            "AppliedAmount": amount_on_wire(row.applied_cents, switches),
            "AppliedDate": day(row.applied_on),
            "BalanceDue": amount_text(due_cents(invoice, switches)),
            "ClientName": client.name,
            "ClientSid": client.id,
            "ProjectSid": client.project_id,
            "BatchDepositDate": day(row.deposited_on),
            "DepositDate": day(row.deposited_on),
            "PaymentMethod": switches.spell(row.method) or None,
            "PaymentSettlementStatus": row.settlement or None,
            "PaymentSettlementStatusMsg": row.rejection or None,
            "WalletTransactionSid": int(row.wallet_id) if row.wallet_id else None,
            "IsAutoPay": False,
        },
        switches,
    )


def client_row(ledger: BigTimeLedger, client: BigTimeClient, *, linked: bool) -> Row:
    """A client in the basic view; `linked` adds what the detailed one says of QuickBooks."""
    row: Row = {
        "SystemId": int(client.id),
        "Nm": client.name,
        "DisplayName": client.name,
        "LegalNm": client.name,
        "ClientId": client.code or None,
        "Address": None,
        "City": None,
        "State": None,
        "Zip": None,
        "MainPH": None,
        "Notes": None,
        "IsInactive": not client.active,
    }
    if linked:
        row |= {"BillNm": client.name, "QBCustomerId": client.quickbooks_id or None, "QBClassId": None}
    return dress(row, ledger.switches)


def project_row(ledger: BigTimeLedger, client: BigTimeClient, *, linked: bool) -> Row:
    """The client's one project. `ClientId` is the key of the client here, not his free code."""
    row: Row = {
        "SystemId": int(client.project_id),
        "Nm": "General",
        "DisplayName": f"{client.name}:General",
        "ProjectCode": None,
        "ClientId": int(client.id),
        "StartDt": None,
        "EndDt": None,
        "IsInactive": not client.active,
    }
    if linked:
        row |= {"QBCustomerId": client.quickbooks_id or None, "QBCustomerId_nm": None}
    return dress(row, ledger.switches)
