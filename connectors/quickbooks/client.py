"""The one seam over `python-quickbooks`: its addresses and request forms, our transport, tokens and faults.

The library builds what is sent (query by POST as `application/text`, change data capture, minor version); everything
below is ours, because the library has no timeout, keeps the first access token for ever and cannot tell a throttle
from a wrong query. Only reads can be sent. Its objects and exceptions never leave this module.
Source: fact sheet `libraries.md` B9 and D.
"""

import threading
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, Protocol, TypeVar, cast

import msgspec
from quickbooks.client import QuickBooks

from connectors.errors import AccessExpired, AccessRevoked, Unavailable
from connectors.metering import CallMeter
from connectors.pacing import Pacer
from connectors.quickbooks.faults import fault_in
from connectors.retrying import Retrier
from connectors.transport import Reply, Transport
from mappings.model import System

Read = TypeVar("Read")

ORIGINS = {
    "production": "https://quickbooks.api.intuit.com",
    "sandbox": "https://sandbox-quickbooks.api.intuit.com",
}
MINOR_VERSION = 75


class AccessTokens(Protocol):
    """Where a call's access token comes from."""

    def access_token(self) -> str:
        """A token for the next call."""
        ...

    def renew(self, refused: str) -> str:
        """Another token than the refused one."""
        ...


class CallLimits(msgspec.Struct, frozen=True, kw_only=True):
    """Bounds of one exchange. Intuit's server gives up after 120 seconds itself."""

    deadline_seconds: float = 120.0
    max_bytes: int = 64 * 1024 * 1024


class _NotARead(Exception):  # noqa: N818 - our own bug, caught nowhere
    """Somebody asked the seam to change something."""


class _Library(QuickBooks):  # type: ignore[misc]  # the library has no types
    """python-quickbooks with its two requesting methods replaced; answers are replies, not parsed dicts."""

    def __init__(self, *, origin: str, send: Callable[..., Reply], **_: Any) -> None:
        self._origin = origin
        self._send = send

    @property
    def api_url(self) -> str:
        """The root of the API: our origin, whatever the library thinks of environments."""
        return f"{self._origin}/v3"

    def make_request(
        self,
        request_type: str,
        url: str,
        request_body: str | None = None,
        content_type: str = "application/json",
        params: Mapping[str, str] | None = None,
        **_: Any,
    ) -> Reply:
        """One request as the library would form it, if it is a read."""
        if request_type != "GET" and not url.endswith("/query"):
            raise _NotARead(f"{request_type} is not a read: this seam never changes QuickBooks")
        headers = {"Content-Type": content_type, "Accept": "application/json"}
        wanted = {**(params or {}), "minorversion": str(self.minorversion)}
        return self.process_request(request_type, url, headers=headers, params=wanted, data=request_body or "")

    def process_request(
        self, request_type: str, url: str, headers: Any = "", params: Any = "", data: Any = ""
    ) -> Reply:
        """Send through our transport."""
        return self._send(request_type, url, headers=headers, params=params, body=data or None)


class QuickBooksClient:
    """Reads one company. Each call is paced, metered, given a fresh token and repeated where that can help.

    `origin` is scheme, host and port only; `/v3/company/{realm_id}` is added. Answers are whole, with status 200
    and without a fault; everything else is raised as one of `connectors.errors`. Threads take turns.
    """

    def __init__(
        self,
        transport: Transport,
        access: AccessTokens,
        *,
        realm_id: str,
        origin: str,
        meter: CallMeter,
        retrier: Retrier,
        pacers: Sequence[Pacer] = (),
        limits: CallLimits | None = None,
    ) -> None:
        self._transport = transport
        self._access = access
        self._meter = meter
        self._retrier = retrier
        self._pacers = tuple(pacers)
        self._limits = limits if limits is not None else CallLimits()
        self._operation = ""
        self._renewed = ""  # the token that this call has had renewed
        self._refused: Unavailable | None = None  # the last refusal of that
        self._one_call = threading.Lock()
        self._library = _Library(
            company_id=realm_id, minorversion=MINOR_VERSION, origin=origin.rstrip("/"), send=self._send
        )

    @property
    def realm_id(self) -> str:
        """The company that this client reads."""
        return str(self._library.company_id)

    @property
    def meter(self) -> CallMeter:
        """The calls of this client so far."""
        return self._meter

    def fetch_query(self, statement: str, read: Callable[[Reply], Read], *, operation: str) -> Read:
        """What `read` makes of the answer to one query. `statement` must hold no text of anybody but us.

        `read` may raise `Unavailable` for an answer that was cut off: the query is then sent again.
        """
        return self._call(operation, lambda: read(cast("Reply", self._library.query(statement))))

    def fetch_object(self, path: str, read: Callable[[Reply], Read], *, operation: str) -> Read:
        """What `read` makes of the answer to reading a record that has no id, such as the company's settings."""
        url = f"{self._library.api_url}/company/{self._library.company_id}/{path}"
        return self._call(operation, lambda: read(self._library.make_request("GET", url)))

    def fetch_changes(
        self, entities: Sequence[str], changed_since: datetime, read: Callable[[Reply], Read], *, operation: str
    ) -> Read:
        """What `read` makes of the answer of change data capture; the time always goes out with its offset."""
        since = changed_since.astimezone(UTC).isoformat(timespec="seconds")
        wanted = ",".join(entities)
        return self._call(operation, lambda: read(cast("Reply", self._library.change_data_capture(wanted, since))))

    def _call(self, operation: str, work: Callable[[], Read]) -> Read:
        with self._one_call:
            self._operation, self._renewed, self._refused = operation, "", None
            try:
                return self._retrier.call(work)
            except Unavailable as error:
                if error is not self._refused:
                    raise
            raise AccessRevoked(
                System.QUICKBOOKS,
                operation,
                "a new access token is refused as well: connect again with `tieout connect quickbooks`",
                http_status=self._refused.http_status,
                code=self._refused.code,
                request_id=self._refused.request_id,
            )

    def _send(
        self, method: str, url: str, *, headers: dict[str, str], params: dict[str, str], body: str | None
    ) -> Reply:
        """One attempt; an expired token costs one renewal and one replay.

        Raises: `Unavailable` when a new token is refused as well: whoever has just given it out thinks well of us, so
        only a refusal that lasts through all attempts is one that a person has to do something about. Else what the
        answer means.
        """
        token = self._access.access_token()
        try:
            return self._send_once(token, method, url, headers=headers, params=params, body=body)
        except AccessExpired as refusal:
            if token == self._renewed:
                raise self._refusal_of_new_token(refusal) from None
            token = self._renewed = self._access.renew(token)
        try:
            return self._send_once(token, method, url, headers=headers, params=params, body=body)
        except AccessExpired as again:
            raise self._refusal_of_new_token(again) from None

    def _refusal_of_new_token(self, refusal: AccessExpired) -> Unavailable:
        self._refused = Unavailable(
            System.QUICKBOOKS,
            self._operation,
            "a new access token is refused as well; trying it again",
            http_status=refusal.http_status,
            code=refusal.code,
            request_id=refusal.request_id,
        )
        return self._refused

    def _send_once(
        self,
        token: str,
        method: str,
        url: str,
        *,
        headers: dict[str, str],
        params: dict[str, str],
        body: str | None,
    ) -> Reply:
        self._meter.check(self._operation)
        for pacer in self._pacers:
            pacer.wait()
        self._meter.count_sent()
        reply = self._transport.send(
            method,
            url,
            headers={**headers, "Authorization": f"Bearer {token}"},
            params=params,
            body=body,
            deadline_seconds=self._limits.deadline_seconds,
            max_bytes=self._limits.max_bytes,
            operation=self._operation,
        )
        error = fault_in(reply, self._operation)
        if error is not None:
            raise error
        self._meter.count_metered()
        return reply
