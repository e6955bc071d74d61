"""What is stored of one company, for whoever wants to look: findings, their history, explanations, checks."""

from collections.abc import Sequence
from datetime import datetime
from zoneinfo import ZoneInfo

from config.complaints import configuration_error
from config.settings import RuleSettings
from mappings.findings import Evidence, Finding
from mappings.model import System
from mappings.problems import problem
from mappings.records import SetAside, StoredFinding
from state.store import CompanyStore
from sync.checker import check_arithmetic
from sync.explaining import Explanation
from sync.explanations import explain_subject, near_subjects
from sync.ports import Clock
from sync.readings import gap_sentences
from sync.reporting import Decision
from sync.rules.evaluate import evaluate_book
from sync.rules.moment import Moment
from sync.verifying import Verification, verify_claim, verify_evidence
from sync.viewing import moment_of, moment_of_run


class CompanyReader:
    """Reads; needs no lease and changes nothing.

    Explanations and checks look at the books as of the last reconcile, so that they agree with the findings.
    """

    def __init__(self, stored: CompanyStore, *, timezone: ZoneInfo, rules: RuleSettings, clock: Clock) -> None:
        self._stored = stored
        self._timezone = timezone
        self._rules = rules
        self._clock = clock

    def load_findings(self, statuses: Sequence[str] = ()) -> tuple[StoredFinding, ...]:
        """Findings, the most urgent first; all that are not resolved when no status is named."""
        return self._stored.book_reader().load_findings(statuses=tuple(statuses))

    def find_finding(self, name: str) -> StoredFinding:
        """The finding of that name, or of its only beginning. Raises: `UnknownFinding`."""
        return self._stored.findings.load_finding(name)

    def load_decisions(self, stored: StoredFinding) -> tuple[Decision, ...]:
        """What happened to a finding, oldest first."""
        return tuple(
            Decision(at=each.at, event=str(each.event), who=each.actor or f"run {each.run_id[:8]}", reason=each.reason)
            for each in self._stored.findings.load_occasions(stored.id)
        )

    def explain(self, subject: str, as_of: datetime | None = None) -> Explanation:
        """All about an invoice or client; as it was known at `as_of`, when that is given.

        What was known then is what the last run had read that had ended by then; the explanation is empty when there
        was no such run. Raises: `ConfigurationError` when there is none of that name.
        """
        run = self._stored.runs.last(finished=True, by=as_of)
        if run is None:
            return Explanation(company=self._stored.company.alias, subject=subject, steps=())
        moment = moment_of_run(run, self._stored.runs, self._timezone, self._rules)
        known_at = None if as_of is None else moment.now
        books = self._stored.book_reader()
        found = explain_subject(books, self._stored.company.alias, subject, moment, as_of=known_at)
        if found is None:
            near = ", ".join(repr(problem("", name, "").value) for name in near_subjects(books, subject, known_at))
            advice = f"did you mean {near}?" if near else "write it as BigTime or QuickBooks shows it"
            shown = problem("", subject, "").value
            is_or_was = "is" if as_of is None else "was then"
            raise configuration_error("explain", f"no invoice or client {is_or_was} called {shown!r}: {advice}")
        return found

    def gaps(self, as_of: datetime) -> tuple[str, ...]:
        """What the last run that had ended by `as_of` could not read; that there was none is a gap, too."""
        return gap_sentences(self._stored.runs.last(finished=True, by=as_of))

    def verify_finding(self, stored: StoredFinding) -> Verification:
        """Whether the finding follows from the stored raw records: their hashes, its arithmetic, the rules anew.

        The arithmetic is done by code that shares nothing with the rules (`sync.checker`).
        """
        finding = stored.finding
        records = self._stored.record_reader()
        raws: dict[Evidence, bytes] = {}

        def load(evidence: Evidence) -> bytes | None:
            raw = records.load_raw(evidence.key, evidence.sha256)
            raws[evidence] = raw or b""
            return raw

        seen = list(verify_evidence(finding, load))
        if all(good for good, _ in seen):
            seen += check_arithmetic(finding, raws)
        if finding.client.bigtime or finding.client.quickbooks:
            seen.append(verify_claim(finding, self._derive(finding)))
        return Verification(holds=all(good for good, _ in seen), lines=tuple(line for _, line in seen))

    def load_set_aside(self) -> tuple[SetAside, ...]:
        """The records that could not be read, and keep every run incomplete until they can be."""
        return self._stored.quarantine.load()

    def verify_audit(self) -> Verification:
        """Whether the audit log is whole."""
        fault = self._stored.audit.verify()
        if fault is not None:
            return Verification(holds=False, lines=(fault.sentence,))
        count, seal = self._stored.audit.load_head()
        return Verification(holds=True, lines=(f"{count} entries, none changed; the last seal is {seal}",))

    def moment(self) -> Moment:
        """The moment of the last reconcile, which may not have read QuickBooks; the present when there was none."""
        last = self._stored.runs.last(finished=True)
        if last is None:
            return moment_of(self._clock.now(), self._timezone, self._rules)
        return moment_of_run(last, self._stored.runs, self._timezone, self._rules)

    def judged_at(self) -> datetime:
        """When the company was last reconciled; the present when it never was."""
        last = self._stored.runs.last(finished=True)
        return last.finished_at if last is not None and last.finished_at is not None else self._clock.now()

    def _derive(self, finding: Finding) -> list[Finding]:
        books = self._stored.book_reader()
        wanted = {(System.BIGTIME, finding.client.bigtime), (System.QUICKBOOKS, finding.client.quickbooks)}
        groups = tuple(
            group
            for group in books.load_all_groups()
            if any((party.system, party.client_id) in wanted for party in group.parties)
        )
        moment = self.moment()
        return [found for book in books.iterate_books(groups) for found in evaluate_book(book, moment).findings]
