"""One firm of the soak: ordinary work every day, a mistake now and then, and people who put it right again."""

from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from random import Random

from connectors.sandbox.bigtime_ledger import BigTimeLedger
from connectors.sandbox.clock import SimulatedClock
from connectors.sandbox.quickbooks_ledger import QuickBooksLedger
from connectors.sandbox.story_decoys import DECOYS
from connectors.sandbox.story_mistakes import MISTAKES, Mistake, NextDay, Outcome, PlantedMistake
from connectors.sandbox.story_office import ENGAGEMENTS, Office, working_day
from connectors.sandbox.world import World
from tests.soak.mending import MENDING

HISTORY_DAYS = 30
_EVERY_DAYS = 2.2  # a firm makes a mistake about so often
_KINDS = tuple(mistake for mistake in MISTAKES if mistake.code in MENDING)


@dataclass(slots=True, kw_only=True)
class TrueIncident:
    """Something that people have to be told of, exactly once. `ended_at` None: it lasts, or a person settled it.

    `subject` is what it is known by: an invoice's number, `outage quickbooks`, `reconnect`, `channel mail`.
    """

    company: str
    code: str
    subject: str
    opened_at: datetime
    ended_at: datetime | None = None
    settled_at: datetime | None = None


@dataclass(slots=True)
class _Open:
    mistake: PlantedMistake
    incident: TrueIncident
    mend_on: date
    settle: bool


@dataclass(slots=True)
class SoakFirm:
    """A firm in its own world, on the clock of all. `incidents` says what was really wrong."""

    alias: str
    number: int
    clock: SimulatedClock
    chance: Random
    last_day: date
    world: World = field(init=False)
    office: Office = field(init=False)
    incidents: list[TrueIncident] = field(default_factory=list)
    to_settle: list[str] = field(default_factory=list)
    _open: list[_Open] = field(default_factory=list)
    _begun: list[NextDay] = field(default_factory=list)
    _next_kinds: list[Mistake] = field(default_factory=list)

    def __post_init__(self) -> None:
        books = QuickBooksLedger(self.clock, realm_id=f"91303{self.number:02}")
        firm = BigTimeLedger(self.clock, firm=f"abc{self.number}-4567-fgr4")
        self.world = World(self.clock, quickbooks=books, bigtime=firm)
        engagements = self.chance.sample(ENGAGEMENTS, 4)
        self.office = Office(self.world, self.chance, engagements=engagements, amounts_are_distinct=True)

    def open(self, day: date, *, makes_mistakes: bool = True) -> None:
        """A day's work, on working days with what goes wrong in it."""
        office = self.office
        office.open(day)
        if day.weekday() < 5 and makes_mistakes:
            self._finish_what_began()
            self._put_right(day)
            if self._is_careless(day):
                self._make_mistake()
            elif self.chance.random() < 0.1:
                self.chance.choice(DECOYS)(office)
        office.work()

    def close(self) -> None:
        """The sync of the evening."""
        self.office.close()
        for each in self._open:
            # what the sync brings on is wrong from then on
            each.incident.opened_at = min(each.incident.opened_at, self.clock.now())

    def _is_careless(self, day: date) -> bool:
        too_late = day > self.last_day - timedelta(days=3)
        return not too_late and self.chance.random() < 1 / _EVERY_DAYS

    def _make_mistake(self) -> None:
        if not self._next_kinds:
            self._next_kinds = self.chance.sample(_KINDS, len(_KINDS))
        kind = self._next_kinds.pop()
        outcome = kind.begin(self.office)
        if outcome is not None:
            self._keep(outcome)

    def _finish_what_began(self) -> None:
        begun, self._begun = self._begun, []
        for second_half in begun:
            self._keep(second_half.happens())

    def _keep(self, outcome: Outcome) -> None:
        self._begun += [each for each in outcome if isinstance(each, NextDay)]
        for mistake in outcome:
            if isinstance(mistake, PlantedMistake):
                self._plant(mistake)

    def _plant(self, mistake: PlantedMistake) -> None:
        now = self.clock.now()
        incident = TrueIncident(company=self.alias, code=mistake.code, subject=mistake.invoice, opened_at=now)
        self.incidents.append(incident)
        # a lost push is no finding before the grace of a day has passed, and nobody mends what nobody saw
        days = self.chance.randint(1, 2) + (2 if mistake.code == "C3" else 0)
        self._open.append(
            _Open(mistake, incident, working_day(mistake.day + timedelta(days=days)), self.chance.random() < 0.2)
        )

    def _put_right(self, day: date) -> None:
        for each in [each for each in self._open if each.mend_on <= day]:
            self._open.remove(each)
            if each.settle:
                each.incident.settled_at = self.clock.now()
                self.to_settle.append(each.mistake.invoice)
                continue
            MENDING[each.mistake.code](self.office, self.office.bills[each.mistake.invoice], each.mistake)
            each.incident.ended_at = self.clock.now()


def moment(day: date, hour: int, minute: int = 0) -> datetime:
    """That time of the day in UTC."""
    return datetime.combine(day, time(hour, minute), UTC)
