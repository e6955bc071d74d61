"""Group E: what was in step and is no more. The witnesses are stored versions."""

from mappings.findings import Proof
from mappings.model import Kind, Method, RecordKey, System
from tests.books import BookOf

CREDIT, LABEL, MONEY = Method.ACCOUNT_CREDIT, Method.NONE, Method.MONEY


def _credited(*, push_back: str = "300") -> BookOf:
    """1,000.00, of which a credit memo paid 300.00; pushed back to BigTime. Everything agrees."""
    book = BookOf()
    book.twins("101", "1000", open_in_quickbooks="700")
    book.memo("7", "300", "0", on="2026-03-05")
    book.payment("9", invoices={"q101": "300"}, memos={"7": "300"}, on="2026-03-05")
    book.row("p1", "101", push_back, method=LABEL, on="2026-03-06")
    return book


def test_agreeing_books_have_no_findings() -> None:
    assert _credited().findings() == []


def test_a_total_edited_in_bigtime_after_posting_is_told_and_proved() -> None:
    book = BookOf()
    book.twins("101", "1000", open_in_quickbooks="1000")
    book.bigtime_invoice("101", "900", seen="2026-03-08")

    result = book.evaluate()

    assert [(finding.code, finding.claim_minor, finding.proof) for finding in result.findings] == [
        ("E1", -10000, Proof.PROVED)
    ]


def test_a_total_edited_in_quickbooks_after_posting_is_told_and_proved() -> None:
    book = BookOf()
    book.twins("101", "1000", open_in_quickbooks="1000")
    book.quickbooks_invoice("q101", "1100", "1100", number="INV-101", seen="2026-03-08", revision="1")

    result = book.evaluate()

    assert [(finding.code, finding.claim_minor, finding.proof) for finding in result.findings] == [
        ("E7", -10000, Proof.PROVED)
    ]


def test_totals_that_never_agreed_are_told_without_blaming_anybody() -> None:
    book = BookOf()
    book.bigtime_invoice("101", "900")
    book.quickbooks_invoice("q101", "1000", "1000", number="INV-101", revision="3")

    (finding,) = book.evaluate().findings

    assert (finding.code, finding.proof, finding.claim_minor) == ("E1", Proof.CANNOT_TELL, -10000)


def test_a_payment_edited_in_bigtime_after_the_sync_claims_only_the_change() -> None:
    book = _credited()
    book.row("p1", "101", "350", method=LABEL, on="2026-03-06", seen="2026-03-09")

    assert book.findings() == [("E2", "-50.00", "50.00")]


def test_a_payment_deleted_in_bigtime_after_the_sync_is_the_same_finding() -> None:
    book = _credited()
    book.gone(RecordKey(System.BIGTIME, Kind.PAYMENT, "p1:101"), "2026-03-09")

    assert book.findings() == [("E2", "300.00", "300.00")]


def test_a_memo_voided_after_the_push_back_leaves_bigtime_with_a_credit_nobody_gave() -> None:
    book = _credited()
    book.memo("7", "0", "0", on="2026-03-05", voided=True, seen="2026-03-09")
    book.payment("9", invoices={}, on="2026-03-05", seen="2026-03-09")
    book.quickbooks_invoice("q101", "1000", "1000", number="INV-101", seen="2026-03-09")

    assert book.findings() == [("E4", "-300.00", "300.00")]


def test_a_deleted_link_payment_is_a_silent_unapplication() -> None:
    book = _credited()
    book.memo("7", "300", "300", on="2026-03-05", seen="2026-03-09")
    book.gone(RecordKey(System.QUICKBOOKS, Kind.PAYMENT, "9"), "2026-03-09")
    book.quickbooks_invoice("q101", "1000", "1000", number="INV-101", seen="2026-03-09")

    assert book.findings("2026-03-20") == [("E5", "-300.00", "300.00")]


def test_a_deleted_cash_payment_is_in_bigtime_and_gone_in_quickbooks() -> None:
    book = BookOf()
    book.twins("101", "1000", open_in_quickbooks="600")
    book.payment("9", invoices={"q101": "400"}, on="2026-03-05", cash="400")
    book.row("p1", "101", "400", method=MONEY, on="2026-03-05")
    book.gone(RecordKey(System.QUICKBOOKS, Kind.PAYMENT, "9"), "2026-03-09")
    book.quickbooks_invoice("q101", "1000", "1000", number="INV-101", seen="2026-03-09")

    assert book.findings() == [("C4", "-400.00", "400.00")]


def test_a_memo_lowered_below_what_was_taken_from_it_is_told_with_the_part_that_lost_its_cover() -> None:
    book = BookOf()
    book.twins("101", "1000", open_in_quickbooks="600")
    book.memo("7", "500", "100", on="2026-03-05")
    book.payment("9", invoices={"q101": "400"}, memos={"7": "400"}, on="2026-03-05")
    book.row("p1", "101", "400", method=LABEL, on="2026-03-06")
    book.memo("7", "300", "0", on="2026-03-05", seen="2026-03-09")
    book.payment("9", invoices={"q101": "300"}, memos={"7": "300"}, on="2026-03-05", seen="2026-03-09")
    book.quickbooks_invoice("q101", "1000", "700", number="INV-101", seen="2026-03-09")

    assert book.findings() == [("E3", "-100.00", "100.00")]


def test_a_memo_lowered_while_quickbooks_keeps_the_link_is_overspent() -> None:
    book = _credited()
    book.memo("7", "200", "-100", on="2026-03-05", seen="2026-03-09")

    assert sorted(book.findings()) == [("E3", "0.00", "100.00"), ("F8", "0.00", "100.00")]


def test_an_invoice_voided_with_a_credit_on_it_is_told_once() -> None:
    book = _credited()
    book.quickbooks_invoice("q101", "0", "0", number="INV-101", seen="2026-03-09", voided=True)
    book.payment("9", invoices={}, memos={"7": "300"}, on="2026-03-05", seen="2026-03-09", unapplied="300")

    assert book.findings("2026-03-20") == [("E6", "0.00", "300.00")]
    assert book.evaluate().tie_lines == ()


def test_a_payment_that_bigtime_took_back_by_a_negative_row_was_deleted_after_sync() -> None:
    book = BookOf()
    book.twins("101", "1000", open_in_quickbooks="400")
    for name in ("8", "9"):
        book.payment(name, invoices={"q101": "300"}, on="2026-03-05", cash="300", reference=name)
        book.row(f"p{name}", "101", "300", method=MONEY, on="2026-03-05", reference=name)
    book.row("r8", "101", "-300", method=MONEY, on="2026-03-09", reference="8")

    (finding,) = book.evaluate().findings

    assert ("E2", 30000, 30000) == (finding.code, finding.claim_minor, finding.exposure_minor)
    assert "taken back by a second row" in finding.explanation


def test_a_row_that_was_never_seen_without_its_reversal_says_nothing_of_quickbooks_payment() -> None:
    book = BookOf()
    book.twins("101", "1000", open_in_quickbooks="700")
    book.payment("9", invoices={"q101": "300"}, on="2026-03-05", cash="300")
    book.row("p1", "101", "300", method=MONEY, on="2026-03-06")
    book.row("p2", "101", "-300", method=MONEY, on="2026-03-06")

    assert book.findings() == [("C3", "300.00", "300.00")]
