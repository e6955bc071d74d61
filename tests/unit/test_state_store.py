"""The store as the worker uses it, on SQLite and on PostgreSQL."""

from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta

import pytest

from mappings.findings import (
    BookResult,
    ClientRef,
    Finding,
    FindingStatus,
    InvoiceRef,
    Proof,
    Severity,
    TieLine,
    fingerprint,
)
from mappings.model import (
    Content,
    Invoice,
    Kind,
    LineTarget,
    Observation,
    Payment,
    PaymentLine,
    Preferences,
    RecordKey,
    System,
    raw_hash,
)
from mappings.records import Group, Party
from state.books import BookStore
from state.errors import CompanyBusy, LeaseLost
from state.store import CompanyStore, HeldLease, Store
from state.versions import RecordStore

START = datetime(2026, 3, 1, 9, 0, tzinfo=UTC)
QB, BT = System.QUICKBOOKS, System.BIGTIME


class Clock:
    """A clock that a test sets."""

    def __init__(self) -> None:
        self.present = START

    def now(self) -> datetime:
        return self.present

    def advance(self, **parts: float) -> None:
        self.present += timedelta(**parts)


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def store(store_url: str, clock: Clock) -> Iterator[Store]:
    with Store.open(store_url, clock) as opened:
        yield opened


@pytest.fixture
def company(store: Store) -> CompanyStore:
    return store.company("acme")


@pytest.fixture
def held(company: CompanyStore) -> Iterator[HeldLease]:
    with company.hold(owner="test") as lease:
        yield lease


@pytest.fixture
def records(company: CompanyStore, held: HeldLease) -> RecordStore:
    return company.records(held)


@pytest.fixture
def books(company: CompanyStore, held: HeldLease) -> BookStore:
    return company.books(held)


def key(system: System, kind: Kind, record_id: str) -> RecordKey:
    return RecordKey(system, kind, record_id)


def seen(
    record: RecordKey, content: Content | None, *, at: datetime = START, modified: datetime | None = None
) -> Observation:
    raw = f"{record} {content} {modified}".encode()
    return Observation(key=record, raw=raw, content=content, observed_at=at, modified_at=modified)


def invoice(client: str, number: str, total: int = 100_00, **values: object) -> Invoice:
    return Invoice(client_id=client, number=number, currency="USD", total_minor=total, **values)  # type: ignore[arg-type]


def payment(client: str, *invoices: str, total: int = 100_00) -> Payment:
    lines = tuple(PaymentLine(LineTarget.INVOICE, number, total) for number in invoices)
    return Payment(client_id=client, payment_id="", currency="USD", total_minor=total, lines=lines)


def put(records: RecordStore, *observations: Observation) -> tuple[RecordKey, ...]:
    with records.pull_unit("run-1") as unit:
        return unit.record(observations)


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


def test_a_book_holds_every_history_of_its_group(records: RecordStore, books: BookStore, clock: Clock) -> None:
    first = seen(key(QB, Kind.INVOICE, "71"), invoice("12", "INV-101"))
    put(records, first, seen(key(QB, Kind.PREFERENCES, "1"), Preferences(home_currency="EUR")))
    put(records, seen(first.key, invoice("12", "INV-101", 90_00), at=START + timedelta(days=1)))
    (book,) = books.iterate_books(books.load_all_groups())
    assert book.home_currency == "EUR"
    assert [version.sequence for version in book.histories[0].versions] == [1, 2]
    (earlier,) = books.iterate_books(books.load_all_groups(), as_of=START)
    assert earlier.histories[0].content == first.content


def test_a_company_is_held_by_one_worker(company: CompanyStore, held: HeldLease) -> None:
    with pytest.raises(CompanyBusy), company.hold(owner="other"):
        pass


def test_a_lease_that_was_taken_over_writes_nothing(company: CompanyStore, clock: Clock) -> None:
    with company.hold(owner="asleep") as asleep:
        records = company.records(asleep)
        clock.advance(hours=1)
        with company.hold(owner="other"), pytest.raises(LeaseLost):
            put(records, seen(key(QB, Kind.INVOICE, "71"), invoice("12", "INV-101")))
    assert company.record_reader().load_ids(QB, Kind.INVOICE) == frozenset()


def finding(code: str = "A1", record: str = "71", exposure: int = 200_00) -> Finding:
    return Finding(
        company="acme",
        code=code,
        slug="credited-in-bigtime-after-posting",
        severity=Severity.S1,
        proof=Proof.PROVED,
        reason="seen",
        currency="USD",
        exposure_minor=exposure,
        client=ClientRef(name="Acme", quickbooks="12"),
        invoice=InvoiceRef(number="INV-101", quickbooks="71"),
        evidence=(),
        explanation="…",
        fingerprint=fingerprint("acme", code, (key(QB, Kind.INVOICE, record),)),
        incident="i",
    )


def result(*findings: Finding, lines: tuple[TieLine, ...] = (), recheck_at: datetime | None = None) -> BookResult:
    return BookResult(findings=findings, tie_lines=lines, recheck_at=recheck_at)


def reconcile(books: BookStore, clock: Clock, outcome: BookResult, *, complete: bool = True) -> int:
    groups = books.load_changed_groups(clock.now())
    with books.reconcile_unit("run-1") as unit:
        unit.set_complete(complete)
        for group in groups:
            unit.replace(group, outcome)
    return len(groups)


def test_a_finding_lives_through_its_statuses(
    records: RecordStore, books: BookStore, clock: Clock, company: CompanyStore
) -> None:
    observation = seen(key(QB, Kind.INVOICE, "71"), invoice("12", "INV-101"))
    put(records, observation)
    assert reconcile(books, clock, result(finding())) == 1
    (opened,) = books.load_findings()
    assert (opened.status, opened.id) == ("open", "A1-" + finding().fingerprint[:8])
    assert reconcile(books, clock, result()) == 0

    put(records, seen(observation.key, invoice("12", "INV-101", 1), at=START + timedelta(days=1)))
    assert reconcile(books, clock, result(), complete=False) == 1
    assert [stored.status for stored in books.load_findings()] == ["open"]
    assert reconcile(books, clock, result()) == 1
    assert books.load_findings() == ()

    put(records, seen(observation.key, invoice("12", "INV-101", 2), at=START + timedelta(days=2)))
    reconcile(books, clock, result(finding()))
    assert [stored.status for stored in books.load_findings()] == ["open"]
    company.findings.decide(opened.id, FindingStatus.EXPECTED, actor="ann", reason="agreed", at=clock.now())
    assert reconcile(books, clock, result(finding())) == 1
    assert [stored.status for stored in books.load_findings()] == ["expected"]
    assert [occasion.event for occasion in company.findings.load_occasions(opened.id)] == [
        "opened",
        "resolved",
        "reopened",
        "expected",
    ]
    assert company.audit.verify() is None
