"""What alerts are made of: what is told about an incident, what has been told, and what waits to be sent.

Values only. `sync.alert_rules` decides, `state` keeps, `connectors.alerts` delivers.
"""

from datetime import datetime
from enum import StrEnum

import msgspec

from mappings.findings import Finding, Severity


class AlertKind(StrEnum):
    """Why a message is sent."""

    RAISED = "raised"  # an incident nobody has been told of
    UPDATED = "updated"  # the same incident, materially changed
    REMINDER = "reminder"  # it is getting old and nobody has taken it
    RESOLVED = "resolved"  # it is over: the cause is gone, or a person has settled it
    DIGEST = "digest"  # what is open this morning
    QUIET = "quiet"  # nothing is open; said once a week, so that silence means something
    CHANNEL = "channel"  # another channel does not deliver
    TEST = "test"  # a person wants to see whether a channel works


class AlertState(StrEnum):
    """Where the alert about an incident is."""

    HELD = "held"  # there is something to tell, and a reason not to tell it now
    FIRING = "firing"  # told, and not over
    SETTLED = "settled"  # over because a person said so; told again only when it changes
    RESOLVED = "resolved"  # over because the cause was gone; told again when it comes back


class DeliveryState(StrEnum):
    """Where one message to one channel is."""

    PENDING = "pending"  # to be sent when it is due
    SENT = "sent"  # the channel has accepted it
    DEAD = "dead"  # given up after many attempts; shown by `tieout check`, sent again by `tieout alerts send --again`
    SUPERSEDED = "superseded"  # never sent, because what it would have said was over or said by a later one


class SilenceScope(StrEnum):
    """What a silence covers."""

    INCIDENT = "incident"
    CODE = "code"  # every finding of one type
    CLIENT = "client"  # everything about one client
    COMPANY = "company"  # everything


class NoticeItem(msgspec.Struct, frozen=True, kw_only=True):
    """One thing that a message tells of: plain text, harmless in a terminal, but not escaped for any channel."""

    severity: str = ""  # S1…S4; "" for what has none
    heading: str
    amount: str = ""
    text: str = ""
    facts: tuple[tuple[str, str], ...] = ()


class NoticeSection(msgspec.Struct, frozen=True, kw_only=True):
    """Items under a heading, and lines without any form."""

    heading: str = ""
    items: tuple[NoticeItem, ...] = ()
    lines: tuple[str, ...] = ()


class Notice(msgspec.Struct, frozen=True, kw_only=True):
    """One message, before a channel gives it its form. `company` is "" when it is about several or all of them.

    `shared_as` is the same for companies that one thing has happened to, as the outage of a system: it is told of all
    of them in one message. "": it is about this company alone.
    """

    kind: AlertKind
    company: str
    severity: str = ""
    subject: str
    lead: str = ""
    sections: tuple[NoticeSection, ...] = ()
    closing: tuple[str, ...] = ()
    shared_as: str = ""


class WatchedFinding(msgspec.Struct, frozen=True, kw_only=True):
    """A finding as the alerts see it.

    `since` is when it was last opened. `decided_by` is who gave it its status, "" when a run did; `assigned_to` is
    who is to look after it, "" when nobody was named.
    """

    name: str
    finding: Finding
    status: str
    since: datetime
    decided_by: str = ""
    decided_at: datetime | None = None
    reason: str = ""
    assigned_to: str = ""


class Told(msgspec.Struct, frozen=True, order=True, array_like=True):
    """What was last told of one finding; anything else is not material."""

    fingerprint: str
    severity: Severity
    currency: str
    exposure_minor: int
    claim_minor: int


class AlertRecord(msgspec.Struct, frozen=True, kw_only=True):
    """What is remembered of the alert about one incident.

    `episode` counts how often it was raised; `level` the reminders of this episode; `told` what the recipients know,
    also of findings that have gone since. `held_by` says why it is quiet, for people; "" when it is not held.
    """

    incident: str
    episode: int
    state: AlertState
    severity: str
    heading: str
    since: datetime
    told_at: datetime | None = None
    level: int = 0
    sequence: int = 0
    ended_at: datetime | None = None
    held_by: str = ""
    told: tuple[Told, ...] = ()


class Silence(msgspec.Struct, frozen=True, kw_only=True):
    """A time in which something is not told. `ended_at` is set when a person ended it early."""

    id: int
    scope: SilenceScope
    value: str
    author: str
    reason: str
    created_at: datetime
    expires_at: datetime
    ended_at: datetime | None = None

    def covers(self, moment: datetime) -> bool:
        """Whether it is in force at that moment."""
        end = self.expires_at if self.ended_at is None else min(self.ended_at, self.expires_at)
        return self.created_at <= moment < end


class AlertSituation(msgspec.Struct, frozen=True, kw_only=True):
    """Everything that decides what one company's people are told.

    `findings` are those that are not resolved, and those that a firing alert has told of. `complete_at` is the end
    of the last run that read everything, `tried_at` that of the last that tried to, `began_at` the beginning of the
    first run; None: there was none.
    """

    company: str
    findings: tuple[WatchedFinding, ...]
    alerts: tuple[AlertRecord, ...]
    silences: tuple[Silence, ...]
    complete_at: datetime | None
    began_at: datetime | None
    tried_at: datetime | None = None


class PlannedNotice(msgspec.Struct, frozen=True, kw_only=True):
    """A message to be put into the outbox, for each of the channels.

    `key` with `episode` and `sequence` is the same when the same thing is planned twice, and then it is kept once.
    A resolution goes to those channels that were told, whatever `channels` says.
    """

    key: str
    episode: int
    sequence: int
    notice: Notice
    channels: tuple[str, ...]
    due_at: datetime


class AlertChange(msgspec.Struct, frozen=True, kw_only=True):
    """An alert's new state, and the message that goes with it, if any."""

    alert: AlertRecord
    message: PlannedNotice | None = None


class Delivery(msgspec.Struct, frozen=True, kw_only=True):
    """One message to one channel, as it stands in the outbox.

    `message` names what was or will be sent; several deliveries share it when they went out as one message.
    """

    id: int
    company: str
    key: str
    episode: int
    sequence: int
    channel: str
    kind: AlertKind
    severity: str
    state: DeliveryState
    notice: Notice
    created_at: datetime
    due_at: datetime
    attempts: int
    last_error: str
    message: str
    sent_at: datetime | None


class ChannelHealth(msgspec.Struct, frozen=True, kw_only=True):
    """How a channel does: what waits, what was given up, and the last error since its last success.

    `dead_since` is when the oldest message was written that was given up and has not been sent again.
    """

    channel: str
    pending: int
    dead: int
    attempts: int  # the most that a waiting message has had
    last_error: str
    last_sent_at: datetime | None
    waiting_since: datetime | None
    dead_since: datetime | None = None
