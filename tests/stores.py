"""An open store with one company, and the few words in which tests say what was read and found."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import Engine, select

from mappings.findings import BookResult, ClientRef, Finding, InvoiceRef, Proof, Severity, TieLine, fingerprint
from mappings.model import Content, Invoice, Kind, LineTarget, Observation, Payment, PaymentLine, RecordKey, System
from state.books import BookStore
from state.engine import read
from state.store import CompanyStore, HeldLease, Store
from state.tables import METADATA
from state.versions import RecordStore

START = datetime(2026, 3, 1, 9, 0, tzinfo=UTC)
QB, BT = System.QUICKBOOKS, System.BIGTIME


class SetClock:
    """A clock that shows what a test sets."""

    def __init__(self) -> None:
        self.present = START

    def now(self) -> datetime:
        """The moment that was set."""
        return self.present

    def monotonic_seconds(self) -> float:
        """Seconds since the start."""
        return (self.present - START).total_seconds()

    def sleep_seconds(self, seconds: float) -> None:
        """Sets it forward; nobody waits."""
        self.advance(seconds=seconds)

    def advance(self, **parts: float) -> None:
        """Set it forward."""
        self.present += timedelta(**parts)


@pytest.fixture
def store_clock() -> SetClock:
    """The clock of the store under test."""
    return SetClock()


@pytest.fixture
def store(store_url: str, store_clock: SetClock) -> Iterator[Store]:
    """An open store: on SQLite, then on PostgreSQL."""
    with Store.open(store_url, store_clock) as opened:
        yield opened


@pytest.fixture
def company_store(store: Store) -> CompanyStore:
    """The company "acme" of the store."""
    return store.company("acme")


@pytest.fixture
def held(company_store: CompanyStore) -> Iterator[HeldLease]:
    """The lease of "acme"."""
    with company_store.hold(owner="test", lasting=timedelta(days=400)) as lease:
        yield lease


@pytest.fixture
def records(company_store: CompanyStore, held: HeldLease) -> RecordStore:
    """The records of "acme", to be written."""
    return company_store.records(held)


@pytest.fixture
def books(company_store: CompanyStore, held: HeldLease) -> BookStore:
    """The books of "acme", to be reconciled."""
    return company_store.books(held)


def engine_of(store: Store) -> Engine:
    """The engine under the store, for looking behind its back."""
    return store._engine


def everything(engine: Engine) -> dict[str, list[tuple[Any, ...]]]:
    """All rows of all tables, in an order that does not depend on the database."""
    with read(engine) as connection:
        return {
            table.name: sorted((tuple(row) for row in connection.execute(select(table))), key=repr)
            for table in METADATA.sorted_tables
        }


def key(system: System, kind: Kind, record_id: str) -> RecordKey:
    """The name of a record."""
    return RecordKey(system, kind, record_id)


def seen(
    record: RecordKey,
    content: Content | None,
    *,
    at: datetime = START,
    modified: datetime | None = None,
    absent_before: datetime | None = None,
) -> Observation:
    """What a read at `at` showed of a record; None: that it is gone."""
    return Observation(
        key=record,
        raw=f"{record} {content!r} {modified}".encode(errors="replace"),
        content=content,
        observed_at=at,
        modified_at=modified,
        absent_before=absent_before,
    )


def invoice(client: str, number: str, total: int = 100_00, **values: Any) -> Invoice:
    """An invoice in dollars."""
    return Invoice(client_id=client, number=number, currency="USD", total_minor=total, **values)


def payment(client: str, *invoices: str, total: int = 100_00) -> Payment:
    """A payment that points at invoices of its system."""
    lines = tuple(PaymentLine(LineTarget.INVOICE, target, total) for target in invoices)
    return Payment(client_id=client, payment_id="", currency="USD", total_minor=total, lines=lines)


def put(records: RecordStore, *observations: Observation, run: str = "run-1") -> tuple[RecordKey, ...]:
    """Record the observations in one unit."""
    with records.pull_unit(run) as unit:
        return unit.record(observations)


def finding(code: str = "A1", record: str = "71", *, exposure: int = 200_00, explanation: str = "…") -> Finding:
    """A finding about one QuickBooks invoice."""
    return Finding(
        company="acme",
        code=code,
        slug="some-discrepancy",
        severity=Severity.S1,
        proof=Proof.PROVED,
        reason="seen",
        currency="USD",
        exposure_minor=exposure,
        client=ClientRef(name="Acme", quickbooks="12"),
        invoice=InvoiceRef(number="INV-101", quickbooks=record),
        evidence=(),
        explanation=explanation,
        fingerprint=fingerprint("acme", code, (key(QB, Kind.INVOICE, record),)),
        incident="incident",
    )


def tie_line(invoice_id: str, bigtime: int, quickbooks: int, claimed: int = 0, currency: str = "USD") -> TieLine:
    """The tie-out of one BigTime invoice."""
    return TieLine(
        invoice=InvoiceRef(number=invoice_id, bigtime=invoice_id),
        client=ClientRef(name="Acme"),
        currency=currency,
        bigtime_minor=bigtime,
        quickbooks_minor=quickbooks,
        claimed_minor=claimed,
    )


def outcome(*findings: Finding, lines: tuple[TieLine, ...] = (), recheck_at: datetime | None = None) -> BookResult:
    """What the rules say of one book."""
    return BookResult(findings=findings, tie_lines=lines, recheck_at=recheck_at)


def reconcile(
    books: BookStore, clock: SetClock, result: BookResult, *, is_complete: bool = True, full: bool = False
) -> int:
    """Give every changed group (or all) the same result; answers how many groups that were."""
    groups = books.load_all_groups() if full else books.load_changed_groups(clock.now())
    with books.reconcile_unit("run-1") as unit:
        unit.set_complete(is_complete)
        for group in groups:
            unit.replace(group, result)
    return len(groups)
