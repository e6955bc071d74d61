"""A company's turn comes when it is due, once for each night and each week, and never because somebody else's did."""

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from config.daemon_settings import DaemonSettings
from sync.beats import Past, Plan, Times, Work, calls_to_come, due_work, next_turn, stretched_beat

NOON = datetime(2026, 3, 4, 17, 0, tzinfo=UTC)  # a Wednesday, noon in New York
SETTINGS = DaemonSettings()
PLAN = Plan(settings=SETTINGS, zone=ZoneInfo("America/New_York"), beat=timedelta(minutes=15))
MINUTE = timedelta(minutes=1)


def past(minutes_ago: float, **values: object) -> Past:
    """A company that was begun weeks ago, verified last night and swept last Sunday."""
    known: dict[str, object] = {
        "first_begun_at": NOON - timedelta(days=30),
        "begun_at": NOON - minutes_ago * MINUTE,
        "verify": Times(begun_at=NOON - timedelta(hours=9), complete_at=NOON - timedelta(hours=9)),
        "sweep": Times(begun_at=NOON - timedelta(days=3), complete_at=NOON - timedelta(days=3)),
    }
    return Past(**{**known, **values})  # type: ignore[arg-type]


def test_a_new_company_is_read_at_once() -> None:
    assert Work.CYCLE is due_work(Past(), PLAN, NOON)
    assert timedelta(seconds=1) == next_turn(Past(), PLAN, NOON)


@pytest.mark.parametrize(("minutes_ago", "work"), [(14, None), (15, Work.CYCLE), (600, Work.CYCLE), (-5, Work.CYCLE)])
def test_a_cycle_is_due_a_beat_after_the_last_one_whoever_did_it(minutes_ago: float, work: Work | None) -> None:
    assert work is due_work(past(minutes_ago), PLAN, NOON)


def test_the_next_turn_is_a_beat_after_the_last() -> None:
    assert 11 * MINUTE == next_turn(past(4), PLAN, NOON)


def test_the_next_turn_does_not_miss_the_night() -> None:
    slow = Plan(settings=SETTINGS, zone=PLAN.zone, beat=timedelta(hours=24))
    evening = datetime(2026, 3, 5, 4, 0, tzinfo=UTC)  # 23:00; the night's moment is 02:30
    assert timedelta(hours=3, minutes=30) == next_turn(Past(begun_at=evening), slow, evening)


def test_a_run_that_broke_off_is_taken_up_within_a_minute() -> None:
    assert Work.CYCLE is due_work(past(1, is_unfinished=True), PLAN, NOON)
    assert due_work(past(0.5, is_unfinished=True), PLAN, NOON) is None
    assert timedelta(seconds=30) == next_turn(past(0.5, is_unfinished=True), PLAN, NOON)


def test_news_makes_a_turn_due_unless_it_was_read_since_or_a_moment_ago() -> None:
    assert Work.CYCLE is due_work(past(5), PLAN, NOON, wanted_since=NOON - MINUTE)
    assert due_work(past(5), PLAN, NOON, wanted_since=NOON - 6 * MINUTE) is None
    assert due_work(past(0.5), PLAN, NOON, wanted_since=NOON) is None


def test_the_night_verifies_once() -> None:
    missed = past(1, verify=Times(begun_at=NOON - timedelta(days=1), complete_at=NOON - timedelta(days=1)))
    assert Work.VERIFY is due_work(missed, PLAN, NOON)
    assert due_work(past(1), PLAN, NOON) is None


def test_a_night_that_could_not_read_everything_is_tried_again_after_an_hour() -> None:
    def tried(minutes_ago: float) -> Past:
        return past(1, verify=Times(begun_at=NOON - minutes_ago * MINUTE, complete_at=NOON - timedelta(days=1)))

    assert due_work(tried(30), PLAN, NOON) is None
    assert Work.VERIFY is due_work(tried(60), PLAN, NOON)


def test_the_first_run_stands_for_the_night_and_the_week_before_it() -> None:
    young = Past(first_begun_at=NOON - timedelta(hours=2), begun_at=NOON - MINUTE)
    assert due_work(young, PLAN, NOON) is None


def test_a_week_without_a_sweep_is_swept_unless_calls_are_short() -> None:
    stale = past(1, sweep=Times(begun_at=NOON - timedelta(days=8), complete_at=NOON - timedelta(days=8)))
    assert Work.SWEEP is due_work(stale, PLAN, NOON)
    sparing = Plan(settings=SETTINGS, zone=PLAN.zone, beat=PLAN.beat, is_sparing=True)
    assert due_work(stale, sparing, NOON) is None


@pytest.mark.parametrize("zone", ["America/New_York", "Europe/London", "Australia/Lord_Howe", "Asia/Kolkata"])
@pytest.mark.parametrize("nightly_at", ["01:30", "02:30", "00:00"])
@pytest.mark.parametrize("begins", [datetime(2026, 3, 6, tzinfo=UTC), datetime(2026, 10, 30, tzinfo=UTC)])
def test_each_local_date_verifies_once_whatever_the_clocks_do(zone: str, nightly_at: str, begins: datetime) -> None:
    settings = DaemonSettings.model_validate({"nightly_at": nightly_at})
    plan = Plan(settings=settings, zone=ZoneInfo(zone), beat=timedelta(minutes=15), is_sparing=True)
    known = Past(first_begun_at=begins - timedelta(days=9), begun_at=begins, verify=Times(complete_at=begins))
    verified: list[datetime] = []
    for step in range(30 * 96):
        now = begins + step * timedelta(minutes=15)
        work = due_work(known, plan, now)
        times = known.verify
        if work is Work.VERIFY:
            verified.append(now)
            times = Times(begun_at=now, complete_at=now)
        known = Past(first_begun_at=known.first_begun_at, begun_at=now, verify=times)
    days = [moment.astimezone(ZoneInfo(zone)).date() for moment in verified]
    assert len(days) == len(set(days))
    assert 29 <= len(days) <= 31


def test_the_beat_stays_while_the_calls_last() -> None:
    beat = stretched_beat(SETTINGS, budget=500_000, used=1_000, cost_per_cycle=1, company_count=100, now=NOON)
    assert timedelta(minutes=15) == beat


@given(
    used=st.integers(0, 600_000),
    cost=st.integers(0, 20),
    companies=st.integers(1, 500),
    day=st.integers(1, 28),
)
def test_a_stretched_beat_makes_the_calls_last_unless_it_is_as_slow_as_allowed(
    used: int, cost: int, companies: int, day: int
) -> None:
    now = datetime(2026, 3, day, 5, tzinfo=UTC)
    beat = stretched_beat(SETTINGS, budget=500_000, used=used, cost_per_cycle=cost, company_count=companies, now=now)
    assert timedelta(minutes=15) <= beat <= timedelta(hours=6)
    if beat < timedelta(hours=6):
        to_come = calls_to_come(cost_per_cycle=cost, company_count=companies, beat=beat, now=now)
        assert used + to_come <= 400_000 + 1 or cost == 0


def test_december_ends_too() -> None:
    now = datetime(2026, 12, 31, 23, 0, tzinfo=UTC)
    assert 4 == calls_to_come(cost_per_cycle=1, company_count=1, beat=timedelta(minutes=15), now=now)
