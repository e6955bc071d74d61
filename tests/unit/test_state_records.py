"""Records as they come from hostile and untidy reads, on SQLite and on PostgreSQL."""

from datetime import UTC, date, datetime, timedelta

import pytest
from msgspec import structs
from sqlalchemy import text

from mappings.model import Client, CreditMemo, Entry, Kind, Preferences, ReceivableLine, raw_hash
from mappings.records import Quarantined
from state.books import BookStore
from state.engine import read
from state.store import CompanyStore, HeldLease, Store
from state.versions import RecordStore
from tests.stores import BT, QB, START, SetClock, engine_of, everything, invoice, key, payment, put, seen

ONE = key(BT, Kind.INVOICE, "9001")
LATER = START + timedelta(days=1)


def test_a_missing_record_is_remembered_until_it_is_seen_again(records: RecordStore) -> None:
    put(records, seen(ONE, invoice("301", "INV-1")))
    with records.pull_unit("run-2") as unit:
        unit.mark_missing([ONE, key(BT, Kind.INVOICE, "unknown")], LATER)
    with records.pull_unit("run-3") as unit:
        unit.mark_missing([ONE], LATER + timedelta(days=1))
    (missing,) = records.load_records(BT, Kind.INVOICE)
    assert missing.missing_since == LATER
    assert records.load_missing(BT, Kind.INVOICE) == (ONE,)
    assert put(records, seen(ONE, invoice("301", "INV-1"), at=LATER)) == ()
    assert records.load_missing(BT, Kind.INVOICE) == ()
    (present,) = records.load_records(BT, Kind.INVOICE)
    assert present.missing_since is None


def test_a_deleted_record_is_not_marked_missing_and_can_come_back(records: RecordStore) -> None:
    put(records, seen(ONE, invoice("301", "INV-1")))
    assert put(records, seen(ONE, None, at=LATER)) == (ONE,)
    with records.pull_unit("run-2") as unit:
        unit.mark_missing([ONE], LATER)
    assert records.load_records(BT, Kind.INVOICE) == ()
    assert records.load_missing(BT, Kind.INVOICE) == ()
    assert records.load_contents([ONE]) == {}
    assert put(records, seen(ONE, None, at=LATER)) == ()
    assert put(records, seen(ONE, invoice("301", "INV-1"), at=LATER + timedelta(days=1))) == (ONE,)
    history = records.load_history(ONE)
    assert history is not None
    assert [version.content is None for version in history.versions] == [False, True, False]
    (present,) = records.load_records(BT, Kind.INVOICE)
    assert present.missing_since is None


def test_a_deletion_of_a_record_that_was_never_seen_is_evidence(records: RecordStore, books: BookStore) -> None:
    unknown = key(QB, Kind.PAYMENT, "5")
    assert put(records, seen(unknown, None)) == (unknown,)
    history = records.load_history(unknown)
    assert history is not None
    assert history.content is None
    assert books.load_all_groups() == ()


def test_a_lower_revision_is_ignored_however_late_it_claims_to_be(records: RecordStore) -> None:
    newer = invoice("301", "INV-1", revision="10")
    put(records, seen(ONE, newer, modified=START))
    assert put(records, seen(ONE, invoice("301", "INV-1", revision="9"), modified=LATER, at=LATER)) == ()
    assert records.load_contents([ONE]) == {ONE: newer}


def test_at_an_equal_revision_an_earlier_modification_is_ignored(records: RecordStore) -> None:
    put(records, seen(ONE, invoice("301", "INV-1", 2, revision="1"), modified=LATER))
    assert put(records, seen(ONE, invoice("301", "INV-1", 1, revision="1"), modified=START, at=LATER)) == ()
    assert put(records, seen(ONE, invoice("301", "INV-1", 3, revision="1"), modified=LATER, at=LATER)) == (ONE,)


def test_of_a_record_twice_in_a_page_the_newest_counts(records: RecordStore) -> None:
    newer, older = invoice("301", "INV-1", 2, revision="2"), invoice("301", "INV-1", 1, revision="1")
    assert put(records, seen(ONE, newer), seen(ONE, older)) == (ONE,)
    history = records.load_history(ONE)
    assert history is not None
    assert [version.content for version in history.versions] == [newer]


def test_records_are_found_by_either_of_their_dates(records: RecordStore) -> None:
    dates = {"1": (1, None), "2": (None, 15), "3": (28, 15), "4": (None, None)}
    for name, (dated, applied) in dates.items():
        paid_on, applied_on = (None if day is None else date(2026, 3, day) for day in (dated, applied))
        content = structs.replace(payment("301", "9001"), paid_on=paid_on, applied_on=applied_on)
        put(records, seen(key(BT, Kind.PAYMENT, name), content))

    def found(first: int | None, last: int | None) -> list[str]:
        bounds = [None if day is None else date(2026, 3, day) for day in (first, last)]
        return [stored.key.id for stored in records.load_records(BT, Kind.PAYMENT, first=bounds[0], last=bounds[1])]

    assert found(None, None) == ["1", "2", "3", "4"]
    assert found(15, 15) == ["2", "3"]
    assert found(16, None) == ["3"]
    assert found(None, 14) == ["1"]
    assert found(2, 14) == []


def test_open_records_can_be_asked_for(records: RecordStore) -> None:
    put(
        records,
        seen(
            key(QB, Kind.CREDIT_MEMO, "1"),
            CreditMemo(client_id="1", number="", currency="USD", total_minor=1, remaining_minor=0),
        ),
        seen(
            key(QB, Kind.CREDIT_MEMO, "2"),
            CreditMemo(client_id="1", number="", currency="USD", total_minor=1, remaining_minor=1),
        ),
    )
    assert [stored.key.id for stored in records.load_records(QB, Kind.CREDIT_MEMO, only_open=True)] == ["2"]


@pytest.mark.parametrize("poison", ["7\x001", "x" * 5000, "\ud800"])
def test_an_id_that_no_database_can_keep_is_set_aside_and_its_neighbours_land(
    records: RecordStore, poison: str
) -> None:
    good = key(QB, Kind.INVOICE, "1")
    bad = [
        seen(key(QB, Kind.INVOICE, poison), invoice("1", "INV-1")),
        seen(key(QB, Kind.INVOICE, "2"), invoice(poison, "INV-2")),
        seen(key(QB, Kind.PAYMENT, "3"), payment("1", poison)),
    ]
    bad = [structs.replace(found, raw=b"raw") for found in bad]
    assert put(records, *bad, seen(good, invoice("1", "INV-1"))) == (good,)
    assert len(records.load_quarantined()) == 2  # of one kind, the same raw text is kept once
    assert records.load_ids(QB, Kind.INVOICE) == {"1"}
    assert put(records, seen(key(QB, Kind.PAYMENT, "4"), payment("1", "1"))) != ()


@pytest.mark.parametrize("number", ["\x00A", "n" * 100_000, "Ünïcödé 𝟙", "' OR 1=1 --", "🧾-1"])
def test_any_number_can_be_kept_and_matches_its_like(records: RecordStore, books: BookStore, number: str) -> None:
    put(
        records,
        seen(key(QB, Kind.INVOICE, "1"), invoice("1", number)),
        seen(key(BT, Kind.INVOICE, "2"), invoice("2", number)),
    )
    assert [len(group.parties) for group in books.load_all_groups()] == [2]


def test_a_record_that_is_understood_after_all_leaves_the_quarantine(records: RecordStore) -> None:
    bad = Quarantined(system=BT, kind=Kind.INVOICE, record_id="9001", raw=b"{", reason="cut \x00 off")
    for run in ("run-1", "run-2"):
        with records.pull_unit(run) as unit:
            unit.quarantine([bad])
    (kept,) = records.load_quarantined()
    assert (kept.raw, kept.reason) == (b"{", "cut \ufffd off")
    put(records, seen(ONE, invoice("301", "INV-1")))
    assert records.load_quarantined() == ()
    with records.pull_unit("run-4") as unit:
        unit.quarantine([bad])
    assert len(records.load_quarantined()) == 1


def test_a_cursor_moves_with_its_rows_and_an_unchanged_one_writes_nothing(store: Store, records: RecordStore) -> None:
    assert records.load_cursor("changes") is None
    with records.pull_unit("run-1") as unit:
        unit.save_cursor("changes", '{"a":1}')
    before = everything(engine_of(store))["cursor"]
    with records.pull_unit("run-2") as unit:
        unit.save_cursor("changes", '{"a":1}')
    assert everything(engine_of(store))["cursor"] == before
    with records.pull_unit("run-3") as unit:
        unit.save_cursor("changes", "2")
    assert records.load_cursor("changes") == "2"


def test_two_stores_under_one_lease_do_not_give_out_a_number_twice(
    company_store: CompanyStore, held: HeldLease
) -> None:
    one, other = company_store.records(held), company_store.records(held)
    for number in range(4):
        put(one, seen(key(QB, Kind.INVOICE, f"a{number}"), invoice(f"a{number}", "")))
        put(other, seen(key(BT, Kind.INVOICE, f"b{number}"), invoice(f"b{number}", "")))
    assert len(company_store.book_reader().load_all_groups()) == 8


def test_companies_with_equal_ids_see_only_their_own(store: Store) -> None:
    names = ["one", "two", "three"]
    for name in names:
        company = store.company(name)
        with company.hold() as held:
            records = company.records(held)
            put(
                records,
                seen(key(QB, Kind.INVOICE, "1"), invoice("1", "INV-1", revision=str(names.index(name)))),
                seen(key(BT, Kind.INVOICE, "1"), invoice("1", "INV-1")),
                seen(key(QB, Kind.PREFERENCES, "1"), Preferences(home_currency=name)),
            )
    for name in names:
        reader = store.company(name).book_reader()
        (group,) = reader.load_all_groups()
        (book,) = reader.iterate_books([group])
        assert book.home_currency == name
        assert [history.content for history in book.histories] == [
            invoice("1", "INV-1"),
            invoice("1", "INV-1", revision=str(names.index(name))),
        ]


def test_a_reader_neither_waits_for_a_writer_nor_sees_half_of_it(
    company_store: CompanyStore, records: RecordStore
) -> None:
    put(records, seen(ONE, invoice("301", "INV-1")))
    reader = company_store.record_reader()
    with records.pull_unit("run-2") as unit:
        unit.record([seen(key(BT, Kind.INVOICE, "9002"), invoice("301", "INV-2"))])
        assert reader.load_ids(BT, Kind.INVOICE) == {"9001"}
    assert reader.load_ids(BT, Kind.INVOICE) == {"9001", "9002"}


def test_a_book_in_the_middle_of_being_read_does_not_change(records: RecordStore, company_store: CompanyStore) -> None:
    count = 120  # more than one batch of clients
    put(records, *(seen(key(QB, Kind.INVOICE, str(n)), invoice(str(n), "")) for n in range(count)))
    reader = company_store.book_reader()
    books = reader.iterate_books(reader.load_all_groups())
    first = next(books)
    edits = [seen(key(QB, Kind.INVOICE, str(n)), invoice(str(n), "", 1), at=LATER) for n in range(count)]
    put(records, *edits)
    assert {len(history.versions) for book in [first, *books] for history in book.histories} == {1}


def test_entries_join_the_customers_of_their_lines(records: RecordStore, books: BookStore) -> None:
    lines = tuple(ReceivableLine(str(n), client, "84", 1) for n, client in enumerate(["1", "", "2"]))
    put(
        records,
        seen(key(QB, Kind.JOURNAL_ENTRY, "5"), Entry(number="", currency="USD", lines=lines)),
        seen(key(QB, Kind.JOURNAL_ENTRY, "6"), Entry(number="", currency="USD")),
        seen(key(QB, Kind.CUSTOMER, "3"), Client(name="Ann", parent_id="2")),
        seen(key(BT, Kind.CLIENT, "301"), Client(name="ANN ")),
    )
    (group,) = books.load_all_groups()
    assert [str(party.client_id) for party in group.parties] == ["301", "1", "2", "3"]
    (book,) = books.iterate_books([group])
    assert [history.key.id for history in book.histories] == ["301", "3", "5"]


def test_a_payment_without_a_customer_is_in_the_book_of_what_it_pays(records: RecordStore, books: BookStore) -> None:
    put(
        records,
        seen(key(QB, Kind.INVOICE, "1"), invoice("1", "INV-1")),
        seen(key(QB, Kind.PAYMENT, "2"), payment("", "1")),
    )
    (book,) = books.iterate_books(books.load_all_groups())
    assert [history.key.id for history in book.histories] == ["1", "2"]
    (stored,) = records.load_records(QB, Kind.PAYMENT)
    assert stored.client_id == ""


def test_raw_records_come_back_from_pages_of_any_size(records: RecordStore) -> None:
    observations = [seen(key(QB, Kind.INVOICE, str(n)), invoice(str(n), "")) for n in range(300)]
    large = [structs.replace(found, raw=found.raw + b"x" * 5000) for found in observations]
    put(records, *large[:299])
    put(records, large[299])
    for number in (0, 1, 50, 51, 52, 53, 298, 299):
        assert records.load_raw(large[number].key, raw_hash(large[number].raw)) == large[number].raw
    assert records.load_raw(large[0].key, raw_hash(b"other")) is None


def test_postgresql_knows_the_size_of_a_first_load_while_it_runs(postgres_url: str) -> None:
    with Store.open(postgres_url, SetClock()) as store:
        company = store.company("acme")
        with company.hold() as held:
            put(company.records(held), *(seen(key(QB, Kind.INVOICE, str(n)), invoice("1", "")) for n in range(2500)))
        with read(engine_of(store)) as connection:
            known = connection.execute(text("SELECT reltuples FROM pg_class WHERE relname = 'record'")).scalar_one()
    assert known == 2500


def test_moments_are_kept_to_the_microsecond_and_in_utc(records: RecordStore) -> None:
    moment = datetime(2026, 3, 1, 1, 2, 3, 456789, tzinfo=UTC)
    put(records, seen(ONE, invoice("301", "INV-1"), at=moment, modified=moment, absent_before=moment))
    history = records.load_history(ONE)
    assert history is not None
    assert (history.first.observed_at, history.first.modified_at, history.first.absent_before) == (moment,) * 3


def test_a_moment_without_an_offset_is_refused(records: RecordStore) -> None:
    with pytest.raises(ValueError, match="no offset"):
        put(records, seen(ONE, invoice("301", "INV-1"), at=datetime(2026, 3, 1)))  # noqa: DTZ001 (the planted mistake)
