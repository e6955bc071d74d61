"""Lets the connectors keep their tokens and counts in the store, and holds the lease while they wait.

Each class here is one side's small interface, answered by the other side's; no decision is made.
"""

from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta

from mappings.model import System
from state.meter import CallMeter
from state.store import HeldLease, Store
from state.tokens import StoredToken, Token, TokenStore
from sync.ports import Clock

QUICKBOOKS = "quickbooks"
BIGTIME_TOKEN = "bigtime api token"  # noqa: S105 - a name; it begins with the provider's, so that `wipe` finds it
_RENEW_SECONDS = 60.0


@dataclass(frozen=True, slots=True)
class HeldTokens:
    """Stored tokens as the connector reads them."""

    access_token: str = field(repr=False)
    refresh_token: str = field(repr=False)
    previous_refresh_token: str | None = field(repr=False)
    access_expires_at: datetime
    version: int


class QuickBooksTokens:
    """One realm's tokens in the store; see `connectors.quickbooks.tokens.TokenStore` for what is promised.

    Tokens of another realm or environment than the configured one count as none: they would open another company.
    """

    def __init__(self, store: TokenStore, clock: Clock, *, realm_id: str, environment: str) -> None:
        self._store = store
        self._clock = clock
        self._realm_id = realm_id
        self._environment = environment

    def load(self) -> HeldTokens | None:
        """The newest tokens; None when the company is not connected."""
        stored = self._load()
        if stored is None:
            return None
        return HeldTokens(
            access_token=stored.token.access_token,
            refresh_token=stored.token.refresh_token,
            previous_refresh_token=stored.previous_refresh_token or None,
            access_expires_at=stored.token.access_expires_at,
            version=stored.version,
        )

    def save(
        self,
        *,
        access_token: str,
        refresh_token: str,
        access_expires_at: datetime,
        refresh_expires_at: datetime | None,
        hard_expires_at: datetime | None,
        expected_version: int | None,
    ) -> bool:
        """Store tokens; durable when it returns. False, and nothing stored, when the version is another.

        `expected_version` None stores them whatever was there: a person has just connected.
        """
        stored = self._load()
        if expected_version is not None and (stored is None or stored.version != expected_version):
            return False
        token = Token(
            environment=self._environment,
            realm_id=self._realm_id,
            access_token=access_token,
            refresh_token=refresh_token,
            access_expires_at=access_expires_at,
            refresh_expires_at=refresh_expires_at,
            hard_expires_at=hard_expires_at,
        )
        kept = self._store.record_token(QUICKBOOKS, token, at=self._clock.now(), expected_version=expected_version)
        return kept is not None

    def acquire_refresh_lease(self, owner: str, *, seconds: float) -> bool:
        """True when `owner` is now the only one who may refresh."""
        stored = self._load()
        return stored is not None and self._store.begin_refresh(
            QUICKBOOKS,
            version=stored.version,
            owner=owner,
            lasting=timedelta(seconds=seconds),
            now=self._clock.now(),
        )

    def release_refresh_lease(self, owner: str) -> None:
        """Give the lease back."""
        self._store.end_refresh(QUICKBOOKS, owner=owner)

    def _load(self) -> StoredToken | None:
        stored = self._store.load_token(QUICKBOOKS)
        if stored is None or (stored.token.realm_id, stored.token.environment) != (self._realm_id, self._environment):
            return None
        return stored


class StoredCounts:
    """The month's calls: added for one company, compared with the budget over all of them."""

    def __init__(self, store: Store, meter: CallMeter) -> None:
        self._store = store
        self._meter = meter

    def add_calls(self, system: System, month: date, *, sent: int, metered: int) -> None:
        """Add to the month's counts."""
        self._meter.add(system, sent=sent, metered=metered, at=_moment_in(month))

    def load_metered(self, system: System, month: date) -> int:
        """The metered calls of the month so far, of all companies."""
        return self._store.load_month_of_all(system, at=_moment_in(month))[1]


def _moment_in(month: date) -> datetime:
    return datetime.combine(month, time(12), tzinfo=UTC)


class LeaseKeepingClock:
    """A clock whose long waits do not cost the company's lease: it is renewed every minute of waiting."""

    def __init__(self, clock: Clock, held: HeldLease) -> None:
        self._clock = clock
        self._held = held
        self._renewed_at = clock.monotonic_seconds()

    def now(self) -> datetime:
        """The present, aware, in UTC."""
        return self._clock.now()

    def monotonic_seconds(self) -> float:
        """Seconds that never jump back."""
        return self._clock.monotonic_seconds()

    def sleep_seconds(self, seconds: float) -> None:
        """Wait, and keep the lease. Raises: `state.errors.LeaseLost` when it was lost meanwhile."""
        left = seconds
        while left > 0:
            part = min(left, _RENEW_SECONDS)
            self._clock.sleep_seconds(part)
            left -= part
            self.keep()

    def keep(self) -> None:
        """Renew the lease when that was not done for a minute. Raises: `state.errors.LeaseLost`."""
        if self._clock.monotonic_seconds() - self._renewed_at >= _RENEW_SECONDS:
            self._held.renew()
            self._renewed_at = self._clock.monotonic_seconds()
