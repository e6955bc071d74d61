"""The store as the worker uses it, on SQLite and on PostgreSQL."""

from datetime import date, timedelta

import pytest

from mappings.findings import FindingStatus
from mappings.model import Kind, Preferences, raw_hash
from mappings.records import Group, Party
from state.books import BookStore
from state.errors import CompanyBusy, LeaseLost, UnknownCompany
from state.store import CompanyStore, HeldLease, Store
from state.versions import RecordStore
from tests.stores import BT, QB, START, SetClock, finding, invoice, key, outcome, put, reconcile, seen


def test_what_was_recorded_can_be_read_back(records: RecordStore) -> None:
    invoice_key = key(QB, Kind.INVOICE, "71")
    observation = seen(invoice_key, invoice("12", "INV-101", issued_on=date(2026, 3, 1), balance_minor=5))
    assert put(records, observation) == (invoice_key,)
    assert records.load_contents([invoice_key]) == {invoice_key: observation.content}
    history = records.load_history(invoice_key)
    assert history is not None
    assert history.content == observation.content
    assert history.first.run_id == "run-1"
    assert history.first.sha256 == raw_hash(observation.raw)
    assert records.load_raw(invoice_key, history.first.sha256) == observation.raw
    assert records.load_ids(QB, Kind.INVOICE) == {"71"}
    (stored,) = records.load_records(QB, Kind.INVOICE, first=date(2026, 3, 1), last=date(2026, 3, 1))
    assert (stored.key, stored.client_id, stored.is_open) == (invoice_key, "12", True)


def test_an_unchanged_record_writes_nothing(records: RecordStore) -> None:
    observation = seen(key(QB, Kind.INVOICE, "71"), invoice("12", "INV-101"))
    put(records, observation)
    assert put(records, observation) == ()


def test_equal_invoice_numbers_join_clients_of_both_systems(records: RecordStore, books: BookStore) -> None:
    put(
        records,
        seen(key(QB, Kind.INVOICE, "71"), invoice("12", "INV-101")),
        seen(key(BT, Kind.INVOICE, "9001"), invoice("301", "inv-0101")),
        seen(key(QB, Kind.INVOICE, "72"), invoice("13", "INV-102")),
    )
    expected = (Group((Party(BT, "301"), Party(QB, "12"))), Group((Party(QB, "13"),)))
    assert books.load_all_groups() == expected
    assert books.load_changed_groups(START) == expected


def test_a_book_holds_every_history_of_its_group(records: RecordStore, books: BookStore, store_clock: SetClock) -> None:
    first = seen(key(QB, Kind.INVOICE, "71"), invoice("12", "INV-101"))
    put(records, first, seen(key(QB, Kind.PREFERENCES, "1"), Preferences(home_currency="EUR")))
    put(records, seen(first.key, invoice("12", "INV-101", 90_00), at=START + timedelta(days=1)))
    (book,) = books.iterate_books(books.load_all_groups())
    assert book.home_currency == "EUR"
    assert [version.sequence for version in book.histories[0].versions] == [1, 2]
    (earlier,) = books.iterate_books(books.load_all_groups(), as_of=START)
    assert earlier.histories[0].content == first.content


def test_a_company_is_held_by_one_worker(company_store: CompanyStore, held: HeldLease) -> None:
    with pytest.raises(CompanyBusy), company_store.hold(owner="other"):
        pass


def test_a_lease_that_was_taken_over_writes_nothing(company_store: CompanyStore, store_clock: SetClock) -> None:
    with company_store.hold(owner="asleep") as asleep:
        records = company_store.records(asleep)
        store_clock.advance(hours=1)
        with company_store.hold(owner="other"), pytest.raises(LeaseLost):
            put(records, seen(key(QB, Kind.INVOICE, "71"), invoice("12", "INV-101")))
    assert company_store.record_reader().load_ids(QB, Kind.INVOICE) == frozenset()


def test_a_finding_lives_through_its_statuses(
    records: RecordStore, books: BookStore, store_clock: SetClock, company_store: CompanyStore
) -> None:
    observation = seen(key(QB, Kind.INVOICE, "71"), invoice("12", "INV-101"))
    put(records, observation)
    assert reconcile(books, store_clock, outcome(finding())) == 1
    (opened,) = books.load_findings()
    assert (opened.status, opened.id) == ("open", "A1-" + finding().fingerprint[:8])
    assert reconcile(books, store_clock, outcome()) == 0

    put(records, seen(observation.key, invoice("12", "INV-101", 1), at=START + timedelta(days=1)))
    assert reconcile(books, store_clock, outcome(), is_complete=False) == 1
    assert [stored.status for stored in books.load_findings()] == ["open"]
    assert reconcile(books, store_clock, outcome()) == 1
    assert books.load_findings() == ()

    put(records, seen(observation.key, invoice("12", "INV-101", 2), at=START + timedelta(days=2)))
    reconcile(books, store_clock, outcome(finding()))
    assert [stored.status for stored in books.load_findings()] == ["open"]
    company_store.findings.decide(opened.id, FindingStatus.EXPECTED, actor="ann", reason="agreed", at=store_clock.now())
    assert reconcile(books, store_clock, outcome(finding())) == 1
    assert [stored.status for stored in books.load_findings()] == ["expected"]
    assert [occasion.event for occasion in company_store.findings.load_occasions(opened.id)] == [
        "opened",
        "resolved",
        "reopened",
        "expected",
    ]
    assert company_store.audit.verify() is None


def test_a_company_that_was_never_stored_is_unknown(store: Store) -> None:
    with pytest.raises(UnknownCompany, match="nobody"):
        store.known_company("nobody")
