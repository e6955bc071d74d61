"""The parts of `tieout check` that the store tells: is it safe, is the daemon at work, is anything stuck. Pure."""

from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta

from sqlalchemy.engine import make_url

from mappings.records import SetAside
from state.overview import RunTimes
from state.schema import NEWEST_REVISION
from sync.checking import Check
from sync.exit_codes import ExitCode

_MOST_LINES = 5
_SPARING_PERCENT, _STOPPING_PERCENT = 80, 95  # Source: connectors.metering


def describe_database(url: str) -> str:
    """Where the database is, without a password, and its version. Opening it has closed a file to other users."""
    return f"{make_url(url).render_as_string(hide_password=True)}, version {NEWEST_REVISION}"


def check_beat(runs: RunTimes, nightly: RunTimes, now: datetime, *, longest: timedelta) -> Check:
    """Whether the company is read; `longest` is how long there may be no complete run once the daemon has worked here.

    `nightly` are the runs that only the daemon makes: where there was none, people read when they want to.
    """
    name = "daemon"
    if runs.begun_at is None:
        return Check(name=name, detail="nothing was read yet: run `tieout reconcile`, then keep `tieout run` going")
    age = now - runs.begun_at
    said = f"the last run began {_age(age)} ago"
    code = ExitCode.CLEAN if nightly.begun_at is None else ExitCode.INCOMPLETE
    if age > longest:
        return Check(name=name, detail=f"{said}: `tieout run` reads by itself, see that it runs", exit_code=code)
    if runs.complete_at is not None and now - runs.complete_at > longest:
        detail = f"{said}, but none was complete since {runs.complete_at:%Y-%m-%d %H:%M} UTC: see the lines above"
        return Check(name=name, detail=detail, exit_code=code)
    return Check(name=name, detail=said)


def check_budget(used: int, budget: int) -> Check:
    """How much of the month's metered calls of QuickBooks is used up."""
    percent = used * 100 // budget
    said = f"{used:,} of {budget:,} metered calls of this month are used ({percent} %)"
    if percent >= _STOPPING_PERCENT:
        said += ": nothing more is read until the month ends; raise `monthly_call_budget` if Intuit's tier allows it"
        return Check(name="call budget", detail=said, exit_code=ExitCode.INCOMPLETE)
    if percent >= _SPARING_PERCENT:
        said += ": companies are read less often until the month ends"
    return Check(name="call budget", detail=said)


def check_unreadable(records: Sequence[SetAside]) -> Iterator[Check]:
    """One line for each record that cannot be read, the first few of them."""
    if not records:
        yield Check(name="unreadable records", detail="none")
    for each in records[:_MOST_LINES]:
        where = "QuickBooks" if each.system == "quickbooks" else "BigTime"
        named = f"{each.kind.replace('_', ' ')} {each.record_id}".strip()
        detail = (
            f"{where} {named}, since {each.since:%Y-%m-%d}: {each.reason}. Correct it there: every run is incomplete"
        )
        yield Check(name="unreadable record", detail=detail, exit_code=ExitCode.INCOMPLETE)
    if len(records) > _MOST_LINES:
        detail = f"and {len(records) - _MOST_LINES} more: `tieout findings unreadable` lists them"
        yield Check(name="unreadable records", detail=detail, exit_code=ExitCode.INCOMPLETE)


def _age(age: timedelta) -> str:
    minutes = max(0, int(age.total_seconds() // 60))
    if minutes < 120:
        return f"{minutes} minutes"
    return f"{minutes // 60} hours" if minutes < 48 * 60 else f"{minutes // (24 * 60)} days"
