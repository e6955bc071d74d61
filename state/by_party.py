"""Stored results of a few clients, or of all of them, at the cost of few statements."""

from collections import defaultdict
from collections.abc import Iterable, Sequence, Set
from typing import Any, Generic, TypeVar

from sqlalchemy import ColumnElement, Connection, Select

from state.bulk import chunks
from state.companies import Company

_IN_ONE_STATEMENT = 500
_Stored = TypeVar("_Stored", bound=tuple[Any, ...])


class ByParty(Generic[_Stored]):
    """Rows of a table with a `party_id`, as they were before the transaction changed any.

    Good for one pass in which every client is asked about once. `query` selects the fields of `kind` in their order,
    `party_id` first. The clients that are `expected`, or all for None, are read together, at the first question.
    """

    def __init__(
        self,
        connection: Connection,
        company: Company,
        query: Select[Any],
        kind: type[_Stored],
        expected: Set[int] | None,
    ) -> None:
        self._connection = connection
        self._query = query
        self._party_id = query.selected_columns[0]
        self._of_company = self._party_id.between(company.first_id, company.last_id)
        self._kind = kind
        self._expected = expected
        self._known: dict[int, list[_Stored]] | None = None

    def rows(self, parties: Sequence[int]) -> list[_Stored]:
        """The rows of these clients."""
        if self._known is None:
            first = (self._of_company,) if self._expected is None else self._being(self._expected)
            self._known = self._read(first)
        if self._expected is not None and not self._expected >= set(parties):
            self._known |= self._read(self._being(set(parties) - self._expected))
        return [stored for party in parties for stored in self._known.pop(party, ())]

    def _being(self, parties: Set[int]) -> Iterable[ColumnElement[bool]]:
        return (self._party_id.in_(chunk) for chunk in chunks(iter(parties), _IN_ONE_STATEMENT))

    def _read(self, conditions: Iterable[ColumnElement[bool]]) -> dict[int, list[_Stored]]:
        found: dict[int, list[_Stored]] = defaultdict(list)
        for condition in conditions:
            for row in self._connection.execute(self._query.where(condition)):
                found[row[0]].append(self._kind(*row))
        return found
