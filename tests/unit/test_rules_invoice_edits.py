"""Group E: invoices that were edited, voided or deleted after posting, on one side only."""

from mappings.findings import Finding, Proof
from mappings.model import Method
from tests.books import BookOf

MONEY = Method.MONEY


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


def test_a_total_is_said_to_have_been_changed_where_it_was_changed() -> None:
    for where, edit in (("BigTime", "bigtime"), ("QuickBooks", "quickbooks")):
        book = BookOf()
        book.twins("101", "1000", open_in_quickbooks="1000")
        if edit == "bigtime":
            book.bigtime_invoice("101", "900", seen="2026-03-08")
        else:
            book.quickbooks_invoice("q101", "900", "900", number="INV-101", seen="2026-03-08")

        (found,) = book.evaluate().findings
        assert f"changed in {where}" in found.explanation


def edited(*, bigtime: tuple[str, str] = ("", ""), quickbooks: tuple[str, str] = ("", "")) -> str:
    """Which side moved: the totals that each side got and when; both had 1,000.00 on 2 March."""
    book = BookOf()
    book.twins("101", "1000", open_in_quickbooks="1000", posted="2026-03-02")
    if bigtime[0]:
        book.bigtime_invoice("101", bigtime[0], seen=bigtime[1])
    if quickbooks[0]:
        book.quickbooks_invoice("q101", quickbooks[0], quickbooks[0], number="INV-101", seen=quickbooks[1])
    (found,) = [each for each in book.evaluate().findings if each.claim_minor]
    return f"{found.code} {found.severity} {found.proof}"


def test_the_side_that_moved_last_is_the_one_that_was_edited() -> None:
    assert "E1 S2 proved" == edited(bigtime=("900", "2026-03-05"))
    assert "E7 S2 proved" == edited(quickbooks=("900", "2026-03-05"))
    assert "E1 S2 likely" == edited(bigtime=("900", "2026-03-05"), quickbooks=("800", "2026-03-06"))


def test_a_correction_on_the_day_of_posting_is_to_be_looked_at() -> None:
    assert "E1 S3 proved" == edited(bigtime=("900", "2026-03-02"))
    assert "E7 S2 proved" == edited(quickbooks=("900", "2026-03-02"))


def test_an_untouched_quickbooks_invoice_points_at_bigtime() -> None:
    for revision, proof in (("0", Proof.LIKELY), ("1", Proof.CANNOT_TELL)):
        book = BookOf()
        book.bigtime_invoice("101", "900")
        book.quickbooks_invoice("q101", "1000", "1000", number="INV-101", revision=revision)

        assert [("E1", proof)] == [(each.code, each.proof) for each in book.evaluate().findings]


def test_what_was_right_in_both_versions_at_once_is_put_down_to_bigtime() -> None:
    """Both sides moved on one day, each away from what the other says now."""
    book = BookOf()
    book.bigtime_invoice("101", "1000", seen="2026-03-02")
    book.quickbooks_invoice("q101", "900", "900", number="INV-101", seen="2026-03-02", posted="2026-03-01")
    book.bigtime_invoice("101", "900", seen="2026-03-05")
    book.quickbooks_invoice("q101", "1000", "1000", number="INV-101", seen="2026-03-05", posted="2026-03-01")

    (found,) = [each for each in book.evaluate().findings if each.claim_minor]
    assert ("E1", -10000) == (found.code, found.claim_minor)


def test_everything_on_a_voided_invoice_is_counted_once() -> None:
    book = BookOf()
    book.twins("101", "1000", open_in_quickbooks="400")
    book.twins("102", "1000", open_in_quickbooks="1000")
    book.payment("8", invoices={"q101": "200"}, cash="200", on="2026-03-04")
    book.payment("8", invoices={"q101": "250"}, cash="250", on="2026-03-04", seen="2026-03-05")
    book.payment("9", invoices={"q101": "350"}, cash="350", on="2026-03-05")
    book.payment("10", invoices={"q102": "70"}, cash="70", on="2026-03-05")
    book.payment("8", invoices={}, cash="250", unapplied="250", on="2026-03-04", seen="2026-03-09")
    book.payment("9", invoices={}, cash="350", unapplied="350", on="2026-03-05", seen="2026-03-09")
    book.payment("10", invoices={}, cash="70", unapplied="70", on="2026-03-05", seen="2026-03-09")
    book.quickbooks_invoice("q101", "0", "0", number="INV-101", seen="2026-03-09", voided=True)

    found = {each.code: each for each in book.evaluate("2026-03-20").findings}

    assert {"E6", "C1"} == found.keys()
    assert (0, 60000) == (found["E6"].claim_minor, found["E6"].exposure_minor)
    assert "was voided in QuickBooks while 600.00 USD was applied to it" in found["E6"].explanation
    assert 7000 == found["C1"].exposure_minor


def test_a_voided_invoice_with_nothing_on_it_is_in_order() -> None:
    book = BookOf()
    book.twins("101", "1000", open_in_quickbooks="1000")
    book.quickbooks_invoice("q101", "0", "0", number="INV-101", seen="2026-03-09", voided=True)

    assert [] == book.findings()


def test_a_voided_invoice_is_found_behind_one_that_lives_and_one_that_had_nothing_on_it() -> None:
    book = BookOf()
    for sid in ("101", "102", "103"):
        book.twins(sid, "1000", open_in_quickbooks="1000")
    book.payment("9", invoices={"q103": "350"}, cash="350", on="2026-03-05")
    book.payment("9", invoices={}, cash="350", unapplied="350", on="2026-03-05", seen="2026-03-09")
    for sid in ("102", "103"):
        book.quickbooks_invoice(f"q{sid}", "0", "0", number=f"INV-{sid}", seen="2026-03-09", voided=True)

    (found,) = [each for each in book.evaluate("2026-03-20").findings if each.code == "E6"]
    assert found.invoice is not None
    assert ("INV-103", 35000) == (found.invoice.number, found.exposure_minor)


def deleted_in_bigtime(open_in_quickbooks: str) -> Finding:
    """What is told of an invoice of 1,000.00 that BigTime first raised by a note and then deleted."""
    book = BookOf()
    book.twins("101", "1000", open_in_quickbooks=open_in_quickbooks)
    key = book.bigtime_invoice("101", "1000", seen="2026-03-05")
    book.gone(key, "2026-03-09")
    (found,) = [each for each in book.evaluate().findings if each.code == "E1"]
    assert book.versions[key][-2].sha256 in {each.sha256 for each in found.evidence}
    return found


def test_an_invoice_that_bigtime_deleted_after_posting_is_told_with_what_quickbooks_still_asks_for() -> None:
    found = deleted_in_bigtime("250")

    assert (0, 100000, Proof.PROVED) == (found.claim_minor, found.exposure_minor, found.proof)
    assert found.invoice is not None
    assert ("INV-101", "101", "q101") == (found.invoice.number, found.invoice.bigtime, found.invoice.quickbooks)
    assert " 250.00 USD" in found.explanation
    assert " 0.00 USD" in deleted_in_bigtime("0").explanation
