"""Puts what was read from QuickBooks into the store: rows and cursor together, and keeps the run's tally."""

from collections import Counter
from collections.abc import Iterable, Sequence
from datetime import datetime

from mappings.findings import Gap
from mappings.model import Kind, Observation, RecordKey, System
from mappings.records import PullOutcome
from sync.ports import Clock, PullUnit, RecordStore
from sync.pulling.quickbooks_cursor import FEED, QuickBooksCursor, format_cursor, parse_cursor, with_set_aside
from sync.pulling.quickbooks_rows import (
    Mapper,
    Progress,
    Sifted,
    sift,
    used_credit_memos,
)


class Intake:
    """One run's way into the store. `cursor` is always the one that was last committed."""

    def __init__(
        self, store: RecordStore, clock: Clock, *, run_id: str, mapper: Mapper, progress: Progress | None
    ) -> None:
        self._store = store
        self._clock = clock
        self._run_id = run_id
        self._mapper = mapper
        self._progress = progress
        self._read: Counter[Kind] = Counter()
        self._changed: dict[RecordKey, None] = {}
        self._gaps: list[Gap] = []
        self.cursor = parse_cursor(store.load_cursor(FEED))

    def add_gap(self, code: str, sentence: str) -> None:
        """Remember something that could not be read."""
        self._gaps.append(Gap(code, System.QUICKBOOKS, sentence))

    def load_ids(self, kind: Kind) -> frozenset[str]:
        """The ids of the records of a kind that the store holds as living."""
        return self._store.load_ids(System.QUICKBOOKS, kind)

    def unknown_customers(self, ids: Iterable[str]) -> set[str]:
        """Those of the customers that the store does not have."""
        keys = [RecordKey(System.QUICKBOOKS, Kind.CUSTOMER, id_) for id_ in ids]
        known = self._store.load_contents(keys) if keys else {}
        return {key.id for key in keys if key not in known}

    def touched_credit_memos(self, seen: Iterable[Observation]) -> frozenset[str]:
        """The ids of the credit memos that payments among these have begun or ceased to use, or use otherwise."""
        payments = {each.key: each.content for each in seen if each.key.kind is Kind.PAYMENT}
        known = self._store.load_contents(payments) if payments else {}
        moved = [key for key, content in payments.items() if known.get(key) != content]
        return used_credit_memos([*(payments[key] for key in moved), *(known.get(key) for key in moved)])

    def sift(self, kind: Kind, rows: Sequence[bytes], *, absent_before: datetime | None = None) -> Sifted:
        """Map rows that were just read, and count them. Raises: as `quickbooks_rows.sift`."""
        self._read[kind] += len(rows)
        if self._progress is not None:
            self._progress(str(kind), self._read[kind])
        return sift(
            kind,
            rows,
            self._mapper,
            home_currency=self.cursor.home_currency or "USD",
            observed_at=self._clock.now(),
            absent_before=absent_before,
        )

    def store_rows(self, rows: dict[Kind, Sifted], cursor: QuickBooksCursor, *, only_if_changed: bool = False) -> None:
        """Rows and cursor in one transaction. `only_if_changed` leaves the cursor alone when no row is new."""
        for kind, sifted in rows.items():
            good = [seen.key.id for seen in sifted.observations] if kind in cursor.set_aside else []
            cursor = with_set_aside(cursor, kind, bad=sifted.names, good=good)
        with self._store.pull_unit(self._run_id) as unit:
            changed = _record(unit, rows)
            if only_if_changed and not changed and cursor.set_aside == self.cursor.set_aside:
                cursor = self.cursor
            elif cursor != self.cursor:
                unit.save_cursor(FEED, format_cursor(cursor))
        self.cursor = cursor
        self._changed.update(dict.fromkeys(changed))

    def store_text(self, feed: str, text: str) -> None:
        """A small text of its own beside the cursor."""
        with self._store.pull_unit(self._run_id) as unit:
            unit.save_cursor(feed, text)

    def save(self, cursor: QuickBooksCursor) -> None:
        """The cursor alone; an unchanged one costs nothing."""
        if cursor != self.cursor:
            self.store_rows({}, cursor)

    def release_others(self) -> None:
        """Let go of what was set aside and is not any more: it was read, or has gone from QuickBooks."""
        still = {kind: self.cursor.set_aside.get(kind, ()) for kind in Kind}
        self._store.release_others(self._run_id, System.QUICKBOOKS, still)

    def outcome(self, *, sent: int, metered: int) -> PullOutcome:
        """What the run did. Records that are set aside, and counts that differ, are a gap for as long as they are."""
        for kind in self.cursor.miscounted:
            self.add_gap(
                "G6", f"QuickBooks counts another number of {kind} records than it lists: run `tieout reconcile --full`"
            )
        for kind, ids in sorted(self.cursor.set_aside.items()):
            shown = ", ".join(ids[:5]) + (" and others" if len(ids) > 5 else "")
            self.add_gap(
                "G6",
                f"{len(ids)} {kind} record(s) cannot be understood and are left out of every figure: {shown}; "
                "`tieout findings unreadable` says why, and what to do",
            )
        return PullOutcome(
            system=System.QUICKBOOKS,
            read={str(kind): count for kind, count in sorted(self._read.items()) if count},
            changed=tuple(self._changed),
            gaps=tuple(self._gaps),
            sent=sent,
            metered=metered,
        )


def _record(unit: PullUnit, rows: dict[Kind, Sifted]) -> tuple[RecordKey, ...]:
    observations = [seen for sifted in rows.values() for seen in sifted.observations]
    quarantined = [record for sifted in rows.values() for record in sifted.quarantined]
    if quarantined:
        unit.quarantine(quarantined)
    return unit.record(observations) if observations else ()
