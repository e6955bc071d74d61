"""A book hands out its records by kind, and nothing is lost on the way."""

from mappings.model import Kind, System
from tests.books import BookOf


def test_every_record_is_handed_out_under_its_own_system_and_kind() -> None:
    desk = BookOf()
    desk.twins("1", "100.00", open_in_quickbooks="100.00")
    desk.twins("2", "200.00", open_in_quickbooks="200.00")
    book = desk.book()
    found = {(system, kind): book.of(system, kind) for system in System for kind in Kind}
    assert sorted(book.histories, key=lambda history: history.key) == sorted(
        (history for histories in found.values() for history in histories), key=lambda history: history.key
    )
    for (system, kind), histories in found.items():
        assert all((system, kind) == (history.key.system, history.key.kind) for history in histories)
    assert 2 == len(found[System.QUICKBOOKS, Kind.INVOICE])
    assert () == found[System.QUICKBOOKS, Kind.DEPOSIT]


def test_several_kinds_come_kind_by_kind_in_the_order_asked_for() -> None:
    desk = BookOf()
    desk.twins("1", "100.00", open_in_quickbooks="50.00")
    desk.payment("P", invoices={"q1": "50.00"}, cash="50.00", on="2026-03-02")
    book = desk.book()
    kinds = [history.key.kind for history in book.of(System.QUICKBOOKS, Kind.PAYMENT, Kind.INVOICE)]
    assert [Kind.PAYMENT, Kind.INVOICE] == kinds
