"""What people have been told of one company's incidents, and silences. Decisions come from outside, as a function."""

from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Any

import msgspec
from sqlalchemy import Connection, Engine, Row, delete, func, insert, select, update

from mappings.alerts import (
    AlertChange,
    AlertRecord,
    AlertSituation,
    AlertState,
    Silence,
    SilenceScope,
    WatchedFinding,
)
from mappings.findings import FindingStatus, Verdict
from state.alert_tables import ALERT, SILENCE
from state.audit import append_entry
from state.bulk import chunks
from state.companies import Company
from state.engine import read, write
from state.errors import UnknownSilence
from state.findings import DECODER, STATUS_EVENTS, FindingEvent
from state.leases import lock_company
from state.outbox import enqueue
from state.runs import COMPARE
from state.tables import FINDING, FINDING_EVENT, RUN
from state.texts import storable

Plan = Callable[[AlertSituation], Sequence[AlertChange]]

_ENCODER = msgspec.msgpack.Encoder()
_RECORDS = msgspec.msgpack.Decoder(AlertRecord)
_LONGEST_TEXT = 500


def review_alerts(connection: Connection, company: Company, plan: Plan, *, at: datetime) -> int:
    """Ask `plan` what is to be told now and keep its answer; answers how many messages that are.

    The caller holds the company, and the answer is kept or lost together with everything else of the transaction.
    """
    changes = plan(load_situation(connection, company))
    count = 0
    for change in changes:
        _save(connection, company, change.alert, at=at)
        if change.message is not None:
            count += enqueue(connection, company.id, change.message, at=at)
    return count


def load_situation(connection: Connection, company: Company) -> AlertSituation:
    """What the company's people are to know, and what they have been told."""
    alerts = _load_alerts(connection, company)
    firing = {told.fingerprint for alert in alerts if alert.state is AlertState.FIRING for told in alert.told}
    finished = select(func.max(RUN.c.finished_at)).where(RUN.c.company_id == company.id)
    complete = RUN.c.verdict.in_([Verdict.CLEAN.value, Verdict.FINDINGS.value])
    tried = (RUN.c.verdict.is_not(None), RUN.c.kind != COMPARE)
    return AlertSituation(
        company=company.alias,
        findings=_load_watched(connection, company, sorted(firing)),
        alerts=alerts,
        silences=_load_silences(connection, company),
        complete_at=connection.execute(finished.where(complete)).scalar(),
        began_at=connection.execute(select(func.min(RUN.c.started_at)).where(RUN.c.company_id == company.id)).scalar(),
        tried_at=connection.execute(finished.where(*tried)).scalar(),
    )


class AlertDesk:
    """Alerts and silences of one company; needs no lease."""

    def __init__(self, engine: Engine, company: Company) -> None:
        self._engine = engine
        self._company = company

    def review(self, plan: Plan, *, at: datetime) -> int:
        """Let `plan` look at the present situation, as time has passed or people have decided.

        Nothing is locked as long as there is nothing to change.
        """
        if not plan(self.load_situation()):
            return 0
        with write(self._engine) as connection:
            lock_company(connection, self._company)
            return review_alerts(connection, self._company, plan, at=at)

    def load_situation(self) -> AlertSituation:
        """Everything that decides what is told."""
        with read(self._engine) as connection:
            return load_situation(connection, self._company)

    def silence(
        self, scope: SilenceScope, value: str, *, author: str, reason: str, at: datetime, until: datetime
    ) -> Silence:
        """Tell nothing of what the silence covers until it ends. Audited."""
        values: dict[str, Any] = {
            "scope": scope.value,
            "value": storable(value, _LONGEST_TEXT),
            "author": storable(author, _LONGEST_TEXT),
            "reason": storable(reason, _LONGEST_TEXT),
            "created_at": at,
            "expires_at": until,
        }
        with write(self._engine) as connection:
            lock_company(connection, self._company)
            row = connection.execute(
                insert(SILENCE).values(company_id=self._company.id, **values).returning(SILENCE.c.id)
            ).one()
            append_entry(
                connection,
                self._company,
                at=at,
                actor=author,
                action="alerts silenced",
                subject=f"silence {row.id}",
                detail={"scope": scope.value, "value": value, "reason": reason, "until": until.isoformat()},
            )
            return _silence(connection.execute(select(SILENCE).where(SILENCE.c.id == row.id)).one())

    def end_silence(self, number: int, *, author: str, at: datetime) -> Silence:
        """End a silence before its time. Audited. Raises: `UnknownSilence` when none of that number is in force."""
        with write(self._engine) as connection:
            lock_company(connection, self._company)
            own = (SILENCE.c.id == number, SILENCE.c.company_id == self._company.id)
            row = connection.execute(select(SILENCE).where(*own)).one_or_none()
            if row is None or not _silence(row).covers(at):
                raise UnknownSilence(f"no silence {number} is in force: `tieout alerts list` shows them")
            connection.execute(update(SILENCE).where(*own).values(ended_at=at))
            append_entry(
                connection,
                self._company,
                at=at,
                actor=author,
                action="silence ended",
                subject=f"silence {number}",
                detail={},
            )
            return _silence(connection.execute(select(SILENCE).where(*own)).one())


def _load_alerts(connection: Connection, company: Company) -> tuple[AlertRecord, ...]:
    query = select(ALERT.c.body).where(ALERT.c.company_id == company.id).order_by(ALERT.c.incident)
    return tuple(_RECORDS.decode(body) for body in connection.execute(query).scalars())


def _save(connection: Connection, company: Company, alert: AlertRecord, *, at: datetime) -> None:
    own = (ALERT.c.company_id == company.id, ALERT.c.incident == alert.incident)
    connection.execute(delete(ALERT).where(*own))
    connection.execute(
        insert(ALERT).values(
            company_id=company.id,
            incident=alert.incident,
            state=alert.state.value,
            changed_at=at,
            body=_ENCODER.encode(alert),
        )
    )


def _load_silences(connection: Connection, company: Company) -> tuple[Silence, ...]:
    query = select(SILENCE).where(SILENCE.c.company_id == company.id).order_by(SILENCE.c.id)
    return tuple(_silence(row) for row in connection.execute(query))


def _silence(row: Row[Any]) -> Silence:
    return Silence(
        id=row.id,
        scope=SilenceScope(row.scope),
        value=row.value,
        author=row.author,
        reason=row.reason,
        created_at=row.created_at,
        expires_at=row.expires_at,
        ended_at=row.ended_at,
    )


def _load_watched(connection: Connection, company: Company, firing: Sequence[str]) -> tuple[WatchedFinding, ...]:
    """Findings that are not resolved, and those with the fingerprints `firing`."""
    own = FINDING.c.company_id == company.id
    open_ = FINDING.c.status != FindingStatus.RESOLVED.value
    rows: dict[int, Row[Any]] = {row.id: row for row in connection.execute(select(FINDING).where(own, open_))}
    for chunk in chunks(firing):
        query = select(FINDING).where(own, FINDING.c.fingerprint.in_(chunk))
        rows |= {row.id: row for row in connection.execute(query)}
    events = _load_events(connection, sorted(rows))
    return tuple(_watched(rows[finding_id], events.get(finding_id, [])) for finding_id in sorted(rows))


def _load_events(connection: Connection, ids: Sequence[int]) -> dict[int, list[Row[Any]]]:
    columns = [FINDING_EVENT.c[name] for name in ("finding_id", "event", "at", "actor", "reason")]
    wanted = FINDING_EVENT.c.event.in_([*(event.value for event in STATUS_EVENTS), FindingEvent.ASSIGNED.value])
    found: dict[int, list[Row[Any]]] = {}
    for chunk in chunks(ids):
        query = select(*columns).where(FINDING_EVENT.c.finding_id.in_(chunk), wanted).order_by(FINDING_EVENT.c.id)
        for row in connection.execute(query):
            found.setdefault(row.finding_id, []).append(row)
    return found


def _watched(row: Row[Any], events: Sequence[Row[Any]]) -> WatchedFinding:
    decided = next((event for event in reversed(events) if event.event != FindingEvent.ASSIGNED), None)
    opened = [event.at for event in events if event.event in (FindingEvent.OPENED, FindingEvent.REOPENED)]
    assigned = [event.reason for event in events if event.event == FindingEvent.ASSIGNED]
    return WatchedFinding(
        name=row.name,
        finding=DECODER.decode(row.body),
        status=row.status,
        since=opened[-1] if opened else row.first_seen,
        decided_by=decided.actor if decided is not None else "",
        decided_at=decided.at if decided is not None else None,
        reason=decided.reason if decided is not None else "",
        assigned_to=assigned[-1] if assigned else "",
    )
