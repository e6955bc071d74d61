"""Whether a run heard what the systems had to say, and when that last was so; read from the runs' own certificates."""

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from typing import Any, Protocol

import msgspec

from mappings.findings import Gap
from mappings.model import System
from mappings.records import RunRecord
from state.runs import COMPARE

RUNS_LOOKED_AT = 1_000  # ten days of cycles
# Gaps that say that not all of a system's changes were heard; the others name records, settings or rights.
_UNREAD = frozenset({"G1", "G3", "G10"})
_NEVER = datetime.min.replace(tzinfo=UTC)
_A_DAY, _A_MONTH = timedelta(days=1), timedelta(days=31)


class FinishedRuns(Protocol):
    """The runs of a company that have an end."""

    def recent(self, *, most: int, by: datetime | None = None) -> tuple[RunRecord, ...]:
        """The latest, the newest first; with `by`, of those that had ended by then."""
        ...

    def following(self, after: datetime, *, by: datetime, most: int) -> tuple[RunRecord, ...]:
        """The first that ended after a moment and had ended by another, the oldest first."""
        ...


def gaps_of(run: RunRecord) -> tuple[Gap, ...]:
    """What a finished run could not read."""
    document: dict[str, Any] = msgspec.json.decode(run.certificate or "{}")
    return tuple(Gap(gap["code"], gap["system"], gap["sentence"]) for gap in document.get("gaps", ()))


def gap_sentences(run: RunRecord | None) -> tuple[str, ...]:
    """What a finished run could not read, for people; that there was no run is a gap, too."""
    if run is None:
        return ("nothing had been read yet",)
    return tuple(f"{gap.code} {gap.system}: {gap.sentence}" for gap in gaps_of(run))


def was_read(gaps: Iterable[Gap]) -> bool:
    """Whether a run with these gaps heard all of QuickBooks, records that it could not understand included."""
    return not any(gap.system == System.QUICKBOOKS and gap.code in _UNREAD for gap in gaps)


def last_read_at(runs: Iterable[RunRecord]) -> datetime:
    """When the newest of these finished runs began that read QuickBooks; the beginning of time when none did.

    `runs` are the newest first.
    """
    return next((run.started_at for run in runs if run.kind != COMPARE and was_read(gaps_of(run))), _NEVER)


def read_before(runs: FinishedRuns, run: RunRecord) -> datetime | None:
    """When QuickBooks was last read, as the run knew it; None when the run itself read it."""
    if was_read(gaps_of(run)):
        return None
    return last_read_at(runs.recent(most=RUNS_LOOKED_AT, by=run.finished_at))


def reading_near(runs: FinishedRuns, at: datetime, until: datetime) -> RunRecord | None:
    """The run that read both systems and stands for a moment, of those that had ended by `until`.

    It is the last that had ended by then, if that was within a day; else the nearest within a month, of equally near
    ones the earlier. A run that could not read a system stands for it only where there is no other; None: nothing does.
    """
    so_far = runs.recent(most=RUNS_LOOKED_AT, by=min(at, until))
    before = next((run for run in so_far if _heard_both(run)), None)
    if before is not None and _distance(before, at) <= _A_DAY:
        return before
    later = runs.following(at, by=until, most=RUNS_LOOKED_AT)
    after = next((run for run in later if _heard_both(run)), None)
    heard = [run for run in (before, after) if run is not None and _distance(run, at) <= _A_MONTH]
    near = heard or [run for run in (*so_far[:1], *later[:1]) if _distance(run, at) <= _A_MONTH]
    return min(near, key=lambda run: _distance(run, at), default=None)


def _heard_both(run: RunRecord) -> bool:
    return not any(gap.code in _UNREAD for gap in gaps_of(run))


def _distance(run: RunRecord, at: datetime) -> timedelta:
    assert run.finished_at is not None
    return abs(run.finished_at - at)
