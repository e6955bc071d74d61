"""What a person expects stays expected: so much, for so long, and not a cent more."""

from datetime import timedelta

import msgspec
import pytest

from mappings.findings import ClientRef, Finding, FindingStatus
from mappings.model import Kind
from mappings.records import ExpectationScope, StoredFinding
from state.books import BookStore
from state.findings import FindingEvent
from state.store import CompanyStore
from state.versions import RecordStore
from tests.stores import BT, SetClock, finding, invoice, key, outcome, put, reconcile, seen


class Queue:
    """The exception queue of acme, and reconciles that find what a test says."""

    def __init__(self, company: CompanyStore, records: RecordStore, books: BookStore, clock: SetClock) -> None:
        self.desk = company.findings
        self._books = books
        self._clock = clock
        put(records, seen(key(BT, Kind.INVOICE, "1"), invoice("301", "INV-1")))

    def find(self, *findings: Finding, **later: float) -> dict[str, str]:
        """Let time pass, find these, and answer the status of everything by its record."""
        self._clock.advance(**later)
        reconcile(self._books, self._clock, outcome(*findings), full=True)
        every = self._books.load_findings(statuses=[status.value for status in FindingStatus])
        return {stored.finding.invoice.quickbooks: stored.status for stored in every if stored.finding.invoice}

    def expect(self, scope: ExpectationScope, *, days: int | None = None) -> StoredFinding:
        """Expect the first finding."""
        (first, *_) = self._books.load_findings()
        now = self._clock.now()
        until = None if days is None else now + timedelta(days=days)
        return self.desk.expect(first.id, scope=scope, actor="ann", reason="barter", at=now, until=until)


@pytest.fixture
def queue(company_store: CompanyStore, records: RecordStore, books: BookStore, store_clock: SetClock) -> Queue:
    return Queue(company_store, records, books, store_clock)


def of_other_client(record: str) -> Finding:
    return msgspec.structs.replace(finding(record=record), client=ClientRef(name="Other", quickbooks="99"))


def test_an_expected_record_stays_expected_whatever_words_it_is_said_in(queue: Queue) -> None:
    queue.find(finding())
    queue.expect(ExpectationScope.RECORD)
    assert {"71": "expected"} == queue.find(finding(explanation="In other words."), hours=1)


def test_an_expected_record_that_shows_more_is_opened_again(queue: Queue) -> None:
    queue.find(finding())
    stored = queue.expect(ExpectationScope.RECORD)
    assert {"71": "open"} == queue.find(finding(exposure=200_01), hours=1)
    events = [(occasion.event, occasion.reason) for occasion in queue.desk.load_occasions(stored.id)]
    assert (FindingEvent.REOPENED, "it shows more than was expected") == events[-1]


def test_an_expectation_ends_on_its_date(queue: Queue) -> None:
    queue.find(finding())
    queue.expect(ExpectationScope.RECORD, days=7)
    assert {"71": "expected"} == queue.find(finding(), days=6)
    assert {"71": "open"} == queue.find(finding(), days=1)
    assert {"71": "open"} == queue.find(finding(), days=1)


def test_an_expected_finding_that_was_gone_comes_back_expected(queue: Queue) -> None:
    queue.find(finding())
    queue.expect(ExpectationScope.RECORD)
    assert {"71": "resolved"} == queue.find(hours=1)
    assert {"71": "expected"} == queue.find(finding(), hours=1)


def test_an_expectation_for_a_client_covers_his_findings_up_to_the_amount(queue: Queue) -> None:
    queue.find(finding(), finding(record="72"), of_other_client("73"))
    queue.expect(ExpectationScope.CLIENT)
    found = queue.find(
        finding(),
        finding(record="72"),
        of_other_client("73"),
        finding(record="74"),
        finding(record="75", exposure=300_00),
    )
    covered = {record for record, status in found.items() if status == "expected"}
    others = {"71", "72", "74"}
    assert covered in (others, {"73"})  # whichever client was the first in the queue
    assert "open" == found["75"]


def test_an_expectation_of_a_pattern_covers_anybody_and_no_other_type(queue: Queue) -> None:
    queue.find(finding())
    queue.expect(ExpectationScope.PATTERN)
    found = queue.find(finding(), of_other_client("73"), finding("B1", record="74"))
    assert {"71": "expected", "73": "expected", "74": "open"} == found


def test_reopening_ends_what_was_expected(queue: Queue, store_clock: SetClock) -> None:
    queue.find(finding())
    stored = queue.expect(ExpectationScope.PATTERN)
    queue.desk.decide(stored.id, FindingStatus.OPEN, actor="bob", reason="no", at=store_clock.now())
    assert {"71": "open", "72": "open"} == queue.find(finding(), finding(record="72"), hours=1)


def test_names_and_remarks_stand_in_the_history_and_the_audit_log(
    queue: Queue, company_store: CompanyStore, store_clock: SetClock
) -> None:
    queue.find(finding())
    (first, *_) = company_store.book_reader().load_findings()
    queue.desk.assign(first.id, "ann", actor="bob", at=store_clock.now())
    queue.desk.comment(first.id, "asked the client", actor="ann", at=store_clock.now())
    (listed, *_) = company_store.book_reader().load_findings()
    assert ("ann", "open") == (listed.assigned_to, listed.status)
    assert "ann" == queue.desk.load_finding(first.id).assigned_to
    occasions = queue.desk.load_occasions(first.id)
    assert [("bob", "ann"), ("ann", "asked the client")] == [(each.actor, each.reason) for each in occasions[1:]]
    actions = [entry.action for entry in company_store.audit.load_entries()]
    assert ["finding assigned", "finding commented"] == actions[-2:]
    assert company_store.audit.verify() is None
    queue.desk.assign(first.id, "", actor="bob", at=store_clock.now())
    assert "" == queue.desk.load_finding(first.id).assigned_to
