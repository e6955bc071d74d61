"""Brings the store up to what QuickBooks says now, or says honestly that it could not.

The first load reads every kind in order of change; after it, one call a cycle asks what has changed. A page, a change
list and its cursor are stored in one transaction; nothing is asked of the network inside one. When QuickBooks cannot
list all changes (too many, too long ago), the cursor stays, the kinds are read again and their ids compared, and only
then does the cursor move. Source: DESIGN §6; fact sheet `quickbooks.md` §2-3.
"""

from contextlib import closing
from datetime import datetime, timedelta

import msgspec

from connectors.errors import (
    AccessExpired,
    BudgetSpent,
    Conflict,
    ConnectorError,
    NotFound,
    OutcomeUnknown,
    Rejected,
    Throttled,
    Unavailable,
)
from connectors.quickbooks.reading import QuickBooksReader
from connectors.quickbooks.statements import Place
from connectors.quickbooks.wire import Changes
from mappings.model import Kind, Observation, Preferences, RecordKey, System
from mappings.quickbooks import content_from_quickbooks
from mappings.records import PullOutcome, Quarantined
from sync.ports import Clock, RecordStore
from sync.pulling.quickbooks_cursor import (
    ALL_KINDS,
    TRANSACTION_KINDS,
    QuickBooksCursor,
    with_enumeration,
    with_finished_enumeration,
    with_place,
    with_set_aside,
    without_sweep,
)
from sync.pulling.quickbooks_intake import Intake
from sync.pulling.quickbooks_rows import (
    Mapper,
    Progress,
    Sifted,
    named_customers,
)

_PASSING = (Unavailable, Throttled, BudgetSpent, AccessExpired, OutcomeUnknown, Conflict)
_MOST_ROUNDS = 4
_MOST_PARENTS = 5
_FEW_MISSING = 20


class QuickBooksPullSettings(msgspec.Struct, frozen=True, kw_only=True):
    """How QuickBooks is read. The defaults are Intuit's limits with a margin.

    `overlap` is how far behind the server's time changes are asked for again, `least_overlap` how far at least when
    so much happened meanwhile that one list cannot hold it. `longest_gap` and `change_cap` are
    where change data capture stops being complete. `daily` is the beat of what moves slowly. `watermark_age` is
    how old a watermark may get while nothing changes: moving it writes a row.
    """

    overlap: timedelta = timedelta(minutes=5)
    least_overlap: timedelta = timedelta(seconds=10)
    longest_gap: timedelta = timedelta(days=29)
    change_cap: int = 1000
    daily: timedelta = timedelta(hours=24)
    watermark_age: timedelta = timedelta(hours=12)


def pull_quickbooks(
    reader: QuickBooksReader,
    store: RecordStore,
    *,
    run_id: str,
    clock: Clock,
    settings: QuickBooksPullSettings | None = None,
    full: bool = False,
    progress: Progress | None = None,
    mapper: Mapper = content_from_quickbooks,
) -> PullOutcome:
    """Read what is new. Without gaps in the outcome the store holds what QuickBooks said at the end of the pull.

    An interrupted load goes on where it stopped. `full` reads everything again and looks for deletions.
    `progress` is told the kind being read and how many of its records were read.

    Raises: `AccessRevoked`, `ContractBroken`, `Rejected`, `NotFound`; a system that is only unavailable, throttled or
    out of budget is a gap in the outcome.
    """
    sent, metered = reader.meter.sent, reader.meter.metered
    intake = Intake(store, clock, run_id=run_id, mapper=mapper, progress=progress)
    try:
        _Pull(reader, intake, clock, settings or QuickBooksPullSettings()).run(full=full)
        intake.release_others()
    except _PASSING as error:
        intake.add_gap("G3" if isinstance(error, AccessExpired) else "G10", str(error))
    finally:
        reader.meter.save()
    return intake.outcome(sent=reader.meter.sent - sent, metered=reader.meter.metered - metered)


class _Pull:
    """One run's pull: what is read, in which order. The intake knows what is stored."""

    def __init__(
        self, reader: QuickBooksReader, intake: Intake, clock: Clock, settings: QuickBooksPullSettings
    ) -> None:
        self._reader = reader
        self._intake = intake
        self._clock = clock
        self._settings = settings
        self._seen: dict[Kind, set[str]] = {}  # ids of kinds that this run has read from the beginning

    @property
    def _cursor(self) -> QuickBooksCursor:
        return self._intake.cursor

    def run(self, *, full: bool) -> None:
        """All reads that are due, in an order in which each finds what it needs."""
        first = self._cursor.is_first_load
        daily = first or full or self._is_daily_due()
        if daily:
            self._read_preferences(begins_load=first, begins_full=full)
        self._catch_up()
        if daily:
            if not first:
                self._read_customers(whole=full)
            self._read_receivable_accounts()
            miscounted = self._check_counts()
            done = msgspec.structs.replace(self._cursor, daily_at=self._clock.now(), miscounted=miscounted)
            self._intake.save(done)

    # -- the first load, and reading kinds again --------------------------------------------------------------------

    def _catch_up(self) -> None:
        """Finish what is under way, then follow the changes; kinds that overflow are done when they are read."""
        for _ in range(_MOST_ROUNDS):
            if self._cursor.enumeration is not None:
                self._enumerate()
            if self._follow_changes():
                if self._cursor.enumeration is not None:
                    self._enumerate()
                return
        self._intake.add_gap("G1", "QuickBooks changed faster than it could be read: the rest is read by the next run")

    def _enumerate(self) -> None:
        """Read the kinds of the enumeration to their ends, compare ids where that is wanted, then move on."""
        enumeration = self._cursor.enumeration
        assert enumeration is not None
        for kind, place in enumeration.places.items():
            sweeps = kind in enumeration.sweeps
            self._enumerate_kind(kind, place, careful=enumeration.careful, sweeps=sweeps)
        for kind in enumeration.sweeps:
            self._sweep(kind)
        self._intake.save(with_finished_enumeration(self._cursor, self._settings.overlap))

    def _enumerate_kind(self, kind: Kind, place: Place, *, careful: bool, sweeps: bool) -> None:
        seen: set[str] | None = set() if sweeps and place == Place() else None
        with closing(self._reader.iterate_pages(kind, place, careful=careful)) as pages:
            for page in pages:
                sifted = self._intake.sift(kind, page.records, absent_before=self._cursor.watermark)
                if seen is not None:
                    seen.update(known.key.id for known in sifted.observations)
                    seen.update(sifted.names)
                self._intake.store_rows({kind: sifted}, with_place(self._cursor, kind, page.next_place))
                self._reader.meter.save()
        if seen is not None:
            self._seen[kind] = seen

    def _sweep(self, kind: Kind) -> None:
        """Find what was deleted: stored ids that QuickBooks does not list, each looked up once more by its id.

        Raises: `Unavailable` when most of what we hold is not listed and the count does not confirm it.
        """
        listed: frozenset[str] | set[str] | None = self._seen.pop(kind, None)
        known = self._intake.load_ids(kind)
        if listed is None:
            if not self._is_count_wrong(kind):  # all that is there was read, so nothing that we hold can be gone
                self._intake.save(without_sweep(self._cursor, kind))
                return
            listed = self._reader.fetch_ids(kind)
        missing = sorted(known - listed)
        if len(missing) > max(_FEW_MISSING, len(known) // 2) and self._reader.fetch_count(kind) != len(listed):
            raise _cannot_sweep(kind)
        found = self._intake.sift(kind, self._reader.fetch_by_ids(kind, missing)) if missing else Sifted((), (), ())
        there = {seen.key.id for seen in found.observations} | set(found.names)
        now = self._clock.now()
        gone = tuple(
            Observation(
                key=RecordKey(System.QUICKBOOKS, kind, id_),
                raw=b"",
                content=None,
                observed_at=now,
                absent_before=min(self._cursor.watermark, now) if self._cursor.watermark else None,
            )
            for id_ in missing
            if id_ not in there
        )
        vanished = [id_ for id_ in self._cursor.set_aside.get(kind, ()) if id_ not in listed]
        cursor = with_set_aside(without_sweep(self._cursor, kind), kind, bad=(), good=vanished)
        rows = Sifted((*found.observations, *gone), found.quarantined, found.names)
        self._intake.store_rows({kind: rows}, cursor)

    # -- following changes -------------------------------------------------------------------------------------------

    def _follow_changes(self) -> bool:
        """One change list. False when it cannot be had any more: everything since the watermark is then to be read.

        Our clock only raises the suspicion that the watermark is too long ago; QuickBooks' own time decides.
        """
        watermark = self._cursor.watermark
        assert watermark is not None
        if self._clock.now() - watermark > self._settings.longest_gap and self._begins_again(watermark):
            return False
        try:
            changes = self._reader.fetch_changes(TRANSACTION_KINDS, watermark)
        except Rejected:
            if self._begins_again(watermark, margin=timedelta(days=4)):
                return False
            raise
        if changes.server_time - watermark > self._settings.longest_gap:
            return not self._begins_again(watermark)
        if changes.total < self._settings.change_cap:
            self._store_changes(changes)
        else:
            self._store_many(changes, watermark)
        return True

    def _begins_again(self, watermark: datetime, *, margin: timedelta = timedelta()) -> bool:
        """Start reading from the watermark on and comparing ids, if it is too long ago by QuickBooks' time."""
        now = self._reader.fetch_preferences().server_time
        if now - watermark <= self._settings.longest_gap - margin:
            return False
        self._intake.save(with_enumeration(self._cursor, TRANSACTION_KINDS, begun=now, since=watermark, sweep=True))
        return True

    def _store_changes(self, changes: Changes, *, not_before: datetime | None = None) -> None:
        """A complete list. The watermark moves when a record is new or when it has got old.

        With `not_before` it moves always, and at least to there.
        """
        before = self._cursor.watermark
        assert before is not None
        sifted = self._completed(self._sift_changes(changes))
        moved = msgspec.structs.replace(
            self._cursor,
            watermark=max(changes.server_time - self._settings.overlap, not_before or before),
            complete_at=changes.server_time,
        )
        moves = not_before is not None or changes.server_time - before > self._settings.watermark_age
        if sifted or moves:
            self._intake.store_rows(sifted, moved, only_if_changed=not moves)

    def _store_many(self, changes: Changes, watermark: datetime) -> None:
        """Too many changes for one list. First without most of the overlap, whose records were read already; then one
        list per kind, and a new reading of the kinds that overflow even alone: that is left under way.
        """
        complete_at = self._cursor.complete_at or watermark
        recent = max(complete_at - self._settings.least_overlap, watermark)
        shorter = self._reader.fetch_changes(TRANSACTION_KINDS, recent)
        if shorter.total < self._settings.change_cap:
            self._store_changes(shorter, not_before=recent)
            return
        single = [self._reader.fetch_changes((kind,), recent) for kind in TRANSACTION_KINDS]
        complete: dict[Kind, Sifted] = {}
        overflowing: list[Kind] = []
        for kind, found in zip(TRANSACTION_KINDS, single, strict=True):
            if found.total >= self._settings.change_cap:
                overflowing.append(kind)
            else:
                complete |= self._sift_changes(found)
        begun = changes.server_time
        cursor = with_enumeration(self._cursor, overflowing, begun=begun, since=watermark, sweep=True)
        self._intake.store_rows(self._completed(complete), cursor)

    def _completed(self, sifted: dict[Kind, Sifted]) -> dict[Kind, Sifted]:
        """The same rows, with the customers that they name and the credit memos that changed payments use.

        Nobody outside knows whether a memo's own time moves when it is used: where it does, it is in the list itself.
        """
        seen = [each for rows in sifted.values() for each in rows.observations]
        listed = {each.key.id for each in seen if each.key.kind is Kind.CREDIT_MEMO}
        if missing := sorted(self._intake.touched_credit_memos(seen) - listed):
            found = self._intake.sift(Kind.CREDIT_MEMO, self._reader.fetch_by_ids(Kind.CREDIT_MEMO, missing))
            old = sifted.get(Kind.CREDIT_MEMO, Sifted((), (), ()))
            more = (old.observations + found.observations, old.quarantined + found.quarantined, old.names + found.names)
            sifted = {**sifted, Kind.CREDIT_MEMO: Sifted(*more)}
        return self._with_unknown_customers(sifted)

    def _with_unknown_customers(self, sifted: dict[Kind, Sifted]) -> dict[Kind, Sifted]:
        """The same rows, and the customers that they name and the store does not have."""
        wanted = named_customers(seen for rows in sifted.values() for seen in rows.observations)
        fetched: dict[str, Observation] = {}
        bad: list[Quarantined] = []
        names: list[str] = []
        for _ in range(_MOST_PARENTS):
            unknown = sorted(self._intake.unknown_customers(wanted) - fetched.keys() - set(names))
            if not unknown:
                break
            found = self._intake.sift(Kind.CUSTOMER, self._reader.fetch_by_ids(Kind.CUSTOMER, unknown))
            fetched |= {seen.key.id: seen for seen in found.observations}
            bad += found.quarantined
            names += [*found.names, *(id_ for id_ in unknown if id_ not in fetched)]
            wanted = named_customers(found.observations)
        if not fetched and not bad:
            return sifted
        known_bad = tuple(record.record_id for record in bad)
        return {**sifted, Kind.CUSTOMER: Sifted(tuple(fetched.values()), tuple(bad), known_bad)}

    # -- the slower beat ---------------------------------------------------------------------------------------------

    def _is_daily_due(self) -> bool:
        if self._cursor.daily_at is None:
            return True
        if self._reader.meter.is_sparing:
            return False
        passed = self._clock.now() - self._cursor.daily_at
        return passed >= self._settings.daily or passed < timedelta()  # a clock that was put back

    def _read_preferences(self, *, begins_load: bool, begins_full: bool) -> None:
        """The settings; the time of this answer is the start of a first load or a full reading."""
        batch = self._reader.fetch_preferences()
        sifted = self._intake.sift(Kind.PREFERENCES, batch.records, absent_before=self._cursor.daily_at)
        cursor = self._cursor
        for seen in sifted.observations:
            if isinstance(seen.content, Preferences) and seen.content.home_currency:
                cursor = msgspec.structs.replace(cursor, home_currency=seen.content.home_currency)
        if begins_load and cursor.enumeration is None:
            cursor = with_enumeration(cursor, ALL_KINDS, begun=batch.server_time)
        elif begins_full and not begins_load:
            cursor = with_enumeration(cursor, TRANSACTION_KINDS, begun=batch.server_time, sweep=True)
        self._intake.store_rows({Kind.PREFERENCES: sifted}, cursor)

    def _read_customers(self, *, whole: bool) -> None:
        """The customers that were touched since the last time; all of them on a full run."""
        since = None if whole else self._cursor.customers_since
        begun: datetime | None = None
        with closing(self._reader.iterate_pages(Kind.CUSTOMER, Place(since))) as pages:
            for page in pages:
                begun = begun or page.server_time
                sifted = self._intake.sift(Kind.CUSTOMER, page.records, absent_before=self._cursor.customers_since)
                self._intake.store_rows({Kind.CUSTOMER: sifted}, self._cursor)
        assert begun is not None, "a reading has at least one page"
        self._intake.save(msgspec.structs.replace(self._cursor, customers_since=begun - self._settings.overlap))

    def _read_receivable_accounts(self) -> None:
        """Which accounts are receivable, and their names. A user who may not see accounts leaves it as it was."""
        try:
            batch = self._reader.fetch_receivable_accounts()
        except (Rejected, NotFound):
            return
        sifted = self._intake.sift(Kind.ACCOUNT, batch.records, absent_before=self._cursor.daily_at)
        self._intake.store_rows({Kind.ACCOUNT: sifted}, self._cursor)

    def _check_counts(self) -> tuple[Kind, ...]:
        """The kinds of which QuickBooks counts another number than we hold, after reading them again."""
        differing = [kind for kind in ALL_KINDS if self._is_count_wrong(kind)]
        if differing:
            self._catch_up()
            differing = [kind for kind in differing if self._is_count_wrong(kind)]
        if differing:
            begun = self._reader.fetch_preferences().server_time
            self._intake.save(with_enumeration(self._cursor, differing, begun=begun, sweep=True, careful=True))
            self._catch_up()
        return tuple(kind for kind in differing if self._is_count_wrong(kind))

    def _is_count_wrong(self, kind: Kind) -> bool:
        here = len(self._intake.load_ids(kind)) + len(self._cursor.set_aside.get(kind, ()))
        return self._reader.fetch_count(kind) != here

    def _sift_changes(self, changes: Changes) -> dict[Kind, Sifted]:
        return {
            kind: self._intake.sift(kind, rows, absent_before=self._cursor.watermark)
            for kind, rows in changes.records.items()
        }


def _cannot_sweep(kind: Kind) -> ConnectorError:
    return Unavailable(
        System.QUICKBOOKS,
        f"{kind} list",
        "most records are not listed any more and the count does not confirm it, so nothing is taken for deleted; "
        "the next run looks again",
    )
