"""What people are told of a company's incidents, and when they are left in peace. Pure.

One incident is one alert: it is raised once, told again only when it has materially changed or nobody takes it for
long, and its end is told once. What a person has settled stays settled unless it changes. A lost connection speaks for
everything that follows from it. Source: facts/reliability.md C4 (Alertmanager's model), facts/field.md §5.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import datetime, timedelta

import msgspec

from mappings.alerts import (
    AlertChange,
    AlertKind,
    AlertRecord,
    AlertSituation,
    AlertState,
    PlannedNotice,
    Told,
    WatchedFinding,
)
from mappings.findings import Severity
from sync.alert_holding import held_by
from sync.alert_incidents import OUT_OF_REACH, AlertPolicy, Incident, incidents_of, is_large
from sync.alert_words import NoticeContext, ending_notice, heading_of, incident_notice
from sync.rules.incidents import rests_on

_MOST_REMINDERS = 4
_LARGE_IS_SOONER = 3  # a large incident is said again after a third of the time


def plan_alerts(situation: AlertSituation, policy: AlertPolicy, now: datetime) -> tuple[AlertChange, ...]:
    """The changes to the company's alerts at this moment, with the messages that go with them.

    Planning twice without a change in between plans nothing the second time. Without a channel nothing is planned.
    """
    if not policy.channels:
        return ()
    before = {record.incident: record for record in situation.alerts}
    planned = _Planner(situation, policy, now).changes()
    return tuple(change for change in planned if change.alert != before.get(change.alert.incident))


class _Planner:
    """One look at one company's situation."""

    def __init__(self, situation: AlertSituation, policy: AlertPolicy, now: datetime) -> None:
        self._situation = situation
        self._policy = policy
        self._now = now
        self._incidents = [each for each in incidents_of(situation, policy, now) if each.active]
        self._active = {told.fingerprint for incident in self._incidents for told in incident.told}
        # What is known by whoever was told of anything that is not over, or was settled by a person.
        self._known = {
            told.fingerprint: told
            for record in situation.alerts
            if record.state in (AlertState.FIRING, AlertState.SETTLED)
            for told in record.told
        }

    def changes(self) -> Iterator[AlertChange]:
        """What becomes of each alert."""
        records = _records_of(self._incidents, self._situation)
        for incident in self._incidents:
            change = self._change(incident, records.get(incident.name))
            if change is not None:
                yield change
        matched = {record.incident for record in records.values()}
        for record in self._situation.alerts:
            is_over = self._active.isdisjoint(told.fingerprint for told in record.told)
            if record.incident not in matched and is_over and record.state in (AlertState.FIRING, AlertState.HELD):
                yield self._end(record)

    def _change(self, incident: Incident, record: AlertRecord | None) -> AlertChange | None:
        if record is not None:
            incident = msgspec.structs.replace(incident, name=record.incident)  # as people know it
        channels = self._channels(incident)
        if record is None or record.state is not AlertState.FIRING:
            return self._raise(incident, record) if channels and self._is_news(incident, record) else None
        why = held_by(incident, self._situation, self._policy, self._now)
        if not why and not channels and self._is_over(incident, record):
            return self._end(record, left=incident.active)
        if why or not channels:
            return AlertChange(alert=msgspec.structs.replace(record, held_by=why))
        record = msgspec.structs.replace(record, held_by="")
        if self._is_material(incident, record):
            return self._tell(AlertKind.UPDATED, incident, record)
        if self._reminder_due(incident, record):
            record = msgspec.structs.replace(record, level=record.level + 1)
            return self._tell(AlertKind.REMINDER, incident, record)
        return AlertChange(alert=record)

    def _is_news(self, incident: Incident, record: AlertRecord | None) -> bool:
        """Whether an incident that is not firing is to be told, after all that was told before."""
        if record is not None and record.state is not AlertState.SETTLED:
            return True
        if record is not None and _was_reopened(incident, record.ended_at or record.since):
            return True
        return self._is_material(incident, record)

    def _is_material(self, incident: Incident, record: AlertRecord | None) -> bool:
        """Whether the incident shows what nobody has been told: a finding, another amount, more urgency."""
        own = {} if record is None else {told.fingerprint: told for told in record.told}
        known = {**self._known, **own}
        return any(_is_new(told, known) for told in incident.told)

    def _raise(self, incident: Incident, record: AlertRecord | None) -> AlertChange:
        """The first message of an episode, or the note that there is a reason to wait with it."""
        why = held_by(incident, self._situation, self._policy, self._now)
        if record is not None and record.state is AlertState.SETTLED and why:
            return AlertChange(alert=record)  # looked at again the next time
        is_continued = record is not None and record.state is AlertState.HELD
        fresh = AlertRecord(
            incident=incident.name if record is None else record.incident,
            episode=1 if record is None else record.episode + (not is_continued),
            state=AlertState.HELD if why else AlertState.FIRING,
            severity=incident.severity.value,
            heading=heading_of(incident.active),
            since=incident.since,
            held_by=why,
        )
        return AlertChange(alert=fresh) if why else self._tell(AlertKind.RAISED, incident, fresh)

    def _tell(self, kind: AlertKind, incident: Incident, record: AlertRecord) -> AlertChange:
        """The record after a message, and the message."""
        known = {told.fingerprint: told for told in (*record.told, *incident.told)}
        after = msgspec.structs.replace(
            record,
            severity=incident.severity.value,
            heading=heading_of(incident.active),
            told_at=self._now,
            sequence=record.sequence + 1,
            told=tuple(sorted(known.values())),
        )
        is_reminder = kind is AlertKind.REMINDER
        notice = incident_notice(kind, self._context(record), incident.active, incident.exposures())
        wait = self._policy.outage_wait if incident.is_out_of_reach else self._policy.group_wait
        message = PlannedNotice(
            key=f"{self._situation.company}/{record.incident}",
            episode=after.episode,
            sequence=after.sequence,
            notice=msgspec.structs.replace(notice, shared_as=record.incident if incident.is_out_of_reach else ""),
            channels=self._channels(incident, is_reminder=is_reminder),
            due_at=self._now + (timedelta(0) if is_reminder else wait),
        )
        return AlertChange(alert=after, message=message)

    def _is_over(self, incident: Incident, record: AlertRecord) -> bool:
        """Whether what is left of an incident needs nobody, or is not what anybody was called for.

        People were called for a finding that has become less urgent since: its alert goes on.
        """
        if incident.severity is Severity.S4:
            return True
        told = [each for each in record.told if self._is_urgent(each)] or record.told
        return {each.fingerprint for each in told}.isdisjoint(each.finding.fingerprint for each in incident.active)

    def _is_urgent(self, told: Told) -> bool:
        return any(
            route.wants(self._situation.company) and told.severity.value <= route.min_severity.value
            for route in self._policy.channels
        )

    def _end(self, record: AlertRecord, *, left: Sequence[WatchedFinding] = ()) -> AlertChange:
        """The end of an alert: told once, to those who were told that it began. `left` is what nobody is called for."""
        lasting = {each.finding.fingerprint for each in left}
        told = {each.fingerprint for each in record.told}
        told = told - lasting or told
        former = [each for each in self._situation.findings if each.finding.fingerprint in told]
        state = AlertState.SETTLED if any(each.decided_by for each in former) else AlertState.RESOLVED
        sequence = record.sequence + 1
        ended = msgspec.structs.replace(record, state=state, ended_at=self._now, held_by="", sequence=sequence)
        if record.state is AlertState.HELD:
            return AlertChange(alert=ended)
        notice = ending_notice(self._context(record), former, record.heading, left=left)
        was_outage = bool(former) and all(each.finding.code in OUT_OF_REACH for each in former)
        message = PlannedNotice(
            key=f"{self._situation.company}/{record.incident}",
            episode=record.episode,
            sequence=sequence,
            notice=msgspec.structs.replace(notice, shared_as=record.incident if was_outage else ""),
            channels=(),
            due_at=self._now + (self._policy.outage_wait if was_outage else timedelta(0)),
        )
        return AlertChange(alert=ended, message=message)

    def _context(self, record: AlertRecord) -> NoticeContext:
        return NoticeContext(company=self._situation.company, incident=record.incident, now=self._now)

    def _reminder_due(self, incident: Incident, record: AlertRecord) -> bool:
        """Whether the incident was left alone for too long: after the set time, then twice as long each time."""
        if not self._policy.remind_after or record.level >= _MOST_REMINDERS or record.told_at is None:
            return False
        if all(each.status == "acknowledged" for each in incident.active):
            return False
        wait: timedelta = self._policy.remind_after * 2**record.level
        if is_large(incident, self._policy):
            wait /= _LARGE_IS_SOONER
        return self._now - record.told_at >= wait

    def _channels(self, incident: Incident, *, is_reminder: bool = False) -> tuple[str, ...]:
        """The channels that want to know of it."""
        large = is_large(incident, self._policy)
        return tuple(
            route.name
            for route in self._policy.channels
            if route.wants(self._situation.company)
            and (large or incident.severity.value <= route.min_severity.value)
            and (is_reminder or not route.only_reminders)
        )


def _records_of(incidents: list[Incident], situation: AlertSituation) -> dict[str, AlertRecord]:
    """The alert of each incident, by the incident's name.

    A finding that joins an incident can change its name; its alert is then known by the findings that were told of.
    When a mistake shows itself as another (a credit in BigTime turns out to be in QuickBooks, too), by the payments and
    credits that it rests on: it is still one incident.
    """
    by_name = {record.incident: record for record in situation.alerts}
    found = {each.name: by_name[each.name] for each in incidents if each.name in by_name}
    free = [record for record in situation.alerts if record.incident not in found and record.told]
    told = [record for record in free if record.state in (AlertState.FIRING, AlertState.SETTLED)]
    _match(found, incidents, {record.incident: (record, _fingerprints(record)) for record in told}, _told_of)
    evidence = {each.finding.fingerprint: rests_on(each.finding) for each in situation.findings}
    left: dict[str, tuple[AlertRecord, frozenset[object]]] = {
        record.incident: (
            record,
            frozenset(key for each in record.told for key in evidence.get(each.fingerprint, frozenset())),
        )
        for record in told
        if record.state is AlertState.FIRING and record not in found.values()
    }
    _match(found, incidents, left, _rests_on)
    return found


def _match(
    found: dict[str, AlertRecord],
    incidents: Iterable[Incident],
    records: dict[str, tuple[AlertRecord, frozenset[object]]],
    marks: Callable[[Incident], frozenset[object]],
) -> None:
    """Give each incident without an alert the record that shares the most marks with it; a record is given once."""
    for incident in incidents:
        if incident.name in found:
            continue
        own = marks(incident)
        shared = [(len(own & theirs), name) for name, (_, theirs) in sorted(records.items())]
        size, name = max(shared, key=lambda each: each[0], default=(0, ""))
        if size:
            found[incident.name] = records.pop(name)[0]


def _fingerprints(record: AlertRecord) -> frozenset[object]:
    return frozenset(told.fingerprint for told in record.told)


def _told_of(incident: Incident) -> frozenset[object]:
    return frozenset(told.fingerprint for told in incident.told)


def _rests_on(incident: Incident) -> frozenset[object]:
    return frozenset(key for each in incident.active for key in rests_on(each.finding))


def _was_reopened(incident: Incident, ended: datetime) -> bool:
    """Whether a person has opened one of the findings after the alert had ended."""
    return any(_is_reopened(each, ended) for each in incident.active)


def _is_reopened(watched: WatchedFinding, ended: datetime) -> bool:
    by_person = bool(watched.decided_by) and watched.status == "open"
    return by_person and watched.decided_at is not None and watched.decided_at > ended


def _is_new(told: Told, known: Mapping[str, Told]) -> bool:
    before = known.get(told.fingerprint)
    if before is None or told.severity.value < before.severity.value:
        return True
    amounts = (told.currency, told.exposure_minor, told.claim_minor)
    return amounts != (before.currency, before.exposure_minor, before.claim_minor)
