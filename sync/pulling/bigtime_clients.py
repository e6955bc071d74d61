"""Reads BigTime's clients: the list once a day, and one by one what only the detailed view says.

The detailed view alone names the QuickBooks customer of a client, at one call each; so clients are read one by one
only where the name leaves a doubt, when the list has changed or after a week, and after the first time few in a run.
Source: facts/bigtime.md §2.4, §1.5.
"""

from collections import Counter
from collections.abc import Mapping
from datetime import datetime, timedelta

import msgspec

from connectors.errors import AccessRevoked, NotFound, Rejected
from mappings.indexing import normalise_name
from mappings.model import Client, Content, Invoice, Kind, RecordKey, System
from sync.pulling.absence import Absence, Reads, infer_absence
from sync.pulling.cycle import Cycle
from sync.pulling.replies import Batch, read_clients
from sync.pulling.windows import Cursor

# Clients cannot be read in parts; a list of a whole multiple of this length may have been cut off
_SUSPICIOUS_ROWS = 500
_MOST_DETAILS = 15
_DETAILS_AGE = timedelta(days=7)


def may_be_cut_off(rows: int) -> bool:
    """Whether a list that cannot be asked for in parts may have more rows than came."""
    return rows >= _SUSPICIOUS_ROWS and rows % _SUSPICIOUS_ROWS == 0


def read_clients_if_due(cycle: Cycle) -> None:
    """Read the list of clients on a full run, and when it was not read for as long as months may go unread."""
    read_at = cycle.cursor.clients_read_at
    age = timedelta(hours=cycle.reread_hours) * 0.9
    if cycle.is_full or read_at is None or cycle.started_at - read_at >= age:
        _read_clients(cycle)


def read_unknown_clients(cycle: Cycle) -> None:
    """Read the list again when a changed invoice names a client that nobody has heard of."""
    changed = [key for key in cycle.changed if key.kind is Kind.INVOICE]
    if cycle.clients_were_read or not changed:
        return
    contents = cycle.store.load_contents(changed).values()
    named = {content.client_id for content in contents if isinstance(content, Invoice)} - {""}
    if named - cycle.store.load_ids(System.BIGTIME, Kind.CLIENT):
        _read_clients(cycle)


def _read_clients(cycle: Cycle) -> None:
    """Read all clients, and judge which are gone. A reading that lost too many is made again in the next run."""
    asked_at, read_before = cycle.clock.now(), cycle.cursor.clients_read_at
    raws = cycle.reader.fetch_clients()
    batch = read_clients(raws, cycle.arrival(lambda _: read_before))
    known = cycle.store.load_contents(observation.key for observation in batch.observations)
    shows_links = any(_link_of(observation.content) for observation in batch.observations)
    if not shows_links:
        batch = _with_known_links(batch, known)
    absence = infer_absence(
        cycle.store.load_records(System.BIGTIME, Kind.CLIENT),
        batch.seen,
        expected=lambda _: not may_be_cut_off(len(raws)),
        reads=Reads(run_started_at=cycle.started_at, oldest_read_at=asked_at),
        accept_losses=cycle.accepts_losses,
    )
    is_whole = not absence.lost_count and not batch.quarantined
    cursor = msgspec.structs.replace(cycle.cursor, clients_read_at=asked_at if is_whole else None)
    if not shows_links and (_has_changed(batch, known) or _are_details_due(cycle)):
        begun = cursor.details_started_at
        cursor = msgspec.structs.replace(cursor, details_started_at=begun and cycle.started_at, details_after="")
    cycle.record_batch(Kind.CLIENT, batch, cursor)
    cycle.clients_were_read = True
    if absence.lost_count:
        cycle.add_lost_rights(Kind.CLIENT, absence.lost_count)
    if absence.missing or absence.gone:
        cycle.record_absence(absence, cycle.cursor, since=asked_at, bounds=_last_seen(cycle, absence))


def _are_details_due(cycle: Cycle) -> bool:
    begun = cycle.cursor.details_started_at
    if begun is None:
        return cycle.cursor.details_after is None
    return cycle.is_full or cycle.started_at - begun >= _DETAILS_AGE


def _has_changed(batch: Batch, known: Mapping[RecordKey, Content]) -> bool:
    return any(known.get(observation.key) != observation.content for observation in batch.observations)


def _link_of(content: Content | None) -> str:
    return content.quickbooks_id if isinstance(content, Client) else ""


def _with_known_links(batch: Batch, known: Mapping[RecordKey, Content]) -> Batch:
    """The list with the QuickBooks customers that the detailed views have told of, which the list does not show."""
    observations = tuple(
        msgspec.structs.replace(observation, content=msgspec.structs.replace(observation.content, quickbooks_id=link))
        if isinstance(observation.content, Client) and (link := _link_of(known.get(observation.key)))
        else observation
        for observation in batch.observations
    )
    return msgspec.structs.replace(batch, observations=observations)


def _last_seen(cycle: Cycle, absence: Absence) -> dict[RecordKey, datetime | None]:
    histories = {record.key: cycle.store.load_history(record.key) for record in absence.gone}
    return {key: history.latest.observed_at if history else None for key, history in histories.items()}


def read_client_details(cycle: Cycle) -> None:
    """Read the next few clients one by one. One that is hidden or refused is left as the list shows it."""
    after = cycle.cursor.details_after
    if after is None:
        return
    ids = sorted(_doubtful_clients(cycle), key=_numeric)
    waiting = [id_ for id_ in ids if _numeric(id_) > _numeric(after)]
    planned = waiting if cycle.cursor.details_started_at is None else waiting[:_MOST_DETAILS]
    for done, client_id in enumerate(planned, start=1):
        cycle.progress("BigTime clients", done, len(planned))
        if not _read_detail(cycle, client_id, is_last=client_id == waiting[-1]):
            return
    if not waiting:
        cycle.cursor = _with_details_done(cycle)


def _doubtful_clients(cycle: Cycle) -> frozenset[str]:
    """The clients whose name does not say which QuickBooks customer they are: none has it, or several have.

    For the others the detailed view would cost a call each, of which BigTime allows few a minute, and tell nothing new.
    """
    clients = _names(cycle, System.BIGTIME, Kind.CLIENT)
    customers = Counter(_names(cycle, System.QUICKBOOKS, Kind.CUSTOMER).values())
    namesakes = Counter(clients.values())
    return frozenset(id_ for id_, name in clients.items() if not name or customers[name] != 1 or namesakes[name] != 1)


def _names(cycle: Cycle, system: System, kind: Kind) -> dict[str, str]:
    keys = [RecordKey(system, kind, id_) for id_ in cycle.store.load_ids(system, kind)]
    contents = cycle.store.load_contents(keys)
    return {key.id: normalise_name(content.name) for key, content in contents.items() if isinstance(content, Client)}


def _read_detail(cycle: Cycle, client_id: str, *, is_last: bool) -> bool:
    """Whether to go on: not when this login may see no detailed view at all."""
    cursor = _with_details_done(cycle) if is_last else msgspec.structs.replace(cycle.cursor, details_after=client_id)
    try:
        raws = [cycle.reader.fetch_client_detail(client_id)]
    except (NotFound, Rejected):
        raws = []
    except AccessRevoked as refusal:
        if refusal.http_status not in {403, 405}:
            raise
        cycle.cursor = _with_details_done(cycle)
        return False
    batch = read_clients(raws, cycle.arrival(lambda _: None))
    cycle.record_batch(Kind.CLIENT, batch, cursor)
    return True


def _with_details_done(cycle: Cycle) -> Cursor:
    """The cursor when no client is left to be read. The first time counts from its end, so that it is not cut short."""
    begun = cycle.cursor.details_started_at
    return msgspec.structs.replace(cycle.cursor, details_started_at=begun or cycle.started_at, details_after=None)


def _numeric(client_id: str) -> tuple[int, str]:
    """The order of ids in which a longer number comes later."""
    return len(client_id), client_id
