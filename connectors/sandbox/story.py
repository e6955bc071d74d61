"""A firm's story: months of history, then days of work with mistakes in them, the same for the same seed.

    story = Story(seed=7, days=28)
    world = story.new_world()
    while not story.is_finished:
        happened = story.advance(world)     # the first call tells the history, each further one a day
        ...                                 # the clock stands at the end of the day: let the worker run

The story knows causes, never how anybody would find them: `planted` says what went wrong, `decoys` what only
looks like it.
"""

from collections import defaultdict
from datetime import UTC, date, datetime, time, timedelta
from random import Random

from connectors.sandbox.clock import SimulatedClock
from connectors.sandbox.story_decoys import DECOYS, Decoy, PlantedDecoy
from connectors.sandbox.story_mistakes import MISTAKES, Mistake, NextDay, Outcome, PlantedMistake
from connectors.sandbox.story_office import Office, working_day
from connectors.sandbox.world import World

FIRST_DAY = date(2026, 6, 8)
_HISTORY_DAYS = 126
_MIDNIGHT = time(0, 0, tzinfo=UTC)
# The last days begin nothing new, so that what happened can be seen, and grow older than any grace, before the end.
_QUIET_DAYS = 4


class Story:
    """One story, told once. Equal seeds and days tell equal stories."""

    def __init__(self, seed: int, days: int = 28, *, first_day: date = FIRST_DAY) -> None:
        if days < 1:
            raise ValueError(f"a story has at least one day, {days} were asked for")
        self.first_day = first_day
        self.days = days
        self.days_told = -1
        self.planted: list[PlantedMistake] = []
        self.decoys: list[PlantedDecoy] = []
        self._chance = Random(seed)  # noqa: S311 - chance of a story, not a secret
        self._office: Office | None = None
        self._tomorrow: list[NextDay] = []
        self._mistakes, self._plan_of_decoys = self._plan()

    @property
    def starts_at(self) -> datetime:
        """Where the clock of the story's world has to stand at first."""
        return datetime.combine(self.first_day - timedelta(days=_HISTORY_DAYS), _MIDNIGHT)

    @property
    def is_finished(self) -> bool:
        """Whether the last day has been told."""
        return self.days_told >= self.days

    def new_world(self) -> World:
        """An empty world whose clock stands where the story begins."""
        return World(SimulatedClock(self.starts_at))

    def advance(self, world: World) -> list[str]:
        """Tell the history (first call) or the next day, and answer what happened, in words.

        Afterwards the clock stands at the end of the day, when the worker would run. Weekends are empty.
        Raises: ValueError when the story is finished.
        """
        if self.is_finished:
            raise ValueError(f"the story has {self.days} days and all are told")
        if self._office is None:
            self._office = Office(world, self._chance)
            happened = self._tell_history(self._office)
        else:
            happened = self._tell_day(self._office, self.first_day + timedelta(days=self.days_told))
        self.days_told += 1
        return happened

    def _tell_history(self, office: Office) -> list[str]:
        happened = []
        for ago in range(_HISTORY_DAYS, 0, -1):
            office.open(self.first_day - timedelta(days=ago))
            office.work()
            office.close()
            happened += office.said
        return happened

    def _tell_day(self, office: Office, day: date) -> list[str]:
        office.open(day)
        if day.weekday() < 5:
            self._finish_what_began()
            self._make_mistakes(office, day)
            self._plant_decoys(office, day)
        office.work()
        office.close()
        return office.said

    def _finish_what_began(self) -> None:
        begun, self._tomorrow = self._tomorrow, []
        for second_half in begun:
            self._keep(second_half.happens())

    def _make_mistakes(self, office: Office, day: date) -> None:
        for mistake in self._mistakes.pop(day, []):
            outcome = mistake.begin(office)
            if outcome is None:
                self._mistakes[working_day(day + timedelta(days=1))].append(mistake)
            else:
                self._keep(outcome)

    def _plant_decoys(self, office: Office, day: date) -> None:
        for decoy in self._plan_of_decoys.pop(day, []):
            planted = decoy(office)
            if planted is None:
                self._plan_of_decoys[working_day(day + timedelta(days=1))].append(decoy)
            else:
                self.decoys.append(planted)

    def _keep(self, outcome: Outcome) -> None:
        self._tomorrow += [each for each in outcome if isinstance(each, NextDay)]
        self.planted += [each for each in outcome if isinstance(each, PlantedMistake)]

    def _plan(self) -> tuple[defaultdict[date, list[Mistake]], defaultdict[date, list[Decoy]]]:
        """Which mistakes and decoys begin on which working day."""
        days = [self.first_day + timedelta(days=index) for index in range(self.days)]
        working = [day for day in days[: max(1, self.days - _QUIET_DAYS)] if day.weekday() < 5] or days[:1]
        rounds = -(-len(working) // len(MISTAKES))
        kinds = [kind for _ in range(rounds) for kind in self._chance.sample(MISTAKES, len(MISTAKES))]
        mistakes: defaultdict[date, list[Mistake]] = defaultdict(list)
        for index, kind in enumerate(kinds[: max(len(working), min(len(MISTAKES), 2 * len(working)))]):
            mistakes[working[index % len(working)]].append(kind)
        decoys: defaultdict[date, list[Decoy]] = defaultdict(list)
        for decoy in self._chance.sample(DECOYS, min(len(DECOYS), len(working))):
            decoys[self._chance.choice(working)].append(decoy)
        return mistakes, decoys
