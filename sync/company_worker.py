"""One company's run: pull both systems, reconcile, report. Knows the order of things, not how they are done."""

import logging
from collections import Counter
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any, Protocol
from zoneinfo import ZoneInfo

import msgspec

from config.settings import CompanySettings, RuleSettings
from connectors.errors import AccessRevoked, ConnectorError, ContractBroken, handling_of
from mappings.findings import Gap, Verdict
from mappings.model import RecordKey, System
from mappings.records import PullOutcome, RunRecord
from state.runs import COMPARE
from sync.exit_codes import ExitCode
from sync.knowledge import Knowledge
from sync.ports import BookStore, Clock
from sync.readings import RUNS_LOOKED_AT, gaps_of, last_read_at, was_read
from sync.reconciling import AlertPlan, ReconcileOutcome, reconcile_company
from sync.reporting import CallCount, PullReport, RunCertificate, RunReport, certificate_document, exit_code_of
from sync.rules.moment import Moment
from sync.viewing import moment_of
from sync.work import ProgressSink, unwatched

_LOG = logging.getLogger(__name__)
_SYSTEM_NAMES = {System.QUICKBOOKS: "QuickBooks", System.BIGTIME: "BigTime"}
# Only these can say how many metered calls they made.
_METERED = frozenset({System.QUICKBOOKS})
# What a run that is stopped by an error says of the system; the codes are the gates of group G.
_GATES: tuple[tuple[type[ConnectorError], str], ...] = ((AccessRevoked, "G3"), (ContractBroken, "G1"))


class PullRequest(msgspec.Struct, frozen=True, kw_only=True):
    """What is wanted of one system's pull; `witness` says that the other system changed in this run."""

    run_id: str
    full: bool
    witness: bool
    accept_losses: bool


Pull = Callable[[PullRequest], PullOutcome]


class RunLog(Protocol):
    """Where the store keeps which runs there were."""

    def start(self, kind: str, *, at: datetime) -> RunRecord:
        """A new run."""
        ...

    def finish(self, run_id: str, *, at: datetime, verdict: Verdict | None, certificate: str) -> None:
        """The run is over. `certificate` is JSON."""
        ...

    def last(self) -> RunRecord | None:
        """The latest run, finished or not."""
        ...

    def recent(self, *, most: int) -> tuple[RunRecord, ...]:
        """The latest finished runs, the newest first."""
        ...


class Reading(msgspec.Struct, frozen=True, kw_only=True):
    """What the pulls of one run came to; `error` is the one that a person has to act on, if any."""

    outcomes: tuple[PullOutcome, ...] = ()
    gaps: tuple[Gap, ...] = ()
    error: ConnectorError | None = None

    def certificate(self) -> RunCertificate:
        """The reading as the reader of a report sees it."""
        return RunCertificate(
            gaps=self.gaps,
            read={str(outcome.system): dict(sorted(outcome.read.items())) for outcome in self.outcomes},
            calls={
                str(outcome.system): CallCount(
                    sent=outcome.sent, metered=outcome.metered if outcome.system in _METERED else None
                )
                for outcome in self.outcomes
            },
        )


class _Tally:
    """What the pulls of one run have come to so far; two pulls of one system count as one."""

    def __init__(self) -> None:
        self._outcomes: dict[System, PullOutcome] = {}
        self._gaps: set[Gap] = set()
        self._errors: list[ConnectorError] = []
        self._broken: set[System] = set()

    @property
    def changed(self) -> tuple[RecordKey, ...]:
        """The records that changed."""
        return tuple(key for outcome in self._outcomes.values() for key in outcome.changed)

    @property
    def whole(self) -> frozenset[System]:
        """The systems that were read without a gap."""
        whole = {system for system, outcome in self._outcomes.items() if not outcome.gaps}
        return frozenset(whole - self._broken)

    def add(self, outcome: PullOutcome) -> None:
        """A pull that came to its end."""
        before = self._outcomes.get(outcome.system)
        self._outcomes[outcome.system] = outcome if before is None else _joined(before, outcome)
        self._gaps.update(outcome.gaps)

    def fail(self, system: System, error: ConnectorError) -> None:
        """A pull that an error ended."""
        self._broken.add(system)
        self._errors.append(error)
        self._gaps.add(gap_from_error(error))

    def reading(self) -> Reading:
        """All of it; of several errors the one that asks for a person to connect goes first."""
        errors = sorted(self._errors, key=lambda each: handling_of(each).exit_code != ExitCode.RECONNECT)
        return Reading(
            outcomes=tuple(self._outcomes.values()), gaps=tuple(sorted(self._gaps)), error=next(iter(errors), None)
        )


def _joined(first: PullOutcome, second: PullOutcome) -> PullOutcome:
    read = Counter(first.read)
    read.update(second.read)
    return PullOutcome(
        system=first.system,
        read=dict(read),
        changed=tuple(dict.fromkeys((*first.changed, *second.changed))),
        gaps=tuple(sorted({*first.gaps, *second.gaps})),
        sent=first.sent + second.sent,
        metered=first.metered + second.metered,
    )


class CompanyWorker:
    """Does one company's runs, one after the other, while its caller holds the company's lease.

    An error of one system never hides what the other one said: it becomes a gap, and the run is incomplete.
    """

    def __init__(
        self,
        *,
        company: CompanySettings,
        rules: RuleSettings,
        books: BookStore,
        knowledge: Knowledge,
        runs: RunLog,
        pulls: Mapping[System, Pull],
        clock: Clock,
        progress: ProgressSink = unwatched,
        alerts: AlertPlan | None = None,
    ) -> None:
        self._company = company
        self._rules = rules
        self._books = books
        self._knowledge = knowledge
        self._runs = runs
        self._pulls = pulls
        self._clock = clock
        self._progress = progress
        self._alerts = alerts

    def pull(self, *, full: bool = False, accept_losses: bool = False) -> PullReport:
        """Read what changed, or with `full` everything, and judge nothing.

        `accept_losses` is a person's word that records which suddenly vanished in numbers are really gone.
        """
        run_id = self._runs.start("sync", at=self._clock.now()).id
        reading = self._read(run_id, full=full, accept_losses=accept_losses)
        certificate = reading.certificate()
        self._finish(run_id, None, certificate_document(certificate))
        code = ExitCode.CLEAN if certificate.complete else ExitCode.INCOMPLETE
        return PullReport(
            company=self._company.alias,
            run=run_id,
            certificate=certificate,
            exit_code=_exit_code(code, reading.error),
            problem=_problem(reading.error),
        )

    def reconcile(
        self, *, no_pull: bool = False, full: bool = False, accept_losses: bool = False, kind: str = "reconcile"
    ) -> RunReport:
        """Read what changed (unless `no_pull`) and bring the findings up to date.

        `full` reads everything again and looks at every group; the findings are the same either way. A run that
        read nothing rests on the reading before it, and repeats its gaps. `kind` is what the list of runs calls a run
        that read.
        """
        before = self._runs.last()
        run_id = self._runs.start(COMPARE if no_pull else kind, at=self._clock.now()).id
        if no_pull:
            reading = Reading(gaps=inherited_gaps(before))
        else:
            reading = self._read(run_id, full=full, accept_losses=accept_losses)
        outcome = self._judge(run_id, reading, self._moment(reading), full=full)
        certificate = reading.certificate()
        self._finish(run_id, outcome.verdict, certificate_document(certificate))
        return self._report(run_id, reading, outcome)

    def verify(self, *, kind: str = "verify") -> tuple[RunReport, tuple[str, ...]]:
        """A run like `reconcile`, after which every group is looked at again and the two results are compared.

        Answers the run and, as fingerprints of findings and names of invoices, where the second look differs from
        what the first left; nothing should. The second is what is kept, and the differences stand in the run's
        certificate.
        """
        run_id = self._runs.start(kind, at=self._clock.now()).id
        reading = self._read(run_id, full=False, accept_losses=False)
        moment = self._moment(reading)
        self._judge(run_id, reading, moment, full=False)
        before = self._results()
        outcome = self._judge(run_id, reading, moment, full=True)
        after = self._results()
        differences = tuple(sorted(name for name in before | after if before.get(name) != after.get(name)))
        document = {**certificate_document(reading.certificate()), "differences": list(differences)}
        self._finish(run_id, outcome.verdict, document)
        return self._report(run_id, reading, outcome), differences

    def _judge(self, run_id: str, reading: Reading, moment: Moment, *, full: bool) -> ReconcileOutcome:
        return reconcile_company(
            self._books,
            run_id=run_id,
            company=self._company.alias,
            moment=moment,
            certificate=self._knowledge.certificate(reading.gaps),
            full=full,
            progress=lambda done, total: self._progress("comparing", done, total),
            alerts=self._alerts,
        )

    def _results(self) -> dict[str, bytes]:
        """Everything that a reconcile decides, by name."""
        encode = msgspec.msgpack.encode
        found = {
            f"finding {stored.finding.fingerprint}": encode((stored.finding, stored.status, stored.first_seen))
            for stored in self._books.load_findings()
        }
        return found | {f"invoice {line.invoice.bigtime}": encode(line) for line in self._books.load_tie_lines()}

    def _report(self, run_id: str, reading: Reading, outcome: ReconcileOutcome) -> RunReport:
        return RunReport(
            company=self._company.alias,
            run=run_id,
            verdict=outcome.verdict,
            certificate=reading.certificate(),
            tie_outs=outcome.tie_outs,
            findings=outcome.findings,
            exit_code=_exit_code(exit_code_of(outcome.verdict), reading.error),
            problem=_problem(reading.error),
        )

    def _read(self, run_id: str, *, full: bool, accept_losses: bool) -> Reading:
        """Read QuickBooks, then BigTime, then what QuickBooks was changed meanwhile if BigTime brought anything.

        A payment that reached BigTime between the two reads would otherwise be alone there until the next run.
        """
        tally = _Tally()
        for system in self._pulls:
            request = PullRequest(run_id=run_id, full=full, witness=bool(tally.changed), accept_losses=accept_losses)
            self._pull(system, request, tally)
        if System.QUICKBOOKS in tally.whole and any(key.system is System.BIGTIME for key in tally.changed):
            again = PullRequest(run_id=run_id, full=False, witness=True, accept_losses=accept_losses)
            self._pull(System.QUICKBOOKS, again, tally)
        return tally.reading()

    def _pull(self, system: System, request: PullRequest, tally: "_Tally") -> None:
        self._progress(f"reading {_SYSTEM_NAMES[system]}", 0, None)
        try:
            outcome = self._pulls[system](request)
        except ConnectorError as error:
            _LOG.info("%s", error, extra=self._extra("pull_stopped", request.run_id))
            tally.fail(system, error)
            self._knowledge.learn_everything(request.run_id)
            return
        tally.add(outcome)
        self._knowledge.learn(request.run_id, outcome.changed)

    def _moment(self, reading: Reading) -> Moment:
        zone = ZoneInfo(self._company.timezone)
        read_at = None if was_read(reading.gaps) else last_read_at(self._runs.recent(most=RUNS_LOOKED_AT))
        return moment_of(self._clock.now(), zone, self._rules, quickbooks_read_at=read_at)

    def _finish(self, run_id: str, verdict: Verdict | None, certificate: Mapping[str, Any]) -> None:
        text = msgspec.json.encode(certificate).decode()
        self._runs.finish(run_id, at=self._clock.now(), verdict=verdict, certificate=text)
        _LOG.info("run finished", extra=self._extra("run_finished", run_id))

    def _extra(self, action: str, run_id: str) -> dict[str, str]:
        return {"action": action, "company": self._company.alias, "run": run_id}


def gap_from_error(error: ConnectorError) -> Gap:
    """The gap that an error leaves which ended a system's pull."""
    code = next((code for kind, code in _GATES if isinstance(error, kind)), "G10")
    return Gap(code, str(error.system), str(error))


def inherited_gaps(last: RunRecord | None) -> tuple[Gap, ...]:
    """What a run that reads nothing still lacks: the gaps of the run before it, or that there was none."""
    if last is None:
        return (Gap("G10", "tieout", "nothing has been read yet: run `tieout sync` first"),)
    if last.finished_at is None:
        return (Gap("G10", "tieout", "the run before this one did not finish: run `tieout sync`"),)
    return gaps_of(last)


def _exit_code(code: ExitCode, error: ConnectorError | None) -> ExitCode:
    return code if error is None else ExitCode(handling_of(error).exit_code)


def _problem(error: ConnectorError | None) -> str:
    return "" if error is None else str(error)
