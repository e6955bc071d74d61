"""What a client has to his credit, as far as BigTime's payments show it."""

from datetime import date
from decimal import Decimal

import msgspec

from mappings.model import (
    Entry,
    Invoice,
    Kind,
    LineTarget,
    Method,
    Payment,
    PaymentLine,
    ReceivableLine,
    RecordKey,
    RefundReceipt,
)
from tests.books import BT, QB, BookOf, cents


def _paid_in_bigtime(total: str) -> BookOf:
    """A cheque of `total`, of which both systems put 300.00 on the invoice."""
    book = BookOf()
    book.twins("101", "1000", open_in_quickbooks="700")
    book.payment("9", invoices={"q101": "300"}, on="2026-03-05", cash="300", reference="4711")
    key = book.row("p1", "101", "300", method=Method.MONEY, on="2026-03-05", reference="4711")
    content = book.versions[key][-1].content
    assert isinstance(content, Payment)
    book.put(key, msgspec.structs.replace(content, total_minor=cents(total)), "2026-03-05")
    return book


def test_what_bigtime_keeps_of_a_payment_is_a_credit_of_the_client() -> None:
    assert [("C5", "0.00", "50.00")] == _paid_in_bigtime("350").findings()


def test_a_payment_that_was_taken_back_by_a_negative_row_leaves_no_credit() -> None:
    book = _paid_in_bigtime("300")
    reversal = Payment(
        client_id="301",
        payment_id="p1",
        currency="USD",
        total_minor=cents("300"),
        lines=(PaymentLine(LineTarget.INVOICE, "101", -cents("300")),),
        paid_on=date(2026, 3, 9),
        method=Method.MONEY,
    )
    book.put(RecordKey(BT, Kind.PAYMENT, "p1:101:2"), reversal, "2026-03-09")

    assert [("E2", "300.00", "300.00")] == book.findings()


def overpaid(
    *, reference: str = "4711", on: str = "2026-03-05", unapplied: str = "50", client: str = "12"
) -> list[str]:
    """BigTime keeps 50.00 of a cheque; QuickBooks has another payment with something unapplied."""
    book = _paid_in_bigtime("350")
    book.payment("10", invoices={}, on=on, cash="50", unapplied=unapplied, reference=reference, client=client)
    return [f"{code} {exposure}" for code, _, exposure in book.findings("2026-03-20")]


def test_the_same_rest_in_both_systems_is_one_overpayment() -> None:
    assert ["B7 50.00"] == overpaid()
    assert ["B7 50.00"] == overpaid(reference="4711", on="2026-01-05")[:1]
    assert ["B7 50.00"] == overpaid(reference="", on="2026-03-08")
    assert ["B7 50.00"] == overpaid(reference="4712", on="2026-03-02")


def test_the_same_rest_in_yen_is_one_overpayment_though_bigtime_writes_it_with_cents() -> None:
    book = _paid_in_bigtime("350")
    key = book.payment("10", invoices={}, on="2026-03-05", cash="50", unapplied="50", reference="4711")
    content = book.versions[key][-1].content
    assert isinstance(content, Payment)
    in_yen = msgspec.structs.replace(content, currency="JPY", total_minor=50, unapplied_minor=50)
    book.versions[key].clear()
    book.put(key, in_yen, "2026-03-05")

    rest = next(each for each in book.evaluate("2026-03-20").findings if each.code in {"B7", "C5"})
    assert ("B7", "JPY", 50) == (rest.code, rest.currency, rest.exposure_minor)


def test_another_rest_another_client_or_another_week_is_two_credits() -> None:
    assert ["C5 50.00"] == overpaid(unapplied="49")
    assert ["C5 50.00"] == overpaid(client="13")
    assert ["C5 50.00"] == overpaid(reference="4712", on="2026-03-09")
    assert ["C5 50.00"] == overpaid(reference="", on="2026-03-01")


def test_one_rest_in_quickbooks_is_the_double_of_one_in_bigtime() -> None:
    book = _paid_in_bigtime("350")
    book.twins("102", "1000", open_in_quickbooks="700")
    book.payment("11", invoices={"q102": "300"}, on="2026-03-06", cash="300", reference="4800")
    key = book.row("p2", "102", "300", method=Method.MONEY, on="2026-03-06", reference="4800")
    content = book.versions[key][-1].content
    assert isinstance(content, Payment)
    book.put(key, msgspec.structs.replace(content, total_minor=cents("350")), "2026-03-06")
    book.payment("10", invoices={}, on="2026-03-05", cash="50", unapplied="50")

    assert [("B7", "0.00", "50.00"), ("C5", "0.00", "50.00")] == book.findings("2026-03-20")


def overdue(*, due: str, balance: str = "110", credit: str = "390", owner: str = "12") -> list[tuple[str, str, str]]:
    """A credit of 390.00 beside an invoice of 110.00; the rules look on 1 April."""
    book = BookOf()
    key = book.quickbooks_invoice("q1", "110", balance, number="INV-1")
    content = book.versions[key][-1].content
    assert isinstance(content, Invoice)
    book.put(key, msgspec.structs.replace(content, due_on=date.fromisoformat(due)), "2026-03-01")
    book.bigtime_invoice("1", "110")
    if balance != "110":
        paid = f"{110 - Decimal(balance):.2f}"
        book.payment("p", invoices={"q1": paid}, cash=paid, on="2026-03-02")
        book.row("r", "1", paid, method=Method.MONEY, on="2026-03-02")
    book.memo("7", "390", credit, on="2026-03-20", client=owner)
    if credit == "0":
        book.payment("u", invoices={}, memos={"7": "390"}, on="2026-03-20")
    return [each for each in book.findings() if each[0] == "F4"]


def test_a_credit_beside_an_overdue_invoice_is_an_opportunity_for_the_smaller_of_the_two() -> None:
    assert [("F4", "0.00", "110.00")] == overdue(due="2026-03-31")
    assert [("F4", "0.00", "50.00")] == overdue(due="2026-03-31", credit="50")


def test_an_invoice_that_is_due_today_paid_or_another_clients_is_no_opportunity() -> None:
    assert [[], [], [], []] == [
        overdue(due="2026-04-01"),
        overdue(due="2026-03-31", balance="0"),
        overdue(due="2026-03-31", credit="0"),
        overdue(due="2026-03-31", owner="13"),
    ]


def unclaimed(day: str, *, remaining: str = "390") -> list[str]:
    book = BookOf()
    book.memo("7", "390", remaining, on="2026-03-01")
    return [each.explanation for each in book.evaluate(day).findings if each.code == "F5"]


def test_a_credit_is_stale_from_the_thirty_first_day_on_and_its_age_is_told_in_steps() -> None:
    assert [[], []] == [unclaimed("2026-03-31"), unclaimed("2026-12-31", remaining="0")]
    steps = {
        "2026-04-01": 30,
        "2026-04-30": 30,
        "2026-05-01": 60,
        "2026-05-30": 60,
        "2026-05-31": 90,
        "2027-03-02": 365,
    }
    for day, age in steps.items():
        (told,) = unclaimed(day)
        assert told.startswith(f"390.00 USD of credit has not been used for more than {age} days."), day


def test_rules_on_unclaimed_property_are_named_from_the_hundred_and_eighty_first_day_on() -> None:
    (before,), (after,) = unclaimed("2026-08-28"), unclaimed("2026-08-29")

    assert [False, True] == ["unclaimed property" in each for each in (before, after)]


def journal(book: BookOf, name: str, credit: str, *, on: str = "2026-03-05", note: str = "agreed") -> RecordKey:
    """A journal entry that credits the client's receivable."""
    line = ReceivableLine("0", "12", "84", -cents(credit))
    content = Entry(number=name, currency="USD", on_date=date.fromisoformat(on), lines=(line,), note=note)
    return book.put(RecordKey(QB, Kind.JOURNAL_ENTRY, name), content, on)


def forms(entry: str, memo: str, *, entry_on: str = "2026-03-05", client: str = "12") -> list[str]:
    book = BookOf()
    journal(book, "J", entry, on=entry_on)
    book.memo("7", memo, memo, on="2026-04-05", client=client)
    return [each.code for each in book.evaluate("2026-04-20").findings if each.code == "B8"]


def test_a_memo_and_an_entry_of_one_amount_within_a_month_are_one_credit_in_two_forms() -> None:
    assert ["B8"] == forms("200", "200", entry_on="2026-03-05")
    assert [[], [], []] == [
        forms("200", "201"),
        forms("200", "200", entry_on="2026-03-04"),
        forms("200", "200", client="13"),
    ]


def test_one_memo_is_the_other_form_of_one_entry() -> None:
    book = BookOf()
    journal(book, "J1", "200")
    journal(book, "J2", "200")
    book.memo("7", "200", "200", on="2026-03-05")

    assert [("B8", "0.00", "200.00")] == book.findings("2026-03-20")


def test_an_entry_without_a_note_has_no_occasion_whatever_its_number() -> None:
    book = BookOf()
    journal(book, "J1", "60", note="  ")
    journal(book, "J2", "70", note="Goodwill, agreed with Ann")

    assert [("F6", "0.00", "60.00")] == book.findings("2026-03-20")


def refunded(credit: str, *, kind: Kind = Kind.REFUND_RECEIPT, client: str = "12", used: bool = False) -> list[str]:
    """A credit memo, and 200.00 paid back to a client; F7 alone."""
    book = BookOf()
    book.memo("7", credit, credit, on="2026-03-05")
    if kind is Kind.REFUND_RECEIPT:
        content: RefundReceipt | Entry = RefundReceipt(
            client_id=client, number="R", currency="USD", total_minor=cents("200"), on_date=date(2026, 3, 9)
        )
    else:
        content = Entry(
            number="P",
            currency="USD",
            on_date=date(2026, 3, 9),
            lines=(ReceivableLine("0", client, "84", cents("200")),),
        )
    book.put(RecordKey(QB, kind, "99"), content, "2026-03-09")
    if used:
        settle = Payment(
            client_id="12",
            payment_id="s",
            currency="USD",
            total_minor=0,
            lines=(
                PaymentLine(LineTarget.CHECK, "99", cents("200")),
                PaymentLine(LineTarget.CREDIT_MEMO, "8", cents("200")),
            ),
            paid_on=date(2026, 3, 9),
        )
        book.memo("8", "200", "0", on="2026-03-05")
        book.put(RecordKey(QB, Kind.PAYMENT, "s"), settle, "2026-03-09")
    return [f"{each.code} {each.exposure_minor}" for each in book.evaluate("2026-03-20").findings if each.code == "F7"]


def test_money_that_was_paid_back_while_its_credit_is_open_could_be_used_again() -> None:
    assert ["F7 20000"] == refunded("200")
    assert ["F7 20000"] == refunded("200", kind=Kind.PURCHASE)


def test_a_refund_of_another_amount_client_or_credit_is_in_order() -> None:
    assert [[], [], [], [], []] == [
        refunded("200", kind=Kind.JOURNAL_ENTRY),  # a debit that somebody booked paid nothing back
        refunded("201"),
        refunded("200", client="13"),
        refunded("201", kind=Kind.PURCHASE),
        refunded("200", kind=Kind.PURCHASE, used=True),
    ]


def test_one_refund_is_of_one_credit() -> None:
    book = BookOf()
    book.memo("7", "200", "200", on="2026-03-05")
    book.memo("8", "200", "200", on="2026-02-05")
    content = RefundReceipt(client_id="12", number="R", currency="USD", total_minor=20000, on_date=date(2026, 3, 9))
    book.put(RecordKey(QB, Kind.REFUND_RECEIPT, "99"), content, "2026-03-09")

    assert 1 == len([each for each in book.evaluate("2026-03-20").findings if each.code == "F7"])


def spent(
    in_bigtime: str = "300", *, method: Method = Method.ACCOUNT_CREDIT, on: str = "2026-03-05", left: str = "200"
) -> list[str]:
    """A memo of 500.00 of which QuickBooks put 300.00 on one invoice; BigTime credits another one."""
    book = BookOf()
    book.twins("1", "1000", open_in_quickbooks="700")
    book.twins("2", "1000", open_in_quickbooks="1000")
    book.memo("7", f"{300 + Decimal(left):.2f}", left, on="2026-03-05")
    book.payment("9", invoices={"q1": "300"}, memos={"7": "300"}, on="2026-03-05")
    book.row("p0", "1", "300", method=Method.CREDIT_MEMO, on="2026-03-05")
    book.row("p1", "2", in_bigtime, method=method, on=on)
    return [code for code, _, _ in book.findings("2026-03-20")]


def test_a_credit_that_does_not_reach_for_both_was_spent_twice() -> None:
    assert ["B4"] == spent()
    assert ["B4"] == spent(method=Method.CREDIT_MEMO)
    assert ["B4"] == spent(on="2026-03-12")
    assert ["B4"] == spent(left="299.99")


def test_a_credit_that_reaches_for_both_another_amount_or_another_week_is_not_spent_twice() -> None:
    assert [["A1"], ["A1"], ["A1"], ["C4"]] == [
        spent(left="300"),
        spent("299"),
        spent(on="2026-03-13"),
        spent(method=Method.MONEY),
    ]


def test_one_use_of_a_memo_is_the_double_of_one_credit_in_bigtime() -> None:
    book = BookOf()
    for sid, left in (("1", "700"), ("2", "1000"), ("3", "1000")):
        book.twins(sid, "1000", open_in_quickbooks=left)
    book.memo("7", "500", "200", on="2026-03-05")
    book.payment("9", invoices={"q1": "300"}, memos={"7": "300"}, on="2026-03-05")
    book.row("p0", "1", "300", method=Method.CREDIT_MEMO, on="2026-03-05")
    for sid in ("2", "3"):
        book.row(f"p{sid}", sid, "300", method=Method.ACCOUNT_CREDIT, on="2026-03-05")

    assert [("A1", "-300.00", "300.00"), ("B4", "-300.00", "300.00")] == sorted(book.findings("2026-03-20"))


def test_a_bigtime_payment_that_says_no_total_keeps_nothing() -> None:
    book = _paid_in_bigtime("0")

    assert [] == book.findings()


def test_the_payments_that_used_a_credit_are_in_its_evidence_and_no_others() -> None:
    book = BookOf()
    journal(book, "J1", "60", note="")
    journal(book, "J2", "70")
    book.quickbooks_invoice("q1", "100", "0", number="INV-1")
    for name, entry, minor in (("u1", "J1", 60), ("u2", "J2", 40)):
        lines = (
            PaymentLine(LineTarget.INVOICE, "q1", cents(str(minor))),
            PaymentLine(LineTarget.JOURNAL_ENTRY, entry, cents(str(minor))),
        )
        content = Payment(
            client_id="12", payment_id=name, currency="USD", total_minor=0, lines=lines, paid_on=date(2026, 3, 9)
        )
        book.put(RecordKey(QB, Kind.PAYMENT, name), content, "2026-03-09")

    (found,) = [each for each in book.evaluate("2026-03-20").findings if each.code == "F6"]
    assert {"J1", "u1"} == {each.key.id for each in found.evidence}


def test_a_cent_of_credit_is_a_credit() -> None:
    assert [("C5", "0.00", "0.01")] == _paid_in_bigtime("300.01").findings()
    assert [("F4", "0.00", "0.01")] == overdue(due="2026-03-31", credit="0.01")
    assert 1 == len(unclaimed("2026-04-05", remaining="0.01"))


def test_what_a_negative_row_takes_back_is_not_given_again_as_a_rest() -> None:
    """A cheque of 350.00 with a row of 300.00 that was taken back: 50.00 were never on an invoice."""
    book = _paid_in_bigtime("350")
    reversal = Payment(
        client_id="301",
        payment_id="p1",
        currency="USD",
        total_minor=cents("350"),
        lines=(PaymentLine(LineTarget.INVOICE, "101", -cents("300")),),
        paid_on=date(2026, 3, 9),
        method=Method.MONEY,
    )
    book.put(RecordKey(BT, Kind.PAYMENT, "p1:101:2"), reversal, "2026-03-09")

    assert [5000] == [each.exposure_minor for each in book.evaluate().findings if each.code == "C5"]


def test_each_client_with_credit_beside_debt_is_told_by_himself_and_one_without_credit_hides_nobody() -> None:
    book = BookOf()
    for client in ("11", "12", "13"):
        key = book.quickbooks_invoice(f"q{client}", "110", "110", number=f"INV-{client}", client=client)
        content = book.versions[key][-1].content
        assert isinstance(content, Invoice)
        book.put(key, msgspec.structs.replace(content, due_on=date(2026, 3, 15)), "2026-03-01")
        if client != "11":
            book.memo(f"m{client}", "390", "390", on="2026-03-20", client=client)

    told = [each for each in book.evaluate().findings if each.code == "F4"]
    assert ["12", "13"] == sorted(each.client.quickbooks for each in told)
    assert 2 == len({each.fingerprint for each in told})


def test_what_a_memo_and_a_journal_entry_paid_together_is_no_write_off() -> None:
    for with_memo, code in ((False, "C8"), (True, "C3")):
        book = BookOf()
        book.twins("101", "1000", open_in_quickbooks="700")
        journal(book, "5", "200" if with_memo else "300")
        lines = [PaymentLine(LineTarget.INVOICE, "q101", cents("300"))]
        lines.append(PaymentLine(LineTarget.JOURNAL_ENTRY, "5", cents("200" if with_memo else "300")))
        if with_memo:
            book.memo("7", "100", "0", on="2026-03-05")
            lines.append(PaymentLine(LineTarget.CREDIT_MEMO, "7", cents("100")))
        paid = Payment(
            client_id="12",
            payment_id="9",
            currency="USD",
            total_minor=0,
            lines=tuple(lines),
            paid_on=date(2026, 3, 5),
        )
        book.put(RecordKey(QB, Kind.PAYMENT, "9"), paid, "2026-03-05")

        assert [code] == [each.code for each in book.evaluate("2026-03-20").findings if each.claim_minor]
