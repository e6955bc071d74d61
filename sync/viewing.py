"""Turns the settings of a firm into the moment at which the rules look at its books."""

from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from config.settings import RuleSettings
from mappings.records import RunRecord
from sync.readings import FinishedRuns, read_before
from sync.rules.moment import Moment


def moment_of(
    now: datetime, timezone: ZoneInfo, rules: RuleSettings, *, quickbooks_read_at: datetime | None = None
) -> Moment:
    """The moment; `now` is aware and UTC. `quickbooks_read_at`: see `Moment`."""
    return Moment(
        now=now,
        timezone=timezone,
        grace=timedelta(hours=rules.grace_hours),
        duplicate_window=timedelta(days=rules.duplicate_window_days),
        stale_after=timedelta(days=rules.stale_credit_days),
        quickbooks_read_at=quickbooks_read_at,
    )


def moment_of_run(run: RunRecord, runs: FinishedRuns, timezone: ZoneInfo, rules: RuleSettings) -> Moment:
    """The moment at which a finished run ended, with what it knew of its reading."""
    assert run.finished_at is not None
    return moment_of(run.finished_at, timezone, rules, quickbooks_read_at=read_before(runs, run))
