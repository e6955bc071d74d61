"""What a client has to his credit, as far as BigTime's payments show it."""

from datetime import date

import msgspec

from mappings.model import Kind, LineTarget, Method, Payment, PaymentLine, RecordKey
from tests.books import BT, BookOf, cents


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
