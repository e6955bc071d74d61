"""Group B: one credit or payment that stands twice, and what only looks like it."""

from datetime import datetime, timedelta

import msgspec

from mappings.findings import Proof, Severity
from mappings.model import CreditMemo, Method, Payment
from tests.books import BookOf, noon

CREDIT, LABEL, MONEY = Method.ACCOUNT_CREDIT, Method.NONE, Method.MONEY


def test_a_credit_applied_twice_in_bigtime_is_told_once_as_credit_and_once_as_duplicate() -> None:
    book = BookOf()
    book.row("p1", "101", "200", method=CREDIT, on="2026-02-20")
    book.row("p2", "101", "200", method=CREDIT, on="2026-02-21")
    book.twins("101", "1000", open_in_quickbooks="1000")

    assert book.findings() == [("A2", "-200.00", "200.00"), ("B1", "-200.00", "200.00")]


def test_the_duplicate_is_urgent_when_it_makes_the_balance_negative() -> None:
    book = BookOf()
    book.row("p1", "101", "300", method=CREDIT, on="2026-02-20")
    book.row("p2", "101", "300", method=CREDIT, on="2026-02-21")
    book.twins("101", "500", open_in_quickbooks="500")

    by_code = {finding.code: finding for finding in book.evaluate().findings}

    assert by_code["B1"].severity is Severity.S1
    assert (by_code["F1"].claim_minor, by_code["F1"].exposure_minor) == (0, 10000)
    assert by_code["F1"].incident == by_code["B1"].incident


def test_two_instalments_a_month_apart_are_not_a_duplicate() -> None:
    book = BookOf()
    book.row("p1", "101", "200", method=CREDIT, on="2026-01-20")
    book.row("p2", "101", "200", method=CREDIT, on="2026-02-20")
    book.twins("101", "1000", open_in_quickbooks="1000")

    assert [code for code, _, _ in book.findings()] == ["A2", "A2"]


def test_a_credit_that_bigtime_took_back_and_gave_again_is_one_credit() -> None:
    book = BookOf()
    book.row("p1", "101", "200", method=CREDIT, on="2026-02-20")
    book.row("p2", "101", "-200", method=CREDIT, on="2026-02-21")
    book.row("p3", "101", "200", method=CREDIT, on="2026-02-21")
    book.twins("101", "1000", open_in_quickbooks="1000")

    assert book.findings() == [("A2", "-200.00", "200.00")]


def test_one_credit_memo_pushed_back_twice_is_an_echo() -> None:
    book = BookOf()
    book.twins("101", "1000", open_in_quickbooks="700")
    book.memo("7", "300", "0", on="2026-03-05")
    book.payment("9", invoices={"q101": "300"}, memos={"7": "300"}, on="2026-03-05")
    book.row("p1", "101", "300", method=LABEL, on="2026-03-06")
    book.row("p2", "101", "300", method=LABEL, on="2026-03-06")

    assert book.findings() == [("B2", "-300.00", "300.00")]


def test_an_echo_of_the_total_of_two_credits_is_an_echo() -> None:
    book = BookOf()
    book.twins("101", "1000", open_in_quickbooks="700")
    for memo, payment, amount in (("7", "9", "100"), ("8", "10", "200")):
        book.memo(memo, amount, "0", on="2026-03-05")
        book.payment(payment, invoices={"q101": amount}, memos={memo: amount}, on="2026-03-05")
        book.row(f"p{memo}", "101", amount, method=LABEL, on="2026-03-06")
    book.row("p9", "101", "300", method=LABEL, on="2026-03-07")

    assert book.findings() == [("B2", "-300.00", "300.00")]


def test_several_credits_pushed_back_as_one_payment_are_in_order() -> None:
    book = BookOf()
    book.twins("101", "1000", open_in_quickbooks="700")
    for memo, payment, amount in (("7", "9", "100"), ("8", "10", "200")):
        book.memo(memo, amount, "0", on="2026-03-05")
        book.payment(payment, invoices={"q101": amount}, memos={memo: amount}, on="2026-03-05")
    book.row("p9", "101", "300", method=LABEL, on="2026-03-07")

    assert book.findings() == []


def test_a_credit_pushed_in_two_parts_is_in_order() -> None:
    book = BookOf()
    book.twins("101", "1000", open_in_quickbooks="700")
    book.memo("7", "300", "0", on="2026-03-05")
    book.payment("9", invoices={"q101": "300"}, memos={"7": "300"}, on="2026-03-05")
    book.row("p1", "101", "100", method=LABEL, on="2026-03-06")
    book.row("p2", "101", "200", method=LABEL, on="2026-03-06")

    assert book.findings() == []


def test_a_push_that_bigtime_reversed_and_repeated_is_in_order() -> None:
    book = BookOf()
    book.twins("101", "1000", open_in_quickbooks="700")
    book.memo("7", "300", "0", on="2026-03-05")
    book.payment("9", invoices={"q101": "300"}, memos={"7": "300"}, on="2026-03-05")
    for name, amount in (("p1", "300"), ("p2", "-300"), ("p3", "300")):
        book.row(name, "101", amount, method=LABEL, on="2026-03-06")

    assert book.findings() == []


def test_a_cheque_keyed_in_both_systems_is_told_from_an_echo_by_its_reference() -> None:
    book = BookOf()
    book.twins("101", "2000", open_in_quickbooks="1000")
    book.payment("9", invoices={"q101": "1000"}, on="2026-03-05", cash="1000", reference="4711")
    book.row("p1", "101", "1000", method=MONEY, on="2026-03-05", reference="4711")
    book.row("p2", "101", "1000", method=MONEY, on="2026-03-05", reference="", word="Check")

    assert book.findings() == [("B5", "-1000.00", "1000.00")]


def test_an_invoice_that_was_posted_twice_is_told_and_not_guessed_at() -> None:
    book = BookOf()
    book.bigtime_invoice("101", "1000")
    book.quickbooks_invoice("q1", "1000", "1000", number="INV-101")
    book.quickbooks_invoice("q2", "1000", "1000", number="INV-101")

    assert book.findings() == [("B6", "0.00", "1000.00")]
    assert book.evaluate().tie_lines == ()


def test_a_void_first_posting_is_in_order() -> None:
    book = BookOf()
    book.bigtime_invoice("101", "1000")
    book.quickbooks_invoice("q1", "0", "0", number="INV-101", voided=True)
    book.quickbooks_invoice("q2", "1000", "1000", number="INV-101")

    assert book.findings() == []


def test_a_second_posting_under_a_number_made_from_the_first_is_told() -> None:
    book = BookOf()
    book.twins("101", "1000", open_in_quickbooks="1000")
    book.quickbooks_invoice("q2", "1000", "1000", number="INV-101.1")

    assert book.findings() == [("B6", "0.00", "1000.00")]


def test_an_invoice_of_the_same_total_in_quickbooks_only_is_no_second_posting() -> None:
    book = BookOf()
    book.twins("101", "1000", open_in_quickbooks="1000")
    book.quickbooks_invoice("q2", "1000", "1000", number="QB-7")

    assert book.findings() == []


def test_a_rebill_with_another_total_is_a_new_invoice() -> None:
    book = BookOf()
    book.twins("101", "1000", open_in_quickbooks="1000")
    book.quickbooks_invoice("q2", "900", "900", number="INV-101.1")

    assert book.findings() == []


def test_two_mistakes_that_share_no_payment_are_two_incidents() -> None:
    book = BookOf()
    book.twins("101", "1000", open_in_quickbooks="1000")
    book.row("p1", "101", "200", method=CREDIT, on="2026-03-05")
    book.bigtime_invoice("101", "900", seen="2026-03-08")

    by_code = {finding.code: finding for finding in book.evaluate().findings}

    assert by_code["A1"].incident != by_code["E1"].incident
    assert by_code["A1"].cause == "A client credit was applied in BigTime to a posted invoice; 1 invoice affected."


def credited_twice(*, second_on: str = "2026-02-21", first: str = "", second: str = "") -> BookOf:
    """An invoice of 1,000.00 with two client credits of 200.00, posted after them."""
    book = BookOf()
    book.row("p1", "101", "200", method=CREDIT, on="2026-02-20", reference=first)
    book.row("p2", "101", "200", method=CREDIT, on=second_on, reference=second)
    book.twins("101", "1000", open_in_quickbooks="1000")
    return book


def test_two_credits_with_two_reference_numbers_are_two_credits() -> None:
    assert ["A2", "A2"] == [code for code, _, _ in credited_twice(first="SLA-1", second="SLA-2").findings()]
    assert ["A2", "B1"] == [code for code, _, _ in credited_twice(first="SLA-1", second="SLA-1").findings()]
    assert ["A2", "B1"] == [code for code, _, _ in credited_twice(first="SLA-1", second="").findings()]


def test_a_week_apart_is_a_duplicate_and_eight_days_are_instalments() -> None:
    assert ["A2", "B1"] == [code for code, _, _ in credited_twice(second_on="2026-02-27").findings()]
    assert ["A2", "A2"] == [code for code, _, _ in credited_twice(second_on="2026-02-28").findings()]


def test_a_credit_of_another_amount_or_without_a_day_repeats_nothing() -> None:
    book = BookOf()
    book.row("p1", "101", "200", method=CREDIT, on="2026-02-20")
    book.row("p2", "101", "201", method=CREDIT, on="2026-02-20")
    key = book.row("p3", "101", "200", method=CREDIT, on="2026-02-20")
    content = book.versions[key][-1].content
    assert isinstance(content, Payment)
    book.put(key, msgspec.structs.replace(content, paid_on=None, applied_on=None), "2026-02-20")
    book.twins("101", "1000", open_in_quickbooks="1000")

    assert ["A2", "A2", "A2"] == [code for code, _, _ in book.findings()]


def test_a_repeated_cheque_is_no_repeated_client_credit() -> None:
    book = BookOf()
    book.row("p1", "101", "200", method=MONEY, on="2026-02-20")
    book.row("p2", "101", "200", method=MONEY, on="2026-02-21")
    book.twins("101", "1000", open_in_quickbooks="1000")

    assert [("C4", "-200.00", "200.00")] * 2 == book.findings()


def test_a_duplicate_that_leaves_exactly_nothing_is_to_be_looked_at_and_not_urgent() -> None:
    book = BookOf()
    book.row("p1", "101", "300", method=CREDIT, on="2026-02-20")
    book.row("p2", "101", "300", method=CREDIT, on="2026-02-21")
    book.twins("101", "600", open_in_quickbooks="600")

    assert {"B1": Severity.S3} == {each.code: each.severity for each in book.evaluate().findings if each.code != "A2"}


def echoed(*, first: str = "", second: str = "", word: str = "") -> BookOf:
    """A cheque of 300.00 that QuickBooks has once and BigTime twice."""
    book = BookOf()
    book.twins("101", "1000", open_in_quickbooks="700")
    book.payment("9", invoices={"q101": "300"}, cash="300", on="2026-03-05", reference="4711")
    book.row("p1", "101", "300", method=MONEY, on="2026-03-05", reference=first, seen="2026-03-06")
    book.row("p2", "101", "300", method=MONEY, on="2026-03-05", reference=second, word=word, seen="2026-03-06")
    return book


def test_an_echo_is_proved_by_the_same_reference_and_likely_without_one() -> None:
    (same,), (without,) = (echoed(first=each, second=each).evaluate().findings for each in ("4711", ""))

    assert [("B2", Proof.PROVED), ("B2", Proof.LIKELY)] == [(each.code, each.proof) for each in (same, without)]
    assert "same reference" in same.reason
    assert "no QuickBooks id" in without.reason


def test_an_echo_is_told_from_the_row_with_its_own_reference() -> None:
    book = echoed(first="4711", second="")
    book.row("p3", "101", "300", method=MONEY, on="2026-03-05", reference="4712", seen="2026-03-06")
    book.payment("10", invoices={"q101": "300"}, cash="300", on="2026-03-05", reference="4712")
    book.quickbooks_invoice("q101", "1000", "400", number="INV-101", seen="2026-03-06")
    book.row("p4", "101", "300", method=MONEY, on="2026-03-05", reference="4712", seen="2026-03-06")

    echoes = [each for each in book.evaluate().findings if each.code == "B2" and each.proof is Proof.PROVED]

    assert [{"p3:101", "p4:101", "10"}] == [{each.key.id for each in echo.evidence} for echo in echoes]


def test_a_payment_that_was_there_before_quickbooks_had_it_was_keyed_by_hand() -> None:
    book = BookOf()
    book.twins("101", "1000", open_in_quickbooks="700")
    book.row("p1", "101", "300", method=MONEY, on="2026-03-05", seen="2026-03-03")
    book.payment("9", invoices={"q101": "300"}, cash="300", on="2026-03-05")
    book.row("p2", "101", "300", method=MONEY, on="2026-03-05", seen="2026-03-06")

    assert [("B5", "-300.00", "300.00")] == book.findings()


def test_another_payment_type_is_a_payment_keyed_by_hand() -> None:
    assert ["B5"] == [code for code, _, _ in echoed(word="Wire").findings()]


def test_a_negative_row_is_no_echo() -> None:
    book = BookOf()
    book.twins("101", "1000", open_in_quickbooks="700")
    book.payment("9", invoices={"q101": "300"}, cash="300", on="2026-03-05")
    book.row("p1", "101", "300", method=MONEY, on="2026-03-05")
    book.row("p2", "101", "-50", method=MONEY, on="2026-03-05")

    assert [("C4", "50.00", "50.00")] == book.findings()


def phantom(**second: str) -> list[tuple[str, str, str]]:
    """A cheque that is on an invoice, and another payment that QuickBooks has unapplied; S4 left out."""
    book = BookOf()
    book.twins("101", "1000", open_in_quickbooks="0")
    book.payment("9", invoices={"q101": "1000"}, cash="1000", on="2026-03-05", reference="4711")
    book.row("p1", "101", "1000", method=MONEY, on="2026-03-05", reference="4711")
    words = {"cash": "1000", "unapplied": "1000", "on": "2026-03-06", "reference": "4711", **second}
    book.payment("10", invoices={}, **words)  # type: ignore[arg-type]
    return book.findings("2026-03-20")


def test_a_payment_that_stands_again_applied_to_nothing_would_pay_the_next_invoice() -> None:
    told = [("B5", "0.00", "1000.00")]

    assert [told, told, told] == [phantom(), phantom(on="2026-03-08"), phantom(on="2026-03-02")]


def test_another_reference_amount_client_or_week_is_another_payment() -> None:
    assert [[]] * 6 == [
        phantom(reference="4712"),
        phantom(reference=""),
        phantom(cash="999", unapplied="999"),
        phantom(client="13"),
        phantom(on="2026-03-09"),
        phantom(on="2026-03-01"),
    ]


def memos(second_at: datetime, *, total: str = "450", voided: bool = False, digest: str = "a") -> list[str]:
    """The codes told of two credit memos, the first entered at noon on 5 March."""
    book = BookOf()
    for name, at, amount in (("55", noon("2026-03-05"), "450"), ("56", second_at, total)):
        key = book.memo(name, amount, amount, on="2026-03-05", voided=voided and name == "56")
        content = book.versions[key][-1].content
        assert isinstance(content, CreditMemo)
        lines = digest if name == "56" else "a"
        book.put(key, msgspec.structs.replace(content, created_at=at, content_digest=lines), "2026-03-05")
    return sorted(each.code for each in book.evaluate("2026-03-20").findings)


def test_two_equal_memos_within_the_hour_are_one_click_too_many() -> None:
    noon_of_5 = noon("2026-03-05")

    assert ["B3", "C2", "C2"] == memos(noon_of_5 + timedelta(minutes=2))
    assert ["B3", "C2", "C2"] == memos(noon_of_5 + timedelta(hours=1))
    assert ["C2", "C2"] == memos(noon_of_5 + timedelta(hours=1, seconds=1))


def test_memos_of_another_amount_with_other_lines_or_voided_are_no_doubles() -> None:
    at = noon("2026-03-05") + timedelta(minutes=2)

    assert [["C2", "C2"], ["C2", "C2"], ["C2", "C2"]] == [
        memos(at, total="451"),
        memos(at, digest="b"),
        memos(at, voided=True),
    ]


def test_of_three_equal_memos_each_repeats_the_one_before() -> None:
    book = BookOf()
    for number in range(3):
        key = book.memo(f"5{number}", "450", "450", on="2026-03-05")
        content = book.versions[key][-1].content
        assert isinstance(content, CreditMemo)
        at = noon("2026-03-05") + timedelta(minutes=40 * number)
        book.put(key, msgspec.structs.replace(content, created_at=at), "2026-03-05")

    assert [("B3", "0.00", "450.00")] * 2 == book.findings("2026-03-20")


def test_numbers_made_from_the_first_are_second_postings() -> None:
    for number, told in {"INV-9.1": 1, "INV-9-2": 1, "INV-9R": 1, "INV-9(2)": 1, "INV-91": 0, "INV-9.100": 0}.items():
        book = BookOf()
        book.bigtime_invoice("9", "1000", number="INV-9")
        book.quickbooks_invoice("1", "1000", "1000", number="INV-9")
        book.quickbooks_invoice("2", "1000", "1000", number=number)

        assert told == len(book.findings()), number


def test_a_repeated_credit_that_was_taken_off_at_posting_is_explained_and_hides_no_other() -> None:
    book = BookOf()
    for sid in ("101", "102"):
        book.row(f"p1{sid}", sid, "200", method=CREDIT, on="2026-02-20")
        book.row(f"p2{sid}", sid, "200", method=CREDIT, on="2026-02-21")
    book.bigtime_invoice("101", "1000")
    book.quickbooks_invoice("q101", "600", "600", number="INV-101")
    book.twins("102", "1000", open_in_quickbooks="1000")

    assert [("A2", "-200.00", "200.00"), ("A3", "0.00", "400.00"), ("B1", "-200.00", "200.00")] == sorted(
        book.findings()
    )


def test_the_echo_of_two_credits_together_rests_on_them_and_not_on_a_cheque() -> None:
    book = BookOf()
    book.twins("101", "1000", open_in_quickbooks="650")
    for memo, payment, amount in (("7", "9", "100"), ("8", "10", "200")):
        book.memo(memo, amount, "0", on="2026-03-05")
        book.payment(payment, invoices={"q101": amount}, memos={memo: amount}, on="2026-03-05")
        book.row(f"p{memo}", "101", amount, method=LABEL, on="2026-03-06")
    book.payment("11", invoices={"q101": "50"}, cash="50", on="2026-03-05")
    book.row("p11", "101", "50", method=MONEY, on="2026-03-05")
    book.row("p9", "101", "300", method=LABEL, on="2026-03-07")

    (echo,) = [each for each in book.evaluate().findings if each.code == "B2"]
    assert {"p9:101", "9", "10"} == {each.key.id for each in echo.evidence}


def test_one_payment_has_one_echo_and_a_third_row_is_told_by_itself() -> None:
    book = echoed()
    book.row("p3", "101", "300", method=MONEY, on="2026-03-05", seen="2026-03-06")

    assert ["B2", "C4"] == sorted(code for code, _, _ in book.findings())


def test_of_two_equal_payments_the_echo_is_of_the_one_with_its_reference() -> None:
    book = BookOf()
    book.twins("101", "1000", open_in_quickbooks="400")
    for name, reference in (("1", "4711"), ("2", "4712")):
        book.payment(name, invoices={"q101": "300"}, cash="300", on="2026-03-05", reference=reference)
        book.row(f"p{name}", "101", "300", method=MONEY, on="2026-03-05", reference=reference, seen="2026-03-06")
    book.row("p3", "101", "300", method=MONEY, on="2026-03-05", reference="4712", seen="2026-03-06")

    (echo,) = book.evaluate().findings
    assert ("B2", Proof.PROVED, {"p2:101", "p3:101", "2"}) == (
        echo.code,
        echo.proof,
        {each.key.id for each in echo.evidence},
    )


def test_what_to_delete_is_the_row_keyed_by_hand_or_the_second_one() -> None:
    (by_hand,), (echo,) = echoed(word="Wire").evaluate().findings, echoed().evaluate().findings

    assert (True, False) == ("by hand" in by_hand.explanation, "by hand" in echo.explanation)


def test_a_payment_without_a_day_is_the_double_of_none() -> None:
    book = BookOf()
    book.twins("101", "1000", open_in_quickbooks="0")
    book.payment("9", invoices={"q101": "1000"}, cash="1000", on="2026-03-05", reference="4711")
    book.row("p1", "101", "1000", method=MONEY, on="2026-03-05", reference="4711")
    key = book.payment("10", invoices={}, cash="1000", unapplied="1000", on="2026-03-05", reference="4711")
    content = book.versions.pop(key)[-1].content
    assert isinstance(content, Payment)
    book.put(key, msgspec.structs.replace(content, paid_on=None), "2026-03-05")

    assert "B5" not in [each.code for each in book.evaluate("2026-03-20").findings]


def test_equal_memos_are_compared_in_the_order_in_which_they_were_entered() -> None:
    """Entered at 12:00, 12:40 and 13:20, though their ids are in another order."""
    book = BookOf()
    for name, minutes in (("50", 40), ("51", 0), ("52", 80)):
        key = book.memo(name, "450", "450", on="2026-03-05")
        content = book.versions.pop(key)[-1].content
        assert isinstance(content, CreditMemo)
        at = noon("2026-03-05") + timedelta(minutes=minutes)
        book.put(key, msgspec.structs.replace(content, created_at=at), "2026-03-05")

    doubles = [each for each in book.evaluate("2026-03-20").findings if each.code == "B3"]
    assert [["50", "51"], ["50", "52"]] == sorted(sorted(one.key.id for one in each.evidence) for each in doubles)


def test_a_second_invoice_of_the_same_number_is_a_second_posting_whatever_its_total() -> None:
    book = BookOf()
    book.twins("101", "1000", open_in_quickbooks="1000")
    book.quickbooks_invoice("q2", "900", "900", number="INV-101")
    book.quickbooks_invoice("q3", "1000", "1000", number="")

    assert [("B6", ["q101", "q2"])] == [
        (each.code, [one.key.id for one in each.evidence if one.key.system == "quickbooks"])
        for each in book.evaluate().findings
    ]


def test_a_row_that_is_not_the_sum_of_two_credits_is_no_echo_of_them() -> None:
    book = BookOf()
    book.twins("101", "1000", open_in_quickbooks="700")
    for memo, payment, amount in (("7", "9", "100"), ("8", "10", "200")):
        book.memo(memo, amount, "0", on="2026-03-05")
        book.payment(payment, invoices={"q101": amount}, memos={memo: amount}, on="2026-03-05")
        book.row(f"p{memo}", "101", amount, method=LABEL, on="2026-03-06")
    book.row("p9", "101", "50", method=LABEL, on="2026-03-07")

    assert [("C4", "-50.00", "50.00")] == book.findings()
