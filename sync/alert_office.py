"""Alerts of an installation in one place: for the daemon's beat, for reconciles, and for the commands about alerts."""

from collections.abc import Callable, Sequence
from datetime import datetime

from config.alert_settings import ChannelSettings
from config.complaints import ConfigurationError, configuration_error
from config.secret_lookup import SecretLookup
from config.settings import Settings
from connectors.errors import ConnectorError
from mappings.alerts import AlertChange, AlertSituation, ChannelHealth, Delivery, Silence, SilenceScope
from mappings.model import Kind, Preferences, RecordKey, System
from state.alerts import Plan
from state.store import CompanyStore, Store
from sync.alert_channels import alert_policy, build_channel, digest_times, find_secret
from sync.alerting import Alerting, BeatReport
from sync.checking import Check, attempt
from sync.exit_codes import ExitCode
from sync.ports import Clock
from sync.preflight import LOOK_BACK, Outlook, preflight_lines
from sync.token_expiry import expiry_warnings


class AlertOffice:
    """Everything that commands and the daemon do with alerts. Sending needs no lease of any company."""

    def __init__(
        self,
        settings: Settings,
        *,
        store: Store,
        secrets: SecretLookup,
        clock: Clock,
        owner: str,
        learn: Callable[[str], None],
    ) -> None:
        self._settings = settings
        self._store = store
        self._clock = clock
        self._secrets = secrets
        self._channels = {each.name: build_channel(each, secrets, learn) for each in settings.channels}
        self._alerting = Alerting(
            policy=alert_policy(settings),
            times=digest_times(settings.alerts),
            burst=settings.alerts.burst,
            channels=self._channels,
            digest_channels={each.name: frozenset(each.companies) for each in settings.channels if each.digest},
            outbox=store.outbox,
            clock=clock,
            owner=owner,
        )

    def plan(self, situation: AlertSituation) -> Sequence[AlertChange]:
        """What is to be told of a company, for the transaction in which its findings change."""
        return self._alerting.plan(situation)

    def beat(self) -> BeatReport:
        """Review every company, write the digest when it is due, and send what is due."""
        if not self._channels:
            return BeatReport()
        return self._alerting.beat([StoredAlerts(self._store.company(each.alias)) for each in self._settings.companies])

    def send_again(self, channel: str | None) -> int:
        """Make everything that waits or was given up due now; answers how many messages that are."""
        if channel is not None:
            self._known(channel)
        return self._store.outbox.send_again(channel=channel, at=self._clock.now())

    def try_channel(self, channel: str) -> str:
        """Send a test message; answers why it was not accepted, "" when it was.

        Raises: `ConfigurationError` when there is no such channel.
        """
        self._known(channel)
        try:
            self._alerting.test(channel)
        except (ConnectorError, ConfigurationError) as error:
            return str(error)
        return ""

    def channel_names(self) -> tuple[str, ...]:
        """The configured channels."""
        return tuple(self._channels)

    def health(self) -> tuple[ChannelHealth, ...]:
        """How each channel does."""
        return self._alerting.health()

    def load_situation(self, alias: str) -> AlertSituation:
        """What decides what is told of a company, and what was told."""
        return self._store.company(alias).alerts.load_situation()

    def load_deliveries(self, alias: str, *, limit: int = 200) -> tuple[Delivery, ...]:
        """The messages about a company, and those about all, the newest first."""
        return self._store.outbox.load(company_id=self._store.company(alias).company.id, limit=limit)

    def silence(
        self, alias: str, scope: SilenceScope, value: str, *, author: str, reason: str, until: datetime
    ) -> Silence:
        """Tell nothing of what the silence covers until it ends."""
        now = self._clock.now()
        if until <= now:
            raise configuration_error("--until", "lies in the past: a silence ends some time from now")
        desk = self._store.company(alias).alerts
        return desk.silence(scope, value, author=author, reason=reason, at=now, until=until)

    def end_silence(self, alias: str, number: int, *, author: str) -> Silence:
        """End a silence now. Raises: `UnknownSilence`."""
        return self._store.company(alias).alerts.end_silence(number, author=author, at=self._clock.now())

    def checks(self) -> tuple[Check, ...]:
        """Whether each channel has its secret and delivers, by what became of its messages; nothing is sent."""
        if not self._channels:
            detail = "no channel is configured: findings are only listed (`[[channels]]` in the configuration)"
            return (Check(name="channels", detail=detail),)
        return tuple(self._check(channel) for channel in self._settings.channels)

    def _check(self, channel: ChannelSettings) -> Check:
        found = attempt(f"channel {channel.name}", lambda: find_secret(channel, self._secrets))
        return _check(self._outbox_health(channel.name)) if found.works else found

    def _outbox_health(self, name: str) -> ChannelHealth:
        return self._store.outbox.health(name)

    def _known(self, channel: str) -> str:
        if channel in self._channels:
            return channel
        known = ", ".join(self._channels) or "none"
        raise configuration_error("channel", f"no channel is called {channel!r}: the configuration has {known}")


class StoredAlerts:
    """One company, as far as alerts need it."""

    def __init__(self, stored: CompanyStore) -> None:
        self._stored = stored

    @property
    def alias(self) -> str:
        """Its alias."""
        return self._stored.company.alias

    def review(self, plan: Plan, *, at: datetime) -> int:
        """Let the plan look at the situation, in one transaction with what it changes."""
        return self._stored.alerts.review(plan, at=at)

    def load_situation(self) -> AlertSituation:
        """Everything that decides what is told."""
        return self._stored.alerts.load_situation()

    def load_warnings(self, now: datetime) -> tuple[str, ...]:
        """What may go wrong next. Reads the BigTime payments of the last months, not the whole store."""
        records = self._stored.record_reader()
        recent = records.load_records(System.BIGTIME, Kind.PAYMENT, first=(now - LOOK_BACK).date(), last=now.date())
        ids = records.load_ids(System.QUICKBOOKS, Kind.PREFERENCES)
        settings = records.load_contents([RecordKey(System.QUICKBOOKS, Kind.PREFERENCES, id_) for id_ in sorted(ids)])
        outlook = Outlook(
            payments=tuple(records.load_contents([record.key for record in recent]).values()),
            lines=self._stored.book_reader().load_tie_lines(),
            findings=self.load_situation().findings,
            preferences=next((each for each in settings.values() if isinstance(each, Preferences)), None),
        )
        endings = expiry_warnings(self._stored.overview.load_token_ends(), now)
        return (*(warning.sentence for warning in endings), *preflight_lines(outlook))


def _check(health: ChannelHealth) -> Check:
    name = f"channel {health.channel}"
    last = (
        f"nothing sent yet: `tieout alerts test {health.channel}` tries it"
        if health.last_sent_at is None
        else f"last sent {health.last_sent_at:%Y-%m-%d %H:%M} UTC"
    )
    if not health.last_error and not health.dead:
        waiting = f"; {health.pending} waiting" if health.pending else ""
        return Check(name=name, detail=f"{last}{waiting}")
    detail = f"{health.pending + health.dead} messages wait, {last}: {health.last_error}"
    return Check(name=name, detail=detail, exit_code=ExitCode.INCOMPLETE)
