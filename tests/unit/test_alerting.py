"""The sender: patient with channels and with the database, and with each of them on its own."""

from datetime import timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from connectors.errors import ConnectorError, Rejected, Throttled, Unavailable
from mappings.alerts import AlertKind, DeliveryState, Notice, PlannedNotice
from state.errors import StoreBusy
from state.store import Store
from sync.alerting import Alerting
from sync.digest import DigestTimes
from tests.alert_building import POLICY
from tests.stores import SetClock


class Recorder:
    """A channel that fails as often as it is told to, and remembers what it took."""

    def __init__(self, *failures: ConnectorError) -> None:
        self.failures = list(failures)
        self.taken: list[tuple[str, str]] = []
        self.notices: list[Notice] = []

    def send(self, notice: Notice, *, subject: str, message_id: str, at: object) -> str:
        if self.failures:
            raise self.failures.pop(0)
        self.taken.append((subject, message_id))
        self.notices.append(notice)
        return ""


class Busy:
    """An outbox whose marks fail a few times because the database is locked."""

    def __init__(self, outbox: Any, times: int) -> None:
        self._outbox = outbox
        self._times = times

    def __getattr__(self, name: str) -> Any:
        return getattr(self._outbox, name)

    def mark_sent(self, *arguments: Any, **named: Any) -> None:
        self._times -= 1
        if self._times >= 0:
            raise StoreBusy("locked")
        self._outbox.mark_sent(*arguments, **named)


def alerting(store: Store, clock: SetClock, outbox: Any = None, **channels: Recorder) -> Alerting:
    return Alerting(
        policy=POLICY,
        times=DigestTimes(timezone=ZoneInfo("UTC"), hour=23, days=frozenset(), quiet_day="sun"),
        burst=5,
        channels=channels,
        digest_channels={},
        outbox=outbox or store.outbox,
        clock=clock,
        owner="me",
    )


def put(store: Store, clock: SetClock, key: str, *channels: str) -> None:
    notice = Notice(kind=AlertKind.DIGEST, company="", subject=key)
    due = clock.now()
    store.outbox.put(
        PlannedNotice(key=key, episode=1, sequence=1, notice=notice, channels=channels, due_at=due), at=due
    )


def test_a_channel_that_is_down_stops_no_other(store: Store, store_clock: SetClock) -> None:
    down, fine = Recorder(Unavailable("down", "sending", "away")), Recorder()
    put(store, store_clock, "one", "down", "fine")
    put(store, store_clock, "two", "down", "fine")
    sender = alerting(store, store_clock, down=down, fine=fine)
    report = sender.drain()
    assert (2, ["down"]) == (report.sent, list(report.failures))
    assert [] == down.taken  # the second message was not even tried
    assert 0 == sender.drain().sent
    store_clock.advance(minutes=1)
    assert 2 == sender.drain().sent
    assert ["one", "two"] == [subject for subject, _ in down.taken]


def test_a_message_that_had_to_wait_says_so_beside_what_the_reader_can_type(
    store: Store, store_clock: SetClock
) -> None:
    channel = Recorder(Unavailable("down", "sending", "away"))
    put(store, store_clock, "one", "down")
    sender = alerting(store, store_clock, down=channel)
    sender.drain()
    put(store, store_clock, "two", "down")
    store_clock.advance(minutes=1)
    sender.drain()
    late, punctual = channel.notices
    assert "Delayed: written at 2026-03-01 09:00 UTC." in [line for each in late.sections for line in each.lines]
    assert () == late.closing
    assert () == punctual.sections


def test_each_attempt_waits_longer_up_to_an_hour(store: Store, store_clock: SetClock) -> None:
    down = Recorder(*[Unavailable("down", "sending", "away") for _ in range(12)])
    put(store, store_clock, "one", "down")
    sender = alerting(store, store_clock, down=down)
    began = store_clock.now()
    waits = []
    while not down.taken:
        if sender.drain().failures:
            (delivery,) = store.outbox.load()
            waits.append((delivery.due_at - store_clock.now()) // timedelta(minutes=1))
        store_clock.advance(minutes=1)
    assert [1, 2, 4, 8, 16, 32, 60, 60, 60, 60, 60, 60] == waits
    assert store_clock.now() - began < timedelta(days=3)


def test_the_pause_that_a_channel_asks_for_is_kept(store: Store, store_clock: SetClock) -> None:
    slow = Recorder(Throttled("slow", "sending", "later", retry_after_seconds=900))
    put(store, store_clock, "one", "slow")
    alerting(store, store_clock, slow=slow).drain()
    (delivery,) = store.outbox.load()
    assert timedelta(minutes=15) == delivery.due_at - store_clock.now()


def test_a_message_that_is_refused_again_and_again_is_given_up_and_blocks_nothing(
    store: Store, store_clock: SetClock
) -> None:
    picky = Recorder(Rejected("picky", "sending", "no"))
    put(store, store_clock, "bad", "picky")
    put(store, store_clock, "good", "picky")
    sender = alerting(store, store_clock, picky=picky)
    assert 1 == sender.drain().sent
    for _ in range(4):
        picky.failures.append(Rejected("picky", "sending", "no"))
        store_clock.advance(hours=1)
        sender.drain()
    states = {delivery.key: delivery.state for delivery in store.outbox.load()}
    assert {"bad": DeliveryState.DEAD, "good": DeliveryState.SENT} == states


def test_a_locked_database_does_not_make_a_message_go_twice(store: Store, store_clock: SetClock) -> None:
    channel = Recorder()
    put(store, store_clock, "one", "mail")
    sender = alerting(store, store_clock, Busy(store.outbox, times=5), mail=channel)
    assert 1 == sender.drain().sent
    store_clock.advance(hours=1)
    assert 0 == sender.drain().sent
    assert 1 == len(channel.taken)


@pytest.mark.parametrize("attempts", [3, 5])
def test_the_other_channels_are_told_of_a_dead_one_once(store: Store, store_clock: SetClock, attempts: int) -> None:
    down = Recorder(*[Unavailable("down", "sending", "away") for _ in range(100)])
    fine = Recorder()
    put(store, store_clock, "one", "down")
    sender = alerting(store, store_clock, down=down, fine=fine)
    for _ in range(attempts):
        sender.beat([])
        store_clock.advance(hours=1)
    sender.beat([])
    assert ["the channel down does not deliver"] == [subject for subject, _ in fine.taken]


def test_trouble_that_lasts_for_days_is_told_once_and_new_trouble_again(store: Store, store_clock: SetClock) -> None:
    down = Recorder(*[Unavailable("down", "sending", "away") for _ in range(60)])
    fine = Recorder()
    put(store, store_clock, "one", "down")
    sender = alerting(store, store_clock, down=down, fine=fine)
    began = store_clock.now()
    while not down.taken:
        sender.beat([])
        store_clock.advance(hours=1)
    assert store_clock.now() - began > timedelta(days=2)
    assert 1 == len(fine.taken)
    down.failures += [Unavailable("down", "sending", "away") for _ in range(5)]
    put(store, store_clock, "two", "down")
    for _ in range(8):
        sender.beat([])
        store_clock.advance(hours=1)
    assert 2 == len(fine.taken)
