"""The OAuth side of Intuit: discovery, authorization, tokens that expire and rotate, and connections that end.

Source: facts/quickbooks.md §1.1 to §1.3.
"""

import base64
import binascii
import hashlib
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from types import MappingProxyType
from urllib.parse import parse_qsl, urlencode

import msgspec

from connectors.sandbox.clock import Clock
from connectors.sandbox.exchange import Reply, Request, json_reply, unmodelled
from connectors.sandbox.quickbooks_switches import QuickBooksSwitches

DISCOVERY_PATH = "/.well-known/openid_sandbox_configuration"
AUTHORIZE_PATH = "/connect/oauth2"
TOKEN_PATH = "/oauth2/v1/tokens/bearer"  # noqa: S105 - an address
REVOKE_PATH = "/v2/oauth2/tokens/revoke"
CLIENT_ID, CLIENT_SECRET = "sandbox-client-id", "sandbox-client-secret"
_HARD_EXPIRY_HEADER = "x-include-refresh-token-hard-expires-in"


@dataclass(frozen=True, slots=True, kw_only=True)
class Tokens:
    """What a connection hands out: the values a worker stores."""

    access_token: str
    refresh_token: str


@dataclass(slots=True, kw_only=True, eq=False)
class _Connection:
    """What one consent of one user gave; ends by revocation or by age."""

    realm_id: str
    client_id: str
    ends_at: datetime
    refresh_token: str = ""
    rotated_at: datetime
    expires_at: datetime
    old: dict[str, datetime] = field(default_factory=dict)
    being_refreshed: int = 0
    revoked: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class _Code:
    connection: _Connection
    redirect_uri: str
    expires_at: datetime


class TokenService:
    """Hands out tokens and knows which hold. `before_refresh` is called while a refresh is under way, outside the
    lock: tests block there to have two refreshes at the same time.
    """

    def __init__(
        self, clock: Clock, realm_id: str, *, clients: Mapping[str, str], switches: QuickBooksSwitches
    ) -> None:
        self.before_refresh: Callable[[], None] = lambda: None
        self.origin = ""
        self._clock = clock
        self._realm_id = realm_id
        self._clients = dict(clients)
        self._switches = switches
        self._lock = threading.Lock()
        self._connections: list[_Connection] = []
        self._codes: dict[str, _Code] = {}
        self._used_codes: dict[str, _Connection] = {}
        self._access: dict[str, tuple[_Connection, datetime]] = {}
        self._made = 0

    def connect(self, client_id: str = CLIENT_ID) -> Tokens:
        """Tokens as if a user had just consented."""
        with self._lock:
            return self._issue(self._consent(client_id))

    def revoke_all(self) -> None:
        """End every connection, as a user does who disconnects the app in QuickBooks."""
        with self._lock:
            for connection in self._connections:
                connection.revoked = True

    def expire_access_tokens(self) -> None:
        """Make every access token that was handed out so far invalid; refresh tokens still hold."""
        with self._lock:
            self._access.clear()

    def realm_of(self, access_token: str) -> str | None:
        """The company that an access token opens; None when it does not hold (any more)."""
        with self._lock:
            connection, expires_at = self._access.get(access_token, (None, self._clock.now()))
            if connection is None or connection.revoked or expires_at <= self._clock.now():
                return None
            return connection.realm_id

    def handle(self, request: Request) -> Reply | None:
        """The reply to a request to one of the OAuth endpoints; None when it is for none of them."""
        match request.method, request.path.rstrip("/"):
            case "GET", "/.well-known/openid_sandbox_configuration" | "/.well-known/openid_configuration":
                return json_reply(self._discovery())
            case "GET", "/connect/oauth2":
                return self._authorize(request)
            case "POST", "/oauth2/v1/tokens/bearer":
                return self._token(request)
            case "POST", "/v2/oauth2/tokens/revoke":
                return self._revoke(request)
        return None

    def _discovery(self) -> dict[str, object]:
        return {
            "issuer": f"{self.origin}/op/v1",
            "authorization_endpoint": self.origin + AUTHORIZE_PATH,
            "token_endpoint": self.origin + TOKEN_PATH,
            "userinfo_endpoint": f"{self.origin}/v1/openid_connect/userinfo",
            "revocation_endpoint": self.origin + REVOKE_PATH,
            "jwks_uri": f"{self.origin}/op/v1/jwks",
            "response_types_supported": ["code"],
            "scopes_supported": ["openid", "email", "profile", "address", "phone"],
        }

    def _authorize(self, request: Request) -> Reply:
        """Consent at once and send the browser back, with `code`, `state` and `realmId`."""
        asked = request.params
        missing = {"client_id", "response_type", "scope", "redirect_uri", "state"} - set(asked)
        if missing or asked["client_id"] not in self._clients or asked["response_type"] != "code":
            text = f"The request is not valid: {', '.join(sorted(missing)) or 'client_id or response_type'}"
            return Reply(status=400, body=text.encode(), content_type="text/plain")
        with self._lock:
            code = self._value("code")
            self._codes[code] = _Code(
                connection=self._consent(asked["client_id"]),
                redirect_uri=asked["redirect_uri"],
                expires_at=self._clock.now() + self._switches.code_lifetime,
            )
        answer = urlencode({"code": code, "state": asked["state"], "realmId": self._realm_id})
        sign = "&" if "?" in asked["redirect_uri"] else "?"
        return Reply(status=302, headers=MappingProxyType({"Location": f"{asked['redirect_uri']}{sign}{answer}"}))

    def _token(self, request: Request) -> Reply:
        client_id = self._client(request)
        if client_id is None:
            return json_reply({"error": "invalid_client"}, status=401)
        form = dict(parse_qsl(request.body.decode("utf-8", "replace")))
        if form.get("grant_type") == "authorization_code":
            tokens = self._exchange(form, client_id)
        elif form.get("grant_type") == "refresh_token":
            tokens = self._refresh(form.get("refresh_token", ""), client_id)
        else:
            return json_reply({"error": "unsupported_grant_type"}, status=400)
        if tokens is None:
            return json_reply(
                {"error": "invalid_grant", "error_description": "Incorrect or invalid refresh token"}, status=400
            )
        return json_reply(self._answer(tokens, request))

    def _answer(self, tokens: Tokens, request: Request) -> dict[str, object]:
        with self._lock:
            connection, _ = self._access[tokens.access_token]
            now = self._clock.now()
            answer: dict[str, object] = {
                "token_type": "bearer",
                "access_token": tokens.access_token,
                "refresh_token": tokens.refresh_token,
                "expires_in": self._switches.access_token_seconds,
                "x_refresh_token_expires_in": int((connection.expires_at - now).total_seconds()),
            }
            if request.headers.get(_HARD_EXPIRY_HEADER, "").lower() == "true":
                answer["x_refresh_token_hard_expires_in"] = int((connection.ends_at - now).total_seconds())
            return answer

    def _exchange(self, form: Mapping[str, str], client_id: str) -> Tokens | None:
        with self._lock:
            code = form.get("code", "")
            if code in self._used_codes and self._switches.reused_code_revokes:
                self._used_codes[code].revoked = True
            granted = self._codes.pop(code, None)
            if granted is None or granted.expires_at <= self._clock.now():
                return None
            self._used_codes[code] = granted.connection
            if granted.connection.client_id != client_id or granted.redirect_uri != form.get("redirect_uri"):
                return None
            return self._issue(granted.connection)

    def _refresh(self, refresh_token: str, client_id: str) -> Tokens | None:
        with self._lock:
            connection = self._find(refresh_token, client_id)
            if connection is None:
                return None
            connection.being_refreshed += 1
            if connection.being_refreshed > 1 and self._switches.concurrent_refresh_revokes:
                connection.revoked = True
        self.before_refresh()
        with self._lock:
            connection.being_refreshed -= 1
            if self._find(refresh_token, client_id) is None:
                return None
            return self._issue(connection)

    def _find(self, refresh_token: str, client_id: str) -> _Connection | None:
        """The connection that a refresh token still belongs to."""
        now = self._clock.now()
        for connection in self._connections:
            good_until = connection.old.get(refresh_token)
            if connection.refresh_token == refresh_token != "":
                good_until = min(connection.expires_at, connection.ends_at)
            if good_until is not None:
                holds = now < good_until and not connection.revoked and connection.client_id == client_id
                return connection if holds else None
        return None

    def _consent(self, client_id: str) -> _Connection:
        now = self._clock.now()
        connection = _Connection(
            realm_id=self._realm_id,
            client_id=client_id,
            ends_at=now + self._switches.refresh_token_cap,
            rotated_at=now,
            expires_at=now,
        )
        self._connections.append(connection)
        return connection

    def _issue(self, connection: _Connection) -> Tokens:
        """A new access token; a new refresh token when the present one is old enough; its end moves forward."""
        now, switches = self._clock.now(), self._switches
        old = connection.refresh_token
        if not old or now - connection.rotated_at >= switches.rotate_refresh_token_after:
            connection.refresh_token, connection.rotated_at = self._value("refresh"), now
            if old and switches.old_refresh_token_grace:
                connection.old[old] = now + switches.old_refresh_token_grace
        connection.expires_at = min(now + switches.refresh_token_lifetime, connection.ends_at)
        tokens = Tokens(access_token=self._value("access"), refresh_token=connection.refresh_token)
        self._access[tokens.access_token] = (connection, now + timedelta(seconds=switches.access_token_seconds))
        return tokens

    def _revoke(self, request: Request) -> Reply:
        if self._client(request) is None:
            return json_reply({"error": "invalid_client"}, status=401)
        if "json" not in request.headers.get("content-type", ""):
            return unmodelled("a revocation that is not JSON")
        token = msgspec.json.decode(request.body, type=dict[str, str]).get("token", "")
        with self._lock:
            connection, _ = self._access.get(token, (None, None))
            for known in self._connections:
                if token in (known.refresh_token, *known.old):
                    connection = known
            if connection is None:
                return json_reply({"error": "invalid_request"}, status=400)
            connection.revoked = True
        return Reply(status=200)

    def _client(self, request: Request) -> str | None:
        """The client of the Basic authorization, when its secret is right."""
        kind, _, encoded = request.headers.get("authorization", "").partition(" ")
        try:
            client_id, _, secret = base64.b64decode(encoded, validate=True).decode().partition(":")
        except (binascii.Error, UnicodeDecodeError):
            return None
        return client_id if kind == "Basic" and self._clients.get(client_id) == secret else None

    def _value(self, kind: str) -> str:
        """A new value that looks like one of Intuit's, the same in every run."""
        self._made += 1
        digest = hashlib.sha256(f"{self._realm_id} {kind} {self._made}".encode()).hexdigest()
        return f"SIM-{kind}-{digest}"
