"""Random short histories of one firm in both systems: ordinary work, mistakes, and what only looks like one.

A history knows what people and the sync did, never how anybody would find it. It is told from one run of the worker
to the next. Mistakes meet on one client, and every third on an invoice that has one already.
"""

from collections import defaultdict
from collections.abc import Iterator
from datetime import UTC, date, datetime, time, timedelta
from random import Random

from connectors.sandbox.bigtime_ledger import BigTimeLedger
from connectors.sandbox.bigtime_switches import (
    Absent,
    BigTimeSwitches,
    Casing,
    Deleted,
    FilteredBy,
    InvoiceFilteredBy,
    Numbers,
    Spelling,
    Timestamp,
)
from connectors.sandbox.clock import SimulatedClock
from connectors.sandbox.quickbooks_ledger import QuickBooksLedger
from connectors.sandbox.quickbooks_switches import QuickBooksSwitches
from connectors.sandbox.story_decoys import DECOYS, PlantedDecoy
from connectors.sandbox.story_mistakes import MISTAKES, Corrected, Mistake, NextDay, Outcome, PlantedMistake
from connectors.sandbox.story_mistakes_after_sync import MISTAKES_AFTER_SYNC
from connectors.sandbox.story_mistakes_of_posting import MISTAKES_OF_POSTING
from connectors.sandbox.story_mistakes_on_account import MISTAKES_OF_THE_LAST_DAY, MISTAKES_ON_ACCOUNT
from connectors.sandbox.story_more_decoys import MORE_DECOYS
from connectors.sandbox.story_office import ENGAGEMENTS, Bill, Office, working_day
from connectors.sandbox.world import World, WorldSwitches

KINDS: tuple[Mistake, ...] = (*MISTAKES, *MISTAKES_OF_POSTING, *MISTAKES_AFTER_SYNC, *MISTAKES_ON_ACCOUNT)
LAST_KINDS = MISTAKES_OF_THE_LAST_DAY
INNOCENT = (*DECOYS, *MORE_DECOYS)
# Mistakes that change what an invoice is for: of two on one invoice only the sum can be told.
_ON_TOTALS = frozenset({"A3", "D5", "D6", "D9", "E1", "E7", "E8"})

_DAYS_OF_MISTAKES = 3
_LONG_AGO = timedelta(days=75)
_SHARE = 0.35
_USUAL = 0.5
_LAST = 0.2


class FirmHistory:
    """One history. Equal seeds tell equal ones; `mistakes`, `corrected` and `decoys` grow while it is told.

    Half of them happen in systems that behave as the fact sheets assume (`is_usual`), the others in systems that
    differ at random in what nobody outside can know: see the switches of both simulators.
    """

    def __init__(self, seed: int, *, mistake_count: int = 7, decoy_count: int = 3) -> None:
        self.seed = seed
        self.mistakes: list[PlantedMistake] = []
        self.corrected: list[Corrected] = []
        self.decoys: list[PlantedDecoy] = []
        self._chance = Random(seed)
        self.first_day = working_day(date(2026, 1, 5) + timedelta(days=self._chance.randint(0, 300)))
        clock = SimulatedClock(datetime.combine(self.first_day - _LONG_AGO, time(8), tzinfo=UTC))
        self.is_usual = self._chance.random() < _USUAL
        self.world = World(clock) if self.is_usual else _unusual_world(clock, self._chance)
        engagements = self._chance.sample(ENGAGEMENTS, 4)
        self._office = Office(self.world, self._chance, engagements=engagements, amounts_are_distinct=True)
        self._engagements = engagements
        self._begun: list[tuple[Mistake, NextDay]] = []
        self._later: list[tuple[str, str]] = []
        self._shared: defaultdict[str, list[str]] = defaultdict(list)
        self._plan = self._planned(mistake_count)
        self._harmless = self._chance.sample(INNOCENT, decoy_count)
        self._last = [kind for kind in LAST_KINDS if self._chance.random() < _LAST]

    @property
    def history_start(self) -> date:
        """The first day of which the systems know anything but old credits."""
        return self.first_day - _LONG_AGO - timedelta(days=1)

    def tell(self) -> Iterator[datetime]:
        """Do what people do; yields whenever the worker runs."""
        office = self._office
        self._write_old_invoices()
        yield self._write_invoices()
        day, midday_on = self.first_day, self._chance.randrange(_DAYS_OF_MISTAKES)
        for number in range(_DAYS_OF_MISTAKES + 1):
            office.open(day)
            self._finish_what_began()
            self._make_mistakes(number)
            self._plant_decoys(number)
            office.work()
            if number == midday_on:
                yield self.world.clock.now()
            office.close()
            yield self.world.clock.now()
            day = self._next_working_day(day)
        office.open(self._next_working_day(day))
        self._finish_what_began()
        assert not self._begun, "a mistake has more parts than a history has days"
        office.work()
        for kind in self._last:
            if kind.is_on_account or kind.code == "G4":
                self._begin(kind)
        office.close()
        yield self.world.clock.now()

    def _next_working_day(self, day: date) -> date:
        """The next working day; on a weekend before it nobody is in, but the systems sync."""
        following = day + timedelta(days=1)
        while following != working_day(following):
            self._office.open(following)
            self._office.close()
            following += timedelta(days=1)
        return following

    def _planned(self, count: int) -> list[list[Mistake]]:
        """What begins on which day; nothing begins on the last, on which things come to their end."""
        kinds = self._chance.sample(KINDS, count)
        plan: list[list[Mistake]] = [[] for _ in range(_DAYS_OF_MISTAKES + 1)]
        for kind in kinds:
            # E11 takes three days
            last = _DAYS_OF_MISTAKES - 1 if kind.code != "E11" else _DAYS_OF_MISTAKES - 2
            plan[self._chance.randint(0, last)].append(kind)
        return plan

    def _write_old_invoices(self) -> None:
        office = self._office
        office.open(working_day(self.first_day - _LONG_AGO))
        bills = [office.reserve(office.write(each)) for each in self._chance.sample(self._engagements, 2)]
        for bill in bills:
            posted = office.post(bill)
            office.long_ago.add(bill.number)
            office.receive([posted], [posted.amount])
        office.close()

    def _write_invoices(self) -> datetime:
        """Enough invoices for what is to come, posted the day after they were written."""
        office = self._office
        # two working days before the first one
        office.open(self.first_day - timedelta(days=4 if self.first_day.weekday() < 2 else 2))
        for _ in range(5):
            for engagement in self._engagements:
                office.write(engagement)
        office.close()
        office.open(self.first_day - timedelta(days=3 if self.first_day.weekday() < 1 else 1))
        office.work()
        office.close()
        return self.world.clock.now()

    def _make_mistakes(self, number: int) -> None:
        for kind in self._plan[number]:
            self._begin(kind)
        if number == _DAYS_OF_MISTAKES:
            for kind in self._last:
                if kind.code == "G11":
                    self._begin(kind)

    def _begin(self, kind: Mistake) -> None:
        bill = self._shared_bill(kind)
        outcome = kind.begin(self._office) if bill is None else kind.happens(self._office, bill)
        if outcome is not None:
            self._keep(kind, outcome)

    def _shared_bill(self, kind: Mistake) -> Bill | None:
        """An invoice that has a mistake already, for a mistake that can be told beside it."""
        alone = kind.is_fresh or kind.is_on_account or not (kind.shares or kind.ends)
        if alone or self._chance.random() >= _SHARE:
            return None
        free = [
            number
            for number, codes in sorted(self._shared.items())
            if kind.code not in codes and not (kind.code in _ON_TOTALS and _ON_TOTALS.intersection(codes))
        ]
        bills = [self._office.bills[number] for number in free if number in self._office.bills]
        bills = [bill for bill in bills if bill.twin and bill.amount >= kind.least]
        if not bills:
            return None
        bill = self._chance.choice(bills)
        del self._shared[bill.number]
        return bill

    def _keep(self, kind: Mistake, outcome: Outcome) -> None:
        further = [each for each in outcome if isinstance(each, NextDay)]
        self._begun += [(kind, each) for each in further]
        mistakes = [each for each in outcome if isinstance(each, PlantedMistake)]
        self.mistakes += mistakes
        self.corrected += [each for each in outcome if isinstance(each, Corrected)]
        if kind.shares and not further:
            for mistake in mistakes:
                if mistake.invoice:
                    self._later.append((mistake.invoice, mistake.code))

    def _finish_what_began(self) -> None:
        for number, code in self._later:
            self._shared[number].append(code)
        self._later.clear()
        begun, self._begun = self._begun, []
        for kind, second_half in begun:
            self._keep(kind, second_half.happens())

    def _plant_decoys(self, number: int) -> None:
        if number == _DAYS_OF_MISTAKES:
            return
        for decoy in self._harmless[number::_DAYS_OF_MISTAKES]:
            planted = decoy(self._office)
            if planted is not None:
                self.decoys.append(planted)


def _unusual_world(clock: SimulatedClock, chance: Random) -> World:
    """Both systems, the unsettled questions answered by chance.

    Merges always move the times of what they hand over: otherwise only a full reading sees them, and none is made here.
    """
    bigtime = BigTimeSwitches(
        spelling=chance.choice(list(Spelling)),
        pushed_credit_label=chance.choice(("Credit Memo", "Check", "")),
        payments_filtered_by=chance.choice(list(FilteredBy)),
        invoices_filtered_by=chance.choice(list(InvoiceFilteredBy)),
        payment_timestamp=chance.choice(list(Timestamp)),
        invoice_timestamp=chance.choice(list(Timestamp)),
        numbers=chance.choice(list(Numbers)),
        absent=chance.choice(list(Absent)),
        casing=chance.choice(list(Casing)),
        deleted_payment=chance.choice(list(Deleted)),
        quickbooks_id_in_client_list=chance.random() < 0.5,
    )
    quickbooks = QuickBooksSwitches(
        credit_memo_moves_when_applied=chance.random() < 0.5,
        scramble_ties=chance.random() < 0.5,
        payment_method_is_named=chance.random() < 0.5,
        cdc_includes_the_second=chance.random() < 0.5,
    )
    return World(
        clock,
        quickbooks=QuickBooksLedger(clock, switches=quickbooks),
        bigtime=BigTimeLedger(clock, switches=bigtime),
        switches=WorldSwitches(pushes_credit_number=chance.random() < 0.5),
    )
