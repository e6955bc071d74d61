"""What reports read: the books as they were known at a moment."""

from collections.abc import Iterator
from datetime import datetime
from zoneinfo import ZoneInfo

import msgspec

from mappings.model import Book
from state.store import CompanyStore
from sync.ports import Clock


class ReportReader:
    """Reads; needs no lease and changes nothing."""

    def __init__(self, stored: CompanyStore, *, timezone: ZoneInfo, clock: Clock) -> None:
        self._stored = stored
        self._timezone = timezone
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

    def gaps(self, as_of: datetime) -> tuple[str, ...]:
        """What the last run that had ended by `as_of` could not read; that there was none is a gap, too."""
        last = self._stored.runs.last(finished=True, by=as_of)
        if last is None:
            return ("nothing had been read yet",)
        certificate = msgspec.json.decode(last.certificate or "{}")
        return tuple(f"{gap['code']} {gap['system']}: {gap['sentence']}" for gap in certificate.get("gaps", ()))
