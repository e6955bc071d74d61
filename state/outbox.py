"""The outbox: messages to channels, kept with what they tell of until a channel has accepted them.

A sender takes messages under a lease, sends them outside of any transaction, and marks them. When it dies between
sending and marking, the lease runs out and the message goes out once more under the same name: at least once, twice
only after a crash, never lost. Source: facts/reliability.md C3, F38.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any
from uuid import uuid4

import msgspec
from sqlalchemy import ColumnElement, Connection, Engine, Row, and_, func, insert, or_, select, update

from mappings.alerts import AlertKind, ChannelHealth, Delivery, DeliveryState, Notice, PlannedNotice
from state.alert_tables import ALERT_EVENT
from state.engine import read, write
from state.tables import COMPANY
from state.texts import storable

_ENCODER = msgspec.msgpack.Encoder()
_DECODER = msgspec.msgpack.Decoder(Notice)
_LONGEST_ERROR = 500
_MOST_WAITING = 5_000  # messages of one channel that one look at the outbox sees
# Only these may share a message with others of their company.
_GROUPED = frozenset({AlertKind.RAISED, AlertKind.UPDATED, AlertKind.REMINDER, AlertKind.RESOLVED})
_PENDING = ALERT_EVENT.c.state == DeliveryState.PENDING.value


def enqueue(connection: Connection, company_id: int | None, planned: PlannedNotice, *, at: datetime) -> int:
    """Put a message into the outbox inside the transaction of what it tells about; answers for how many channels.

    What has not been sent yet is not said twice: a change of an incident that nobody has been told of becomes part
    of that message, and an incident that is over before anybody was told is not told at all.
    """
    if planned.notice.kind is AlertKind.RESOLVED:
        return _enqueue_resolution(connection, company_id, planned, at=at)
    count = 0
    for channel in planned.channels:
        waiting = _untouched(connection, planned, channel)
        if waiting and planned.notice.kind in _GROUPED:
            payload = _ENCODER.encode(msgspec.structs.replace(planned.notice, kind=AlertKind(waiting[-1].kind)))
            connection.execute(
                update(ALERT_EVENT)
                .where(ALERT_EVENT.c.id == waiting[-1].id)
                .values(payload=payload, severity=planned.notice.severity)
            )
            continue
        count += _insert(connection, company_id, planned, channel, at=at)
    return count


def _enqueue_resolution(connection: Connection, company_id: int | None, planned: PlannedNotice, *, at: datetime) -> int:
    """The news that it is over, for those channels that were told that it began."""
    rows = connection.execute(select(ALERT_EVENT.c.channel, ALERT_EVENT.c.state).where(*_episode(planned))).all()
    count = 0
    for channel in sorted({row.channel for row in rows}):
        waiting = _untouched(connection, planned, channel)
        if waiting:
            ids = [row.id for row in waiting]
            connection.execute(
                update(ALERT_EVENT)
                .where(ALERT_EVENT.c.id.in_(ids))
                .values(state=DeliveryState.SUPERSEDED.value, lease_owner=None, lease_until=None)
            )
        told = select(func.count()).where(
            *_episode(planned),
            ALERT_EVENT.c.channel == channel,
            ALERT_EVENT.c.state != DeliveryState.SUPERSEDED.value,
        )
        if connection.execute(told).scalar_one():
            count += _insert(connection, company_id, planned, channel, at=at)
    return count


def _episode(planned: PlannedNotice) -> tuple[ColumnElement[bool], ...]:
    return ALERT_EVENT.c.dedupe_key == planned.key, ALERT_EVENT.c.episode == planned.episode


def _untouched(connection: Connection, planned: PlannedNotice, channel: str) -> Sequence[Row[Any]]:
    """Messages of this episode that nobody has tried to send to this channel."""
    query = select(ALERT_EVENT.c.id, ALERT_EVENT.c.kind).where(
        *_episode(planned), ALERT_EVENT.c.channel == channel, _PENDING, ALERT_EVENT.c.message == ""
    )
    rows: Sequence[Any] = connection.execute(query.order_by(ALERT_EVENT.c.id)).all()
    return rows


def _insert(
    connection: Connection, company_id: int | None, planned: PlannedNotice, channel: str, *, at: datetime
) -> int:
    same = and_(*_episode(planned), ALERT_EVENT.c.sequence == planned.sequence, ALERT_EVENT.c.channel == channel)
    if connection.execute(select(ALERT_EVENT.c.id).where(same)).first() is not None:
        return 0
    connection.execute(
        insert(ALERT_EVENT).values(
            company_id=company_id,
            dedupe_key=planned.key,
            episode=planned.episode,
            sequence=planned.sequence,
            channel=channel,
            kind=planned.notice.kind.value,
            severity=planned.notice.severity,
            state=DeliveryState.PENDING.value,
            payload=_ENCODER.encode(planned.notice),
            created_at=at,
            due_at=planned.due_at,
            attempts=0,
            last_error="",
            message="",
        )
    )
    return 1


class Outbox:
    """The messages of all companies, for whoever sends them."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def put(self, planned: PlannedNotice, *, at: datetime) -> int:
        """Keep a message about no company in particular; answers how many channels it is new for."""
        with write(self._engine) as connection:
            return enqueue(connection, None, planned, at=at)

    def has(self, key: str, channel: str) -> bool:
        """Whether a message of that key was ever kept for the channel."""
        own = (ALERT_EVENT.c.dedupe_key == key, ALERT_EVENT.c.channel == channel)
        with read(self._engine) as connection:
            query = select(ALERT_EVENT.c.id).where(*own).limit(1)
            return connection.execute(query).first() is not None

    def take(self, channel: str, *, owner: str, now: datetime, lasting: timedelta, burst: int) -> tuple[Delivery, ...]:
        """Take what goes to the channel as the next message; empty when nothing is due.

        More than `burst` messages of one company go as one, and its reminders always do; so do those of several
        companies that say that one thing has happened to them. What was taken before, and not marked, is taken again as
        it was, under the same name. Nobody else gets these before the lease has run out.
        """
        with write(self._engine) as connection:
            query = (
                select(ALERT_EVENT, COMPANY.c.alias)
                .outerjoin(COMPANY, COMPANY.c.id == ALERT_EVENT.c.company_id)
                .where(_PENDING, ALERT_EVENT.c.channel == channel)
                .order_by(ALERT_EVENT.c.id)
                .limit(_MOST_WAITING)
                .with_for_update(of=ALERT_EVENT)
            )
            rows = _next_message(connection.execute(query).all(), now=now, burst=burst)
            if not rows:
                return ()
            message = rows[0].message or uuid4().hex
            connection.execute(
                update(ALERT_EVENT)
                .where(ALERT_EVENT.c.id.in_([row.id for row in rows]))
                .values(message=message, lease_owner=owner, lease_until=now + lasting)
            )
            return tuple(msgspec.structs.replace(_delivery(row), message=message) for row in rows)

    def mark_sent(self, message: str, *, owner: str, at: datetime, note: str = "") -> None:
        """The channel has accepted the message; `note` is what it could not do all the same."""
        values = {"state": DeliveryState.SENT.value, "sent_at": at, "last_error": storable(note, _LONGEST_ERROR)}
        self._finish(message, owner, {**values, "attempts": ALERT_EVENT.c.attempts + 1})

    def mark_failed(self, message: str, *, owner: str, error: str, retry_at: datetime | None) -> None:
        """The channel has not accepted the message: try again at `retry_at`; None: give up."""
        values: dict[str, Any] = {
            "last_error": storable(error, _LONGEST_ERROR),
            "attempts": ALERT_EVENT.c.attempts + 1,
        }
        if retry_at is None:
            values["state"] = DeliveryState.DEAD.value
        else:
            values["due_at"] = retry_at
        self._finish(message, owner, values)

    def postpone(self, channel: str, *, until: datetime) -> None:
        """Try nothing on the channel before that moment: it does not answer."""
        with write(self._engine) as connection:
            connection.execute(
                update(ALERT_EVENT)
                .where(_PENDING, ALERT_EVENT.c.channel == channel, ALERT_EVENT.c.due_at < until)
                .values(due_at=until)
            )

    def send_again(self, *, channel: str | None, at: datetime) -> int:
        """Make everything that waits or was given up due now; answers how many messages that are."""
        wanted: list[ColumnElement[bool]] = [
            ALERT_EVENT.c.state.in_([DeliveryState.DEAD.value, DeliveryState.PENDING.value])
        ]
        if channel is not None:
            wanted.append(ALERT_EVENT.c.channel == channel)
        with write(self._engine) as connection:
            done = connection.execute(
                update(ALERT_EVENT).where(*wanted).values(state=DeliveryState.PENDING.value, due_at=at)
            )
            return done.rowcount

    def load(
        self, *, company_id: int | None = None, states: Sequence[DeliveryState] = (), limit: int = 200
    ) -> tuple[Delivery, ...]:
        """Messages, the newest first; of one company those about it and those about all."""
        wanted: list[ColumnElement[bool]] = []
        if states:
            wanted.append(ALERT_EVENT.c.state.in_([state.value for state in states]))
        if company_id is not None:
            wanted.append(or_(ALERT_EVENT.c.company_id == company_id, ALERT_EVENT.c.company_id.is_(None)))
        query = (
            select(ALERT_EVENT, COMPANY.c.alias)
            .outerjoin(COMPANY, COMPANY.c.id == ALERT_EVENT.c.company_id)
            .where(*wanted)
            .order_by(ALERT_EVENT.c.id.desc())
            .limit(limit)
        )
        with read(self._engine) as connection:
            return tuple(_delivery(row) for row in connection.execute(query))

    def health(self, channel: str) -> ChannelHealth:
        """How the channel does."""
        own = ALERT_EVENT.c.channel == channel
        with read(self._engine) as connection:
            counts: dict[str, int] = {
                row.state: row.number
                for row in connection.execute(
                    select(ALERT_EVENT.c.state, func.count().label("number")).where(own).group_by(ALERT_EVENT.c.state)
                )
            }
            waiting = connection.execute(
                select(func.max(ALERT_EVENT.c.attempts), func.min(ALERT_EVENT.c.created_at)).where(own, _PENDING)
            ).one()
            is_dead = ALERT_EVENT.c.state == DeliveryState.DEAD.value
            dead_since = connection.execute(select(func.min(ALERT_EVENT.c.created_at)).where(own, is_dead)).scalar()
            unsent = or_(_PENDING, is_dead)
            failed = connection.execute(
                select(ALERT_EVENT.c.last_error)
                .where(own, unsent, ALERT_EVENT.c.last_error != "")
                .order_by(ALERT_EVENT.c.id.desc())
                .limit(1)
            ).scalar()
            sent_at = connection.execute(select(func.max(ALERT_EVENT.c.sent_at)).where(own)).scalar()
        return ChannelHealth(
            channel=channel,
            pending=counts.get(DeliveryState.PENDING.value, 0),
            dead=counts.get(DeliveryState.DEAD.value, 0),
            attempts=waiting[0] or 0,
            last_error=failed or "",
            last_sent_at=sent_at,
            waiting_since=waiting[1],
            dead_since=dead_since,
        )

    def _finish(self, message: str, owner: str, values: dict[str, Any]) -> None:
        with write(self._engine) as connection:
            connection.execute(
                update(ALERT_EVENT)
                .where(ALERT_EVENT.c.message == message, ALERT_EVENT.c.lease_owner == owner, _PENDING)
                .values(lease_owner=None, lease_until=None, **values)
            )


def _next_message(rows: Sequence[Row[Any]], *, now: datetime, burst: int) -> list[Row[Any]]:
    """The rows of the next message: in order, and never one before an earlier one about the same thing."""
    blocked: set[str] = set()
    ready: list[Row[Any]] = []
    for row in rows:
        is_free = row.due_at <= now and (row.lease_until is None or row.lease_until <= now)
        if is_free and row.dedupe_key not in blocked:
            ready.append(row)
        else:
            blocked.add(row.dedupe_key)
    if not ready:
        return []
    first = ready[0]
    if first.message:
        return [row for row in ready if row.message == first.message]
    if first.kind not in _GROUPED:
        return [first]
    shared = _sharing(first, rows)
    if len(shared) > 1:
        return shared
    if first.kind == AlertKind.REMINDER:
        return [row for row in ready if (row.company_id, row.kind, row.message) == (first.company_id, first.kind, "")]
    alike = [row for row in ready if row.company_id == first.company_id and row.kind in _GROUPED and not row.message]
    return alike if len(alike) > burst else [first]


def _sharing(first: Row[Any], rows: Sequence[Row[Any]]) -> list[Row[Any]]:
    """`first` and what says the same of other companies, also what waits for nothing but more of its like."""
    shared_as = _DECODER.decode(first.payload).shared_as
    if not shared_as:
        return []
    heads: dict[str, Row[Any]] = {}
    for row in rows:
        heads.setdefault(row.dedupe_key, row)
    untried = [row for row in heads.values() if row.kind == first.kind and not row.message and row.lease_until is None]
    return [row for row in untried if _DECODER.decode(row.payload).shared_as == shared_as]


def _delivery(row: Row[Any]) -> Delivery:
    return Delivery(
        id=row.id,
        company=row.alias or "",
        key=row.dedupe_key,
        episode=row.episode,
        sequence=row.sequence,
        channel=row.channel,
        kind=AlertKind(row.kind),
        severity=row.severity,
        state=DeliveryState(row.state),
        notice=_DECODER.decode(row.payload),
        created_at=row.created_at,
        due_at=row.due_at,
        attempts=row.attempts,
        last_error=row.last_error,
        message=row.message,
        sent_at=row.sent_at,
    )
