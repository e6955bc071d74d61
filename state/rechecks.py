"""When results have to be looked at again although no record changes: a grace period ends, an item turns stale."""

from collections.abc import Sequence, Set
from datetime import datetime
from typing import NamedTuple

from sqlalchemy import Connection, delete, insert, select

from state.bulk import Row, chunks, insert_rows
from state.by_party import ByParty
from state.companies import Company
from state.tables import RECHECK
from state.times import micros_from_utc


def load_due_parties(connection: Connection, company: Company, now: datetime) -> set[int]:
    """The clients, by number, of whose groups each has one that is due."""
    own = RECHECK.c.party_id.between(company.first_id, company.last_id)
    return set(connection.execute(select(RECHECK.c.party_id).where(own, RECHECK.c.recheck_at <= now)).scalars())


def record_recheck(connection: Connection, party_id: int, at: datetime) -> None:
    """Have the client's group looked at from `at` on."""
    connection.execute(delete(RECHECK).where(RECHECK.c.party_id == party_id))
    connection.execute(insert(RECHECK).values(party_id=party_id, recheck_at=at))


class _Known(NamedTuple):
    party_id: int
    recheck_at: datetime


class RecheckResults:
    """Replaces rechecks group by group, inside one transaction; an equal moment is not written again."""

    def __init__(self, connection: Connection, company: Company, expected: Set[int] | None) -> None:
        self._connection = connection
        query = select(RECHECK.c.party_id, RECHECK.c.recheck_at)
        self._known = ByParty(connection, company, query, _Known, expected)
        self._new: list[Row] = []
        self._gone: list[int] = []

    def replace(self, parties: Sequence[int], at: datetime | None) -> None:
        """Have the clients' group looked at again from `at` on; None: only when a record changes."""
        known = dict(self._known.rows(parties))
        if at is not None and known.get(parties[0]) == at:
            known.pop(parties[0])
        elif at is not None:
            self._gone.append(parties[0])
            self._new.append((parties[0], micros_from_utc(at)))
        self._gone += known

    def finish(self) -> None:
        """Write what has changed."""
        for chunk in chunks(self._gone):
            self._connection.execute(delete(RECHECK).where(RECHECK.c.party_id.in_(chunk)))
        insert_rows(self._connection, RECHECK, self._new)
