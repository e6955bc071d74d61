"""The tables and the way a database gets them: models and migrations agree, and an upgrade happens whole or not."""

import multiprocessing
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Column, Connection, Integer, Table, inspect, text

from mappings.model import Kind
from state import schema
from state.engine import open_engine, read, write
from state.errors import StoreRefused, StoreTooNew
from state.schema import NEWEST_REVISION, run_steps, upgrade
from state.store import Store
from state.tables import METADATA
from tests.stores import BT, QB, START, SetClock, invoice, key, outcome, put, reconcile, seen


def _differences(url: str) -> list[Any]:
    engine = open_engine(url)
    with engine.connect() as connection:
        context = MigrationContext.configure(connection, opts={"compare_server_default": True})
        found: list[Any] = compare_metadata(context, METADATA)
    engine.dispose()
    return found


def test_the_migrations_make_the_tables_of_the_models(empty_url: str) -> None:
    Store.open(empty_url, SetClock()).close()
    assert _differences(empty_url) == []


def test_a_table_that_no_migration_makes_would_be_noticed(store_url: str) -> None:
    planted = Table("planted", METADATA, Column("id", Integer, primary_key=True))
    try:
        assert [difference[0] for difference in _differences(store_url)] == ["add_table"]
    finally:
        METADATA.remove(planted)


def test_the_newest_revision_is_the_head_of_the_steps() -> None:
    folder = Path(schema.__file__).parent / "migrations"
    assert ScriptDirectory(str(folder)).get_current_head() == NEWEST_REVISION


def test_a_database_of_a_newer_version_is_refused(store_url: str) -> None:
    engine = open_engine(store_url)
    with write(engine) as connection:
        connection.execute(text("UPDATE alembic_version SET version_num = '9999'"))
    engine.dispose()
    with pytest.raises(StoreTooNew, match="9999"):
        Store.open(store_url, SetClock())


def test_a_crash_in_the_middle_of_an_upgrade_leaves_nothing(empty_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    def crash(connection: Connection, stored: str | None) -> None:
        run_steps(connection, stored)
        raise KeyboardInterrupt

    engine = open_engine(empty_url)
    monkeypatch.setattr(schema, "run_steps", crash)
    with pytest.raises(KeyboardInterrupt):
        upgrade(engine)
    with read(engine) as connection:
        assert inspect(connection).get_table_names() == []
    monkeypatch.undo()
    upgrade(engine)
    with read(engine) as connection:
        assert "version" in inspect(connection).get_table_names()
    engine.dispose()


def test_a_sqlite_file_is_copied_before_it_is_changed(
    sqlite_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    Store.open(sqlite_url, SetClock()).company("acme")
    monkeypatch.setattr(schema, "NEWEST_REVISION", "9998")
    Store.open(sqlite_url, SetClock()).close()
    (copy,) = tmp_path.glob("*.before-9998")
    monkeypatch.undo()
    assert copy.stat().st_mode & 0o077 == 0
    with Store.open(f"sqlite:///{copy}", SetClock()) as store:
        assert store.load_aliases() == ("acme",)


def _open(url: str) -> None:
    Store.open(url, SetClock()).close()


def test_processes_that_start_together_upgrade_once(empty_url: str) -> None:
    context = multiprocessing.get_context("spawn")
    processes = [context.Process(target=_open, args=(empty_url,)) for _ in range(3)]
    for process in processes:
        process.start()
    for process in processes:
        process.join(60)
    assert [process.exitcode for process in processes] == [0, 0, 0]
    assert _differences(empty_url) == []


@pytest.mark.parametrize("statement", ["UPDATE version SET run_id = 'x'", "DELETE FROM version"])
def test_the_database_itself_refuses_to_change_a_version(store_url: str, statement: str) -> None:
    engine = open_engine(store_url)
    columns = "(id, record_id, sequence, run_id, observed_at, sha256)"
    with write(engine) as connection:
        connection.execute(text(f"INSERT INTO version {columns} VALUES (1, 1, 1, 'r', 0, :digest)"), {"digest": b""})
    with pytest.raises(StoreRefused, match=statement.split(" SET", maxsplit=1)[0]), write(engine) as connection:
        connection.execute(text(statement))
    engine.dispose()


def test_going_back_before_the_first_step_removes_every_table(store_url: str) -> None:
    engine = open_engine(store_url)
    with write(engine) as connection:
        schema.step_back(connection, "base")
    with read(engine) as connection:
        assert inspect(connection).get_table_names() == ["alembic_version"]
    upgrade(engine)
    engine.dispose()
    assert _differences(store_url) == []


def test_a_store_from_before_groups_were_kept_is_looked_at_whole_once(store_url: str) -> None:
    clock = SetClock()
    twins = (
        seen(key(QB, Kind.INVOICE, "71"), invoice("12", "INV-101")),
        seen(key(BT, Kind.INVOICE, "9001"), invoice("301", "INV-101")),
    )
    with Store.open(store_url, clock) as store, store.company("firm").hold() as held:
        put(store.company("firm").records(held), *twins)
        assert reconcile(store.company("firm").books(held), clock, outcome()) == 1
    engine = open_engine(store_url)
    with write(engine) as connection:
        schema.step_back(connection, "0003")
    engine.dispose()
    with Store.open(store_url, clock) as store, store.company("firm").hold() as held:
        books = store.company("firm").books(held)
        assert reconcile(books, clock, outcome()) == 1
        assert reconcile(books, clock, outcome()) == 0
        changed = invoice("12", "INV-102")
        put(store.company("firm").records(held), seen(twins[0].key, changed, at=START + timedelta(hours=1)))
        (group,) = books.load_changed_groups(START)
        assert [party.client_id for party in group.parties] == ["301", "12"]
