"""Alert channels from the settings, with their secrets found when they are needed."""

from collections.abc import Callable
from datetime import timedelta
from decimal import Decimal
from zoneinfo import ZoneInfo

from config.alert_settings import AlertSettings, ChannelSettings
from config.complaints import configuration_error
from config.secret_lookup import SecretLookup, SecretName
from config.settings import Settings, web_address
from connectors.alerts.anywhere import AppriseChannel
from connectors.alerts.channel import Channel
from connectors.alerts.email import EmailChannel, MailServer, SmtpSecurity
from connectors.alerts.slack import SlackChannel
from connectors.transport import Transport
from mappings.findings import Severity
from sync.alert_incidents import AlertPolicy, ChannelRoute
from sync.digest import DigestTimes

_ADVICE = "set it for the channel {0}, then run `tieout alerts test {0}`"


def alert_policy(settings: Settings) -> AlertPolicy:
    """How much the team wants to be told."""
    alerts = settings.alerts
    group_wait = timedelta(seconds=alerts.group_seconds)
    # one company after the other meets an outage, within a beat of each other
    beat = timedelta(minutes=settings.daemon.beat_minutes if len(settings.companies) > 1 else 0)
    return AlertPolicy(
        channels=tuple(_route(alerts, channel) for channel in settings.channels),
        group_wait=group_wait,
        remind_after=timedelta(hours=alerts.repeat_hours),
        large_exposure=Decimal(alerts.large_exposure),
        outage_grace=timedelta(minutes=alerts.outage_minutes),
        outage_wait=max(group_wait, min(beat, timedelta(minutes=alerts.outage_minutes))),
        stale_after=timedelta(hours=alerts.stale_hours),
    )


def digest_times(alerts: AlertSettings) -> DigestTimes:
    """When the team wants its digest."""
    return DigestTimes(
        timezone=ZoneInfo(alerts.timezone),
        hour=alerts.digest_hour,
        days=frozenset(alerts.digest_days),
        quiet_day=alerts.quiet_day,
    )


def build_channel(settings: ChannelSettings, secrets: SecretLookup, learn: Callable[[str], None]) -> Channel:
    """The channel. A secret that is missing is found out when something is sent; `learn` is told each one first."""
    match settings.kind:
        case "email":
            server = MailServer(
                host=settings.host,
                port=settings.port,
                security=SmtpSecurity(settings.security),
                username=settings.username,
            )
            return EmailChannel(
                settings.name,
                server,
                sender=settings.sender,
                recipients=settings.recipients,
                read_password=_reader(SecretName.SMTP_PASSWORD, settings.name, secrets, learn),
            )
        case "slack":
            read = _reader(SecretName.SLACK_WEBHOOK_URL, settings.name, secrets, learn)
            return SlackChannel(settings.name, lambda: _checked(settings.name, read()), Transport(settings.name))
        case "apprise":
            return AppriseChannel(settings.name, _reader(SecretName.APPRISE_URL, settings.name, secrets, learn))


def find_secret(settings: ChannelSettings, secrets: SecretLookup) -> str:
    """Where the channel's secret is. Raises: `ConfigurationError` when it has none and needs one."""
    names = {
        "email": SecretName.SMTP_PASSWORD,
        "slack": SecretName.SLACK_WEBHOOK_URL,
        "apprise": SecretName.APPRISE_URL,
    }
    if settings.kind == "email" and not settings.username:
        return "needs no secret"
    return secrets.require(names[settings.kind], settings.name, advice=_ADVICE.format(settings.name)).source


def _route(alerts: AlertSettings, channel: ChannelSettings) -> ChannelRoute:
    return ChannelRoute(
        name=channel.name,
        min_severity=Severity(channel.min_severity or alerts.min_severity),
        companies=frozenset(channel.companies),
        only_reminders=channel.only_reminders,
    )


def _reader(name: SecretName, channel: str, secrets: SecretLookup, learn: Callable[[str], None]) -> Callable[[], str]:
    def read() -> str:
        found = secrets.require(name, channel, advice=_ADVICE.format(channel))
        value = found.value.get_secret_value()
        learn(value)
        return value

    return read


def _checked(channel: str, address: str) -> str:
    """The webhook's address, when it is one that a secret may be sent to."""
    try:
        web_address(address)
    except ValueError as error:
        raise configuration_error(f"the webhook of the channel {channel}", str(error)) from None
    return address
