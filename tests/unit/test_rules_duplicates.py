"""Group B: one credit or payment that stands twice, and what only looks like it."""

from mappings.findings import Severity
from mappings.model import Method
from tests.books import BookOf

CREDIT, LABEL, MONEY = Method.ACCOUNT_CREDIT, Method.NONE, Method.MONEY


def test_a_credit_applied_twice_in_bigtime_is_told_once_as_credit_and_once_as_duplicate() -> None:
    book = BookOf()
    book.row("p1", "101", "200", method=CREDIT, on="2026-02-20")
    book.row("p2", "101", "200", method=CREDIT, on="2026-02-21")
    book.twins("101", "1000", open_in_quickbooks="1000")

    assert book.findings() == [("A2", "-200.00", "200.00"), ("B1", "-200.00", "200.00")]


def test_the_duplicate_is_urgent_when_it_makes_the_balance_negative() -> None:
    book = BookOf()
    book.row("p1", "101", "300", method=CREDIT, on="2026-02-20")
    book.row("p2", "101", "300", method=CREDIT, on="2026-02-21")
    book.twins("101", "500", open_in_quickbooks="500")

    by_code = {finding.code: finding for finding in book.evaluate().findings}

    assert by_code["B1"].severity is Severity.S1
    assert (by_code["F1"].claim_minor, by_code["F1"].exposure_minor) == (0, 10000)
    assert by_code["F1"].incident == by_code["B1"].incident


def test_two_instalments_a_month_apart_are_not_a_duplicate() -> None:
    book = BookOf()
    book.row("p1", "101", "200", method=CREDIT, on="2026-01-20")
    book.row("p2", "101", "200", method=CREDIT, on="2026-02-20")
    book.twins("101", "1000", open_in_quickbooks="1000")

    assert [code for code, _, _ in book.findings()] == ["A2", "A2"]


def test_a_credit_that_bigtime_took_back_and_gave_again_is_one_credit() -> None:
    book = BookOf()
    book.row("p1", "101", "200", method=CREDIT, on="2026-02-20")
    book.row("p2", "101", "-200", method=CREDIT, on="2026-02-21")
    book.row("p3", "101", "200", method=CREDIT, on="2026-02-21")
    book.twins("101", "1000", open_in_quickbooks="1000")

    assert book.findings() == [("A2", "-200.00", "200.00")]


def test_one_credit_memo_pushed_back_twice_is_an_echo() -> None:
    book = BookOf()
    book.twins("101", "1000", open_in_quickbooks="700")
    book.memo("7", "300", "0", on="2026-03-05")
    book.payment("9", invoices={"q101": "300"}, memos={"7": "300"}, on="2026-03-05")
    book.row("p1", "101", "300", method=LABEL, on="2026-03-06")
    book.row("p2", "101", "300", method=LABEL, on="2026-03-06")

    assert book.findings() == [("B2", "-300.00", "300.00")]


def test_an_echo_of_the_total_of_two_credits_is_an_echo() -> None:
    book = BookOf()
    book.twins("101", "1000", open_in_quickbooks="700")
    for memo, payment, amount in (("7", "9", "100"), ("8", "10", "200")):
        book.memo(memo, amount, "0", on="2026-03-05")
        book.payment(payment, invoices={"q101": amount}, memos={memo: amount}, on="2026-03-05")
        book.row(f"p{memo}", "101", amount, method=LABEL, on="2026-03-06")
    book.row("p9", "101", "300", method=LABEL, on="2026-03-07")

    assert book.findings() == [("B2", "-300.00", "300.00")]


def test_several_credits_pushed_back_as_one_payment_are_in_order() -> None:
    book = BookOf()
    book.twins("101", "1000", open_in_quickbooks="700")
    for memo, payment, amount in (("7", "9", "100"), ("8", "10", "200")):
        book.memo(memo, amount, "0", on="2026-03-05")
        book.payment(payment, invoices={"q101": amount}, memos={memo: amount}, on="2026-03-05")
    book.row("p9", "101", "300", method=LABEL, on="2026-03-07")

    assert book.findings() == []


def test_a_credit_pushed_in_two_parts_is_in_order() -> None:
    book = BookOf()
    book.twins("101", "1000", open_in_quickbooks="700")
    book.memo("7", "300", "0", on="2026-03-05")
    book.payment("9", invoices={"q101": "300"}, memos={"7": "300"}, on="2026-03-05")
    book.row("p1", "101", "100", method=LABEL, on="2026-03-06")
    book.row("p2", "101", "200", method=LABEL, on="2026-03-06")

    assert book.findings() == []


def test_a_push_that_bigtime_reversed_and_repeated_is_in_order() -> None:
    book = BookOf()
    book.twins("101", "1000", open_in_quickbooks="700")
    book.memo("7", "300", "0", on="2026-03-05")
    book.payment("9", invoices={"q101": "300"}, memos={"7": "300"}, on="2026-03-05")
    for name, amount in (("p1", "300"), ("p2", "-300"), ("p3", "300")):
        book.row(name, "101", amount, method=LABEL, on="2026-03-06")

    assert book.findings() == []


def test_a_cheque_keyed_in_both_systems_is_told_from_an_echo_by_its_reference() -> None:
    book = BookOf()
    book.twins("101", "2000", open_in_quickbooks="1000")
    book.payment("9", invoices={"q101": "1000"}, on="2026-03-05", cash="1000", reference="4711")
    book.row("p1", "101", "1000", method=MONEY, on="2026-03-05", reference="4711")
    book.row("p2", "101", "1000", method=MONEY, on="2026-03-05", reference="", word="Check")

    assert book.findings() == [("B5", "-1000.00", "1000.00")]


def test_an_invoice_that_was_posted_twice_is_told_and_not_guessed_at() -> None:
    book = BookOf()
    book.bigtime_invoice("101", "1000")
    book.quickbooks_invoice("q1", "1000", "1000", number="INV-101")
    book.quickbooks_invoice("q2", "1000", "1000", number="INV-101")

    assert book.findings() == [("B6", "0.00", "1000.00")]
    assert book.evaluate().tie_lines == ()


def test_a_void_first_posting_is_in_order() -> None:
    book = BookOf()
    book.bigtime_invoice("101", "1000")
    book.quickbooks_invoice("q1", "0", "0", number="INV-101", voided=True)
    book.quickbooks_invoice("q2", "1000", "1000", number="INV-101")

    assert book.findings() == []


def test_a_second_posting_under_a_number_made_from_the_first_is_told() -> None:
    book = BookOf()
    book.twins("101", "1000", open_in_quickbooks="1000")
    book.quickbooks_invoice("q2", "1000", "1000", number="INV-101.1")

    assert book.findings() == [("B6", "0.00", "1000.00")]


def test_an_invoice_of_the_same_total_in_quickbooks_only_is_no_second_posting() -> None:
    book = BookOf()
    book.twins("101", "1000", open_in_quickbooks="1000")
    book.quickbooks_invoice("q2", "1000", "1000", number="QB-7")

    assert book.findings() == []


def test_a_rebill_with_another_total_is_a_new_invoice() -> None:
    book = BookOf()
    book.twins("101", "1000", open_in_quickbooks="1000")
    book.quickbooks_invoice("q2", "900", "900", number="INV-101.1")

    assert book.findings() == []


def test_two_mistakes_that_share_no_payment_are_two_incidents() -> None:
    book = BookOf()
    book.twins("101", "1000", open_in_quickbooks="1000")
    book.row("p1", "101", "200", method=CREDIT, on="2026-03-05")
    book.bigtime_invoice("101", "900", seen="2026-03-08")

    by_code = {finding.code: finding for finding in book.evaluate().findings}

    assert by_code["A1"].incident != by_code["E1"].incident
    assert by_code["A1"].cause == "A client credit was applied in BigTime to a posted invoice; 1 invoice affected."
