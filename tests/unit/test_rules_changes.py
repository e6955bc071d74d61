"""What versions and BigTime's own figures show of the past."""

from datetime import date
from decimal import Decimal

import msgspec

from mappings.findings import Severity
from mappings.model import History, Invoice, Kind, Method, Preferences, RecordKey, Version
from sync.rules.evaluate import evaluate_book
from tests.books import BT, QB, BookOf, brief, moment, noon


def test_a_balance_that_hides_an_overpayment_is_told_once_and_claims_what_it_hides() -> None:
    book = BookOf()
    book.twins("101", "500", open_in_quickbooks="200")
    book.payment("9", invoices={"q101": "300"}, on="2026-03-05", cash="300", reference="CHK-1")
    for name in ("p1", "p2"):
        book.row(name, "101", "300", method=Method.MONEY, on="2026-03-05", reference="CHK-1")
    key = RecordKey(BT, Kind.INVOICE, "101")
    content = book.versions[key][-1].content
    assert isinstance(content, Invoice)
    hiding = msgspec.structs.replace(content, balance_minor=0, paid_minor=60000, marked_paid=True)
    book.put(key, hiding, "2026-03-08")

    assert [("B2", "-300.00", "300.00"), ("F2", "100.00", "100.00")] == book.findings()


def _paid_and_taken_back(*, deleted_on: str) -> BookOf:
    """A payment of 300.00 is gone from BigTime's balance, and still in the payments that were read before."""
    book = BookOf()
    book.twins("101", "500", open_in_quickbooks="200")
    book.bigtime_invoice("101", "500", balance="200", seen="2026-03-05")
    book.payment("9", invoices={"q101": "300"}, on="2026-03-05", cash="300")
    book.row("p1", "101", "300", method=Method.MONEY, on="2026-03-05")
    book.bigtime_invoice("101", "500", balance="500", seen=deleted_on)
    return book


def test_a_balance_that_has_just_moved_is_information_until_the_lists_have_settled() -> None:
    result = _paid_and_taken_back(deleted_on="2026-04-01").evaluate("2026-04-01")

    assert [("F10", Severity.S4, 30000)] == [(f.code, f.severity, f.claim_minor) for f in result.findings]
    assert noon("2026-04-02") == result.recheck_at


def test_a_balance_that_stays_wrong_is_told() -> None:
    assert [("F10", "300.00", "300.00")] == _paid_and_taken_back(deleted_on="2026-03-30").findings("2026-04-01")


QB_INVOICE, QB_PAYMENT = RecordKey(QB, Kind.INVOICE, "q101"), RecordKey(QB, Kind.PAYMENT, "9")


def closed(book: BookOf, closing: str | None, *, seen: str = "2026-04-03") -> list[tuple[str, str, str]]:
    """What is told when the books were closed up to a day; E8 alone."""
    preferences = [(seen, Preferences(book_close_on=date.fromisoformat(closing) if closing else None))]
    history = History(
        tuple(
            Version(
                key=RecordKey(QB, Kind.PREFERENCES, "1"),
                sequence=number,
                content=content,
                observed_at=noon(day),
                absent_before=None,
                modified_at=None,
                sha256=f"sha256:{number}",
                run_id="run",
            )
            for number, (day, content) in enumerate(preferences, start=1)
        )
    )
    whole = msgspec.structs.replace(book.book(), preferences=history)
    return [brief(each) for each in evaluate_book(whole, moment("2026-04-20")).findings if each.code == "E8"]


def raised(*, seen: str = "2026-04-06") -> BookOf:
    """An invoice of 1 March that was raised by 100.00 in both systems."""
    book = BookOf()
    book.twins("101", "1000", open_in_quickbooks="1000")
    book.quickbooks_invoice("q101", "1100", "1100", number="INV-101", seen=seen, revision="1")
    book.bigtime_invoice("101", "1100", seen=seen)
    return book


def test_a_change_of_a_closed_month_is_told_with_the_amount_it_changed() -> None:
    told = [("E8", "0.00", "100.00")]

    assert [told, told, []] == [closed(raised(), day) for day in ("2026-03-31", "2026-03-01", "2026-02-28")]


def test_a_closing_date_that_was_set_after_the_change_makes_nothing_wrong() -> None:
    assert [] == closed(raised(seen="2026-04-02"), "2026-03-31", seen="2026-04-03")
    assert 1 == len(closed(raised(seen="2026-04-03"), "2026-03-31", seen="2026-04-03"))
    assert [] == closed(raised(), None)


def test_being_paid_is_no_change_of_a_closed_month_and_a_moved_payment_is() -> None:
    book = BookOf()
    book.twins("101", "1000", open_in_quickbooks="1000")
    book.twins("102", "1000", open_in_quickbooks="1000")
    book.payment("9", invoices={}, on="2026-03-05", cash="300", unapplied="300")
    book.payment("9", invoices={"q101": "300"}, on="2026-03-05", cash="300", seen="2026-04-06")
    assert [] == closed(book, "2026-03-31")

    book.payment("9", invoices={"q102": "300"}, on="2026-03-05", cash="300", seen="2026-04-08")
    assert [("E8", "0.00", "300.00")] == closed(book, "2026-03-31")


def test_a_day_that_moved_out_of_a_closed_month_is_a_change_of_it() -> None:
    for before, after in (("2026-03-05", "2026-04-05"), ("2026-04-05", "2026-03-05")):
        book = BookOf()
        book.payment("9", invoices={}, on=before, cash="300", unapplied="300")
        book.payment("9", invoices={}, on=after, cash="300", unapplied="300", seen="2026-04-06")

        assert [("E8", "0.00", "300.00")] == closed(book, "2026-03-31")


def redated(*, number: str = "INV-101", on: str = "2026-03-01", voided: bool = False) -> list[tuple[str, str]]:
    """A QuickBooks invoice of 1 March with another number or day; E9 alone."""
    book = BookOf()
    book.twins("101", "1000", open_in_quickbooks="1000")
    content = book.versions[QB_INVOICE][-1].content
    assert isinstance(content, Invoice)
    changed = msgspec.structs.replace(content, number=number, issued_on=date.fromisoformat(on), voided=voided)
    book.put(QB_INVOICE, changed, "2026-03-09")
    return [(str(each.severity), each.explanation) for each in book.evaluate().findings if each.code == "E9"]


def test_another_day_is_to_be_looked_at_and_urgent_over_the_end_of_a_month() -> None:
    ((within, _),), ((across, told),), ((next_year, _),) = (
        redated(on=day) for day in ("2026-03-30", "2026-04-01", "2027-03-01")
    )

    assert ("S3", "S2", "S2") == (within, across, next_year)
    assert "INV-101 of 2026-03-01 is now INV-101 of 2026-04-01" in told


def test_another_number_is_to_be_looked_at() -> None:
    ((severity, told),) = redated(number="INV-101A")

    assert "S3" == severity
    assert "INV-101 of 2026-03-01 is now INV-101A of 2026-03-01" in told


def test_a_void_is_no_new_date() -> None:
    assert [] == redated(on="2026-04-01", voided=True)


def test_a_payment_whose_reference_changed_is_known_by_it() -> None:
    book = BookOf()
    for reference, seen in (("4711", "2026-03-05"), ("4712", "2026-03-07"), ("4712", "2026-03-09")):
        book.payment("9", invoices={}, on="2026-03-05", cash="300", unapplied="300", reference=reference, seen=seen)

    (told,) = [each.explanation for each in book.evaluate().findings if each.code == "E9"]
    assert "payment 4711 of 2026-03-05 is now 4712 of 2026-03-05" in told


def merged(*records: str) -> list[tuple[str, str, str]]:
    """Records that moved from customer 12 to 13."""
    book = BookOf()
    for number, amount in enumerate(records):
        for client, seen in (("12", "2026-03-05"), ("13", "2026-03-09")):
            book.memo(f"m{number}", amount, amount, on="2026-03-05", seen=seen, client=client)
    return [brief(each) for each in book.evaluate().findings if each.code == "E10"]


def test_records_that_moved_together_are_one_merge() -> None:
    assert [("E10", "0.00", "300.00")] == merged("100", "200")


def test_a_record_that_was_deleted_after_it_had_moved_is_no_part_of_the_merge() -> None:
    book = BookOf()
    for number in ("m0", "m1"):
        for client, seen in (("12", "2026-03-05"), ("13", "2026-03-09")):
            key = book.memo(number, "100", "100", on="2026-03-05", seen=seen, client=client)
    book.gone(key, "2026-03-10")
    (found,) = [each for each in book.evaluate().findings if each.code == "E10"]
    assert (10000, ["m0"]) == (found.exposure_minor, [each.key.id for each in found.evidence])

    book.gone(RecordKey(QB, Kind.CREDIT_MEMO, "m0"), "2026-03-10")
    assert [] == [each.code for each in book.evaluate().findings if each.code == "E10"]


def test_a_record_that_moved_to_and_fro_counts_once_in_each_direction() -> None:
    book = BookOf()
    for client, seen in (("12", "2026-03-05"), ("13", "2026-03-09"), ("12", "2026-03-10"), ("13", "2026-03-11")):
        book.memo("m", "100", "100", on="2026-03-05", seen=seen, client=client)

    assert [10000, 10000] == [each.exposure_minor for each in book.evaluate().findings if each.code == "E10"]


def applied_again(*lines: dict[str, str]) -> list[tuple[str, str, str]]:
    """A payment of 300.00 whose applications were, one after the other, these."""
    book = BookOf()
    for place, invoices in enumerate(lines):
        used = sum(Decimal(each) for each in invoices.values())
        book.payment(
            "9",
            invoices=invoices,
            on="2026-03-05",
            cash="300",
            unapplied=f"{300 - used:.2f}",
            seen=f"2026-03-{5 + place:02}",
        )
    return [brief(each) for each in book.evaluate().findings if each.code == "E11"]


def test_off_and_on_again_is_told_with_the_amount() -> None:
    assert [("E11", "0.00", "300.00")] == applied_again({"q1": "300"}, {}, {"q1": "300"})
    assert [("E11", "0.00", "200.00")] == applied_again({"q1": "200"}, {"q1": "100"}, {"q1": "200"})
    assert [("E11", "0.00", "200.00")] == applied_again({"q1": "100", "q2": "200"}, {}, {}, {"q1": "100", "q2": "200"})


def test_off_for_good_on_for_the_first_time_or_elsewhere_is_no_repetition() -> None:
    assert [[], [], [], []] == [
        applied_again({"q1": "300"}, {}),
        applied_again({}, {"q1": "300"}, {"q1": "300"}),
        applied_again({"q1": "300"}, {}, {"q2": "300"}),
        applied_again({"q1": "300"}, {}, {"q1": "299"}),
    ]


def in_another_currency(total: str, *, currency: str = "EUR") -> list[tuple[str, str, str]]:
    """An invoice of 1,000.00 in BigTime whose twin is in another currency."""
    book = BookOf()
    book.bigtime_invoice("101", "1000")
    key = book.quickbooks_invoice("q101", total, total, number="INV-101")
    content = book.versions[key][-1].content
    assert isinstance(content, Invoice)
    book.put(key, msgspec.structs.replace(content, currency=currency), "2026-03-01")
    return book.findings()


def test_figures_that_differ_in_a_foreign_currency_are_put_down_to_the_currency() -> None:
    assert [("D5", "80.00", "80.00")] == in_another_currency("920")
    assert [("E1", "80.00", "80.00")] == in_another_currency("920", currency="USD")
    assert [] == in_another_currency("1000")


def test_one_application_in_two_parts_is_information() -> None:
    book = BookOf()
    book.twins("101", "1000", open_in_quickbooks="700")
    book.payment("9", invoices={"q101": "300"}, on="2026-03-05", cash="300")
    book.row("p1", "101", "100", method=Method.MONEY, on="2026-03-05")
    book.row("p2", "101", "200", method=Method.MONEY, on="2026-03-05")

    (found,) = book.evaluate().findings
    assert ("D8", Severity.S4, 0, 30000) == (found.code, found.severity, found.claim_minor, found.exposure_minor)
    assert "is 2 payment(s) in BigTime and 1 in QuickBooks" in found.explanation


def inflated(*, paid: str, total: str = "500", balance: str = "0") -> list[tuple[str, str, str]]:
    book = BookOf()
    book.bigtime_invoice("101", total, balance=balance)
    book.quickbooks_invoice("q101", total, balance, number="INV-101")
    key = RecordKey(BT, Kind.INVOICE, "101")
    content = book.versions[key][-1].content
    assert isinstance(content, Invoice)
    book.put(key, msgspec.structs.replace(content, paid_minor=int(Decimal(paid) * 100)), "2026-03-01")
    return [each for each in book.findings() if each[0] == "F2"]


def test_more_paid_than_billed_is_told_while_the_balance_hides_it() -> None:
    assert [("F2", "0.00", "0.01")] == inflated(paid="500.01")
    assert [[], [], [("F2", "0.00", "1.00")]] == [
        inflated(paid="500"),
        inflated(paid="0", total="-1", balance="-1"),
        inflated(paid="1", total="0"),
    ]


def test_a_day_that_an_invoice_did_not_have_before_crosses_no_month() -> None:
    book = BookOf()
    book.twins("101", "1000", open_in_quickbooks="1000")
    content = book.versions[QB_INVOICE].pop().content
    assert isinstance(content, Invoice)
    book.put(QB_INVOICE, msgspec.structs.replace(content, issued_on=None), "2026-03-01")
    book.put(QB_INVOICE, content, "2026-03-09")
    book.put(QB_INVOICE, msgspec.structs.replace(content, issued_on=None), "2026-03-10")

    assert [Severity.S3, Severity.S3] == [each.severity for each in book.evaluate().findings if each.code == "E9"]


def test_an_invoice_under_another_customer_than_its_clients_is_told_behind_one_in_order_and_one_without_a_twin() -> (
    None
):
    book = BookOf()
    book.bigtime_invoice("99", "1000")
    book.twins("101", "1000", open_in_quickbooks="1000")
    book.bigtime_invoice("102", "1000", client="")
    book.quickbooks_invoice("q102", "1000", "1000", number="INV-102", client="99")
    book.bigtime_invoice("103", "700")
    book.quickbooks_invoice("q103", "700", "700", number="INV-103", client="99")

    (found,) = [each for each in book.evaluate().findings if each.code == "D3"]
    assert found.invoice is not None
    assert ("INV-103", 70000) == (found.invoice.number, found.exposure_minor)
    assert ["103", "q103"] == sorted(each.key.id for each in found.evidence)


def test_a_difference_at_home_does_not_hide_one_in_a_foreign_currency() -> None:
    book = BookOf()
    book.bigtime_invoice("100", "500")
    book.quickbooks_invoice("q100", "480", "480", number="INV-100", revision="1")
    book.bigtime_invoice("101", "1000")
    key = book.quickbooks_invoice("q101", "920", "920", number="INV-101")
    content = book.versions[key].pop().content
    assert isinstance(content, Invoice)
    book.put(key, msgspec.structs.replace(content, currency="EUR"), "2026-03-01")

    assert [("D5", "80.00", "80.00"), ("E1", "20.00", "20.00")] == sorted(book.findings())


def test_a_merge_says_how_many_invoices_moved_and_counts_no_memo_among_them() -> None:
    book = BookOf()
    for client, seen in (("12", "2026-03-05"), ("13", "2026-03-09")):
        book.memo("m", "100", "100", on="2026-03-05", seen=seen, client=client)
        book.quickbooks_invoice("q7", "300", "300", number="INV-7", seen=seen, client=client)

    (found,) = [each for each in book.evaluate().findings if each.code == "E10"]
    assert "1 invoice affected" in found.cause


def test_a_twin_that_was_gone_for_a_while_is_still_its_customers() -> None:
    book = BookOf()
    book.twins("101", "1000", open_in_quickbooks="1000")
    book.gone(QB_INVOICE, "2026-03-05")
    book.quickbooks_invoice("q101", "1000", "1000", number="INV-101", seen="2026-03-06")

    assert "D3" not in [each.code for each in book.evaluate().findings]
