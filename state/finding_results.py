"""Findings of one reconcile in the place of earlier ones: opened, changed, reopened, resolved, with a history.

A finding is never deleted. What people decided stays until the finding is gone; what is gone is resolved, and
only by a run that read everything. What a person expects stays expected as long as it shows no more than then.
"""

from collections.abc import Sequence, Set
from datetime import datetime
from typing import Any, NamedTuple

import msgspec
from sqlalchemy import ColumnElement, Connection, select, update

from mappings.findings import Finding, FindingStatus
from mappings.model import content_hash
from state.audit import append_entry
from state.bulk import Row, chunks, insert_rows
from state.by_party import ByParty
from state.companies import Company, last_id
from state.expectations import Expectation, covering, end_expired, load_expectations
from state.findings import DECODER, FindingEvent
from state.tables import FINDING, FINDING_EVENT
from state.texts import storable
from state.times import micros_from_utc

_ENCODER = msgspec.msgpack.Encoder()
_ONE_BY_ONE = 100  # lookups; from then on one read of everything is cheaper than one read for each
_LARGEST = 2**63 - 1  # the column only sorts; the body has the exact amount


class _Known(NamedTuple):
    party_id: int | None
    id: int
    fingerprint: str
    status: str
    last_seen: datetime | None
    digest: bytes


class _Happened(NamedTuple):
    finding_id: int
    event: FindingEvent
    body: bytes | None = None
    actor: str = ""
    reason: str = ""


_MORE = "it shows more than was expected"
_DATE = "the date until which it was expected has come"
_COLUMNS = tuple(FINDING.c[name] for name in _Known._fields)


class FindingResults:
    """Replaces findings group by group, inside one transaction; an equal finding is not written again."""

    def __init__(
        self,
        connection: Connection,
        company: Company,
        expected: Set[int] | None,
        *,
        run_id: str,
        now: datetime,
        seen_before: datetime,
    ) -> None:
        self._connection = connection
        self._company = company
        self._run_id = run_id
        self._now = now
        self._seen_before = seen_before
        self._known = ByParty(connection, company, select(*_COLUMNS), _Known, expected)
        self._finding_id = last_id(connection, FINDING.c.id, company)
        self._names: set[str] | None = None
        self._everywhere: dict[str, _Known] | None = None
        self._looked_count = 0
        self._new: list[Row] = []
        self._updates: list[tuple[int, dict[str, Any]]] = []
        self._events: list[_Happened] = []
        expired = end_expired(connection, company, now=now)
        self._expectations = load_expectations(connection, company, now=now)
        if expired:
            self._reopen_unexpected()

    def replace(self, parties: Sequence[int], findings: Sequence[Finding], *, may_resolve: bool) -> bool:
        """Put the findings in the place of the earlier ones of these clients.

        True when an earlier one is not found any more and is kept all the same, because it may not be resolved.
        """
        known = {stored.fingerprint: stored for stored in self._known.rows(parties)}
        return self._replace(parties[0], known, findings, may_resolve=may_resolve)

    def replace_gates(self, findings: Sequence[Finding]) -> None:
        """Put these in the place of the earlier findings about the whole company."""
        stored = self._load(FINDING.c.party_id.is_(None))
        self._replace(None, {known.fingerprint: known for known in stored}, findings, may_resolve=True)

    def finish(self) -> None:
        """Write what has changed, and one line in the audit log when anything has."""
        insert_rows(self._connection, FINDING, self._new)
        for finding_id, values in self._updates:
            self._connection.execute(update(FINDING).where(FINDING.c.id == finding_id).values(**values))
        if not self._events:
            return
        first, at = last_id(self._connection, FINDING_EVENT.c.id, self._company) + 1, micros_from_utc(self._now)
        rows: list[Row] = [
            (event_id, each.finding_id, each.event.value, at, self._run_id, each.actor, each.reason, each.body)
            for event_id, each in enumerate(self._events, start=first)
        ]
        insert_rows(self._connection, FINDING_EVENT, rows)
        self._append_audit_entry(rows)

    def _replace(
        self, party: int | None, known: dict[str, _Known], findings: Sequence[Finding], *, may_resolve: bool
    ) -> bool:
        found: dict[str, Finding] = {finding.fingerprint: finding for finding in findings}
        known |= self._known_elsewhere([fingerprint for fingerprint in found if fingerprint not in known])
        for fingerprint, finding in found.items():
            self._find(party, finding, known.get(fingerprint))
        gone = [
            stored
            for fingerprint, stored in known.items()
            if fingerprint not in found and stored.status != FindingStatus.RESOLVED
        ]
        for stored in gone:
            last_seen = stored.last_seen or self._seen_before
            if may_resolve:
                resolved = {"status": FindingStatus.RESOLVED.value, "resolved_at": self._now, "last_seen": last_seen}
                self._updates.append((stored.id, resolved))
                self._events.append(_Happened(stored.id, FindingEvent.RESOLVED))
            elif stored.last_seen is None:
                self._updates.append((stored.id, {"last_seen": last_seen}))
        return bool(gone) and not may_resolve

    def _find(self, party: int | None, finding: Finding, known: _Known | None) -> None:
        body = _ENCODER.encode(finding)
        if known is None:
            self._open(party, finding, body)
            return
        values: dict[str, Any] = {}
        if known.status == FindingStatus.RESOLVED:
            values = {"status": FindingStatus.OPEN.value, "resolved_at": None, "last_seen": None}
            values |= _said(finding, body)
            self._events.append(_Happened(known.id, FindingEvent.REOPENED, body))
            values |= self._expect(known.id, finding)
        elif known.digest != content_hash(body):
            values = {"last_seen": None, **_said(finding, body)}
            self._events.append(_Happened(known.id, FindingEvent.CHANGED, body))
            if known.status == FindingStatus.EXPECTED and covering(self._expectations, finding) is None:
                values["status"] = FindingStatus.OPEN.value
                self._events.append(_Happened(known.id, FindingEvent.REOPENED, reason=_MORE))
        elif known.last_seen is not None:
            values = {"last_seen": None}
        if values:
            self._updates.append((known.id, values))

    def _expect(self, finding_id: int, finding: Finding) -> dict[str, Any]:
        """The status of a finding that has just opened and is expected; nothing when it is not."""
        expected = covering(self._expectations, finding)
        if expected is None:
            return {}
        self._events.append(_expected(finding_id, expected))
        return {"status": FindingStatus.EXPECTED.value}

    def _reopen_unexpected(self) -> None:
        """Open what nobody expects any more, as an expectation has come to its date."""
        query = select(FINDING.c.id, FINDING.c.body).where(
            FINDING.c.company_id == self._company.id, FINDING.c.status == FindingStatus.EXPECTED.value
        )
        for finding_id, body in self._connection.execute(query).all():
            if covering(self._expectations, DECODER.decode(body)) is None:
                change = update(FINDING).where(FINDING.c.id == finding_id).values(status=FindingStatus.OPEN.value)
                self._connection.execute(change)
                self._events.append(_Happened(finding_id, FindingEvent.REOPENED, reason=_DATE))

    def _open(self, party: int | None, finding: Finding, body: bytes) -> None:
        self._finding_id += 1
        said = _said(finding, body)
        self._events.append(_Happened(self._finding_id, FindingEvent.OPENED, body))
        status = self._expect(self._finding_id, finding).get("status", FindingStatus.OPEN.value)
        self._new.append(
            (
                self._finding_id,
                self._company.id,
                party,
                self._name(finding),
                finding.fingerprint,
                said["severity"],
                said["currency"],
                said["exposure_minor"],
                status,
                micros_from_utc(self._now),
                None,
                None,
                said["digest"],
                body,
            )
        )

    def _name(self, finding: Finding) -> str:
        """The code and the first digits of the fingerprint, as many as it takes to be the only one."""
        if self._names is None:
            names = select(FINDING.c.name).where(FINDING.c.company_id == self._company.id)
            self._names = set(self._connection.execute(names).scalars())
        name = f"{finding.code}-{finding.fingerprint[:8]}"
        for length in range(9, len(finding.fingerprint) + 1):
            if name not in self._names:
                break
            name = f"{finding.code}-{finding.fingerprint[:length]}"
        self._names.add(name)
        return name

    def _known_elsewhere(self, fingerprints: Sequence[str]) -> dict[str, _Known]:
        """Those that are stored with other clients, or with none: a finding is opened once in a company."""
        if not fingerprints:
            return {}
        self._looked_count += 1
        if self._everywhere is None and self._looked_count > _ONE_BY_ONE:
            own = FINDING.c.company_id == self._company.id
            self._everywhere = {stored.fingerprint: stored for stored in self._load(own)}
        if self._everywhere is not None:
            return {name: self._everywhere[name] for name in fingerprints if name in self._everywhere}
        known: dict[str, _Known] = {}
        for chunk in chunks(fingerprints):
            known |= {stored.fingerprint: stored for stored in self._load(FINDING.c.fingerprint.in_(chunk))}
        return known

    def _load(self, condition: ColumnElement[bool]) -> list[_Known]:
        query = select(*_COLUMNS).where(FINDING.c.company_id == self._company.id, condition)
        return [_Known(*row) for row in self._connection.execute(query)]

    def _append_audit_entry(self, events: Sequence[Row]) -> None:
        """How many findings each thing happened to, and a digest that holds the stored events to it."""
        kinds = [each.event.value for each in self._events]
        counts: dict[str, object] = {kind: kinds.count(kind) for kind in sorted(set(kinds))}
        append_entry(
            self._connection,
            self._company,
            at=self._now,
            actor="tieout",
            action="findings replaced",
            subject=self._run_id,
            detail={**counts, "events": content_hash(msgspec.msgpack.encode(events)).hex()},
        )


def _said(finding: Finding, body: bytes) -> dict[str, Any]:
    return {
        "severity": finding.severity.value,
        "currency": storable(finding.currency),
        "exposure_minor": min(finding.exposure_minor, _LARGEST),
        "digest": content_hash(body),
        "body": body,
    }


def _expected(finding_id: int, expected: Expectation) -> _Happened:
    return _Happened(finding_id, FindingEvent.EXPECTED, actor=expected.author, reason=expected.reason)
