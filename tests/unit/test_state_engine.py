"""How a database is opened, and what one is told when it cannot be used."""

import os
import sqlite3
import stat
import threading
from contextlib import ExitStack
from pathlib import Path

import pytest
from sqlalchemy import Engine, event, text

from mappings.model import Kind
from state.engine import open_engine, read, write
from state.errors import (
    InvalidStoreUrl,
    StoreBusy,
    StoreDamaged,
    StoreError,
    StoreFull,
    StoreNotWritable,
    StoreRefused,
    StoreUnreachable,
)
from state.store import CompanyStore, Store
from state.versions import RecordStore
from tests.soak.daemon import held_by_sqlite
from tests.stores import QB, SetClock, engine_of, invoice, key, put, seen


@pytest.mark.parametrize(
    "url",
    ["", "tieout.db", "sqlite://", "sqlite:///:memory:", "sqlite:///file:x?mode=memory", "mysql://localhost/x", "::"],
)
def test_a_url_that_cannot_be_used_is_refused_with_one_sentence(url: str) -> None:
    with pytest.raises(InvalidStoreUrl, match=r"sqlite:///"):
        open_engine(url)


def test_an_unreachable_server_is_named_without_its_password() -> None:
    with pytest.raises(StoreUnreachable, match=r"127\.0\.0\.1") as caught:
        open_engine("postgresql://ann:hunter2@127.0.0.1:1/books")
    assert "hunter2" not in str(caught.value)
    assert caught.value.__cause__ is None


def test_a_server_without_such_a_database_is_unreachable(postgres_url: str) -> None:
    with pytest.raises(StoreUnreachable):
        open_engine(postgres_url.replace("/tieout_", "/missing_"))


def test_a_folder_that_is_not_there_is_not_writable(tmp_path: Path) -> None:
    with pytest.raises(StoreNotWritable, match="missing"):
        open_engine(f"sqlite:///{tmp_path}/missing/store.db")


def test_a_folder_is_not_a_database(tmp_path: Path) -> None:
    with pytest.raises(StoreNotWritable):
        open_engine(f"sqlite:///{tmp_path}")


def test_a_file_that_is_no_database_is_damaged(tmp_path: Path) -> None:
    path = tmp_path / "store.db"
    path.write_bytes(b"not a database, but a letter" * 100)
    with pytest.raises(StoreDamaged):
        open_engine(f"sqlite:///{path}")


def test_a_sqlite_file_is_its_owners_only(tmp_path: Path) -> None:
    path = tmp_path / "store.db"
    earlier = os.umask(0)
    try:
        with Store.open(f"sqlite:///{path}", SetClock()) as store:
            store.company("acme")
            modes = {stat.S_IMODE(found.stat().st_mode) for found in tmp_path.iterdir()}
    finally:
        os.umask(earlier)
    assert modes == {0o600}


def test_sqlite_keeps_its_promises(sqlite_url: str) -> None:
    engine = open_engine(sqlite_url)
    with read(engine) as connection:
        values = [
            connection.exec_driver_sql(f"PRAGMA {name}").scalar()
            for name in ("journal_mode", "synchronous", "foreign_keys", "busy_timeout")
        ]
    engine.dispose()
    assert values == ["wal", 2, 1, 10_000]


def test_a_lock_that_does_not_end_is_said_to_be_one(sqlite_url: str) -> None:
    engine = open_engine(sqlite_url)
    other = sqlite3.connect(sqlite_url.removeprefix("sqlite:///"), isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    with read(engine) as connection:
        connection.exec_driver_sql("PRAGMA busy_timeout = 1")
    with pytest.raises(StoreBusy), write(engine):
        pass
    other.execute("ROLLBACK")
    other.close()
    with write(engine):
        pass
    engine.dispose()


def test_a_full_disk_keeps_what_was_there_and_goes_on_when_there_is_room(sqlite_url: str) -> None:
    with Store.open(sqlite_url, SetClock()) as store:
        company = store.company("acme")
        engine = engine_of(store)
        with company.hold() as held:
            records = company.records(held)
            put(records, seen(key(QB, Kind.INVOICE, "0"), invoice("1", "")))
            with read(engine) as connection:
                pages = connection.exec_driver_sql("PRAGMA page_count").scalar_one()
                connection.exec_driver_sql(f"PRAGMA max_page_count = {pages}")
            many = [seen(key(QB, Kind.INVOICE, str(n)), invoice("1", "")) for n in range(1000)]
            with pytest.raises(StoreFull):
                put(records, *many)
            assert records.load_ids(QB, Kind.INVOICE) == {"0"}
            with read(engine) as connection:
                connection.exec_driver_sql("PRAGMA max_page_count = 1000000")
                assert connection.exec_driver_sql("PRAGMA integrity_check").scalar() == "ok"
            assert len(put(records, *many)) == 999


def test_an_error_shows_no_value(store: Store) -> None:
    with pytest.raises(StoreRefused, match="INSERT INTO company") as caught, write(engine_of(store)) as connection:
        connection.execute(text("INSERT INTO company (id) VALUES (:secret)"), {"secret": "canary-7"})
    assert "canary-7" not in str(caught.value)


def test_a_connection_that_is_cut_is_an_error_and_the_next_one_works(postgres_url: str) -> None:
    with Store.open(postgres_url, SetClock()) as store:
        company = store.company("acme")
        with company.hold() as held:
            records = company.records(held)
            with pytest.raises(StoreUnreachable):
                _cut_in_the_middle(records, engine_of(store))
            assert records.load_ids(QB, Kind.INVOICE) == frozenset()
            assert len(put(records, seen(key(QB, Kind.INVOICE, "1"), invoice("1", "")))) == 1


def _cut_in_the_middle(records: RecordStore, engine: Engine) -> None:
    with records.pull_unit("run-1") as unit:
        unit.record([seen(key(QB, Kind.INVOICE, "1"), invoice("1", ""))])
        own = "datname = current_database() AND pid <> pg_backend_pid()"
        with write(engine) as connection:
            connection.execute(text(f"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE {own}"))
        unit.save_cursor("changes", "1")


def test_every_error_of_the_store_is_one_that_callers_know() -> None:
    def below(kind: type[StoreError]) -> set[type[StoreError]]:
        return {kind}.union(*(below(child) for child in kind.__subclasses__()))

    assert all(kind.__doc__ for kind in below(StoreError))
    assert {kind.__module__ for kind in below(StoreError)} == {"state.errors"}


def test_writers_in_many_threads_lose_nothing(company_store: CompanyStore, store_clock: SetClock) -> None:
    def count() -> None:
        for _ in range(20):
            company_store.meter.add(QB, sent=1, metered=2, at=store_clock.now())

    threads = [threading.Thread(target=count) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert company_store.meter.load_month(QB, at=store_clock.now()) == (80, 160)


def test_between_two_turns_sqlite_keeps_no_pages_of_a_large_book(tmp_path: Path) -> None:
    with Store.open(f"sqlite:///{tmp_path}/store.db", SetClock()) as store, store.company("firm").hold() as held:
        records = store.company("firm").records(held)
        put(records, *(seen(key(QB, Kind.INVOICE, str(n)), invoice("12", f"INV-{n}")) for n in range(5_000)))
        before = held_by_sqlite()
        store.give_back_pages()
        assert before - held_by_sqlite() > 1_000_000
        assert len(records.load_ids(QB, Kind.INVOICE)) == 5_000


def test_two_turns_that_end_together_do_not_wait_for_each_others_connections(tmp_path: Path) -> None:
    with Store.open(f"sqlite:///{tmp_path}/store.db", SetClock()) as store:
        with ExitStack() as idle:
            for _ in range(2):
                idle.enter_context(read(engine_of(store)))
        takers: list[int] = []
        began, end = threading.Event(), threading.Event()

        def take(*_: object) -> None:
            takers.append(threading.get_ident())
            began.set()
            end.wait(5)

        event.listen(engine_of(store), "checkout", take)
        other = threading.Thread(target=store.give_back_pages)
        other.start()
        assert began.wait(5)
        store.give_back_pages()
        end.set()
        other.join(5)
        assert [other.ident] * 2 == takers
