"""Which run stands for a moment of the past: the last that read both systems, or the nearest."""

from datetime import UTC, datetime

import pytest

from mappings.records import RunRecord
from sync.readings import gap_sentences, read_before, reading_near

AT = datetime(2026, 10, 31, 23, 59, tzinfo=UTC)
UNTIL = datetime(2026, 12, 31, tzinfo=UTC)
UNREAD = '{"gaps": [{"code": "G10", "system": "bigtime", "sentence": "did not answer"}]}'
NO_QUICKBOOKS = '{"gaps": [{"code": "G10", "system": "quickbooks", "sentence": "did not answer"}]}'
SET_ASIDE = '{"gaps": [{"code": "G8", "system": "bigtime", "sentence": "one record"}]}'


class Runs:
    """Finished runs, each with the day of its end and its certificate."""

    def __init__(self, *ends: tuple[str, str]) -> None:
        self.all = [
            RunRecord(
                id=day,
                kind="sync",
                started_at=moment(day),
                finished_at=moment(day),
                verdict=None,
                certificate=certificate,
            )
            for day, certificate in ends
        ]

    def recent(self, *, most: int, by: datetime | None = None) -> tuple[RunRecord, ...]:
        found = [run for run in self.all if by is None or (run.finished_at and run.finished_at <= by)]
        return tuple(reversed(found))[:most]

    def following(self, after: datetime, *, by: datetime, most: int) -> tuple[RunRecord, ...]:
        return tuple(run for run in self.all if run.finished_at and after < run.finished_at <= by)[:most]


def moment(day: str) -> datetime:
    return datetime.fromisoformat(f"{day}:00+00:00")


@pytest.mark.parametrize(
    ("ends", "stands"),
    [
        ((), ""),
        ((("2026-10-31 20:00", ""), ("2026-11-01 00:00", "")), "2026-10-31 20:00"),  # not the nearer one after it
        ((("2026-10-25 09:00", ""), ("2026-11-02 09:00", "")), "2026-11-02 09:00"),
        ((("2026-10-25 09:00", ""), ("2026-11-20 09:00", "")), "2026-10-25 09:00"),
        ((("2026-10-25 09:00", ""),), "2026-10-25 09:00"),
        ((("2026-09-25 09:00", ""), ("2026-12-05 09:00", "")), ""),  # more than a month away
        ((("2026-10-31 12:00", ""), ("2026-10-31 20:00", UNREAD)), "2026-10-31 12:00"),
        ((("2026-10-31 12:00", ""), ("2026-10-31 20:00", SET_ASIDE)), "2026-10-31 20:00"),
        ((("2026-10-31 20:00", UNREAD), ("2026-11-02 09:00", "")), "2026-11-02 09:00"),
        ((("2026-10-31 20:00", UNREAD), ("2026-11-02 09:00", UNREAD)), "2026-10-31 20:00"),
    ],
)
def test_the_run_that_stands_for_a_moment(ends: tuple[tuple[str, str], ...], stands: str) -> None:
    found = reading_near(Runs(*ends), AT, UNTIL)
    assert stands == (found.id if found else "")


def test_no_run_stands_for_a_moment_that_ended_after_what_was_asked() -> None:
    runs = Runs(("2026-10-20 09:00", ""), ("2026-11-02 09:00", ""))
    found = reading_near(runs, AT, moment("2026-11-01 00:00"))
    assert found is not None
    assert "2026-10-20 09:00" == found.id


def test_when_quickbooks_was_last_read_is_told_as_the_run_knew_it() -> None:
    runs = Runs(("2026-10-20 09:00", ""), ("2026-10-21 09:00", NO_QUICKBOOKS), ("2026-10-22 09:00", ""))
    assert [None, moment("2026-10-20 09:00"), None] == [read_before(runs, run) for run in runs.all]


def test_that_nothing_was_read_is_a_gap() -> None:
    assert ("nothing had been read yet",) == gap_sentences(None)
    assert ("G10 bigtime: did not answer",) == gap_sentences(Runs(("2026-10-31 20:00", UNREAD)).all[0])
