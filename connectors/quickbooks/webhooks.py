"""QuickBooks' webhooks: is a delivery Intuit's, and which companies does it speak of?

Both forms are read: CloudEvents (an array of events) and the older one (an object with `eventNotifications`). Nothing
of an event but where it belongs is believed; what changed is read from the API. Deliveries come at least once, in any
order, and may mix companies. Source: facts/quickbooks.md §4.
"""

import base64
import binascii
import hmac
from collections.abc import Iterator
from hashlib import sha256
from typing import Any

import msgspec

from mappings.problems import Problem, problem

SIGNATURE_HEADER = "intuit-signature"
LARGEST_BODY_BYTES = 2 * 1024 * 1024  # Intuit sends a hundred events or about 1 MB
_MOST_EVENTS = 10_000
_LONGEST_TEXT = 200
_SHAPE = "neither an array of CloudEvents nor an object with eventNotifications"


class ChangeEvent(msgspec.Struct, frozen=True, kw_only=True):
    """Something happened to a record of a company. `id` is the same when the event is delivered again.

    `entity` and `operation` are in lower case: `invoice`, `updated`.
    """

    id: str
    realm_id: str
    entity: str
    operation: str


class Delivery(msgspec.Struct, frozen=True, kw_only=True):
    """The events of one delivery; `unreadable` counts the parts of it that are no event that we know."""

    events: tuple[ChangeEvent, ...]
    unreadable: int


def is_signed(body: bytes, signature: str | None, verifier_token: str) -> bool:
    """Whether `signature` is that of exactly these bytes, made with the app's verifier token.

    Compared in constant time. A missing or malformed signature is a wrong one, and an empty token signs nothing.
    """
    if not signature or not verifier_token or not signature.isascii():
        return False
    try:
        given = base64.b64decode(signature.strip(), validate=True)
    except (binascii.Error, ValueError):
        return False
    return hmac.compare_digest(given, hmac.new(verifier_token.encode(), body, sha256).digest())


def sign(body: bytes, verifier_token: str) -> str:
    """The signature that Intuit would send with these bytes: for simulators and tests."""
    return base64.b64encode(hmac.new(verifier_token.encode(), body, sha256).digest()).decode()


def parse_delivery(body: bytes) -> Delivery | Problem:
    """The events in a delivery's body; a `Problem` when it is nothing like a delivery."""
    try:
        document = msgspec.json.decode(body)
    except (msgspec.MsgspecError, ValueError, RecursionError):
        return problem("webhook", "", "is not JSON")
    match document:
        case list():
            parts = [_from_cloud_event(part) for part in document[:_MOST_EVENTS]]
        case {"eventNotifications": list() as notifications}:
            parts = [event for part in notifications[:_MOST_EVENTS] for event in _from_notification(part)]
        case {"specversion": _}:
            parts = [_from_cloud_event(document)]
        case _:
            return problem("webhook", "", f"is {_SHAPE}")
    events = tuple(event for event in parts if event is not None)
    return Delivery(events=events, unreadable=len(parts) - len(events))


def _from_cloud_event(part: Any) -> ChangeEvent | None:
    """An event of `qbo.<entity>.<operation>.v1`; None when it is not one."""
    if not isinstance(part, dict):
        return None
    event_id, kind, realm = (_text(part.get(name)) for name in ("id", "type", "intuitaccountid"))
    words = kind.lower().split(".")
    if not event_id or not realm or len(words) < 3 or words[0] != "qbo":
        return None
    return ChangeEvent(id=event_id, realm_id=realm, entity=words[1], operation=words[2])


def _from_notification(part: Any) -> Iterator[ChangeEvent | None]:
    """The events of one company in the older form, which have no ids of their own."""
    match part:
        case {"realmId": realm, "dataChangeEvent": {"entities": list() as entities}} if _text(realm):
            yield from (_from_entity(_text(realm), entity) for entity in entities[:_MOST_EVENTS])
        case _:
            yield None


def _from_entity(realm: str, entity: Any) -> ChangeEvent | None:
    if not isinstance(entity, dict):
        return None
    name, operation, record, at = (_text(entity.get(key)) for key in ("name", "operation", "id", "lastUpdated"))
    if not name or not record:
        return None
    digest = sha256("\n".join((realm, name, operation, record, at)).encode(errors="replace")).hexdigest()
    return ChangeEvent(id=digest, realm_id=realm, entity=name.lower(), operation=operation.lower())


def _text(value: Any) -> str:
    """A short text or a whole number as text; "" for anything else."""
    if isinstance(value, int) and not isinstance(value, bool):
        value = str(value)
    return value if isinstance(value, str) and len(value) <= _LONGEST_TEXT else ""
