"""The morning's digest: what is open, what is new, what is held back, what may go wrong next. Pure.

It goes out once for each local date, whatever the clocks do that day; with nothing to say it goes out once a week.
"""

from collections import Counter
from collections.abc import Sequence
from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

import msgspec

from mappings.alerts import AlertKind, AlertSituation, ChannelHealth, Notice, NoticeItem, NoticeSection
from mappings.findings import Severity
from sync.alert_holding import held_by
from sync.alert_incidents import AlertPolicy, Incident, incidents_of, unsettled
from sync.alert_words import age_text, amounts_text, heading_of, safe

WEEKDAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
_MOST_INCIDENTS = 10
_URGENCY = {"S1": "urgent", "S2": "to be settled before the close", "S3": "to be looked at"}
_NEW_FOR = timedelta(hours=24)


class DigestTimes(msgspec.Struct, frozen=True, kw_only=True):
    """When the digest goes out: at the first look after `hour` on these days, in the team's time zone."""

    timezone: ZoneInfo
    hour: int
    days: frozenset[str]
    quiet_day: str

    def due_on(self, now: datetime) -> date | None:
        """The local date whose digest is due at this moment, whether or not it was sent; None when none is."""
        local = now.astimezone(self.timezone)
        day = WEEKDAYS[local.weekday()]
        return local.date() if local.hour >= self.hour and day in self.days | {self.quiet_day} else None

    def wants_quiet(self, day: date) -> bool:
        """Whether a digest goes out on that day even when there is nothing to say."""
        return WEEKDAYS[day.weekday()] == self.quiet_day


class CompanyDigest(msgspec.Struct, frozen=True, kw_only=True):
    """One company's part: how it stands, and what may go wrong next."""

    situation: AlertSituation
    warnings: tuple[str, ...] = ()


def digest_notice(
    companies: Sequence[CompanyDigest],
    troubles: Sequence[ChannelHealth],
    *,
    day: date,
    policy: AlertPolicy,
    now: datetime,
) -> Notice:
    """The digest; its kind is `QUIET` when nothing above S4 is open in any company and every channel delivers."""
    sections = [section for company in companies for section in _sections(company, policy, now)]
    count = sum(len(_urgent(company.situation, policy, now)) for company in companies)
    lines = [f"{safe(each.channel)}: {each.pending + each.dead} messages wait; {each.last_error}" for each in troubles]
    if lines:
        sections.append(NoticeSection(heading="Channels that do not deliver", lines=tuple(lines)))
    worst = min(
        (each.severity.value for company in companies for each in _urgent(company.situation, policy, now)), default=""
    )
    kind = AlertKind.DIGEST if count or lines else AlertKind.QUIET
    what = f"{count} open incident{'s' if count != 1 else ''}" if count or lines else "all quiet"
    return Notice(
        kind=kind,
        company=companies[0].situation.company if len(companies) == 1 else "",
        severity=worst,
        subject=f"{day:%A} {day.day} {day:%B}: {what}",
        lead=_lead(companies, count, quiet=kind is AlertKind.QUIET),
        sections=tuple(sections),
        closing=("tieout findings list", "tieout alerts list"),
    )


def _lead(companies: Sequence[CompanyDigest], count: int, *, quiet: bool) -> str:
    number = f"{len(companies)} compan{'ies' if len(companies) != 1 else 'y'}"
    if quiet:
        return f"Nothing needs a person in {number}. Tieout is running."
    return f"{count} incident{'s' if count != 1 else ''} in {number} need{'' if count != 1 else 's'} a person."


def _urgent(situation: AlertSituation, policy: AlertPolicy, now: datetime) -> list[Incident]:
    found = unsettled(incidents_of(situation, policy, now))
    return [incident for incident in found if incident.severity is not Severity.S4]


def _sections(company: CompanyDigest, policy: AlertPolicy, now: datetime) -> list[NoticeSection]:
    situation = company.situation
    urgent = _urgent(situation, policy, now)
    held = [(each, why) for each in urgent if (why := held_by(each, situation, policy, now))]
    head = (_summary(urgent, now), _reading(situation, now))
    sections = [
        NoticeSection(heading=situation.company, lines=head),
        NoticeSection(items=tuple(_item(incident, now) for incident in urgent[:_MOST_INCIDENTS])),
    ]
    if len(urgent) > _MOST_INCIDENTS:
        more = f"And {len(urgent) - _MOST_INCIDENTS} more: tieout findings list --company {situation.company}"
        sections.append(NoticeSection(lines=(more,)))
    if held:
        lines = tuple(f"{heading_of(each.active)}: {safe(why, 200)}." for each, why in held[:_MOST_INCIDENTS])
        sections.append(NoticeSection(heading="Held back", lines=lines))
    if company.warnings:
        sections.append(NoticeSection(heading="Before it happens", lines=company.warnings))
    return [section for section in sections if section.items or section.lines]


def _summary(urgent: Sequence[Incident], now: datetime) -> str:
    if not urgent:
        return "Nothing is open."
    counts = Counter(incident.severity.value for incident in urgent)
    by_severity = ", ".join(f"{count} {_URGENCY[severity]} ({severity})" for severity, count in sorted(counts.items()))
    fresh = sum(now - incident.since < _NEW_FOR for incident in urgent)
    taken = sum(all(each.status == "acknowledged" for each in incident.active) for incident in urgent)
    return f"Open: {by_severity}; {fresh} new since yesterday, {taken} acknowledged."


def _reading(situation: AlertSituation, now: datetime) -> str:
    if situation.complete_at is None:
        return "Nothing complete has been read yet."
    return f"Last complete reading: {age_text(situation.complete_at, now)} ago."


def _item(incident: Incident, now: datetime) -> NoticeItem:
    owners = sorted({safe(each.assigned_to) for each in incident.active if each.assigned_to})
    client = next((each.finding.client.name for each in incident.active if each.finding.client.name), "")
    parts = (
        safe(client),
        f"open for {age_text(incident.since, now)}",
        f"assigned to {', '.join(owners)}" if owners else "",
        incident.active[0].name,
    )
    return NoticeItem(
        severity=incident.severity.value,
        heading=heading_of(incident.active),
        amount=amounts_text(incident.exposures()),
        text=" · ".join(part for part in parts if part),
    )
