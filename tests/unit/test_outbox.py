"""The outbox keeps messages until they are accepted: in order, once each, together when there are many."""

from datetime import timedelta

import pytest

from mappings.alerts import AlertKind, DeliveryState, Notice, NoticeItem, NoticeSection, PlannedNotice
from state.engine import write
from state.outbox import Outbox, enqueue
from state.store import CompanyStore, Store
from sync.alert_words import joined
from tests.stores import START, SetClock, engine_of

LEASE = timedelta(minutes=5)


class Sender:
    """Puts messages about acme into an outbox, and takes them out again."""

    def __init__(self, store: Store, company: CompanyStore, clock: SetClock) -> None:
        self._engine = engine_of(store)
        self._company = company
        self._clock = clock
        self.outbox: Outbox = store.outbox

    def put(self, key: str, kind: AlertKind, *, episode: int = 1, sequence: int = 1, text: str = "") -> int:
        item = NoticeItem(heading=text or f"{key} {kind}", facts=(("Incident", key),))
        notice = Notice(kind=kind, company="acme", subject=text or key, sections=(NoticeSection(items=(item,)),))
        planned = PlannedNotice(
            key=key, episode=episode, sequence=sequence, notice=notice, channels=("mail",), due_at=self._clock.now()
        )
        with write(self._engine) as connection:
            return enqueue(connection, self._company.company.id, planned, at=self._clock.now())

    def take(self, *, owner: str = "me", burst: int = 5) -> list[str]:
        taken = self.outbox.take("mail", owner=owner, now=self._clock.now(), lasting=LEASE, burst=burst)
        self.message = taken[0].message if taken else ""
        return [delivery.notice.subject for delivery in taken]

    def sent(self, *, owner: str = "me") -> None:
        self.outbox.mark_sent(self.message, owner=owner, at=self._clock.now())


@pytest.fixture
def sender(store: Store, company_store: CompanyStore, store_clock: SetClock) -> Sender:
    return Sender(store, company_store, store_clock)


def test_a_message_goes_out_once_in_its_turn(sender: Sender) -> None:
    sender.put("one", AlertKind.RAISED)
    sender.put("two", AlertKind.RAISED)
    assert ["one"] == sender.take()
    sender.sent()
    assert ["two"] == sender.take()
    sender.sent()
    assert [] == sender.take()


def test_the_same_message_is_kept_once(sender: Sender) -> None:
    assert [1, 0] == [sender.put("digest/2026-03-02", AlertKind.DIGEST) for _ in range(2)]
    assert sender.outbox.has("digest/2026-03-02", "mail")
    assert not sender.outbox.has("digest/2026-03-02", "team")


def test_many_messages_of_a_company_go_as_one(sender: Sender) -> None:
    for number in range(6):
        sender.put(f"I-{number}", AlertKind.RAISED)
    assert [f"I-{number}" for number in range(6)] == sender.take(burst=5)
    sender.sent()
    assert [] == sender.take()


def test_reminders_of_a_company_go_as_one(sender: Sender) -> None:
    for kind in (AlertKind.REMINDER, AlertKind.RAISED):
        for number in range(2):
            sender.put(f"{kind}-{number}", kind)
    assert ["reminder-0", "reminder-1"] == sender.take()
    sender.sent()
    assert ["raised-0"] == sender.take()


def test_what_was_not_sent_yet_is_brought_up_to_date_instead_of_said_twice(sender: Sender) -> None:
    sender.put("one", AlertKind.RAISED, text="200.00")
    sender.put("one", AlertKind.UPDATED, sequence=2, text="300.00")
    assert ["300.00"] == sender.take()
    (delivery,) = sender.outbox.load()
    assert AlertKind.RAISED is delivery.kind
    assert AlertKind.RAISED is delivery.notice.kind


def test_what_is_over_before_it_was_sent_is_not_told_at_all(sender: Sender) -> None:
    sender.put("one", AlertKind.RAISED)
    assert 0 == sender.put("one", AlertKind.RESOLVED, sequence=2)
    assert [] == sender.take()
    assert [DeliveryState.SUPERSEDED] == [delivery.state for delivery in sender.outbox.load()]


def test_the_end_is_told_to_whoever_was_told_of_the_beginning(sender: Sender) -> None:
    sender.put("one", AlertKind.RAISED)
    sender.take()
    sender.sent()
    sender.put("one", AlertKind.UPDATED, sequence=2, text="never sent")
    assert 1 == sender.put("one", AlertKind.RESOLVED, sequence=3, text="over")
    assert ["over"] == sender.take()
    sender.sent()
    assert 0 == sender.put("one", AlertKind.RESOLVED, episode=2, sequence=1)


def test_nobody_else_gets_a_message_before_the_lease_has_run_out(sender: Sender, store_clock: SetClock) -> None:
    sender.put("one", AlertKind.RAISED)
    assert ["one"] == sender.take(owner="first")
    named = sender.message
    assert [] == sender.take(owner="second")
    store_clock.advance(minutes=6)
    assert ["one"] == sender.take(owner="second")
    assert named == sender.message


def test_a_sender_whose_lease_has_run_out_marks_nothing(sender: Sender, store_clock: SetClock) -> None:
    sender.put("one", AlertKind.RAISED)
    sender.take(owner="first")
    store_clock.advance(minutes=6)
    sender.take(owner="second")
    sender.sent(owner="first")
    assert [DeliveryState.PENDING] == [delivery.state for delivery in sender.outbox.load()]
    sender.sent(owner="second")
    assert [DeliveryState.SENT] == [delivery.state for delivery in sender.outbox.load()]


def test_a_later_message_waits_for_an_earlier_one_about_the_same(sender: Sender, store_clock: SetClock) -> None:
    sender.put("one", AlertKind.RAISED)
    sender.take()
    retry = store_clock.now() + timedelta(minutes=10)
    sender.outbox.mark_failed(sender.message, owner="me", error="no", retry_at=retry)
    sender.put("one", AlertKind.RESOLVED, sequence=2, text="over")
    sender.put("two", AlertKind.RAISED)
    assert ["two"] == sender.take()
    sender.sent()
    assert [] == sender.take()
    store_clock.advance(minutes=10)
    assert ["one"] == sender.take()
    sender.sent()
    assert ["over"] == sender.take()


def test_what_goes_together_goes_together_again(sender: Sender, store_clock: SetClock) -> None:
    for number in range(6):
        sender.put(f"I-{number}", AlertKind.RAISED)
    first = sender.take()
    named = sender.message
    sender.put("later", AlertKind.RAISED)
    store_clock.advance(minutes=6)
    assert first == sender.take()
    assert named == sender.message


def test_a_message_that_was_given_up_is_shown_and_can_be_sent_again(sender: Sender, store_clock: SetClock) -> None:
    sender.put("one", AlertKind.RAISED)
    sender.take()
    sender.outbox.mark_failed(sender.message, owner="me", error="no such channel", retry_at=None)
    health = sender.outbox.health("mail")
    assert (0, 1, "no such channel", None) == (health.pending, health.dead, health.last_error, health.last_sent_at)
    assert [] == sender.take()
    assert 1 == sender.outbox.send_again(channel="mail", at=store_clock.now())
    assert ["one"] == sender.take()
    sender.sent()
    health = sender.outbox.health("mail")
    assert (0, 0, "", START) == (health.pending, health.dead, health.last_error, health.last_sent_at)


def test_what_has_happened_to_several_companies_is_one_message_even_when_some_would_wait(
    store: Store, company_store: CompanyStore, store_clock: SetClock
) -> None:
    others = [store.company(alias) for alias in ("birch", "cedar")]
    for minutes, company in enumerate([company_store, *others]):
        put_shared(store, company, store_clock, AlertKind.RAISED, minutes=minutes)
    put_shared(store, others[0], store_clock, AlertKind.RAISED, shared_as="G10:bigtime:G10")
    taken = store.outbox.take("mail", owner="me", now=store_clock.now(), lasting=LEASE, burst=5)
    assert ["acme", "birch", "cedar"] == [delivery.company for delivery in taken]
    assert 1 == len({delivery.message for delivery in taken})
    told = joined([delivery.notice for delivery in taken])
    assert ("", "acme, birch, cedar: S2 \u00b7 QuickBooks: out of reach") == (told.company, told.subject)
    assert ("Companies", "acme, birch, cedar") == told.sections[0].items[0].facts[0]


def test_the_end_of_an_outage_does_not_pass_the_news_of_its_beginning(
    store: Store, company_store: CompanyStore, store_clock: SetClock
) -> None:
    other = store.company("birch")
    put_shared(store, company_store, store_clock, AlertKind.RAISED)
    put_shared(store, other, store_clock, AlertKind.RAISED)
    outbox = store.outbox
    first = outbox.take("mail", owner="me", now=store_clock.now(), lasting=LEASE, burst=5)
    put_shared(store, company_store, store_clock, AlertKind.RESOLVED)
    put_shared(store, other, store_clock, AlertKind.RESOLVED)
    assert () == outbox.take("mail", owner="me", now=store_clock.now(), lasting=LEASE, burst=5)
    outbox.mark_sent(first[0].message, owner="me", at=store_clock.now())
    ends = outbox.take("mail", owner="me", now=store_clock.now(), lasting=LEASE, burst=5)
    assert [AlertKind.RESOLVED] * 2 == [delivery.kind for delivery in ends]


def put_shared(
    store: Store,
    company: CompanyStore,
    clock: SetClock,
    kind: AlertKind,
    *,
    minutes: int = 0,
    shared_as: str = "G10:quickbooks:G10",
) -> None:
    alias = company.company.alias
    item = NoticeItem(severity="S2", heading="QuickBooks: out of reach", facts=(("Finding", f"G10-{alias}"),))
    notice = Notice(
        kind=kind,
        company=alias,
        severity="S2",
        subject=f"{alias}: S2 · QuickBooks: out of reach",
        sections=(NoticeSection(items=(item,)),),
        shared_as=shared_as,
    )
    planned = PlannedNotice(
        key=f"{alias}/{shared_as}",
        episode=1,
        sequence=1 if kind is AlertKind.RAISED else 2,
        notice=notice,
        channels=("mail",),
        due_at=clock.now() + timedelta(minutes=minutes),
    )
    with write(engine_of(store)) as connection:
        enqueue(connection, company.company.id, planned, at=clock.now())
