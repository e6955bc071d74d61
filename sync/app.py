"""The composition root: the only place where settings, secrets, store, connectors and clock are joined."""

import os
import socket
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import datetime, timedelta
from uuid import uuid4
from zoneinfo import ZoneInfo

from sqlalchemy.engine import make_url

from config.secret_lookup import SecretLookup, SecretName, secret_lookup
from config.settings import CompanySettings, Settings, VocabularySettings
from mappings.findings import FindingStatus
from mappings.model import Kind, Preferences, RecordKey, System
from mappings.records import ExpectationScope, PullOutcome, StoredFinding
from mappings.vocabulary import Vocabulary
from state.overview import Overview
from state.store import HeldLease, Store
from state.versions import RecordStore
from sync.access import CompanyAccess
from sync.alert_office import AlertOffice
from sync.alerting import BeatReport
from sync.beats import KINDS, Work
from sync.checking import Check, attempt
from sync.checking_store import check_beat, check_budget, check_unreadable, describe_database
from sync.checking_systems import check_bigtime, check_quickbooks
from sync.clocks import SystemClock
from sync.company_reader import CompanyReader
from sync.company_worker import CompanyWorker, PullRequest
from sync.exit_codes import ExitCode
from sync.key_rotation import KeyRotation
from sync.knowledge import Knowledge
from sync.logs import SecretMask, logging_to_stderr
from sync.ports import Clock
from sync.pulling.bigtime import pull_bigtime
from sync.pulling.quickbooks import pull_quickbooks
from sync.report_reader import ReportReader
from sync.stored_access import LeaseKeepingClock
from sync.token_expiry import ExpiryLevel, expiry_warnings
from sync.webhook_intake import WebhookRoute
from sync.work import ProgressSink

_FALLBACK_CURRENCY = "USD"


@contextmanager
def open_application(
    settings: Settings, *, clock: Clock | None = None, secrets: SecretLookup | None = None
) -> Iterator["Application"]:
    """The program that these settings describe, with its database open, until the end of the block.

    `clock` and `secrets` are the machine's unless others are given. Sends nothing by itself.
    Raises: a `StoreError` when the database cannot be used.
    Side effects: sets up logging; makes or upgrades the database.
    """
    known = secrets or secret_lookup(settings.secrets.directory, os.environ)
    used_clock = clock or SystemClock()
    with (
        logging_to_stderr(level=settings.logging.level, as_json=settings.logging.format == "json") as mask,
        Store.open(_store_url(settings.store.url, known), used_clock) as store,
    ):
        yield Application(settings, store=store, secrets=known, clock=used_clock, mask=mask)


def _store_url(url: str, secrets: SecretLookup) -> str:
    """The database's URL with its password, which does not stand in the settings."""
    parsed = make_url(url)
    if parsed.get_backend_name() == "sqlite" or parsed.password:
        return url
    found = secrets.find(SecretName.STORE_PASSWORD)
    if found is None:
        return url
    return parsed.set(password=found.value.get_secret_value()).render_as_string(hide_password=False)


def vocabulary_from(words: VocabularySettings) -> Vocabulary:
    """The words of a firm's BigTime; a list that is empty in the settings stands for the built-in words."""
    built_in = Vocabulary()
    return Vocabulary(
        account_credit=frozenset(words.account_credit) or built_in.account_credit,
        money=frozenset(words.money) or built_in.money,
        credit_memo=frozenset(words.credit_memo) or built_in.credit_memo,
        posted=frozenset(words.posted) or built_in.posted,
        not_posted=frozenset(words.not_posted) | {""} if words.not_posted else built_in.not_posted,
    )


class Application:
    """Everything joined. Commands, the daemon and the demonstration ask it for workers and readers."""

    def __init__(
        self, settings: Settings, *, store: Store, secrets: SecretLookup, clock: Clock, mask: SecretMask
    ) -> None:
        self.settings = settings
        self.clock = clock
        self.vocabulary = vocabulary_from(settings.bigtime_vocabulary)
        self._store = store
        self._secrets = secrets
        self._mask = mask
        # Who refreshes a token or holds a company, for a person who has to find the process.
        self._owner = f"{socket.gethostname()}:{os.getpid()}"
        self._alerts = AlertOffice(
            settings,
            store=store,
            secrets=secrets,
            clock=clock,
            owner=f"{self._owner}:{uuid4().hex[:8]}",
            learn=lambda secret: mask.learn([secret]),
        )
        self._held: dict[str, HeldLease] = {}

    # Work

    @contextmanager
    def hold(
        self, company: CompanySettings, progress: ProgressSink, *, clock: Clock | None = None
    ) -> Iterator[CompanyWorker]:
        """The company's worker, alone until the end of the block; it waits by `clock`, or by the application's.

        Raises: `state.errors.CompanyBusy`.
        """
        stored = self._store.company(company.alias)
        lasting = timedelta(seconds=self.settings.worker.lease_seconds)
        with stored.hold(owner=self._owner, lasting=lasting) as held, self._remembered(company.alias, held):
            clock = LeaseKeepingClock(clock or self.clock, held)

            def watch(step: str, done: int, total: int | None) -> None:
                clock.keep()  # the pulls report between transactions; comparing is one transaction and must not
                progress(step, done, total)

            records = stored.records(held)
            pulls = CompanyPulls(
                company,
                access=self.access(company),
                records=records,
                vocabulary=self.vocabulary,
                clock=clock,
                watch=watch,
            )
            yield CompanyWorker(
                company=company,
                rules=self.settings.rules,
                books=stored.books(held),
                knowledge=Knowledge(records),
                runs=stored.runs,
                pulls={System.QUICKBOOKS: pulls.pull_quickbooks, System.BIGTIME: pulls.pull_bigtime},
                clock=clock,
                progress=progress,
                alerts=self._alerts.plan,
            )

    @contextmanager
    def _remembered(self, alias: str, held: HeldLease) -> Iterator[None]:
        self._held[alias] = held
        try:
            yield
        finally:
            self._held.pop(alias, None)

    def release_leases(self) -> None:
        """Give back every company that this process still holds, so that another need not wait for the expiry.

        Work that is still going on under such a lease ends at its next transaction, which keeps nothing.
        """
        for held in tuple(self._held.values()):
            held.release()

    def overview(self, company: CompanySettings) -> Overview:
        """The company's numbers, for the schedule and for monitors."""
        return self._store.company(company.alias).overview

    def month_calls(self) -> int:
        """The metered calls of QuickBooks that all companies have made this month."""
        return self._store.load_month_of_all(System.QUICKBOOKS, at=self.clock.now())[1]

    def give_back_pages(self) -> None:
        """Let go of the part of the database that is kept in memory between two looks at it."""
        self._store.give_back_pages()

    def outbox_depth(self) -> Mapping[str, int]:
        """How many messages to people are in each state of delivery."""
        return self._store.load_outbox_depth()

    def keys(self) -> KeyRotation:
        """The encryption keys of the installation."""
        return KeyRotation(self._store, self._secrets, self.clock, owner=self._owner)

    def check_connection_ends(self, company: CompanySettings) -> Check:
        """Whether the connection to QuickBooks ends soon: from a week before its end on, a person is asked for."""
        warnings = expiry_warnings(self.overview(company).load_token_ends(), self.clock.now())
        if not warnings:
            return Check(name="connections", detail="none ends within 30 days")
        is_near = warnings[0].level <= ExpiryLevel.WEEK
        code = ExitCode.RECONNECT if is_near else ExitCode.CLEAN
        return Check(name="connections", detail=warnings[0].sentence, exit_code=code)

    def webhook_routes(self, companies: Sequence[CompanySettings]) -> tuple[WebhookRoute, ...]:
        """The companies whose webhooks can be told from forged ones.

        Raises: `ConfigurationError` when there are none.
        """
        name = SecretName.QUICKBOOKS_WEBHOOK_TOKEN
        found = {company: self._secrets.find(name, company.alias) for company in companies}
        if not any(found.values()):
            self._secrets.require(name, advice="the verifier token stands on your Intuit app's page of webhooks")
        return tuple(
            WebhookRoute(
                alias=company.alias,
                realm_id=company.quickbooks.realm_id,
                verifier_token=secret.value.get_secret_value(),
            )
            for company, secret in found.items()
            if secret is not None
        )

    def access(self, company: CompanySettings) -> CompanyAccess:
        """The company's access to its systems."""
        return CompanyAccess(
            company,
            self.settings.worker,
            store=self._store,
            stored=self._store.company(company.alias),
            secrets=self._secrets,
            clock=self.clock,
            owner=self._owner,
            learn=lambda secret: self._mask.learn([secret]),
        )

    def reader(self, company: CompanySettings) -> CompanyReader:
        """What is stored of the company."""
        return CompanyReader(
            self._store.company(company.alias),
            timezone=ZoneInfo(company.timezone),
            rules=self.settings.rules,
            clock=self.clock,
        )

    def report_reader(self, company: CompanySettings) -> ReportReader:
        """What reports read of the company."""
        return ReportReader(
            self._store.company(company.alias),
            timezone=ZoneInfo(company.timezone),
            rules=self.settings.rules,
            clock=self.clock,
        )

    def audit_export(self, company: CompanySettings, subject: str, manifest: Mapping[str, object]) -> None:
        """Record in the audit log that a pack was made, with its hashes."""
        log = self._store.company(company.alias).audit
        log.append(at=self.clock.now(), actor=self._owner, action="exported", subject=subject, detail=manifest)

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
        """Record that a finding, or with a wider scope its like, is as it should be, and audit it."""
        desk = self._store.company(company.alias).findings
        return desk.expect(name, scope=scope, actor=who, reason=reason, at=self.clock.now(), until=until)

    def assign(self, company: CompanySettings, name: str, assignee: str, *, who: str) -> StoredFinding:
        """Record who looks after a finding, and audit it."""
        desk = self._store.company(company.alias).findings
        return desk.assign(name, assignee, actor=who, at=self.clock.now())

    def comment(self, company: CompanySettings, name: str, text: str, *, who: str) -> StoredFinding:
        """Add a remark to a finding, and audit it."""
        desk = self._store.company(company.alias).findings
        return desk.comment(name, text, actor=who, at=self.clock.now())

    def alerts(self) -> AlertOffice:
        """Everything about alerts."""
        return self._alerts

    def drain_alerts(self) -> BeatReport:
        """Let time take effect on all alerts, write the digest when it is due, and send what is due."""
        return self._alerts.beat()

    def now(self) -> datetime:
        """The present."""
        return self.clock.now()

    def decide(
        self, company: CompanySettings, name: str, status: FindingStatus, *, reason: str, who: str
    ) -> StoredFinding:
        """Record a person's decision about a finding, and audit it."""
        desk = self._store.company(company.alias).findings
        return desk.decide(name, status, actor=who, reason=reason, at=self.clock.now())

    def check(self, company: CompanySettings) -> tuple[Check, ...]:
        """Try everything that a run needs, in order; what fails does not stop the rest."""
        access, stored = self.access(company), self._store.company(company.alias)
        known = len(stored.record_reader().load_ids(System.BIGTIME, Kind.CLIENT))
        return (
            Check(name="database", detail=describe_database(self.settings.store.url)),
            attempt("keys", access.check_keys),
            *self._alerts.checks(),
            *check_quickbooks(access, self.clock),
            self.check_connection_ends(company),
            *check_bigtime(access, self.clock, self.vocabulary, known_clients=known),
            check_beat(
                stored.overview.load_run_times(KINDS),
                stored.overview.load_run_times((Work.VERIFY, Work.SWEEP)),
                self.clock.now(),
                longest=timedelta(hours=self.settings.alerts.stale_hours),
            ),
            check_budget(self.month_calls(), company.quickbooks.monthly_call_budget),
            *check_unreadable(stored.quarantine.load()),
        )


class CompanyPulls:
    """The pulls of one company's two systems, for a worker that holds it."""

    def __init__(
        self,
        company: CompanySettings,
        *,
        access: CompanyAccess,
        records: RecordStore,
        vocabulary: Vocabulary,
        clock: Clock,
        watch: ProgressSink,
    ) -> None:
        self._company = company
        self._access = access
        self._records = records
        self._vocabulary = vocabulary
        self._clock = clock
        self._watch = watch

    def pull_quickbooks(self, request: PullRequest) -> PullOutcome:
        """Read what is new in QuickBooks. Raises: a `ConnectorError` that a person has to know of."""
        reader = self._access.quickbooks_reader(self._clock)
        try:
            return pull_quickbooks(
                reader,
                self._records,
                run_id=request.run_id,
                clock=self._clock,
                full=request.full,
                progress=lambda kind, count: self._watch(f"reading QuickBooks {kind}", count, None),
            )
        finally:
            reader.meter.save()

    def pull_bigtime(self, request: PullRequest) -> PullOutcome:
        """Read what is new in BigTime. Raises: a `ConnectorError` that a person has to know of."""
        return pull_bigtime(
            self._access.bigtime_reader(self._clock),
            self._records,
            run_id=request.run_id,
            clock=self._clock,
            settings=self._company.bigtime,
            vocabulary=self._vocabulary,
            currency=self._home_currency(),
            full=request.full,
            progress=self._watch,
            witness=request.witness,
            accept_losses=request.accept_losses,
        )

    def _home_currency(self) -> str:
        """The currency of BigTime's amounts, which name none: that of the QuickBooks company."""
        ids = self._records.load_ids(System.QUICKBOOKS, Kind.PREFERENCES)
        keys = [RecordKey(System.QUICKBOOKS, Kind.PREFERENCES, id_) for id_ in sorted(ids)]
        found = self._records.load_contents(keys).values()
        known = (content.home_currency for content in found if isinstance(content, Preferences))
        return next((currency for currency in known if currency), _FALLBACK_CURRENCY)
