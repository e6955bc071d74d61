"""One company's turn in the daemon: find out under its lease what is to be done, do it, say when the next turn is.

What was done is read from the store, never remembered here: two daemons on one database, or a person's
`tieout reconcile` between two beats, count as the work that they were.
"""

import logging
import threading
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from contextlib import AbstractContextManager
from datetime import datetime, timedelta
from statistics import median
from typing import Any, Protocol
from zoneinfo import ZoneInfo

import msgspec

from config.complaints import ConfigurationError
from config.daemon_settings import DaemonSettings
from config.settings import CompanySettings
from connectors.errors import ConnectorError
from state.errors import CompanyBusy, LeaseLost, StoreBusy, StoreError
from state.overview import RunTimes, Standing, TokenEnd
from sync.beats import KINDS, SHORTEST_BEAT, Past, Plan, Times, Work, calls_to_come, due_work, next_turn, stretched_beat
from sync.collecting import collect_leftovers
from sync.exit_codes import ExitCode
from sync.ports import Clock
from sync.reporting import RunReport
from sync.token_expiry import ExpiryWarning, expiry_warnings
from sync.work import ProgressSink

_LOG = logging.getLogger(__name__)
_BUSY_WAIT_SECONDS = 30.0
_FIRST_FAILURE_WAIT_SECONDS = 60.0
_WAIT_SLICE_SECONDS = 0.25
_RUNS_FOR_COST = 20  # the median of so many runs is what a cycle costs: a first load among them does not matter


class Worker(Protocol):
    """One company's runs."""

    def reconcile(self, *, full: bool = False, kind: str = "reconcile") -> RunReport:
        """Read and compare."""
        ...

    def verify(self, *, kind: str = "verify") -> tuple[RunReport, tuple[str, ...]]:
        """Read, compare, compare everything anew; the second answer is where the two differ."""
        ...


class Numbers(Protocol):
    """What the store knows of one company's runs; see `state.overview.Overview`."""

    def load_run_times(self, kinds: Sequence[str]) -> RunTimes:
        """When runs of these kinds were last begun and last complete."""
        ...

    def load_first_begun(self) -> datetime | None:
        """When the first run of all began."""
        ...

    def load_certificates(self, kinds: Sequence[str], *, most: int) -> tuple[str, ...]:
        """The certificates of the newest finished runs."""
        ...

    def load_standing(self, kinds: Sequence[str]) -> Standing:
        """How the company stands now, by runs of these kinds."""
        ...

    def load_token_ends(self) -> tuple[TokenEnd, ...]:
        """When its refresh tokens end."""
        ...


class Application(Protocol):
    """What a turn needs of the running program."""

    @property
    def clock(self) -> Clock:
        """The time."""
        ...

    def hold(
        self, company: CompanySettings, progress: ProgressSink, *, clock: Clock | None = None
    ) -> AbstractContextManager[Worker]:
        """The company's worker, alone until the end of the block. Raises: `CompanyBusy`."""
        ...

    def overview(self, company: CompanySettings) -> Numbers:
        """What the store knows of the company's runs."""
        ...

    def month_calls(self) -> int:
        """Metered calls of all companies this month."""
        ...

    def give_back_pages(self) -> None:
        """Let go of what is kept in memory of the database."""
        ...


class TurnSummary(msgspec.Struct, frozen=True, kw_only=True):
    """How a company's turns went. `result` is that of the last one; `problem` is what a person should know of it.

    `beat_seconds` is the beat in force, `forecast` the calls that all companies will have made at the month's end if
    they go on like this one. `results` counts turns by result, `differences` is what the last verification found.
    """

    result: str = "waiting"
    problem: str = ""
    beat_seconds: float = 0.0
    forecast: int = 0
    failures: int = 0
    differences: int = 0
    warnings: tuple[ExpiryWarning, ...] = ()
    results: tuple[tuple[str, int], ...] = ()


class PulsingClock:
    """A clock that gives a sign of life while it waits, and stops waiting when that is answered by `Interrupted`."""

    def __init__(self, clock: Clock, pulse: Callable[[], None]) -> None:
        self._clock = clock
        self._pulse = pulse

    def now(self) -> datetime:
        """The present, aware, in UTC."""
        return self._clock.now()

    def monotonic_seconds(self) -> float:
        """Seconds that never jump back."""
        return self._clock.monotonic_seconds()

    def sleep_seconds(self, seconds: float) -> None:
        """Wait. Raises: `Interrupted` when the turn is to end."""
        left = seconds
        while left > 0:
            self._pulse()
            part = min(left, _WAIT_SLICE_SECONDS)
            self._clock.sleep_seconds(part)
            left -= part
        self._pulse()


class CompanyTask:
    """The turns of one company, one at a time; `summary` may be asked from any thread."""

    def __init__(
        self, company: CompanySettings, application: Application, settings: DaemonSettings, *, company_count: int
    ) -> None:
        self._company = company
        self._application = application
        self._settings = settings
        self._company_count = company_count
        self._lock = threading.Lock()
        self._summary = TurnSummary()
        self._results: Counter[str] = Counter()
        self._wanted_since: datetime | None = None
        self._said: frozenset[ExpiryWarning] = frozenset()

    @property
    def name(self) -> str:
        """The company's alias."""
        return self._company.alias

    @property
    def company(self) -> CompanySettings:
        """The company."""
        return self._company

    def summary(self) -> TurnSummary:
        """How the turns went so far."""
        with self._lock:
            return self._summary

    def take_turn(self, pulse: Callable[[], None], wanted_since: datetime | None) -> float:
        """Do what is due and answer the seconds to the next turn; see `sync.dispatching.Task`."""
        self._wanted_since = max(filter(None, (self._wanted_since, wanted_since)), default=None)
        try:
            wait = self._turn(pulse)
            self._warn_of_expiry()
            self._application.give_back_pages()
        except (CompanyBusy, LeaseLost, StoreBusy) as error:
            _LOG.info("%s", error, extra=self._extra("company_busy"))
            self._note("busy")
            return _BUSY_WAIT_SECONDS
        except (StoreError, ConfigurationError, ConnectorError) as error:
            failures = self.summary().failures + 1
            self._note("failing", problem=str(error), failures=failures)
            _LOG.error("%s: %s", self.name, error, extra=self._extra("turn_failing"))
            wait = _FIRST_FAILURE_WAIT_SECONDS * (1 << min(failures - 1, 10))
            return min(wait, self._settings.beat_minutes * 60.0)
        finally:
            collect_leftovers()
        return wait

    def _turn(self, pulse: Callable[[], None]) -> float:
        clock = PulsingClock(self._application.clock, pulse)

        def progress(step: str, done: int, total: int | None) -> None:
            del step, done, total
            pulse()

        numbers = self._application.overview(self._company)
        with self._application.hold(self._company, progress, clock=clock) as worker:
            past, plan = load_past(numbers), self._plan(numbers)
            work = due_work(past, plan, clock.now(), wanted_since=self._wanted_since)
            if work is not None:
                self._do(work, worker)
        if work is not None:
            self._wanted_since = None
            past, plan = load_past(numbers), self._plan(numbers)
        return self._wait(past, plan, clock.now())

    def _do(self, work: Work, worker: Worker) -> None:
        _LOG.info("%s: %s begins", self.name, work, extra=self._extra("turn_begun"))
        differences = None
        if work is Work.VERIFY:
            report, found = worker.verify()
            differences = len(found)
            if found:
                _LOG.error(
                    "%s: comparing everything anew gave another result than the last runs at %d places: "
                    "the new one is kept; this is a defect of Tieout",
                    self.name,
                    len(found),
                    extra=self._extra("verification_differs"),
                )
        else:
            report = worker.reconcile(full=work is Work.SWEEP, kind=work.value)
        if report.exit_code is ExitCode.RECONNECT:
            _LOG.warning("%s: %s", self.name, report.problem, extra=self._extra("needs_reconnect"))
        self._note(_result_of(report), problem=report.problem, differences=differences)

    def _plan(self, numbers: Numbers) -> Plan:
        used, budget = self._application.month_calls(), self._company.quickbooks.monthly_call_budget
        cost, now = cost_per_cycle(numbers.load_certificates(KINDS, most=_RUNS_FOR_COST)), self._application.clock.now()
        beat = stretched_beat(
            self._settings, budget=budget, used=used, cost_per_cycle=cost, company_count=self._company_count, now=now
        )
        to_come = calls_to_come(cost_per_cycle=cost, company_count=self._company_count, beat=beat, now=now)
        with self._lock:
            self._summary = msgspec.structs.replace(
                self._summary, beat_seconds=beat.total_seconds(), forecast=used + to_come
            )
        is_sparing = used * 100 >= budget * 80
        return Plan(settings=self._settings, zone=ZoneInfo(self._company.timezone), beat=beat, is_sparing=is_sparing)

    def _wait(self, past: Past, plan: Plan, now: datetime) -> float:
        wait = next_turn(past, plan, now)
        if due_work(past, plan, now) is not None:  # two things were due at once
            wait = timedelta(seconds=1)
        elif self._wanted_since is not None and past.begun_at is not None and past.begun_at < self._wanted_since:
            wait = min(wait, max(past.begun_at + SHORTEST_BEAT - now, timedelta(seconds=1)))
        return wait.total_seconds()

    def _warn_of_expiry(self) -> None:
        now = self._application.clock.now()
        warnings = expiry_warnings(self._application.overview(self._company).load_token_ends(), now)
        for warning in warnings:
            if not any(_is_same(warning, said) for said in self._said):
                _LOG.warning("%s: %s", self.name, warning.sentence, extra=self._extra("connection_ends"))
        self._said = frozenset(warnings)
        with self._lock:
            self._summary = msgspec.structs.replace(self._summary, warnings=warnings)

    def _note(self, result: str, *, problem: str = "", failures: int = 0, differences: int | None = None) -> None:
        with self._lock:
            self._results[result] += 1
            self._summary = msgspec.structs.replace(
                self._summary,
                result=result,
                problem=problem,
                failures=failures,
                differences=self._summary.differences if differences is None else differences,
                results=tuple(sorted(self._results.items())),
            )

    def _extra(self, action: str) -> dict[str, str]:
        return {"action": action, "company": self.name}


def load_past(numbers: Numbers) -> Past:
    """What was run for the company, by anybody."""
    every, verify, sweep = (numbers.load_run_times(kinds) for kinds in (KINDS, (Work.VERIFY,), (Work.SWEEP,)))
    return Past(
        first_begun_at=numbers.load_first_begun(),
        begun_at=every.begun_at,
        is_unfinished=every.is_unfinished,
        verify=Times(begun_at=verify.begun_at, complete_at=verify.complete_at),
        sweep=Times(begun_at=sweep.begun_at, complete_at=sweep.complete_at),
    )


def cost_per_cycle(certificates: Iterable[str]) -> float:
    """The metered calls of a usual run, from the certificates of the last ones; 0.0 when there are none."""
    costs = []
    for text in certificates:
        document: dict[str, Any] = msgspec.json.decode(text) if text else {}
        calls = document.get("calls", {}).get("quickbooks")
        if calls is not None:
            costs.append(calls.get("metered") or 0)
    return float(median(costs)) if costs else 0.0


def _result_of(report: RunReport) -> str:
    return "needs_reconnect" if report.exit_code is ExitCode.RECONNECT else report.verdict.value


def _is_same(warning: ExpiryWarning, said: ExpiryWarning) -> bool:
    """A rolling end moves with each refresh; what is said of it is news only when it comes nearer."""
    return (warning.provider, warning.kind, warning.level) == (said.provider, said.kind, said.level)
