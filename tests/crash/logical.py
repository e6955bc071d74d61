"""What a store says, without how it came to say it: no run ids, no numbers of rows, no moments of our own clock.

Two workers that have read the same systems agree on this, however often one of them was killed.
"""

from collections import defaultdict
from collections.abc import Iterable
from hashlib import sha256
from typing import Any

import msgspec
from sqlalchemy import Connection, Table, select

from mappings.findings import Finding, FindingStatus, TieLine
from mappings.model import decode_content
from state.audit import AuditLog
from state.companies import Company
from state.engine import open_engine, read
from state.pages import unpack_raws
from state.shelves import shelf_name
from state.tables import (
    ABSENCE,
    ALSO_PARTY,
    COMPANY,
    CURSOR,
    FINDING,
    FINDING_EVENT,
    FORMER_MATCH,
    LEASE,
    LINK,
    OAUTH_TOKEN,
    PARTY,
    PARTY_GROUP,
    QUARANTINE,
    RAW_PAGE,
    RECHECK,
    RECONCILE_MARK,
    RECORD,
    RUN,
    TIE_LINE,
    VERSION,
)
from sync.pulling.windows import Feed, decode_cursor

State = dict[str, Any]


def logical_state(url: str) -> State:
    """Everything of the only company of a store that must not depend on crashes, as plain values."""
    engine = open_engine(url)
    try:
        with read(engine) as connection:
            return _state(connection) | {"fault in the audit log": AuditLog(engine, _company(connection)).verify()}
    finally:
        engine.dispose()


def differences(expected: State, actual: State) -> list[str]:
    """Where two states differ, in words; empty when they are equal."""
    found = []
    for part in sorted(expected.keys() | actual.keys()):
        ours, theirs = expected.get(part), actual.get(part)
        if isinstance(ours, dict) and isinstance(theirs, dict):
            found += [
                f"{part} {name}: expected {ours.get(name)!r}, found {theirs.get(name)!r}"
                for name in sorted(ours.keys() | theirs.keys(), key=str)
                if ours.get(name) != theirs.get(name)
            ]
        elif ours != theirs:
            found.append(f"{part}: expected {ours!r}, found {theirs!r}")
    return found


def _rows(connection: Connection, table: Table) -> list[Any]:
    return list(connection.execute(select(table).order_by(*table.primary_key.columns)))


def _state(connection: Connection) -> State:
    parties = {row.id: f"{row.system} {row.client_id}" for row in _rows(connection, PARTY)}
    versions = _rows(connection, VERSION)
    return {
        "parties": sorted(parties.values()),
        "groups": sorted((parties[row.party_id], parties[row.group_id]) for row in _rows(connection, PARTY_GROUP)),
        "records": _records(connection, parties),
        "raw records that cannot be read back": _lost_raws(connection, versions),
        "cursors": {row.feed: _cursor(row.feed, row.value) for row in _rows(connection, CURSOR)},
        "quarantine": sorted((row.system, row.kind, row.key, row.reason) for row in _rows(connection, QUARANTINE)),
        "findings": _findings(connection, parties),
        "tie lines": {row.invoice_id: _tie_line(row.body) for row in _rows(connection, TIE_LINE)},
        "rechecks": sorted(parties[row.party_id] for row in _rows(connection, RECHECK)),
        "not reconciled": _unreconciled(connection, versions),
        "contexts": [row.context for row in _rows(connection, RECONCILE_MARK)],
        "held": [row.owner for row in _rows(connection, LEASE) if row.owner is not None],
        "tokens": [(row.environment, row.refresh_owner) for row in _rows(connection, OAUTH_TOKEN)],
        "last run": _last_run(connection),
    }


def _company(connection: Connection) -> Company:
    row = connection.execute(select(COMPANY)).one()
    return Company(id=row.id, alias=row.alias)


def _records(connection: Connection, parties: dict[int, str]) -> dict[str, Any]:
    names = {row.id: f"{' '.join(shelf_name(row.shelf))} {row.key}" for row in _rows(connection, RECORD)}
    missing = {row.record_id for row in _rows(connection, ABSENCE)}
    beside = _grouped((row.record_id, parties[row.party_id]) for row in _rows(connection, ALSO_PARTY))
    former = _grouped((row.record_id, row.match_key) for row in _rows(connection, FORMER_MATCH))
    links = _grouped((r.record_id, (shelf_name(r.target_shelf), r.target_key)) for r in _rows(connection, LINK))
    versions = defaultdict(list)
    for row in _rows(connection, VERSION):
        content = None if row.content is None else decode_content(row.content)
        bounded = row.absent_before is not None
        versions[row.record_id].append((row.sequence, row.sha256.hex()[:12], row.modified_at, bounded, content))
    return {
        names[row.id]: {
            "party": parties.get(row.party_id),
            "place": (row.match_key, row.dated_on, row.applied_on, row.standing, row.sequence),
            "missing": row.id in missing,
            "parties beside": beside[row.id],
            "former numbers": former[row.id],
            "links": links[row.id],
            "versions": sorted(versions[row.id], key=lambda version: version[0]),
        }
        for row in _rows(connection, RECORD)
    }


def _grouped(pairs: Iterable[tuple[int, Any]]) -> defaultdict[int, list[Any]]:
    grouped: defaultdict[int, list[Any]] = defaultdict(list)
    for key, value in sorted(pairs):
        grouped[key].append(value)
    return grouped


def _lost_raws(connection: Connection, versions: list[Any]) -> list[int]:
    raws = {
        page.id + place: raw for page in _rows(connection, RAW_PAGE) for place, raw in enumerate(unpack_raws(page.body))
    }
    return [row.id for row in versions if sha256(raws.get(row.id, b"lost")).digest() != row.sha256]


def _findings(connection: Connection, parties: dict[int, str]) -> dict[str, Any]:
    """What is wrong now. What was wrong for a while depends on when somebody looked."""
    events = defaultdict(list)
    for row in _rows(connection, FINDING_EVENT):
        events[row.finding_id].append((row.event, row.actor, row.reason, row.body))
    return {
        row.name: {
            "party": parties.get(row.party_id),
            "finding": msgspec.msgpack.decode(row.body, type=Finding),
            "status": (row.status, row.severity, row.exposure_minor, row.last_seen is None, row.resolved_at is None),
            "events": events[row.id],
        }
        for row in _rows(connection, FINDING)
        if row.status != FindingStatus.RESOLVED
    }


def _tie_line(body: bytes) -> TieLine:
    return msgspec.msgpack.decode(body, type=TieLine)


def _unreconciled(connection: Connection, versions: list[Any]) -> list[int]:
    known = max((row.version_id for row in _rows(connection, RECONCILE_MARK)), default=0)
    return [row.id for row in versions if row.id > known]


def _last_run(connection: Connection) -> tuple[Any, ...]:
    last = max(_rows(connection, RUN), key=lambda row: int(row.number))
    certificate = msgspec.json.decode(last.certificate or "{}")
    return last.kind, last.finished_at is not None, last.verdict, certificate.get("gaps")


def _cursor(feed: str, text: str) -> Any:
    if feed == "quickbooks":
        return {**msgspec.json.decode(text), "daily_at": None}
    if feed != "bigtime":
        return text
    cursor = decode_cursor(text)
    assert cursor is not None
    return _windows(cursor.invoices), _windows(cursor.payments), cursor.clients_read_at is None, cursor.unsettled


def _windows(feed: Feed) -> tuple[Any, ...]:
    """A list's windows without the moments of the reads; a run that was cut short leaves `shown_at` for the next."""
    known = [(window.rows, window.read_at is None, window.is_due) for window in feed.windows]
    return feed.start, known, feed.largest_rows, feed.cap_rows, feed.doubtful_rows, feed.foreign_dates
