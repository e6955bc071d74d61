"""What changed in a month after it had been reported, and which event did it.

A month is reported when it is over, or some days later. Months are those of the books: the date of the transaction as
it stood. What a first load finds is no restatement: nothing had been reported before it.
Source: fact sheet `field.md` §5, leap 4.
"""

from collections import defaultdict
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta

import msgspec

from mappings.findings import Evidence
from mappings.model import History, RecordKey, Version
from mappings.money import Money
from sync.reports.occasions import Occasion, OccasionKind, date_of
from sync.reports.opened import OpenBook
from sync.reports.report import Report
from sync.reports.scope import Dating, Scope

_SAID = (
    "A month here is that of the transaction's date. The other reports count an application in the month in which it "
    "came into being, unless --dates booked is asked for."
)


class RestatementRow(msgspec.Struct, frozen=True, kw_only=True):
    """One event and its signed effect on the client's credit in that month; `kind` says in which figure."""

    month: str
    client: str
    event: str
    amount: Money
    currency: str
    seen_at: datetime
    kind: str
    reported_at: datetime
    records: tuple[Evidence, ...]


class RestatementTotal(msgspec.Struct, frozen=True, kw_only=True):
    """The change of one month's figures in one currency."""

    currency: str
    month: str
    issued: Money
    applied: Money
    unapplied: Money
    refunded: Money
    edited: Money
    amount: Money


class Restatements:
    """Gathers the late events; a month counts as reported `closing_days` after its end."""

    def __init__(self, scope: Scope, *, closing_days: int = 0) -> None:
        self._scope = scope
        self._closing = timedelta(days=closing_days)
        self._rows: list[RestatementRow] = []

    def add(self, opened: OpenBook) -> None:
        """Take the late events of a book."""
        by_record: defaultdict[RecordKey, list[Occasion]] = defaultdict(list)
        for occasion in opened.occasions:
            by_record[occasion.record].append(occasion)
        for key, occasions in by_record.items():
            for row in self._rows_of(opened, opened.histories[key], occasions):
                self._rows.append(row)

    def report(self) -> Report:
        """The rows by month and the time of the event."""
        rows = sorted(
            self._rows,
            key=lambda row: (row.month, row.seen_at, row.client.casefold(), row.client, row.event, row.records),
        )
        names = sorted({(row.month, row.currency) for row in rows})
        return Report(
            name="restatements",
            title="Changes in months already reported",
            scope=self._scope,
            row_type=RestatementRow,
            rows=tuple(rows),
            totals=tuple(
                _total(month, currency, [row for row in rows if (row.month, row.currency) == (month, currency)])
                for month, currency in names
            ),
            lines=(_SAID,) if rows and self._scope.dating is not Dating.BOOKED else (),
        )

    def _rows_of(self, opened: OpenBook, history: History, occasions: list[Occasion]) -> Iterator[RestatementRow]:
        """The late occasions of one record, and its moves from one month to another."""
        dates = _dates(history)
        for occasion in occasions:
            booked_on = dates[occasion.sequence - 1]
            if not occasion.is_first_load:
                event = _event(opened, occasion)
                yield from self._late(opened, booked_on, occasion, occasion.amount_minor, event)
        for version in history.versions[1:]:
            old, new = dates[version.sequence - 2], dates[version.sequence - 1]
            if old == new or old is None or new is None:
                continue
            event = f"{opened.described(history.key)} was re-dated from {old.isoformat()} to {new.isoformat()}"
            for occasion in [one for one in occasions if one.sequence < version.sequence]:
                moved = _seen_in(occasion, version)
                yield from self._late(opened, old, moved, -occasion.amount_minor, event)
                yield from self._late(opened, new, moved, occasion.amount_minor, event)

    def _late(
        self, opened: OpenBook, booked_on: date | None, occasion: Occasion, minor: int, event: str
    ) -> Iterator[RestatementRow]:
        if booked_on is None or not self._scope.covers(booked_on):
            return
        reported_at = self._reported_at(booked_on)
        if occasion.known_at <= reported_at or not opened.shows(occasion.client_id, occasion.currency):
            return
        yield RestatementRow(
            month=booked_on.strftime("%Y-%m"),
            event=event,
            amount=Money(minor, occasion.currency),
            seen_at=occasion.known_at,
            client=opened.client_name(occasion.client_id),
            kind=str(occasion.kind),
            currency=occasion.currency,
            reported_at=reported_at,
            records=opened.evidence_of(occasion),
        )

    def _reported_at(self, day: date) -> datetime:
        """When the month of a day counts as reported."""
        following = (day.replace(day=1) + timedelta(days=32)).replace(day=1) + self._closing
        return datetime(following.year, following.month, following.day, tzinfo=self._scope.timezone).astimezone(UTC)


def _seen_in(occasion: Occasion, version: Version) -> Occasion:
    return msgspec.structs.replace(
        occasion, known_at=version.observed_at, sequence=version.sequence, sha256=version.sha256
    )


def _dates(history: History) -> list[date | None]:
    """The transaction's date in each version; a deletion keeps the date that stood before it."""
    dates: list[date | None] = []
    for version in history.versions:
        dates.append(date_of(version.content) if version.content else dates[-1] if dates else None)
    return dates


_EVENTS = {
    OccasionKind.ISSUED: "{record} gave credit",
    OccasionKind.APPLIED: "{record} put {source} on {targets}",
    OccasionKind.UNAPPLIED: "{record} took {source} back from {targets}",
    OccasionKind.REFUNDED: "{record} refunded {source}",
    OccasionKind.EDITED: "{record} was changed",
    OccasionKind.VOIDED: "{record} was voided or deleted",
}


def _event(opened: OpenBook, occasion: Occasion) -> str:
    sentence = _EVENTS[occasion.kind].format(
        record=opened.described(occasion.record),
        source="its credit" if occasion.source == occasion.record else opened.described(occasion.source),
        targets=opened.labels(occasion.targets) or "a charge",
    )
    return f"{sentence}; first seen after the month was reported" if occasion.sequence == 1 else sentence


def _total(month: str, currency: str, rows: list[RestatementRow]) -> RestatementTotal:
    def added(*kinds: OccasionKind) -> Money:
        return Money(sum(row.amount.minor for row in rows if row.kind in kinds), currency)

    return RestatementTotal(
        currency=currency,
        month=month,
        issued=added(OccasionKind.ISSUED),
        applied=added(OccasionKind.APPLIED),
        unapplied=added(OccasionKind.UNAPPLIED),
        refunded=added(OccasionKind.REFUNDED),
        edited=added(OccasionKind.EDITED, OccasionKind.VOIDED),
        amount=added(*OccasionKind),
    )
