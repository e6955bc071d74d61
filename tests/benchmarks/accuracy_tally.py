"""Add judged histories up: what was planted, found and said without a reason, by type; and the baselines beside it."""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field

from connectors.sandbox.story_mistakes import PlantedMistake
from mappings.findings import Finding
from tests.benchmarks.accuracy_baselines import Method
from tests.benchmarks.accuracy_judging import false_alarms_on_decoys
from tests.benchmarks.accuracy_pipeline import Told

_MOST_SHOWN = 50


def by_code(mistakes: Iterable[PlantedMistake]) -> Counter[str]:
    """How many there are of each type."""
    return Counter(mistake.code for mistake in mistakes)


@dataclass
class Pointed:
    """What a baseline pointed at: the mistakes on the way, and how many of its invoices carry one."""

    told: Counter[str] = field(default_factory=Counter)
    invoice_count: int = 0
    right_count: int = 0

    @property
    def precision(self) -> float:
        """The part of the invoices pointed at that carry a mistake."""
        return self.right_count / self.invoice_count if self.invoice_count else 1.0


@dataclass
class Tally:
    """The sums over all histories. `misses` and `alarms` are sentences with the seed that tells them again."""

    history_count: int = 0
    usual_count: int = 0
    planted: Counter[str] = field(default_factory=Counter)
    found: Counter[str] = field(default_factory=Counter)
    alarmed: Counter[str] = field(default_factory=Counter)
    decoys: Counter[str] = field(default_factory=Counter)
    alarmed_decoys: Counter[str] = field(default_factory=Counter)
    baselines: dict[Method, Pointed] = field(default_factory=lambda: {method: Pointed() for method in Method})
    misses: list[str] = field(default_factory=list)
    alarms: list[str] = field(default_factory=list)
    gaps: Counter[str] = field(default_factory=Counter)
    shared_count: int = 0
    consequence_count: int = 0
    run_count: int = 0
    incomplete_count: int = 0
    residual_count: int = 0
    call_count: int = 0

    def add(self, told: Told) -> None:
        """Take one history in."""
        judgement = told.judgement
        self.history_count += 1
        self.usual_count += told.is_usual
        self.planted += by_code(judgement.planted)
        self.found += by_code(judgement.found)
        self.alarmed += Counter(finding.code for _, finding in judgement.false_alarms)
        self.gaps += Counter(told.gaps)
        self.consequence_count += judgement.consequence_count
        self.run_count += judgement.run_count
        self.incomplete_count += judgement.incomplete_count
        self.residual_count += judgement.residual_count
        self.call_count += told.calls
        on_invoice = Counter(mistake.invoice for mistake in judgement.planted if mistake.invoice)
        self.shared_count += sum(count > 1 for count in on_invoice.values())
        self._add_decoys(told)
        self._add_guesses(told)
        self.misses += [_missed(told.seed, mistake) for mistake in judgement.missed]
        self.alarms += [f"seed {told.seed}, {day}: {_said(finding)}" for day, finding in judgement.false_alarms]

    def _add_decoys(self, told: Told) -> None:
        self.decoys += Counter(decoy.name for decoy in told.decoys)
        for decoy in told.decoys:
            if false_alarms_on_decoys(told.judgement, (decoy,)):
                self.alarmed_decoys[decoy.name] += 1

    def _add_guesses(self, told: Told) -> None:
        planted = told.judgement.planted
        concerned = {number for each in planted for number in (each.invoice, *each.others)} - {""}
        for guess in told.guesses:
            pointed = self.baselines[guess.method]
            pointed.told += by_code(each for each in planted if guess.numbers & {each.invoice, *each.others} - {""})
            pointed.invoice_count += len(guess.numbers)
            pointed.right_count += len(guess.numbers & concerned)

    @property
    def recall(self) -> float:
        """The part of what was planted that was found."""
        return _part(self.found.total(), self.planted.total())

    @property
    def precision(self) -> float:
        """The part of what was found or said without a reason that was found."""
        return _part(self.found.total(), self.found.total() + self.alarmed.total())

    @property
    def shown_failures(self) -> list[str]:
        """Everything that went wrong, as far as a page holds it."""
        return [*self.misses[:_MOST_SHOWN], *self.alarms[:_MOST_SHOWN]]


def _part(some: int, whole: int) -> float:
    return some / whole if whole else 1.0


def _missed(seed: int, mistake: PlantedMistake) -> str:
    claim = "none" if mistake.claim is None else f"{mistake.claim:.2f}"
    return (
        f"seed {seed}: missed {mistake.code} {mistake.invoice or 'on account'} claim {claim} exposure "
        f"{abs(mistake.amount):.2f}: {mistake.words} ({mistake.day})"
    )


def _said(finding: Finding) -> str:
    name = finding.invoice.number if finding.invoice is not None else finding.client.name or "the company"
    return f"false alarm {finding.severity} {finding.code} {name}: {finding.explanation}"
