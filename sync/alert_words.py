"""The words of alerts: an incident as a message, several messages as one. Pure; every text is made harmless here."""

from collections.abc import Mapping, Sequence
from datetime import datetime

import msgspec

from mappings.alerts import AlertKind, Notice, NoticeItem, NoticeSection, WatchedFinding
from mappings.findings import Severity
from sync.alert_incidents import OUT_OF_REACH
from sync.cli.hostile_text import visible
from sync.rules.desk import amount as amount_text

_LONGEST_NAME = 80
_LONGEST_TEXT = 1_200
_MOST_ITEMS = 40
_MOST_NAMES = 400
_KINDS = {
    AlertKind.RAISED: ("", "New"),
    AlertKind.UPDATED: ("Changed: ", "Changed"),
    AlertKind.REMINDER: ("Still open: ", "Still open, and nobody has taken it"),
    AlertKind.RESOLVED: ("Resolved: ", "Resolved"),
}

_COMFORT = ". Nobody has to do anything unless it lasts: Tieout goes on by itself as soon as it can read again."
_SYSTEMS = {"bigtime": "BigTime", "quickbooks": "QuickBooks"}


class NoticeContext(msgspec.Struct, frozen=True, kw_only=True):
    """What a message is about, and when it is written."""

    company: str
    incident: str
    now: datetime


def safe(text: str, longest: int = _LONGEST_NAME) -> str:
    """The text on one line, without anything that acts on a terminal or reverses the reading direction, and short."""
    plain = visible(" ".join(text.split()))
    return plain if len(plain) <= longest else plain[: longest - 1] + "…"


def heading_of(active: Sequence[WatchedFinding]) -> str:
    """What an incident is called in a list: its first finding, and where it was seen."""
    finding = active[0].finding
    words = finding.title[:1].upper() + finding.title[1:]
    system = _SYSTEMS.get(finding.incident.split(":")[1]) if finding.incident.startswith(f"{finding.code}:") else None
    if system is not None:
        return f"{system}: {words.removeprefix('System ').lower()}"
    places = _invoices(active)
    where = f", {', '.join(places[:3])}" if places else f", {safe(finding.client.name)}" if finding.client.name else ""
    more = f" and {len(places) - 3} more" if len(places) > 3 else ""
    return f"{words}{where}{more}"


def incident_notice(
    kind: AlertKind, context: NoticeContext, findings: Sequence[WatchedFinding], exposures: Mapping[str, int]
) -> Notice:
    """The message about one incident. `findings` are those it consists of, the one that explains it first."""
    heading = heading_of(findings)
    amount = amounts_text(exposures)
    severity = findings[0].finding.severity.value
    item = NoticeItem(
        severity=severity, heading=heading, amount=amount, text=_text(findings), facts=_facts(context, findings)
    )
    return Notice(
        kind=kind,
        company=context.company,
        severity=severity,
        subject=f"{context.company}: {' · '.join(part for part in (severity, heading, amount) if part)}",
        sections=(NoticeSection(items=(item,)),),
        closing=_commands(context.company, findings),
    )


def ending_notice(
    context: NoticeContext,
    findings: Sequence[WatchedFinding],
    heading: str,
    *,
    left: Sequence[WatchedFinding] = (),
) -> Notice:
    """The message that an incident is over. `findings` are those that it was about, `left` is what it leaves behind."""
    text = _ending(findings) + _leaving(left)
    item = NoticeItem(heading=heading, text=text, facts=_facts(context, findings, is_over=True))
    return Notice(
        kind=AlertKind.RESOLVED,
        company=context.company,
        subject=f"{context.company}: {heading}",
        sections=(NoticeSection(items=(item,)),),
    )


def subject_of(notice: Notice) -> str:
    """The line that a recipient sees first."""
    return safe(_KINDS.get(notice.kind, ("", ""))[0] + notice.subject, 200)


def joined(notices: Sequence[Notice]) -> Notice:
    """One message that says what these say; one alone stays as it is.

    They are about one company, or about one thing that has happened to several.
    """
    if len(notices) == 1:
        return notices[0]
    companies = sorted({notice.company for notice in notices})
    if len(companies) > 1:
        return _shared(notices, companies)
    sections = []
    left: list[NoticeItem] = []
    room = _MOST_ITEMS
    for kind, (_, words) in _KINDS.items():
        items = sorted(
            (item for notice in notices if notice.kind is kind for each in notice.sections for item in each.items),
            key=lambda item: item.severity or "S9",
        )
        if items:
            sections.append(NoticeSection(heading=f"{words}: {len(items)}", items=tuple(items[:room])))
            left += items[room:]
            room = max(0, room - len(items))
    if left:
        names = ", ".join(value for item in left for label, value in item.facts if label == "Incident")
        sections.append(NoticeSection(heading=f"And {len(left)} more", lines=(safe(names, 11 * _MOST_NAMES),)))
    severity = min((notice.severity for notice in notices if notice.severity), default="")
    company = notices[0].company
    kinds = {notice.kind for notice in notices}
    return Notice(
        kind=kinds.pop() if len(kinds) == 1 else AlertKind.RAISED,
        company=company,
        severity=severity,
        subject=f"{company}: {len(notices)} incidents{f', the worst {severity}' if severity else ''}",
        lead=f"{len(notices)} messages came together and are sent as one.",
        sections=tuple(sections),
        closing=(f"tieout findings list --company {company}",),
    )


def _shared(notices: Sequence[Notice], companies: Sequence[str]) -> Notice:
    """One thing that has happened to several companies: said once, with their names."""
    first = notices[0]
    item = first.sections[0].items[0]
    facts = [fact for fact in item.facts if fact[0] not in ("Finding", "Findings")]
    told = msgspec.structs.replace(item, facts=(("Companies", safe(", ".join(companies), 11 * _MOST_NAMES)), *facts))
    named = ", ".join(companies[:3]) + (f" and {len(companies) - 3} more" if len(companies) > 3 else "")
    return msgspec.structs.replace(
        first,
        company="",
        severity=min(notice.severity for notice in notices),
        subject=f"{named}: {' · '.join(part for part in (item.severity, item.heading) if part)}",
        sections=(NoticeSection(items=(told,)),),
        closing=tuple(f"tieout check --company {company}" for company in companies[:3]) if first.closing else (),
    )


def with_note(notice: Notice, note: str) -> Notice:
    """The notice with one more line after what it tells of."""
    return msgspec.structs.replace(notice, sections=(*notice.sections, NoticeSection(lines=(note,))))


def amounts_text(exposures: Mapping[str, int]) -> str:
    """Amounts by currency, as a reader wants them: 2,170.00 USD."""
    return ", ".join(amount_text(minor, currency) for currency, minor in exposures.items())


def age_text(since: datetime, now: datetime) -> str:
    """How long ago, in the largest unit that says something."""
    hours = max(0, int((now - since).total_seconds() // 3600))
    if hours < 1:
        return "less than an hour"
    if hours < 48:
        return f"{hours} hour{'s' if hours != 1 else ''}"
    return f"{hours // 24} days"


def _invoices(findings: Sequence[WatchedFinding]) -> list[str]:
    numbers = [each.finding.invoice.number for each in findings if each.finding.invoice is not None]
    return [safe(number, 40) for number in dict.fromkeys(numbers) if number]


def _text(findings: Sequence[WatchedFinding]) -> str:
    finding = findings[0].finding
    cause = f"{finding.cause} " if finding.cause and len(findings) > 1 else ""
    comfort = "" if any(each.finding.code not in OUT_OF_REACH for each in findings) else _COMFORT
    said = safe(f"{cause}{finding.explanation}", _LONGEST_TEXT)
    return said if not comfort else said.removesuffix(".") + comfort


def _facts(
    context: NoticeContext, findings: Sequence[WatchedFinding], *, is_over: bool = False
) -> tuple[tuple[str, str], ...]:
    clients = [safe(each.finding.client.name) for each in findings if each.finding.client.name]
    invoices = _invoices(findings)
    more = f" and {len(invoices) - 12} more" if len(invoices) > 12 else ""
    owners = sorted({safe(each.assigned_to) for each in findings if each.assigned_to})
    names = [each.name for each in findings]
    rest = f" and {len(names) - 12} more" if len(names) > 12 else ""
    age = age_text(min(each.since for each in findings), context.now) if findings else ""
    facts = (
        ("Client", ", ".join(dict.fromkeys(clients[:3]))),
        ("Invoices" if len(invoices) > 1 else "Invoice", ", ".join(invoices[:12]) + more),
        ("Proof", str(findings[0].finding.proof).replace("_", " ") if clients and not is_over else ""),
        ("Was open for" if is_over else "Open for", age),
        ("Assigned to", ", ".join(owners)),
        ("Findings" if len(names) > 1 else "Finding", ", ".join(names[:12]) + rest),
        ("Incident", safe(context.incident)),
    )
    return tuple((label, value) for label, value in facts if value)


def _ending(findings: Sequence[WatchedFinding]) -> str:
    decided = [each for each in findings if each.decided_by]
    if not decided:
        return "The cause is gone: a complete run does not find it any more."
    last = max(decided, key=lambda each: each.decided_at or each.since)
    reason = f": {safe(last.reason, 300)}" if last.reason else "."
    return f"{safe(last.decided_by)} has marked it as {last.status}{reason}"


def _leaving(left: Sequence[WatchedFinding]) -> str:
    """What a reader is to know of what is still there; nothing when it needs nobody."""
    if not left or left[0].finding.severity is Severity.S4:
        return ""
    said = f"{left[0].finding.severity.value} · {heading_of(left)}"
    return f" What is left of it is less urgent and stands in the digest: {said}."


def _commands(company: str, findings: Sequence[WatchedFinding]) -> tuple[str, ...]:
    if not findings or not findings[0].finding.client.name:
        return (f"tieout check --company {company}",)
    first = findings[0].name
    return (
        f"tieout findings show {first} --company {company}",
        f"tieout findings acknowledge {first} --company {company}",
    )
