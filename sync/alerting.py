"""Alerts, carried out: decide for each company, write the morning's digest, and send what waits in the outbox.

Call `beat` now and then, from one process or from several. No message is sent inside a transaction, and none is lost:
a message is marked only when its channel has accepted it, and sent once more when nobody came to mark it.
"""

import logging
from collections.abc import Mapping, Sequence
from datetime import date, datetime, timedelta
from typing import Protocol

import msgspec

from config.complaints import ConfigurationError
from connectors.alerts.channel import Channel
from connectors.errors import ConnectorError, Rejected
from mappings.alerts import (
    AlertChange,
    AlertKind,
    AlertSituation,
    ChannelHealth,
    Delivery,
    Notice,
    NoticeSection,
    PlannedNotice,
)
from state.alerts import Plan
from state.errors import StoreBusy
from state.outbox import Outbox
from sync.alert_incidents import AlertPolicy
from sync.alert_rules import plan_alerts
from sync.alert_words import joined, subject_of, with_note
from sync.digest import CompanyDigest, DigestTimes, digest_notice
from sync.ports import Clock

_LOG = logging.getLogger(__name__)
_LEASE = timedelta(minutes=5)  # longer than any channel takes for one message
_FIRST_WAIT = timedelta(minutes=1)
_LONGEST_WAIT = timedelta(hours=1)
_GIVE_UP_AFTER = timedelta(days=3)
_MOST_REFUSALS = 5  # of one message by a channel that works
_MOST_MESSAGES = 200  # of one channel in one beat
_LONGEST_BEAT = timedelta(minutes=1)
_MOST_MARKS = 10
_TROUBLED = 3  # attempts after which the other channels are told


class AlertCompany(Protocol):
    """One company, as far as alerts need it."""

    @property
    def alias(self) -> str:
        """Its alias."""
        ...

    def review(self, plan: Plan, *, at: datetime) -> int:
        """Let the plan look at the situation, in one transaction with what it changes."""
        ...

    def load_situation(self) -> AlertSituation:
        """Everything that decides what is told."""
        ...

    def load_warnings(self, now: datetime) -> tuple[str, ...]:
        """What may go wrong next."""
        ...


class BeatReport(msgspec.Struct, frozen=True, kw_only=True):
    """What one beat did: messages planned, messages sent, and the channels that do not deliver, with the reason."""

    planned: int = 0
    sent: int = 0
    failures: dict[str, str] = {}


class Alerting:
    """The alerts of an installation. `digest_channels` are those that want the digest, with their companies."""

    def __init__(
        self,
        *,
        policy: AlertPolicy,
        times: DigestTimes,
        burst: int,
        channels: Mapping[str, Channel],
        digest_channels: Mapping[str, frozenset[str]],
        outbox: Outbox,
        clock: Clock,
        owner: str,
    ) -> None:
        self._policy = policy
        self._times = times
        self._burst = burst
        self._channels = channels
        self._digest_channels = digest_channels
        self._outbox = outbox
        self._clock = clock
        self._owner = owner
        self._quiet_on: dict[str, date] = {}

    def plan(self, situation: AlertSituation) -> Sequence[AlertChange]:
        """What is to be told of one company now; for the transaction in which its findings change."""
        return plan_alerts(situation, self._policy, self._clock.now())

    def beat(self, companies: Sequence[AlertCompany]) -> BeatReport:
        """Review every company, write the digest when it is due, and send what is due."""
        planned = sum(self._review_if_free(company) for company in companies)
        planned += self._write_digests(companies)
        planned += self._tell_troubles()
        drained = self.drain()
        return msgspec.structs.replace(drained, planned=planned)

    def review(self, company: AlertCompany) -> int:
        """Let time and people's decisions take effect on one company's alerts; answers how many messages follow."""
        now = self._clock.now()
        return company.review(lambda situation: plan_alerts(situation, self._policy, now), at=now)

    def _review_if_free(self, company: AlertCompany) -> int:
        """Like `review`; a company that a long transaction holds is looked at in the next beat."""
        try:
            return self.review(company)
        except StoreBusy:
            _LOG.info("alerts wait for a transaction", extra={"action": "alerts_wait", "company": company.alias})
            return 0

    def drain(self, *, only: str | None = None) -> BeatReport:
        """Send what is due, on every channel or on one. A channel that fails does not stop the others."""
        sent = 0
        failures: dict[str, str] = {}
        for name, channel in self._channels.items():
            if only in (None, name):
                count, failure = self._drain_channel(name, channel)
                sent += count
                if failure:
                    failures[name] = failure
        return BeatReport(sent=sent, failures=failures)

    def test(self, name: str) -> None:
        """Send a test message to a channel at once. Raises: a `ConnectorError` or `ConfigurationError`."""
        now = self._clock.now()
        notice = Notice(
            kind=AlertKind.TEST,
            company="",
            subject=f"a test message for the channel {name}",
            lead="This channel works. Alerts of Tieout will look like this message.",
            sections=(NoticeSection(lines=(f"Sent at {now:%Y-%m-%d %H:%M} UTC.",)),),
        )
        self._channels[name].send(notice, subject=subject_of(notice), message_id=f"test-{now:%Y%m%d%H%M%S%f}", at=now)

    def health(self) -> tuple[ChannelHealth, ...]:
        """How each channel does."""
        return tuple(self._outbox.health(name) for name in self._channels)

    def _drain_channel(self, name: str, channel: Channel) -> tuple[int, str]:
        sent, problem, began_at = 0, "", self._clock.now()
        for _ in range(_MOST_MESSAGES):
            if self._clock.now() - began_at > _LONGEST_BEAT:
                break  # the rest goes with the next beat
            taken = self._outbox.take(name, owner=self._owner, now=self._clock.now(), lasting=_LEASE, burst=self._burst)
            if not taken:
                break
            error = self._deliver(channel, taken)
            if error is None:
                sent += 1
                continue
            problem = str(error)
            if not isinstance(error, Rejected):
                break
        return sent, problem

    def _deliver(self, channel: Channel, taken: Sequence[Delivery]) -> Exception | None:
        """Send one message and mark it; answers the error when the channel has not accepted it."""
        first = taken[0]
        notice = joined([delivery.notice for delivery in taken])
        if first.attempts:
            notice = with_note(notice, f"Delayed: written at {first.created_at:%Y-%m-%d %H:%M} UTC.")
        try:
            note = channel.send(notice, subject=subject_of(notice), message_id=first.message, at=self._clock.now())
        except (ConnectorError, ConfigurationError) as error:
            self._failed(first, error)
            return error
        self._mark_sent(first, note)
        _LOG.info("alert sent on %s", first.channel, extra={"action": "alert_sent", "company": first.company})
        return None

    def _mark_sent(self, first: Delivery, note: str) -> None:
        """Mark it, patiently: what is not marked is sent once more."""
        for _ in range(_MOST_MARKS):
            try:
                return self._outbox.mark_sent(first.message, owner=self._owner, at=self._clock.now(), note=note)
            except StoreBusy:
                self._clock.sleep_seconds(1)
        return self._outbox.mark_sent(first.message, owner=self._owner, at=self._clock.now(), note=note)

    def _failed(self, first: Delivery, error: Exception) -> None:
        now = self._clock.now()
        attempts = first.attempts + 1
        wait = min(_FIRST_WAIT * 2 ** min(attempts - 1, 10), _LONGEST_WAIT)
        if isinstance(error, ConnectorError) and error.retry_after_seconds is not None:
            wait = max(wait, timedelta(seconds=min(error.retry_after_seconds, _LONGEST_WAIT.total_seconds())))
        refused = isinstance(error, Rejected) and attempts >= _MOST_REFUSALS
        gives_up = refused or (now - first.created_at >= _GIVE_UP_AFTER and attempts >= _MOST_REFUSALS)
        self._outbox.mark_failed(
            first.message, owner=self._owner, error=str(error), retry_at=None if gives_up else now + wait
        )
        if not isinstance(error, Rejected):
            self._outbox.postpone(first.channel, until=now + wait)
        _LOG.warning("%s", error, extra={"action": "alert_not_sent", "company": first.company})

    def _write_digests(self, companies: Sequence[AlertCompany]) -> int:
        now = self._clock.now()
        day = self._times.due_on(now)
        if day is None:
            return 0
        key = f"digest/{day.isoformat()}"
        wanting = [
            name
            for name in self._digest_channels
            if self._quiet_on.get(name) != day and not self._outbox.has(key, name)
        ]
        if not wanting:
            return 0
        digests = {
            company.alias: CompanyDigest(situation=company.load_situation(), warnings=company.load_warnings(now))
            for company in companies
        }
        return sum(self._write_digest(name, key, day, digests) for name in wanting)

    def _write_digest(self, name: str, key: str, day: date, digests: Mapping[str, CompanyDigest]) -> int:
        now = self._clock.now()
        wanted = self._digest_channels[name]
        parts = [digest for alias, digest in digests.items() if not wanted or alias in wanted]
        if not parts:
            return 0
        troubles = [each for each in self.health() if each.channel != name and _is_troubled(each, now)]
        notice = digest_notice(parts, troubles, day=day, policy=self._policy, now=now)
        if notice.kind is AlertKind.QUIET and not self._times.wants_quiet(day):
            self._quiet_on[name] = day
            return 0
        planned = PlannedNotice(key=key, episode=1, sequence=1, notice=notice, channels=(name,), due_at=now)
        return self._outbox.put(planned, at=now)

    def _tell_troubles(self) -> int:
        """Tell the other channels of one that does not deliver, once until it does; the digest repeats it."""
        now = self._clock.now()
        count = 0
        for health in self.health():
            others = tuple(name for name in self._channels if name != health.channel)
            if not others or not _is_troubled(health, now):
                continue
            planned = PlannedNotice(
                key=f"channel/{health.channel}/{_trouble_of(health)}",
                episode=1,
                sequence=1,
                notice=_trouble_notice(health),
                channels=others,
                due_at=now,
            )
            count += self._outbox.put(planned, at=now)
        return count


def _is_troubled(health: ChannelHealth, now: datetime) -> bool:
    """Whether it has given a message up, or has failed several times and taken nothing for as long as a wait lasts."""
    works = health.last_sent_at is not None and now - health.last_sent_at <= _LONGEST_WAIT
    return health.dead > 0 or (health.attempts >= _TROUBLED and not works)


def _trouble_of(health: ChannelHealth) -> str:
    """What tells this trouble from an earlier one: since when nothing is accepted, or the first that was given up."""
    if health.attempts < _TROUBLED:
        since = health.dead_since
    elif health.last_sent_at is None or (health.waiting_since and health.last_sent_at > health.waiting_since):
        since = health.waiting_since  # it takes others, but not this one
    else:
        since = health.last_sent_at
    return f"{'dead' if health.attempts < _TROUBLED else 'silent'} since {since:%Y-%m-%dT%H:%M:%S.%f}"


def _trouble_notice(health: ChannelHealth) -> Notice:
    waiting = health.pending + health.dead
    return Notice(
        kind=AlertKind.CHANNEL,
        company="",
        severity="S2",
        subject=f"the channel {health.channel} does not deliver",
        lead=f"{waiting} message{'s' if waiting != 1 else ''} wait for the channel {health.channel}; none is lost.",
        sections=(NoticeSection(lines=(health.last_error,)),),
        closing=(f"tieout alerts test {health.channel}", f"tieout alerts send --again --channel {health.channel}"),
    )
