"""Alerts to a Slack channel, by an incoming webhook. Texts go as plain text: no name can mention or link anything."""

import json
from collections.abc import Callable
from datetime import datetime
from typing import Any

from connectors.alerts.rendering import text_of
from connectors.errors import AccessRevoked, Rejected, Throttled, Unavailable
from connectors.transport import Transport
from mappings.alerts import Notice, NoticeItem

_SEND = "sending a Slack message"
_DEADLINE_SECONDS = 20
_LARGEST_REPLY_BYTES = 64 * 1024
# Source: Slack, "Reference: blocks": at most 50 blocks, 150 characters in a header, 3,000 in a text.
_MOST_BLOCKS = 48
_LONGEST_HEADER = 150
_LONGEST_TEXT = 2_900


class SlackChannel:
    """Posts messages to a webhook. `read_url` is asked each time: the address is the secret."""

    def __init__(self, name: str, read_url: Callable[[], str], transport: Transport) -> None:
        self._name = name
        self._read_url = read_url
        self._transport = transport

    def send(self, notice: Notice, *, subject: str, message_id: str, at: datetime) -> str:
        """See `Channel.send`. Slack knows no message ids: after a crash a message can come twice."""
        del message_id, at
        reply = self._transport.send(
            "POST",
            self._read_url(),
            headers={"Content-Type": "application/json"},
            body=json.dumps(payload_of(notice, subject)),
            deadline_seconds=_DEADLINE_SECONDS,
            max_bytes=_LARGEST_REPLY_BYTES,
            operation=_SEND,
            writes=True,
        )
        if 200 <= reply.status < 300:
            return ""
        if reply.status == 429:
            wait = reply.headers.get("Retry-After", "")
            raise Throttled(
                self._name,
                _SEND,
                "Slack asks for a pause",
                http_status=429,
                retry_after_seconds=int(wait) if wait.isascii() and wait.isdigit() else None,
            )
        if reply.status >= 500:
            raise Unavailable(self._name, _SEND, "Slack could not take the message", http_status=reply.status)
        if reply.status in (401, 403, 404, 410):
            raise AccessRevoked(
                self._name,
                _SEND,
                "the webhook is gone or was never there: make a new one in Slack and store its address",
                http_status=reply.status,
            )
        raise Rejected(self._name, _SEND, "Slack does not accept the message", http_status=reply.status)


def payload_of(notice: Notice, subject: str) -> dict[str, Any]:
    """What is posted. `text` is for notifications; `&`, `<` and `>` are escaped, which is all that Slack asks for."""
    blocks: list[dict[str, Any]] = [{"type": "header", "text": _plain(subject, _LONGEST_HEADER)}]
    if notice.lead:
        blocks.append(_section(notice.lead))
    is_alone = [len(section.items) for section in notice.sections] == [1]  # the header names it already
    for section in notice.sections:
        if section.heading:
            blocks.append({"type": "header", "text": _plain(section.heading, _LONGEST_HEADER)})
        blocks += [block for item in section.items for block in _item_blocks(item, alone=is_alone)]
        if section.lines:
            blocks.append(_section("\n".join(section.lines)))
    if len(blocks) > _MOST_BLOCKS:
        blocks = [*blocks[:_MOST_BLOCKS], _section("… the rest is in `tieout findings list`")]
    if notice.closing:
        blocks.append({"type": "context", "elements": [_plain("\n".join(notice.closing), _LONGEST_TEXT)]})
    fallback = f"{subject}\n{text_of(notice)}"[:_LONGEST_TEXT]
    return {
        "text": escaped(fallback),
        "blocks": blocks,
        "mrkdwn": False,
        "unfurl_links": False,
        "unfurl_media": False,
    }


def escaped(text: str) -> str:
    """The text with the three characters that Slack reads as control characters written as entities."""
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def _item_blocks(item: NoticeItem, *, alone: bool) -> list[dict[str, Any]]:
    head = "" if alone else " · ".join(part for part in (item.severity, item.heading, item.amount) if part)
    texts = [text for text in (head, item.text) if text]
    blocks = [_section("\n".join(texts))] if texts else []
    if item.facts:
        facts = "   ".join(f"{label}: {value}" for label, value in item.facts)
        blocks.append({"type": "context", "elements": [_plain(facts, _LONGEST_TEXT)]})
    return blocks


def _section(text: str) -> dict[str, Any]:
    return {"type": "section", "text": _plain(text, _LONGEST_TEXT)}


def _plain(text: str, longest: int) -> dict[str, Any]:
    cut = text if len(text) <= longest else text[: longest - 1] + "…"
    while len(escaped(cut)) > longest:
        cut = cut[: len(cut) * 9 // 10] + "…"
    return {"type": "plain_text", "text": escaped(cut), "emoji": False}
