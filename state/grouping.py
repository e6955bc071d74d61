"""Which clients can influence each other: connected components over everything that has ever joined two of them.

Two clients are joined by a record that names both, a transaction of one that points at a transaction of the
other, a parent, or an equal invoice number or name in the two systems. Joins are never forgotten, so groups
only grow, and what is stored per group stays reachable from any of its clients. Nothing is cached: groups are
derived from the records' own columns each time.
"""

from collections import defaultdict
from collections.abc import Iterable

from sqlalchemy import Connection, select

from mappings.records import Group, Party
from state.bulk import chunks, select_in, walk_by_indexes
from state.companies import Company
from state.shelves import shelf_range, twin_shelf
from state.tables import FORMER_MATCH, RECORD

_PER_STEP = 2_000  # clients in one statement

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
# The records of the clients are read once for all the joins; a client may also have no record that is his first.
_THROUGH_RECORDS = "WITH r AS MATERIALIZED (SELECT id, shelf, key, match_key, party_id FROM record WHERE party_id "
_THROUGH_NAMES = (
    "SELECT DISTINCT s.party_id, t.party_id FROM also_party s JOIN record t ON t.id = s.record_id"
    " WHERE t.party_id <> s.party_id AND s.party_id "
)
_STEPS = tuple(
    f"SELECT r.party_id, t.party_id FROM r {join.format(**_TWINS)} WHERE t.party_id <> r.party_id"  # noqa: S608
    for join in (*_FROM_RECORD, *_TO_RECORD)
)
_ALL_STEPS = ") " + " UNION ".join(_STEPS)
# Numbers and names that were changed are rare: asking each record for its former ones costs a third of the walk.
_PRESENT_STEPS = ") " + " UNION ".join(step for step in _STEPS if "former_match" not in step)
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

    def groups(self, parties: dict[int, Party]) -> tuple[Group, ...]:
        """The sets of all clients seen, in a stable order."""
        members: dict[int, list[Party]] = defaultdict(list)
        for party in self._parents:
            members[self.root(party)].append(parties[party])
        return tuple(
            sorted((Group(tuple(sorted(names))) for names in members.values()), key=lambda group: group.parties)
        )


def all_groups(connection: Connection, company: Company, parties: dict[int, Party]) -> tuple[Group, ...]:
    """Every group of clients with at least one record."""
    components = _Components()
    of_company = (RECORD.c.party_id >= company.first_id, RECORD.c.party_id <= company.last_id)
    for party in connection.execute(select(RECORD.c.party_id).where(*of_company).distinct()).scalars():
        components.root(party)
    first, last = shelf_range(company)
    for query in _ALL_JOINS:
        for one, other in connection.exec_driver_sql(query.format(first, last)):
            components.join(one, other)
    return components.groups(parties)


def groups_of(connection: Connection, seeds: Iterable[int], parties: dict[int, Party]) -> tuple[Group, ...]:
    """The groups that the clients `seeds` are in, whole."""
    walk_by_indexes(connection)
    components = _Components()
    frontier = set(seeds)
    seen: set[int] = set(frontier)
    for party in frontier:
        components.root(party)
    steps = _ALL_STEPS if _has_former_matches(connection) else _PRESENT_STEPS
    while frontier:
        reached: set[int] = set()
        for chunk in chunks(sorted(frontier), _PER_STEP):
            through_records = select_in(connection, _THROUGH_RECORDS, (), chunk, end=steps)
            through_names = select_in(connection, _THROUGH_NAMES, (), chunk)
            for one, other in (*through_records, *through_names):
                components.join(one, other)
                reached.add(other)
        frontier = reached - seen
        seen |= reached
    return components.groups(parties)


def _has_former_matches(connection: Connection) -> bool:
    """Whether any record of any company has ever had another number or name."""
    return connection.execute(select(FORMER_MATCH.c.record_id).limit(1)).first() is not None
