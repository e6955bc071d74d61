"""What reports read: the books as they were known at a moment."""

from collections.abc import Iterator, Mapping
from datetime import datetime
from zoneinfo import ZoneInfo

from config.settings import RuleSettings
from mappings.model import Book
from mappings.records import FindingLife
from state.store import CompanyStore
from sync.ports import Clock
from sync.readings import gap_sentences, reading_near
from sync.reports.tying_out import PastReading
from sync.viewing import moment_of_run


class ReportReader:
    """Reads; needs no lease and changes nothing."""

    def __init__(self, stored: CompanyStore, *, timezone: ZoneInfo, rules: RuleSettings, clock: Clock) -> None:
        self._stored = stored
        self._timezone = timezone
        self._rules = rules
        self._clock = clock

    def timezone(self) -> ZoneInfo:
        """The zone in which the company's bookkeeping days begin and end."""
        return self._timezone

    def judged_at(self) -> datetime:
        """When the last run ended; the present when there was none. Nothing later is complete."""
        last = self._stored.runs.last(finished=True)
        return last.finished_at if last is not None and last.finished_at is not None else self._clock.now()

    def report_books(self, as_of: datetime) -> Iterator[Book]:
        """All books of the company as they were known at `as_of`, one at a time."""
        books = self._stored.book_reader()
        return books.iterate_books(books.load_all_groups(), as_of)

    def reading_near(self, at: datetime, as_of: datetime) -> PastReading | None:
        """The reading of both systems that stands for `at`; None when none near enough had ended by `as_of`."""
        run = reading_near(self._stored.runs, at, as_of)
        if run is None:
            return None
        moment = moment_of_run(run, self._stored.runs, self._timezone, self._rules)
        return PastReading(moment=moment, gaps=gap_sentences(run))

    def lives(self, as_of: datetime) -> Mapping[str, FindingLife]:
        """What had become of every finding by `as_of`, by fingerprint."""
        return self._stored.findings.load_lives(as_of)

    def gaps(self, as_of: datetime) -> tuple[str, ...]:
        """What the last run that had ended by `as_of` could not read; that there was none is a gap, too."""
        return gap_sentences(self._stored.runs.last(finished=True, by=as_of))
