"""Alerts to everything that the Apprise library knows: Teams, Discord, ntfy, Pushover, SMS and some hundred others."""

import logging
import re
from collections.abc import Callable
from datetime import datetime
from typing import Any

from connectors.alerts.rendering import text_of
from connectors.errors import Rejected, Unavailable
from mappings.alerts import Notice

_SEND = "sending by Apprise"
_LONGEST_TEXT = 3_500
# What several services read as a call to everybody in the room.
_MENTION = re.compile(r"@(?=everyone|here|channel|all\b)|<(?=[@!#])", re.IGNORECASE)


class AppriseChannel:
    """Hands messages to one Apprise address. `read_url` is asked each time: the address holds secrets."""

    def __init__(self, name: str, read_url: Callable[[], str]) -> None:
        self._name = name
        self._read_url = read_url

    def send(self, notice: Notice, *, subject: str, message_id: str, at: datetime) -> str:
        """See `Channel.send`. Apprise does not say why something failed, only that it did."""
        del message_id, at
        outcome = _notify(self._read_url(), unmentioning(subject), unmentioning(text_of(notice))[:_LONGEST_TEXT])
        if outcome is None:
            raise Rejected(self._name, _SEND, "the address is not one that Apprise understands: see its documentation")
        if not outcome:
            raise Unavailable(self._name, _SEND, "the service has not accepted the message")
        return ""


def _notify(url: str, title: str, body: str) -> bool | None:
    """Whether the service has accepted the message; None when there is no such service."""
    logging.getLogger("apprise").setLevel(logging.CRITICAL)  # it logs addresses
    import apprise  # noqa: PLC0415 - slow to import, and only needed by who uses it

    asset: Any = apprise.AppriseAsset(app_id="Tieout", secure_logging=True)
    sender: Any = apprise.Apprise(asset=asset)
    try:
        if not sender.add(url):
            return None
        text = apprise.NotifyFormat.TEXT
        return bool(sender.notify(title=title, body=body, body_format=text, interpret_escapes=False))
    except Exception:  # noqa: BLE001 - code of some hundred services; its errors may quote the address
        return False


def unmentioning(text: str) -> str:
    """The text without anything that calls people: `@everyone` becomes `(at)everyone`."""
    return _MENTION.sub(lambda found: "(at)" if found.group() == "@" else "(", text)
