"""Where a client's credit came from, when its uses came into being, and what is only bounded."""

from datetime import date

import msgspec
import pytest

from mappings.model import Kind, LineTarget, Method
from sync.reports.applied_balance import AppliedBalance, AppliedRow
from sync.reports.credit_activity import ActivityRow, CreditActivity
from sync.reports.credit_balances import BalanceRow, CreditBalances
from sync.reports.opened import open_books
from sync.reports.payments import PaymentRow, Payments
from sync.reports.report import Gatherer, Report
from sync.reports.scope import Dating, Scope
from tests.books import BookOf, noon
from tests.reporting import NEW_YORK, Firm, applied_rows, text
from tests.unit.book_building import book, client, invoice, payment, quickbooks


def told(report: Report) -> list[tuple[str, str, str, str]]:
    """Occasion, origin, original and current amount of each row."""
    rows = [row for row in report.rows if isinstance(row, ActivityRow)]
    return [(row.occasion, row.origin, text(row.original), text(row.current)) for row in rows]


@pytest.mark.parametrize(("discount", "origin"), [(0, "line_removed_after_payment"), (3000, "discount_after_payment")])
def test_a_paid_invoice_that_is_lowered_gives_credit_and_the_reason_is_named(discount: int, origin: str) -> None:
    before, after = invoice("1001", 10000, balance=0), invoice("1001", 7000, balance=0)
    paid = payment(10000, (LineTarget.INVOICE, "10", 10000))
    loose = payment(10000, (LineTarget.INVOICE, "10", 7000), unapplied=3000)
    one = book(
        quickbooks(Kind.CUSTOMER, "c", client("Acme")),
        quickbooks(Kind.INVOICE, "10", before, msgspec.structs.replace(after, discount_minor=discount)),
        quickbooks(Kind.PAYMENT, "1", paid, loose),
    )
    scope = Scope(company="acme", as_of=noon("2026-04-01"), timezone=NEW_YORK)
    gatherer = CreditActivity(scope)
    for opened in open_books([one], scope):
        gatherer.add(opened)
    assert [("issued", origin, "30.00", "30.00")] == told(gatherer.report())


def test_a_line_taken_off_a_paid_invoice_in_quickbooks_gives_a_credit() -> None:
    firm = Firm()
    number = firm.books.create_invoice(firm.acme, "1001", "100", on=firm.at("2026-09-05"))
    firm.books.receive_payment(firm.acme, "100", on=firm.at("2026-09-08"), apply={number: "100"})
    firm.read()
    firm.at("2026-09-20")
    firm.books.edit_invoice(number, amount="70")
    firm.read()
    assert [("issued", "line_removed_after_payment", "30.00", "30.00")] == told(firm.activity())


def test_each_origin_of_a_credit_is_told_apart() -> None:
    firm = Firm()
    day = firm.at("2026-09-05")
    number = firm.books.create_invoice(firm.acme, "1001", "100", on=day)
    firm.books.receive_payment(firm.acme, "150", on=day, apply={number: "100"})
    firm.books.receive_payment(firm.acme, "70", on=day)
    firm.books.create_credit_memo(firm.acme, "CM-1", "20", on=day)
    firm.books.journal_entry(
        [("1", firm.acme, "Credit", "30"), ("Bad Debts", None, "Debit", "30")], on=day, number="J-1"
    )
    firm.read()
    assert {"overpayment": "50.00", "prepayment": "70.00", "credit_memo": "20.00", "journal_entry": "30.00"} == {
        origin: current for _, origin, _, current in told(firm.activity())
    }


def test_a_credit_memo_that_is_voided_and_a_refund_leave_nothing() -> None:
    firm = Firm()
    voided = firm.books.create_credit_memo(firm.acme, "CM-1", "20", on=firm.at("2026-09-05"))
    refunded = firm.books.create_credit_memo(firm.acme, "CM-2", "30", on=firm.at("2026-09-05"))
    firm.read()
    firm.books.refund_credit(refunded, "30", on=firm.at("2026-09-20"))
    firm.books.void_credit_memo(voided)
    firm.read()
    report = firm.activity()
    assert [("issued", "20.00"), ("issued", "30.00"), ("voided", "-20.00"), ("refunded", "-30.00")] == sorted(
        ((occasion, original) for occasion, _, original, _ in told(report)),
        key=lambda one: ["issued", "voided", "refunded"].index(one[0]),
    )
    assert ("Acme has no credit in USD.",) == report.lines


def test_a_client_credit_of_bigtime_is_known_by_its_use() -> None:
    of = BookOf()
    of.bigtime_invoice("1", "500.00")
    of.row("51", "1", "200.00", method=Method.ACCOUNT_CREDIT, on="2026-03-05")
    report = report_of(of, CreditActivity, client="acme")
    assert [
        ("issued", "bigtime_client_credit", "200.00", "0.00"),
        ("applied", "bigtime_client_credit", "-200.00", "0.00"),
    ] == told(report)


def test_what_quickbooks_links_by_itself_belongs_to_the_day_on_which_it_did() -> None:
    """It dates the link like the newer of the two documents, whenever it makes it."""
    firm = Firm()
    memo = firm.books.create_credit_memo(firm.acme, "CM-1", "100", on=firm.at("2026-09-10"))
    number = firm.books.create_invoice(firm.acme, "1001", "100", on=firm.at("2026-09-20"))
    firm.at("2026-10-07")
    firm.books.apply_credit(memo, number, "100", on=date(2026, 9, 20), auto=True)
    firm.read()
    assert [("2026-10-07", "1001", "applied", "-100.00", "-100.00")] == applied_rows(firm.applied("2026-10"))
    booked = firm.scope("2026-09", dating=Dating.BOOKED)
    assert "2026-09-20" == applied_rows(firm.report(AppliedBalance(booked), booked))[0][0]


def test_an_application_that_nobody_dated_carries_the_interval_in_which_it_happened() -> None:
    firm = Firm()
    paid = firm.books.receive_payment(firm.acme, "500", on=firm.at("2026-09-10"))
    number = firm.books.create_invoice(firm.acme, "1001", "110", on=firm.at("2026-09-15"))
    firm.at("2026-10-05")
    seen = firm.read()
    firm.at("2026-10-12")
    firm.books.apply_payment(paid, number, "110")
    changed = firm.clock.now()
    firm.at("2026-10-19")
    firm.read()
    (row,) = firm.applied("2026-10").rows
    assert isinstance(row, AppliedRow)
    assert (date(2026, 10, 12), seen) == (row.date, row.earliest)
    assert row.latest is not None
    assert row.earliest is not None
    assert row.earliest < row.latest <= changed.replace(microsecond=999_999)


@pytest.mark.parametrize(("read_on", "is_said"), [("2026-09-28", True), ("2026-09-30", False), ("2026-10-01", False)])
def test_what_may_belong_to_the_month_before_is_said(read_on: str, *, is_said: bool) -> None:
    firm = Firm()
    paid = firm.books.receive_payment(firm.acme, "500", on=firm.at("2026-09-10"))
    number = firm.books.create_invoice(firm.acme, "1001", "110", on=firm.at("2026-09-15"))
    firm.at(read_on)
    firm.read()
    firm.at("2026-10-01")
    firm.clock.advance(hours=2)
    firm.books.apply_payment(paid, number, "110")
    firm.read()
    report = firm.applied("2026-10")
    assert ["2026-10-01"] == [row[0] for row in applied_rows(report)]
    said = "Acme: 110.00 USD on 1001 was applied between 2026-09-28 and 2026-10-01; it is counted in 2026-10."
    assert ((said,) if is_said else ()) == report.lines


def test_the_split_of_a_payment_over_several_invoices_is_bounded_where_it_is_not_known() -> None:
    firm = Firm()
    memo = firm.books.create_credit_memo(firm.acme, "CM-1", "60", on=firm.at("2026-10-01"))
    first = firm.books.create_invoice(firm.acme, "1001", "50", on=firm.at("2026-10-02"))
    second = firm.books.create_invoice(firm.acme, "1002", "50", on=firm.at("2026-10-02"))
    firm.books.receive_payment(
        firm.acme, "40", on=firm.at("2026-10-03"), apply={first: "50", second: "50"}, credits={memo: "60"}
    )
    firm.read()
    scope = firm.scope("2026-10")
    (row,) = firm.report(Payments(scope), scope).rows
    assert isinstance(row, PaymentRow)
    assert ("100.00", "40.00", "60.00") == (text(row.amount), text(row.cash), text(row.credit))
    assert (
        "1001: cash [0.00, 40.00], credit [10.00, 50.00]",
        "1002: cash [0.00, 40.00], credit [10.00, 50.00]",
    ) == row.on_invoices
    assert [("2026-10-03", "1001, 1002", "applied", "-60.00", "-60.00")] == applied_rows(firm.applied("2026-10"))


def test_balances_of_a_month_that_is_over_are_rolled_back() -> None:
    firm = Firm()
    paid = firm.books.receive_payment(firm.acme, "500", on=firm.at("2026-09-10"))
    number = firm.books.create_invoice(firm.acme, "1001", "110", on=firm.at("2026-09-15"))
    firm.read()
    firm.at("2026-10-12")
    firm.books.apply_payment(paid, number, "110")
    firm.read()
    scope = firm.scope("2026-09")
    (then,) = firm.report(CreditBalances(scope), scope).rows
    scope = firm.scope()
    (now,) = firm.report(CreditBalances(scope), scope).rows
    assert isinstance(then, BalanceRow)
    assert isinstance(now, BalanceRow)
    assert ("110.00", "500.00") == (text(then.debit_balance), text(then.credit_balance))
    assert ("0.00", "390.00") == (text(now.debit_balance), text(now.credit_balance))


@pytest.mark.parametrize(
    ("day", "bucket"),
    [
        ("2026-03-02", "age_0_30"), ("2026-03-01", "age_31_60"), ("2026-01-31", "age_31_60"),
        ("2026-01-30", "age_61_90"), ("2026-01-01", "age_61_90"), ("2025-12-31", "age_91_180"),
        ("2025-10-03", "age_91_180"), ("2025-10-02", "age_181_365"), ("2025-04-01", "age_181_365"),
        ("2025-03-31", "age_over_365"),
    ],
)  # fmt: skip
def test_a_credit_is_as_old_as_its_occasion(day: str, bucket: str) -> None:
    of = BookOf()
    of.memo("7", "500.00", "500.00", on=day)
    (row,) = report_of(of, CreditBalances).rows
    assert "500.00" == text(getattr(row, bucket))


def test_a_client_is_found_by_his_name_or_id_in_either_system() -> None:
    of = BookOf()
    of.memo("7", "500.00", "500.00", on="2026-03-02")
    for asked in ("Acme", "ACME", "12", "301"):
        assert 1 == len(report_of(of, CreditBalances, client=asked).rows)
    assert () == report_of(of, CreditBalances, client="Nobody").rows


def report_of(of: BookOf, making: type[Gatherer], **asked: str) -> Report:
    """A report over a book that was built by hand."""
    scope = Scope(company="acme", as_of=noon("2026-04-01"), timezone=NEW_YORK, client=asked.get("client", ""))
    gatherer = making(scope)  # type: ignore[call-arg]
    for opened in open_books([of.book()], scope):
        gatherer.add(opened)
    return gatherer.report()
