"""Group D: what is one payment or credit with other attributes, and what is two."""

from decimal import Decimal

import msgspec

from mappings.findings import Proof
from mappings.model import Client, CreditMemo, Invoice, Kind, Method, Payment, RecordKey
from tests.books import BT, QB, BookOf, brief

CREDIT, LABEL, MONEY = Method.ACCOUNT_CREDIT, Method.NONE, Method.MONEY


def _a_credit_that_never_came_over() -> BookOf:
    """1,000.00, of which QuickBooks has credited 185.00; BigTime knows nothing of it."""
    book = BookOf()
    book.twins("101", "1000", open_in_quickbooks="815")
    book.memo("7", "185", "0", on="2026-03-05")
    book.payment("9", invoices={"q101": "185"}, memos={"7": "185"}, on="2026-03-05")
    return book


def test_a_lost_credit_and_a_cheque_of_bigtime_only_are_two_things() -> None:
    book = _a_credit_that_never_came_over()
    book.row("p1", "101", "460", method=MONEY, on="2026-03-06", word="Check")

    assert book.findings() == [("C4", "-460.00", "460.00"), ("C3", "185.00", "185.00")]


def test_a_credit_with_another_amount_is_one_thing() -> None:
    book = _a_credit_that_never_came_over()
    book.row("p1", "101", "150", method=LABEL, on="2026-03-06")

    assert book.findings() == [("D1", "35.00", "35.00")]


def test_a_credit_under_the_name_that_credits_have_in_this_bigtime_is_one_thing_too() -> None:
    book = _a_credit_that_never_came_over()
    book.twins("102", "500", open_in_quickbooks="400")
    book.memo("8", "100", "0", on="2026-03-05")
    book.payment("10", invoices={"q102": "100"}, memos={"8": "100"}, on="2026-03-05")
    book.row("p2", "102", "100", method=MONEY, on="2026-03-05", word="Check")
    book.row("p1", "101", "150", method=MONEY, on="2026-03-06", word="Check")

    assert book.findings() == [("D1", "35.00", "35.00")]


def test_the_number_of_its_memo_names_a_credit_whatever_bigtime_calls_it() -> None:
    book = _a_credit_that_never_came_over()
    book.row("p1", "101", "150", method=MONEY, on="2026-03-20", word="Check", reference="CM-7")

    assert book.findings() == [("D1", "35.00", "35.00")]


def test_one_credit_that_was_pushed_under_the_name_of_a_cheque_makes_no_cheque_a_credit() -> None:
    book = _a_credit_that_never_came_over()
    book.twins("102", "500", open_in_quickbooks="300")
    book.memo("8", "100", "0", on="2026-03-05")
    book.payment("10", invoices={"q102": "100"}, memos={"8": "100"}, on="2026-03-05")
    book.row("p2", "102", "100", method=MONEY, on="2026-03-05", word="Check")
    book.payment("11", invoices={"q102": "100"}, cash="100", on="2026-03-05")
    book.row("p3", "102", "100", method=MONEY, on="2026-03-05", word="Check")
    book.row("p1", "101", "150", method=MONEY, on="2026-03-06", word="Check")

    assert sorted(book.findings()) == [("C3", "185.00", "185.00"), ("C4", "-150.00", "150.00")]


def test_a_payment_that_the_sync_may_still_bring_is_not_taken_for_another_days_with_another_amount() -> None:
    book = BookOf()
    book.twins("101", "9000", open_in_quickbooks="5785")
    book.row("p1", "101", "2865", method=MONEY, on="2026-03-30", word="Check")
    book.payment("9", invoices={"q101": "3215"}, on="2026-04-01", cash="3215")
    assert book.findings("2026-04-01") == [("C4", "-2865.00", "2865.00")]

    book.row("p2", "101", "3200", method=MONEY, on="2026-04-01", word="Check")
    assert book.findings("2026-04-01") == [("C4", "-2865.00", "2865.00"), ("D1", "15.00", "15.00")]


def test_of_two_differences_the_nearest_amounts_belong_together() -> None:
    book = BookOf()
    book.twins("101", "1000", open_in_quickbooks="200")
    for name, amount in (("8", "500"), ("9", "300")):
        book.payment(name, invoices={"q101": amount}, on="2026-03-05", cash=amount)
    book.row("p1", "101", "310", method=MONEY, on="2026-03-05")
    book.row("p2", "101", "480", method=MONEY, on="2026-03-05")

    assert sorted(book.findings()) == [("D1", "-10.00", "10.00"), ("D1", "20.00", "20.00")]


def test_of_two_differences_the_days_tell_before_the_amounts() -> None:
    book = BookOf()
    book.twins("101", "2000", open_in_quickbooks="799.76")
    book.payment("8", invoices={"q101": "575.00"}, on="2026-03-05", cash="575.00")
    book.payment("9", invoices={"q101": "625.24"}, on="2026-03-07", cash="625.24")
    book.row("p1", "101", "575.24", method=MONEY, on="2026-03-07")

    assert sorted(book.findings()) == [("C3", "575.00", "575.00"), ("D1", "50.00", "50.00")]


def _credit_here_and_there(method: Method, *, in_quickbooks_since: str) -> BookOf:
    book = BookOf()
    book.twins("101", "1000", open_in_quickbooks="1000")
    book.twins("102", "1000", open_in_quickbooks="800")
    book.memo("7", "200", "0", on="2026-03-30")
    book.payment("9", invoices={"q102": "200"}, memos={"7": "200"}, on="2026-03-30", seen=in_quickbooks_since)
    book.row("p1", "101", "200", method=method, on="2026-03-30")
    return book


def test_one_credit_on_two_invoices_is_told() -> None:
    for method, since in ((LABEL, "2026-03-30"), (LABEL, "2026-04-01"), (CREDIT, "2026-03-30")):
        book = _credit_here_and_there(method, in_quickbooks_since=since)
        assert book.findings("2026-04-01") == [("D2", "0.00", "200.00")]


def test_a_client_credit_is_not_joined_with_what_the_sync_may_still_bring_over() -> None:
    book = _credit_here_and_there(CREDIT, in_quickbooks_since="2026-04-01")

    assert book.findings("2026-04-01") == [("B4", "-200.00", "200.00")]


def test_a_credit_that_we_saw_come_loose_is_not_another_invoices_lost_one() -> None:
    book = BookOf()
    book.twins("101", "1000", open_in_quickbooks="1000")
    book.twins("102", "1000", open_in_quickbooks="775")
    for name, target in (("7", "q101"), ("8", "q102")):
        book.memo(name, "225", "0", on="2026-03-05")
        book.payment(f"p{name}", invoices={target: "225"}, memos={name: "225"}, on="2026-03-05")
    book.row("p1", "101", "225", method=LABEL, on="2026-03-05")
    book.payment("p7", invoices={}, on="2026-03-05", seen="2026-03-09")
    book.memo("7", "225", "225", on="2026-03-05", seen="2026-03-09")

    assert sorted(book.findings()) == [("C3", "225.00", "225.00"), ("E5", "-225.00", "225.00")]


def test_a_credit_that_was_put_on_another_invoice_after_it_came_loose_has_moved() -> None:
    book = BookOf()
    book.twins("101", "1000", open_in_quickbooks="1000")
    book.twins("102", "1000", open_in_quickbooks="775")
    book.memo("7", "225", "0", on="2026-03-05")
    book.payment("p7", invoices={"q101": "225"}, memos={"7": "225"}, on="2026-03-05")
    book.row("p1", "101", "225", method=LABEL, on="2026-03-05")
    book.payment("p7", invoices={}, on="2026-03-05", seen="2026-03-09")
    book.payment("p8", invoices={"q102": "225"}, memos={"7": "225"}, on="2026-03-09")

    assert book.findings() == [("D2", "0.00", "225.00")]


def one_each(row_on: str, line_on: str, *, row: str = "250", reference: str = "", method: Method = MONEY) -> BookOf:
    """300.00 in QuickBooks and another amount in BigTime, on one invoice."""
    book = BookOf()
    book.twins("101", "1000", open_in_quickbooks="700")
    book.payment("9", invoices={"q101": "300"}, cash="300", on=line_on, reference="4711")
    book.row("p1", "101", row, method=method, on=row_on, reference=reference)
    return book


def test_two_amounts_within_a_week_are_one_payment_and_later_two() -> None:
    assert [("D1", "50.00", "50.00")] == one_each("2026-03-12", "2026-03-05").findings()
    apart = sorted(one_each("2026-03-13", "2026-03-05").findings())
    assert [("C3", "300.00", "300.00"), ("C4", "-250.00", "250.00")] == apart
    assert [("D1", "50.00", "50.00")] == one_each("2026-03-30", "2026-03-05", reference="4711").findings()


def test_the_same_reference_proves_that_it_is_one_payment() -> None:
    (named,) = one_each("2026-03-05", "2026-03-05", reference="4711").evaluate().findings
    (unnamed,) = one_each("2026-03-05", "2026-03-05").evaluate().findings

    assert [Proof.PROVED, Proof.LIKELY] == [named.proof, unnamed.proof]
    assert "is 250.00 USD in BigTime and 300.00 USD in QuickBooks" in named.explanation
    assert ("reference" in named.reason, "reference" in unnamed.reason) == (True, False)


def test_a_client_credit_is_never_the_other_amount_of_a_payment() -> None:
    book = BookOf()
    book.twins("101", "1000", open_in_quickbooks="700")
    book.memo("7", "300", "0", on="2026-03-05")
    book.payment("9", invoices={"q101": "300"}, memos={"7": "300"}, on="2026-03-05")
    book.row("p1", "101", "250", method=CREDIT, on="2026-03-05")

    assert [("A1", "-250.00", "250.00"), ("C3", "300.00", "300.00")] == sorted(book.findings())


def test_of_two_the_one_with_the_reference_goes_before_the_nearer_day_and_amount() -> None:
    book = one_each("2026-03-05", "2026-03-05", row="299")
    book.row("p2", "101", "250", method=MONEY, on="2026-03-09", reference="4711")

    assert [("C4", "-299.00", "299.00"), ("D1", "50.00", "50.00")] == sorted(book.findings())


def totals(bigtime: str, quickbooks: str, *, tax: tuple[int, int] = (0, 0)) -> list[tuple[str, str, str]]:
    """An invoice with two totals, and the tax in each, in cents; S4 too."""
    book = BookOf()
    ours = book.bigtime_invoice("101", bigtime)
    theirs = book.quickbooks_invoice("q101", quickbooks, quickbooks, number="INV-101")
    for key, tax_minor in ((ours, tax[0]), (theirs, tax[1])):
        content = book.versions[key][-1].content
        assert isinstance(content, Invoice)
        book.put(key, msgspec.structs.replace(content, tax_minor=tax_minor), "2026-03-01")
    return [brief(each) for each in book.evaluate().findings]


def test_a_cent_is_rounding_and_two_are_not() -> None:
    assert [("D9", "-0.01", "0.01")] == totals("99.99", "100.00")
    assert [("D9", "0.01", "0.01")] == totals("100.01", "100.00")
    assert [("E1", "-0.02", "0.02")] == totals("99.98", "100.00")


def test_the_tax_of_one_side_is_told_as_such_and_no_other_difference_is() -> None:
    assert [("D6", "10.00", "10.00")] == totals("110", "100", tax=(1000, 0))
    assert [("D6", "-10.00", "10.00")] == totals("100", "110", tax=(0, 1000))
    assert [("E1", "10.00", "10.00")] == totals("110", "100", tax=(1000, 1000))
    assert [("E1", "11.00", "11.00")] == totals("111", "100", tax=(1000, 0))


def shown(*words: tuple[str, Method], memo: bool = True) -> list[tuple[str, str, str]]:
    """One application of QuickBooks under these amounts and types in BigTime; D7 alone."""
    book = BookOf()
    whole = f"{sum(Decimal(each) for each, _ in words):.2f}"
    book.twins("101", "1000", open_in_quickbooks=f"{1000 - Decimal(whole):.2f}")
    if memo:
        book.memo("7", whole, "0", on="2026-03-05")
    book.payment(
        "9", invoices={"q101": whole}, memos={"7": whole} if memo else {}, cash="0" if memo else whole, on="2026-03-05"
    )
    for place, (amount, method) in enumerate(words):
        book.row(f"p{place}", "101", amount, method=method, on="2026-03-05")
    return [brief(each) for each in book.evaluate().findings if each.code == "D7"]


def test_a_credit_under_the_name_of_money_is_information_for_the_part_that_is() -> None:
    assert [("D7", "0.00", "300.00")] == shown(("300", MONEY))
    assert [("D7", "0.00", "200.00")] == shown(("100", Method.CREDIT_MEMO), ("200", MONEY))
    assert [[], []] == [shown(("300", Method.CREDIT_MEMO)), shown(("300", MONEY), memo=False)]


def elsewhere(row_on: str = "2026-03-05", *, line: str = "200", reference: str = "", client: str = "") -> BookOf:
    """200.00 on one invoice in BigTime; QuickBooks has an amount on another one."""
    book = BookOf()
    book.twins("101", "1000", open_in_quickbooks="1000")
    if client:
        book.put(RecordKey(BT, Kind.CLIENT, client), Client(name="Zenith"), "2026-01-01")
        book.put(RecordKey(QB, Kind.CUSTOMER, "13"), Client(name="Zenith", currency="USD"), "2026-01-01")
        book.bigtime_invoice("102", "1000", client=client)
        book.quickbooks_invoice("q102", "1000", f"{1000 - Decimal(line):.2f}", number="INV-102", client="13")
    else:
        book.twins("102", "1000", open_in_quickbooks=f"{1000 - Decimal(line):.2f}")
    book.memo("7", line, "0", on="2026-03-05", client="13" if client else "12")
    book.payment("9", invoices={"q102": line}, memos={"7": line}, on="2026-03-05", reference="4711")
    book.row("p1", "101", "200", method=LABEL, on=row_on, reference=reference)
    return book


def test_one_credit_on_two_invoices_of_a_client_claims_minus_and_plus() -> None:
    (found,) = elsewhere().evaluate().findings

    assert ("D2", Proof.LIKELY, [("101", -20000), ("102", 20000)]) == (
        found.code,
        found.proof,
        [(each.invoice_id, each.amount_minor) for each in found.claims],
    )
    assert (
        "200.00 USD is applied to invoice INV-101 in BigTime and to invoice INV-102 in QuickBooks" in found.explanation
    )


def test_other_amounts_other_clients_and_other_weeks_are_two_mistakes() -> None:
    two = ["C3", "C4"]

    assert [two, two, two] == [
        sorted(code for code, _, _ in book.findings())
        for book in (elsewhere(line="199"), elsewhere(client="302"), elsewhere("2026-03-13"))
    ]
    assert ["D2"] == [code for code, _, _ in elsewhere("2026-03-12").findings()]
    assert ["D2"] == [code for code, _, _ in elsewhere("2026-03-30", reference="4711").findings()]


def test_of_two_that_fit_none_is_chosen_without_a_proof() -> None:
    book = elsewhere()
    book.twins("103", "1000", open_in_quickbooks="800")
    book.memo("8", "200", "0", on="2026-03-05")
    book.payment("10", invoices={"q103": "200"}, memos={"8": "200"}, on="2026-03-05")

    assert ["C3", "C3", "C4"] == sorted(code for code, _, _ in book.findings())


def test_a_payment_that_we_saw_on_bigtimes_invoice_is_proved_to_have_moved() -> None:
    book = BookOf()
    book.twins("101", "1000", open_in_quickbooks="1000")
    book.twins("102", "1000", open_in_quickbooks="800")
    book.payment("9", invoices={"q101": "200"}, cash="200", on="2026-03-05")
    book.row("p1", "101", "200", method=MONEY, on="2026-03-05")
    book.payment("9", invoices={"q102": "200"}, cash="200", on="2026-03-05", seen="2026-03-09")

    (found,) = book.evaluate().findings
    assert ("D2", Proof.PROVED) == (found.code, found.proof)
    assert "an earlier version of the QuickBooks payment was on BigTime's invoice" == found.reason


def test_a_row_without_a_day_is_near_nothing_but_its_reference() -> None:
    for reference, told in (("", ["C3", "C4"]), ("4711", ["D1"])):
        book = one_each("2026-03-05", "2026-03-05", reference=reference)
        key = RecordKey(BT, Kind.PAYMENT, "p1:101")
        content = book.versions.pop(key)[-1].content
        assert isinstance(content, Payment)
        book.put(key, msgspec.structs.replace(content, paid_on=None, applied_on=None), "2026-03-05")

        assert told == sorted(code for code, _, _ in book.findings())


def test_what_another_invoice_lost_has_no_say_in_where_this_ones_credit_went() -> None:
    """200.00 is on 101 in BigTime and on 102 in QuickBooks; on 103 QuickBooks once had 200.00 of another memo."""
    book = elsewhere()
    book.twins("103", "1000", open_in_quickbooks="1000")
    book.memo("8", "200", "0", on="2026-03-05")
    book.payment("10", invoices={"q103": "200"}, memos={"8": "200"}, on="2026-03-05")
    book.payment("10", invoices={}, on="2026-03-05", seen="2026-03-06")

    assert "D2" in [code for code, _, _ in book.findings()]


def test_a_proved_move_shows_the_version_that_was_on_bigtimes_invoice() -> None:
    book = BookOf()
    book.twins("101", "1000", open_in_quickbooks="1000")
    book.twins("102", "1000", open_in_quickbooks="800")
    book.payment("9", invoices={"q101": "200"}, cash="200", on="2026-03-05")
    book.row("p1", "101", "200", method=MONEY, on="2026-03-05")
    key = book.payment("9", invoices={"q102": "200"}, cash="200", on="2026-03-05", seen="2026-03-09")

    (found,) = book.evaluate().findings
    assert {each.sha256 for each in book.versions[key]} <= {each.sha256 for each in found.evidence}


def less_the_tax(*, memo_tax: int = 0, invoice_tax: int = 0, memo: str = "kept") -> list[str]:
    """QuickBooks credited 110.00 of an invoice of 1,100.00, BigTime 100.00. Taxes are in cents."""
    book = BookOf()
    book.twins("101", "1100", open_in_quickbooks="990")
    for key in (RecordKey(BT, Kind.INVOICE, "101"), RecordKey(QB, Kind.INVOICE, "q101")):
        content = book.versions[key].pop().content
        assert isinstance(content, Invoice)
        book.put(key, msgspec.structs.replace(content, tax_minor=invoice_tax), "2026-03-01")
    if memo != "never read":
        key = book.memo("7", "110", "0", on="2026-03-05")
        credit = book.versions[key].pop().content
        assert isinstance(credit, CreditMemo)
        book.put(key, msgspec.structs.replace(credit, tax_minor=memo_tax), "2026-03-05")
        if memo == "gone":
            book.gone(key, "2026-03-08")
    book.payment("9", invoices={"q101": "110"}, memos={"7": "110"}, on="2026-03-05")
    book.row("p1", "101", "100", method=LABEL, on="2026-03-05")
    return [each.code for each in book.evaluate().findings if each.claim_minor]


def test_a_credit_with_and_without_the_tax_is_told_as_such_by_the_memo_or_by_the_invoice() -> None:
    assert ["D6"] == less_the_tax(memo_tax=1000)
    assert ["D6"] == less_the_tax(invoice_tax=10000)
    assert ["D1"] == less_the_tax(memo_tax=1001)
    assert ["D1"] == less_the_tax()


def test_a_memo_that_is_gone_or_was_never_read_leaves_the_invoices_tax_to_tell() -> None:
    for memo in ("gone", "never read"):
        assert ["D6"] == less_the_tax(invoice_tax=10000, memo=memo)
        assert ["D1"] == less_the_tax(memo=memo)


def test_of_two_with_one_reference_the_one_that_has_a_day_is_the_nearer() -> None:
    book = one_each("2026-03-05", "2026-03-05", reference="4711")
    key = book.row("p0", "101", "299", method=MONEY, on="2026-03-05", reference="4711")
    content = book.versions.pop(key)[-1].content
    assert isinstance(content, Payment)
    book.put(key, msgspec.structs.replace(content, paid_on=None, applied_on=None), "2026-03-05")

    assert [("C4", "-299.00", "299.00"), ("D1", "50.00", "50.00")] == sorted(book.findings())


def test_two_clients_of_bigtime_who_are_one_customer_are_one_client() -> None:
    book = elsewhere()
    book.bigtime_invoice("102", "1000", client="302")

    assert ["D2"] == [code for code, _, _ in book.findings()]


def test_what_money_paid_in_part_is_no_credit_under_the_name_of_money() -> None:
    book = BookOf()
    book.twins("101", "1000", open_in_quickbooks="700")
    book.memo("7", "100", "0", on="2026-03-05")
    book.payment("9", invoices={"q101": "100"}, memos={"7": "100"}, on="2026-03-05")
    book.payment("10", invoices={"q101": "200"}, cash="200", on="2026-03-05")
    book.row("p1", "101", "300", method=MONEY, on="2026-03-05")

    assert ["D8"] == [each.code for each in book.evaluate().findings]
