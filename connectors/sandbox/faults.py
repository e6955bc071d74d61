"""What goes wrong between a client and a simulator, on purpose: a table of rules that tests fill.

A rule says which requests it means, which of those it strikes, and what happens then. Every fault is played on
a real socket, so a client meets it exactly as it would meet the outside world.
Source: facts on QuickBooks §2.1 (bodies of errors), facts on reliability A4 (F11 to F17).
"""

import gzip
import threading
from collections.abc import Callable
from dataclasses import dataclass
from types import MappingProxyType

from connectors.sandbox.exchange import Reply, Request, json_reply


@dataclass(frozen=True, slots=True, kw_only=True)
class Match:
    """Which requests a rule means: every given condition must hold; nothing given means all requests.

    `path` and `contains` are looked for as substrings, without regard to case; `contains` in the query
    parameters and the body.
    """

    method: str = ""
    path: str = ""
    contains: str = ""

    def covers(self, request: Request) -> bool:
        """Whether the rule means this request."""
        return (
            self.method.upper() in ("", request.method)
            and self.path.lower() in request.path.lower()
            and self.contains.lower() in request.text.lower()
        )


EVERY_REQUEST = Match()


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """What happens to one exchange. The fields combine; seconds are seconds of the real world.

    `instead` is sent without the simulator seeing the request, unless `handle_first`: then the request takes
    effect and its own reply is lost. `reset` tears the connection down in place of any reply. `meanwhile` is
    called first (to change the books in the middle of a scan); `change` alters the simulator's own reply.
    `truncate_at` sends that many bytes of the body under the full Content-Length and closes.
    """

    name: str
    instead: Reply | None = None
    handle_first: bool = False
    reset: bool = False
    truncate_at: int | None = None
    header_seconds: float = 0
    body_seconds: float = 0
    meanwhile: Callable[[], None] | None = None
    change: Callable[[Reply], Reply] | None = None


@dataclass(slots=True, kw_only=True)
class _Rule:
    fault: Fault
    on: Match
    skip: int
    left: int | None
    chance: Callable[[], bool] | None


class FaultTable:
    """Rules in the order in which they were added; the first that strikes wins. Safe between threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._rules: list[_Rule] = []
        self.struck: list[str] = []

    def add(
        self,
        fault: Fault,
        *,
        on: Match = EVERY_REQUEST,
        nth: int = 1,
        times: int | None = 1,
        chance: Callable[[], bool] | None = None,
    ) -> None:
        """Let `fault` strike the nth request that `on` covers (the first is 1) and the following ones, `times` in all.

        `times=None` never ends. With `chance`, a covered request is struck only when it answers True (give it a
        seeded generator: the table itself knows no randomness).
        """
        with self._lock:
            self._rules.append(_Rule(fault=fault, on=on, skip=nth - 1, left=times, chance=chance))

    def clear(self) -> None:
        """Forget all rules; what has struck stays listed."""
        with self._lock:
            self._rules.clear()

    @property
    def pending(self) -> tuple[str, ...]:
        """Names of the faults with strikes left; a test that planted faults expects this to be empty."""
        with self._lock:
            return tuple(rule.fault.name for rule in self._rules if rule.left is not None and rule.left > 0)

    def take(self, request: Request) -> Fault | None:
        """The fault that strikes this request, or None. Counts the request for every rule that covers it."""
        with self._lock:
            struck: Fault | None = None
            for rule in self._rules:
                if rule.left == 0 or not rule.on.covers(request):
                    continue
                if rule.skip > 0:
                    rule.skip -= 1
                elif struck is None and (rule.chance is None or rule.chance()):
                    struck = rule.fault
                    rule.left = None if rule.left is None else rule.left - 1
            if struck is not None:
                self.struck.append(struck.name)
            return struck


def answer(status: int, body: bytes | str, *, content_type: str = "application/json", **headers: str) -> Fault:
    """Send this reply instead of handling the request. Underscores in header names are written as hyphens."""
    raw = body.encode() if isinstance(body, str) else body
    named = MappingProxyType({name.replace("_", "-"): value for name, value in headers.items()})
    return Fault(
        name=f"answer {status}", instead=Reply(status=status, body=raw, content_type=content_type, headers=named)
    )


def unauthorized() -> Fault:
    """QuickBooks' 401: lower-case `fault`, code 3200. Source: facts on QuickBooks §2.1, recorded sandbox probe."""
    content = {
        "fault": {
            "error": [
                {
                    "message": "message=AuthenticationFailed; errorCode=003200; statusCode=401",
                    "detail": "Malformed bearer token: too short or too long",
                    "code": "3200",
                }
            ],
            "type": "AUTHENTICATION",
        }
    }
    headers = MappingProxyType({"www-authenticate": 'Bearer realm="Intuit", error="invalid_token"'})
    reply = json_reply(content, status=401)
    return Fault(name="unauthorized", instead=Reply(status=401, body=reply.body, headers=headers))


def throttled(retry_after: str = "") -> Fault:
    """QuickBooks' 429: XML even when JSON was asked for; `Retry-After` only when given.

    Source: facts on QuickBooks §2.1, `too_many_requests_error.xml`.
    """
    headers = MappingProxyType({"Retry-After": retry_after} if retry_after else {})
    reply = Reply(status=429, body=THROTTLE_XML, content_type="application/xml", headers=headers)
    return Fault(name="throttled", instead=reply)


def fault_in_ok(code: str = "10000", message: str = "System Failure Error") -> Fault:
    """A business fault under HTTP 200. Source: Intuit's error-codes page, facts on QuickBooks §2.1."""
    error = {"Message": message, "Detail": message, "code": code, "element": ""}
    return Fault(name="fault in 200", instead=json_reply({"Fault": {"Error": [error], "type": "SystemFault"}}))


def empty_fault() -> Fault:
    """A Fault that lists no error, under HTTP 200: the vendor's library answers None to it."""
    return Fault(name="empty Fault", instead=json_reply({"Fault": {"Error": [], "type": "SystemFault"}}))


def empty_body(status: int = 200) -> Fault:
    """No body at all."""
    return Fault(name="empty body", instead=Reply(status=status))


def bad_gateway(status: int = 502) -> Fault:
    """A page of a gateway in HTML, as load balancers send it."""
    page = b"<html><head><title>502 Bad Gateway</title></head><body><h1>Bad Gateway</h1></body></html>"
    return Fault(name=f"gateway {status}", instead=Reply(status=status, body=page, content_type="text/html"))


def redirect(location: str, status: int = 302) -> Fault:
    """Send the client elsewhere."""
    headers = MappingProxyType({"Location": location})
    return Fault(name="redirect", instead=Reply(status=status, headers=headers))


def truncated(at_byte: int) -> Fault:
    """Cut the simulator's own body after `at_byte` bytes; Content-Length promises all of it."""
    return Fault(name="truncated body", truncate_at=at_byte)


def reset() -> Fault:
    """Reset the connection before the simulator has seen the request."""
    return Fault(name="reset", reset=True)


def lost_reply() -> Fault:
    """Let the request take effect, then reset the connection: the outcome is unknown to the client."""
    return Fault(name="lost reply", reset=True, handle_first=True)


def slow_headers(seconds: float) -> Fault:
    """Drip the status line and headers over this many real seconds."""
    return Fault(name="slow headers", header_seconds=seconds)


def slow_body(seconds: float) -> Fault:
    """Drip the body over this many real seconds."""
    return Fault(name="slow body", body_seconds=seconds)


def zip_bomb(megabytes: int) -> Fault:
    """A small gzip body that unpacks to this many megabytes."""
    packed = gzip.compress(bytes(megabytes * 1_000_000), mtime=0)
    headers = MappingProxyType({"Content-Encoding": "gzip"})
    return Fault(name="zip bomb", instead=Reply(body=packed, headers=headers))


def during(happening: Callable[[], None], name: str = "meanwhile") -> Fault:
    """Change the world just before the request is handled; the request itself goes well."""
    return Fault(name=name, meanwhile=happening)


THROTTLE_XML = (
    b'<?xml version="1.0" encoding="UTF-8" standalone="yes"?>'
    b'<IntuitResponse time="2026-01-01T00:00:00.000-08:00" xmlns="http://schema.intuit.com/finance/v3">'
    b'<Fault type="SERVICE"><Error code="3001">'
    b"<Message>message=ThrottleExceeded; errorCode=003001; statusCode=429</Message>"
    b"<Detail>The request limit was reached.  Try again later</Detail></Error></Fault></IntuitResponse>"
)
