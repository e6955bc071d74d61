"""D4: one application that the two systems book in different months."""

from datetime import date, timedelta

import msgspec

from mappings.findings import Severity
from mappings.model import History, Kind, Method, Payment, Preferences, RecordKey
from sync.rules.evaluate import evaluate_book
from tests.books import QB, BookOf, moment, noon

MONEY = Method.MONEY


def in_two_months(
    row_on: str, line_on: str, *, closed_up_to: str = "", timed: bool = False
) -> list[tuple[str, Severity]]:
    book = BookOf()
    book.twins("101", "1000", open_in_quickbooks="700")
    book.payment("9", invoices={"q101": "300"}, cash="300", on=line_on)
    key = book.row("p1", "101", "300", method=MONEY, on=row_on)
    content = book.versions[key][-1].content
    assert isinstance(content, Payment)
    book.versions[key] = []
    book.put(key, msgspec.structs.replace(content, has_time_of_day=timed), row_on)
    whole = book.book()
    if closed_up_to:
        content = Preferences(book_close_on=date.fromisoformat(closed_up_to))
        version = whole.histories[0].versions[0]
        settings = msgspec.structs.replace(version, key=RecordKey(QB, Kind.PREFERENCES, "1"), content=content)
        whole = msgspec.structs.replace(whole, preferences=History((settings,)))
    return [(each.code, each.severity) for each in evaluate_book(whole, moment("2026-05-01")).findings]


def test_an_application_of_two_months_is_to_be_looked_at_and_urgent_once_the_month_is_closed() -> None:
    assert [("D4", Severity.S3)] == in_two_months("2026-04-02", "2026-03-31")
    assert [("D4", Severity.S3)] == in_two_months("2026-03-31", "2026-04-02")
    assert [("D4", Severity.S2)] == in_two_months("2026-04-02", "2026-03-31", closed_up_to="2026-03-31")
    assert [("D4", Severity.S3)] == in_two_months("2026-04-02", "2026-03-31", closed_up_to="2026-03-30")
    assert [("D4", Severity.S3)] == in_two_months("2026-04-01", "2026-03-31")
    assert [("D4", Severity.S4)] == in_two_months("2026-04-01", "2026-03-31", closed_up_to="2026-03-31", timed=True)
    assert [("D4", Severity.S3)] == in_two_months("2026-04-02", "2026-03-31", timed=True)
    assert [("D4", Severity.S3)] == in_two_months("2027-03-31", "2026-03-31")
    assert [] == in_two_months("2026-03-02", "2026-03-31")


def test_a_pair_that_is_in_order_does_not_hide_the_next_one_of_two_months() -> None:
    book = BookOf()
    book.twins("101", "1000", open_in_quickbooks="100")
    for name, amount, row_on, line_on in (
        ("1", "100", "2026-03-05", "2026-03-05"),
        ("2", "300", "2026-03-06", "2026-03-06"),
        ("3", "500", "2026-04-02", "2026-03-31"),
    ):
        book.payment(name, invoices={"q101": amount}, cash=amount, on=line_on)
        for part, method in ((amount, MONEY),):
            book.row(f"r{name}", "101", part, method=method, on=row_on)

    assert [("D4", "0.00", "500.00")] == book.findings("2026-05-01")


def test_what_arrived_in_parts_or_was_taken_back_has_no_month_of_its_own_and_hides_nobody_elses() -> None:
    book = BookOf()
    book.twins("101", "2000", open_in_quickbooks="1700")
    book.row("a", "101", "70", method=MONEY, on="2026-03-05")
    book.row("b", "101", "-70", method=MONEY, on="2026-04-02")
    book.row("c", "101", "300", method=MONEY, on="2026-04-02")
    for name, amount in (("8", "100"), ("9", "200")):
        book.payment(name, invoices={"q101": amount}, cash=amount, on="2026-03-31")
    assert [] == book.findings("2026-05-01")

    book.payment("10", invoices={"q101": "500"}, cash="500", on="2026-03-31")
    book.row("d", "101", "500", method=MONEY, on="2026-04-02")
    book.quickbooks_invoice("q101", "2000", "1200", number="INV-101")
    assert [("D4", "0.00", "500.00")] == book.findings("2026-05-01")


def applied_later(*pairs: tuple[str, str, timedelta]) -> list[str]:
    """Invoices that hold an application, by the number of those told: BigTime's day, QuickBooks' day, and how long
    after it was entered at noon of that day the payment was put on the invoice."""
    book = BookOf()
    for place, (row_on, paid_on, later) in enumerate(pairs):
        sid = f"10{place}"
        book.twins(sid, "1000", open_in_quickbooks="700")
        key = book.payment(f"9{place}", invoices={f"q{sid}": "300"}, cash="300", on=paid_on)
        content = book.versions.pop(key)[-1].content
        assert isinstance(content, Payment)
        book.put(key, msgspec.structs.replace(content, modified_at=noon(paid_on) + later), paid_on)
        book.row(f"p{sid}", sid, "300", method=MONEY, on=row_on)
    found = book.evaluate("2026-05-01").findings
    return [each.invoice.number for each in found if each.code == "D4" and each.invoice is not None]


def test_bigtimes_day_may_be_the_one_on_which_an_old_payment_was_applied_but_not_a_later_or_an_earlier_one() -> None:
    week = timedelta(days=7)

    assert [] == applied_later(("2026-04-07", "2026-03-31", week))
    assert [] == applied_later(("2026-04-08", "2026-03-31", week))
    assert ["INV-100"] == applied_later(("2026-04-09", "2026-03-31", week))
    assert ["INV-100"] == applied_later(("2026-03-31", "2026-04-01", week))


def test_a_payment_that_was_corrected_within_the_hour_was_not_applied_later() -> None:
    hour, second = timedelta(hours=1), timedelta(seconds=1)

    assert ["INV-100"] == applied_later(("2026-04-01", "2026-03-31", hour))
    assert [] == applied_later(("2026-04-01", "2026-03-31", hour + second))


def test_an_old_payment_that_was_applied_late_does_not_hide_the_next_one_of_two_months() -> None:
    """Both on one invoice, the late one first."""
    book = BookOf()
    book.twins("101", "1000", open_in_quickbooks="200")
    book.payment("9", invoices={}, cash="300", unapplied="300", on="2026-03-20")
    book.payment("9", invoices={"q101": "300"}, cash="300", on="2026-03-20", seen="2026-04-06")
    book.payment("10", invoices={"q101": "500"}, cash="500", on="2026-03-31")
    book.row("p1", "101", "300", method=MONEY, on="2026-04-06")
    book.row("p2", "101", "500", method=MONEY, on="2026-04-02")

    assert [("D4", "0.00", "500.00")] == book.findings("2026-05-01")
