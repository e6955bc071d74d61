"""Group A: posted invoices are credited only in QuickBooks."""

from decimal import Decimal

import msgspec
import pytest

from mappings.findings import Proof
from mappings.model import Method, Payment, RecordKey
from tests.books import BookOf

CREDIT, MEMO_LABEL, MONEY = Method.ACCOUNT_CREDIT, Method.NONE, Method.MONEY


def test_a_credit_applied_in_bigtime_after_posting_is_told_with_the_amount_quickbooks_misses() -> None:
    book = BookOf()
    book.twins("101", "1000", open_in_quickbooks="1000")
    book.row("p1", "101", "200", method=CREDIT, on="2026-03-05")

    assert book.findings() == [("A1", "-200.00", "200.00")]


def test_it_is_proved_only_when_a_complete_read_after_posting_did_not_show_it() -> None:
    book = BookOf()
    book.twins("101", "1000", open_in_quickbooks="1000")
    book.row("p1", "101", "200", method=CREDIT, on="2026-02-20", seen="2026-03-06", absent_before="2026-03-05")

    (finding,) = book.evaluate().findings

    assert (finding.code, finding.proof) == ("A1", Proof.PROVED)


def test_a_backdated_credit_proves_nothing_by_its_date() -> None:
    book = BookOf()
    book.twins("101", "1000", open_in_quickbooks="1000")
    book.row("p1", "101", "200", method=CREDIT, on="2026-02-20", seen="2026-03-06")

    (finding,) = book.evaluate().findings

    assert (finding.code, finding.proof) == ("A2", Proof.LIKELY)


def test_a_credit_given_before_posting_leaves_quickbooks_asking_for_it() -> None:
    book = BookOf()
    book.row("p1", "101", "200", method=CREDIT, on="2026-02-20", seen="2026-02-20")
    book.twins("101", "1000", open_in_quickbooks="1000")

    assert book.findings() == [("A2", "-200.00", "200.00")]


def test_an_invoice_posted_net_of_the_credit_agrees_and_is_only_noted() -> None:
    book = BookOf()
    book.bigtime_invoice("101", "1000")
    book.quickbooks_invoice("q101", "800", "800", number="INV-101")
    book.row("p1", "101", "200", method=CREDIT, on="2026-02-20")

    assert book.findings() == [("A3", "0.00", "200.00")]


def test_the_same_credit_in_both_systems_counts_twice_in_bigtime() -> None:
    book = BookOf()
    book.twins("101", "1000", open_in_quickbooks="800")
    book.memo("7", "200", "0", on="2026-03-05")
    book.payment("9", invoices={"q101": "200"}, memos={"7": "200"}, on="2026-03-05")
    book.row("p1", "101", "200", method=CREDIT, on="2026-03-05")
    book.row("p2", "101", "200", method=MEMO_LABEL, on="2026-03-06")

    assert book.findings() == [("A4", "-200.00", "200.00")]


def test_two_real_credits_of_one_amount_are_two_credits_in_quickbooks_too() -> None:
    book = BookOf()
    book.twins("101", "1000", open_in_quickbooks="600")
    for memo, payment, row in (("7", "9", "p1"), ("8", "10", "p2")):
        book.memo(memo, "200", "0", on="2026-03-05")
        book.payment(payment, invoices={"q101": "200"}, memos={memo: "200"}, on="2026-03-05")
        book.row(row, "101", "200", method=MEMO_LABEL, on="2026-03-06")

    assert book.findings() == []


@pytest.mark.parametrize(
    "label", [Method.ACCOUNT_CREDIT, Method.MONEY, Method.NONE, Method.UNKNOWN, Method.CREDIT_MEMO]
)
def test_a_pushed_back_credit_memo_is_in_order_whatever_bigtime_calls_it(label: Method) -> None:
    book = BookOf()
    book.twins("101", "1000", open_in_quickbooks="800")
    book.memo("7", "200", "0", on="2026-03-05")
    book.payment("9", invoices={"q101": "200"}, memos={"7": "200"}, on="2026-03-05")
    book.row("p2", "101", "200", method=label, on="2026-03-06")

    assert book.findings() == []


def test_a_client_credit_is_never_taken_for_a_cash_payment_of_the_same_amount() -> None:
    book = BookOf()
    book.twins("101", "1000", open_in_quickbooks="800")
    book.payment("9", invoices={"q101": "200"}, on="2026-03-05", cash="200")
    book.row("p1", "101", "200", method=CREDIT, on="2026-03-05")

    assert book.findings() == [("A1", "-200.00", "200.00"), ("C3", "200.00", "200.00")]


def test_marked_as_paid_without_payments_is_told_with_what_quickbooks_still_asks_for() -> None:
    book = BookOf()
    book.bigtime_invoice("101", "500", paid=True)
    book.quickbooks_invoice("q101", "500", "500", number="INV-101")

    assert book.findings() == [("A5", "-500.00", "500.00")]


def test_an_invoice_that_is_really_paid_may_be_marked_as_paid() -> None:
    book = BookOf()
    book.bigtime_invoice("101", "500", paid=True, balance="0")
    book.quickbooks_invoice("q101", "500", "0", number="INV-101")
    book.payment("9", invoices={"q101": "500"}, on="2026-03-05", cash="500")
    book.row("p1", "101", "500", method=MONEY, on="2026-03-05")

    assert book.findings() == []


def test_a_credit_on_an_invoice_that_is_void_in_quickbooks_is_told() -> None:
    book = BookOf()
    book.bigtime_invoice("101", "500")
    book.quickbooks_invoice("q101", "500", "500", number="INV-101")
    book.quickbooks_invoice("q101", "0", "0", number="INV-101", seen="2026-03-08", voided=True)
    book.row("p1", "101", "100", method=CREDIT, on="2026-03-05")

    assert book.findings() == [("A7", "0.00", "100.00")]


def order_of(on: str, *, seen: str, absent_before: str = "", posted: str = "2026-03-01") -> tuple[str, Proof]:
    """What an AccountCredit of 200.00 is called, on an invoice posted at noon of that day."""
    book = BookOf()
    book.twins("101", "1000", open_in_quickbooks="1000", posted=posted)
    book.row("p1", "101", "200", method=CREDIT, on=on, seen=seen, absent_before=absent_before)
    (finding,) = [each for each in book.evaluate().findings if each.code in {"A1", "A2"}]
    return finding.code, finding.proof


def test_the_order_of_credit_and_posting_is_proved_by_what_we_saw_and_else_only_likely() -> None:
    assert ("A1", Proof.PROVED) == order_of("2026-02-01", seen="2026-03-05", absent_before="2026-03-02")
    assert ("A1", Proof.PROVED) == order_of("2026-02-01", seen="2026-03-05", absent_before="2026-03-01")
    assert ("A2", Proof.LIKELY) == order_of("2026-02-01", seen="2026-03-05", absent_before="2026-02-28")
    assert ("A2", Proof.PROVED) == order_of("2026-03-09", seen="2026-03-01")
    assert ("A1", Proof.LIKELY) == order_of("2026-03-02", seen="2026-03-05")
    assert ("A2", Proof.LIKELY) == order_of("2026-02-28", seen="2026-03-05")


def test_a_credit_of_the_day_of_posting_is_of_no_known_order() -> None:
    assert ("A2", Proof.CANNOT_TELL) == order_of("2026-03-01", seen="2026-03-05")


def test_each_finding_says_what_both_systems_ask_for_and_where_to_act() -> None:
    book = BookOf()
    book.twins("101", "1000", open_in_quickbooks="1000")
    book.row("p1", "101", "200", method=CREDIT, on="2026-03-05")
    (after,) = book.evaluate().findings

    assert (
        "A client credit of 200.00 USD was applied to invoice INV-101 in BigTime on 2026-03-05, after it had been "
        "posted to QuickBooks. QuickBooks does not have it: it asks for 1,000.00 USD, BigTime for 800.00 USD. Posted "
        "invoices are credited only in QuickBooks: apply a credit memo there and remove this payment in BigTime."
    ) == after.explanation


def test_the_credit_that_was_taken_off_at_posting_is_told_from_one_that_was_not() -> None:
    book = BookOf()
    book.row("p1", "101", "200", method=CREDIT, on="2026-02-20")
    book.row("p2", "101", "70", method=CREDIT, on="2026-02-21")
    book.bigtime_invoice("101", "1000")
    book.quickbooks_invoice("q101", "930", "930", number="INV-101")

    assert [("A2", "-200.00", "200.00"), ("A3", "0.00", "70.00")] == book.findings()


def test_all_credits_of_an_invoice_together_may_be_what_was_taken_off() -> None:
    book = BookOf()
    book.row("p1", "101", "200", method=CREDIT, on="2026-02-20")
    book.row("p2", "101", "70", method=CREDIT, on="2026-02-21")
    book.bigtime_invoice("101", "1000")
    book.quickbooks_invoice("q101", "730", "730", number="INV-101")

    assert [("A3", "0.00", "270.00")] == book.findings()


def test_a_cheque_is_never_what_was_taken_off_at_posting() -> None:
    book = BookOf()
    book.row("p1", "101", "200", method=MONEY, on="2026-02-20")
    book.bigtime_invoice("101", "1000")
    book.quickbooks_invoice("q101", "800", "800", number="INV-101")

    assert [("C4", "-200.00", "200.00"), ("E1", "200.00", "200.00")] == sorted(book.findings())


def test_an_invoice_posted_net_does_not_hide_the_next_ones_credit() -> None:
    book = BookOf()
    for sid in ("101", "102"):
        book.row(f"p{sid}", sid, "200", method=CREDIT, on="2026-02-20")
    book.twins("101", "1000", open_in_quickbooks="1000")
    book.bigtime_invoice("102", "1000")
    book.quickbooks_invoice("q102", "800", "800", number="INV-102")

    assert [("A2", "-200.00", "200.00"), ("A3", "0.00", "200.00")] == book.findings()


def both_systems(*memos: str, in_bigtime: str) -> list[tuple[str, str, str]]:
    """Credit memos on an invoice, each pushed back, and one AccountCredit besides."""
    book = BookOf()
    used = sum(Decimal(each) for each in memos)
    book.twins("101", "1000", open_in_quickbooks=f"{1000 - used:.2f}")
    for name, each in enumerate(memos):
        book.memo(f"m{name}", each, "0", on="2026-03-05")
        book.payment(f"l{name}", invoices={"q101": each}, memos={f"m{name}": each}, on="2026-03-05")
        book.row(f"b{name}", "101", each, method=Method.CREDIT_MEMO, on="2026-03-05")
    book.row("a", "101", in_bigtime, method=CREDIT, on="2026-03-05")
    return book.findings()


def test_one_client_credit_may_be_the_sum_of_several_memos() -> None:
    assert [("A4", "-250.00", "250.00")] == both_systems("100", "150", in_bigtime="250")
    assert [("A4", "-150.00", "150.00")] == both_systems("100", "150", in_bigtime="150")
    assert [("A1", "-249.00", "249.00")] == both_systems("100", "150", in_bigtime="249")
    assert [("A1", "-99.00", "99.00")] == both_systems("100", in_bigtime="99")


def test_a_client_credit_beside_a_cheque_of_its_amount_is_no_second_credit() -> None:
    book = BookOf()
    book.twins("101", "1000", open_in_quickbooks="800")
    book.payment("9", invoices={"q101": "200"}, cash="200", on="2026-03-05")
    book.row("p1", "101", "200", method=MONEY, on="2026-03-05")
    book.row("p2", "101", "200", method=CREDIT, on="2026-03-05")

    assert [("A1", "-200.00", "200.00")] == book.findings()


def test_two_client_credits_need_two_memos_to_be_both_there_twice() -> None:
    book = BookOf()
    book.twins("101", "1000", open_in_quickbooks="800")
    book.memo("7", "200", "0", on="2026-03-05")
    book.payment("9", invoices={"q101": "200"}, memos={"7": "200"}, on="2026-03-05")
    book.row("b", "101", "200", method=Method.CREDIT_MEMO, on="2026-03-05")
    book.row("p1", "101", "200", method=CREDIT, on="2026-03-05", reference="SLA-1")
    book.row("p2", "101", "200", method=CREDIT, on="2026-03-06", reference="SLA-2")

    assert [("A1", "-200.00", "200.00"), ("A4", "-200.00", "200.00")] == sorted(book.findings())


def test_a_repeated_client_credit_is_told_as_the_repetition_and_not_as_two() -> None:
    book = BookOf()
    book.twins("101", "1000", open_in_quickbooks="1000")
    book.row("p1", "101", "200", method=CREDIT, on="2026-03-05")
    book.row("p2", "101", "200", method=CREDIT, on="2026-03-06")

    assert [("A1", "-200.00", "200.00"), ("B1", "-200.00", "200.00")] == book.findings()


def marked(*, open_in_quickbooks: str, paid_in_bigtime: str = "") -> list[tuple[str, str, str, str]]:
    book = BookOf()
    book.bigtime_invoice("101", "500", balance="0", paid=True)
    book.quickbooks_invoice("q101", "500", open_in_quickbooks, number="INV-101")
    if paid_in_bigtime:
        book.row("p1", "101", paid_in_bigtime, method=MONEY, on="2026-03-05")
        book.payment("9", invoices={"q101": paid_in_bigtime}, cash=paid_in_bigtime, on="2026-03-05")
    return [
        (each.code, str(each.severity), f"{each.claim_minor / 100:.2f}", f"{each.exposure_minor / 100:.2f}")
        for each in book.evaluate().findings
    ]


def test_a_mark_as_paid_claims_what_its_payments_leave_open() -> None:
    assert [("A5", "S2", "-500.00", "500.00")] == marked(open_in_quickbooks="500")
    assert [("A5", "S2", "-300.00", "300.00")] == marked(open_in_quickbooks="300", paid_in_bigtime="200")


def test_a_negative_client_credit_on_a_dead_twin_holds_nothing() -> None:
    book = BookOf()
    book.twins("101", "1000", open_in_quickbooks="1000")
    book.row("p1", "101", "-200", method=CREDIT, on="2026-03-05")
    book.quickbooks_invoice("q101", "0", "0", number="INV-101", seen="2026-03-09", voided=True)

    assert [] == book.findings()


def test_only_client_credits_count_on_a_dead_twin() -> None:
    book = BookOf()
    book.twins("101", "1000", open_in_quickbooks="1000")
    book.row("p1", "101", "200", method=CREDIT, on="2026-03-05")
    book.row("p2", "101", "100", method=MONEY, on="2026-03-05")
    book.quickbooks_invoice("q101", "0", "0", number="INV-101", seen="2026-03-09", voided=True)

    assert [("A7", "0.00", "200.00")] == book.findings()


def test_a_pushed_back_cheque_beside_a_client_credit_is_not_taken_for_it() -> None:
    book = BookOf()
    book.twins("101", "1000", open_in_quickbooks="800")
    book.memo("7", "200", "0", on="2026-03-05")
    book.payment("9", invoices={"q101": "200"}, memos={"7": "200"}, on="2026-03-05")
    book.row("b", "101", "200", method=Method.CREDIT_MEMO, on="2026-03-05")
    book.row("c", "101", "200", method=MONEY, on="2026-03-20", word="Check")

    assert "A4" not in [code for code, _, _ in book.findings()]


def test_one_invoice_without_a_dead_twin_does_not_hide_the_next_that_has_one() -> None:
    book = BookOf()
    book.twins("100", "500", open_in_quickbooks="500")
    book.twins("101", "1000", open_in_quickbooks="1000")
    book.row("p1", "101", "200", method=CREDIT, on="2026-03-05")
    book.quickbooks_invoice("q101", "0", "0", number="INV-101", seen="2026-03-09", voided=True)

    assert [("A7", "0.00", "200.00")] == book.findings()


def undated(book: BookOf, key: RecordKey) -> None:
    """BigTime gives no day for this row."""
    last = book.versions[key].pop()
    assert isinstance(last.content, Payment)
    book.put(key, msgspec.structs.replace(last.content, paid_on=None, applied_on=None), f"{last.observed_at:%Y-%m-%d}")


def test_a_credit_without_a_day_is_of_no_known_order() -> None:
    book = BookOf()
    book.twins("101", "1000", open_in_quickbooks="1000")
    undated(book, book.row("p1", "101", "200", method=CREDIT, on="2026-03-05"))

    assert [("A2", Proof.CANNOT_TELL)] == [(each.code, each.proof) for each in book.evaluate().findings]


def test_of_two_equal_credits_only_one_was_taken_off_at_posting() -> None:
    book = BookOf()
    book.row("p1", "101", "200", method=CREDIT, on="2026-01-20")
    book.row("p2", "101", "200", method=CREDIT, on="2026-02-20")
    book.bigtime_invoice("101", "1000")
    book.quickbooks_invoice("q101", "800", "800", number="INV-101")

    assert [("A2", "-200.00", "200.00"), ("A3", "0.00", "200.00")] == sorted(book.findings())


def test_a_memo_that_never_came_back_is_no_part_of_what_was_credited_twice() -> None:
    """Memos of 100.00 and 150.00, of which BigTime has the first; 250.00 in BigTime is not both of them."""
    book = BookOf()
    book.twins("101", "1000", open_in_quickbooks="750")
    for name, amount in (("7", "100"), ("8", "150")):
        book.memo(name, amount, "0", on="2026-03-05")
        book.payment(f"9{name}", invoices={"q101": amount}, memos={name: amount}, on="2026-03-05")
    book.row("b", "101", "100", method=Method.CREDIT_MEMO, on="2026-03-05")
    book.row("a", "101", "250", method=CREDIT, on="2026-03-05")

    assert [("A1", "-250.00", "250.00"), ("C3", "150.00", "150.00")] == sorted(book.findings())


def test_the_evidence_of_a_credit_in_bigtime_is_the_credit_and_the_invoice_in_both_systems() -> None:
    book = BookOf()
    book.twins("101", "1000", open_in_quickbooks="1000")
    book.row("p1", "101", "200", method=CREDIT, on="2026-03-05")

    (found,) = book.evaluate().findings
    assert ["101", "p1:101", "q101"] == sorted(each.key.id for each in found.evidence)


def test_what_quickbooks_had_on_an_invoice_that_is_void_now_explains_one_credit_of_bigtime_for_each() -> None:
    book = BookOf()
    book.twins("101", "1000", open_in_quickbooks="800")
    book.memo("7", "200", "0", on="2026-03-05")
    book.payment("9", invoices={"q101": "200"}, memos={"7": "200"}, on="2026-03-05")
    book.row("a0", "101", "50", method=MONEY, on="2026-03-05")
    book.row("p1", "101", "200", method=CREDIT, on="2026-03-05")
    book.row("p2", "101", "200", method=CREDIT, on="2026-03-25")
    book.payment("9", invoices={}, on="2026-03-05", seen="2026-03-28")
    book.memo("7", "200", "200", on="2026-03-05", seen="2026-03-28")
    book.quickbooks_invoice("q101", "0", "0", number="INV-101", seen="2026-03-28", voided=True)

    (found,) = [each for each in book.evaluate().findings if each.code == "A7"]
    assert (20000, Proof.PROVED) == (found.exposure_minor, found.proof)


def test_why_an_invoice_has_no_twin_is_said_as_it_is() -> None:
    dead = BookOf()
    dead.twins("101", "1000", open_in_quickbooks="1000")
    dead.quickbooks_invoice("q101", "0", "0", number="INV-101", seen="2026-03-09", voided=True)
    lost = BookOf()
    lost.bigtime_invoice("101", "1000")
    told = []
    for book in (dead, lost):
        book.row("p1", "101", "200", method=CREDIT, on="2026-03-05")
        (found,) = [each for each in book.evaluate().findings if each.code == "A7"]
        told.append((found.proof, "void or deleted" in found.reason))

    assert [(Proof.PROVED, True), (Proof.LIKELY, False)] == told
