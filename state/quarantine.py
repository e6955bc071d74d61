"""Records that could not be understood: kept with their raw text, out of every figure, until they can be."""

from collections.abc import Collection, Mapping, Sequence
from hashlib import sha256

import zstandard
from sqlalchemy import Connection, Engine, select, update

from mappings.model import Kind, RecordKey, System
from mappings.records import Quarantined, SetAside
from state.bulk import chunks, insert_or_ignore
from state.companies import Company
from state.engine import read
from state.tables import QUARANTINE, RUN
from state.texts import storable

_LONGEST_REASON = 500


def record_quarantined(connection: Connection, company: Company, run_id: str, records: Sequence[Quarantined]) -> None:
    """Keep the records; the same raw text of one kind is kept once, and comes back when it had been released."""
    for record in records:
        digest = sha256(record.raw).digest()
        insert_or_ignore(
            connection,
            QUARANTINE,
            {
                "company_id": company.id,
                "system": record.system.value,
                "kind": record.kind.value,
                "key": storable(record.record_id, 200),
                "sha256": digest,
                "raw": zstandard.compress(record.raw),
                "reason": storable(record.reason, _LONGEST_REASON),
                "run_id": run_id,
            },
        )
        connection.execute(
            update(QUARANTINE)
            .where(
                QUARANTINE.c.company_id == company.id,
                QUARANTINE.c.system == record.system.value,
                QUARANTINE.c.kind == record.kind.value,
                QUARANTINE.c.sha256 == digest,
                QUARANTINE.c.released_by_run_id.is_not(None),
            )
            .values(released_by_run_id=None)
        )


def release_quarantined(connection: Connection, company: Company, run_id: str, keys: Sequence[RecordKey]) -> None:
    """Let go of records, all of one kind, that have been understood since."""
    for chunk in chunks(keys):
        connection.execute(
            update(QUARANTINE)
            .where(
                QUARANTINE.c.company_id == company.id,
                QUARANTINE.c.system == chunk[0].system.value,
                QUARANTINE.c.kind == chunk[0].kind.value,
                QUARANTINE.c.key.in_([key.id for key in chunk]),
                QUARANTINE.c.released_by_run_id.is_(None),
            )
            .values(released_by_run_id=run_id)
        )


def release_others(
    connection: Connection, company: Company, run_id: str, system: System, still: Mapping[Kind, Collection[str]]
) -> None:
    """Let go of whatever of these kinds is set aside, but for what `still` names: by its id, or as `unnamed` does."""
    rows = connection.execute(
        select(QUARANTINE.c.id, QUARANTINE.c.kind, QUARANTINE.c.key, QUARANTINE.c.sha256).where(
            QUARANTINE.c.company_id == company.id,
            QUARANTINE.c.system == system.value,
            QUARANTINE.c.kind.in_([kind.value for kind in still]),
            QUARANTINE.c.released_by_run_id.is_(None),
        )
    ).all()
    gone = [row.id for row in rows if (row.key or unnamed(row.sha256.hex())) not in still[Kind(row.kind)]]
    for chunk in chunks(gone):
        connection.execute(update(QUARANTINE).where(QUARANTINE.c.id.in_(chunk)).values(released_by_run_id=run_id))


def unnamed(digest_hex: str) -> str:
    """What a record is called that has no id that could be read: the beginning of its raw text's SHA-256."""
    return f"?{digest_hex[:12]}"


def has_quarantined(connection: Connection, company: Company) -> bool:
    """Whether any record is still set aside."""
    query = select(QUARANTINE.c.id).where(
        QUARANTINE.c.company_id == company.id, QUARANTINE.c.released_by_run_id.is_(None)
    )
    return connection.execute(query.limit(1)).first() is not None


def load_quarantined(connection: Connection, company: Company) -> tuple[Quarantined, ...]:
    """The records that are still set aside, oldest first."""
    rows = connection.execute(
        select(QUARANTINE)
        .where(QUARANTINE.c.company_id == company.id, QUARANTINE.c.released_by_run_id.is_(None))
        .order_by(QUARANTINE.c.id)
    )
    return tuple(
        Quarantined(
            system=System(row.system),
            kind=Kind(row.kind),
            record_id=row.key,
            raw=zstandard.decompress(row.raw),
            reason=row.reason,
        )
        for row in rows
    )


class Quarantine:
    """What is set aside of one company, for people."""

    def __init__(self, engine: Engine, company: Company) -> None:
        self._engine = engine
        self._company = company

    def load(self) -> tuple[SetAside, ...]:
        """One for each record, in the order in which they were first met; `reason` is that of its newest content."""
        query = (
            select(QUARANTINE, RUN.c.started_at)
            .join(RUN, RUN.c.id == QUARANTINE.c.run_id)
            .where(QUARANTINE.c.company_id == self._company.id, QUARANTINE.c.released_by_run_id.is_(None))
            .order_by(QUARANTINE.c.id)
        )
        found: dict[tuple[str, str, str], SetAside] = {}
        with read(self._engine) as connection:
            for row in connection.execute(query):
                name = (row.system, row.kind, row.key or row.sha256.hex())
                earlier = found.get(name)
                found[name] = SetAside(
                    system=System(row.system),
                    kind=Kind(row.kind),
                    record_id=row.key,
                    reason=row.reason,
                    since=row.started_at if earlier is None else earlier.since,
                )
        return tuple(found.values())
