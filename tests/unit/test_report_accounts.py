"""Applied balance per month, receivable account and currency: the payment says on which account it stands."""

from decimal import Decimal

from sync.reports.applied_balance import AppliedBalance, AppliedMonth, AppliedRow
from sync.reports.report import Report
from tests.reporting import Firm, applied_total, text

RETAINERS = "Accounts Receivable (A/R) - Retainers"


def months(report: Report) -> list[tuple[str, str, str, str, str, str]]:
    """Month, account, currency, customer balance, accounts receivable, money received."""
    assert report.breakdown is not None
    return [
        (
            row.month, row.account, row.currency,
            text(row.customer_balance), text(row.accounts_receivable), text(row.payments_received),
        )
        for row in report.breakdown.rows
        if isinstance(row, AppliedMonth)
    ]  # fmt: skip


def two_accounts() -> tuple[Firm, str]:
    """110 of September and 50 of October on the usual account, 75 of October on the account of retainers."""
    firm = Firm()
    retainers = firm.books.add_account(RETAINERS, "Accounts Receivable")
    memo = firm.books.create_credit_memo(firm.acme, "CM-1", "500", on=firm.at("2026-09-02"))
    usual = "1"  # the account that every company begins with
    for day, number, amount, account in (
        ("2026-09-05", "1001", "110", usual),
        ("2026-10-05", "1002", "50", usual),
        ("2026-10-06", "1003", "75", retainers),
    ):
        invoice = firm.books.create_invoice(firm.acme, number, amount, on=firm.at(day))
        firm.books.book_on(firm.books.apply_credit(memo, invoice, amount, on=firm.at(day)), account)
    paid = firm.books.receive_payment(firm.acme, "20", on=firm.at("2026-10-07"))
    firm.books.book_on(paid, retainers)
    firm.at("2026-11-02")
    firm.read()
    return firm, retainers


def test_the_figures_are_told_per_month_account_and_currency() -> None:
    firm, _ = two_accounts()
    report = firm.applied()
    assert [
        ("2026-09", "Accounts Receivable (A/R)", "USD", "-110.00", "-110.00", "0.00"),
        ("2026-10", "Accounts Receivable (A/R)", "USD", "-50.00", "-50.00", "0.00"),
        ("2026-10", RETAINERS, "USD", "-75.00", "-75.00", "20.00"),
    ] == months(report)
    assert Decimal(-235) == applied_total(report)["customer_balance"]


def test_one_account_can_be_asked_for_by_its_name_or_id() -> None:
    firm, retainers = two_accounts()
    for asked in (RETAINERS, RETAINERS.upper(), retainers):
        scope = firm.scope("2026-10", account=asked)
        report = firm.report(AppliedBalance(scope), scope)
        total = applied_total(report)
        assert (Decimal(-75), Decimal(20)) == (total["customer_balance"], total["payments_received"])
        assert {RETAINERS} == {row.account for row in report.rows if isinstance(row, AppliedRow)}


def test_a_payment_that_moves_to_another_account_leaves_the_past_where_it_was() -> None:
    """What was applied under one account stays there; what is un-applied under another stands there."""
    firm = Firm()
    retainers = firm.books.add_account(RETAINERS, "Accounts Receivable")
    memo = firm.books.create_credit_memo(firm.acme, "CM-1", "500", on=firm.at("2026-09-02"))
    invoice = firm.books.create_invoice(firm.acme, "1001", "110", on=firm.at("2026-09-05"))
    link = firm.books.apply_credit(memo, invoice, "110", on=firm.at("2026-09-05"))
    firm.books.book_on(link, "1")
    firm.read()
    then = firm.clock.now()
    firm.at("2026-10-01")
    firm.books.book_on(link, retainers)
    firm.read()
    firm.at("2026-10-09")
    firm.books.unapply(link, invoice)
    firm.read()
    assert [
        ("2026-09", "Accounts Receivable (A/R)", "USD", "-110.00", "-110.00", "0.00"),
        ("2026-10", RETAINERS, "USD", "110.00", "110.00", "0.00"),
    ] == months(firm.applied())
    scope = firm.scope(as_of=then)
    assert ["Accounts Receivable (A/R)"] == [row[1] for row in months(firm.report(AppliedBalance(scope), scope))]


def test_a_company_with_one_account_needs_no_word_about_it() -> None:
    firm = Firm()
    memo = firm.books.create_credit_memo(firm.acme, "CM-1", "500", on=firm.at("2026-09-02"))
    invoice = firm.books.create_invoice(firm.acme, "1001", "110", on=firm.at("2026-09-05"))
    firm.books.apply_credit(memo, invoice, "110", on=firm.at("2026-09-05"))
    firm.read()
    assert [("2026-09", "Accounts Receivable (A/R)", "USD", "-110.00", "-110.00", "0.00")] == months(firm.applied())
