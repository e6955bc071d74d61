"""What the commands need of the running program, said by the commands. `sync.app` has it; tests put a fake there."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from datetime import datetime
from typing import TYPE_CHECKING, Protocol
from zoneinfo import ZoneInfo

from config.settings import CompanySettings
from connectors.quickbooks.tokens import Tokens
from mappings.findings import FindingStatus
from mappings.model import Book
from mappings.records import ExpectationScope, FindingLife, SetAside, StoredFinding
from sync.checking import Check
from sync.explaining import Explanation
from sync.reporting import Decision, PullReport, RunReport
from sync.reports.tying_out import PastReading
from sync.verifying import Verification
from sync.work import ProgressSink

if TYPE_CHECKING:  # it brings the libraries of the channels with it, and most commands never need it
    from sync.alert_office import AlertOffice


class Worker(Protocol):
    """One company's runs; the company is held while the worker is there."""

    def pull(self, *, full: bool = False, accept_losses: bool = False) -> PullReport:
        """Read what changed, or with `full` everything."""
        ...

    def reconcile(self, *, no_pull: bool = False, full: bool = False, accept_losses: bool = False) -> RunReport:
        """Read what changed unless `no_pull`, and compare."""
        ...


class Reader(Protocol):
    """What is stored of one company. Reading needs no lease."""

    def load_findings(self, statuses: Sequence[str] = ()) -> tuple[StoredFinding, ...]:
        """Findings, the most urgent first; all that are not resolved when no status is named."""
        ...

    def find_finding(self, name: str) -> StoredFinding:
        """The finding of that id, or of the only id or fingerprint that begins so.

        Raises: `state.errors.UnknownFinding`.
        """
        ...

    def load_decisions(self, stored: StoredFinding) -> tuple[Decision, ...]:
        """What happened to a finding, oldest first."""
        ...

    def load_set_aside(self) -> tuple[SetAside, ...]:
        """The records that could not be read."""
        ...

    def verify_finding(self, stored: StoredFinding) -> Verification:
        """Whether the finding follows from the stored raw records."""
        ...

    def verify_audit(self) -> Verification:
        """Whether the audit log is whole."""
        ...

    def explain(self, subject: str, as_of: datetime | None = None) -> Explanation:
        """All about an invoice or client, as known at `as_of`. Raises: `ConfigurationError` when there is none."""
        ...

    def judged_at(self) -> datetime:
        """When the company was last reconciled."""
        ...

    def gaps(self, as_of: datetime) -> tuple[str, ...]:
        """What the last run that had ended by `as_of` could not read."""
        ...


class ReportReader(Protocol):
    """What reports read of one company."""

    def timezone(self) -> ZoneInfo:
        """The zone in which the company's bookkeeping days begin and end."""
        ...

    def judged_at(self) -> datetime:
        """When the last run ended."""
        ...

    def report_books(self, as_of: datetime) -> Iterator[Book]:
        """All books of the company as they were known at `as_of`, one at a time."""
        ...

    def reading_near(self, at: datetime, as_of: datetime) -> PastReading | None:
        """The reading of both systems that stands for `at`; None when none near enough had ended by `as_of`."""
        ...

    def lives(self, as_of: datetime) -> Mapping[str, FindingLife]:
        """What had become of every finding by `as_of`, by fingerprint."""
        ...

    def gaps(self, as_of: datetime) -> tuple[str, ...]:
        """What the last run that had ended by `as_of` could not read."""
        ...


class Grantor(Protocol):
    """Who gives the first tokens of a QuickBooks company."""

    def authorize_url(self, state: str) -> str:
        """Where a person agrees."""
        ...

    def exchange_code(self, code: str) -> Tokens:
        """The tokens for what the browser brought back."""
        ...

    def refresh(self, refresh_token: str) -> Tokens:
        """The tokens for a refresh token."""
        ...


class Access(Protocol):
    """One company's access to its two systems."""

    def authority(self) -> Grantor:
        """Who gives tokens for the company's app."""
        ...

    def save_quickbooks_tokens(self, tokens: Tokens) -> None:
        """Store the tokens, encrypted."""
        ...

    def check_quickbooks(self) -> str:
        """Read the name of the QuickBooks company with the stored tokens."""
        ...

    def disconnect_quickbooks(self, *, forget: bool) -> bool:
        """End the access and wipe the tokens; False when there were none."""
        ...

    def save_bigtime_token(self, token: str) -> None:
        """Store the API token, encrypted."""
        ...

    def check_bigtime(self) -> str:
        """Read from BigTime with the API token that is in force."""
        ...

    def disconnect_bigtime(self) -> bool:
        """Wipe the API token; False when there was none."""
        ...


class Application(Protocol):
    """Settings, store, connectors and clock, joined."""

    def hold(self, company: CompanySettings, progress: ProgressSink) -> AbstractContextManager[Worker]:
        """The company's worker, alone until the end of the block. Raises: `state.errors.CompanyBusy`."""
        ...

    def reader(self, company: CompanySettings) -> Reader:
        """What is stored of the company."""
        ...

    def report_reader(self, company: CompanySettings) -> ReportReader:
        """What reports read of the company."""
        ...

    def audit_export(self, company: CompanySettings, subject: str, manifest: Mapping[str, object]) -> None:
        """Record in the audit log that a pack was made, with its hashes."""
        ...

    def access(self, company: CompanySettings) -> Access:
        """The company's access to its systems."""
        ...

    def decide(
        self, company: CompanySettings, name: str, status: FindingStatus, *, reason: str, who: str
    ) -> StoredFinding:
        """Record a person's decision about a finding."""
        ...

    def expect(
        self,
        company: CompanySettings,
        name: str,
        *,
        scope: ExpectationScope,
        until: datetime | None,
        reason: str,
        who: str,
    ) -> StoredFinding:
        """Record that a finding, or with a wider scope its like, is as it should be."""
        ...

    def assign(self, company: CompanySettings, name: str, assignee: str, *, who: str) -> StoredFinding:
        """Record who looks after a finding; "" takes the name away."""
        ...

    def comment(self, company: CompanySettings, name: str, text: str, *, who: str) -> StoredFinding:
        """Add a remark to a finding."""
        ...

    def alerts(self) -> "AlertOffice":
        """Everything about alerts."""
        ...

    def now(self) -> datetime:
        """The present."""
        ...

    def check(self, company: CompanySettings) -> tuple[Check, ...]:
        """Try everything that a run needs."""
        ...
