"""What versions and BigTime's own figures show of the past."""

import msgspec

from mappings.model import Invoice, Kind, Method, RecordKey
from tests.books import BT, BookOf


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
