"""The numbers that stand for customers and clients, and the counters of a company's other identifiers."""

from collections.abc import Collection, Sequence

from sqlalchemy import Connection, select

from mappings.model import System
from mappings.records import Party
from state.bulk import Row, chunks, insert_rows, select_in
from state.companies import Company, last_id
from state.tables import PARTY, RECORD, VERSION
from state.texts import is_storable

_SYSTEMS = {system.value: system for system in System}
_NUMBERS = "SELECT id, client_id FROM party WHERE company_id = {} AND system = {} AND client_id "
_MOST_BY_NAME = 1_000  # beyond that, reading all costs less


class Unstorable(ValueError):  # noqa: N818 (named by what happened)
    """A record that names something in a way that no database can keep; it goes to the quarantine."""


def check_name(name: str) -> None:
    """Raises: `Unstorable` when the id cannot be kept and found again in every database."""
    if not is_storable(name):
        raise Unstorable("names a record by an id that no database can keep")


class Numbering:
    """The identifiers given out so far, kept between the transactions of one lease holder.

    Only the holder of a lease gives out numbers, so what was read once stays true; `is_current` proves it
    before each use, because one holder may have opened two stores.
    """

    def __init__(self, connection: Connection, company: Company) -> None:
        self._company = company
        self.record_id = last_id(connection, RECORD.c.id, company)
        self.version_id = last_id(connection, VERSION.c.id, company)
        self._party_id = last_id(connection, PARTY.c.id, company)
        self._parties = {(party.system.value, party.client_id): id_ for id_, party in _rows(connection, company)}
        self._new: list[Row] = []

    def is_current(self, connection: Connection) -> bool:
        """Whether nobody else has written since; nothing is written without a version."""
        return last_id(connection, VERSION.c.id, self._company) == self.version_id

    def party(self, system: str, client_id: str) -> int:
        """The number of a customer or client, given out when it had none."""
        number = self._parties.get((system, client_id))
        if number is None:
            check_name(client_id)
            number = self._party_id = self._party_id + 1
            self._parties[system, client_id] = number
            self._new.append((number, self._company.id, system, client_id))
        return number

    def write_new_parties(self, connection: Connection) -> None:
        """Store the numbers that were given out since the last time."""
        insert_rows(connection, PARTY, self._new)
        self._new = []


def load_parties(connection: Connection, company: Company) -> dict[int, Party]:
    """Every customer and client of the company that any record has named, by number."""
    return dict(_rows(connection, company))


def load_parties_by_number(connection: Connection, numbers: Sequence[int]) -> dict[int, Party]:
    """Those customers and clients."""
    found: dict[int, Party] = {}
    for chunk in chunks(numbers):
        rows = select_in(connection, "SELECT id, system, client_id FROM party WHERE id ", (), chunk)
        found |= {number: Party(_SYSTEMS[system], client_id) for number, system, client_id in rows}
    return found


def load_numbers(connection: Connection, company: Company, parties: Collection[Party]) -> dict[Party, int]:
    """The numbers of those customers and clients that have one."""
    if len(parties) > _MOST_BY_NAME:
        return {party: number for number, party in _rows(connection, company)}
    found: dict[Party, int] = {}
    for system in System:
        named = [party.client_id for party in parties if party.system is system]
        for number, client_id in select_in(connection, _NUMBERS, (company.id, system.value), named):
            found[Party(system, client_id)] = number
    return found


def _rows(connection: Connection, company: Company) -> list[tuple[int, Party]]:
    query = select(PARTY.c.id, PARTY.c.system, PARTY.c.client_id).where(PARTY.c.company_id == company.id)
    return [(id_, Party(_SYSTEMS[system], client_id)) for id_, system, client_id in connection.execute(query).all()]
