"""Group A: posted invoices are credited only in QuickBooks."""

import pytest

from mappings.findings import Proof
from mappings.model import Method
from tests.books import BookOf

CREDIT, MEMO_LABEL, MONEY = Method.ACCOUNT_CREDIT, Method.NONE, Method.MONEY


def test_a_credit_applied_in_bigtime_after_posting_is_told_with_the_amount_quickbooks_misses() -> None:
    book = BookOf()
    book.twins("101", "1000", open_in_quickbooks="1000")
    book.row("p1", "101", "200", method=CREDIT, on="2026-03-05")

    assert book.findings() == [("A1", "-200.00", "200.00")]


def test_it_is_proved_only_when_a_complete_read_after_posting_did_not_show_it() -> None:
    book = BookOf()
    book.twins("101", "1000", open_in_quickbooks="1000")
    book.row("p1", "101", "200", method=CREDIT, on="2026-02-20", seen="2026-03-06", absent_before="2026-03-05")

    (finding,) = book.evaluate().findings

    assert (finding.code, finding.proof) == ("A1", Proof.PROVED)


def test_a_backdated_credit_proves_nothing_by_its_date() -> None:
    book = BookOf()
    book.twins("101", "1000", open_in_quickbooks="1000")
    book.row("p1", "101", "200", method=CREDIT, on="2026-02-20", seen="2026-03-06")

    (finding,) = book.evaluate().findings

    assert (finding.code, finding.proof) == ("A2", Proof.LIKELY)


def test_a_credit_given_before_posting_leaves_quickbooks_asking_for_it() -> None:
    book = BookOf()
    book.row("p1", "101", "200", method=CREDIT, on="2026-02-20", seen="2026-02-20")
    book.twins("101", "1000", open_in_quickbooks="1000")

    assert book.findings() == [("A2", "-200.00", "200.00")]


def test_an_invoice_posted_net_of_the_credit_agrees_and_is_only_noted() -> None:
    book = BookOf()
    book.bigtime_invoice("101", "1000")
    book.quickbooks_invoice("q101", "800", "800", number="INV-101")
    book.row("p1", "101", "200", method=CREDIT, on="2026-02-20")

    assert book.findings() == [("A3", "0.00", "200.00")]


def test_the_same_credit_in_both_systems_counts_twice_in_bigtime() -> None:
    book = BookOf()
    book.twins("101", "1000", open_in_quickbooks="800")
    book.memo("7", "200", "0", on="2026-03-05")
    book.payment("9", invoices={"q101": "200"}, memos={"7": "200"}, on="2026-03-05")
    book.row("p1", "101", "200", method=CREDIT, on="2026-03-05")
    book.row("p2", "101", "200", method=MEMO_LABEL, on="2026-03-06")

    assert book.findings() == [("A4", "-200.00", "200.00")]


def test_two_real_credits_of_one_amount_are_two_credits_in_quickbooks_too() -> None:
    book = BookOf()
    book.twins("101", "1000", open_in_quickbooks="600")
    for memo, payment, row in (("7", "9", "p1"), ("8", "10", "p2")):
        book.memo(memo, "200", "0", on="2026-03-05")
        book.payment(payment, invoices={"q101": "200"}, memos={memo: "200"}, on="2026-03-05")
        book.row(row, "101", "200", method=MEMO_LABEL, on="2026-03-06")

    assert book.findings() == []


@pytest.mark.parametrize(
    "label", [Method.ACCOUNT_CREDIT, Method.MONEY, Method.NONE, Method.UNKNOWN, Method.CREDIT_MEMO]
)
def test_a_pushed_back_credit_memo_is_in_order_whatever_bigtime_calls_it(label: Method) -> None:
    book = BookOf()
    book.twins("101", "1000", open_in_quickbooks="800")
    book.memo("7", "200", "0", on="2026-03-05")
    book.payment("9", invoices={"q101": "200"}, memos={"7": "200"}, on="2026-03-05")
    book.row("p2", "101", "200", method=label, on="2026-03-06")

    assert book.findings() == []


def test_a_client_credit_is_never_taken_for_a_cash_payment_of_the_same_amount() -> None:
    book = BookOf()
    book.twins("101", "1000", open_in_quickbooks="800")
    book.payment("9", invoices={"q101": "200"}, on="2026-03-05", cash="200")
    book.row("p1", "101", "200", method=CREDIT, on="2026-03-05")

    assert book.findings() == [("A1", "-200.00", "200.00"), ("C3", "200.00", "200.00")]


def test_marked_as_paid_without_payments_is_told_with_what_quickbooks_still_asks_for() -> None:
    book = BookOf()
    book.bigtime_invoice("101", "500", paid=True)
    book.quickbooks_invoice("q101", "500", "500", number="INV-101")

    assert book.findings() == [("A5", "-500.00", "500.00")]


def test_an_invoice_that_is_really_paid_may_be_marked_as_paid() -> None:
    book = BookOf()
    book.bigtime_invoice("101", "500", paid=True, balance="0")
    book.quickbooks_invoice("q101", "500", "0", number="INV-101")
    book.payment("9", invoices={"q101": "500"}, on="2026-03-05", cash="500")
    book.row("p1", "101", "500", method=MONEY, on="2026-03-05")

    assert book.findings() == []


def test_a_credit_on_an_invoice_that_is_void_in_quickbooks_is_told() -> None:
    book = BookOf()
    book.bigtime_invoice("101", "500")
    book.quickbooks_invoice("q101", "500", "500", number="INV-101")
    book.quickbooks_invoice("q101", "0", "0", number="INV-101", seen="2026-03-08", voided=True)
    book.row("p1", "101", "100", method=CREDIT, on="2026-03-05")

    assert book.findings() == [("A7", "0.00", "100.00")]
