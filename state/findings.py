"""The exception queue: findings as they were last said, what people decided, and the history of both."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any

import msgspec
from sqlalchemy import Connection, Engine, Row, insert, select, update

from mappings.findings import Finding, FindingStatus
from mappings.records import StoredFinding
from state.audit import append_entry
from state.companies import Company, last_id
from state.engine import read, write
from state.errors import UnknownFinding
from state.leases import lock_company
from state.rechecks import record_recheck
from state.tables import FINDING, FINDING_EVENT, RECONCILE_MARK

DECODER = msgspec.msgpack.Decoder(Finding)
_SHORTEST_NAME = 4  # characters of a name that a person has to give


class FindingEvent(StrEnum):
    """What can happen to a finding."""

    OPENED = "opened"  # found for the first time
    CHANGED = "changed"  # found again, said differently
    RESOLVED = "resolved"  # not found any more by a complete run, or closed by a person
    REOPENED = "reopened"  # found again after it was resolved, or reopened by a person
    ACKNOWLEDGED = "acknowledged"  # somebody is on it
    EXPECTED = "expected"  # a person has said that this is how it should be


@dataclass(frozen=True, slots=True, kw_only=True)
class FindingOccasion:
    """One moment in the life of a finding; `run_id` is "" when a person acted, `actor` is "" when a run did."""

    event: FindingEvent
    at: datetime
    run_id: str
    actor: str
    reason: str
    finding: Finding | None  # as it was said then; None: as before


_EVENT_OF_STATUS = {
    FindingStatus.OPEN: FindingEvent.REOPENED,
    FindingStatus.ACKNOWLEDGED: FindingEvent.ACKNOWLEDGED,
    FindingStatus.RESOLVED: FindingEvent.RESOLVED,
    FindingStatus.EXPECTED: FindingEvent.EXPECTED,
}


def load_findings(
    connection: Connection, company: Company, *, statuses: Sequence[str] = ()
) -> tuple[StoredFinding, ...]:
    """Findings by severity, exposure and fingerprint; all that are not resolved when no status is named."""
    wanted = tuple(statuses) or tuple(status for status in FindingStatus if status is not FindingStatus.RESOLVED)
    query = (
        select(FINDING)
        .where(FINDING.c.company_id == company.id, FINDING.c.status.in_([str(status) for status in wanted]))
        .order_by(FINDING.c.severity, FINDING.c.exposure_minor.desc(), FINDING.c.fingerprint)
    )
    reconciled_at = _reconciled_at(connection, company)
    return tuple(_stored_finding(row, reconciled_at) for row in connection.execute(query))


class FindingDesk:
    """What people do with findings; needs no lease."""

    def __init__(self, engine: Engine, company: Company) -> None:
        self._engine = engine
        self._company = company

    def load_finding(self, name: str) -> StoredFinding:
        """The finding of that name; the beginning of the name or of the fingerprint is enough when it is unique.

        Raises: `UnknownFinding` when there is none, or more than one.
        """
        with read(self._engine) as connection:
            row = self._row(connection, name)
            return _stored_finding(row, _reconciled_at(connection, self._company))

    def load_occasions(self, name: str) -> tuple[FindingOccasion, ...]:
        """Everything that happened to a finding, oldest first. Raises: `UnknownFinding`."""
        with read(self._engine) as connection:
            row = self._row(connection, name)
            query = select(FINDING_EVENT).where(FINDING_EVENT.c.finding_id == row.id).order_by(FINDING_EVENT.c.id)
            return tuple(
                FindingOccasion(
                    event=FindingEvent(event.event),
                    at=event.at,
                    run_id=event.run_id or "",
                    actor=event.actor,
                    reason=event.reason,
                    finding=None if event.body is None else DECODER.decode(event.body),
                )
                for event in connection.execute(query)
            )

    def decide(self, name: str, status: FindingStatus, *, actor: str, reason: str, at: datetime) -> StoredFinding:
        """Record what a person decided about a finding; the same status again only adds the reason.

        A finding that is closed while its cause is still there is reopened by the next run.

        Raises: `UnknownFinding`.
        """
        with write(self._engine) as connection:
            lock_company(connection, self._company)
            row = self._row(connection, name)
            resolved_at = at if status is FindingStatus.RESOLVED else None
            connection.execute(
                update(FINDING).where(FINDING.c.id == row.id).values(status=status.value, resolved_at=resolved_at)
            )
            connection.execute(
                insert(FINDING_EVENT).values(
                    id=last_id(connection, FINDING_EVENT.c.id, self._company) + 1,
                    finding_id=row.id,
                    event=_EVENT_OF_STATUS[status].value,
                    at=at,
                    actor=actor,
                    reason=reason,
                )
            )
            if row.party_id is not None:
                record_recheck(connection, row.party_id, at)
            append_entry(
                connection,
                self._company,
                at=at,
                actor=actor,
                action=f"finding {_EVENT_OF_STATUS[status].value}",
                subject=row.name,
                detail={"reason": reason, "before": row.status, "after": status.value, "fingerprint": row.fingerprint},
            )
            return _stored_finding(self._row(connection, row.name), _reconciled_at(connection, self._company))

    def _row(self, connection: Connection, name: str) -> Row[Any]:
        wanted = name.strip()
        own = FINDING.c.company_id == self._company.id
        exact = connection.execute(select(FINDING).where(own, FINDING.c.name == wanted)).one_or_none()
        if exact is not None:
            return exact
        if len(wanted) < _SHORTEST_NAME:
            raise UnknownFinding(
                f"no finding is called {wanted!r}: give at least {_SHORTEST_NAME} characters of its name"
            )
        columns = select(FINDING.c.id, FINDING.c.name, FINDING.c.fingerprint).where(own)
        matching = [
            row.id
            for row in connection.execute(columns)
            if row.name.lower().startswith(wanted.lower()) or row.fingerprint.startswith(wanted.lower())
        ]
        if len(matching) != 1:
            problem = "no finding is called" if not matching else f"{len(matching)} findings begin with"
            raise UnknownFinding(f"{problem} {wanted!r}: `tieout findings list` shows the names")
        return connection.execute(select(FINDING).where(FINDING.c.id == matching[0])).one()


def _reconciled_at(connection: Connection, company: Company) -> datetime | None:
    query = select(RECONCILE_MARK.c.reconciled_at).where(RECONCILE_MARK.c.company_id == company.id)
    return connection.execute(query).scalar()


def _stored_finding(row: Row[Any], reconciled_at: datetime | None) -> StoredFinding:
    return StoredFinding(
        id=row.name,
        finding=DECODER.decode(row.body),
        status=row.status,
        first_seen=row.first_seen,
        last_seen=row.last_seen or reconciled_at or row.first_seen,
        resolved_at=row.resolved_at,
    )
