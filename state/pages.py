"""The rows of a page of observations, and their way into the tables.

One page is a few statements, however long it is, and each record passes through here once: a first load is
bound by this module, so its loops are plain. It never decides what is wrong with a record.
"""

from datetime import date, datetime
from hashlib import sha256

import msgspec
import zstandard
from sqlalchemy import Connection

from mappings.indexing import IndexEntry, index_content
from mappings.model import Content, Kind, Observation, RecordKey, System, encode_content
from state.arrivals import Stored, is_outdated
from state.bulk import Row, insert_missing_rows, insert_rows, replace_rows
from state.companies import Company
from state.parties import Numbering, Unstorable, check_name
from state.shelves import shelf_number
from state.tables import ALSO_PARTY, CLOSED, DELETED, FORMER_MATCH, LINK, OPEN, RAW_PAGE, RECORD, VERSION
from state.times import micros_from_utc, number_from_day

_LONGEST_MATCH_KEY = 200
_RAW_PAGE_BYTES = 256 * 1024  # reading one record back costs one such page; smaller pages compress worse
_CLIENT_KINDS = frozenset({Kind.CUSTOMER, Kind.CLIENT})
_NO_ENTRY = IndexEntry()


class PageWriter:
    """Turns observations of one kind into versions, inside one transaction of one run."""

    def __init__(self, company: Company, numbering: Numbering, *, run_id: str, system: System, kind: Kind) -> None:
        self._company = company
        self._numbering = numbering
        self._run_id = run_id
        self._shelf = shelf_number(company, system, kind)
        self._system, self._system_text = system, system.value
        self._kind_text, self._is_client = kind.value, kind in _CLIENT_KINDS
        self._new_records: list[Row] = []
        self._changed_records: list[Row] = []
        self._versions: list[Row] = []
        self._raw_pages: list[Row] = []
        self._raws: list[bytes] = []
        self._raw_size = 0
        self._observed_at: datetime | None = None
        self._observed_micros = 0
        self._also_parties: list[Row] = []
        self._former_matches: list[Row] = []
        self._new_links: list[Row] = []
        self._changed_links: list[Row] = []

    def add(self, observation: Observation, stored: Stored | None) -> bool:
        """Take an observation in; False when it says nothing new or comes too late.

        Raises: `Unstorable`, and then nothing of it was taken in.
        """
        content = observation.content
        encoded = None if content is None else _encode(content)
        if stored is not None and (stored.content == encoded or is_outdated(observation, stored)):
            return False
        key = observation.key.id
        check_name(key)
        entry = _NO_ENTRY if content is None else index_content(self._system, content)
        parties, links = self._named(key, entry)
        match_key = _bounded(entry.match_key) if entry.match_key else None
        days = (_day(entry.dated_on), _day(entry.applied_on))
        standing = DELETED if content is None else OPEN if entry.is_open else CLOSED
        party_id = parties[0] if parties else None
        if stored is None:
            self._numbering.record_id = record_id = self._numbering.record_id + 1
            sequence = 1
            self._new_records.append((record_id, self._shelf, key, 1, party_id, match_key, *days, standing))
        else:
            record_id, sequence = stored.id, stored.sequence + 1
            party_id = stored.party_id if party_id is None else party_id
            if content is None:  # what a deleted record was found by stays
                match_key, days = stored.match_key, (stored.dated_on, stored.applied_on)
            self._changed_records.append((record_id, self._shelf, key, sequence, party_id, match_key, *days, standing))
            self._keep_former(stored, party_id, match_key)
        for party in parties[1:]:
            self._also_parties.append((record_id, party))
        if links:
            targets = dict.fromkeys((shelf_number(self._company, link.system, link.kind), link.id) for link in links)
            into = self._new_links if stored is None else self._changed_links
            into += [(record_id, *target) for target in targets]
        self._add_version(record_id, sequence, observation, encoded)
        return True

    def write(self, connection: Connection) -> None:
        """Send everything that was taken in to the database."""
        self._end_raw_page()
        self._numbering.write_new_parties(connection)
        insert_rows(connection, RECORD, self._new_records)
        replace_rows(connection, RECORD, self._changed_records)
        insert_rows(connection, RAW_PAGE, self._raw_pages)
        insert_rows(connection, VERSION, self._versions)
        insert_missing_rows(connection, ALSO_PARTY, self._also_parties)
        insert_missing_rows(connection, FORMER_MATCH, self._former_matches)
        insert_rows(connection, LINK, self._new_links)
        insert_missing_rows(connection, LINK, self._changed_links)

    def _named(self, key: str, entry: IndexEntry) -> tuple[list[int], list[RecordKey]]:
        """The clients a record belongs to, by number and the main one first; and the transactions it points at.

        A record without a client that points at something or carries a number stands for a client of its own,
        so that it is looked at, too; one without any of these belongs to nobody.
        """
        number, system = self._numbering.party, self._system_text
        parties = [number(system, entry.client_id)] if entry.client_id else []
        if self._is_client:
            parties.insert(0, number(system, key))
        links: list[RecordKey] = []
        for reference in entry.references:
            if reference.kind in _CLIENT_KINDS:
                parties.append(number(reference.system.value, reference.id))
            else:
                check_name(reference.id)
                links.append(reference)
        if not parties and (links or entry.match_key):
            parties.append(number(system, own_party(self._kind_text, key)))
        return parties, links

    def _keep_former(self, stored: Stored, party_id: int | None, match_key: str | None) -> None:
        """No edge between clients is ever dropped, so that a group, once joined, stays one."""
        if stored.party_id is not None and stored.party_id != party_id:
            self._also_parties.append((stored.id, stored.party_id))
        if stored.match_key is not None and stored.match_key != match_key:
            self._former_matches.append((stored.id, stored.match_key, self._shelf))

    def _add_version(self, record_id: int, sequence: int, observation: Observation, encoded: bytes | None) -> None:
        raw, absent, modified = observation.raw, observation.absent_before, observation.modified_at
        if observation.observed_at is not self._observed_at:  # one page has one moment
            self._observed_at = observation.observed_at
            self._observed_micros = micros_from_utc(observation.observed_at)
        self._numbering.version_id = version_id = self._numbering.version_id + 1
        self._versions.append(
            (
                version_id,
                record_id,
                sequence,
                self._run_id,
                self._observed_micros,
                None if absent is None else micros_from_utc(absent),
                None if modified is None else micros_from_utc(modified),
                sha256(raw).digest(),
                encoded,
            )
        )
        self._raws.append(raw)
        self._raw_size += len(raw)
        if self._raw_size >= _RAW_PAGE_BYTES:
            self._end_raw_page()

    def _end_raw_page(self) -> None:
        if self._raws:
            first = self._numbering.version_id - len(self._raws) + 1
            self._raw_pages.append((first, pack_raws(self._raws)))
            self._raws, self._raw_size = [], 0


def own_party(kind: str, key: str) -> str:
    """The client that a record stands for which names none but has to be looked at."""
    return f"{kind}/{key}"


def pack_raws(raws: list[bytes]) -> bytes:
    """Raw records in one compressed piece."""
    return zstandard.ZstdCompressor(level=1).compress(msgspec.msgpack.encode(raws))


def unpack_raws(body: bytes) -> list[bytes]:
    """What `pack_raws` packed. Raises: `zstandard.ZstdError` or `msgspec.DecodeError` when it is damaged."""
    return msgspec.msgpack.decode(zstandard.decompress(body), type=list[bytes])


def _encode(content: Content) -> bytes:
    try:
        return encode_content(content)
    except (ValueError, OverflowError):  # a lone surrogate, a number beyond 64 bits
        raise Unstorable("holds text or a number that cannot be encoded") from None


def _bounded(match_key: str) -> str:
    """The key, short enough for an index and without the one character that PostgreSQL does not take."""
    if len(match_key) > _LONGEST_MATCH_KEY:
        match_key = match_key[:100] + sha256(match_key.encode()).hexdigest()
    return match_key.replace("\x00", "\ufffd") if "\x00" in match_key else match_key


def _day(day: date | None) -> int | None:
    return None if day is None else number_from_day(day)
