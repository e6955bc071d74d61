"""Keeps one realm's OAuth tokens usable: one refresher at a time, every new token stored before it is used.

Intuit rotates refresh tokens. A new one that is lost, or two refreshes at once, can end the connection for good, so
the order is fixed: lease, read again, refresh, store, only then use. Trouble on the way is never taken for "a person
must connect again"; only Intuit's own refusal of every token we hold is.
Source: fact sheet `quickbooks.md` §1.2-1.3; RFC 9700.
"""

import threading
from datetime import datetime, timedelta
from typing import Protocol

import msgspec

from connectors.errors import AccessRevoked, Unavailable
from mappings.model import System

USABLE_MARGIN = timedelta(minutes=5)
REFRESH_OPERATION = "token refresh"
# Tokens of another company than the configured one are none, so the configuration may be what is wrong.
NOT_CONNECTED = (
    "there is no connection to the configured company: run `tieout connect quickbooks`, or correct `realm_id` and "
    "`environment` if it was connected before"
)


class Tokens(msgspec.Struct, frozen=True, kw_only=True):
    """What the token endpoint gave, with times of our clock. Never shows a token when printed."""

    access_token: str
    refresh_token: str
    access_expires_at: datetime
    refresh_expires_at: datetime | None = None  # moves forward with every refresh
    hard_expires_at: datetime | None = None  # does not

    def __repr__(self) -> str:
        return f"Tokens(access_expires_at={self.access_expires_at.isoformat()}, tokens not shown)"


class HeldTokens(Protocol):
    """Tokens as the store has them. `version` grows by one with every save."""

    @property
    def access_token(self) -> str:
        """The token for calls."""
        ...

    @property
    def refresh_token(self) -> str:
        """The newest refresh token."""
        ...

    @property
    def previous_refresh_token(self) -> str | None:
        """The refresh token before the newest, if it was another."""
        ...

    @property
    def access_expires_at(self) -> datetime:
        """When the access token ends."""
        ...

    @property
    def version(self) -> int:
        """How often tokens were saved."""
        ...


class TokenStore(Protocol):
    """One realm's tokens in the store."""

    def load(self) -> HeldTokens | None:
        """The newest tokens; None before the company was connected or after it was disconnected."""
        ...

    def save(
        self,
        *,
        access_token: str,
        refresh_token: str,
        access_expires_at: datetime,
        refresh_expires_at: datetime | None,
        hard_expires_at: datetime | None,
        expected_version: int,
    ) -> bool:
        """Store new tokens and keep the refresh token they replace; durable when it returns.

        False, and nothing stored, when the version is not `expected_version`.
        """
        ...

    def acquire_refresh_lease(self, owner: str, *, seconds: float) -> bool:
        """True when `owner` is now the only one who may refresh, for so long at most."""
        ...

    def release_refresh_lease(self, owner: str) -> None:
        """Give the lease back. Nothing happens when `owner` does not hold it."""
        ...


class RefreshingAuthority(Protocol):
    """Who turns a refresh token into new tokens."""

    def refresh(self, refresh_token: str) -> Tokens:
        """New tokens. Raises: `AccessRevoked` when this refresh token is refused, else a passing error."""
        ...


class WaitingClock(Protocol):
    """The part of the worker's clock that token keeping needs."""

    def now(self) -> datetime:
        """The present, aware, in UTC."""
        ...

    def monotonic_seconds(self) -> float:
        """Seconds that never jump back."""
        ...

    def sleep_seconds(self, seconds: float) -> None:
        """Returns when that many seconds of this clock have passed."""
        ...


class TokenKeeper:
    """Gives access tokens that are good for another five minutes at least.

    Share one keeper among the threads of a process. `owner` names the process in the lease; `lease_seconds` must
    exceed the longest refresh, deadlines included.
    """

    def __init__(
        self,
        store: TokenStore,
        authority: RefreshingAuthority,
        clock: WaitingClock,
        *,
        owner: str,
        lease_seconds: float = 90.0,
    ) -> None:
        self._store = store
        self._authority = authority
        self._clock = clock
        self._owner = owner
        self._lease_seconds = lease_seconds
        self._lock = threading.Lock()
        self._held: HeldTokens | None = None

    def access_token(self) -> str:
        """A token for the next call; refreshed first when it is about to end.

        Raises: `AccessRevoked` when a person must connect; `Unavailable` or `Throttled` when no new token can be
        had just now.
        """
        with self._lock:
            if self._held is None or not self._is_usable(self._held, refused=None):
                return self._usable_token(refused=None)
            return self._held.access_token

    def renew(self, refused: str) -> str:
        """Another token than `refused`, which the API did not accept although its time was not over.

        When somebody else has refreshed in the meantime, their token is taken and nothing is refreshed.
        Raises: as `access_token`.
        """
        with self._lock:
            return self._usable_token(refused=refused)

    def _usable_token(self, refused: str | None) -> str:
        waited_from = self._clock.monotonic_seconds()
        while self._clock.monotonic_seconds() - waited_from <= self._lease_seconds:
            held = self._load()
            if self._is_usable(held, refused):
                return self._use(held)
            if self._store.acquire_refresh_lease(self._owner, seconds=self._lease_seconds):
                try:
                    held = self._load()
                    if self._is_usable(held, refused):
                        return self._use(held)
                    return self._use(self._refresh(held))
                finally:
                    self._store.release_refresh_lease(self._owner)
            self._clock.sleep_seconds(0.25)
        raise Unavailable(
            System.QUICKBOOKS, REFRESH_OPERATION, "another worker is refreshing the access; try again in a minute"
        )

    def _load(self) -> HeldTokens:
        held = self._store.load()
        if held is None:
            raise AccessRevoked(
                System.QUICKBOOKS,
                REFRESH_OPERATION,
                NOT_CONNECTED,
            )
        return held

    def _use(self, held: HeldTokens) -> str:
        self._held = held
        return held.access_token

    def _is_usable(self, held: HeldTokens, refused: str | None) -> bool:
        return held.access_token != refused and held.access_expires_at - self._clock.now() > USABLE_MARGIN

    def _refresh(self, held: HeldTokens) -> HeldTokens:
        """New tokens from what the store holds, stored."""
        try:
            return self._stored(self._authority.refresh(held.refresh_token), held)
        except AccessRevoked as refusal:
            newer = self._load()
            for candidate in _untried(held, newer):
                try:
                    return self._stored(self._authority.refresh(candidate), newer)
                except AccessRevoked:
                    continue
            raise refusal from None

    def _stored(self, new: Tokens, replaced: HeldTokens) -> HeldTokens:
        """The new tokens as the store has them now; another worker's, when it was quicker."""
        for _ in range(2):
            if self._store.save(
                access_token=new.access_token,
                refresh_token=new.refresh_token,
                access_expires_at=new.access_expires_at,
                refresh_expires_at=new.refresh_expires_at,
                hard_expires_at=new.hard_expires_at,
                expected_version=replaced.version,
            ):
                return self._load()
            current = self._load()
            if current.refresh_token != replaced.refresh_token:
                return current
            replaced = current
        raise Unavailable(
            System.QUICKBOOKS, REFRESH_OPERATION, "the stored tokens changed while they were refreshed; try again"
        )


def _untried(refused: HeldTokens, newer: HeldTokens) -> list[str]:
    """The refresh tokens that may still be good when `refused` is not: a newer one of a sibling, the one before."""
    candidates = [newer.refresh_token, newer.previous_refresh_token, refused.previous_refresh_token]
    return list(dict.fromkeys(token for token in candidates if token and token != refused.refresh_token))
