"""An append-only log in which every entry seals the one before it: who did what, when, and why.

A changed, removed or inserted entry breaks the chain at its place, and `verify_log` names it. Whoever can
write the database can also rewrite the whole chain from some entry on; note the head (`load_head`) somewhere
else to exclude that.
"""

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256

from sqlalchemy import Connection, Engine, insert, select

from state.companies import Company
from state.engine import read, write
from state.leases import lock_company
from state.tables import AUDIT_ENTRY
from state.texts import storable
from state.times import micros_from_utc

_BEGINNING = bytes(32)


@dataclass(frozen=True, slots=True, kw_only=True)
class AuditEntry:
    """One entry; `detail` is JSON with sorted keys, `seal` covers everything else and the entry before."""

    company: str
    sequence: int
    at: datetime
    actor: str
    action: str
    subject: str
    detail: str
    previous: bytes
    seal: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class AuditFault:
    """The first entry at which the log is not what was written, and what is wrong with it."""

    sequence: int
    sentence: str


class AuditLog:
    """The log of one company; needs no lease."""

    def __init__(self, engine: Engine, company: Company) -> None:
        self._engine = engine
        self._company = company

    def append(self, *, at: datetime, actor: str, action: str, subject: str, detail: Mapping[str, object]) -> None:
        """Add an entry, in a transaction of its own."""
        with write(self._engine) as connection:
            lock_company(connection, self._company)
            append_entry(connection, self._company, at=at, actor=actor, action=action, subject=subject, detail=detail)

    def load_entries(self) -> tuple[AuditEntry, ...]:
        """All entries, oldest first."""
        with read(self._engine) as connection:
            return tuple(_entries(connection, self._company))

    def load_head(self) -> tuple[int, str]:
        """The number of entries and the seal of the last, to be kept elsewhere."""
        with read(self._engine) as connection:
            sequence, seal = _head(connection, self._company)
        return sequence, seal.hex()

    def verify(self, *, head: tuple[int, str] | None = None) -> AuditFault | None:
        """The first fault; None when every entry is as it was written, and `head` is among them."""
        return verify_log(self.load_entries(), head=head)


def append_entry(
    connection: Connection,
    company: Company,
    *,
    at: datetime,
    actor: str,
    action: str,
    subject: str,
    detail: Mapping[str, object],
) -> None:
    """Add an entry inside the transaction of what it tells about; the caller holds the company."""
    sequence, previous = _head(connection, company)
    text = json.dumps(detail, sort_keys=True, ensure_ascii=True, separators=(",", ":"))
    entry = AuditEntry(
        company=company.alias,
        sequence=sequence + 1,
        at=at,
        actor=storable(actor),
        action=storable(action),
        subject=storable(subject),
        detail=text,
        previous=previous,
        seal=b"",
    )
    connection.execute(
        insert(AUDIT_ENTRY).values(
            company_id=company.id,
            sequence=entry.sequence,
            at=at,
            actor=entry.actor,
            action=entry.action,
            subject=entry.subject,
            detail=text,
            previous=previous,
            sha256=seal(entry),
        )
    )


def verify_log(entries: Iterable[AuditEntry], *, head: tuple[int, str] | None = None) -> AuditFault | None:
    """The first entry that is not as it was written; needs nothing but the entries.

    With a `head` noted earlier, also that the log still contains it.
    """
    previous, count = _BEGINNING, 0
    for entry in entries:
        count += 1
        if entry.sequence != count:
            return AuditFault(sequence=count, sentence=f"entry {count} is missing: the next one is {entry.sequence}")
        if entry.previous != previous:
            return AuditFault(sequence=count, sentence=f"entry {count} does not follow the entry before it")
        if entry.seal != seal(entry):
            return AuditFault(sequence=count, sentence=f"entry {count} has been changed after it was written")
        previous = entry.seal
        if head is not None and count == head[0] and entry.seal.hex() != head[1]:
            return AuditFault(sequence=count, sentence=f"entry {count} is not the one whose seal was noted")
    if head is not None and count < head[0]:
        return AuditFault(sequence=count + 1, sentence=f"entries from {count + 1} on are missing: {head[0]} were noted")
    return None


def _head(connection: Connection, company: Company) -> tuple[int, bytes]:
    query = select(AUDIT_ENTRY.c.sequence, AUDIT_ENTRY.c.sha256).where(AUDIT_ENTRY.c.company_id == company.id)
    row = connection.execute(query.order_by(AUDIT_ENTRY.c.sequence.desc()).limit(1)).one_or_none()
    return (0, _BEGINNING) if row is None else (row.sequence, row.sha256)


def _entries(connection: Connection, company: Company) -> Iterator[AuditEntry]:
    query = select(AUDIT_ENTRY).where(AUDIT_ENTRY.c.company_id == company.id).order_by(AUDIT_ENTRY.c.sequence)
    for row in connection.execute(query):
        yield AuditEntry(
            company=company.alias,
            sequence=row.sequence,
            at=row.at,
            actor=row.actor,
            action=row.action,
            subject=row.subject,
            detail=row.detail,
            previous=row.previous,
            seal=row.sha256,
        )


def seal(entry: AuditEntry) -> bytes:
    """What an entry must carry: a digest of everything in it and of the seal before."""
    fields = [
        entry.company,
        entry.sequence,
        micros_from_utc(entry.at),
        entry.actor,
        entry.action,
        entry.subject,
        entry.detail,
    ]
    return sha256(entry.previous + json.dumps(fields, ensure_ascii=True, separators=(",", ":")).encode()).digest()
