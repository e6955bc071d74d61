"""Books to reconcile: groups of clients with everything known about them, now or as of an earlier moment."""

from collections import defaultdict
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime
from hashlib import sha256

import msgspec
from sqlalchemy import Connection, Engine

from mappings.findings import TieLine, TieOut
from mappings.indexing import index_content
from mappings.model import Account, Book, History, Kind, Preferences, RecordKey, System, Version
from mappings.records import Group, StoredFinding
from state.bulk import Row, select_in, walk_by_indexes
from state.companies import Company, last_id
from state.engine import read, write
from state.findings import load_findings
from state.grouping import Grouping, all_groups, changed_groups
from state.leases import Lease, hold
from state.marks import Mark, load_mark
from state.parties import load_numbers
from state.rechecks import load_due_parties
from state.results import Loaded, ReconcileUnit
from state.shelves import shelf_name, shelf_number
from state.tables import VERSION
from state.tie_lines import load_tie_lines, load_tie_outs
from state.times import Clock, micros_from_utc
from state.versions import version_from_columns

_PARTIES_PER_BATCH = 50  # a few thousand records in memory at a time
_FALLBACK_CURRENCY = "USD"
_VERSIONS = (
    "SELECT r.party_id, r.shelf, r.key, v.record_id, v.sequence, v.run_id, v.observed_at, v.absent_before,"
    " v.modified_at, v.sha256, v.content FROM record r JOIN version v ON v.record_id = r.id"
    " WHERE v.id <= {} AND v.observed_at <= {} AND "
)
# a client's records are spread over the table: all clients' in the order of the table read each of its pages once
_OF_PARTIES = _VERSIONS + "r.id IN (SELECT id FROM record WHERE party_id "  # noqa: S608 (our own names)
_OF_SHELF = _VERSIONS + "r.shelf "
_FOREVER = 2**62


class BookReader:
    """One company's books and what has been found in them; needs no lease and never writes."""

    def __init__(self, engine: Engine, company: Company) -> None:
        self._engine = engine
        self._company = company
        self._loaded: Loaded | None = None

    def load_changed_groups(self, now: datetime) -> tuple[Group, ...]:
        """The groups touched by versions newer than the last `reconcile_unit`, or due for a recheck."""
        with read(self._engine) as connection:
            mark = load_mark(connection, self._company)
            seen = self._present(connection)
            if mark is None or mark.context != seen.context:
                grouping = all_groups(connection, self._company)
            else:
                due = load_due_parties(connection, self._company, now)
                grouping = changed_groups(connection, mark.version_id, seen.version_id, due)
        return self._remember(seen, grouping)

    def load_all_groups(self) -> tuple[Group, ...]:
        """Every group of the company, in a stable order."""
        with read(self._engine) as connection:
            seen = self._present(connection)
            grouping = all_groups(connection, self._company)
        return self._remember(seen, grouping)

    def _remember(self, seen: Mark, grouping: Grouping) -> tuple[Group, ...]:
        self._loaded = Loaded(seen=seen, grouping=grouping)
        return grouping.groups

    def iterate_books(self, groups: Sequence[Group], as_of: datetime | None = None) -> Iterator[Book]:
        """The groups' books, one at a time, as known at `as_of` (None: now).

        What is written while one iterates is left out. As of an earlier moment, groups are those of today, which
        may join clients that nothing joined then.
        """
        until = _FOREVER if as_of is None else micros_from_utc(as_of)
        with read(self._engine) as connection:
            newest = last_id(connection, VERSION.c.id, self._company)
            numbers = load_numbers(connection, self._company, [party for group in groups for party in group.parties])
            preferences = self._load_preferences(connection, newest, until)
            accounts = self._load_accounts(connection, newest, until)
        for batch in _batches(groups):
            with read(self._engine) as connection:
                walk_by_indexes(connection)
                wanted = [numbers[party] for group in batch for party in group.parties if party in numbers]
                histories = _load_histories(connection, newest, until, wanted)
            for group in batch:
                of_group = [history for party in group.parties for history in histories.get(numbers.get(party, 0), ())]
                if as_of is not None:
                    of_group = [history for history in of_group if _belonged_to_somebody(history)]
                yield Book(
                    company=self._company.alias,
                    home_currency=_home_currency(preferences),
                    histories=tuple(sorted(of_group, key=lambda history: history.key)),
                    preferences=preferences,
                    receivable_accounts=frozenset(accounts),
                    account_names=accounts,
                )

    def load_findings(self, *, statuses: Sequence[str] = ()) -> tuple[StoredFinding, ...]:
        """Findings by severity, exposure and fingerprint; all that are not resolved when none is named."""
        with read(self._engine) as connection:
            return load_findings(connection, self._company, statuses=statuses)

    def load_tie_outs(self) -> tuple[TieOut, ...]:
        """The tie-out per currency over all stored tie lines."""
        with read(self._engine) as connection:
            return load_tie_outs(connection, self._company)

    def load_tie_lines(self) -> tuple[TieLine, ...]:
        """The tie-out of every posted invoice, by BigTime's id."""
        with read(self._engine) as connection:
            return load_tie_lines(connection, self._company)

    def _present(self, connection: Connection) -> Mark:
        newest = last_id(connection, VERSION.c.id, self._company)
        preferences = self._load_preferences(connection, newest, _FOREVER)
        content = None if preferences is None else preferences.content
        accounts = sorted(self._load_accounts(connection, newest, _FOREVER))
        context = sha256(msgspec.msgpack.encode((content, accounts))).hexdigest()
        return Mark(version_id=newest, context=context)

    def _load_preferences(self, connection: Connection, newest: int, until: int) -> History | None:
        histories = self._load_shelf(connection, newest, until, Kind.PREFERENCES)
        return min(histories, key=lambda history: history.key) if histories else None

    def _load_accounts(self, connection: Connection, newest: int, until: int) -> dict[str, str]:
        """The receivable accounts by id, with their names; empty when they are not known."""
        histories = self._load_shelf(connection, newest, until, Kind.ACCOUNT)
        contents = {history.key.id: history.content for history in sorted(histories, key=lambda each: each.key)}
        return {id_: each.name for id_, each in contents.items() if isinstance(each, Account) and each.is_receivable}

    def _load_shelf(self, connection: Connection, newest: int, until: int, kind: Kind) -> list[History]:
        """The histories of a kind that belongs to the whole company."""
        shelf = shelf_number(self._company, System.QUICKBOOKS, kind)
        return _histories_by_party(select_in(connection, _OF_SHELF, (newest, until), [shelf])).get(None, [])


class BookStore(BookReader):
    """The books of one company for the worker that holds its lease."""

    def __init__(self, engine: Engine, lease: Lease, clock: Clock) -> None:
        super().__init__(engine, lease.company)
        self._lease = lease
        self._clock = clock

    @contextmanager
    def reconcile_unit(self, run_id: str) -> Iterator[ReconcileUnit]:
        """A transaction that replaces results and moves the watermark to what `load_…_groups` saw.

        All groups of one load belong into one unit. Raises: `LeaseLost`.
        """
        now = self._clock.now()
        with write(self._engine) as connection:
            hold(connection, self._lease, now=now)
            unit = ReconcileUnit(connection, self._company, self._loaded, run_id=run_id, now=now)
            yield unit
            unit.finish()


def _batches(groups: Sequence[Group]) -> Iterator[list[Group]]:
    batch: list[Group] = []
    size = 0
    for group in groups:
        batch.append(group)
        size += len(group.parties)
        if size >= _PARTIES_PER_BATCH:
            yield batch
            batch, size = [], 0
    if batch:
        yield batch


def _load_histories(
    connection: Connection, newest: int, until: int, parties: list[int]
) -> dict[int | None, list[History]]:
    return _histories_by_party(select_in(connection, _OF_PARTIES, (newest, until), parties, end=")"))


def _histories_by_party(rows: Sequence[Row]) -> dict[int | None, list[History]]:
    versions: dict[int, list[Version]] = {}
    places: dict[int, int | None] = {}
    for party_id, shelf, key, record_id, *columns in rows:
        known = versions.get(record_id)
        if known is None:
            places[record_id] = party_id
            versions[record_id] = [version_from_columns(RecordKey(*shelf_name(shelf), key), columns)]
        else:
            known.append(version_from_columns(known[0].key, columns))
    histories: dict[int | None, list[History]] = defaultdict(list)
    for record_id, found in versions.items():
        if len(found) > 1:
            found.sort(key=lambda version: version.sequence)
        histories[places[record_id]].append(History(tuple(found)))
    return histories


def _belonged_to_somebody(history: History) -> bool:
    """Whether any of the versions leads to a client; a record that found its client later was in no book before."""
    if history.key.kind in (Kind.CUSTOMER, Kind.CLIENT):
        return True
    contents = (version.content for version in history.versions if version.content is not None)
    entries = [index_content(history.key.system, content) for content in contents]
    return any(entry.client_id or entry.references or entry.match_key for entry in entries)


def _home_currency(preferences: History | None) -> str:
    content = None if preferences is None else preferences.content
    return (content.home_currency if isinstance(content, Preferences) else "") or _FALLBACK_CURRENCY
