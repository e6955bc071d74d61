"""A run goes on after an error of one system, says what it lacks, and never takes an old gap for a full reading."""

import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from typing import Any, cast

import pytest

from config.settings import CompanySettings, RuleSettings
from connectors.errors import AccessRevoked, ConnectorError, ContractBroken, Unavailable
from mappings.findings import Gap, Verdict
from mappings.model import Content, Kind, Method, Payment, RecordKey, System
from mappings.records import PullOutcome, RunRecord, StoredRecord
from sync.company_worker import CompanyWorker, PullRequest, gap_from_error
from sync.exit_codes import ExitCode
from sync.knowledge import Knowledge
from sync.ports import BookStore, RecordStore

NOW = datetime(2026, 3, 2, 12, 0, tzinfo=UTC)
COMPANY = CompanySettings.model_validate(
    {
        "alias": "acme",
        "quickbooks": {"realm_id": "1", "client_id": "c"},
        "bigtime": {"firm": "f"},
    }
)


class StillClock:
    def now(self) -> datetime:
        return NOW

    def monotonic_seconds(self) -> float:
        return 0.0

    def sleep_seconds(self, seconds: float) -> None:
        raise AssertionError("nothing here waits")


@dataclass
class Runs:
    kept: list[RunRecord] = field(default_factory=list)

    def start(self, kind: str, *, at: datetime) -> RunRecord:
        run = RunRecord(
            id=f"run-{len(self.kept)}", kind=kind, started_at=at, finished_at=None, verdict=None, certificate=""
        )
        self.kept.append(run)
        return run

    def finish(self, run_id: str, *, at: datetime, verdict: Verdict | None, certificate: str) -> None:
        index = next(index for index, run in enumerate(self.kept) if run.id == run_id)
        run = self.kept[index]
        self.kept[index] = RunRecord(
            id=run.id,
            kind=run.kind,
            started_at=run.started_at,
            finished_at=at,
            verdict=verdict,
            certificate=certificate,
        )

    def last(self) -> RunRecord | None:
        return self.kept[-1] if self.kept else None

    def recent(self, *, most: int) -> tuple[RunRecord, ...]:
        return tuple(run for run in reversed(self.kept) if run.finished_at is not None)[:most]


class EmptyBooks:
    """A company without any book."""

    def __init__(self) -> None:
        self.complete: list[bool] = []

    def load_changed_groups(self, now: datetime) -> tuple[()]:
        return ()

    def load_all_groups(self) -> tuple[()]:
        return ()

    def iterate_books(self, groups: Sequence[object]) -> Iterator[Any]:
        return iter(())

    @contextmanager
    def reconcile_unit(self, run_id: str) -> Iterator["EmptyBooks"]:
        yield self

    def set_complete(self, complete: bool) -> None:
        self.complete.append(complete)

    def replace_gates(self, findings: object) -> None:
        """Nothing is kept."""

    def load_findings(self, *, statuses: Sequence[str] = ()) -> tuple[()]:
        return ()

    def load_tie_outs(self) -> tuple[()]:
        return ()


class Records:
    """The part of a record store that knowledge needs, in memory."""

    def __init__(self) -> None:
        self.contents: dict[RecordKey, Content] = {}
        self.cursors: dict[str, str] = {}
        self.units = 0
        self.loaded = 0

    def load_cursor(self, feed: str) -> str | None:
        return self.cursors.get(feed)

    def load_ids(self, system: System, kind: Kind) -> frozenset[str]:
        return frozenset(key.id for key in self.contents if (key.system, key.kind) == (system, kind))

    def load_contents(self, keys: Iterable[RecordKey]) -> dict[RecordKey, Content]:
        found = {key: self.contents[key] for key in keys if key in self.contents}
        self.loaded += len(found)
        return found

    def load_records(
        self,
        system: System,
        kind: Kind,
        *,
        first: date | None = None,
        last: date | None = None,
        only_open: bool = False,
    ) -> tuple[StoredRecord, ...]:
        return ()

    def load_missing(self, system: System, kind: Kind) -> tuple[RecordKey, ...]:
        return ()

    @contextmanager
    def pull_unit(self, run_id: str) -> Iterator["Records"]:
        self.units += 1
        yield self

    def save_cursor(self, feed: str, value: str) -> None:
        self.cursors[feed] = value


def outcome(system: System, *, gaps: tuple[Gap, ...] = ()) -> PullOutcome:
    key = RecordKey(system, Kind.INVOICE, "1")
    return PullOutcome(system=system, read={"invoice": 2}, changed=(key,), gaps=gaps, sent=3, metered=2)


def worker(
    quickbooks: Callable[[PullRequest], PullOutcome],
    bigtime: Callable[[PullRequest], PullOutcome],
    *,
    runs: Runs | None = None,
    books: EmptyBooks | None = None,
) -> CompanyWorker:
    pulls: Mapping[System, Callable[[PullRequest], PullOutcome]] = {
        System.QUICKBOOKS: quickbooks,
        System.BIGTIME: bigtime,
    }
    return CompanyWorker(
        company=COMPANY,
        rules=RuleSettings(),
        books=cast("BookStore", books or EmptyBooks()),
        knowledge=Knowledge(cast("RecordStore", Records())),
        runs=runs or Runs(),
        pulls=pulls,
        clock=StillClock(),
    )


def good(system: System, seen: list[PullRequest] | None = None) -> Callable[[PullRequest], PullOutcome]:
    def pull(request: PullRequest) -> PullOutcome:
        if seen is not None:
            seen.append(request)
        return outcome(system)

    return pull


def failing(error: ConnectorError) -> Callable[[PullRequest], PullOutcome]:
    def pull(request: PullRequest) -> PullOutcome:
        raise error

    return pull


REVOKED = AccessRevoked(System.QUICKBOOKS, "token refresh", "run `tieout connect quickbooks`")
BROKEN = ContractBroken(System.BIGTIME, "invoice history", "not a list")


def test_a_complete_run_counts_what_it_read_and_called() -> None:
    report = worker(good(System.QUICKBOOKS), good(System.BIGTIME)).reconcile()
    assert (Verdict.CLEAN, ExitCode.CLEAN, "") == (report.verdict, report.exit_code, report.problem)
    assert {"quickbooks": {"invoice": 4}, "bigtime": {"invoice": 2}} == report.certificate.read
    calls = report.certificate.calls
    assert (6, 4) == (calls["quickbooks"].sent, calls["quickbooks"].metered)  # once before BigTime, once after
    assert (3, None) == (calls["bigtime"].sent, calls["bigtime"].metered)


@pytest.mark.parametrize(
    ("quickbooks", "bigtime", "code", "gates"),
    [
        (failing(REVOKED), good(System.BIGTIME), ExitCode.RECONNECT, {"G3"}),
        (good(System.QUICKBOOKS), failing(BROKEN), ExitCode.NOT_UNDERSTOOD, {"G1"}),
        (failing(REVOKED), failing(BROKEN), ExitCode.RECONNECT, {"G1", "G3"}),
        (
            failing(Unavailable(System.QUICKBOOKS, "changes", "no answer")),
            failing(REVOKED),
            ExitCode.RECONNECT,
            {"G3", "G10"},
        ),
    ],
)
def test_an_error_of_one_system_is_a_gap_and_the_other_is_read_all_the_same(
    quickbooks: Callable[[PullRequest], PullOutcome],
    bigtime: Callable[[PullRequest], PullOutcome],
    code: ExitCode,
    gates: set[str],
) -> None:
    books = EmptyBooks()
    report = worker(quickbooks, bigtime, books=books).reconcile()
    assert (Verdict.INCOMPLETE, code) == (report.verdict, report.exit_code)
    assert gates == {gap.code for gap in report.certificate.gaps}
    assert [False] == books.complete
    assert report.problem != ""


def test_the_second_system_is_told_whether_the_first_changed() -> None:
    seen: list[PullRequest] = []
    worker(good(System.QUICKBOOKS, seen), good(System.BIGTIME, seen)).pull(full=True, accept_losses=True)
    assert [(False, True, True), (True, True, True)] == [
        (request.witness, request.full, request.accept_losses) for request in seen[:2]
    ]


def test_quickbooks_is_asked_once_more_for_what_changed_while_bigtime_brought_something() -> None:
    seen: list[PullRequest] = []
    worker(good(System.QUICKBOOKS, seen), good(System.BIGTIME)).pull(full=True)
    assert [True, False] == [request.full for request in seen]


def test_quickbooks_is_asked_once_when_bigtime_brings_nothing_new() -> None:
    seen: list[PullRequest] = []
    quiet = PullOutcome(system=System.BIGTIME, read={"invoice": 2}, sent=3)
    worker(good(System.QUICKBOOKS, seen), lambda _: quiet).pull()
    assert 1 == len(seen)


def test_quickbooks_is_not_asked_again_after_it_could_not_be_read() -> None:
    seen: list[PullRequest] = []

    def cut_short(request: PullRequest) -> PullOutcome:
        seen.append(request)
        return outcome(System.QUICKBOOKS, gaps=(Gap("G10", "quickbooks", "throttled"),))

    worker(cut_short, good(System.BIGTIME)).pull()
    assert 1 == len(seen)


def test_a_run_without_reading_rests_on_the_reading_before_it() -> None:
    runs = Runs()
    gap = Gap("G10", "bigtime", "unreachable")
    incomplete = worker(good(System.QUICKBOOKS), lambda _: outcome(System.BIGTIME, gaps=(gap,)), runs=runs)
    assert ExitCode.INCOMPLETE == incomplete.pull().exit_code
    for _ in range(2):
        assert (gap,) == incomplete.reconcile(no_pull=True).certificate.gaps
    complete = worker(good(System.QUICKBOOKS), good(System.BIGTIME), runs=runs)
    assert ExitCode.CLEAN == complete.pull().exit_code
    assert Verdict.CLEAN == complete.reconcile(no_pull=True).verdict


def test_a_run_that_died_leaves_the_next_one_incomplete_until_something_is_read() -> None:
    runs = Runs()
    runs.start("sync", at=NOW)
    died = worker(good(System.QUICKBOOKS), good(System.BIGTIME), runs=runs)
    report = died.reconcile(no_pull=True)
    assert Verdict.INCOMPLETE == report.verdict
    assert "did not finish" in report.certificate.gaps[0].sentence


def test_the_stored_certificate_is_the_printed_one() -> None:
    runs = Runs()
    worker(good(System.QUICKBOOKS), good(System.BIGTIME), runs=runs).reconcile()
    stored = json.loads(runs.kept[-1].certificate)
    assert (True, {"sent": 6, "metered": 4}) == (stored["complete"], stored["calls"]["quickbooks"])
    assert Verdict.CLEAN == runs.kept[-1].verdict


def test_a_gap_holds_the_sentence_of_the_error() -> None:
    assert "tieout connect quickbooks" in gap_from_error(REVOKED).sentence


def payment(word: str) -> Payment:
    return Payment(
        client_id="1",
        payment_id="9",
        currency="USD",
        total_minor=1,
        method=Method.UNKNOWN if word else Method.NONE,
        method_name=word,
    )


def key(id_: str) -> RecordKey:
    return RecordKey(System.BIGTIME, Kind.PAYMENT, id_)


def learn(records: Records, *changed: str) -> list[tuple[str, str]]:
    knowledge = Knowledge(cast("RecordStore", records))
    knowledge.learn("run", [key(id_) for id_ in changed])
    return [(word, found.id) for _, word, found in knowledge.certificate(()).words]


def test_unknown_words_are_remembered_until_no_record_uses_them() -> None:
    records = Records()
    records.contents = {key("1"): payment("Barter"), key("2"): payment("Barter"), key("3"): payment("")}
    assert [("Barter", "1")] == learn(records, "1", "2", "3")
    records.contents[key("1")] = payment("")
    assert [("Barter", "2")] == learn(records, "1")
    del records.contents[key("2")]
    assert [] == learn(records, "2")


def test_a_quiet_run_writes_nothing_and_reads_only_what_it_needs() -> None:
    records = Records()
    records.contents = {key(str(number)): payment("Barter" if number == 7 else "") for number in range(100)}
    learn(records, *map(str, range(100)))
    units, records.loaded = records.units, 0
    assert [("Barter", "7")] == learn(records)
    assert (units, 1) == (records.units, records.loaded)
