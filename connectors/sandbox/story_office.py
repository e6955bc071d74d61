"""The everyday work of a professional-services firm in both systems: invoices, postings, money, credits, pushes.

Nothing here is a mistake; `story_mistakes` uses the same office to make some. All chance comes from the generator
that the office is given, so that equal seeds tell equal stories.
"""

from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from random import Random
from typing import TypeVar

from connectors.sandbox.clock import SimulatedClock
from connectors.sandbox.world import World

Part = TypeVar("Part", Decimal, int)
_OPENS = time(14, 30, tzinfo=UTC)
_SYNCS = time(21, 0, tzinfo=UTC)
_CLOSES = time(22, 0, tzinfo=UTC)
_MINUTES_PER_ACTION = 2
# Amounts that decoys always have.
_FIXED = frozenset(Decimal(amount) for amount in (45, 50, 100, 110, 120, 200, 250))
# By how much mistakes change an amount that was right.
CHANGES = tuple(Decimal(change) for change in (-60, -50, 20, 50, 75, 80, 120))


@dataclass(frozen=True, slots=True, kw_only=True)
class Engagement:
    """What the firm does for one client, and how that client pays."""

    client: str
    hours: tuple[int, int]
    rate: int
    twice_a_month: bool
    pays_after_days: int
    method: str
    monthly_credit: int = 0


ENGAGEMENTS = (
    Engagement(
        client="Larkspur Dental Group", hours=(8, 20), rate=165, twice_a_month=True, pays_after_days=18, method="Check"
    ),
    Engagement(
        client="Bellwether Logistics Inc.",
        hours=(30, 70),
        rate=185,
        twice_a_month=True,
        pays_after_days=32,
        method="ACH",
    ),
    Engagement(
        client="Copper Hollow Brewing Co.",
        hours=(6, 16),
        rate=145,
        twice_a_month=False,
        pays_after_days=25,
        method="Check",
    ),
    Engagement(
        client="Meridian Ridge Architects",
        hours=(20, 45),
        rate=175,
        twice_a_month=True,
        pays_after_days=28,
        method="ACH",
        monthly_credit=150,
    ),
    Engagement(
        client="O'Neill & Sato LLP", hours=(15, 40), rate=225, twice_a_month=True, pays_after_days=21, method="Check"
    ),
    Engagement(
        client="Tidewater Children's Clinic",
        hours=(10, 25),
        rate=150,
        twice_a_month=True,
        pays_after_days=35,
        method="Check",
    ),
    Engagement(
        client="Juniper Street Capital", hours=(25, 60), rate=240, twice_a_month=True, pays_after_days=15, method="Wire"
    ),
    Engagement(
        client="Sable Point Marina", hours=(5, 14), rate=145, twice_a_month=False, pays_after_days=40, method="Check"
    ),
    Engagement(
        client="Northfield Öko-Foods", hours=(12, 30), rate=155, twice_a_month=True, pays_after_days=27, method="ACH"
    ),
    Engagement(
        client="Granite State Robotics", hours=(35, 80), rate=195, twice_a_month=True, pays_after_days=30, method="ACH"
    ),
    Engagement(
        client="Harrow Lane Theatre", hours=(4, 12), rate=120, twice_a_month=False, pays_after_days=33, method="Check"
    ),
    Engagement(
        client="Pacific Crest Surveying", hours=(18, 36), rate=160, twice_a_month=True, pays_after_days=24, method="ACH"
    ),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Bill:
    """One invoice as the office remembers it; `twin` is its id in QuickBooks, "" before it is posted."""

    number: str
    sid: str
    engagement: Engagement
    amount: Decimal
    written_on: date
    twin: str = ""
    posted_on: date | None = None


class Office:
    """The people of the firm, working in one world. `said` collects what they did today, in words.

    `after_sync` is what somebody does tonight after the sync and before the worker runs. With `amounts_are_distinct`
    no two parts of invoices are equal: with equal amounts two mistakes can look like a third, and nobody could tell.
    `long_ago` are invoices, by number, that are older than anything the everyday work looks at.
    """

    def __init__(
        self,
        world: World,
        chance: Random,
        *,
        engagements: Sequence[Engagement] = ENGAGEMENTS,
        amounts_are_distinct: bool = False,
    ) -> None:
        if not isinstance(world.clock, SimulatedClock):
            raise TypeError("the story moves time: give its world a SimulatedClock")
        self.world = world
        self.chance = chance
        self.clock = world.clock
        self.bills: dict[str, Bill] = {}
        self.reserved: set[str] = set()
        self.lost_tonight: set[str] = set()
        self.doubled_tonight: set[str] = set()
        self.after_sync: list[Callable[[], object]] = []
        self.long_ago: set[str] = set()
        self.said: list[str] = []
        self._engagements = tuple(engagements)
        usual = {*_FIXED, *(Decimal(each.monthly_credit) for each in engagements)}
        self._parts: set[Decimal] | None = usual if amounts_are_distinct else None
        self._promised: list[Callable[[], object]] = []
        self._clients = {each: world.add_client(each.client) for each in engagements}
        self._payments_due: defaultdict[date, list[str]] = defaultdict(list)
        self._credits_due: defaultdict[date, list[tuple[str, int]]] = defaultdict(list)
        self._credited_months: set[tuple[Engagement, date]] = set()
        self._overpaid: dict[Engagement, str] = {}
        self._numbers = {"INV": 1000, "CHK": 4100, "CM": 200}

    @property
    def today(self) -> date:
        """The day of the clock."""
        return self.clock.now().date()

    # The day

    def open(self, day: date) -> None:
        """Begin a day, with what was promised for it."""
        self.clock.advance_to(datetime.combine(day, _OPENS))
        self.said = []
        if day.weekday() < 5:
            promised, self._promised = self._promised, []
            for happening in promised:
                happening()

    def work(self) -> None:
        """An ordinary day; on weekends nobody is in."""
        if self.today.weekday() >= 5:
            return
        for bill in [each for each in self.bills.values() if not each.twin and each.number not in self.reserved]:
            self.post(bill)
        for engagement in self._engagements:
            if self._is_billing_day(engagement):
                self.write(engagement)
        if self.today.weekday() == 0:
            for engagement in self.chance.sample(self._engagements, 3):
                self.write(engagement)
        self._give_credits()
        self._receive_due()

    def close(self) -> None:
        """The nightly sync, and the moment at which the worker runs."""
        day = self.today
        self.clock.advance_to(datetime.combine(day, _SYNCS))
        pushes = self.world.sync(without=self.lost_tonight, twice=self.doubled_tonight)
        self.lost_tonight, self.doubled_tonight = set(), set()
        if pushes:
            self.say(f"The sync brought {len(pushes)} application(s) from QuickBooks to BigTime")
        late, self.after_sync = self.after_sync, []
        for happening in late:
            happening()
        self.clock.advance_to(datetime.combine(day, _CLOSES))

    def say(self, words: str) -> None:
        """Note what happened; every action takes a little time."""
        self.said.append(words)
        self.clock.advance(minutes=_MINUTES_PER_ACTION)

    # Actions

    def write(self, engagement: Engagement, amount: Decimal | None = None) -> Bill:
        """Write and send an invoice; it is posted the next working day."""
        number = self.next_number("INV")
        fee = amount or Decimal(self.chance.randint(*engagement.hours) * engagement.rate)
        sid = self.world.bigtime.add_invoice(self._clients[engagement], number, fee, on=self.today)
        bill = Bill(number=number, sid=sid, engagement=engagement, amount=fee, written_on=self.today)
        self.bills[number] = bill
        self.say(f"{number} for {engagement.client} over {fee:,.2f} was written in BigTime")
        return bill

    def take_on(self, client: str, *, customer: str = "", bigtime_client: str = "") -> Engagement:
        """A new client whom the everyday work leaves alone; his customer and record are made unless they are given."""
        engagement = Engagement(
            client=client, hours=(8, 20), rate=150, twice_a_month=False, pays_after_days=30, method="Check"
        )
        sid = bigtime_client or self.world.add_client(client, linked=not customer)
        if customer:
            self.world.bigtime.link_client(sid, customer)
        self._clients[engagement] = sid
        return engagement

    def post(self, bill: Bill, *, net_of_credits: bool = False) -> Bill:
        """Post an invoice to QuickBooks; money for it is expected after the client's usual time."""
        twin = self.world.post(bill.sid, net_of_credits=net_of_credits)
        posted = replace(bill, twin=twin, posted_on=self.today)
        self.bills[bill.number] = posted
        self.say(f"{bill.number} was posted to QuickBooks")
        self._use_overpayment(posted)
        delay = max(3, bill.engagement.pays_after_days + self.chance.randint(-6, 9))
        self._payments_due[working_day(self.today + timedelta(days=delay))].append(bill.number)
        credit = self._usual_credit(posted)
        if credit:
            later = working_day(self.today + timedelta(days=self.chance.randint(2, 9)))
            self._credits_due[later].append((bill.number, credit))
        return posted

    def credit(self, bill: Bill, amount: Decimal, *, memo_amount: Decimal | None = None) -> str:
        """Write a credit memo in QuickBooks and apply `amount` of it to the invoice; the answer is its id."""
        number = self.next_number("CM")
        books = self.world.quickbooks
        memo = books.create_credit_memo(self.customer(bill), number, memo_amount or amount, on=self.today)
        books.apply_credit(memo, bill.twin, amount, on=self.today)
        self.say(f"Credit memo {number} over {memo_amount or amount:,.2f}: {amount:,.2f} applied to {bill.number}")
        return memo

    def receive(self, bills: Sequence[Bill], applied: Sequence[Decimal], *, extra: int = 0, number: str = "") -> str:
        """Money for invoices of one client arrives in QuickBooks; `extra` stays unapplied. The answer is its id."""
        engagement = bills[0].engagement
        reference = number or self.next_number("CHK" if engagement.method == "Check" else engagement.method.upper())
        payment = self.world.quickbooks.receive_payment(
            self.customer(bills[0]),
            sum(applied, Decimal(extra)),
            on=self.today,
            apply={bill.twin: part for bill, part in zip(bills, applied, strict=True)},
            reference=reference,
            method=engagement.method,
        )
        names = ", ".join(bill.number for bill in bills)
        self.say(f"{engagement.client} paid {sum(applied, Decimal(extra)):,.2f} ({reference}) for {names}")
        return payment

    def promise(self, happening: Callable[[], object]) -> None:
        """Do this on the next working day."""
        self._promised.append(happening)

    # What the office knows

    def customer(self, bill: Bill) -> str:
        """The QuickBooks customer of an invoice."""
        return self.world.customer_of(self._clients[bill.engagement])

    def client_sid(self, engagement: Engagement) -> str:
        """The client in BigTime."""
        return self._clients[engagement]

    def part(self, bill: Bill, percent: int = 10) -> Decimal:
        """About that part of the invoice, in steps of five; never nothing. See `amounts_are_distinct`."""
        round_part = Decimal(max(int(bill.amount * self.chance.randint(percent - 3, percent + 3) / 500) * 5, 20))
        if self._parts is None:
            return round_part
        part = round_part
        while not self._parts.isdisjoint(_and_its_changes(part)):
            part = round_part + Decimal(self.chance.randint(1, 499)) / 100
        return self._remember(part)

    def balance(self, bill: Bill) -> Decimal:
        """What QuickBooks says is still open on a posted invoice."""
        return Decimal(str(self.world.quickbooks.read("Invoice", bill.twin)["Balance"]))

    def next_number(self, series: str) -> str:
        """The next number of a series: INV-1001, CHK-4101."""
        self._numbers[series] = self._numbers.get(series, 700) + 1
        return f"{series}-{self._numbers[series]}"

    def untouched_bills(self, *, least: int = 0) -> list[Bill]:
        """Invoices that were posted before today, on which nothing has happened in either system."""
        return [
            bill
            for bill in self.bills.values()
            if bill.posted_on is not None
            and bill.posted_on < self.today
            and bill.number not in self.reserved
            and bill.amount >= least
            and not self.world.bigtime.rows_on(bill.sid)
            and self.balance(bill) == bill.amount
        ]

    def reserve(self, bill: Bill) -> Bill:
        """Keep the everyday work off this invoice from now on."""
        self.reserved.add(bill.number)
        return bill

    # Leaves

    def _is_billing_day(self, engagement: Engagement) -> bool:
        days = (1, 16) if engagement.twice_a_month else (1,)
        return any(self.today == working_day(self.today.replace(day=day)) for day in days)

    def _usual_credit(self, bill: Bill) -> int:
        month = (bill.engagement, bill.written_on.replace(day=1))
        if bill.engagement.monthly_credit and month not in self._credited_months:
            self._credited_months.add(month)
            return bill.engagement.monthly_credit
        if self.chance.random() >= 0.08:
            return 0
        credit = int(bill.amount * self.chance.randint(4, 9) / 100 / 5) * 5
        if self._parts is not None and credit in self._parts:
            return 0
        return self._remember(credit)

    def _give_credits(self) -> None:
        """The credits of the day; of two equal ones for one client the second waits, as nobody enters them in a row."""
        given: set[tuple[Engagement, int]] = set()
        for number, amount in self._credits_due.pop(self.today, []):
            bill = self.bills[number]
            if (bill.engagement, amount) in given:
                self._credits_due[working_day(self.today + timedelta(days=1))].append((number, amount))
            elif number not in self.reserved and self.balance(bill) > amount:
                given.add((bill.engagement, amount))
                self.credit(bill, Decimal(amount))

    def _remember(self, part: Part) -> Part:
        if self._parts is not None:
            self._parts.update(_and_its_changes(Decimal(part)))
        return part

    def _use_overpayment(self, bill: Bill) -> None:
        payment = self._overpaid.pop(bill.engagement, None)
        if payment is None:
            return
        left = Decimal(str(self.world.quickbooks.read("Payment", payment)["UnappliedAmt"]))
        self.world.quickbooks.apply_payment(payment, bill.twin, left)
        self.say(f"An earlier overpayment of {left:,.2f} was put on {bill.number}")

    def _receive_due(self) -> None:
        by_client: defaultdict[Engagement, list[Bill]] = defaultdict(list)
        for number in self._payments_due.pop(self.today, []):
            bill = self.bills[number]
            if number not in self.reserved and self.balance(bill) > 0:
                by_client[bill.engagement].append(bill)
        for engagement, bills in by_client.items():
            extra = 50 if self.chance.random() < 0.05 and engagement not in self._overpaid else 0
            payment = self.receive(bills, [self.balance(bill) for bill in bills], extra=extra)
            if extra:
                self._overpaid[engagement] = payment


def _and_its_changes(part: Decimal) -> set[Decimal]:
    """An amount, and what people who get it wrong make of it."""
    return {part, *(part + change for change in CHANGES)}


def working_day(day: date) -> date:
    """The day itself, or the Monday after it."""
    return day + timedelta(days=max(0, 7 - day.weekday())) if day.weekday() >= 5 else day
