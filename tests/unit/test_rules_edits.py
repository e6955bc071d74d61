"""Group E: what was in step and is no more. The witnesses are stored versions."""

from datetime import date

import msgspec

from mappings.findings import Proof
from mappings.model import Invoice, Kind, LineTarget, Method, Payment, PaymentLine, RecordKey, System
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


def unlinked(*, memo_now: str = "", voided: bool = False, gone: bool = False) -> BookOf:
    """A credit memo of 300.00 paid 300.00 of an invoice and was pushed back; then its link went."""
    book = _credited()
    book.payment("9", invoices={}, on="2026-03-05", seen="2026-03-09")
    book.quickbooks_invoice("q101", "1000", "1000", number="INV-101", seen="2026-03-09")
    if gone:
        book.gone(RecordKey(System.QUICKBOOKS, Kind.CREDIT_MEMO, "7"), "2026-03-09")
    elif memo_now:
        book.memo("7", memo_now, memo_now, on="2026-03-05", voided=voided, seen="2026-03-09")
    return book


def test_what_became_of_the_credit_tells_why_its_application_is_gone() -> None:
    told = {
        "E5": unlinked(memo_now="300"),
        "E3": unlinked(memo_now="100"),
        "E4": unlinked(memo_now="0", voided=True),
    }

    for code, book in told.items():
        (found,) = [each for each in book.evaluate().findings if each.claim_minor]
        assert (code, -30000, Proof.PROVED) == (found.code, found.claim_minor, found.proof)
        assert "we stored QuickBooks' application of 300.00 USD on 2026-03-05 12:00 UTC" in found.reason
    (deleted,) = [each for each in unlinked(gone=True).evaluate().findings if each.claim_minor]
    assert "E4" == deleted.code


def test_a_memo_that_was_raised_has_not_lost_its_cover() -> None:
    assert ["E5"] == [each.code for each in unlinked(memo_now="400").evaluate().findings if each.claim_minor]


def test_money_that_came_loose_is_not_money_that_is_gone() -> None:
    for unapplied, code in (("300", "C6b"), ("299", "C4")):
        book = BookOf()
        book.twins("101", "1000", open_in_quickbooks="700")
        book.payment("9", invoices={"q101": "300"}, cash="300", on="2026-03-05")
        book.row("p1", "101", "300", method=MONEY, on="2026-03-05")
        book.payment("9", invoices={}, cash="300", unapplied=unapplied, on="2026-03-05", seen="2026-03-09")
        book.quickbooks_invoice("q101", "1000", "1000", number="INV-101", seen="2026-03-09")

        assert code in [each.code for each in book.evaluate().findings if each.claim_minor]


def test_an_application_that_shrank_claims_what_it_lost() -> None:
    book = _credited()
    book.payment("9", invoices={"q101": "200"}, memos={"7": "200"}, on="2026-03-05", seen="2026-03-09")
    book.memo("7", "200", "0", on="2026-03-05", seen="2026-03-09")
    book.quickbooks_invoice("q101", "1000", "800", number="INV-101", seen="2026-03-09")

    assert [("E3", "-100.00", "100.00")] == book.findings()


def test_of_two_rows_the_pushed_back_one_is_what_came_from_the_lost_application() -> None:
    book = unlinked(memo_now="300")
    book.row("a0", "101", "300", method=CREDIT, on="2026-03-06")

    assert [("A1", "-300.00", "300.00"), ("E5", "-300.00", "300.00")] == sorted(book.findings())
    (lost,) = [each for each in book.evaluate().findings if each.code == "E5"]
    assert "p1:101" in {each.key.id for each in lost.evidence}


def test_an_application_that_is_gone_explains_one_row_of_its_own_invoice_and_amount() -> None:
    book = unlinked(memo_now="300")
    book.row("p2", "101", "300", method=LABEL, on="2026-03-06")
    book.twins("102", "1000", open_in_quickbooks="1000")
    book.row("p3", "102", "300", method=LABEL, on="2026-03-06")
    book.row("p0", "101", "299", method=LABEL, on="2026-03-06")

    assert ["C4", "C4", "C4", "E5"] == sorted(code for code, claim, _ in book.findings() if claim != "0.00")
    (lost,) = [each for each in book.evaluate().findings if each.code == "E5"]
    assert "p1:101" in {each.key.id for each in lost.evidence}


def lowered(total: str, remaining: str) -> list[tuple[str, str, str]]:
    """A memo of 500.00 with 400.00 applied, now with another total."""
    book = BookOf()
    book.twins("101", "1000", open_in_quickbooks="600")
    book.memo("7", "500", "100", on="2026-03-05")
    book.payment("9", invoices={"q101": "400"}, memos={"7": "400"}, on="2026-03-05")
    book.row("p1", "101", "400", method=LABEL, on="2026-03-06")
    book.memo("7", total, remaining, on="2026-03-05", seen="2026-03-09")
    return sorted(each for each in book.findings("2026-03-20") if each[0] in {"E3", "F8"})


def test_a_memo_below_what_is_taken_from_it_has_given_more_than_it_was_for() -> None:
    assert [("E3", "0.00", "100.00"), ("F8", "0.00", "100.00")] == lowered("300", "-100")
    assert [[], []] == [lowered("400", "0"), lowered("450", "50")]


def test_a_memo_that_was_overdrawn_from_the_beginning_was_not_edited() -> None:
    book = BookOf()
    book.memo("7", "300", "-100", on="2026-03-05")
    book.memo("7", "350", "-50", on="2026-03-05", seen="2026-03-09")

    assert ["F8"] == [code for code, _, _ in book.findings("2026-03-20") if code in {"E3", "F8"}]

    book.memo("8", "300", "0", on="2026-03-05")
    book.memo("8", "200", "-100", on="2026-03-05", seen="2026-03-09")
    assert ["E3", "F8", "F8"] == sorted(code for code, _, _ in book.findings("2026-03-20") if code in {"E3", "F8"})


def keyed_again(
    amount: str, *, reference: str = "", on: str = "2026-03-06", seen: str = "2026-03-09", word: str = ""
) -> list[tuple[str, str, str]]:
    """A cheque of 300.00 was in step, is gone from BigTime, and another row is there."""
    book = BookOf()
    book.twins("101", "1000", open_in_quickbooks="700")
    book.payment("9", invoices={"q101": "300"}, cash="300", on="2026-03-05", reference="4711")
    key = book.row("p1", "101", "300", method=MONEY, on="2026-03-06")
    book.row("p2", "101", amount, method=MONEY, on=on, reference=reference, seen=seen, word=word)
    book.gone(key, "2026-03-10")
    return sorted(each for each in book.findings() if each[1] != "0.00")


def test_deleted_and_keyed_again_is_one_change() -> None:
    change = [("E2", "-50.00", "50.00")]

    assert [change, change, change] == [
        keyed_again("350", reference="4711"),
        keyed_again("350"),
        keyed_again("350", reference="4711", on="2026-03-20"),
    ]


def test_a_row_of_another_day_type_or_reference_or_one_that_was_there_before_is_another_payment() -> None:
    two = [("C4", "-350.00", "350.00"), ("E2", "300.00", "300.00")]

    assert [two, two, two, two] == [
        keyed_again("350", reference="4712"),
        keyed_again("350", on="2026-03-07"),
        keyed_again("350", word="Wire"),
        keyed_again("350", reference="4711", seen="2026-03-06"),
    ]


def test_only_quickbooks_payments_are_asked_what_they_once_had() -> None:
    book = BookOf()
    book.twins("101", "1000", open_in_quickbooks="1000")
    book.row("p1", "101", "300", method=MONEY, on="2026-03-05")
    book.row("p1", "101", "200", method=MONEY, on="2026-03-05", seen="2026-03-09")
    book.row("p2", "101", "300", method=MONEY, on="2026-03-05")

    assert ["C4", "C4"] == [code for code, _, _ in book.findings()]


def test_a_payment_that_was_gone_for_a_while_still_had_what_it_had() -> None:
    book = _credited()
    key = RecordKey(System.QUICKBOOKS, Kind.PAYMENT, "9")
    book.gone(key, "2026-03-07")
    book.payment("9", invoices={}, on="2026-03-05", seen="2026-03-09")
    book.memo("7", "300", "300", on="2026-03-05", seen="2026-03-09")
    book.quickbooks_invoice("q101", "1000", "1000", number="INV-101", seen="2026-03-09")

    assert "E5" in [each.code for each in book.evaluate().findings if each.claim_minor]


def test_a_credit_that_we_never_read_is_not_taken_for_a_dead_one() -> None:
    book = BookOf()
    book.twins("101", "1000", open_in_quickbooks="1000")
    book.payment("9", invoices={"q101": "300"}, memos={"77": "300"}, on="2026-03-05")
    book.row("p1", "101", "300", method=LABEL, on="2026-03-06")
    book.payment("9", invoices={}, on="2026-03-05", seen="2026-03-09")

    assert ["E5"] == [each.code for each in book.evaluate().findings if each.claim_minor]


def test_a_row_that_was_changed_twice_was_one_of_two_payments_and_not_both() -> None:
    book = BookOf()
    book.twins("101", "1000", open_in_quickbooks="500")
    book.payment("8", invoices={"q101": "200"}, cash="200", on="2026-03-05")
    book.payment("9", invoices={"q101": "300"}, cash="300", on="2026-03-05")
    for amount, seen in (("200", "2026-03-06"), ("300", "2026-03-07"), ("250", "2026-03-08")):
        book.row("p1", "101", amount, method=MONEY, on="2026-03-05", seen=seen)

    assert [("C3", "300.00", "300.00"), ("E2", "-50.00", "50.00")] == sorted(book.findings())


def test_a_row_that_came_back_under_its_payments_id_is_the_same_payment_whatever_else_it_says() -> None:
    """The row's name has BigTime's time stamp in it, which changes; the payment's own id does not."""
    book = BookOf()
    book.twins("101", "1000", open_in_quickbooks="700")
    book.payment("9", invoices={"q101": "300"}, cash="300", on="2026-03-05")
    old = book.row("p1", "101", "300", method=MONEY, on="2026-03-06")
    book.gone(old, "2026-03-10")
    content = book.versions[old][0].content
    assert isinstance(content, Payment)
    changed = msgspec.structs.replace(
        content, lines=(PaymentLine(LineTarget.INVOICE, "101", 35000),), reference="other", applied_on=date(2026, 3, 20)
    )
    book.put(RecordKey(System.BIGTIME, Kind.PAYMENT, "p1:101:2"), changed, "2026-03-06")

    assert [("E2", "-50.00", "50.00")] == [each for each in book.findings() if each[1] != "0.00"]


def test_a_payment_that_shrank_twice_leaves_its_rest_to_one_of_the_rows_that_it_had_been() -> None:
    """300.00, then 250.00, now 200.00 in QuickBooks; BigTime kept a row of each earlier amount."""
    book = BookOf()
    book.twins("101", "1000", open_in_quickbooks="700")
    for amount, seen in (("300", "2026-03-05"), ("250", "2026-03-07"), ("200", "2026-03-09")):
        book.payment("9", invoices={"q101": amount}, cash=amount, on="2026-03-05", seen=seen)
    book.row("p1", "101", "300", method=MONEY, on="2026-03-05")
    book.row("p2", "101", "250", method=MONEY, on="2026-03-05")
    book.quickbooks_invoice("q101", "1000", "800", number="INV-101", seen="2026-03-09")

    assert -35000 == sum(each.claim_minor for each in book.evaluate().findings)
    assert [0] == [line.residual_minor for line in book.evaluate().tie_lines]
    assert ["C4", "C4"] == [code for code, _, _ in book.findings()]


def test_of_several_credits_behind_a_lost_application_the_one_that_was_lowered_is_found() -> None:
    book = BookOf()
    book.twins("101", "1000", open_in_quickbooks="500")
    book.memo("7", "300", "0", on="2026-03-05")
    book.payment("9", invoices={"q101": "500"}, memos={"6": "200", "7": "300"}, on="2026-03-05")
    book.row("p1", "101", "500", method=LABEL, on="2026-03-06")
    book.memo("7", "100", "100", on="2026-03-05", seen="2026-03-09")
    book.payment("9", invoices={}, on="2026-03-05", seen="2026-03-09")
    book.quickbooks_invoice("q101", "1000", "1000", number="INV-101", seen="2026-03-09")

    (found,) = [each for each in book.evaluate().findings if each.claim_minor]
    assert ("E3", -50000) == (found.code, found.claim_minor)
    assert "7" in {each.key.id for each in found.evidence}


def test_a_row_that_was_gone_for_a_while_and_came_back_with_another_amount_was_edited() -> None:
    book = _credited()
    key = RecordKey(System.BIGTIME, Kind.PAYMENT, "p1:101")
    book.gone(key, "2026-03-08")
    book.row("p1", "101", "350", method=LABEL, on="2026-03-06", seen="2026-03-09")

    assert [("E2", "-50.00", "50.00")] == book.findings()


def test_a_deleted_row_that_we_never_read_says_nothing() -> None:
    book = _credited()
    book.gone(RecordKey(System.BIGTIME, Kind.PAYMENT, "p0:101"), "2026-03-08")

    assert [] == book.findings()


def test_a_cent_that_was_taken_back_was_a_payment_too() -> None:
    book = BookOf()
    book.twins("101", "1000", open_in_quickbooks="999.98")
    for name in ("8", "9"):
        book.payment(name, invoices={"q101": "0.01"}, on="2026-03-05", cash="0.01", reference=name)
        book.row(f"p{name}", "101", "0.01", method=MONEY, on="2026-03-05", reference=name)
    book.row("r8", "101", "-0.01", method=MONEY, on="2026-03-09", reference="8")

    assert ["E2"] == [each.code for each in book.evaluate().findings if each.claim_minor]


def test_what_quickbooks_said_twice_before_it_forgot_it_is_the_witness_of_one_row_only() -> None:
    """The payment had 300.00 on the invoice in two versions; BigTime has 300.00 twice."""
    book = BookOf()
    book.twins("101", "1000", open_in_quickbooks="700")
    for reference, seen in (("4711", "2026-03-05"), ("4712", "2026-03-06")):
        book.payment("9", invoices={"q101": "300"}, cash="300", on="2026-03-05", reference=reference, seen=seen)
    for name in ("p1", "p2"):
        book.row(name, "101", "300", method=MONEY, on="2026-03-05")
    book.gone(RecordKey(System.QUICKBOOKS, Kind.PAYMENT, "9"), "2026-03-09")
    book.quickbooks_invoice("q101", "1000", "1000", number="INV-101", seen="2026-03-09")

    told = [(each.code, each.proof) for each in book.evaluate().findings if each.claim_minor]
    assert [("C4", Proof.CANNOT_TELL), ("C4", Proof.PROVED)] == sorted(told)


def in_yen(book: BookOf, key: RecordKey) -> None:
    """The last version of a QuickBooks record is in yen, which has no cents."""
    last = book.versions[key].pop()
    assert isinstance(last.content, Invoice | Payment)
    book.put(key, msgspec.structs.replace(last.content, currency="JPY"), f"{last.observed_at:%Y-%m-%d}")


def test_an_edit_is_proved_in_a_currency_without_cents_too() -> None:
    """300 yen are 300.00 in BigTime, which names no currency."""
    told = []
    for amount_now in ("350", ""):
        book = BookOf()
        book.bigtime_invoice("101", "1000")
        in_yen(book, book.quickbooks_invoice("q101", "10", "7", number="INV-101"))
        in_yen(book, book.payment("9", invoices={"q101": "3"}, cash="3", on="2026-03-05"))
        key = book.row("p1", "101", "300", method=MONEY, on="2026-03-05")
        assert [] == book.findings()
        if amount_now:
            book.row("p1", "101", amount_now, method=MONEY, on="2026-03-05", seen="2026-03-09")
        else:
            book.gone(key, "2026-03-09")
        (found,) = book.evaluate().findings
        told.append((found.code, found.proof, found.claim_minor))

    assert [("E2", Proof.PROVED, -50), ("E2", Proof.PROVED, 300)] == told


def test_one_deleted_row_was_one_of_two_equal_payments() -> None:
    book = BookOf()
    book.twins("101", "1000", open_in_quickbooks="400")
    for name in ("8", "9"):
        book.payment(name, invoices={"q101": "300"}, cash="300", on="2026-03-05")
    book.gone(book.row("p1", "101", "300", method=MONEY, on="2026-03-05"), "2026-03-09")

    assert [("C3", "300.00", "300.00"), ("E2", "300.00", "300.00")] == sorted(book.findings())


def test_a_deleted_row_of_another_amount_was_another_payment() -> None:
    book = BookOf()
    book.twins("101", "1000", open_in_quickbooks="700")
    book.payment("9", invoices={"q101": "300"}, cash="300", on="2026-03-05")
    book.gone(book.row("p1", "101", "200", method=MONEY, on="2026-03-05"), "2026-03-09")

    assert [("C3", "300.00", "300.00")] == book.findings()


def test_the_memo_that_was_voided_is_in_the_evidence() -> None:
    (found,) = [each for each in unlinked(memo_now="0", voided=True).evaluate().findings if each.code == "E4"]

    assert {"7", "9", "p1:101"} == {each.key.id for each in found.evidence}


def test_a_memo_with_something_left_does_not_hide_the_next_one_that_was_lowered() -> None:
    book = _credited()
    book.memo("6", "50", "50", on="2026-03-05")
    book.memo("7", "200", "-100", on="2026-03-05", seen="2026-03-09")

    assert ["E3"] == [code for code, _, _ in book.findings("2026-03-20") if code == "E3"]
