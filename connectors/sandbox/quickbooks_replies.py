"""The envelopes of QuickBooks Online's replies: pages, faults, and the time they carry.

Source: facts/quickbooks.md §2, §2.1.
"""

from collections.abc import Sequence
from datetime import datetime
from types import MappingProxyType

from connectors.sandbox.exchange import Reply, json_reply
from connectors.sandbox.faults import THROTTLE_XML, unauthorized
from connectors.sandbox.quickbooks_rendering import PACIFIC
from connectors.sandbox.quickbooks_switches import QuickBooksSwitches, ThrottleShape

_MESSAGES = {
    "610": "Object Not Found",
    "2020": "Required param missing, need to supply the required value for the API",
    "2050": "String length is either shorter or longer than supported by specification",
    "3100": "message=ApplicationAuthorizationFailed; errorCode=003100; statusCode=403",
    "4001": "Invalid query",
    "5010": "Stale Object Error",
    "6000": "A business validation error has occurred while processing your request",
    "6140": "Duplicate Document Number Error",
    "6240": "Duplicate Name Exists Error",
}


def server_time(now: datetime) -> str:
    """The `time` of a reply: when its request started, with milliseconds, `2026-05-05T05:16:21.718-07:00`."""
    return now.astimezone(PACIFIC).isoformat(timespec="milliseconds")


def fault(code: str, detail: str, now: datetime, *, status: int = 400) -> Reply:
    """A business fault, with the message that belongs to the code."""
    error = {"Message": _MESSAGES.get(code, "An application error has occurred"), "Detail": detail, "code": code}
    content = {
        "Fault": {"Error": [error | {"element": ""}], "type": "ValidationFault"},
        "time": server_time(now),
    }
    return json_reply(content, status=status)


def no_access() -> Reply:
    """The 401 to an access token that does not hold."""
    reply = unauthorized().instead
    assert reply is not None
    return reply


def wrong_company(realm_id: str, now: datetime) -> Reply:
    """The 403 to a token of another company."""
    return fault("3100", f"The token was not issued for company {realm_id}", now, status=403)


def too_many(switches: QuickBooksSwitches, now: datetime) -> Reply:
    """The 429 of a throttle."""
    headers = MappingProxyType({"Retry-After": switches.retry_after} if switches.retry_after else {})
    if switches.throttle_shape is ThrottleShape.XML:
        return Reply(status=429, body=THROTTLE_XML, content_type="application/xml", headers=headers)
    error = {
        "Message": "message=ThrottleExceeded; errorCode=003001; statusCode=429",
        "Detail": "The request limit was reached.  Try again later",
        "code": "3001",
    }
    reply = json_reply({"Fault": {"Error": [error], "type": "SERVICE"}, "time": server_time(now)}, status=429)
    return reply.with_headers(headers)


def group(entity: str, texts: Sequence[bytes], *, start: int, total: int | None) -> bytes:
    """One QueryResponse: `{}` without objects; `totalCount` only when given."""
    if not texts:
        return b"{}"
    tail = f'],"startPosition":{start},"maxResults":{len(texts)}'
    tail += f',"totalCount":{total}' if total is not None else ""
    return b"".join((b'{"', entity.encode(), b'":[', b",".join(texts), tail.encode(), b"}"))


def page(content: bytes, now: datetime) -> Reply:
    """A reply to a query, around one QueryResponse."""
    return Reply(body=b'{"QueryResponse":' + content + b',"time":"' + server_time(now).encode() + b'"}')


def changes(groups: Sequence[bytes], now: datetime) -> Reply:
    """A reply of change data capture, around one QueryResponse per entity."""
    inner = b",".join(groups)
    time = server_time(now).encode()
    return Reply(body=b'{"CDCResponse":[{"QueryResponse":[' + inner + b']}],"time":"' + time + b'"}')


def one(entity: str, text: bytes, now: datetime) -> Reply:
    """A reply that carries one object."""
    return Reply(body=b'{"' + entity.encode() + b'":' + text + b',"time":"' + server_time(now).encode() + b'"}')
