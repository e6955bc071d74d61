"""Credits can only be applied up to the invoice amount: what is above is a stated error, never a larger figure."""

import pytest

from mappings.money import Money
from sync.reports.applied_balance import AppliedBalance, AppliedRow
from sync.reports.month_end import MonthEnd
from sync.reports.opened import open_books
from sync.reports.report import Report
from sync.reports.scope import Scope
from tests.books import BookOf, noon
from tests.reporting import NEW_YORK, applied_rows


def applied(of: BookOf) -> Report:
    scope = Scope(company="acme", as_of=noon("2026-04-01"), timezone=NEW_YORK)
    gatherer = AppliedBalance(scope)
    for opened in open_books([of.book()], scope):
        gatherer.add(opened)
    return gatherer.report()


def problems(report: Report) -> list[str]:
    return [row.problem for row in report.rows if isinstance(row, AppliedRow) and row.problem]


def above(of: BookOf, amount: str, *, on: str = "2026-03-05", seen: str = "") -> None:
    """All of `amount` of memo 7 stands on invoice INV-1."""
    of.payment("9", invoices={"q1": amount}, memos={"7": amount}, on=on, seen=seen)


def test_an_application_above_the_invoices_open_amount_is_an_error_not_a_bigger_number() -> None:
    of = BookOf()
    of.twins("1", "110.00", open_in_quickbooks="-40.00")
    of.memo("7", "500.00", "350.00", on="2026-03-02")
    above(of, "150.00")
    report = applied(of)
    assert [("2026-03-05", "INV-1", "applied", "-110.00", "-110.00")] == applied_rows(report)
    (line,) = report.lines
    assert line.startswith("Error: 40.00 USD more than invoice INV-1 had open is applied to it in QuickBooks")
    (total,) = report.totals
    assert (Money(-11000, "USD"), Money(11000, "USD"), Money(-4000, "USD")) == (
        total.customer_balance, total.gross_applied, total.not_on_invoices  # type: ignore[attr-defined]
    )  # fmt: skip


def test_what_is_above_is_found_though_quickbooks_shows_nothing_open() -> None:
    of = BookOf()
    of.twins("1", "110.00", open_in_quickbooks="0.00")
    of.memo("7", "500.00", "350.00", on="2026-03-02")
    above(of, "150.00")
    assert [("2026-03-05", "INV-1", "applied", "-110.00", "-110.00")] == applied_rows(applied(of))


def test_money_that_came_before_the_credit_leaves_less_open_for_it() -> None:
    of = BookOf()
    of.twins("1", "110.00", open_in_quickbooks="-40.00")
    of.memo("7", "500.00", "440.00", on="2026-03-02")
    of.payment("8", invoices={"q1": "90.00"}, on="2026-03-03", cash="90.00")
    above(of, "60.00")
    report = applied(of)
    assert [("2026-03-05", "INV-1", "applied", "-20.00", "-20.00")] == applied_rows(report)
    assert "40.00 USD more than invoice INV-1 had open" in report.lines[0]


def test_money_that_came_after_the_credit_is_no_error_of_the_credit() -> None:
    of = BookOf()
    of.twins("1", "110.00", open_in_quickbooks="-40.00")
    of.memo("7", "500.00", "440.00", on="2026-03-02")
    above(of, "60.00")
    of.payment("8", invoices={"q1": "90.00"}, on="2026-03-09", cash="90.00")
    report = applied(of)
    assert [("2026-03-05", "INV-1", "applied", "-60.00", "-60.00")] == applied_rows(report)
    assert [] == problems(report)


def test_what_was_too_much_is_given_back_first() -> None:
    """150 on an invoice of 110, of which 40 are taken off again, and then all: never more than 110 in the figures."""
    of = BookOf()
    of.twins("1", "110.00", open_in_quickbooks="-40.00")
    of.memo("7", "500.00", "350.00", on="2026-03-02")
    above(of, "150.00")
    above(of, "110.00", seen="2026-03-10")
    report = applied(of)
    assert [("2026-03-05", "applied", "-110.00"), ("2026-03-10", "unapplied", "0.00")] == [
        (day, kind, amount) for day, _, kind, amount, _ in applied_rows(report)
    ]
    of.gone(next(key for key in of.versions if key.id == "9"), "2026-03-20")
    assert ["-110.00", "0.00", "110.00"] == [amount for _, _, _, amount, _ in applied_rows(applied(of))]
    (total,) = applied(of).totals
    assert Money(0, "USD") == total.not_on_invoices == total.customer_balance  # type: ignore[attr-defined]


def test_an_invoice_that_was_lowered_later_makes_no_error_of_what_stood_on_it_before() -> None:
    of = BookOf()
    of.twins("1", "110.00", open_in_quickbooks="0.00")
    of.memo("7", "500.00", "390.00", on="2026-03-02")
    above(of, "110.00")
    of.quickbooks_invoice("q1", "70.00", "0.00", number="INV-1", seen="2026-03-12")
    above(of, "70.00", seen="2026-03-12")
    report = applied(of)
    assert ["-110.00", "40.00"] == [amount for _, _, _, amount, _ in applied_rows(report)]
    assert [] == problems(report)


@pytest.mark.parametrize("applied_amount", ["110.00", "150.00"])
def test_a_month_with_too_much_on_an_invoice_still_ties_out(applied_amount: str) -> None:
    of = BookOf()
    rest = {"110.00": ("0.00", "390.00"), "150.00": ("-40.00", "350.00")}[applied_amount]
    of.twins("1", "110.00", open_in_quickbooks=rest[0])
    of.memo("7", "500.00", rest[1], on="2026-03-02")
    above(of, applied_amount)
    month = {"first": noon("2026-03-01").date(), "last": noon("2026-03-31").date()}
    scope = Scope(company="acme", as_of=noon("2026-04-01"), timezone=NEW_YORK, **month)  # type: ignore[arg-type]
    gatherer = MonthEnd(scope)
    for opened in open_books([of.book()], scope):
        gatherer.add(opened)
    assert [] == [check for check in gatherer.pack().checks if not check.holds]
