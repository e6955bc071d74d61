"""Where a scenario is played: the world, its clock, and which record each name of the scenario means."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, time
from decimal import Decimal

from connectors.sandbox.bigtime_ledger import PaymentRow, cents
from connectors.sandbox.clock import SimulatedClock
from connectors.sandbox.scenario import Step
from connectors.sandbox.world import World

# Office hours of both coasts, so that a day of the scenario is the same day in any American zone.
_MORNING = time(15, 0, tzinfo=UTC)
_CLOSE = time(22, 0, tzinfo=UTC)


class UnknownName(ValueError):  # noqa: N818 - says what is wrong with the line
    """A line that names something no earlier line has made."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ClientIds:
    """A client of the scenario; "" where a system does not have him."""

    bigtime: str
    quickbooks: str


class Stage:
    """The world of one scenario, with its names resolved."""

    def __init__(self, world: World) -> None:
        if not isinstance(world.clock, SimulatedClock):
            raise TypeError("a scenario moves time: give its world a SimulatedClock")
        self.world = world
        self.clock = world.clock
        self.clients: dict[str, ClientIds] = {}
        self.invoices: dict[str, str] = {}
        self.quickbooks_invoices: dict[str, str] = {}
        self.credit_memos: dict[str, str] = {}
        self.payments: dict[str, str] = {}
        self.entries: dict[str, str] = {}

    @property
    def today(self) -> date:
        """The day of the clock."""
        return self.clock.now().date()

    def go_to(self, day: date) -> None:
        """Move to the morning of `day`; a day that is here or has passed changes nothing."""
        if self.today < day:
            self.clock.advance_to(datetime.combine(day, _MORNING))

    def close_of(self, day: date) -> None:
        """Move to the end of office hours of `day`, when the worker runs."""
        self.clock.advance_to(datetime.combine(day, _CLOSE))

    def booked_on(self, step: Step) -> date:
        """The bookkeeping date of a step, with the clock moved to the day on which somebody enters it."""
        booked = step.day("<on>")
        entered = step.day("entered") or booked
        if entered is not None:
            self.go_to(entered)
        return booked or self.today

    def client(self, name: str, currency: str | None = None) -> ClientIds:
        """The client of this name; the first mention makes him, in both systems and linked."""
        if name not in self.clients:
            self.make_client(name, name.replace("-", " ").title(), currency=currency)
        return self.clients[name]

    def make_client(self, name: str, shown: str, *, only_in: str = "", **customer: str | None) -> None:
        """A client with the name that both systems show; `customer` goes to QuickBooks (parent_id, currency)."""
        known = {key: value for key, value in customer.items() if value}
        quickbooks = "" if only_in == "bigtime" else self.world.quickbooks.add_customer(shown, **known)
        bigtime = ""
        if only_in != "quickbooks":
            bigtime = self.world.bigtime.add_client(shown, quickbooks_id=quickbooks)
        self.clients[name] = ClientIds(bigtime=bigtime, quickbooks=quickbooks)

    def customer_of(self, name: str) -> str:
        """The QuickBooks customer of a client; made and linked when only BigTime has him."""
        ids = self.client(name)
        return ids.quickbooks or self.world.customer_of(ids.bigtime)

    def invoice(self, number: str) -> str:
        """BigTime's Sid of the invoice that the scenario calls `number`."""
        return _known(self.invoices, number, "invoice in BigTime")

    def quickbooks_invoice(self, number: str) -> str:
        """QuickBooks' id of an invoice, by its name in the scenario or the number it was posted as."""
        twins = self.world.twins_of(self.invoices[number]) if number in self.invoices else ()
        if twins and number not in self.quickbooks_invoices:
            return twins[-1]
        return _known(self.quickbooks_invoices, number, "invoice in QuickBooks")

    def credit_memo(self, number: str) -> str:
        """QuickBooks' id of a credit memo."""
        return _known(self.credit_memos, number, "credit memo")

    def payment(self, reference: str) -> str:
        """QuickBooks' id of a payment."""
        return _known(self.payments, reference, "payment in QuickBooks")

    def link_payment(self, credit_memo: str, invoice: str) -> str:
        """The latest QuickBooks payment that ties this credit memo to this invoice."""
        wanted = {self.credit_memo(credit_memo), self.quickbooks_invoice(invoice)}
        for payment in reversed(self.world.quickbooks.objects("Payment")):
            if wanted <= set(_linked(payment)):
                return str(payment["Id"])
        raise UnknownName(f"no payment links {credit_memo} to {invoice}: apply it first")

    def payment_row(self, invoice: str, amount: Decimal) -> PaymentRow:
        """The latest BigTime payment row of this amount on the invoice."""
        for row in reversed(self.world.bigtime.rows_on(self.invoice(invoice))):
            if row.applied_cents == cents(amount):
                return row
        raise UnknownName(f"BigTime has no payment of {amount} on {invoice}")


def _known(names: Mapping[str, str], name: str, what: str) -> str:
    try:
        return names[name]
    except KeyError:
        raise UnknownName(f"no line above makes a {what} called {name!r}; there are {sorted(names)}") from None


def _linked(payment: Mapping[str, object]) -> Iterator[str]:
    lines = payment["Line"]
    assert isinstance(lines, list)
    yield from (str(link["TxnId"]) for line in lines for link in line["LinkedTxn"])
