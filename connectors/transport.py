"""One HTTP exchange with hard limits: on time from the first byte to the last, on size, on where it may go.

`requests` has no total timeout, follows redirects and obeys proxy variables; here nothing of that happens.
This module knows nothing of any API: an answer of any status is an answer. It must never log, and its errors
never quote an address, a header or a body.
"""

import logging
import socket
import threading
from collections.abc import Mapping
from contextvars import ContextVar
from http.cookiejar import DefaultCookiePolicy
from types import TracebackType
from typing import Any, Self

import msgspec
import requests
import urllib3
from requests.adapters import HTTPAdapter
from requests.structures import CaseInsensitiveDict
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.connectionpool import HTTPConnectionPool, HTTPSConnectionPool

from connectors.errors import ConnectorError, ContractBroken, OutcomeUnknown, Unavailable

_CHUNK_BYTES = 64 * 1024
_CONNECT_SECONDS = 10.0


class Reply(msgspec.Struct, frozen=True):
    """A complete answer: `body` is decoded (no gzip) and whole; header names match in any case."""

    status: int
    headers: Mapping[str, str]
    body: bytes


class _Request(msgspec.Struct, frozen=True, kw_only=True):
    """What `Transport.send` was asked for."""

    method: str
    url: str
    headers: dict[str, str]
    params: dict[str, str] | None
    body: bytes | None
    deadline_seconds: float
    max_bytes: int
    operation: str


class _Deadline:
    """Ends the sockets it was given when time is up, whatever the exchange is waiting for.

    It holds duplicates of the descriptors, so it works during a TLS handshake and after urllib3 has dropped
    the connection object, and it never touches a socket of a later exchange.
    """

    def __init__(self, seconds: float) -> None:
        self._lock = threading.Lock()
        self._sockets: list[socket.socket] = []
        self._timer = threading.Timer(seconds, self._expire)
        self._timer.daemon = True
        self.expired = False

    def adopt(self, original: socket.socket) -> None:
        """Take charge of a connected socket; a deadline that has passed ends it at once."""
        duplicate = socket.fromfd(original.fileno(), original.family, original.type)
        with self._lock:
            self._sockets.append(duplicate)
        if self.expired:
            self._expire()

    def _expire(self) -> None:
        with self._lock:
            self.expired = True
            for held in self._sockets:
                try:
                    held.shutdown(socket.SHUT_RDWR)
                except OSError:  # already gone, which is what we want
                    continue

    def __enter__(self) -> Self:
        self._timer.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._timer.cancel()
        with self._lock:
            for held in self._sockets:
                held.close()
            self._sockets.clear()


_ACTIVE: ContextVar[_Deadline | None] = ContextVar("active deadline of this thread's exchange", default=None)


def _watch(connected: socket.socket | None) -> None:
    deadline = _ACTIVE.get()
    if deadline is not None and connected is not None:
        deadline.adopt(connected)


class _WatchedHTTPConnection(HTTPConnection):
    """A connection whose socket the active deadline can end, fresh or re-used."""

    def _new_conn(self) -> socket.socket:
        connected = super()._new_conn()
        _watch(connected)
        return connected

    def request(self, *args: Any, **kwargs: Any) -> None:
        """Send the request under the active deadline."""
        _watch(self.sock)
        super().request(*args, **kwargs)


class _WatchedHTTPSConnection(HTTPSConnection):
    """The same over TLS."""

    def _new_conn(self) -> socket.socket:
        connected = super()._new_conn()
        _watch(connected)
        return connected

    def request(self, *args: Any, **kwargs: Any) -> None:
        """Send the request under the active deadline."""
        _watch(self.sock)
        super().request(*args, **kwargs)


class _WatchedHTTPPool(HTTPConnectionPool):
    ConnectionCls = _WatchedHTTPConnection


class _WatchedHTTPSPool(HTTPSConnectionPool):
    ConnectionCls = _WatchedHTTPSConnection


class _WatchedAdapter(HTTPAdapter):
    """An adapter without retries of its own, over watched connections."""

    def init_poolmanager(self, *args: Any, **kwargs: Any) -> None:
        """Use the watched connection pools; everything else stays as `requests` has it."""
        super().init_poolmanager(*args, **kwargs)
        self.poolmanager.pool_classes_by_scheme = {"http": _WatchedHTTPPool, "https": _WatchedHTTPSPool}


class Transport:
    """Sends requests to one system and brings back whole answers, or one of our errors.

    Connections are kept and re-used. Redirects are returned, not followed; proxy and netrc settings of the
    environment are ignored; cookies are never kept; certificates are always checked. May be used from several
    threads.

    Side effects: urllib3 logs addresses, which name companies; its loggers are set to say errors only.
    """

    def __init__(self, system: str) -> None:
        logging.getLogger("urllib3").setLevel(logging.ERROR)
        self._system = system
        session = requests.Session()
        session.trust_env = False
        session.headers = CaseInsensitiveDict({"Accept-Encoding": "gzip", "User-Agent": "tieout"})
        session.cookies.set_policy(DefaultCookiePolicy(allowed_domains=[]))
        adapter = _WatchedAdapter(pool_connections=4, pool_maxsize=4, max_retries=0)
        session.mount("https://", adapter)
        session.mount("http://", adapter)
        self._session = session

    def send(
        self,
        method: str,
        url: str,
        *,
        headers: Mapping[str, str],
        params: Mapping[str, str] | None = None,
        body: bytes | str | None = None,
        deadline_seconds: float,
        max_bytes: int,
        operation: str = "request",
        writes: bool = False,
    ) -> Reply:
        """One exchange; it ends within `deadline_seconds`, and `max_bytes` bounds the decoded body.

        `writes` says that the request changes something at the other side, so that a missing answer is not the
        same as a request that never arrived.

        Raises: `Unavailable` when no whole answer came; `OutcomeUnknown` instead when the request `writes` and may
        have arrived; `ContractBroken` when the body exceeds `max_bytes`.
        """
        request = _Request(
            method=method,
            url=url,
            headers=dict(headers),
            params=dict(params) if params else None,
            body=body.encode() if isinstance(body, str) else body,
            deadline_seconds=deadline_seconds,
            max_bytes=max_bytes,
            operation=operation,
        )
        with _Deadline(deadline_seconds) as deadline:
            token = _ACTIVE.set(deadline)
            try:
                reply = self._exchange(request)
            except (requests.RequestException, urllib3.exceptions.HTTPError, OSError, ValueError) as error:
                failure = self._failure(error, operation, writes=writes, expired=deadline.expired)
            else:
                if not deadline.expired:
                    return reply
                failure = self._failure(None, operation, writes=writes, expired=True)
            finally:
                _ACTIVE.reset(token)
        raise failure  # outside the handler: the library's exception carries headers and addresses

    def close(self) -> None:
        """Close all connections. The transport can still be used: it opens new ones."""
        self._session.close()

    def _exchange(self, request: _Request) -> Reply:
        with self._session.request(
            request.method,
            request.url,
            headers=request.headers,
            params=request.params,
            data=request.body,
            timeout=(min(_CONNECT_SECONDS, request.deadline_seconds), request.deadline_seconds),
            allow_redirects=False,
            stream=True,
        ) as response:
            collected = bytearray()
            for chunk in response.iter_content(_CHUNK_BYTES):
                collected += chunk
                if len(collected) > request.max_bytes:
                    raise ContractBroken(
                        self._system,
                        request.operation,
                        f"the answer is larger than {request.max_bytes:,} bytes and was not read to its end",
                        http_status=response.status_code,
                    )
            return Reply(response.status_code, response.headers, bytes(collected))

    def _failure(self, error: Exception | None, operation: str, *, writes: bool, expired: bool) -> ConnectorError:
        never_arrived = isinstance(error, requests.ConnectTimeout) or _refused(error)
        if writes and not never_arrived:
            return OutcomeUnknown(
                self._system,
                operation,
                "the connection ended before an answer came, so it is not known whether it took effect: "
                "look at the system before it is sent again",
            )
        reason = "time ran out before the whole answer came" if expired else _reason(error)
        return Unavailable(
            self._system,
            operation,
            f"{reason}; nothing was changed, and the next run reads from where this one stopped",
        )


def _refused(error: Exception | None) -> bool:
    """Whether the request certainly never left: there was no connection to send it over."""
    cause = getattr(error, "args", (None,))[:1]
    inner = getattr(cause[0], "reason", None) if cause else None
    return isinstance(error, requests.ConnectionError) and isinstance(inner, urllib3.exceptions.NewConnectionError)


def _reason(error: Exception | None) -> str:
    """Why there is no answer, in our words: the library's own text may quote addresses and headers."""
    if isinstance(error, requests.exceptions.SSLError):
        return "the TLS connection could not be established: check the address and the machine's certificates"
    if isinstance(error, requests.exceptions.ChunkedEncodingError | requests.exceptions.ContentDecodingError):
        return "the answer was cut off or damaged"
    if isinstance(error, requests.Timeout):
        return "no answer came in time"
    if _refused(error):
        return "no connection could be made: check the address and the network"
    if isinstance(error, requests.ConnectionError | urllib3.exceptions.HTTPError | OSError):
        return "the connection broke before the whole answer came"
    return "the request could not be sent: check the configured address and credentials for stray characters"
