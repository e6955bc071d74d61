"""A message as text and as HTML. The HTML needs no pictures and no network, and every value in it is escaped."""

from functools import lru_cache

from jinja2 import Environment, PackageLoader, StrictUndefined

from mappings.alerts import AlertKind, Notice, NoticeItem

# (what it is, how it is tinted) by why a message is sent.
_LOOKS = {
    AlertKind.RAISED: ("New", "#8a1c1c"),
    AlertKind.UPDATED: ("Changed", "#8a4b00"),
    AlertKind.REMINDER: ("Still open", "#8a4b00"),
    AlertKind.RESOLVED: ("Resolved", "#1c6b3a"),
    AlertKind.DIGEST: ("This morning", "#1f3a5f"),
    AlertKind.QUIET: ("All quiet", "#1c6b3a"),
    AlertKind.CHANNEL: ("Delivery", "#8a4b00"),
    AlertKind.TEST: ("Test", "#1f3a5f"),
}
_SEVERITIES = {"S1": "#b3261e", "S2": "#b26a00", "S3": "#3a5f8a", "S4": "#6b6b6b"}


@lru_cache(maxsize=1)
def _environment() -> Environment:
    return Environment(
        loader=PackageLoader("connectors.alerts", "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )


def html_of(notice: Notice, subject: str) -> str:
    """The message as one HTML page, without scripts, links or anything to load."""
    label, tint = _LOOKS[notice.kind]
    template = _environment().get_template("message.html.j2")
    return template.render(notice=notice, subject=subject, label=label, tint=tint, severities=_SEVERITIES)


def text_of(notice: Notice) -> str:
    """The message as plain text, a fact a line."""
    blocks = [notice.lead] if notice.lead else []
    for section in notice.sections:
        parts = [f"{section.heading}\n{'-' * len(section.heading)}"] if section.heading else []
        parts += [_item_text(item) for item in section.items]
        parts += ["\n".join(section.lines)] if section.lines else []
        blocks.append("\n\n".join(parts))
    if notice.closing:
        blocks.append("\n".join(notice.closing))
    return "\n\n".join(blocks) + "\n"


def _item_text(item: NoticeItem) -> str:
    head = " · ".join(part for part in (item.severity, item.heading, item.amount) if part)
    facts = [f"  {label}: {value}" for label, value in item.facts]
    return "\n".join([head, *([item.text] if item.text else []), *facts])
