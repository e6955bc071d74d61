"""What versions and BigTime's own figures show of the past."""

import msgspec

from mappings.findings import Severity
from mappings.model import Invoice, Kind, Method, RecordKey
from tests.books import BT, BookOf, noon


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
