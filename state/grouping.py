"""Which clients can influence each other: connected components over everything that has ever joined two of them.

Two clients are joined by a record that names both, a transaction of one that points at a transaction of the
other, a parent, or an equal invoice number or name in the two systems. Joins are never forgotten, so groups
only grow, and what is stored per group stays reachable from any of its clients. A join is made of records, and it
comes with a new version of one of them: so the groups of the last reconcile, joined by what has changed since, are
those of today, and cost as much as has changed.
"""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from sqlalchemy import Connection, delete, select

from mappings.records import Group, Party
from state.bulk import chunks, insert_rows, placed, select_in, walk_by_indexes
from state.companies import Company
from state.parties import load_parties, load_parties_by_number
from state.shelves import shelf_range, twin_shelf
from state.tables import PARTY_GROUP, RECORD

# From the records `r` of a client to the other clients that they lead to. `{twin:x}` is the other system's shelf.
_FROM_RECORD = (
    # another client of the same record
    "JOIN also_party t ON t.record_id = r.id",
    # what it points at
    "JOIN link l ON l.record_id = r.id JOIN record t ON t.shelf = l.target_shelf AND t.key = l.target_key",
    # an equal number or name in the other system, now or formerly
    "JOIN record t ON t.shelf = {twin_r} AND t.match_key = r.match_key",
    "JOIN former_match o ON o.record_id = r.id JOIN record t ON t.shelf = {twin_o} AND t.match_key = o.match_key",
    (
        "JOIN former_match o ON o.record_id = r.id"
        " JOIN former_match p ON p.shelf = {twin_o} AND p.match_key = o.match_key JOIN record t ON t.id = p.record_id"
    ),
)
# The same joins, walked the other way; an equal current number and two former ones are their own other way.
_TO_RECORD = (
    "JOIN link l ON l.target_shelf = r.shelf AND l.target_key = r.key JOIN record t ON t.id = l.record_id",
    "JOIN former_match o ON o.shelf = {twin_r} AND o.match_key = r.match_key JOIN record t ON t.id = o.record_id",
)
_TWINS = {"twin_r": twin_shelf("r.shelf"), "twin_o": twin_shelf("o.shelf")}
# The records that have a new version, with those that name no client; they are read once for all the joins.
_THROUGH_CHANGED = (
    "WITH r AS MATERIALIZED (SELECT id, shelf, key, match_key, party_id FROM record WHERE id IN"
    " (SELECT record_id FROM version WHERE id > {} AND id <= {})) "
)
_CHANGED_OR_JOINED = _THROUGH_CHANGED + " UNION ".join(
    (
        "SELECT party_id, party_id FROM r WHERE party_id IS NOT NULL",
        *(
            f"SELECT r.party_id, t.party_id FROM r {join.format(**_TWINS)} WHERE t.party_id <> r.party_id"  # noqa: S608
            for join in (*_FROM_RECORD, *_TO_RECORD)
        ),
    )
)
_MEMBERS = (
    "SELECT group_id, party_id FROM party_group WHERE group_id IN (SELECT group_id FROM party_group WHERE party_id "
)
_ALL_JOINS = tuple(
    f"SELECT DISTINCT r.party_id, t.party_id FROM record r {join.format(**_TWINS)}"  # noqa: S608 (our own names)
    " WHERE t.party_id <> r.party_id AND r.shelf BETWEEN {} AND {}"
    for join in _FROM_RECORD
)


class _Components:
    """Disjoint sets of clients, by number."""

    def __init__(self) -> None:
        self._parents: dict[int, int] = {}

    def root(self, party: int) -> int:
        """The client that stands for the set; a client that was never joined stands for itself."""
        parents = self._parents
        path = []
        while (parent := parents.setdefault(party, party)) != party:
            path.append(party)
            party = parent
        for passed in path:
            parents[passed] = party
        return party

    def join(self, one: int, other: int) -> None:
        """Make one set of the two clients' sets."""
        first, second = self.root(one), self.root(other)
        if first != second:
            self._parents[max(first, second)] = min(first, second)

    def sets(self) -> tuple[tuple[int, ...], ...]:
        """The sets of all clients seen, each sorted."""
        members: dict[int, list[int]] = defaultdict(list)
        for party in self._parents:
            members[self.root(party)].append(party)
        return tuple(tuple(sorted(numbers)) for numbers in members.values())


@dataclass(frozen=True, slots=True, kw_only=True)
class Grouping:
    """Groups in a stable order, the numbers of their clients, and whether these are all groups of the company."""

    groups: tuple[Group, ...]
    numbers: dict[Party, int]
    is_all: bool


def all_groups(connection: Connection, company: Company) -> Grouping:
    """Every group of clients with at least one record."""
    components = _Components()
    of_company = (RECORD.c.party_id >= company.first_id, RECORD.c.party_id <= company.last_id)
    for party in connection.execute(select(RECORD.c.party_id).where(*of_company).distinct()).scalars():
        components.root(party)
    first, last = shelf_range(company)
    for query in _ALL_JOINS:
        for one, other in connection.exec_driver_sql(query.format(first, last)):
            components.join(one, other)
    return _grouping(components, load_parties(connection, company), is_all=True)


def changed_groups(connection: Connection, after: int, until: int, due: Iterable[int]) -> Grouping:
    """The groups, whole, of what has changed from the version `after` on to `until`, and of the clients `due`.

    The stored groups are those of a reconcile that knew everything up to `after`, and this is the newest version.
    """
    walk_by_indexes(connection)
    edges = connection.exec_driver_sql(placed(connection, _CHANGED_OR_JOINED, 2), (after, until)).all()
    components = _Components()
    for party in due:
        components.root(party)
    for one, other in edges:
        components.join(one, other)
    seen = [party for members in components.sets() for party in members]
    for chunk in chunks(seen):
        for group, party in select_in(connection, _MEMBERS, (), chunk, end=")"):
            components.join(group, party)
    everyone = [party for members in components.sets() for party in members]
    return _grouping(components, load_parties_by_number(connection, everyone), is_all=False)


def record_groups(connection: Connection, company: Company, grouping: Grouping) -> None:
    """Keep the groups for the next `changed_groups`. Writes nothing when they are kept already."""
    wanted: dict[int, int] = {}
    for group in grouping.groups:
        numbers = [grouping.numbers[party] for party in group.parties]
        if len(numbers) > 1:
            wanted |= dict.fromkeys(numbers, min(numbers))
    known = _load_known(connection, company, None if grouping.is_all else list(wanted))
    gone = [party for party, group in known.items() if wanted.get(party) != group]
    for chunk in chunks(gone):
        connection.execute(delete(PARTY_GROUP).where(PARTY_GROUP.c.party_id.in_(chunk)))
    insert_rows(connection, PARTY_GROUP, [row for row in wanted.items() if known.get(row[0]) != row[1]])


def _load_known(connection: Connection, company: Company, parties: Sequence[int] | None) -> dict[int, int]:
    """The stored group of each of the clients that has one; of the whole company's for None."""
    if parties is None:
        of_company = PARTY_GROUP.c.party_id.between(company.first_id, company.last_id)
        return dict(connection.execute(select(PARTY_GROUP).where(of_company)).all())
    known: dict[int, int] = {}
    for chunk in chunks(parties):
        known |= dict(select_in(connection, "SELECT party_id, group_id FROM party_group WHERE party_id ", (), chunk))
    return known


def _grouping(components: _Components, parties: dict[int, Party], *, is_all: bool) -> Grouping:
    groups = (Group(tuple(sorted(parties[number] for number in numbers))) for numbers in components.sets())
    return Grouping(
        groups=tuple(sorted(groups, key=lambda group: group.parties)),
        numbers={party: number for number, party in parties.items()},
        is_all=is_all,
    )
