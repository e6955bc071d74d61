"""The exception queue: findings as they were last said, what people decided, and the history of both."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any

import msgspec
from sqlalchemy import ColumnElement, Connection, Engine, Row, insert, select, update

from mappings.findings import Finding, FindingStatus
from mappings.records import ExpectationScope, FindingLife, StoredFinding
from state.audit import append_entry
from state.companies import Company, last_id
from state.engine import read, write
from state.errors import UnknownFinding
from state.expectations import end_expectations, record_expectation
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
    ASSIGNED = "assigned"  # a person has named who looks after it: the reason is the name
    COMMENTED = "commented"  # a person has said something about it


@dataclass(frozen=True, slots=True, kw_only=True)
class FindingOccasion:
    """One moment in the life of a finding; `run_id` is "" when a person acted, `actor` is "" when a run did."""

    event: FindingEvent
    at: datetime
    run_id: str
    actor: str
    reason: str
    finding: Finding | None  # as it was said then; None: as before


# Those that give a finding its status.
STATUS_EVENTS = (
    FindingEvent.OPENED,
    FindingEvent.RESOLVED,
    FindingEvent.REOPENED,
    FindingEvent.ACKNOWLEDGED,
    FindingEvent.EXPECTED,
)
_STATUS_OF_EVENT = {
    FindingEvent.OPENED: FindingStatus.OPEN,
    FindingEvent.REOPENED: FindingStatus.OPEN,
    FindingEvent.RESOLVED: FindingStatus.RESOLVED,
    FindingEvent.ACKNOWLEDGED: FindingStatus.ACKNOWLEDGED,
    FindingEvent.EXPECTED: FindingStatus.EXPECTED,
}
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
    own = (FINDING.c.company_id == company.id, FINDING.c.status.in_([str(status) for status in wanted]))
    query = (
        select(FINDING).where(*own).order_by(FINDING.c.severity, FINDING.c.exposure_minor.desc(), FINDING.c.fingerprint)
    )
    reconciled_at = _reconciled_at(connection, company)
    assigned = _load_assigned(connection, FINDING_EVENT.c.finding_id.in_(select(FINDING.c.id).where(*own)))
    return tuple(_stored_finding(row, reconciled_at, assigned) for row in connection.execute(query).all())


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
            return self._stored(connection, self._row(connection, name))

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

    def load_lives(self, as_of: datetime) -> dict[str, FindingLife]:
        """The status of every finding as it was known at a moment, by fingerprint; those opened later are not in it."""
        query = (
            select(FINDING.c.fingerprint, FINDING.c.name, FINDING_EVENT.c.event, FINDING_EVENT.c.at)
            .join(FINDING, FINDING.c.id == FINDING_EVENT.c.finding_id)
            .where(
                FINDING.c.company_id == self._company.id,
                FINDING_EVENT.c.at <= as_of,
                FINDING_EVENT.c.event.in_([event.value for event in STATUS_EVENTS]),
            )
            .order_by(FINDING_EVENT.c.id)
        )
        with read(self._engine) as connection:
            return {
                row.fingerprint: FindingLife(
                    id=row.name, status=_STATUS_OF_EVENT[FindingEvent(row.event)], since=row.at
                )
                for row in connection.execute(query)
            }

    def decide(self, name: str, status: FindingStatus, *, actor: str, reason: str, at: datetime) -> StoredFinding:
        """Record what a person decided about a finding; the same status again only adds the reason.

        A finding that is closed while its cause is still there is reopened by the next run.

        Raises: `UnknownFinding`.
        """
        if status is FindingStatus.EXPECTED:
            return self.expect(name, scope=ExpectationScope.RECORD, actor=actor, reason=reason, at=at)
        with write(self._engine) as connection:
            lock_company(connection, self._company)
            row = self._row(connection, name)
            if status is FindingStatus.OPEN:
                end_expectations(connection, self._company, row.fingerprint, at=at)
            self._set_status(connection, row, status, actor=actor, reason=reason, at=at)
            return self._stored(connection, self._row(connection, row.name))

    def expect(
        self,
        name: str,
        *,
        scope: ExpectationScope,
        actor: str,
        reason: str,
        at: datetime,
        until: datetime | None = None,
    ) -> StoredFinding:
        """Record that a finding, and with a wider scope others like it, is as it should be; until a date, if given.

        It is opened again when it shows more than now, when the date has come, or when a person reopens it.

        Raises: `UnknownFinding`.
        """
        with write(self._engine) as connection:
            lock_company(connection, self._company)
            row = self._row(connection, name)
            said = record_expectation(
                connection,
                self._company,
                DECODER.decode(row.body),
                scope=scope,
                author=actor,
                reason=reason,
                at=at,
                until=until,
            )
            others = () if scope is ExpectationScope.RECORD else self._unsettled(connection, row.id)
            for other in (row, *(other for other in others if said.covers(DECODER.decode(other.body)))):
                self._set_status(connection, other, FindingStatus.EXPECTED, actor=actor, reason=reason, at=at)
            return self._stored(connection, self._row(connection, row.name))

    def assign(self, name: str, assignee: str, *, actor: str, at: datetime) -> StoredFinding:
        """Record who looks after a finding; "" takes the name away. Raises: `UnknownFinding`."""
        return self._add(name, FindingEvent.ASSIGNED, assignee, actor=actor, at=at)

    def comment(self, name: str, text: str, *, actor: str, at: datetime) -> StoredFinding:
        """Add a remark to a finding's history. Raises: `UnknownFinding`."""
        return self._add(name, FindingEvent.COMMENTED, text, actor=actor, at=at)

    def _add(self, name: str, event: FindingEvent, text: str, *, actor: str, at: datetime) -> StoredFinding:
        with write(self._engine) as connection:
            lock_company(connection, self._company)
            row = self._row(connection, name)
            self._note(connection, row, event, actor=actor, reason=text, at=at)
            self._audit(connection, row, event, {"text": text}, actor=actor, at=at)
            return self._stored(connection, row)

    def _set_status(
        self, connection: Connection, row: Row[Any], status: FindingStatus, *, actor: str, reason: str, at: datetime
    ) -> None:
        resolved_at = at if status is FindingStatus.RESOLVED else None
        connection.execute(
            update(FINDING).where(FINDING.c.id == row.id).values(status=status.value, resolved_at=resolved_at)
        )
        event = _EVENT_OF_STATUS[status]
        self._note(connection, row, event, actor=actor, reason=reason, at=at)
        if row.party_id is not None:
            record_recheck(connection, row.party_id, at)
        detail: dict[str, object] = {"reason": reason, "before": row.status, "after": status.value}
        self._audit(connection, row, event, detail, actor=actor, at=at)

    def _note(
        self, connection: Connection, row: Row[Any], event: FindingEvent, *, actor: str, reason: str, at: datetime
    ) -> None:
        connection.execute(
            insert(FINDING_EVENT).values(
                id=last_id(connection, FINDING_EVENT.c.id, self._company) + 1,
                finding_id=row.id,
                event=event.value,
                at=at,
                actor=actor,
                reason=reason,
            )
        )

    def _audit(
        self,
        connection: Connection,
        row: Row[Any],
        event: FindingEvent,
        detail: dict[str, object],
        *,
        actor: str,
        at: datetime,
    ) -> None:
        append_entry(
            connection,
            self._company,
            at=at,
            actor=actor,
            action=f"finding {event.value}",
            subject=row.name,
            detail={**detail, "fingerprint": row.fingerprint},
        )

    def _unsettled(self, connection: Connection, but: int) -> Sequence[Row[Any]]:
        wanted = FINDING.c.status.in_([FindingStatus.OPEN.value, FindingStatus.ACKNOWLEDGED.value])
        query = select(FINDING).where(FINDING.c.company_id == self._company.id, FINDING.c.id != but, wanted)
        return connection.execute(query.order_by(FINDING.c.id)).all()

    def _stored(self, connection: Connection, row: Row[Any]) -> StoredFinding:
        assigned = _load_assigned(connection, FINDING_EVENT.c.finding_id == row.id)
        return _stored_finding(row, _reconciled_at(connection, self._company), assigned)

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


def _load_assigned(connection: Connection, wanted: ColumnElement[bool]) -> dict[int, str]:
    """Who looks after each finding that somebody was named for."""
    query = select(FINDING_EVENT.c.finding_id, FINDING_EVENT.c.reason).where(
        wanted, FINDING_EVENT.c.event == FindingEvent.ASSIGNED.value
    )
    return {row.finding_id: row.reason for row in connection.execute(query.order_by(FINDING_EVENT.c.id))}


def _stored_finding(row: Row[Any], reconciled_at: datetime | None, assigned: Mapping[int, str]) -> StoredFinding:
    return StoredFinding(
        id=row.name,
        finding=DECODER.decode(row.body),
        status=row.status,
        first_seen=row.first_seen,
        last_seen=row.last_seen or reconciled_at or row.first_seen,
        resolved_at=row.resolved_at,
        assigned_to=assigned.get(row.id, ""),
    )
