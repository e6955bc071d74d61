"""A connection's end is said 30, 7 and 1 days before, and when it has come."""

from datetime import UTC, datetime, timedelta

import pytest

from state.overview import TokenEnd
from sync.token_expiry import ExpiryLevel, expiry_warnings

NOW = datetime(2026, 3, 2, 12, 0, tzinfo=UTC)


def end(days: float, *, hard: float | None = None) -> TokenEnd:
    at = None if hard is None else NOW + timedelta(days=hard)
    return TokenEnd(provider="quickbooks", rolling_at=NOW + timedelta(days=days), hard_at=at)


@pytest.mark.parametrize(
    ("days", "level"),
    [
        (100, None),
        (30.01, None),
        (30, ExpiryLevel.MONTH),
        (7.01, ExpiryLevel.MONTH),
        (7, ExpiryLevel.WEEK),
        (1.01, ExpiryLevel.WEEK),
        (1, ExpiryLevel.DAY),
        (0.01, ExpiryLevel.DAY),
        (0, ExpiryLevel.OVER),
        (-3, ExpiryLevel.OVER),
    ],
)
def test_the_level_follows_from_the_days_left(days: float, level: ExpiryLevel | None) -> None:
    for ends in ([end(days)], [end(1000, hard=days)]):
        assert ([] if level is None else [level]) == [warning.level for warning in expiry_warnings(ends, NOW)]


def test_the_nearest_end_comes_first_and_says_what_to_do() -> None:
    first, second = expiry_warnings([end(20, hard=3)], NOW)
    assert ("hard", "rolling") == (first.kind, second.kind)
    assert "2026-03-05 whatever is done" in first.sentence
    assert "run `tieout connect quickbooks` before" in first.sentence
    assert "unless it is used" in second.sentence


def test_what_the_provider_did_not_say_is_no_warning() -> None:
    assert () == expiry_warnings([TokenEnd(provider="quickbooks", rolling_at=None, hard_at=None)], NOW)
