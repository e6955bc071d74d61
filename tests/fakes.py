"""Stand-ins that keep the promises of `sync.ports`, in memory, so that a puller can be tested without a database."""

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from datetime import date, datetime
from hashlib import sha256

from mappings.indexing import index_content
from mappings.model import Content, History, Kind, Observation, RecordKey, System, Version, raw_hash
from mappings.records import Quarantined, StoredRecord


def _revision(content: Content | None) -> int:
    text = getattr(content, "revision", "")
    return int(text) if text.isdigit() else -1


class MemoryPullUnit:
    """The staged work of one transaction."""

    def __init__(self, store: "MemoryRecordStore", run_id: str) -> None:
        self._store = store
        self._run_id = run_id
        self._closed = False
        self.versions: dict[RecordKey, list[Version]] = {}
        self.cursors: dict[str, str] = {}
        self.quarantined: list[Quarantined] = []
        self.missing: dict[RecordKey, datetime | None] = {}

    def close(self) -> None:
        self._closed = True

    def _history(self, key: RecordKey) -> list[Version]:
        return self.versions.get(key) or self._store.versions.get(key, [])

    def record(self, observations: Sequence[Observation]) -> tuple[RecordKey, ...]:
        assert not self._closed, "the unit was used after its block"
        newest: dict[RecordKey, Observation] = {}
        for seen in observations:
            before = newest.get(seen.key)
            if before is None or self._is_newer(before, seen):
                newest[seen.key] = seen
        changed = [key for key, seen in newest.items() if self._record_one(key, seen)]
        return tuple(changed)

    @staticmethod
    def _is_newer(before: Observation, after: Observation) -> bool:
        if before.content is None or after.content is None:
            return True
        return _revision(after.content) >= _revision(before.content)

    def _record_one(self, key: RecordKey, seen: Observation) -> bool:
        assert seen.observed_at.tzinfo is not None
        if self._missing_since(key) is not None:
            self.missing[key] = None
        history = self._history(key)
        if history:
            latest = history[-1]
            if latest.content == seen.content:
                return False
            if (
                seen.content is not None
                and latest.content is not None
                and _revision(seen.content) < _revision(latest.content)
            ):
                return False
        version = Version(
            key=key,
            sequence=len(history) + 1,
            content=seen.content,
            observed_at=seen.observed_at,
            absent_before=seen.absent_before,
            modified_at=seen.modified_at,
            sha256=raw_hash(seen.raw),
            run_id=self._run_id,
        )
        self.versions[key] = [*history, version]
        return True

    def _missing_since(self, key: RecordKey) -> datetime | None:
        return self.missing[key] if key in self.missing else self._store.missing.get(key)

    def quarantine(self, records: Sequence[Quarantined]) -> None:
        assert not self._closed
        for bad in records:
            if bad not in self._store.quarantined and bad not in self.quarantined:
                self.quarantined.append(bad)

    def save_cursor(self, feed: str, value: str) -> None:
        assert not self._closed
        assert len(value) <= 4096, f"the cursor of {feed} is {len(value)} characters long"
        if self.cursors.get(feed, self._store.cursors.get(feed)) != value:
            self.cursors[feed] = value

    def mark_missing(self, keys: Iterable[RecordKey], since: datetime) -> None:
        assert not self._closed
        for key in keys:
            if self._missing_since(key) is None:
                self.missing[key] = since


class MemoryRecordStore:
    """A `RecordStore` in memory. `rows_written` counts what a database would have written.

    `fail_after_units` makes the n-th unit from now raise at its commit, as a crash would.
    """

    def __init__(self) -> None:
        self.versions: dict[RecordKey, list[Version]] = {}
        self.cursors: dict[str, str] = {}
        self.quarantined: list[Quarantined] = []
        self.missing: dict[RecordKey, datetime] = {}
        self.rows_written = 0
        self.units = 0
        self.fail_after_units: int | None = None

    @contextmanager
    def _open(self, run_id: str) -> Iterator[MemoryPullUnit]:
        unit = MemoryPullUnit(self, run_id)
        try:
            yield unit
            if self.fail_after_units is not None:
                self.fail_after_units -= 1
                if self.fail_after_units < 0:
                    raise SimulatedCrashError
        finally:
            unit.close()
        self._commit(unit)

    def pull_unit(self, run_id: str) -> AbstractContextManager[MemoryPullUnit]:
        return self._open(run_id)

    def release_others(self, run_id: str, system: System, still: Mapping[Kind, Collection[str]]) -> None:
        self.quarantined = [
            bad
            for bad in self.quarantined
            if bad.system is not system
            or bad.kind not in still
            or (bad.record_id or f"?{sha256(bad.raw).hexdigest()[:12]}") in still[bad.kind]
        ]

    def _commit(self, unit: MemoryPullUnit) -> None:
        self.units += 1
        self.rows_written += len(unit.versions) + len(unit.cursors) + len(unit.quarantined) + len(unit.missing)
        self.versions.update(unit.versions)
        self.cursors.update(unit.cursors)
        self.quarantined.extend(unit.quarantined)
        for key, since in unit.missing.items():
            if since is None:
                self.missing.pop(key, None)
            else:
                self.missing[key] = since

    def load_cursor(self, feed: str) -> str | None:
        return self.cursors.get(feed)

    def load_ids(self, system: System, kind: Kind) -> frozenset[str]:
        return frozenset(
            key.id
            for key, history in self.versions.items()
            if key.system is system and key.kind is kind and history[-1].content is not None
        )

    def load_records(
        self,
        system: System,
        kind: Kind,
        *,
        first: date | None = None,
        last: date | None = None,
        only_open: bool = False,
    ) -> tuple[StoredRecord, ...]:
        found: list[StoredRecord] = []
        for key in sorted(self.versions):
            content = self.versions[key][-1].content
            if key.system is not system or key.kind is not kind or content is None:
                continue
            entry = index_content(system, content)
            dates = [day for day in (entry.dated_on, entry.applied_on) if day is not None]
            bounded = first is not None or last is not None
            if bounded and not any((first or date.min) <= day <= (last or date.max) for day in dates):
                continue
            if only_open and not entry.is_open:
                continue
            found.append(
                StoredRecord(
                    key=key,
                    client_id=entry.client_id,
                    dated_on=entry.dated_on,
                    applied_on=entry.applied_on,
                    is_open=entry.is_open,
                    missing_since=self.missing.get(key),
                )
            )
        return tuple(found)

    def load_missing(self, system: System, kind: Kind) -> tuple[RecordKey, ...]:
        living = self.load_ids(system, kind)
        return tuple(
            sorted(key for key in self.missing if (key.system, key.kind) == (system, kind) and key.id in living)
        )

    def load_contents(self, keys: Iterable[RecordKey]) -> dict[RecordKey, Content]:
        contents: dict[RecordKey, Content] = {}
        for key in keys:
            history = self.versions.get(key)
            if history and history[-1].content is not None:
                contents[key] = history[-1].content
        return contents

    def load_history(self, key: RecordKey) -> History | None:
        history = self.versions.get(key)
        return History(tuple(history)) if history else None


class SimulatedCrashError(Exception):
    """The process died at a commit."""
