"""The one seam over `intuit-oauth`: everything it sends goes through our transport, everything it learns is copied out.

Left alone, the library fetches the discovery document whenever a client is made, has no timeout, follows redirects
and takes any key of an answer as an attribute of its session (`verify` included). Its objects and exceptions never
leave this module. Source: fact sheets `libraries.md` (intuit-oauth, recipe R2) and `quickbooks.md` §1.
"""

import io
import re
import secrets
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any, Protocol
from urllib.parse import urlsplit

import msgspec
import requests
from intuitlib.client import AuthClient
from intuitlib.enums import Scopes
from requests.structures import CaseInsensitiveDict

from connectors.errors import AccessRevoked, ConnectorError, ContractBroken, Rejected, Throttled, Unavailable
from connectors.quickbooks.faults import request_id_of, retry_after_of
from connectors.quickbooks.tokens import REFRESH_OPERATION, Tokens
from connectors.transport import Reply, Transport
from mappings.model import System

DISCOVERY_URLS = {
    "production": "https://developer.intuit.com/.well-known/openid_configuration",
    "sandbox": "https://developer.intuit.com/.well-known/openid_sandbox_configuration",
}
_DISCOVERY_TIME_TO_LIVE = timedelta(hours=24)
_DEADLINE_SECONDS = 25.0
_MAX_BYTES = 256 * 1024
_LOOPBACK = {"127.0.0.1", "::1", "localhost"}
_CONNECT_OPERATION = "connect"
_HARD_EXPIRY_HEADER = "x-include-refresh-token-hard-expires-in"
# What a client object may be given after it was made; everything else an answer holds is dropped.
_SETTABLE = frozenset(
    {
        "access_token",
        "refresh_token",
        "expires_in",
        "x_refresh_token_expires_in",
        "x_refresh_token_hard_expires_in",
        "realm_id",
        "state_token",
    }
)


class DatingClock(Protocol):
    """The part of the worker's clock that token lifetimes need."""

    def now(self) -> datetime:
        """The present, aware, in UTC."""
        ...


class _Discovery(msgspec.Struct, frozen=True):
    authorization_endpoint: str
    token_endpoint: str
    revocation_endpoint: str
    issuer: str = ""
    jwks_uri: str = ""
    userinfo_endpoint: str = ""


class _TokenReply(msgspec.Struct, frozen=True):
    access_token: str
    refresh_token: str
    expires_in: int
    x_refresh_token_expires_in: int | None = None
    x_refresh_token_hard_expires_in: int | None = None


class _Refusal(msgspec.Struct):
    error: object = None


_DISCOVERY = msgspec.json.Decoder(_Discovery)
_TOKEN_REPLY = msgspec.json.Decoder(_TokenReply)
_REFUSAL = msgspec.json.Decoder(_Refusal)
_UNREADABLE = (msgspec.MsgspecError, ValueError, RecursionError)

# Intuit's published endpoints, for when the discovery document cannot be had.
_BUILT_IN = _Discovery(
    authorization_endpoint="https://appcenter.intuit.com/connect/oauth2",
    token_endpoint="https://oauth.platform.intuit.com/oauth2/v1/tokens/bearer",  # noqa: S106 - an address
    revocation_endpoint="https://developer.api.intuit.com/v2/oauth2/tokens/revoke",
    issuer="https://oauth.platform.intuit.com/op/v1",
    jwks_uri="https://oauth.platform.intuit.com/op/v1/jwks",
)


class _SealedAuthClient(AuthClient):  # type: ignore[misc]  # the library has no types
    """The library's client without a network of its own, and closed to what an answer may put into it."""

    def __init__(self, client_id: str, client_secret: str, redirect_url: str, gate: "Authority") -> None:
        object.__setattr__(self, "_gate", gate)
        super().__init__(client_id, client_secret, redirect_url, environment="discovery")
        object.__setattr__(self, "_sealed", True)

    def __setattr__(self, name: str, value: Any) -> None:
        if name in _SETTABLE or not self.__dict__.get("_sealed", False):
            super().__setattr__(name, value)

    def request(self, method: str, url: str, **kwargs: Any) -> requests.Response:
        """One exchange through the authority's transport; never the session's own."""
        gate: Authority = self.__dict__["_gate"]
        if url == "discovery":
            return _response(200, msgspec.json.encode(gate.discovery()))
        return gate.exchange(method, url, kwargs.get("headers") or {}, kwargs.get("data"))


class Authority:
    """Intuit's authorization server for one app. Makes no call before it is asked for something.

    `environment` is `production` or `sandbox`; `discovery_url` overrides it. Not for several threads at once: the
    token keeper sees to that.
    """

    def __init__(
        self,
        transport: Transport,
        clock: DatingClock,
        *,
        client_id: str,
        client_secret: str,
        redirect_url: str = "",
        environment: str = "production",
        discovery_url: str = "",
    ) -> None:
        self._transport = transport
        self._clock = clock
        self._client_id = client_id
        self._client_secret = client_secret
        self._redirect_url = redirect_url
        self._discovery_url = discovery_url or DISCOVERY_URLS[environment]
        self._falls_back = not discovery_url
        self._discovered: tuple[_Discovery, datetime] | None = None
        self._operation = _CONNECT_OPERATION
        self._writes = False

    def __repr__(self) -> str:
        return f"Authority({self._discovery_url})"

    def authorize_url(self, state: str) -> str:
        """Where a person lets the app into a company. Check `state` when the browser comes back."""
        self._operation, self._writes = _CONNECT_OPERATION, False
        url: str = self._client().get_authorization_url([Scopes.ACCOUNTING], state_token=state)
        return url

    def exchange_code(self, code: str) -> Tokens:
        """The first tokens, for the code that the browser brought back. A code works once.

        Raises: `AccessRevoked` when the code is not accepted; `OutcomeUnknown` when no answer came: ask for a new
        code, the old one may be used up.
        """
        self._operation, self._writes = _CONNECT_OPERATION, True
        client = self._client()
        client.get_bearer_token(code)
        return self._tokens(client)

    def refresh(self, refresh_token: str) -> Tokens:
        """New tokens for a refresh token.

        Raises: `AccessRevoked` only when Intuit says that this token is no longer good; a broken connection or a
        damaged answer is `Unavailable`: the same token may be tried again.
        """
        self._operation, self._writes = REFRESH_OPERATION, False
        client = self._client()
        client.refresh(refresh_token=refresh_token)
        return self._tokens(client)

    def revoke(self, token: str) -> None:
        """End the connection at Intuit. A token that is already worthless counts as success."""
        self._operation, self._writes = "disconnect", False
        try:
            self._client().revoke(token=token)
        except AccessRevoked as gone:
            if gone.code == "invalid_client":
                raise
        except Rejected as refusal:
            if refusal.http_status != 400:
                raise

    def discovery(self) -> _Discovery:
        """The endpoints, from the discovery document; read once a day at most.

        Raises: `ContractBroken` for a document that names no endpoints or unprotected ones.
        """
        now = self._clock.now()
        if self._discovered is not None and now - self._discovered[1] < _DISCOVERY_TIME_TO_LIVE:
            return self._discovered[0]
        try:
            found = self._fetch_discovery()
        except (Unavailable, Throttled):
            if self._discovered is not None:
                return self._discovered[0]
            if self._falls_back:
                return _BUILT_IN
            raise
        self._discovered = (found, now)
        return found

    def exchange(self, method: str, url: str, headers: Mapping[str, str], body: str | None) -> requests.Response:
        """What the library's session would have done, under our limits. Only good answers are returned."""
        reply = self._transport.send(
            method,
            url,
            headers={**headers, _HARD_EXPIRY_HEADER: "true"},
            body=body,
            deadline_seconds=_DEADLINE_SECONDS,
            max_bytes=_MAX_BYTES,
            operation=self._operation,
            writes=self._writes,
        )
        if reply.status != 200:
            raise _refusal(reply, self._operation)
        if url == self.discovery().revocation_endpoint:
            return _response(200, b"")
        return _response(200, self._checked_tokens(reply))

    def _client(self) -> _SealedAuthClient:
        return _SealedAuthClient(self._client_id, self._client_secret, self._redirect_url, self)

    def _checked_tokens(self, reply: Reply) -> bytes:
        """The known fields of a token answer and no others: an `id_token` would make the library call out."""
        try:
            tokens = _TOKEN_REPLY.decode(reply.body)
        except _UNREADABLE:
            raise self._cut_off(reply) from None
        usable = re.compile(r"[\x21-\x7e]{1,8192}")
        if not (usable.fullmatch(tokens.access_token) and usable.fullmatch(tokens.refresh_token)):
            raise self._cut_off(reply)
        return msgspec.json.encode(tokens)

    def _cut_off(self, reply: Reply) -> ConnectorError:
        return Unavailable(
            System.QUICKBOOKS,
            self._operation,
            "the answer with the new tokens was cut off or damaged; try again",
            http_status=reply.status,
            request_id=request_id_of(reply.headers),
        )

    def _tokens(self, client: _SealedAuthClient) -> Tokens:
        now = self._clock.now()

        def moment(seconds: int | None) -> datetime | None:
            return None if seconds is None else now + timedelta(seconds=min(max(seconds, 0), 10 * 366 * 86_400))

        ends = moment(client.expires_in)
        assert ends is not None, "a checked answer says when the access token ends"
        return Tokens(
            access_token=client.access_token,
            refresh_token=client.refresh_token,
            access_expires_at=ends,
            refresh_expires_at=moment(client.x_refresh_token_expires_in),
            hard_expires_at=moment(getattr(client, "x_refresh_token_hard_expires_in", None)),
        )

    def _fetch_discovery(self) -> _Discovery:
        reply = self._transport.send(
            "GET",
            self._discovery_url,
            headers={"Accept": "application/json"},
            deadline_seconds=_DEADLINE_SECONDS,
            max_bytes=_MAX_BYTES,
            operation="discovery",
        )
        if reply.status != 200:
            raise _refusal(reply, "discovery")
        try:
            found = _DISCOVERY.decode(reply.body)
        except _UNREADABLE:
            raise _broken_discovery(reply) from None
        endpoints = (found.authorization_endpoint, found.token_endpoint, found.revocation_endpoint)
        if not all(_is_protected(endpoint) for endpoint in endpoints):
            raise _broken_discovery(reply)
        return found


def new_state() -> str:
    """A value that nobody can guess, to recognise our own request when the browser comes back. Use it once."""
    return secrets.token_urlsafe(32)


def _is_protected(address: str) -> bool:
    """Whether secrets may be sent there: over TLS, or to this machine."""
    parts = urlsplit(address)
    return parts.scheme == "https" or (parts.scheme == "http" and parts.hostname in _LOOPBACK)


def _broken_discovery(reply: Reply) -> ContractBroken:
    return ContractBroken(
        System.QUICKBOOKS,
        "discovery",
        "the discovery document does not name protected OAuth endpoints: check `discovery_url`",
        http_status=reply.status,
        request_id=request_id_of(reply.headers),
    )


def _refusal(reply: Reply, operation: str) -> ConnectorError:
    """The error that an answer of the authorization server is; only its own words can mean "a person must connect"."""
    try:
        said = _REFUSAL.decode(reply.body).error
    except _UNREADABLE:
        said = None
    code = said if isinstance(said, str) and re.fullmatch(r"[a-z_]{1,40}", said) else None
    kind: type[ConnectorError]
    if code == "invalid_grant":
        kind, sentence = AccessRevoked, "Intuit no longer accepts the stored access: run `tieout connect quickbooks`"
    elif code in {"invalid_client", "unauthorized_client"}:
        kind, sentence = AccessRevoked, "Intuit does not know the app: check `client_id`, its secret and `environment`"
    elif reply.status == 429:
        kind, sentence = Throttled, "Intuit asks for fewer calls; the stored access stays as it is, try again later"
    elif code is not None and 400 <= reply.status < 500:
        kind, sentence = Rejected, "Intuit refuses the request as we wrote it: report this with the request id"
    else:
        kind, sentence = Unavailable, "Intuit cannot answer now; the stored access stays as it is, try again later"
    return kind(
        System.QUICKBOOKS,
        operation,
        sentence,
        http_status=reply.status,
        code=code,
        request_id=request_id_of(reply.headers),
        retry_after_seconds=retry_after_of(reply.headers),
    )


def _response(status: int, body: bytes) -> requests.Response:
    """An answer in the form in which the library wants it."""
    response = requests.Response()
    response.status_code = status
    response.headers = CaseInsensitiveDict({"Content-Type": "application/json"})
    response.raw = io.BytesIO(body)
    response.encoding = "utf-8"
    return response
