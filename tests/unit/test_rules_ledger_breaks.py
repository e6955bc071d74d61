"""Breaks of the credit ledger: F9 and F11 are found where they are planted, and nowhere else."""

from mappings.findings import Finding
from mappings.model import Kind, RecordKey, System
from tests.books import BookOf


def found(of: BookOf, code: str) -> list[Finding]:
    return [finding for finding in of.evaluate().findings if finding.code == code]


def record_ids(finding: Finding) -> set[str]:
    return {each.key.id for each in finding.evidence}


def test_a_roll_forward_that_does_not_add_up_names_the_unexplained_part() -> None:
    """500 issued, 110 applied, and 380 left: 10 are unexplained."""
    of = BookOf()
    of.twins("1", "110.00", open_in_quickbooks="0.00")
    of.memo("7", "500.00", "380.00", on="2026-03-02")
    of.payment("9", invoices={"q1": "110.00"}, memos={"7": "110.00"}, on="2026-03-05")
    (broken,) = found(of, "F9")
    assert (1000, 0, "12") == (broken.exposure_minor, broken.claim_minor, broken.client.quickbooks)
    assert "-10.00 USD of the client's credit is unexplained" in broken.explanation


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
    (over,) = found(of, "F11")
    assert 4000 == over.exposure_minor
    assert "40.00 USD more than it was for" in over.explanation


def test_money_above_an_invoice_is_not_taken_for_credit() -> None:
    of = BookOf()
    of.twins("1", "110.00", open_in_quickbooks="-40.00")
    of.payment("9", invoices={"q1": "150.00"}, cash="150.00", on="2026-03-05")
    assert not [finding for finding in of.evaluate().findings if finding.code == "F11"]


def used_by_two_payments(*, remaining: str) -> BookOf:
    """A memo of 500.00 of which two payments took 110.00 and 90.00; a third one used another memo."""
    of = BookOf()
    of.twins("1", "110.00", open_in_quickbooks="0.00")
    of.twins("2", "90.00", open_in_quickbooks="0.00")
    of.twins("3", "70.00", open_in_quickbooks="0.00")
    of.memo("7", "500.00", remaining, on="2026-03-02")
    of.memo("8", "70.00", "0.00", on="2026-03-02")
    of.payment("9", invoices={"q1": "110.00"}, memos={"7": "110.00"}, on="2026-03-05")
    of.payment("10", invoices={"q2": "90.00"}, memos={"7": "90.00"}, on="2026-03-06")
    of.payment("11", invoices={"q3": "70.00"}, memos={"8": "70.00"}, on="2026-03-06")
    return of


def test_a_broken_roll_forward_shows_the_memo_and_every_payment_that_used_it_and_no_other() -> None:
    (broken,) = found(used_by_two_payments(remaining="310.00"), "F9")

    assert {"7", "9", "10"} == record_ids(broken)
    assert 1000 == broken.exposure_minor
    assert all(each in broken.explanation for each in ("310.00 USD", "500.00 USD", "200.00 USD", "CM-7"))


def test_one_cent_that_is_left_over_breaks_the_roll_forward() -> None:
    assert [1] == [each.exposure_minor for each in found(used_by_two_payments(remaining="300.01"), "F9")]
    assert [] == found(used_by_two_payments(remaining="300.00"), "F9")


def test_what_payments_still_use_of_a_memo_that_is_gone_is_the_sum_over_them_all() -> None:
    of = used_by_two_payments(remaining="300.00")
    of.gone(RecordKey(System.QUICKBOOKS, Kind.CREDIT_MEMO, "7"), "2026-03-09")

    (broken,) = found(of, "F9")
    assert 20000 == broken.exposure_minor
    assert {"7", "9", "10"} == record_ids(broken)
    assert "500.00 USD" not in broken.explanation


def test_a_gone_memo_that_only_an_empty_line_still_links_breaks_nothing() -> None:
    of = BookOf()
    of.twins("1", "110.00", open_in_quickbooks="0.00")
    memo = of.memo("7", "110.00", "110.00", on="2026-03-02")
    of.payment("9", invoices={"q1": "110.00"}, memos={"7": "0.00"}, cash="110.00", on="2026-03-05")
    of.gone(memo, "2026-03-09")

    assert [] == found(of, "F9")


def test_a_credit_memo_that_we_never_read_is_missed_by_the_payment_that_uses_it() -> None:
    of = BookOf()
    of.twins("1", "110.00", open_in_quickbooks="0.00")
    of.payment("9", invoices={"q1": "110.00"}, memos={"77": "110.00"}, on="2026-03-05")

    (broken,) = found(of, "F9")
    assert (11000, {"9"}) == (broken.exposure_minor, record_ids(broken))


def test_a_payment_of_money_alone_that_does_not_add_up_has_used_no_credit() -> None:
    """The first payment shows 60.00 more than it paid; only the second one's gap of 40.00 is credit."""
    of = BookOf()
    of.twins("1", "110.00", open_in_quickbooks="0.00")
    of.twins("2", "110.00", open_in_quickbooks="0.00")
    of.memo("7", "500.00", "350.00", on="2026-03-02")
    of.payment("8", invoices={"q1": "110.00"}, cash="170.00", on="2026-03-04")
    of.payment("9", invoices={"q2": "110.00"}, memos={"7": "150.00"}, on="2026-03-05")

    assert [(4000, {"9"})] == [(each.exposure_minor, record_ids(each)) for each in found(of, "F11")]


def overfilled(total: str, balance: str) -> list[Finding]:
    """A memo of 500.00 has put 150.00 on an invoice of this total, which now shows this balance."""
    of = BookOf()
    of.quickbooks_invoice("q1", total, balance, number="INV-1")
    of.memo("7", "500.00", "350.00", on="2026-03-02")
    of.payment("9", invoices={"q1": "150.00"}, memos={"7": "150.00"}, on="2026-03-05")
    return found(of, "F11")


def test_the_credit_above_an_invoice_counts_from_the_first_cent() -> None:
    assert [[1], []] == [
        [each.exposure_minor for each in overfilled(total, balance)]
        for total, balance in (("149.99", "-0.01"), ("150.00", "0.00"))
    ]


def test_all_credit_on_an_invoice_over_nothing_is_too_much() -> None:
    assert [(15000, {"q1", "9"})] == [(each.exposure_minor, record_ids(each)) for each in overfilled("0", "-150.00")]


def test_an_invoice_that_was_itself_negative_holds_no_more_than_it_was_for() -> None:
    assert [] == overfilled("-20.00", "-170.00")


def test_credit_on_an_invoice_that_is_gone_does_not_hide_the_next_one() -> None:
    of = BookOf()
    of.memo("7", "500.00", "200.00", on="2026-03-02")
    for id_ in ("q1", "q2"):
        of.quickbooks_invoice(id_, "110.00", "-40.00", number=f"INV-{id_}")
        of.payment(f"p{id_}", invoices={id_: "150.00"}, memos={"7": "150.00"}, on="2026-03-05")
    of.gone(RecordKey(System.QUICKBOOKS, Kind.INVOICE, "q1"), "2026-03-09")

    assert [(4000, {"q2", "pq2"})] == [(each.exposure_minor, record_ids(each)) for each in found(of, "F11")]
