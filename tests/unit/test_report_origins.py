"""Each way in which a client credit comes about, grows smaller and comes back, as the documents list them."""

from datetime import date

import pytest

from mappings.ledger import Origin
from mappings.model import Method
from sync.reports.credit_activity import ActivityRow, CreditActivity
from sync.reports.credit_balances import BalanceRow, CreditBalances
from sync.reports.payments import PaymentRow, Payments
from sync.reports.report import Report
from tests.books import BookOf
from tests.reporting import Firm, applied_rows, rolled_total, text
from tests.unit.test_report_occasions import report_of


def told(report: Report) -> list[tuple[str, str, str, str, str]]:
    """Date, occasion, origin, original and current amount of each row."""
    rows = [row for row in report.rows if isinstance(row, ActivityRow)]
    return [(str(row.date), row.occasion, row.origin, text(row.original), text(row.current)) for row in rows]


def balance(firm: Firm) -> BalanceRow:
    scope = firm.scope()
    (row,) = firm.report(CreditBalances(scope), scope).rows
    assert isinstance(row, BalanceRow)
    return row


def payments(firm: Firm, *, credits_only: bool = False) -> list[PaymentRow]:
    scope = firm.scope()
    rows = firm.report(Payments(scope, credits_only=credits_only), scope).rows
    return [row for row in rows if isinstance(row, PaymentRow)]


def give(firm: Firm, origin: Origin) -> None:
    """A credit of 50.00 of this origin comes about on the fifth of September, or by an edit on the twentieth."""
    books, acme, day = firm.books, firm.acme, firm.at("2026-09-05")
    match origin:
        case Origin.PREPAYMENT:
            books.receive_payment(acme, "50", on=day)
        case Origin.OVERPAYMENT:
            books.receive_payment(acme, "150", on=day, apply={books.create_invoice(acme, "1001", "100", on=day): "100"})
        case Origin.CREDIT_MEMO:
            books.create_credit_memo(acme, "CM-1", "50", on=day)
        case Origin.JOURNAL_ENTRY:
            books.journal_entry([("1", acme, "Credit", "50"), ("Bad Debts", None, "Debit", "50")], on=day, number="J-1")
        case Origin.ADJUSTMENT:
            books.deposit(on=day, customer_id=acme, amount="50")
        case Origin.LINE_REMOVED_AFTER_PAYMENT:
            invoice = books.create_invoice(acme, "1001", "150", on=day)
            books.receive_payment(acme, "150", on=day, apply={invoice: "150"})
            firm.read()
            firm.at("2026-09-20")
            books.edit_invoice(invoice, amount="100")
    firm.read()


@pytest.mark.parametrize(
    "origin",
    [
        Origin.PREPAYMENT,  # 1. a payment with "Add to credit"
        Origin.OVERPAYMENT,  # 2. more than the amount due
        Origin.CREDIT_MEMO,  # 3. a credit note
        Origin.LINE_REMOVED_AFTER_PAYMENT,  # 4. a product or service removed from a paid sale
        Origin.JOURNAL_ENTRY,
        Origin.ADJUSTMENT,
    ],
)
def test_each_occasion_that_makes_a_credit_is_told_with_its_origin(origin: Origin) -> None:
    """5., a discount on a paid sale, is in test_report_occasions: the simulator edits totals, not discount lines."""
    firm = Firm()
    give(firm, origin)
    day = "2026-09-20" if origin is Origin.LINE_REMOVED_AFTER_PAYMENT else "2026-09-05"
    assert [(day, "issued", str(origin), "50.00", "50.00")] == told(firm.activity())
    assert "50.00" == text(balance(firm).credit_balance)


def test_an_occasion_has_two_clocks_the_date_of_the_books_and_when_we_could_know() -> None:
    firm = Firm()
    firm.books.create_credit_memo(firm.acme, "CM-1", "50", on=date(2026, 8, 31))
    firm.at("2026-09-07")
    known_at = firm.read()
    (row,) = firm.activity().rows
    assert isinstance(row, ActivityRow)
    assert (date(2026, 8, 31), known_at) == (row.booked_on, row.known_at)


def test_the_original_value_stays_and_the_current_value_follows_its_use() -> None:
    """The credit value shown here is dynamic as it updates as the credit is applied or used on a sale."""
    firm = Firm()
    give(firm, Origin.OVERPAYMENT)
    assert ("50.00", "0.00", "50.00") == tuple(
        text(amount) for row in payments(firm) for amount in (row.made_credit, row.applied_credit, row.current)
    )
    invoice = firm.books.create_invoice(firm.acme, "1002", "75", on=firm.at("2026-10-03"))
    firm.books.apply_payment(payments(firm)[0].records[0].key.id, invoice, "30")
    firm.read()
    assert ("50.00", "30.00", "20.00") == tuple(
        text(amount) for row in payments(firm) for amount in (row.made_credit, row.applied_credit, row.current)
    )
    assert ("2026-09-05", "issued", "overpayment", "50.00", "20.00") == told(firm.activity())[0]


def test_the_payment_report_with_credits_only_names_the_payments_that_made_credit() -> None:
    firm = Firm()
    day = firm.at("2026-09-05")
    for number, paid in (("1001", "100"), ("1002", "150")):
        invoice = firm.books.create_invoice(firm.acme, number, "100", on=day)
        firm.books.receive_payment(firm.acme, paid, on=day, apply={invoice: "100"}, reference=f"CHK-{number}")
    firm.read()
    assert ["CHK-1001", "CHK-1002"] == [row.number for row in payments(firm)]
    assert ["CHK-1002"] == [row.number for row in payments(firm, credits_only=True)]


def test_prepaid_money_that_is_unapplied_is_a_credit_again() -> None:
    firm = Firm()
    payment = firm.books.receive_payment(firm.acme, "500", on=firm.at("2026-09-05"))
    firm.read()
    invoice = firm.books.create_invoice(firm.acme, "1001", "110", on=firm.at("2026-10-01"))
    firm.books.apply_payment(payment, invoice, "110")
    firm.read()
    firm.at("2026-10-09")
    firm.books.unapply(payment, invoice)
    firm.read()
    assert ["-110.00", "110.00"] == [row[3] for row in applied_rows(firm.applied("2026-10"))]
    assert ("110.00", "500.00") == (text(balance(firm).debit_balance), text(balance(firm).credit_balance))


def test_money_that_paid_an_invoice_and_is_taken_off_it_becomes_a_credit_but_no_applied_balance() -> None:
    firm = Firm()
    invoice = firm.books.create_invoice(firm.acme, "1001", "110", on=firm.at("2026-09-01"))
    payment = firm.books.receive_payment(firm.acme, "110", on=firm.at("2026-09-05"), apply={invoice: "110"})
    firm.read()
    firm.at("2026-10-09")
    firm.books.unapply(payment, invoice)
    firm.read()
    assert [] == applied_rows(firm.applied())
    assert [("2026-10-09", "issued", "overpayment", "110.00", "110.00")] == told(firm.activity())
    assert "taken off 1001, gave 110.00 USD" in firm.activity().lines[1]


def test_a_payment_that_is_deleted_takes_back_first_what_had_been_applied_of_it() -> None:
    """500 prepaid, 110 of it applied: the invoice is open again, and nothing is applied any more."""
    firm = Firm()
    payment = firm.books.receive_payment(firm.acme, "500", on=firm.at("2026-09-05"))
    firm.read()
    invoice = firm.books.create_invoice(firm.acme, "1001", "110", on=firm.at("2026-10-01"))
    firm.books.apply_payment(payment, invoice, "110")
    firm.read()
    firm.at("2026-10-09")
    firm.books.delete_payment(payment)
    firm.read()
    assert [("2026-10-01", "-110.00"), ("2026-10-09", "110.00")] == [
        (row[0], row[3]) for row in applied_rows(firm.applied("2026-10"))
    ]
    assert [("unapplied", "110.00"), ("voided", "-500.00")] == [(row[1], row[3]) for row in told(firm.activity())[2:]]
    assert rolled_total(firm.rolled())["closing"] == 0
    assert ("110.00", "0.00") == (text(balance(firm).debit_balance), text(balance(firm).credit_balance))


def test_a_credit_note_that_is_refunded_is_less_and_no_invoice_was_credited() -> None:
    firm = Firm()
    memo = firm.books.create_credit_memo(firm.acme, "CM-1", "200", on=firm.at("2026-09-05"))
    firm.read()
    firm.books.refund_credit(memo, "120", on=firm.at("2026-09-20"))
    firm.read()
    assert [
        ("2026-09-05", "issued", "credit_memo", "200.00", "80.00"),
        ("2026-09-20", "refunded", "credit_memo", "-120.00", "0.00"),
    ] == told(firm.activity())
    assert [] == applied_rows(firm.applied())
    (row,) = payments(firm)
    assert ("120.00", "0.00", "120.00", "0.00", "120.00") == tuple(
        text(amount) for amount in (row.amount, row.cash, row.credit, row.applied, row.refunded)
    )


def test_an_overpayment_that_is_reversed_leaves_what_was_not_paid_out() -> None:
    firm = Firm()
    payment = firm.books.receive_payment(firm.acme, "500", on=firm.at("2026-09-05"))
    firm.read()
    firm.books.refund_overpayment(payment, "120", on=firm.at("2026-09-20"))
    firm.read()
    assert ["issued", "refunded"] == [row[1] for row in told(firm.activity())]
    (row,) = payments(firm)
    assert ("500.00", "0.00", "120.00", "380.00") == tuple(
        text(amount) for amount in (row.amount, row.applied, row.refunded, row.current)
    )
    assert "380.00" == text(balance(firm).credit_balance)


def test_a_refund_that_is_deleted_gives_the_credit_back() -> None:
    firm = Firm()
    memo = firm.books.create_credit_memo(firm.acme, "CM-1", "50", on=firm.at("2026-09-05"))
    expense = firm.books.refund_credit(memo, "30", on=firm.at("2026-09-20"))
    firm.read()
    firm.at("2026-10-01")
    firm.books.delete_purchase(expense)
    firm.read()
    assert ["50.00", "-30.00", "30.00"] == [row[3] for row in told(firm.activity())]
    assert f"the refund of 30.00 USD with expense {expense} was taken back on 2026-10-01" in firm.activity().lines[1]
    assert [] == payments(firm)


def test_a_refund_receipt_and_a_cheque_that_is_not_linked_touch_no_credit() -> None:
    firm = Firm()
    day = firm.at("2026-09-05")
    firm.books.create_credit_memo(firm.acme, "CM-1", "50", on=day)
    firm.books.refund_receipt(firm.acme, "R-1", "30", on=day)
    firm.books.pay_customer(firm.acme, "20", on=day)
    firm.read()
    assert [("2026-09-05", "issued", "credit_memo", "50.00", "50.00")] == told(firm.activity())
    assert ("20.00", "50.00") == (text(balance(firm).debit_balance), text(balance(firm).credit_balance))


def test_the_same_overpayment_in_both_systems_is_50_flagged_and_never_100() -> None:
    """An overpayment in QuickBooks does not flow back into BigTime; here somebody entered it there, too (B7)."""
    firm = Firm()
    client = firm.world.add_client("Borealis")
    ours = firm.world.bigtime.add_invoice(client, "INV-1", "100", on=firm.at("2026-09-02"))
    twin = firm.world.post(ours)
    day = firm.at("2026-09-08")
    firm.books.receive_payment(firm.world.customer_of(client), "150", on=day, apply={twin: "100"}, reference="CHK-9")
    firm.world.bigtime.add_payment({ours: "100"}, method="Check", on=day, total="150", number="CHK-9")
    firm.at("2026-09-12")
    firm.read()
    scope = firm.scope()
    report = firm.report(CreditBalances(scope), scope)
    (row,) = report.rows
    assert isinstance(row, BalanceRow)
    assert ("50.00", "50.00") == (text(row.credit_balance), text(row.in_both_systems))
    assert "Borealis: 50.00 USD of the credit of 50.00 USD stands in BigTime, too." in report.lines[0]


def test_a_client_credit_of_bigtime_that_is_changed_and_deleted_is_followed() -> None:
    of = BookOf()
    of.bigtime_invoice("1", "500.00")
    key = of.row("51", "1", "200.00", method=Method.ACCOUNT_CREDIT, on="2026-03-05")
    of.row("51", "1", "150.00", method=Method.ACCOUNT_CREDIT, on="2026-03-05", seen="2026-03-09")
    of.gone(key, "2026-03-20")
    assert [
        ("2026-03-05", "issued", "200.00"), ("2026-03-05", "applied", "-200.00"),
        ("2026-03-09", "unapplied", "50.00"), ("2026-03-09", "edited", "-50.00"),
        ("2026-03-20", "unapplied", "150.00"), ("2026-03-20", "voided", "-150.00"),
    ] == [(row[0], row[1], row[3]) for row in told(report_of(of, CreditActivity, client="acme"))]  # fmt: skip


def test_a_credit_of_quickbooks_that_comes_back_under_the_name_of_a_client_credit_is_told_once() -> None:
    """Once a credit memo is applied in QuickBooks to an invoice, it will push back to BigTime as a payment."""
    of = BookOf()
    of.twins("1", "500.00", open_in_quickbooks="300.00")
    of.memo("7", "200.00", "0.00", on="2026-03-05")
    of.payment("9", invoices={"q1": "200.00"}, memos={"7": "200.00"}, on="2026-03-05")
    of.row("51", "1", "200.00", method=Method.ACCOUNT_CREDIT, on="2026-03-05")
    assert [("issued", "credit_memo", "200.00"), ("applied", "credit_memo", "-200.00")] == [
        (row[1], row[2], row[3]) for row in told(report_of(of, CreditActivity, client="acme"))
    ]
    of.row("52", "1", "200.00", method=Method.ACCOUNT_CREDIT, on="2026-03-06")
    rows = told(report_of(of, CreditActivity, client="acme"))
    assert ["bigtime_client_credit"] * 2 == [row[2] for row in rows if row[2] == "bigtime_client_credit"]
