"""One refresher, stored before used, and a person is asked only when Intuit has refused every token we hold."""

import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta

import msgspec
import pytest

from connectors.errors import AccessRevoked, Throttled, Unavailable
from connectors.quickbooks.tokens import TokenKeeper, Tokens
from connectors.sandbox.clock import SimulatedClock
from mappings.model import System

NOW = datetime(2026, 11, 5, 9, tzinfo=UTC)


class Held(msgspec.Struct, frozen=True, kw_only=True):
    access_token: str
    refresh_token: str
    previous_refresh_token: str | None
    access_expires_at: datetime
    version: int


class MemoryTokens:
    """A token store in memory with the promises of the protocol."""

    def __init__(self, clock: "RealClock | SimulatedClock", *, refresh: str = "r1", minutes: float = 0) -> None:
        self.clock = clock
        self.lock = threading.Lock()
        self.held: Held | None = Held(
            access_token="a1",
            refresh_token=refresh,
            previous_refresh_token=None,
            access_expires_at=clock.now() + timedelta(minutes=minutes),
            version=1,
        )
        self.lease: tuple[str, datetime] | None = None
        self.saves = 0

    def load(self) -> Held | None:
        with self.lock:
            return self.held

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
        with self.lock:
            if self.held is None or self.held.version != expected_version:
                return False
            changed = refresh_token != self.held.refresh_token
            self.held = Held(
                access_token=access_token,
                refresh_token=refresh_token,
                previous_refresh_token=self.held.refresh_token if changed else self.held.previous_refresh_token,
                access_expires_at=access_expires_at,
                version=expected_version + 1,
            )
            self.saves += 1
            return True

    def acquire_refresh_lease(self, owner: str, *, seconds: float) -> bool:
        with self.lock:
            now = self.clock.now()
            if self.lease is not None and self.lease[1] > now:
                return False
            self.lease = (owner, now + timedelta(seconds=seconds))
            return True

    def release_refresh_lease(self, owner: str) -> None:
        with self.lock:
            if self.lease is not None and self.lease[0] == owner:
                self.lease = None


class RealClock:
    def now(self) -> datetime:
        return datetime.now(UTC)

    def monotonic_seconds(self) -> float:
        return time.monotonic()

    def sleep_seconds(self, seconds: float) -> None:
        time.sleep(min(seconds, 0.01))


class StrictIntuit:
    """Each refresh token works once; two refreshes at once end the connection."""

    def __init__(self, clock: RealClock | SimulatedClock, *, valid: str = "r1", pause_seconds: float = 0.0) -> None:
        self.clock = clock
        self.valid: str | None = valid
        self.calls: list[str] = []
        self.inside = 0
        self.pause_seconds = pause_seconds
        self.next = 2

    def refresh(self, refresh_token: str) -> Tokens:
        self.calls.append(refresh_token)
        self.inside += 1
        if self.inside > 1:
            self.valid = None
        time.sleep(self.pause_seconds)
        self.inside -= 1
        if refresh_token != self.valid:
            raise refused()
        number, self.next = self.next, self.next + 1
        self.valid = f"r{number}"
        return tokens(self.clock, number)


def tokens(clock: RealClock | SimulatedClock, number: int) -> Tokens:
    return Tokens(
        access_token=f"a{number}", refresh_token=f"r{number}", access_expires_at=clock.now() + timedelta(hours=1)
    )


def refused() -> AccessRevoked:
    return AccessRevoked(System.QUICKBOOKS, "token refresh", "refused", code="invalid_grant")


class Scripted:
    def __init__(self, *steps: Callable[[str], Tokens]) -> None:
        self.steps = list(steps)
        self.calls: list[str] = []

    def refresh(self, refresh_token: str) -> Tokens:
        self.calls.append(refresh_token)
        return self.steps.pop(0)(refresh_token)


def raising(error: Exception) -> Callable[[str], Tokens]:
    def step(_: str) -> Tokens:
        raise error

    return step


@pytest.fixture
def clock() -> SimulatedClock:
    return SimulatedClock(NOW)


def test_a_token_that_is_good_for_long_is_used_as_it_is(clock: SimulatedClock) -> None:
    authority = StrictIntuit(clock)
    keeper = TokenKeeper(MemoryTokens(clock, minutes=30), authority, clock, owner="w1")
    assert [keeper.access_token() for _ in range(3)] == ["a1"] * 3
    assert authority.calls == []


def test_a_token_is_refreshed_five_minutes_before_its_end(clock: SimulatedClock) -> None:
    keeper = TokenKeeper(MemoryTokens(clock, minutes=5.02), StrictIntuit(clock), clock, owner="w1")
    assert keeper.access_token() == "a1"
    clock.advance(seconds=2)
    assert keeper.access_token() == "a2"


def test_new_tokens_are_stored_before_they_are_used_and_the_old_one_is_kept(clock: SimulatedClock) -> None:
    store = MemoryTokens(clock)
    TokenKeeper(store, StrictIntuit(clock), clock, owner="w1").access_token()
    assert store.held is not None
    assert (store.held.refresh_token, store.held.previous_refresh_token, store.held.version) == ("r2", "r1", 2)
    assert store.lease is None


def test_tokens_that_cannot_be_stored_are_not_used(clock: SimulatedClock, monkeypatch: pytest.MonkeyPatch) -> None:
    store = MemoryTokens(clock)

    def broken(**_: object) -> bool:
        raise OSError("disk full")

    monkeypatch.setattr(store, "save", broken)
    with pytest.raises(OSError, match="disk full"):
        TokenKeeper(store, StrictIntuit(clock), clock, owner="w1").access_token()
    assert store.lease is None


@pytest.mark.parametrize(
    "error",
    [
        Unavailable(System.QUICKBOOKS, "token refresh", "down"),
        Throttled(System.QUICKBOOKS, "token refresh", "slow"),
    ],
)
def test_trouble_on_the_way_is_never_a_reason_to_connect_again(
    clock: SimulatedClock, error: Unavailable | Throttled
) -> None:
    store = MemoryTokens(clock)
    authority = Scripted(raising(error), lambda _: tokens(clock, 2))
    keeper = TokenKeeper(store, authority, clock, owner="w1")
    with pytest.raises(type(error)):
        keeper.access_token()
    assert keeper.access_token() == "a2"
    assert authority.calls == ["r1", "r1"]


def test_a_refusal_is_final_only_after_the_store_was_read_again(clock: SimulatedClock) -> None:
    store = MemoryTokens(clock)

    def sibling_was_faster(_: str) -> Tokens:
        assert store.save(
            access_token="a5",
            refresh_token="r5",
            access_expires_at=NOW,
            refresh_expires_at=None,
            hard_expires_at=None,
            expected_version=1,
        )
        raise refused()

    authority = Scripted(sibling_was_faster, lambda _: tokens(clock, 6))
    assert TokenKeeper(store, authority, clock, owner="w1").access_token() == "a6"
    assert authority.calls == ["r1", "r5"]


def test_the_token_before_is_tried_when_the_newest_is_refused(clock: SimulatedClock) -> None:
    store = MemoryTokens(clock)
    assert store.save(
        access_token="a2",
        refresh_token="r2",
        access_expires_at=NOW,
        refresh_expires_at=None,
        hard_expires_at=None,
        expected_version=1,
    )
    authority = Scripted(raising(refused()), lambda _: tokens(clock, 3))
    assert TokenKeeper(store, authority, clock, owner="w1").access_token() == "a3"
    assert authority.calls == ["r2", "r1"]


def test_when_every_token_is_refused_a_person_must_connect(clock: SimulatedClock) -> None:
    store = MemoryTokens(clock)
    authority = Scripted(raising(refused()))
    with pytest.raises(AccessRevoked) as caught:
        TokenKeeper(store, authority, clock, owner="w1").access_token()
    assert caught.value.code == "invalid_grant"
    assert store.lease is None


def test_a_company_that_is_not_connected_says_how_to_connect(clock: SimulatedClock) -> None:
    store = MemoryTokens(clock)
    store.held = None
    with pytest.raises(AccessRevoked, match="tieout connect quickbooks"):
        TokenKeeper(store, StrictIntuit(clock), clock, owner="w1").access_token()


def test_a_refused_token_is_renewed_even_when_its_time_is_not_over(clock: SimulatedClock) -> None:
    keeper = TokenKeeper(MemoryTokens(clock, minutes=50), StrictIntuit(clock), clock, owner="w1")
    assert keeper.renew("a1") == "a2"
    assert keeper.access_token() == "a2"


def test_a_token_that_a_sibling_renewed_is_taken_over(clock: SimulatedClock) -> None:
    store = MemoryTokens(clock, minutes=50)
    authority = StrictIntuit(clock)
    mine = TokenKeeper(store, authority, clock, owner="w1")
    assert mine.access_token() == "a1"
    assert TokenKeeper(store, authority, clock, owner="w2").renew("a1") == "a2"
    assert mine.renew("a1") == "a2"
    assert authority.calls == ["r1"]


def test_a_lease_that_never_comes_free_is_unavailable(clock: SimulatedClock) -> None:
    store = MemoryTokens(clock)
    store.lease = ("dead", NOW + timedelta(days=1))
    with pytest.raises(Unavailable, match="another worker"):
        TokenKeeper(store, StrictIntuit(clock), clock, owner="w1").access_token()


def test_a_lease_of_a_dead_worker_runs_out(clock: SimulatedClock) -> None:
    store = MemoryTokens(clock)
    store.lease = ("dead", NOW + timedelta(seconds=60))
    assert TokenKeeper(store, StrictIntuit(clock), clock, owner="w1").access_token() == "a2"


def test_racing_workers_refresh_once_per_expiry() -> None:
    clock = RealClock()
    for _ in range(20):
        store = MemoryTokens(clock)
        authority = StrictIntuit(clock, pause_seconds=0.005)
        keepers = [TokenKeeper(store, authority, clock, owner=f"w{number}", lease_seconds=10) for number in range(8)]
        with ThreadPoolExecutor(max_workers=len(keepers)) as workers:
            got = list(workers.map(lambda keeper: keeper.access_token(), keepers))
        assert got == ["a2"] * 8
        assert authority.calls == ["r1"]


def test_tokens_are_not_shown() -> None:
    shown = repr(Tokens(access_token="canary", refresh_token="canary", access_expires_at=NOW))
    assert "canary" not in shown
