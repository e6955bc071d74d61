"""When a record that a read did not show may be called gone. PURE: no clock, no store, no network.

BigTime has no list of deletions. One read without a record proves little: it may have moved to another date, the
login may have lost rights, the reply may have been cut. A record is gone when two complete reads of its dates in
different runs did not show it and everything else was read in between. Source: facts/bigtime.md §2.8, §1.2.
"""

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from datetime import date, datetime

import msgspec

from mappings.model import Kind, RecordKey
from mappings.records import StoredRecord
from sync.pulling.windows import month_of

# fewer records than this lost at once say nothing about rights
_FEWEST_KNOWN = 10
# invoices are deleted one by one, if ever; a login without rights shows few or none
_FEWEST_INVOICES = 4
_FEWEST_OF_ALL = 2


class Seen(msgspec.Struct, frozen=True, kw_only=True):
    """What a reply showed.

    `prefixes` are the beginnings of ids of rows that were there but could not be understood. A reply in which a row
    could not even be named is not `certain`: it proves no absence.
    """

    ids: frozenset[str]
    prefixes: tuple[str, ...] = ()
    is_certain: bool = True
    rows: Mapping[int, int] = msgspec.field(default_factory=dict)

    def __contains__(self, record_id: str) -> bool:
        return record_id in self.ids or any(record_id.startswith(prefix) for prefix in self.prefixes)


class Reads(msgspec.Struct, frozen=True, kw_only=True):
    """The reads that a judgement rests on: when this run began, and since when everything was read (None: never)."""

    run_started_at: datetime
    oldest_read_at: datetime | None


class Absence(msgspec.Struct, frozen=True, kw_only=True):
    """What follows from a reply.

    `missing` were not shown for the first time; `gone` are gone; `unsettled` were missing before and are not gone yet.
    `lost_count` records were not shown because the login must have lost rights, `lost_months` are theirs: nothing
    follows for those.
    """

    missing: tuple[StoredRecord, ...] = ()
    gone: tuple[StoredRecord, ...] = ()
    unsettled: tuple[StoredRecord, ...] = ()
    lost_months: frozenset[int] = frozenset()
    lost_count: int = 0

    @property
    def missing_keys(self) -> tuple[RecordKey, ...]:
        """The records to be marked as missing."""
        return tuple(record.key for record in self.missing)

    @property
    def incomplete_months(self) -> frozenset[int]:
        """The months in which something that we know was not shown and is not said to be gone."""
        return frozenset(
            month_of(day) for record in (*self.missing, *self.unsettled) for day in dates_of(record) if day is not None
        )


def dates_of(record: StoredRecord) -> tuple[date, ...]:
    """The dates under which a record is filed; empty when it has none."""
    return tuple(day for day in (record.dated_on, record.applied_on) if day is not None)


def infer_absence(
    known: Sequence[StoredRecord],
    seen: Seen,
    *,
    expected: Callable[[StoredRecord], bool],
    reads: Reads,
    accept_losses: bool = False,
    rights_are_lost: bool = False,
) -> Absence:
    """What follows for the known records from one complete reply.

    Only records that the reply was `expected` to show can be absent from it. `accept_losses` is a person's word
    that many records were really deleted. `rights_are_lost`: another list of this run has shown that the login lost
    rights, so that nothing that is absent here is gone either.
    """
    if not seen.is_certain:
        return Absence()
    asked = [record for record in known if expected(record)]
    absent = [record for record in asked if record.key.id not in seen]
    if not absent:
        return Absence()
    lost = frozenset() if accept_losses else _lost_months(asked, absent, seen)
    is_loss = (
        rights_are_lost
        or _is_empty(asked, absent, seen)
        or _is_loss(len(asked), len(absent), _shown(asked, seen), _fewest(asked))
    )
    if is_loss and not accept_losses:
        return Absence(
            lost_months=frozenset(month for record in absent for month in _filed_months(record)), lost_count=len(absent)
        )
    judged = [record for record in absent if not lost.intersection(_filed_months(record))]
    ripe = {record.key for record in judged if _is_ripe(record, reads)}
    return Absence(
        missing=tuple(record for record in judged if record.missing_since is None),
        gone=tuple(record for record in judged if record.key in ripe),
        unsettled=tuple(record for record in judged if record.missing_since is not None and record.key not in ripe),
        lost_months=lost,
        lost_count=len(absent) - len(judged),
    )


def _is_ripe(record: StoredRecord, reads: Reads) -> bool:
    """Absent before, in an earlier run, and everything was read since, so it did not merely move."""
    since = record.missing_since
    return (
        since is not None
        and since < reads.run_started_at
        and reads.oldest_read_at is not None
        and reads.oldest_read_at >= since
    )


def _filed_months(record: StoredRecord) -> frozenset[int]:
    return frozenset(month_of(day) for day in dates_of(record))


def _lost_months(asked: Sequence[StoredRecord], absent: Sequence[StoredRecord], seen: Seen) -> frozenset[int]:
    """Months that show less than half of at least ten records (four invoices), and no others in their place.

    Deleting and importing again gives new ids to as many records; a login without rights shows few.
    """
    known = Counter(month for record in asked for month in _filed_months(record))
    gone = Counter(month for record in absent for month in _filed_months(record))
    return frozenset(
        month for month in gone if _is_loss(known[month], gone[month], seen.rows.get(month, 0), _fewest(asked))
    )


def _shown(asked: Sequence[StoredRecord], seen: Seen) -> int:
    """How many records the reply has in the place of the known ones; undated ones stand for themselves."""
    months = {month for record in asked for month in _filed_months(record)}
    undated = sum(1 for record in asked if not _filed_months(record) and record.key.id in seen)
    return sum(seen.rows.get(month, 0) for month in months) + undated


def _is_empty(asked: Sequence[StoredRecord], absent: Sequence[StoredRecord], seen: Seen) -> bool:
    """Whether a list of invoices shows nothing at all any more."""
    if seen.ids or seen.prefixes or len(absent) < _FEWEST_OF_ALL:
        return False
    return all(record.key.kind is Kind.INVOICE for record in asked)


def _fewest(asked: Sequence[StoredRecord]) -> int:
    """How many records a list must have had before the loss of most of them says anything about rights."""
    return _FEWEST_INVOICES if all(record.key.kind is Kind.INVOICE for record in asked) else _FEWEST_KNOWN


def _is_loss(known: int, absent: int, shown: int, fewest: int) -> bool:
    return known >= fewest and absent * 2 > known and shown * 2 < known
