"""Group D: what is one payment or credit with other attributes, and what is two."""

from mappings.model import Method
from tests.books import BookOf

CREDIT, LABEL, MONEY = Method.ACCOUNT_CREDIT, Method.NONE, Method.MONEY


def _a_credit_that_never_came_over() -> BookOf:
    """1,000.00, of which QuickBooks has credited 185.00; BigTime knows nothing of it."""
    book = BookOf()
    book.twins("101", "1000", open_in_quickbooks="815")
    book.memo("7", "185", "0", on="2026-03-05")
    book.payment("9", invoices={"q101": "185"}, memos={"7": "185"}, on="2026-03-05")
    return book


def test_a_lost_credit_and_a_cheque_of_bigtime_only_are_two_things() -> None:
    book = _a_credit_that_never_came_over()
    book.row("p1", "101", "460", method=MONEY, on="2026-03-06", word="Check")

    assert book.findings() == [("C4", "-460.00", "460.00"), ("C3", "185.00", "185.00")]


def test_a_credit_with_another_amount_is_one_thing() -> None:
    book = _a_credit_that_never_came_over()
    book.row("p1", "101", "150", method=LABEL, on="2026-03-06")

    assert book.findings() == [("D1", "35.00", "35.00")]


def test_a_credit_under_the_name_that_credits_have_in_this_bigtime_is_one_thing_too() -> None:
    book = _a_credit_that_never_came_over()
    book.twins("102", "500", open_in_quickbooks="400")
    book.memo("8", "100", "0", on="2026-03-05")
    book.payment("10", invoices={"q102": "100"}, memos={"8": "100"}, on="2026-03-05")
    book.row("p2", "102", "100", method=MONEY, on="2026-03-05", word="Check")
    book.row("p1", "101", "150", method=MONEY, on="2026-03-06", word="Check")

    assert book.findings() == [("D1", "35.00", "35.00")]


def test_the_number_of_its_memo_names_a_credit_whatever_bigtime_calls_it() -> None:
    book = _a_credit_that_never_came_over()
    book.row("p1", "101", "150", method=MONEY, on="2026-03-20", word="Check", reference="CM-7")

    assert book.findings() == [("D1", "35.00", "35.00")]


def test_one_credit_that_was_pushed_under_the_name_of_a_cheque_makes_no_cheque_a_credit() -> None:
    book = _a_credit_that_never_came_over()
    book.twins("102", "500", open_in_quickbooks="300")
    book.memo("8", "100", "0", on="2026-03-05")
    book.payment("10", invoices={"q102": "100"}, memos={"8": "100"}, on="2026-03-05")
    book.row("p2", "102", "100", method=MONEY, on="2026-03-05", word="Check")
    book.payment("11", invoices={"q102": "100"}, cash="100", on="2026-03-05")
    book.row("p3", "102", "100", method=MONEY, on="2026-03-05", word="Check")
    book.row("p1", "101", "150", method=MONEY, on="2026-03-06", word="Check")

    assert sorted(book.findings()) == [("C3", "185.00", "185.00"), ("C4", "-150.00", "150.00")]


def test_a_payment_that_the_sync_may_still_bring_is_not_taken_for_another_days_with_another_amount() -> None:
    book = BookOf()
    book.twins("101", "9000", open_in_quickbooks="5785")
    book.row("p1", "101", "2865", method=MONEY, on="2026-03-30", word="Check")
    book.payment("9", invoices={"q101": "3215"}, on="2026-04-01", cash="3215")
    assert book.findings("2026-04-01") == [("C4", "-2865.00", "2865.00")]

    book.row("p2", "101", "3200", method=MONEY, on="2026-04-01", word="Check")
    assert book.findings("2026-04-01") == [("C4", "-2865.00", "2865.00"), ("D1", "15.00", "15.00")]


def test_of_two_differences_the_nearest_amounts_belong_together() -> None:
    book = BookOf()
    book.twins("101", "1000", open_in_quickbooks="200")
    for name, amount in (("8", "500"), ("9", "300")):
        book.payment(name, invoices={"q101": amount}, on="2026-03-05", cash=amount)
    book.row("p1", "101", "310", method=MONEY, on="2026-03-05")
    book.row("p2", "101", "480", method=MONEY, on="2026-03-05")

    assert sorted(book.findings()) == [("D1", "-10.00", "10.00"), ("D1", "20.00", "20.00")]


def test_of_two_differences_the_days_tell_before_the_amounts() -> None:
    book = BookOf()
    book.twins("101", "2000", open_in_quickbooks="799.76")
    book.payment("8", invoices={"q101": "575.00"}, on="2026-03-05", cash="575.00")
    book.payment("9", invoices={"q101": "625.24"}, on="2026-03-07", cash="625.24")
    book.row("p1", "101", "575.24", method=MONEY, on="2026-03-07")

    assert sorted(book.findings()) == [("C3", "575.00", "575.00"), ("D1", "50.00", "50.00")]


def _credit_here_and_there(method: Method, *, in_quickbooks_since: str) -> BookOf:
    book = BookOf()
    book.twins("101", "1000", open_in_quickbooks="1000")
    book.twins("102", "1000", open_in_quickbooks="800")
    book.memo("7", "200", "0", on="2026-03-30")
    book.payment("9", invoices={"q102": "200"}, memos={"7": "200"}, on="2026-03-30", seen=in_quickbooks_since)
    book.row("p1", "101", "200", method=method, on="2026-03-30")
    return book


def test_one_credit_on_two_invoices_is_told() -> None:
    for method, since in ((LABEL, "2026-03-30"), (LABEL, "2026-04-01"), (CREDIT, "2026-03-30")):
        book = _credit_here_and_there(method, in_quickbooks_since=since)
        assert book.findings("2026-04-01") == [("D2", "0.00", "200.00")]


def test_a_client_credit_is_not_joined_with_what_the_sync_may_still_bring_over() -> None:
    book = _credit_here_and_there(CREDIT, in_quickbooks_since="2026-04-01")

    assert book.findings("2026-04-01") == [("B4", "-200.00", "200.00")]


def test_a_credit_that_we_saw_come_loose_is_not_another_invoices_lost_one() -> None:
    book = BookOf()
    book.twins("101", "1000", open_in_quickbooks="1000")
    book.twins("102", "1000", open_in_quickbooks="775")
    for name, target in (("7", "q101"), ("8", "q102")):
        book.memo(name, "225", "0", on="2026-03-05")
        book.payment(f"p{name}", invoices={target: "225"}, memos={name: "225"}, on="2026-03-05")
    book.row("p1", "101", "225", method=LABEL, on="2026-03-05")
    book.payment("p7", invoices={}, on="2026-03-05", seen="2026-03-09")
    book.memo("7", "225", "225", on="2026-03-05", seen="2026-03-09")

    assert sorted(book.findings()) == [("C3", "225.00", "225.00"), ("E5", "-225.00", "225.00")]


def test_a_credit_that_was_put_on_another_invoice_after_it_came_loose_has_moved() -> None:
    book = BookOf()
    book.twins("101", "1000", open_in_quickbooks="1000")
    book.twins("102", "1000", open_in_quickbooks="775")
    book.memo("7", "225", "0", on="2026-03-05")
    book.payment("p7", invoices={"q101": "225"}, memos={"7": "225"}, on="2026-03-05")
    book.row("p1", "101", "225", method=LABEL, on="2026-03-05")
    book.payment("p7", invoices={}, on="2026-03-05", seen="2026-03-09")
    book.payment("p8", invoices={"q102": "225"}, memos={"7": "225"}, on="2026-03-09")

    assert book.findings() == [("D2", "0.00", "225.00")]
