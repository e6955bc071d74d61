"""Groups C, D and F: in one system only, or in both with different attributes."""

from mappings.findings import Severity
from mappings.model import Method
from sync.rules.evaluate import evaluate_book
from tests.books import BookOf, moment

CREDIT, LABEL, MONEY = Method.ACCOUNT_CREDIT, Method.NONE, Method.MONEY


def _applied_in_quickbooks_only() -> BookOf:
    book = BookOf()
    book.twins("101", "1000", open_in_quickbooks="700")
    book.memo("7", "300", "0", on="2026-03-05")
    book.payment("9", invoices={"q101": "300"}, memos={"7": "300"}, on="2026-03-05")
    return book


def test_a_credit_that_never_reached_bigtime_is_told_after_the_grace_period() -> None:
    assert _applied_in_quickbooks_only().findings("2026-03-08") == [("C3", "300.00", "300.00")]


def test_within_the_grace_period_it_is_only_noted_and_comes_up_again_when_grace_ends() -> None:
    book = _applied_in_quickbooks_only()

    early = evaluate_book(book.book(), moment("2026-03-05"))

    assert [(finding.code, finding.severity, finding.claim_minor) for finding in early.findings] == [
        ("G4", Severity.S4, 30000)
    ]
    assert early.recheck_at == moment("2026-03-06").now


def test_a_payment_that_only_bigtime_has_is_told_without_a_cause() -> None:
    book = BookOf()
    book.twins("101", "1000", open_in_quickbooks="1000")
    book.row("p1", "101", "400", method=MONEY, on="2026-03-05")

    assert book.findings() == [("C4", "-400.00", "400.00")]


def test_a_payment_that_quickbooks_left_unapplied_is_told_as_such() -> None:
    book = BookOf()
    book.twins("101", "1000", open_in_quickbooks="1000")
    book.payment("9", invoices={}, on="2026-03-05", cash="400", unapplied="400")
    book.row("p1", "101", "400", method=MONEY, on="2026-03-05")

    assert book.findings("2026-03-20") == [("C6b", "-400.00", "400.00")]


def test_an_overpayment_is_information_until_it_is_stale() -> None:
    book = BookOf()
    book.payment("9", invoices={}, on="2026-03-01", cash="150", unapplied="50")

    fresh, stale = book.evaluate("2026-03-20"), book.evaluate("2026-04-10")

    assert [(finding.code, finding.severity) for finding in fresh.findings] == [("C1", Severity.S4)]
    assert {(finding.code, finding.severity) for finding in stale.findings} == {
        ("C1", Severity.S3),
        ("F5", Severity.S3),
    }
    assert fresh.recheck_at is not None
    assert book.evaluate(f"{fresh.recheck_at:%Y-%m-%d}").findings[0].severity is Severity.S3


def test_one_payment_with_two_amounts_claims_the_difference() -> None:
    book = _applied_in_quickbooks_only()
    book.row("p1", "101", "250", method=LABEL, on="2026-03-06")

    assert book.findings() == [("D1", "50.00", "50.00")]


def test_a_credit_on_another_invoice_than_in_bigtime_is_one_finding_over_both() -> None:
    book = BookOf()
    book.twins("101", "1000", open_in_quickbooks="1000")
    book.twins("102", "1000", open_in_quickbooks="700")
    book.memo("7", "300", "0", on="2026-03-05")
    book.payment("9", invoices={"q102": "300"}, memos={"7": "300"}, on="2026-03-05", auto=True)
    book.row("p1", "101", "300", method=LABEL, on="2026-03-06")

    result = book.evaluate()

    assert [finding.code for finding in result.findings] == ["D2"]
    assert [(claim.invoice_id, claim.amount_minor) for claim in result.findings[0].claims] == [
        ("101", -30000),
        ("102", 30000),
    ]
    assert [line.residual_minor for line in result.tie_lines] == [0, 0]


def test_a_cent_between_the_totals_is_rounding() -> None:
    book = BookOf()
    book.bigtime_invoice("101", "100.01")
    book.quickbooks_invoice("q101", "100.00", "100.00", number="INV-101")

    result = book.evaluate()

    assert [(finding.code, finding.severity, finding.claim_minor) for finding in result.findings] == [
        ("D9", Severity.S4, 1)
    ]


def test_a_balance_that_bigtime_does_not_derive_from_its_own_payments_is_told() -> None:
    book = BookOf()
    book.bigtime_invoice("101", "1000", balance="850")
    book.quickbooks_invoice("q101", "1000", "1000", number="INV-101")

    assert book.findings() == [("F10", "-150.00", "150.00")]


def test_a_negative_balance_claims_nothing_itself() -> None:
    book = BookOf()
    book.row("p1", "101", "700", method=CREDIT, on="2026-02-20")
    book.twins("101", "500", open_in_quickbooks="500")

    assert sorted(book.findings()) == [("A2", "-700.00", "700.00"), ("F1", "0.00", "200.00")]


def test_equal_amounts_of_two_clients_are_two_findings_and_not_one_misplaced_credit() -> None:
    book = BookOf()
    book.twins("101", "1000", open_in_quickbooks="1000")
    book.bigtime_invoice("201", "1000", client="302")
    book.quickbooks_invoice("q201", "1000", "700", number="INV-201", client="13")
    book.memo("7", "300", "0", on="2026-03-05", client="13")
    book.payment("9", invoices={"q201": "300"}, memos={"7": "300"}, on="2026-03-05", client="13")
    book.row("p1", "101", "300", method=CREDIT, on="2026-03-05")

    assert sorted(book.findings()) == [("A1", "-300.00", "300.00"), ("C3", "300.00", "300.00")]
