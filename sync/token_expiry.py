"""When the connection to QuickBooks ends unless a person renews it. Pure: ends and the present come in as arguments.

Source: fact sheet `quickbooks.md` §1: a refresh token ends 100 days after it was last used, and for good after five
years, whatever was done with it.
"""

from collections.abc import Iterator, Sequence
from datetime import datetime
from enum import IntEnum
from typing import Protocol

import msgspec


class ExpiryLevel(IntEnum):
    """How near the end is; the value is the days before it at which the level begins."""

    MONTH = 30
    WEEK = 7
    DAY = 1
    OVER = 0


class TokenEnd(Protocol):
    """When one provider's refresh token ends; None: the provider did not say."""

    @property
    def provider(self) -> str:
        """Whose token it is."""
        ...

    @property
    def rolling_at(self) -> datetime | None:
        """The end that each refresh moves."""
        ...

    @property
    def hard_at(self) -> datetime | None:
        """The end that nothing moves."""
        ...


class ExpiryWarning(msgspec.Struct, frozen=True, kw_only=True):
    """One end that is near. `kind` is `rolling` or `hard`; equal warnings need to be said once only."""

    provider: str
    kind: str
    level: ExpiryLevel
    ends_at: datetime
    sentence: str


def expiry_warnings(ends: Sequence[TokenEnd], now: datetime) -> tuple[ExpiryWarning, ...]:
    """What is to be said now about connections that end soon, or have ended; the nearest end first."""
    found = [warning for end in ends for warning in _warnings_of(end, now)]
    return tuple(sorted(found, key=lambda warning: warning.ends_at))


def _warnings_of(end: TokenEnd, now: datetime) -> Iterator[ExpiryWarning]:
    for kind, at in (("rolling", end.rolling_at), ("hard", end.hard_at)):
        level = None if at is None else _level(at, now)
        if at is not None and level is not None:
            yield ExpiryWarning(
                provider=end.provider,
                kind=kind,
                level=level,
                ends_at=at,
                sentence=_sentence(end.provider, kind, at, now),
            )


def _level(ends_at: datetime, now: datetime) -> ExpiryLevel | None:
    seconds = (ends_at - now).total_seconds()
    reached = [level for level in ExpiryLevel if seconds <= level * 86_400]
    return min(reached, default=None)


def _sentence(provider: str, kind: str, ends_at: datetime, now: datetime) -> str:
    advice = f"run `tieout connect {provider}`"
    if ends_at <= now:
        return f"the connection to {provider} ended on {ends_at:%Y-%m-%d}: {advice}"
    if kind == "hard":
        return (
            f"the connection to {provider} ends on {ends_at:%Y-%m-%d} whatever is done, as it does every five years: "
            f"{advice} before"
        )
    return (
        f"the connection to {provider} ends on {ends_at:%Y-%m-%d} unless it is used before: "
        f"`tieout sync` uses it; if that fails, {advice}"
    )
