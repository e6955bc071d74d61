"""Stored results of a few clients, or of all of them, at the cost of few statements."""

from collections import defaultdict
from collections.abc import Sequence
from typing import Any, Generic, TypeVar

from sqlalchemy import Connection, Select

from state.companies import Company

ONE_BY_ONE = 100  # groups; from then on one read of everything is cheaper than one read for each
_Stored = TypeVar("_Stored", bound=tuple[Any, ...])


class ByParty(Generic[_Stored]):
    """Rows of a table with a `party_id`, as they were before the transaction changed any.

    Good for one pass in which every client is asked about once. `query` selects the fields of `kind` in their
    order, `party_id` first.
    """

    def __init__(self, connection: Connection, company: Company, query: Select[Any], kind: type[_Stored]) -> None:
        self._connection = connection
        self._query = query
        self._party_id = query.selected_columns[0]
        self._range = (company.first_id, company.last_id)
        self._kind = kind
        self._asked_count = 0
        self._all: dict[int, list[_Stored]] | None = None

    def rows(self, parties: Sequence[int]) -> list[_Stored]:
        """The rows of these clients."""
        self._asked_count += 1
        if self._all is None and self._asked_count <= ONE_BY_ONE:
            return self._load(self._query.where(self._party_id.in_(parties)))
        if self._all is None:
            self._all = defaultdict(list)
            for stored in self._load(self._query.where(self._party_id.between(*self._range))):
                self._all[stored[0]].append(stored)
        return [stored for party in parties for stored in self._all.get(party, ())]

    def _load(self, query: Select[Any]) -> list[_Stored]:
        return [self._kind(*row) for row in self._connection.execute(query).all()]
