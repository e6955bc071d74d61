"""Breaks of the credit ledger: F9 and F11 are found where they are planted, and nowhere else."""

from tests.books import BookOf


def test_a_roll_forward_that_does_not_add_up_names_the_unexplained_part() -> None:
    """500 issued, 110 applied, and 380 left: 10 are unexplained."""
    of = BookOf()
    of.twins("1", "110.00", open_in_quickbooks="0.00")
    of.memo("7", "500.00", "380.00", on="2026-03-02")
    of.payment("9", invoices={"q1": "110.00"}, memos={"7": "110.00"}, on="2026-03-05")
    found = [finding for finding in of.evaluate().findings if finding.code == "F9"]
    assert [(1000, 0, "12")] == [(one.exposure_minor, one.claim_minor, one.client.quickbooks) for one in found]
    assert "-10.00 USD of the client's credit is unexplained" in found[0].explanation


def test_a_roll_forward_that_adds_up_is_no_finding() -> None:
    of = BookOf()
    of.twins("1", "110.00", open_in_quickbooks="0.00")
    of.memo("7", "500.00", "390.00", on="2026-03-02")
    of.payment("9", invoices={"q1": "110.00"}, memos={"7": "110.00"}, on="2026-03-05")
    assert not {finding.code for finding in of.evaluate().findings} & {"F9", "F11"}


def test_a_credit_that_is_gone_and_still_used_breaks_the_roll_forward() -> None:
    of = BookOf()
    of.twins("1", "110.00", open_in_quickbooks="0.00")
    memo = of.memo("7", "110.00", "0.00", on="2026-03-02")
    of.payment("9", invoices={"q1": "110.00"}, memos={"7": "110.00"}, on="2026-03-05")
    of.gone(memo, "2026-03-09")
    assert [11000] == [finding.exposure_minor for finding in of.evaluate().findings if finding.code == "F9"]


def test_a_payment_whose_credit_is_more_than_it_pays_is_found() -> None:
    of = BookOf()
    of.twins("1", "110.00", open_in_quickbooks="0.00")
    of.memo("7", "500.00", "350.00", on="2026-03-02")
    of.payment("9", invoices={"q1": "110.00"}, memos={"7": "150.00"}, on="2026-03-05")
    assert [4000] == [finding.exposure_minor for finding in of.evaluate().findings if finding.code == "F11"]


def test_an_application_above_the_invoice_is_an_error_and_not_a_bigger_number() -> None:
    of = BookOf()
    of.twins("1", "110.00", open_in_quickbooks="-40.00")
    of.memo("7", "500.00", "350.00", on="2026-03-02")
    of.payment("9", invoices={"q1": "150.00"}, memos={"7": "150.00"}, on="2026-03-05")
    found = [finding for finding in of.evaluate().findings if finding.code == "F11"]
    assert [4000] == [finding.exposure_minor for finding in found]
    assert "40.00 USD more than it was for" in found[0].explanation


def test_money_above_an_invoice_is_not_taken_for_credit() -> None:
    of = BookOf()
    of.twins("1", "110.00", open_in_quickbooks="-40.00")
    of.payment("9", invoices={"q1": "150.00"}, cash="150.00", on="2026-03-05")
    assert not [finding for finding in of.evaluate().findings if finding.code == "F11"]
