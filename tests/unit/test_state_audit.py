"""The audit log names the first entry that is not as it was written; runs and calls are counted."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import text

from mappings.findings import Verdict
from mappings.model import System
from state.audit import AuditEntry, seal, verify_log
from state.engine import write
from state.store import CompanyStore, Store
from tests.stores import START, engine_of


def _fill(company: CompanyStore, count: int = 5) -> tuple[AuditEntry, ...]:
    for number in range(count):
        company.audit.append(
            at=START + timedelta(minutes=number),
            actor="ann",
            action="decided",
            subject=f"A1-{number}",
            detail={"reason": "Ünïcödé \x00 | quoted", "amount": number},
        )
    return company.audit.load_entries()


def test_a_log_that_nobody_touched_is_sound(company_store: CompanyStore) -> None:
    assert company_store.audit.verify() is None
    entries = _fill(company_store)
    assert [entry.sequence for entry in entries] == [1, 2, 3, 4, 5]
    head = company_store.audit.load_head()
    assert company_store.audit.verify(head=head) is None
    _fill(company_store, 1)
    assert company_store.audit.verify(head=head) is None


@pytest.mark.parametrize("column", ["at", "actor", "action", "subject", "detail", "previous", "sha256"])
def test_a_changed_entry_is_named(store: Store, company_store: CompanyStore, column: str) -> None:
    _fill(company_store)
    value = {"at": "1", "previous": "sha256", "sha256": "previous"}.get(column, "'x'")
    _tamper(store, f"UPDATE audit_entry SET {column} = {value} WHERE sequence = 3")
    fault = company_store.audit.verify()
    assert fault is not None
    assert (fault.sequence, "3" in fault.sentence) == (3, True)


@pytest.mark.parametrize(("gone", "named"), [(1, 1), (3, 3)])
def test_a_removed_entry_is_named(store: Store, company_store: CompanyStore, gone: int, named: int) -> None:
    _fill(company_store)
    _tamper(store, f"DELETE FROM audit_entry WHERE sequence = {gone}")
    fault = company_store.audit.verify()
    assert fault is not None
    assert fault.sequence == named


def test_a_cut_off_or_rewritten_end_is_noticed_by_who_noted_the_head(store: Store, company_store: CompanyStore) -> None:
    _fill(company_store)
    head = company_store.audit.load_head()
    _tamper(store, "DELETE FROM audit_entry WHERE sequence > 3")
    assert company_store.audit.verify() is None
    fault = company_store.audit.verify(head=head)
    assert fault is not None
    assert fault.sequence == 4
    _fill(company_store, 2)
    fault = company_store.audit.verify(head=head)
    assert fault is not None
    assert fault.sequence == 5


def _tamper(store: Store, statement: str) -> None:
    """Do what only somebody with the whole database in hand can do."""
    with write(engine_of(store)) as connection:
        if connection.dialect.name == "postgresql":
            connection.execute(text("ALTER TABLE audit_entry DISABLE TRIGGER USER"))
        else:
            for change in ("update", "delete"):
                connection.execute(text(f"DROP TRIGGER IF EXISTS audit_entry_is_kept_from_{change}"))
        connection.execute(text(statement))


def test_every_company_has_a_log_of_its_own(store: Store) -> None:
    for alias in ("one", "two"):
        _fill(store.company(alias), 2)
    assert [entry.company for entry in store.company("two").audit.load_entries()] == ["two", "two"]
    assert store.company("one").audit.verify() is None


@given(st.data())
def test_any_change_to_any_field_is_found_at_its_entry(data: st.DataObject) -> None:
    entries = _CHAIN
    place = data.draw(st.integers(0, len(entries) - 1))
    field = data.draw(st.sampled_from(["actor", "action", "subject", "detail"]))
    value = data.draw(st.text(max_size=20).filter(lambda text: text != getattr(entries[place], field)))
    changed = [*entries]
    altered: dict[str, Any] = {field: value}
    changed[place] = replace(entries[place], **altered)
    fault = verify_log(changed)
    assert fault is not None
    assert fault.sequence == place + 1


def _chain() -> tuple[AuditEntry, ...]:
    entries: list[AuditEntry] = []
    for number in range(1, 5):
        unsealed = AuditEntry(
            company="acme",
            sequence=number,
            at=START,
            actor="ann",
            action="decided",
            subject="A1",
            detail="{}",
            previous=entries[-1].seal if entries else bytes(32),
            seal=b"",
        )
        entries.append(replace(unsealed, seal=seal(unsealed)))
    return tuple(entries)


_CHAIN = _chain()


def test_the_last_run_and_the_last_finished_run(company_store: CompanyStore) -> None:
    runs = company_store.runs
    assert runs.last() is None
    first = runs.start("reconcile", at=START)
    runs.finish(first.id, at=START + timedelta(minutes=1), verdict=Verdict.CLEAN, certificate='{"complete":true}')
    second = runs.start("sync", at=START)  # within the same moment
    assert runs.last() == second
    finished = runs.last(finished=True)
    assert finished is not None
    assert (finished.id, finished.verdict, finished.certificate) == (first.id, "clean", '{"complete":true}')
    assert runs.load(first.id) == finished
    assert runs.load("unknown") is None


def test_calls_are_counted_by_company_system_and_month_of_utc(store: Store) -> None:
    one, two = store.company("one").meter, store.company("two").meter
    quickbooks = System.QUICKBOOKS
    late = datetime(2026, 3, 31, 23, 59, tzinfo=UTC)
    for meter in (one, two, one):
        meter.add(quickbooks, sent=3, metered=2, at=late)
    one.add(quickbooks, sent=1, metered=1, at=late + timedelta(minutes=1))
    one.add(System.BIGTIME, sent=7, metered=0, at=late)
    assert one.load_month(quickbooks, at=late) == (6, 4)
    assert store.load_month_of_all(quickbooks, at=late) == (9, 6)
    assert store.load_month_of_all(quickbooks, at=late + timedelta(minutes=1)) == (1, 1)
    assert two.load_month(System.BIGTIME, at=late) == (0, 0)
