"""The desk as it is opened: which invoices are on it, what BigTime shows as due, and what paid an application."""

from mappings.model import Kind, LineTarget, Method, RecordKey
from sync.rules.desk import Funding
from sync.rules.opening import funding_of
from tests.books import BT, BookOf
from tests.unit.book_building import payment

INVOICE, MEMO = LineTarget.INVOICE, LineTarget.CREDIT_MEMO


def test_an_invoice_that_bigtime_has_deleted_does_not_hide_the_next_one() -> None:
    book = BookOf()
    book.twins("100", "1000", open_in_quickbooks="1000")
    book.gone(RecordKey(BT, Kind.INVOICE, "100"), "2026-03-09")
    book.twins("101", "1000", open_in_quickbooks="1000")
    book.row("p1", "101", "400", method=Method.MONEY, on="2026-03-05")

    assert ["INV-101"] == [line.invoice.number for line in book.evaluate().tie_lines]
    assert ("C4", "-400.00", "400.00") in book.findings()


def marked_as_paid(total: str, *, rows: str = "", balance: str = "") -> tuple[int, list[str]]:
    """What BigTime shows as due on an invoice that is marked as paid there and open in QuickBooks, and the claims."""
    book = BookOf()
    book.quickbooks_invoice("q101", total, total, number="INV-101")
    book.bigtime_invoice("101", total, paid=True, balance=balance)
    if rows:
        book.row("p1", "101", rows, method=Method.MONEY, on="2026-03-05")
    result = book.evaluate()
    (line,) = result.tie_lines
    assert line.residual_minor == 0
    return line.bigtime_minor, sorted(each.code for each in result.findings if each.claim_minor)


def test_nothing_is_due_of_an_invoice_that_is_marked_as_paid_down_to_one_cent() -> None:
    assert (0, ["A5"]) == marked_as_paid("1000")
    assert (0, ["A5"]) == marked_as_paid("0.01")


def test_a_mark_on_an_invoice_whose_payments_cover_it_explains_nothing() -> None:
    """BigTime shows 50.00 as due of an invoice that its own payments have paid: the mark is not to blame."""
    assert (0, ["C4"]) == marked_as_paid("1000", rows="1000")
    assert (5000, ["C4", "F10"]) == marked_as_paid("1000", rows="1000", balance="50")


def test_a_payment_over_nothing_is_no_difference() -> None:
    book = BookOf()
    book.twins("101", "1000", open_in_quickbooks="1000")
    book.row("p1", "101", "0.00", method=Method.MONEY, on="2026-03-05")

    assert () == book.evaluate().findings


def test_one_cent_of_money_beside_a_credit_makes_a_mixed_payment() -> None:
    lines = ((INVOICE, "10", 100), (MEMO, "20", 99))

    assert Funding.MIXED == funding_of(payment(1, *lines))
    assert Funding.CREDIT == funding_of(payment(0, *lines))
    assert Funding.CREDIT == funding_of(payment(50, *lines, unapplied=50))
    assert Funding.CASH == funding_of(payment(100, lines[0]))
