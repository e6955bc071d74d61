"""The records of one company: versions are only ever added, and a read never needs the lease."""

from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import date, datetime
from typing import Any

import msgspec
import zstandard
from sqlalchemy import ColumnElement, Connection, Engine, and_, delete, or_, select

from mappings.model import Content, History, Kind, Observation, RecordKey, System, Version, decode_content
from mappings.records import Quarantined, StoredRecord
from state.arrivals import Stored, newest_by_key
from state.bulk import chunks, insert_missing_rows, select_in
from state.companies import Company
from state.cursors import load_cursor, record_cursor
from state.engine import read, write
from state.errors import StoreDamaged
from state.leases import Lease, hold
from state.pages import PageWriter, own_party, unpack_raws
from state.parties import Numbering, Unstorable
from state.quarantine import (
    has_quarantined,
    load_quarantined,
    record_quarantined,
    release_others,
    release_quarantined,
)
from state.shelves import shelf_number
from state.statistics import Statistics
from state.tables import ABSENCE, DELETED, OPEN, PARTY, RAW_PAGE, RECORD, VERSION
from state.texts import is_storable
from state.times import Clock, micros_from_utc, utc_from_micros

_STORED = (
    "SELECT r.id, r.key, r.sequence, r.party_id, r.match_key, r.dated_on, r.applied_on, v.content, v.modified_at,"
    " v.observed_at, a.since FROM record r JOIN version v ON v.record_id = r.id AND v.sequence = r.sequence"
    " LEFT JOIN absence a ON a.record_id = r.id WHERE r.shelf = {} AND r.key "
)
_PLACES = "SELECT id, key FROM record WHERE standing <> 2 AND shelf = {} AND key "
_CLIENT_OWNED = frozenset({Kind.INVOICE, Kind.PAYMENT, Kind.CREDIT_MEMO, Kind.REFUND_RECEIPT})

_HISTORY = (
    "SELECT v.sequence, v.run_id, v.observed_at, v.absent_before, v.modified_at, v.sha256, v.content"
    " FROM record r JOIN version v ON v.record_id = r.id WHERE r.shelf = {} AND r.key "
)


class PullUnit:
    """One transaction of a pull; see `sync.ports.PullUnit` for what each method promises."""

    def __init__(self, connection: Connection, company: Company, numbering: Numbering, *, run_id: str) -> None:
        self._connection = connection
        self._company = company
        self._numbering = numbering
        self._run_id = run_id
        self._has_quarantined = has_quarantined(connection, company)

    def record(self, observations: Sequence[Observation]) -> tuple[RecordKey, ...]:
        """Store what was read; answer the keys whose content changed."""
        changed: list[RecordKey] = []
        for (system, kind), page in newest_by_key(observations).items():
            changed += self._record_page(system, kind, page)
        return tuple(changed)

    def _record_page(self, system: System, kind: Kind, page: dict[str, Observation]) -> list[RecordKey]:
        known = self._load_stored(system, kind, [key for key in page if is_storable(key)])
        writer = PageWriter(self._company, self._numbering, run_id=self._run_id, system=system, kind=kind)
        changed: list[RecordKey] = []
        unstorable: list[Quarantined] = []
        for key, observation in page.items():
            try:
                if writer.add(observation, known.get(key)):
                    changed.append(observation.key)
            except Unstorable as error:
                reason = str(error)
                unstorable.append(
                    Quarantined(system=system, kind=kind, record_id=key, raw=observation.raw, reason=reason)
                )
        writer.write(self._connection)
        self._clear_absence([stored.id for stored in known.values() if stored.missing_since is not None])
        if self._has_quarantined:
            understood = page.keys() - {record.record_id for record in unstorable}
            keys = [RecordKey(system, kind, key) for key in sorted(understood)]
            release_quarantined(self._connection, self._company, self._run_id, keys)
        self.quarantine(unstorable)
        return changed

    def quarantine(self, records: Sequence[Quarantined]) -> None:
        """Keep records that could not be understood; the same raw text twice is kept once."""
        if records:
            record_quarantined(self._connection, self._company, self._run_id, records)
            self._has_quarantined = True

    def save_cursor(self, feed: str, value: str) -> None:
        """Set a cursor; an unchanged value writes nothing."""
        record_cursor(self._connection, self._company, self._run_id, feed=feed, value=value)

    def mark_missing(self, keys: Iterable[RecordKey], since: datetime) -> None:
        """Remember that a complete read did not show these records; an earlier mark stays."""
        for (system, kind), ids in _ids_by_kind(keys).items():
            places = select_in(self._connection, _PLACES, (shelf_number(self._company, system, kind),), ids)
            insert_missing_rows(self._connection, ABSENCE, [(place[0], micros_from_utc(since)) for place in places])

    def _load_stored(self, system: System, kind: Kind, keys: Sequence[str]) -> dict[str, Stored]:
        rows = select_in(self._connection, _STORED, (shelf_number(self._company, system, kind),), keys)
        return {stored.key: stored for stored in map(Stored._make, rows)}

    def _clear_absence(self, record_ids: Sequence[int]) -> None:
        for chunk in chunks(record_ids):
            self._connection.execute(delete(ABSENCE).where(ABSENCE.c.record_id.in_(chunk)))


class RecordReader:
    """What the store knows of one company's records; needs no lease and never writes."""

    def __init__(self, engine: Engine, company: Company) -> None:
        self._engine = engine
        self._company = company

    def load_cursor(self, feed: str) -> str | None:
        """The cursor's JSON text, or None when it was never set."""
        with read(self._engine) as connection:
            return load_cursor(connection, self._company, feed)

    def load_quarantined(self) -> tuple[Quarantined, ...]:
        """The records that are still set aside, oldest first."""
        with read(self._engine) as connection:
            return load_quarantined(connection, self._company)

    def load_ids(self, system: System, kind: Kind) -> frozenset[str]:
        """Ids of all records of a kind that are not deleted."""
        query = select(RECORD.c.key).where(_living(self._company, system, kind))
        with read(self._engine) as connection:
            return frozenset(connection.execute(query).scalars())

    def load_records(
        self,
        system: System,
        kind: Kind,
        *,
        first: date | None = None,
        last: date | None = None,
        only_open: bool = False,
    ) -> tuple[StoredRecord, ...]:
        """Current records, not deleted, of which one date lies in [first, last]; sorted by id."""
        columns = (RECORD.c.key, RECORD.c.dated_on, RECORD.c.applied_on, RECORD.c.standing)
        query = (
            select(*columns, PARTY.c.client_id, ABSENCE.c.since)
            .outerjoin(PARTY, PARTY.c.id == RECORD.c.party_id)
            .outerjoin(ABSENCE, ABSENCE.c.record_id == RECORD.c.id)
            .where(_living(self._company, system, kind), _dated_between(first, last))
        )
        if only_open:
            query = query.where(RECORD.c.standing == OPEN)
        with read(self._engine) as connection:
            rows = connection.execute(query).all()
        return tuple(
            StoredRecord(
                key=RecordKey(system, kind, key),
                client_id=_client_id(kind, key, client_id),
                dated_on=dated_on,
                applied_on=applied_on,
                is_open=standing == OPEN,
                missing_since=since,
            )
            for key, dated_on, applied_on, standing, client_id, since in sorted(rows, key=lambda row: str(row.key))
        )

    def load_missing(self, system: System, kind: Kind) -> tuple[RecordKey, ...]:
        """Records, not deleted, that a complete read did not show; sorted by id. Costs as much as there are."""
        absent = select(ABSENCE.c.record_id).where(
            ABSENCE.c.record_id >= self._company.first_id, ABSENCE.c.record_id <= self._company.last_id
        )
        keys: list[str] = []
        with read(self._engine) as connection:
            for chunk in chunks(connection.execute(absent).scalars().all()):
                query = select(RECORD.c.key).where(RECORD.c.id.in_(chunk), _living(self._company, system, kind))
                keys += connection.execute(query).scalars()
        return tuple(RecordKey(system, kind, key) for key in sorted(keys))

    def load_contents(self, keys: Iterable[RecordKey]) -> dict[RecordKey, Content]:
        """The current contents of those of the records that are there and not deleted."""
        query = (
            "SELECT r.key, v.content FROM record r JOIN version v ON v.record_id = r.id AND v.sequence = r.sequence"
            " WHERE v.content IS NOT NULL AND r.shelf = {} AND r.key "
        )
        contents: dict[RecordKey, Content] = {}
        with read(self._engine) as connection:
            for (system, kind), ids in _ids_by_kind(keys).items():
                for key, content in select_in(connection, query, (shelf_number(self._company, system, kind),), ids):
                    contents[RecordKey(system, kind, key)] = decode_content(content)
        return contents

    def load_history(self, key: RecordKey) -> History | None:
        """All versions of one record; None when it was never seen."""
        if not is_storable(key.id):
            return None
        with read(self._engine) as connection:
            return load_history(connection, self._company, key)

    def load_raw(self, key: RecordKey, sha256: str) -> bytes | None:
        """The raw record that a version was made of, named as evidence names it; None when there is none.

        Raises: `StoreDamaged` when it cannot be read back.
        """
        if not is_storable(key.id):
            return None
        of_version = (
            select(VERSION.c.id)
            .join(RECORD, RECORD.c.id == VERSION.c.record_id)
            .where(
                _on_shelf(self._company, key.system, key.kind),
                RECORD.c.key == key.id,
                VERSION.c.sha256 == bytes.fromhex(sha256.removeprefix("sha256:")),
            )
        )
        with read(self._engine) as connection:
            version_id = connection.execute(of_version.limit(1)).scalar()
            if version_id is None:
                return None
            pages = select(RAW_PAGE.c.id, RAW_PAGE.c.body).where(RAW_PAGE.c.id <= version_id)
            first, body = connection.execute(pages.order_by(RAW_PAGE.c.id.desc()).limit(1)).one()
        try:
            raw: bytes = unpack_raws(body)[version_id - first]
        except (zstandard.ZstdError, msgspec.DecodeError, IndexError):
            raise StoreDamaged(f"the raw record of {key} cannot be read back: restore a backup") from None
        return raw


class RecordStore(RecordReader):
    """The records of one company for the worker that holds its lease."""

    def __init__(self, engine: Engine, lease: Lease, clock: Clock) -> None:
        super().__init__(engine, lease.company)
        self._lease = lease
        self._clock = clock
        self._numbering: Numbering | None = None
        self._statistics = Statistics(engine)

    def release_others(self, run_id: str, system: System, still: Mapping[Kind, Collection[str]]) -> None:
        """Let go of what is set aside of these kinds, but for what `still` names. Writes nothing when nothing is.

        Raises: `state.errors.LeaseLost` when another worker has taken the company.
        """
        with read(self._engine) as connection:
            if not has_quarantined(connection, self._company):
                return
        with write(self._engine) as connection:
            hold(connection, self._lease, now=self._clock.now())
            release_others(connection, self._company, run_id, system, still)

    @contextmanager
    def pull_unit(self, run_id: str) -> Iterator[PullUnit]:
        """A transaction. Raises `state.errors.LeaseLost` when another worker has taken the company."""
        numbering, self._numbering = self._numbering, None  # only a commit proves that it is right
        with write(self._engine) as connection:
            hold(connection, self._lease, now=self._clock.now())
            if numbering is None or not numbering.is_current(connection):
                numbering = Numbering(connection, self._company)
            yield PullUnit(connection, self._company, numbering, run_id=run_id)
        self._numbering = numbering
        self._statistics.refresh(numbering.record_id - self._company.first_id)


def load_history(connection: Connection, company: Company, key: RecordKey) -> History | None:
    """All versions of one record, oldest first; None when it was never seen."""
    rows = select_in(connection, _HISTORY, (shelf_number(company, key.system, key.kind),), [key.id])
    versions = sorted((version_from_columns(key, row) for row in rows), key=lambda version: version.sequence)
    return History(tuple(versions)) if versions else None


def version_from_columns(key: RecordKey, columns: Sequence[Any]) -> Version:
    """A version of `key` from its columns as the database has them, from `sequence` to `content`."""
    sequence, run_id, observed_at, absent_before, modified_at, digest, content = columns
    return Version(
        key=key,
        sequence=sequence,
        content=None if content is None else decode_content(content),
        observed_at=utc_from_micros(observed_at),
        absent_before=None if absent_before is None else utc_from_micros(absent_before),
        modified_at=None if modified_at is None else utc_from_micros(modified_at),
        sha256="sha256:" + digest.hex(),
        run_id=run_id,
    )


def _on_shelf(company: Company, system: System, kind: Kind) -> ColumnElement[bool]:
    return RECORD.c.shelf == shelf_number(company, system, kind)


def _living(company: Company, system: System, kind: Kind) -> ColumnElement[bool]:
    return and_(_on_shelf(company, system, kind), RECORD.c.standing != DELETED)


def _dated_between(first: date | None, last: date | None) -> ColumnElement[bool]:
    if first is None and last is None:
        return RECORD.c.id.is_not(None)
    lower, upper = first or date.min, last or date.max
    return or_(RECORD.c.dated_on.between(lower, upper), RECORD.c.applied_on.between(lower, upper))


def _client_id(kind: Kind, key: str, client_id: str | None) -> str:
    if kind not in _CLIENT_OWNED or client_id is None or client_id == own_party(kind.value, key):
        return ""
    return client_id


def _ids_by_kind(keys: Iterable[RecordKey]) -> dict[tuple[System, Kind], list[str]]:
    ids: dict[tuple[System, Kind], dict[str, Any]] = defaultdict(dict)
    for key in keys:
        if is_storable(key.id):
            ids[key.system, key.kind][key.id] = None
    return {kind: list(names) for kind, names in ids.items()}
