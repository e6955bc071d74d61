"""Two systems on one clock: whatever people do, each set of books adds up, and the link carries what it should."""

from collections.abc import Callable
from contextlib import suppress
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import TypeVar

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from connectors.sandbox.bigtime_ledger import BigTimeLedger, LedgerRefused
from connectors.sandbox.bigtime_switches import BigTimeSwitches, Deleted
from connectors.sandbox.clock import SimulatedClock
from connectors.sandbox.quickbooks_rows import LedgerRefused as QuickBooksRefused
from connectors.sandbox.world import World, WorldSwitches

START = datetime(2026, 3, 2, 15, tzinfo=UTC)
TODAY = date(2026, 3, 2)


def new_world(switches: WorldSwitches | None = None, deleted: Deleted = Deleted.VANISHES) -> World:
    clock = SimulatedClock(START)
    ledger = BigTimeLedger(clock, switches=BigTimeSwitches(deleted_payment=deleted))
    return World(clock, bigtime=ledger, switches=switches)


def posted(world: World, amount: int = 1000, number: str = "INV-1") -> str:
    client = next(iter(world.bigtime.clients), None) or world.add_client("Acme")
    sid = world.bigtime.add_invoice(client, number, amount, on=TODAY)
    world.post(sid)
    return sid


def customer(world: World) -> str:
    return world.customer_of(next(iter(world.bigtime.clients)))


def applied(world: World, sid: str) -> list[Decimal]:
    return [Decimal(row.applied_cents).scaleb(-2) for row in world.bigtime.rows_on(sid)]


def balance(world: World, sid: str) -> Decimal:
    return Decimal(str(world.quickbooks.read("Invoice", world.twins_of(sid)[-1])["Balance"]))


def test_posting_makes_a_twin_and_says_so() -> None:
    world = new_world()
    sid = posted(world)
    twin = world.quickbooks.read("Invoice", world.twins_of(sid)[0])
    assert ("INV-1", Decimal(1000)) == (twin["DocNumber"], Decimal(str(twin["TotalAmt"])))
    assert "Posted" == world.bigtime.invoice(sid).posted_word
    assert customer(world) == twin["CustomerRef"]["value"]


def test_posting_net_takes_account_credits_off_the_total() -> None:
    world = new_world()
    sid = world.bigtime.add_invoice(world.add_client("Acme"), "INV-1", 1000, on=TODAY)
    world.bigtime.apply_account_credit(sid, 200, on=TODAY)
    world.post(sid, net_of_credits=True)
    assert Decimal(800) == balance(world, sid)


def test_an_unlinked_client_gets_a_customer_when_he_is_first_posted() -> None:
    world = new_world()
    client = world.add_client("Acme", linked=False)
    assert "" == world.bigtime.clients[client].quickbooks_id
    world.post(world.bigtime.add_invoice(client, "INV-1", 5, on=TODAY))
    assert "" != world.bigtime.clients[client].quickbooks_id


def test_cash_and_credits_come_back_as_one_payment_per_payment_and_invoice() -> None:
    world = new_world()
    first, second = posted(world), posted(world, 400, "INV-2")
    memo = world.quickbooks.create_credit_memo(customer(world), "CM-1", 300, on=TODAY)
    twins = [world.twins_of(sid)[0] for sid in (first, second)]
    world.quickbooks.receive_payment(
        customer(world), 900, on=TODAY, apply={twins[0]: 800, twins[1]: 400}, credits={memo: 300}, reference="CHK-1"
    )
    world.sync()
    assert ([Decimal(800)], [Decimal(400)]) == (applied(world, first), applied(world, second))
    assert {("CHK-1", "Check")} == {(row.number, row.method) for row in world.bigtime.rows}


def test_a_sync_brings_each_application_once() -> None:
    world = new_world()
    sid = posted(world)
    memo = world.quickbooks.create_credit_memo(customer(world), "CM-1", 300, on=TODAY)
    world.quickbooks.apply_credit(memo, world.twins_of(sid)[0], 300, on=TODAY)
    assert [1, 0] == [len(world.sync()), len(world.sync())]
    assert [(Decimal(300), "Credit Memo")] == [
        (Decimal(row.applied_cents).scaleb(-2), row.method) for row in world.bigtime.rows_on(sid)
    ]


def test_a_lost_push_never_arrives_and_a_doubled_one_arrives_twice() -> None:
    world = new_world()
    lost, doubled = posted(world), posted(world, 500, "INV-2")
    for sid in (lost, doubled):
        twin = world.twins_of(sid)[0]
        world.quickbooks.receive_payment(customer(world), 100, on=TODAY, apply={twin: 100}, reference="CHK-1")
    world.sync(without={lost}, twice={doubled})
    world.sync()
    assert ([], [Decimal(100)] * 2) == (applied(world, lost), applied(world, doubled))


@pytest.mark.parametrize("change", ["unapply", "delete", "void", "edit", "invoice"])
def test_what_happens_in_quickbooks_after_the_push_stays_there(change: str) -> None:
    world = new_world()
    sid = posted(world)
    twin = world.twins_of(sid)[0]
    books = world.quickbooks
    payment = books.receive_payment(customer(world), 400, on=TODAY, apply={twin: 400}, reference="CHK-1")
    world.sync()
    happenings: dict[str, Callable[[], object]] = {
        "unapply": lambda: books.unapply(payment, twin),
        "delete": lambda: books.delete_payment(payment),
        "void": lambda: books.void_payment(payment),
        "edit": lambda: books.edit_payment(payment, amount=300),
        "invoice": lambda: books.edit_invoice(twin, amount=900),
    }
    happenings[change]()
    world.sync()
    assert ([Decimal(400)], 100_000) == (applied(world, sid), world.bigtime.invoice(sid).total_cents)
    assert [] == world.check_identities()


@pytest.mark.parametrize(("recognised", "rows"), [(True, 1), (False, 2)])
def test_an_application_entered_again_is_recognised_if_the_switch_says_so(recognised: bool, rows: int) -> None:
    world = new_world(WorldSwitches(recognises_reentered=recognised))
    sid = posted(world)
    twin = world.twins_of(sid)[0]
    first = world.quickbooks.receive_payment(customer(world), 400, on=TODAY, apply={twin: 400})
    world.sync()
    world.quickbooks.delete_payment(first)
    world.quickbooks.receive_payment(customer(world), 400, on=TODAY, apply={twin: 400})
    world.sync()
    assert rows == len(world.bigtime.rows_on(sid))


def test_taking_a_posting_back_deletes_the_twin() -> None:
    world = new_world()
    sid = posted(world)
    world.unpost(sid)
    assert ((), "", []) == (
        world.twins_of(sid),
        world.bigtime.invoice(sid).posted_word,
        world.quickbooks.objects("Invoice"),
    )


def test_a_fraction_of_a_cent_is_refused() -> None:
    world = new_world()
    with pytest.raises(LedgerRefused):
        world.bigtime.add_invoice(world.add_client("Acme"), "INV-1", "10.005", on=TODAY)


AMOUNTS = st.integers(min_value=1, max_value=300_000).map(lambda cents: Decimal(cents).scaleb(-2))
Item = TypeVar("Item")
PICKS = st.integers(min_value=0, max_value=10_000)


class Firm(RuleBasedStateMachine):
    """Anything that people do, in any order; what a system refuses has not happened."""

    @initialize(deleted=st.sampled_from(Deleted), auto=st.booleans())
    def open(self, deleted: Deleted, auto: bool) -> None:
        self.world = new_world(deleted=deleted)
        self.world.quickbooks.set_preferences(auto_apply_credit=auto)
        self.clients = [self.world.add_client(name) for name in ("Acme", "Birch")]
        self.number = 0

    def quickbooks_ids(self, entity: str) -> list[str]:
        return sorted(str(each["Id"]) for each in self.world.quickbooks.objects(entity))

    def attempt(self, happening: Callable[[], object]) -> None:
        with suppress(LedgerRefused, QuickBooksRefused):
            happening()
        assert isinstance(self.world.clock, SimulatedClock)
        self.world.clock.advance(minutes=7)

    @rule(amount=AMOUNTS, pick=PICKS, credit=AMOUNTS, net=st.booleans())
    def write_and_post(self, amount: Decimal, pick: int, credit: Decimal, net: bool) -> None:
        self.number += 1
        sid = self.world.bigtime.add_invoice(self.clients[pick % 2], f"INV-{self.number}", amount, on=TODAY)
        if pick % 3 == 0 and credit <= amount:
            self.world.bigtime.apply_account_credit(sid, credit, on=TODAY)
        self.attempt(lambda: self.world.post(sid, net_of_credits=net))

    @rule(amount=AMOUNTS, part=AMOUNTS, pick=PICKS)
    @precondition(lambda self: self.quickbooks_ids("Invoice"))
    def receive(self, amount: Decimal, part: Decimal, pick: int) -> None:
        invoice = _pick(self.quickbooks_ids("Invoice"), pick)
        owner = self.world.quickbooks.read("Invoice", invoice)["CustomerRef"]["value"]
        self.attempt(lambda: self.world.quickbooks.receive_payment(owner, amount, on=TODAY, apply={invoice: part}))

    @rule(amount=AMOUNTS, part=AMOUNTS, pick=PICKS)
    @precondition(lambda self: self.quickbooks_ids("Invoice"))
    def credit(self, amount: Decimal, part: Decimal, pick: int) -> None:
        invoice = _pick(self.quickbooks_ids("Invoice"), pick)
        owner = self.world.quickbooks.read("Invoice", invoice)["CustomerRef"]["value"]
        memo = self.world.quickbooks.create_credit_memo(owner, f"CM-{pick}", amount, on=TODAY)
        self.attempt(lambda: self.world.quickbooks.apply_credit(memo, invoice, min(part, amount), on=TODAY))

    @rule(pick=PICKS, how=st.sampled_from(["void", "delete", "edit"]), amount=AMOUNTS)
    @precondition(lambda self: self.quickbooks_ids("Payment"))
    def change_payment(self, pick: int, how: str, amount: Decimal) -> None:
        payment, books = _pick(self.quickbooks_ids("Payment"), pick), self.world.quickbooks
        if how == "void":
            self.attempt(lambda: books.void_payment(payment))
        elif how == "delete":
            self.attempt(lambda: books.delete_payment(payment))
        else:
            self.attempt(lambda: books.edit_payment(payment, amount=amount))

    @rule(pick=PICKS, how=st.sampled_from(["void", "delete", "edit"]), amount=AMOUNTS)
    @precondition(lambda self: self.quickbooks_ids("CreditMemo"))
    def change_memo(self, pick: int, how: str, amount: Decimal) -> None:
        memo, books = _pick(self.quickbooks_ids("CreditMemo"), pick), self.world.quickbooks
        if how == "void":
            self.attempt(lambda: books.void_credit_memo(memo))
        elif how == "delete":
            self.attempt(lambda: books.delete_credit_memo(memo))
        else:
            self.attempt(lambda: books.edit_credit_memo(memo, amount=amount))

    @rule(pick=PICKS, how=st.sampled_from(["void", "delete", "edit"]), amount=AMOUNTS)
    @precondition(lambda self: self.quickbooks_ids("Invoice"))
    def change_invoice(self, pick: int, how: str, amount: Decimal) -> None:
        invoice, books = _pick(self.quickbooks_ids("Invoice"), pick), self.world.quickbooks
        if how == "void":
            self.attempt(lambda: books.void_invoice(invoice))
        elif how == "delete":
            self.attempt(lambda: books.delete_invoice(invoice))
        else:
            self.attempt(lambda: books.edit_invoice(invoice, amount=amount))

    @rule(pick=PICKS, amount=AMOUNTS, how=st.sampled_from(["edit", "delete", "invoice", "drop", "paid"]))
    @precondition(lambda self: self.world.bigtime.rows)
    def change_bigtime(self, pick: int, amount: Decimal, how: str) -> None:
        row = _pick(list(self.world.bigtime.rows), pick)
        ledger = self.world.bigtime
        happenings: dict[str, Callable[[], object]] = {
            "edit": lambda: ledger.edit_payment(row.payment_id, row.invoice_id, amount=amount),
            "delete": lambda: ledger.delete_payment(row.payment_id),
            "invoice": lambda: ledger.edit_invoice(row.invoice_id, amount=amount),
            "drop": lambda: ledger.delete_invoice(row.invoice_id),
            "paid": lambda: ledger.mark_paid(row.invoice_id),
        }
        self.attempt(happenings[how])

    @rule(twice=st.booleans())
    def sync(self, twice: bool) -> None:
        names = frozenset(self.world.bigtime.invoices)
        self.world.sync(twice=names if twice else frozenset())

    @invariant()
    def every_identity_holds(self) -> None:
        assert [] == self.world.check_identities()


def _pick(items: list[Item], pick: int) -> Item:
    return items[pick % len(items)]


TestFirm = Firm.TestCase
TestFirm.settings = settings(max_examples=40, stateful_step_count=30, deadline=None)
