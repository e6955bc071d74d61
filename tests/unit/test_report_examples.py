"""The worked examples of the three documents, played in the simulated systems and told by the reports."""

from decimal import Decimal

import pytest

from sync.reports.credit_activity import ActivityTotal
from sync.reports.credit_balances import CreditBalances
from sync.reports.payments import PaymentRow, Payments
from tests.reporting import Firm, applied_rows, applied_total, rolled_total, text

OCTOBER = "2026-10"


def left(firm: Firm) -> str:
    """What the client has to his credit."""
    (total,) = firm.activity().totals
    assert isinstance(total, ActivityTotal)
    return text(total.credit_balance)


def test_example_1_a_prepayment_of_500_is_used_for_110_and_390_remain() -> None:
    firm = Firm()
    payment = firm.books.receive_payment(firm.acme, "500", on=firm.at("2026-09-10"))
    firm.read()
    invoice = firm.books.create_invoice(firm.acme, "1001", "110", on=firm.at("2026-10-05"), tax="10")
    firm.books.apply_payment(payment, invoice, "110")
    firm.read()
    report = firm.applied(OCTOBER)
    assert [("2026-10-05", "1001", "applied", "-110.00", "-110.00")] == applied_rows(report)
    assert (
        Decimal("-110.00") == applied_total(report)["customer_balance"] == applied_total(report)["accounts_receivable"]
    )
    assert "390.00" == left(firm)


def test_example_1_is_the_same_when_everything_is_read_only_at_the_end() -> None:
    firm = Firm()
    payment = firm.books.receive_payment(firm.acme, "500", on=firm.at("2026-09-10"))
    invoice = firm.books.create_invoice(firm.acme, "1001", "110", on=firm.at("2026-10-05"))
    firm.books.apply_payment(payment, invoice, "110")
    firm.at("2026-11-03")
    firm.read()
    assert [("2026-10-05", "1001", "applied", "-110.00", "-110.00")] == applied_rows(firm.applied(OCTOBER))
    assert "390.00" == left(firm)
    assert Decimal(500) == rolled_total(firm.rolled("2026-09"))["issued"]


def test_why_does_this_client_have_a_credit_of_390() -> None:
    firm = Firm()
    payment = firm.books.receive_payment(firm.acme, "500", on=firm.at("2026-09-10"), reference="4711")
    firm.read()
    invoice = firm.books.create_invoice(firm.acme, "1001", "110", on=firm.at("2026-10-05"))
    firm.books.apply_payment(payment, invoice, "110")
    firm.read()
    report = firm.activity()
    told = [(row.occasion, row.origin, text(row.original), text(row.current)) for row in report.rows]  # type: ignore[attr-defined]
    assert [("issued", "prepayment", "500.00", "390.00"), ("applied", "prepayment", "-110.00", "0.00")] == told
    assert (
        "Acme has a credit of 390.00 USD, because:",
        (
            "- On 2026-09-10, a prepayment (4711) gave 500.00 USD; 110.00 USD was used on 1001 on 2026-10-05. "
            "Of it 390.00 USD is left."
        ),
    ) == report.lines


def test_example_2_an_overpayment_of_50_is_used_beside_25_of_new_money() -> None:
    firm = Firm()
    first = firm.books.create_invoice(firm.acme, "1001", "100", on=firm.at("2026-09-05"))
    paid = firm.books.receive_payment(firm.acme, "150", on=firm.at("2026-09-08"), apply={first: "100"})
    firm.read()
    second = firm.books.create_invoice(firm.acme, "1002", "75", on=firm.at("2026-10-03"))
    firm.read()
    firm.at("2026-10-09")
    firm.books.apply_payment(paid, second, "50")
    firm.books.receive_payment(firm.acme, "25", on=firm.at("2026-10-09"), apply={second: "25"})
    firm.read()
    report = firm.applied(OCTOBER)
    assert [("2026-10-09", "1002", "applied", "-50.00", "-50.00")] == applied_rows(report)
    assert Decimal(25) == applied_total(report)["payments_received"]
    assert "overpayment" == report.rows[0].origin  # type: ignore[attr-defined]


def test_example_2_with_a_credit_memo_and_cash_in_one_payment() -> None:
    firm = Firm()
    memo = firm.books.create_credit_memo(firm.acme, "CM-1", "50", on=firm.at("2026-09-08"))
    invoice = firm.books.create_invoice(firm.acme, "1002", "75", on=firm.at("2026-10-03"))
    firm.books.receive_payment(firm.acme, "25", on=firm.at("2026-10-09"), apply={invoice: "75"}, credits={memo: "50"})
    firm.read()
    report = firm.applied(OCTOBER)
    assert [("2026-10-09", "1002", "applied", "-50.00", "-50.00")] == applied_rows(report)
    assert Decimal(25) == applied_total(report)["payments_received"]
    scope = firm.scope(OCTOBER)
    (row,) = firm.report(Payments(scope, credits_only=True), scope).rows
    assert isinstance(row, PaymentRow)
    assert ("75.00", "25.00", "50.00", "75.00", "0.00", "both") == (
        text(row.amount), text(row.cash), text(row.credit), text(row.applied), text(row.current), row.type
    )  # fmt: skip
    assert ("1002: cash 25.00, credit 50.00",) == row.on_invoices


def test_example_3_a_gift_card_of_100_pays_60_and_40_remain() -> None:
    firm = Firm()
    card = firm.books.create_credit_memo(firm.acme, "GIFT-1", "100", on=firm.at("2026-09-20"))
    order = firm.books.create_invoice(firm.acme, "1003", "60", on=firm.at("2026-10-12"))
    firm.books.apply_credit(card, order, "60", on=firm.at("2026-10-12"))
    firm.read()
    assert [("2026-10-12", "1003", "applied", "-60.00", "-60.00")] == applied_rows(firm.applied(OCTOBER))
    assert "40.00" == left(firm)


def test_example_4_120_of_a_refund_of_200_given_as_credit_and_80_remain() -> None:
    firm = Firm()
    refund = firm.books.create_credit_memo(firm.acme, "CM-200", "200", on=firm.at("2026-09-20"))
    subscription = firm.books.create_invoice(firm.acme, "1004", "120", on=firm.at("2026-10-12"))
    firm.books.apply_credit(refund, subscription, "120", on=firm.at("2026-10-12"))
    firm.read()
    report = firm.applied(OCTOBER)
    assert Decimal(-120) == applied_total(report)["accounts_receivable"]
    assert "80.00" == left(firm)


def test_the_table_of_october_runs_from_110_over_360_to_435() -> None:
    firm = Firm()
    for day, name, number, amount in (
        ("2026-10-05", "Customer A", "#1001", "110"),
        ("2026-10-12", "Customer B", "#1002", "250"),
        ("2026-10-20", "Customer C", "#1003", "75"),
    ):
        customer = firm.books.add_customer(name)
        memo = firm.books.create_credit_memo(customer, f"CM-{number}", "500", on=firm.at(day))
        invoice = firm.books.create_invoice(customer, number, amount, on=firm.at(day))
        firm.books.apply_credit(memo, invoice, amount, on=firm.at(day))
    firm.read()
    report = firm.applied(OCTOBER)
    assert ["-110.00", "-360.00", "-435.00"] == [row[-1] for row in applied_rows(report)]
    total = applied_total(report)
    assert (Decimal(435), Decimal(0), Decimal(-435), Decimal(-435)) == (
        total["gross_applied"], total["gross_unapplied"], total["customer_balance"], total["accounts_receivable"]
    )  # fmt: skip


def test_the_two_months_of_the_timeline() -> None:
    """September: cash +500 and credit +500. October: applied −110, and no entry in payments received."""
    firm = Firm()
    payment = firm.books.receive_payment(firm.acme, "500", on=firm.at("2026-09-10"))
    firm.read()
    invoice = firm.books.create_invoice(firm.acme, "1001", "110", on=firm.at("2026-10-05"))
    firm.books.apply_payment(payment, invoice, "110")
    firm.read()
    september, october = firm.applied("2026-09"), firm.applied(OCTOBER)
    assert (Decimal(500), Decimal(0)) == (
        applied_total(september)["payments_received"], applied_total(september)["customer_balance"]
    )  # fmt: skip
    assert (Decimal(0), Decimal(-110)) == (
        applied_total(october)["payments_received"], applied_total(october)["customer_balance"]
    )  # fmt: skip
    assert (Decimal(500), Decimal(500)) == (
        rolled_total(firm.rolled("2026-09"))["issued"], rolled_total(firm.rolled("2026-09"))["closing"]
    )  # fmt: skip
    assert (Decimal(500), Decimal(110), Decimal(390)) == tuple(
        rolled_total(firm.rolled(OCTOBER))[part] for part in ("opening", "applied", "closing")
    )


def test_an_invoice_voided_after_a_credit_was_applied_reverses_both_columns() -> None:
    firm = Firm()
    memo = firm.books.create_credit_memo(firm.acme, "CM-1", "200", on=firm.at("2026-09-20"))
    invoice = firm.books.create_invoice(firm.acme, "1001", "110", on=firm.at("2026-10-05"))
    firm.books.apply_credit(memo, invoice, "110", on=firm.at("2026-10-05"))
    firm.read()
    firm.at("2026-10-25")
    firm.books.void_invoice(invoice)
    firm.read()
    report = firm.applied(OCTOBER)
    assert [
        ("2026-10-05", "1001", "applied", "-110.00", "-110.00"),
        ("2026-10-25", "1001", "unapplied", "110.00", "0.00"),
    ] == applied_rows(report)
    total = applied_total(report)
    assert (Decimal(110), Decimal(110), Decimal(0)) == (
        total["gross_applied"], total["gross_unapplied"], total["customer_balance"]
    )  # fmt: skip
    assert "200.00" == left(firm)
    assert Decimal(200) == rolled_total(firm.rolled(OCTOBER))["closing"]


def test_only_110_of_a_credit_of_500_fit_on_an_invoice_of_110() -> None:
    firm = Firm()
    memo = firm.books.create_credit_memo(firm.acme, "CM-1", "500", on=firm.at("2026-10-01"))
    invoice = firm.books.create_invoice(firm.acme, "1001", "110", on=firm.at("2026-10-05"))
    firm.books.apply_credit(memo, invoice, "110", on=firm.at("2026-10-05"))
    firm.read()
    assert "390.00" == left(firm)
    assert () == firm.applied(OCTOBER).lines


def test_a_client_has_a_debit_balance_and_a_credit_balance_and_they_are_not_netted() -> None:
    firm = Firm()
    firm.books.create_invoice(firm.acme, "1001", "110", on=firm.at("2026-09-05"))
    firm.books.create_credit_memo(firm.acme, "CM-1", "390", on=firm.at("2026-09-06"))
    firm.at("2026-11-20")
    firm.read()
    scope = firm.scope()
    report = firm.report(CreditBalances(scope), scope)
    (row,) = report.rows
    assert ("110.00", "390.00", "110.00", "390.00") == (
        text(row.debit_balance), text(row.credit_balance), text(row.overdue), text(row.age_61_90)  # type: ignore[attr-defined]
    )  # fmt: skip
    assert ("Acme has a credit of 390.00 USD beside 110.00 USD overdue on 1 invoice: 1001.",) == report.lines


def test_a_credit_appears_when_it_is_used_not_when_it_is_created() -> None:
    firm = Firm()
    firm.books.create_credit_memo(firm.acme, "CM-1", "500", on=firm.at("2026-10-01"))
    firm.books.receive_payment(firm.acme, "200", on=firm.at("2026-10-02"))
    firm.read()
    report = firm.applied(OCTOBER)
    assert [] == applied_rows(report)
    assert (Decimal(0), Decimal(200)) == (
        applied_total(report)["customer_balance"], applied_total(report)["payments_received"]
    )  # fmt: skip
    assert Decimal(700) == rolled_total(firm.rolled(OCTOBER))["issued"]


def test_a_credit_that_is_put_on_a_journal_charge_has_no_invoice_and_stands_beside_the_applied_balance() -> None:
    firm = Firm()
    memo = firm.books.create_credit_memo(firm.acme, "CM-1", "500", on=firm.at("2026-10-01"))
    charge = firm.books.journal_entry(
        [("1", firm.acme, "Debit", "80"), ("Services", None, "Credit", "80")], on=firm.at("2026-10-02"), number="J-1"
    )
    firm.books.receive_payment(firm.acme, 0, on=firm.at("2026-10-03"), apply={charge: "80"}, credits={memo: "80"})
    firm.read()
    report = firm.applied(OCTOBER)
    assert [] == applied_rows(report)
    assert (Decimal(0), Decimal(-80)) == (
        applied_total(report)["customer_balance"], applied_total(report)["not_on_invoices"]
    )  # fmt: skip
    assert "420.00" == left(firm)


@pytest.mark.parametrize("cause", ["the invoice is voided", "the payment method changes", "a billing adjustment"])
def test_each_cause_of_an_unapplied_balance_raises_both_columns(cause: str) -> None:
    firm = Firm()
    memo = firm.books.create_credit_memo(firm.acme, "CM-1", "200", on=firm.at("2026-09-20"))
    invoice = firm.books.create_invoice(firm.acme, "1001", "110", on=firm.at("2026-09-25"))
    link = firm.books.apply_credit(memo, invoice, "110", on=firm.at("2026-09-25"))
    firm.read()
    firm.at("2026-10-09")
    if cause == "the invoice is voided":
        firm.books.void_invoice(invoice)
    elif cause == "the payment method changes":
        firm.books.unapply(link, invoice)
        firm.books.receive_payment(firm.acme, "110", on=firm.at("2026-10-09"), apply={invoice: "110"})
    else:
        firm.books.void_credit_memo(memo)
    firm.read()
    report = firm.applied(OCTOBER)
    assert [("2026-10-09", "1001", "unapplied", "110.00", "110.00")] == applied_rows(report)
    total = applied_total(report)
    assert Decimal(110) == total["customer_balance"] == total["accounts_receivable"] == total["gross_unapplied"]
    assert Decimal(-110) == applied_total(firm.applied("2026-09"))["customer_balance"]
    assert ("0.00" if cause == "a billing adjustment" else "200.00") == left(firm)


def test_what_can_be_done_with_a_credit_makes_it_less() -> None:
    """Applied to an outstanding sale, refunded to the client, or the payment reversed."""
    firm = Firm()
    day = firm.at("2026-10-01")
    memo = firm.books.create_credit_memo(firm.acme, "CM-1", "100", on=day)
    sale = firm.books.create_invoice(firm.acme, "1001", "60", on=day)
    paid = firm.books.create_invoice(firm.acme, "1002", "50", on=day)
    over = firm.books.receive_payment(firm.acme, "80", on=day, apply={paid: "50"})
    firm.read()
    assert "130.00" == left(firm)
    firm.books.apply_credit(memo, sale, "60", on=firm.at("2026-10-02"))
    firm.read()
    assert "70.00" == left(firm)
    firm.books.refund_credit(memo, "15", on=firm.at("2026-10-03"))
    firm.read()
    assert "55.00" == left(firm)
    firm.at("2026-10-04")
    firm.books.void_payment(over)
    firm.read()
    assert "25.00" == left(firm)
