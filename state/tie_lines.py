"""The tie-out of each posted invoice, and its exact sums per currency."""

from collections.abc import Iterator, Sequence, Set
from typing import Any, NamedTuple

import msgspec
from sqlalchemy import Connection, delete, func, select
from sqlalchemy.exc import OperationalError

from mappings.findings import TieLine, TieOut
from mappings.model import content_hash
from state.bulk import Row, chunks, insert_rows
from state.by_party import ByParty
from state.companies import Company
from state.tables import TIE_LINE
from state.texts import storable

_ENCODER = msgspec.msgpack.Encoder()
_DECODER = msgspec.msgpack.Decoder(TieLine)
_HALF = 2**32  # sums that SQLite cannot take whole are taken in two halves, at twice the time


def load_tie_lines(connection: Connection, company: Company) -> tuple[TieLine, ...]:
    """Every tie line of the company, by BigTime's invoice id."""
    rows = connection.execute(select(TIE_LINE.c.invoice_id, TIE_LINE.c.body).where(TIE_LINE.c.company_id == company.id))
    return tuple(_DECODER.decode(body) for _, body in sorted(tuple(row) for row in rows))


def load_tie_outs(connection: Connection, company: Company) -> tuple[TieOut, ...]:
    """The tie-out per currency, sorted by currency."""
    outs = []
    for currency, count, *sums in _sums(connection, company):
        bigtime, quickbooks, claimed, gross = sums
        outs.append(
            TieOut(
                currency=currency,
                invoice_count=count,
                bigtime_minor=bigtime,
                quickbooks_minor=quickbooks,
                explained_minor=claimed,
                gross_minor=gross,
            )
        )
    return tuple(sorted(outs, key=lambda out: out.currency))


def _sums(connection: Connection, company: Company) -> list[tuple[Any, ...]]:
    """Currency, number of lines and the four sums, each exact."""
    line = TIE_LINE.c
    amounts = (
        line.bigtime_minor,
        line.quickbooks_minor,
        line.claimed_minor,
        func.abs(line.bigtime_minor - line.quickbooks_minor),
    )
    query = select(line.currency, func.count()).where(line.company_id == company.id).group_by(line.currency)
    try:
        rows = connection.execute(query.add_columns(*(func.sum(amount) for amount in amounts))).all()
        return [(currency, count, *map(int, sums)) for currency, count, *sums in rows]
    except OperationalError:  # SQLite refuses a sum beyond 64 bits; PostgreSQL's has no end
        halves = [half for amount in amounts for half in (func.sum(amount // _HALF), func.sum(amount % _HALF))]
        rows = connection.execute(query.add_columns(*halves)).all()
        return [(currency, count, *_joined(sums)) for currency, count, *sums in rows]


def _joined(halves: Sequence[Any]) -> Iterator[int]:
    for high, low in zip(halves[::2], halves[1::2], strict=True):
        yield int(high) * _HALF + int(low)


class _Known(NamedTuple):
    party_id: int
    invoice_id: str
    digest: bytes


class TieLineResults:
    """Replaces tie lines group by group, inside one transaction; an equal line is not written again."""

    def __init__(self, connection: Connection, company: Company, expected: Set[int] | None) -> None:
        self._connection = connection
        self._company = company
        query = select(TIE_LINE.c.party_id, TIE_LINE.c.invoice_id, TIE_LINE.c.digest)
        self._known = ByParty(connection, company, query, _Known, expected)
        self._new: dict[str, Row] = {}
        self._gone: list[str] = []

    def replace(self, parties: Sequence[int], lines: Sequence[TieLine]) -> None:
        """Put the lines in the place of the earlier ones of these clients."""
        known = {stored.invoice_id: stored for stored in self._known.rows(parties)}
        for line in lines:
            invoice_id = line.invoice.bigtime
            body = _ENCODER.encode(line)
            digest = content_hash(body)
            stored = known.pop(invoice_id, None)
            if stored is not None and stored.digest == digest:
                continue
            self._gone.append(invoice_id)
            amounts = (line.bigtime_minor, line.quickbooks_minor, line.claimed_minor)
            self._new[invoice_id] = (
                self._company.id,
                invoice_id,
                parties[0],
                storable(line.currency),
                *amounts,
                digest,
                body,
            )
        self._gone += known

    def finish(self) -> None:
        """Write what has changed."""
        own = TIE_LINE.c.company_id == self._company.id
        for chunk in chunks(self._gone):
            self._connection.execute(delete(TIE_LINE).where(own, TIE_LINE.c.invoice_id.in_(chunk)))
        insert_rows(self._connection, TIE_LINE, list(self._new.values()))
