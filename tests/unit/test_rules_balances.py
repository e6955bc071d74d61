"""Group F and the desk: what a system shows beside its own arithmetic, and what both systems show side by side."""

from datetime import date, timedelta

import msgspec
import pytest

from mappings.findings import ClientRef, Finding, Proof, Severity
from mappings.model import Client, Invoice, Kind, Method, Payment, RecordKey
from sync.rules.desk import amount
from sync.rules.evaluate import evaluate_book
from tests.books import BT, QB, BookOf, brief, cents, moment, noon

MONEY = Method.MONEY


def only(book: BookOf, code: str, day: str = "2026-04-01") -> list[Finding]:
    return [each for each in book.evaluate(day).findings if each.code == code]


@pytest.mark.parametrize(
    ("minor", "currency", "text"),
    [
        (123456789, "USD", "1,234,567.89 USD"),
        (-5, "USD", "-0.05 USD"),
        (0, "USD", "0.00 USD"),
        (-123456, "JPY", "-123,456 JPY"),
        (1234567, "KWD", "1,234.567 KWD"),
    ],
)
def test_a_reader_sees_amounts_with_separators_and_the_currencys_decimals(minor: int, currency: str, text: str) -> None:
    assert text == amount(minor, currency)


def test_a_balance_below_zero_is_told_and_claims_nothing() -> None:
    for total, paid, told in (("500", "500.01", 1), ("500", "500", 0), ("0", "1", 1)):
        book = BookOf()
        book.bigtime_invoice("101", total)
        book.row("p1", "101", paid, method=MONEY, on="2026-03-05")

        assert told == len(only(book, "F1")), (total, paid)


def test_a_credit_note_in_bigtime_is_below_zero_by_itself() -> None:
    book = BookOf()
    book.bigtime_invoice("101", "-100")

    assert [] == only(book, "F1")


def test_a_payment_from_which_more_was_taken_than_it_was_is_overspent() -> None:
    book = BookOf()
    book.twins("101", "500", open_in_quickbooks="0")
    book.payment("9", invoices={"q101": "500"}, cash="450", unapplied="-50", on="2026-03-05")
    book.row("p1", "101", "500", method=MONEY, on="2026-03-05")

    assert [("F8", "0.00", "50.00")] == [brief(each) for each in only(book, "F8")]


def shows(bigtime: str = "", quickbooks: str = "1000") -> list[Finding]:
    """An invoice of 1,000.00 without payments, and what each system shows as open."""
    book = BookOf()
    book.bigtime_invoice("101", "1000", balance=bigtime)
    book.quickbooks_invoice("q101", "1000", quickbooks, number="INV-101")
    return [each for each in book.evaluate().findings if each.code == "F10"]


def test_each_system_is_held_to_its_own_arithmetic() -> None:
    (ours,) = shows(bigtime="900")
    (theirs,) = shows(quickbooks="900")

    assert (-10000, 10000, Proof.PROVED, Severity.S2) == (
        ours.claim_minor,
        ours.exposure_minor,
        ours.proof,
        ours.severity,
    )
    assert ours.explanation.startswith(
        "BigTime shows a balance of 900.00 USD for invoice INV-101; its total and payments give 1,000.00 USD."
    )
    assert [(BT, "101")] == [(each.key.system, each.key.id) for each in ours.evidence]
    assert (10000, 10000, Proof.PROVED) == (theirs.claim_minor, theirs.exposure_minor, theirs.proof)
    assert theirs.explanation.startswith(
        "QuickBooks shows a balance of 900.00 USD for invoice INV-101; its total and payments give 1,000.00 USD."
    )
    assert [(QB, "q101")] == [(each.key.system, each.key.id) for each in theirs.evidence]
    assert [] == shows(bigtime="1000")


def test_the_payments_that_the_sum_is_made_of_are_in_the_evidence() -> None:
    book = BookOf()
    book.bigtime_invoice("101", "1000", balance="600")
    book.quickbooks_invoice("q101", "1000", "700", number="INV-101")
    book.payment("9", invoices={"q101": "300"}, cash="300", on="2026-03-05")
    book.row("p1", "101", "300", method=MONEY, on="2026-03-05")

    (found,) = only(book, "F10")
    assert {"101", "p1:101"} == {each.key.id for each in found.evidence}


def test_what_a_first_load_finds_is_no_change_that_still_has_to_settle() -> None:
    book = BookOf()
    book.bigtime_invoice("101", "1000", balance="900", seen="2026-04-01")
    book.quickbooks_invoice("q101", "1000", "1000", number="INV-101")

    (found,) = only(book, "F10")
    assert (Severity.S2, Proof.PROVED) == (found.severity, found.proof)


def test_a_row_that_has_just_appeared_may_still_settle() -> None:
    book = BookOf()
    book.bigtime_invoice("101", "1000", balance="900")
    book.quickbooks_invoice("q101", "1000", "800", number="INV-101")
    book.payment("9", invoices={"q101": "200"}, cash="200", on="2026-03-30")
    book.row("p1", "101", "200", method=MONEY, on="2026-03-30", seen="2026-04-01", absent_before="2026-03-31")

    (young,) = only(book, "F10")
    (old,) = only(book, "F10", "2026-04-02")
    assert [(Severity.S4, Proof.CANNOT_TELL), (Severity.S2, Proof.PROVED)] == [
        (each.severity, each.proof) for each in (young, old)
    ]


def test_a_deposit_on_the_quickbooks_invoice_is_a_payment_that_bigtime_lacks() -> None:
    book = BookOf()
    book.twins("101", "1000", open_in_quickbooks="900")
    key = RecordKey(QB, Kind.INVOICE, "q101")
    content = book.versions[key][-1].content
    assert isinstance(content, Invoice)
    book.put(key, msgspec.structs.replace(content, deposit_minor=cents("100")), "2026-03-01")

    assert [("C3", "100.00", "100.00")] == book.findings()


def test_a_yen_of_quickbooks_is_a_figure_of_bigtime() -> None:
    """BigTime names no currency: 100.00 stands for 100 yen, and a dinar has three decimals."""
    for currency, balance, told in (("JPY", 1000, 0), ("KWD", 1_000_000, 0), ("JPY", 998, 1)):
        book = BookOf()
        book.bigtime_invoice("101", "1000")
        key = book.quickbooks_invoice("q101", "1000", "1000", number="INV-101")
        content = book.versions[key][-1].content
        assert isinstance(content, Invoice)
        changed = msgspec.structs.replace(content, currency=currency, total_minor=balance, balance_minor=balance)
        book.put(key, changed, "2026-03-01")

        assert told == len(book.findings()), (currency, balance)


def test_a_rest_that_the_currency_cannot_hold_is_a_difference_of_the_totals() -> None:
    book = BookOf()
    book.bigtime_invoice("101", "1000.50")
    key = book.quickbooks_invoice("q101", "1000", "1000", number="INV-101")
    content = book.versions[key][-1].content
    assert isinstance(content, Invoice)
    book.put(key, msgspec.structs.replace(content, currency="JPY", total_minor=1001, balance_minor=1001), "2026-03-01")

    (line,) = book.evaluate().tie_lines
    assert (1000, 1001, -1, 0) == (
        line.bigtime_minor,
        line.quickbooks_minor,
        line.claimed_minor,
        line.residual_minor,
    )


def test_a_payment_with_a_credit_of_which_cash_is_left_over_is_all_credit() -> None:
    """100.00 of money stay unapplied; what is on the invoice came from the memo."""
    book = BookOf()
    book.twins("101", "1000", open_in_quickbooks="700")
    book.memo("7", "300", "0", on="2026-03-05")
    book.payment("9", invoices={"q101": "300"}, memos={"7": "300"}, cash="100", unapplied="100", on="2026-03-05")
    book.row("p1", "101", "300", method=MONEY, on="2026-03-05")

    assert [("D7", "0.00", "300.00")] == [brief(each) for each in only(book, "D7")]


def test_a_payment_that_mixes_money_and_credit_is_neither() -> None:
    book = BookOf()
    book.twins("101", "1000", open_in_quickbooks="600")
    book.memo("7", "300", "0", on="2026-03-05")
    book.payment("9", invoices={"q101": "400"}, memos={"7": "300"}, cash="100", on="2026-03-05")
    book.row("p1", "101", "400", method=MONEY, on="2026-03-05")

    assert [] == only(book, "D7")


def test_who_a_client_is_in_both_systems_stands_in_each_finding() -> None:
    book = BookOf()
    book.twins("101", "1000", open_in_quickbooks="1000")
    book.row("p1", "101", "200", method=MONEY, on="2026-03-05")
    book.memo("7", "50", "50", on="2026-03-30")
    book.memo("8", "60", "60", on="2026-03-30", client="99")

    clients = {each.code + str(each.exposure_minor): each.client for each in book.evaluate().findings}

    assert ClientRef(name="Acme", bigtime="301", quickbooks="12") == clients["C420000"] == clients["C25000"]
    assert ClientRef(name="", bigtime="", quickbooks="99") == clients["C26000"]


def test_a_client_credit_of_bigtime_names_the_client_and_his_customer() -> None:
    book = BookOf()
    book.put(RecordKey(BT, Kind.CLIENT, "302"), Client(name="Zenith"), "2026-01-01")
    for name, client, expected in (
        ("p1", "301", ("Acme", "12")),
        ("p2", "302", ("Zenith", "")),
        ("p3", "303", ("", "")),
    ):
        key = book.row(name, "101", "100", method=MONEY, on="2026-03-05")
        content = book.versions[key][-1].content
        assert isinstance(content, Payment)
        book.put(key, msgspec.structs.replace(content, client_id=client, total_minor=cents("150")), "2026-03-05")

        found = next(each for each in only(book, "C5") if each.client.bigtime == client)
        assert expected == (found.client.name, found.client.quickbooks)


def test_findings_come_the_most_urgent_first_and_of_those_the_most_money() -> None:
    book = BookOf()
    for sid, paid in (("101", "100"), ("102", "300"), ("103", "200")):
        book.twins(sid, "1000", open_in_quickbooks="1000")
        book.row(f"p{sid}", sid, paid, method=MONEY, on="2026-03-05")
    book.memo("7", "900", "900", on="2026-03-30")

    assert [("S1", 30000), ("S1", 20000), ("S1", 10000), ("S4", 90000)] == [
        (each.severity, each.exposure_minor) for each in book.evaluate().findings
    ]


def test_an_invoice_that_is_not_in_quickbooks_is_not_in_the_tie_out() -> None:
    book = BookOf()
    book.bigtime_invoice("101", "1000")
    book.twins("102", "500", open_in_quickbooks="500")

    assert ["102"] == [line.invoice.bigtime for line in book.evaluate().tie_lines]


def test_when_quickbooks_does_not_say_when_it_made_the_twin_our_first_sight_counts() -> None:
    book = BookOf()
    book.twins("101", "1000", open_in_quickbooks="1000")
    key = RecordKey(QB, Kind.INVOICE, "q101")
    content = book.versions[key][-1].content
    assert isinstance(content, Invoice)
    book.versions[key] = []
    book.put(key, msgspec.structs.replace(content, created_at=None), "2026-03-03")
    book.row("p1", "101", "200", method=Method.ACCOUNT_CREDIT, on="2026-03-04", seen="2026-03-05")
    book.row("p2", "101", "70", method=Method.ACCOUNT_CREDIT, on="2026-03-02", seen="2026-03-05")

    assert [("A1", "-200.00", "200.00"), ("A2", "-70.00", "70.00")] == sorted(book.findings())
    assert date(2026, 3, 3) == book.versions[key][0].observed_at.date()


def test_a_credit_that_is_in_order_does_not_hide_the_next_one_that_is_overspent() -> None:
    book = BookOf()
    book.memo("1", "100", "100", on="2026-03-30")
    book.memo("2", "100", "-40", on="2026-03-30")

    assert [("F8", "0.00", "40.00")] == [brief(each) for each in only(book, "F8")]
    assert [] == only(BookOf(), "F8")


def test_the_lists_settle_when_the_last_of_them_has() -> None:
    book = BookOf()
    book.bigtime_invoice("101", "1000")
    book.bigtime_invoice("101", "1000", balance="900", seen="2026-03-31")
    book.quickbooks_invoice("q101", "1000", "800", number="INV-101")
    book.payment("9", invoices={"q101": "200"}, cash="200", on="2026-03-30")
    book.row("p1", "101", "200", method=MONEY, on="2026-03-30", seen="2026-04-01", absent_before="2026-03-31")

    (young,) = only(book, "F10")
    assert (Severity.S4, "BigTime's lists are read one after the other, and one has just changed") == (
        young.severity,
        young.reason,
    )
    assert noon("2026-04-02") == book.evaluate("2026-04-01").recheck_at
    (old,) = only(book, "F10", "2026-04-02")
    assert "the system's own total and payments give another balance" == old.reason


def overfilled(total: str, balance: str, *, credit: str) -> list[Finding]:
    """An invoice that QuickBooks shows below zero, with some credit on it; F11 alone."""
    book = BookOf()
    book.memo("1", "10", "0", on="2026-03-02")
    book.quickbooks_invoice("q0", "100", "90", number="INV-100")
    book.payment("1", invoices={"q0": "10"}, memos={"1": "10"}, on="2026-03-02")
    book.quickbooks_invoice("q1", total, balance, number="INV-101")
    book.memo("7", credit, "0", on="2026-03-02")
    book.payment("9", invoices={"q1": credit}, memos={"7": credit}, on="2026-03-05")
    return only(book, "F11")


def test_credit_beyond_an_invoice_is_used_up_and_paid_nothing() -> None:
    (found,) = overfilled("100", "-20", credit="120")

    assert (2000, {"q1", "9"}) == (found.exposure_minor, {each.key.id for each in found.evidence})
    assert [[], []] == [overfilled("100", "0", credit="100"), overfilled("-50", "-70", credit="20")]
    assert [3000] == [each.exposure_minor for each in overfilled("0", "-30", credit="30")]


def test_the_unexplained_part_of_one_memo_does_not_count_what_another_gave() -> None:
    book = BookOf()
    book.memo("1", "500", "380", on="2026-03-02")
    book.memo("2", "300", "200", on="2026-03-02")
    book.quickbooks_invoice("q1", "1000", "790", number="INV-101")
    book.payment("9", invoices={"q1": "110"}, memos={"1": "110"}, on="2026-03-05")
    book.payment("10", invoices={"q1": "100"}, memos={"2": "100"}, on="2026-03-05")

    (found,) = only(book, "F9")
    assert "payments took 110.00 USD of it" in found.explanation
    assert {"1", "9"} == {each.key.id for each in found.evidence}


def test_figures_have_settled_when_the_later_of_two_changes_is_over() -> None:
    """The invoice changed on 31 March, a new row came on 1 April; two days are given to settle."""
    book = BookOf()
    book.twins("101", "1000", open_in_quickbooks="1000")
    book.bigtime_invoice("101", "1000", balance="900", seen="2026-03-31")
    book.row("p1", "101", "50", method=Method.MONEY, on="2026-03-05", seen="2026-04-01", absent_before="2026-03-31")
    patient = msgspec.structs.replace(moment("2026-04-01"), grace=timedelta(hours=48))

    assert noon("2026-04-03") == evaluate_book(book.book(), patient).recheck_at


def test_a_payment_on_an_invoice_over_nothing_makes_its_balance_negative() -> None:
    book = BookOf()
    book.bigtime_invoice("101", "0")
    book.quickbooks_invoice("q101", "0", "0", number="INV-101")
    book.row("p1", "101", "50", method=Method.MONEY, on="2026-03-05")

    assert ("F1", "0.00", "50.00") in book.findings()
