"""When a company's turn is, and what is done in it. Pure decisions: what was run and the time come in as arguments."""

from datetime import UTC, datetime, timedelta
from enum import StrEnum
from zoneinfo import ZoneInfo

import msgspec

from config.daemon_settings import DaemonSettings

# A nightly or weekly run that could not read everything is tried again after this time.
_RETRY_VERIFY = timedelta(hours=1)
_RETRY_SWEEP = timedelta(hours=6)
# A webhook's burst is read together, and no company is read more often than this because of webhooks.
SETTLING = timedelta(seconds=10)
SHORTEST_BEAT = timedelta(seconds=60)
_DAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
# From this part of the monthly budget on, reads that can wait are left out. Source: connectors.metering.
_USABLE_PERCENT = 80


class Work(StrEnum):
    """What is done in a turn; the value is how the list of runs calls it."""

    CYCLE = "reconcile"  # read what changed, compare
    VERIFY = "verify"  # a cycle, then everything is compared anew: incremental must equal full
    SWEEP = "sweep"  # everything is read anew, so that what vanished unseen is seen to be gone


KINDS = tuple(work.value for work in Work)


class Times(msgspec.Struct, frozen=True, kw_only=True):
    """The latest attempt at one kind of work, and the end of the latest one that read everything; None: never."""

    begun_at: datetime | None = None
    complete_at: datetime | None = None


class Past(msgspec.Struct, frozen=True, kw_only=True):
    """What was run for a company, by anybody. `is_unfinished`: the latest run of all broke off."""

    first_begun_at: datetime | None = None
    begun_at: datetime | None = None
    is_unfinished: bool = False
    verify: Times = Times()
    sweep: Times = Times()


class Plan(msgspec.Struct, frozen=True, kw_only=True):
    """How often a company is worked on. `is_sparing`: the call budget is short, so what can wait does."""

    settings: DaemonSettings
    zone: ZoneInfo
    beat: timedelta
    is_sparing: bool = False


def due_work(past: Past, plan: Plan, now: datetime, *, wanted_since: datetime | None = None) -> Work | None:
    """What the company needs now; None: nothing, because somebody has done it.

    `wanted_since` is when somebody last said that there is news; None: nobody did. A last run that lies in the
    future means that a clock was set back, and counts as none.
    """
    if not plan.is_sparing and _is_missed(past, past.sweep, _latest_weekly(plan, now), now, retry=_RETRY_SWEEP):
        return Work.SWEEP
    if _is_missed(past, past.verify, _latest_nightly(plan, now), now, retry=_RETRY_VERIFY):
        return Work.VERIFY
    if past.begun_at is None or past.begun_at > now or now - past.begun_at >= _own_beat(past, plan):
        return Work.CYCLE
    is_news = wanted_since is not None and past.begun_at < wanted_since
    return Work.CYCLE if is_news and now - past.begun_at >= SHORTEST_BEAT else None


def next_turn(past: Past, plan: Plan, now: datetime) -> timedelta:
    """How long after `now` there will be something to do, unless there is news; never less than a second."""
    moments = [now if past.begun_at is None else past.begun_at + _own_beat(past, plan), _next_nightly(plan, now)]
    return max(min(moments) - now, timedelta(seconds=1))


def stretched_beat(
    settings: DaemonSettings,
    *,
    budget: int,
    used: int,
    cost_per_cycle: float,
    company_count: int,
    now: datetime,
) -> timedelta:
    """The beat at which the month's remaining calls last to its end: the configured one, or a longer.

    `cost_per_cycle` is what one cycle of one company has cost lately, in metered calls.
    """
    beat, slowest = timedelta(minutes=settings.beat_minutes), timedelta(minutes=settings.slowest_beat_minutes)
    left = budget * _USABLE_PERCENT // 100 - used
    wanted = calls_to_come(cost_per_cycle=cost_per_cycle, company_count=company_count, beat=beat, now=now)
    if wanted <= left:
        return beat
    if left <= 0:
        return max(slowest, beat)
    return max(beat, min(beat * (wanted / left), slowest))


def calls_to_come(*, cost_per_cycle: float, company_count: int, beat: timedelta, now: datetime) -> int:
    """Metered calls that all companies will make to the end of the month of `now` in UTC at this beat."""
    return round(cost_per_cycle * company_count * ((_month_end(now) - now) / beat))


def _month_end(now: datetime) -> datetime:
    first = now.astimezone(UTC).replace(day=1, hour=0, minute=0, second=0, microsecond=0)
    return (first + timedelta(days=32)).replace(day=1)


def _own_beat(past: Past, plan: Plan) -> timedelta:
    """A run that broke off is taken up soon."""
    return min(SHORTEST_BEAT, plan.beat) if past.is_unfinished else plan.beat


def _is_missed(past: Past, times: Times, moment: datetime, now: datetime, *, retry: timedelta) -> bool:
    """Whether the run of that moment is still to be made: the first run of all counts for the time before it."""
    if past.first_begun_at is None or past.first_begun_at >= moment:
        return False
    if times.complete_at is not None and moment <= times.complete_at <= now:
        return False
    begun_at = times.begun_at
    return begun_at is None or begun_at < moment or begun_at > now or now - begun_at >= retry


def _latest_nightly(plan: Plan, now: datetime) -> datetime:
    """The last nightly moment that has passed: one for each local date, whatever the clocks are set to that night."""
    today = now.astimezone(plan.zone).date()
    moment = _nightly_on(plan, today.toordinal())
    return moment if moment <= now else _nightly_on(plan, today.toordinal() - 1)


def _next_nightly(plan: Plan, now: datetime) -> datetime:
    today = now.astimezone(plan.zone).date()
    moment = _nightly_on(plan, today.toordinal())
    return moment if moment > now else _nightly_on(plan, today.toordinal() + 1)


def _latest_weekly(plan: Plan, now: datetime) -> datetime:
    night = _latest_nightly(plan, now).astimezone(plan.zone).date()
    passed = (night.weekday() - _DAYS.index(plan.settings.sweep_on)) % 7
    return _nightly_on(plan, night.toordinal() - passed)


def _nightly_on(plan: Plan, ordinal: int) -> datetime:
    day = datetime.fromordinal(ordinal).date()
    return datetime.combine(day, plan.settings.nightly_at, plan.zone).astimezone(UTC)
