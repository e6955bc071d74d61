"""Talks to BigTime: headers, login, pace, retries, limits. It can only read.

Every request is on a short list of read calls; anything else is refused here and never sent, because BigTime acts on
a POST (it posts invoices, imports, creates) and documents no call that would correct a payment or a credit.
Source: facts/bigtime.md §1.1-1.5, §2.7.
"""

import re
from collections.abc import Callable, Mapping
from typing import Protocol, TypeVar

import msgspec

from connectors.bigtime.faults import classify, parse_object, parse_rows
from connectors.errors import AccessExpired, AccessRevoked, ContractBroken, Rejected
from connectors.pacing import Pacer
from connectors.retrying import Retrier, RetryPolicy
from connectors.transport import Reply, Transport
from mappings.model import System

Parsed = TypeVar("Parsed")

_LISTS = frozenset({"/invoice/history", "/invoice/drafts", "/payment/history", "/client"})
_DETAIL = re.compile(r"/client/detail/[0-9A-Za-z-]{1,40}", re.ASCII)
_LOGIN = "login"
_HEADER_SAFE = re.compile(r"[\x21-\x7e]{1,4096}", re.ASCII)


class Clock(Protocol):
    """The part of the worker's clock that a connector needs."""

    def monotonic_seconds(self) -> float:
        """Seconds that never jump back."""
        ...

    def sleep_seconds(self, seconds: float) -> None:
        """Returns when that many seconds of this clock have passed."""
        ...


class ApiToken(msgspec.Struct, frozen=True):
    """Log in with an API token, which acts as the staff member it was made for.

    `read_token` is asked before each request, so a token that was replaced meanwhile is used at once.
    """

    read_token: Callable[[], str]


class UserLogin(msgspec.Struct, frozen=True):
    """Log in as a user; the session ends after 24 hours or 7 days, BigTime's pages say both."""

    user_id: str
    read_password: Callable[[], str]


class Limits(msgspec.Struct, frozen=True, kw_only=True):
    """What one request may take, and how many there may be.

    Source: facts/bigtime.md §1.5: 30 calls a minute are tolerated, 25 keep a distance.
    """

    calls_per_minute: int = 25
    deadline_seconds: float = 120.0
    max_bytes: int = 64 * 1024 * 1024
    retries: RetryPolicy = RetryPolicy()


class _Session(msgspec.Struct, frozen=True):
    """What the login answers, as far as it is needed."""

    token: str
    firm: str


class BigTimeClient:
    """Sends read calls for one firm. Not for several threads: a firm has one worker.

    `sent` counts every request that was sent, logins and repeated ones included.
    """

    def __init__(
        self,
        transport: Transport,
        access: ApiToken | UserLogin,
        *,
        base_url: str,
        firm: str,
        clock: Clock,
        limits: Limits | None = None,
    ) -> None:
        self._transport = transport
        self._access = access
        self._base_url = base_url.rstrip("/")
        self._firm = firm
        self._limits = limits if limits is not None else Limits()
        self._pacer = Pacer(self._limits.calls_per_minute, 60.0, clock)
        self._retrier = Retrier(clock, self._limits.retries)
        self._session: _Session | None = None
        self.sent = 0

    def fetch_rows(self, path: str, params: Mapping[str, str], operation: str) -> tuple[bytes, ...]:
        """The raw text of each row of a list call.

        Raises: a `ConnectorError` after retries; `Rejected` without sending anything for a path that is not a list.
        """
        if path not in _LISTS:
            raise _refused(operation)
        return self._fetch(path, params, operation, parse_rows)

    def fetch_object(self, path: str, params: Mapping[str, str], operation: str) -> bytes:
        """The raw text of one record. Raises: as `fetch_rows`."""
        if _DETAIL.fullmatch(path) is None:
            raise _refused(operation)
        return self._fetch(path, params, operation, parse_object)

    def _fetch(
        self, path: str, params: Mapping[str, str], operation: str, parse: Callable[[bytes, str], Parsed]
    ) -> Parsed:
        def attempt() -> Parsed:
            return parse(self._read(path, params, operation).body, operation)

        return self._retrier.call(attempt)

    def _read(self, path: str, params: Mapping[str, str], operation: str) -> Reply:
        """One answer; a session that has ended is renewed once, and a second refusal needs a person."""
        try:
            return self._exchange("GET", path, self._access_headers(operation), operation, params=params)
        except AccessExpired:
            self._session = None
        try:
            return self._exchange("GET", path, self._access_headers(operation), operation, params=params)
        except AccessExpired as error:
            raise AccessRevoked(
                System.BIGTIME, operation, self._reconnect_sentence(), http_status=error.http_status
            ) from None

    def _reconnect_sentence(self) -> str:
        if isinstance(self._access, ApiToken):
            return (
                "the API token is not accepted for this firm: make a new one under My Company > Integrations > "
                "API Keys and run `tieout connect bigtime`"
            )
        return "the user's session is not accepted, even after logging in again: run `tieout connect bigtime`"

    def _access_headers(self, operation: str) -> dict[str, str]:
        if isinstance(self._access, ApiToken):
            name, secret = "X-Auth-ApiToken", self._access.read_token()
        else:
            if self._session is None:
                self._session = self._log_in()
            name, secret = "X-Auth-Token", self._session.token
        if not (_HEADER_SAFE.fullmatch(secret) and _HEADER_SAFE.fullmatch(self._firm)):
            raise AccessRevoked(
                System.BIGTIME,
                operation,
                "the token or the firm is empty or has characters that no header can carry: check the secret for "
                "stray spaces and line ends, and run `tieout connect bigtime`",
            )
        return {name: secret, "X-Auth-Realm": self._firm}

    def _log_in(self) -> _Session:
        """A new session. The only POST there is; it changes nothing that anybody keeps."""
        assert isinstance(self._access, UserLogin)
        body = msgspec.json.encode(
            {"UserId": self._access.user_id, "Pwd": self._access.read_password(), "Firm": self._firm}
        )
        try:
            reply = self._exchange("POST", "/session", {}, _LOGIN, body=body)
        except (AccessExpired, Rejected) as error:
            raise AccessRevoked(
                System.BIGTIME,
                _LOGIN,
                "user or password is not accepted for this firm: run `tieout connect bigtime`",
                http_status=error.http_status,
            ) from None
        return self._session_from(reply)

    def _session_from(self, reply: Reply) -> _Session:
        fields = msgspec.json.decode(parse_object(reply.body, _LOGIN), type=dict[str, object])
        named = {key.casefold(): str(value) for key, value in fields.items() if isinstance(value, str | int)}
        session = _Session(named.get("token", ""), named.get("firm", ""))
        if not session.token:
            raise ContractBroken(System.BIGTIME, _LOGIN, "the login was answered without a token: the API has changed")
        if session.firm and session.firm.casefold() != self._firm.casefold():
            raise AccessRevoked(
                System.BIGTIME,
                _LOGIN,
                "the user was logged in to another firm than the configured one: check the firm, "
                "and whether the user belongs to it",
            )
        return session

    def _exchange(
        self,
        method: str,
        path: str,
        access_headers: Mapping[str, str],
        operation: str,
        *,
        params: Mapping[str, str] | None = None,
        body: bytes | None = None,
    ) -> Reply:
        self._pacer.wait()
        self.sent += 1
        reply = self._transport.send(
            method,
            self._base_url + path,
            headers={"Content-Type": "application/json", "Accept": "application/json", **access_headers},
            params=params,
            body=body,
            deadline_seconds=self._limits.deadline_seconds,
            max_bytes=self._limits.max_bytes,
            operation=operation,
        )
        fault = classify(reply, operation)
        if fault is not None:
            raise fault
        return reply


def _refused(operation: str) -> Rejected:
    return Rejected(
        System.BIGTIME,
        operation,
        "this call is not on the list of read-only calls and was not sent: report it as a bug",
    )
