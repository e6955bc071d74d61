"""Scenarios: what happened in two sets of books, in lines that a bookkeeper can read, and what must be found.

    # A credit applied in both systems counts twice in BigTime.
    invoice     INV-101  acme  1000.00 USD  posted 2026-03-01
    quickbooks  credit memo  CM-7  acme  200.00  applied INV-101  2026-03-05
    bigtime     payment  AccountCredit  INV-101  200.00  2026-03-05
    bigtime     payment  pushed back    INV-101  200.00  2026-03-06
    worker runs 2026-03-08
    expect   A4  INV-101  claim -200.00  exposure 200.00
    expect   residual 0.00

Every kind of line is a `Form` of `scenario_lines`: fixed words, then its required values, then clauses in any
order. A date moves the clock forward to that day; a date that has passed is a back-dated entry. Words in lower
case are fixed, names are the scenario's own, text with spaces stands in double quotes, `#` begins a comment.
This module only reads and writes text; `connectors.sandbox.playing` does what the lines say.
"""

import re
import shlex
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal

from connectors.sandbox.scenario_lines import FORMS, PATTERNS, Form

Value = str | Decimal | date


class ScenarioError(ValueError):
    """A scenario that cannot be read: one sentence per line that is wrong, each with what was expected."""

    def __init__(self, problems: Sequence[str]) -> None:
        super().__init__("\n".join(problems))
        self.problems = tuple(problems)


_BY_LENGTH = tuple(sorted(FORMS, key=lambda form: -len(form.words.split())))


@dataclass(frozen=True, slots=True)
class Clause:
    """An optional part of a line: its keyword, and the values after it."""

    keyword: str
    values: tuple[Value, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """One line that changes something: the words of its form, its values and its clauses."""

    line: int
    words: str
    values: tuple[Value, ...] = ()
    clauses: tuple[Clause, ...] = ()

    def all_of(self, keyword: str) -> tuple[tuple[Value, ...], ...]:
        """The values of every clause with this keyword, in the order of the line."""
        return tuple(clause.values for clause in self.clauses if clause.keyword == keyword)

    def has(self, keyword: str) -> bool:
        """Whether the line has such a clause."""
        return any(clause.keyword == keyword for clause in self.clauses)

    def text(self, keyword: str) -> str | None:
        """The first value of the clause as text; None without the clause."""
        return next((str(values[0]) for values in self.all_of(keyword)), None)

    def amount(self, keyword: str) -> Decimal | None:
        """The first value of the clause as an amount; None without the clause."""
        return next((Decimal(str(values[0])) for values in self.all_of(keyword)), None)

    def day(self, keyword: str) -> date | None:
        """The first value of the clause as a date; None without the clause."""
        return next((value for values in self.all_of(keyword) if isinstance(value := values[0], date)), None)


@dataclass(frozen=True, slots=True, kw_only=True)
class Expectation:
    """A finding that must be there. None: the scenario does not say.

    `subjects` are the invoices concerned, or the client for a finding that has no invoice.
    """

    line: int
    code: str
    subjects: tuple[str, ...]
    claim: Decimal | None = None
    exposure: Decimal | None = None
    proof: str | None = None
    severity: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Checkpoint:
    """A moment at which the worker runs, and what it must then say.

    The findings of severity S1 to S3 must be exactly those expected; S4 is compared only where expected.
    `expects_none` says the first in so many words, `expects_nothing` that there is not even an S4.
    """

    line: int
    on: date | None = None
    expectations: tuple[Expectation, ...] = ()
    residual: Decimal | None = None
    expects_none: bool = False
    expects_nothing: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Scenario:
    """A scenario as it was read. `title` is the comment at its top."""

    title: str
    steps: tuple[Step | Checkpoint, ...]

    @property
    def starts_on(self) -> date:
        """The earliest date that a line names: where the clock has to stand before it is played."""
        days = [day for step in self.steps for day in _days_of(step)]
        if not days:
            raise ScenarioError(["the scenario names no date: nothing can be played without one"])
        return min(days)

    @property
    def checkpoints(self) -> tuple[Checkpoint, ...]:
        """The moments at which the worker runs, in order."""
        return tuple(step for step in self.steps if isinstance(step, Checkpoint))


def parse(text: str) -> Scenario:
    """The scenario in `text`. Raises: `ScenarioError` with every line that cannot be read."""
    problems: list[str] = []
    lines: list[Step] = []
    for number, raw in enumerate(text.splitlines(), start=1):
        try:
            if words := _split(raw):
                lines.append(_read_line(number, _Words(words)))
        except ValueError as wrong:
            problems.append(f"line {number}: {wrong}")
    if problems:
        raise ScenarioError(problems)
    return Scenario(title=_title_of(text), steps=tuple(_grouped(lines)))


def format_scenario(scenario: Scenario) -> str:
    """Text that `parse` reads back as the same scenario, but for the numbers of its lines."""
    title = [f"# {line}".rstrip() for line in scenario.title.splitlines()]
    return "\n".join([*title, *(line for step in scenario.steps for line in _written(step))]) + "\n"


class _Words:
    """The words of a line, taken from the left."""

    def __init__(self, words: Sequence[str]) -> None:
        self.left = list(words)
        self.before = ""

    def take_words(self, fixed: str) -> bool:
        wanted = fixed.split()
        if self.left[: len(wanted)] != wanted:
            return False
        self._drop(len(wanted))
        return True

    def can_take(self, kind: str) -> bool:
        return bool(self.left) and PATTERNS[kind][0].fullmatch(self.left[0]) is not None

    def take(self, kind: str) -> Value:
        if not self.can_take(kind):
            found = f"found {self.left[0]!r}" if self.left else "the line ends"
            after = f" after {self.before!r}" if self.before else ""
            raise ValueError(f"expected {PATTERNS[kind][1]}{after}, {found}")
        word = self.left[0]
        self._drop(1)
        if kind == "amount":
            return Decimal(word).quantize(Decimal("0.01"))
        if kind != "date":
            return word
        try:
            return date.fromisoformat(word)
        except ValueError:
            raise ValueError(f"expected a date of the calendar, found {word!r}") from None

    def _drop(self, count: int) -> None:
        self.before = self.left[count - 1]
        del self.left[:count]


def _split(raw: str) -> list[str]:
    try:
        return shlex.split(raw, comments=True)
    except ValueError:
        raise ValueError('a quotation mark is not closed: text with spaces stands between two "') from None


def _read_line(number: int, words: _Words) -> Step:
    for form in _BY_LENGTH:
        if words.take_words(form.words):
            values = tuple(_values(words, form.values))
            return Step(line=number, words=form.words, values=values, clauses=tuple(_clauses(words, form)))
    raise ValueError(f"expected {_beginnings(words.left[0])}, found {' '.join(words.left[:3])!r}")


def _beginnings(first: str) -> str:
    """What a line may begin with: all forms that share its first word, else all first words."""
    same = [form.words for form in FORMS if form.words.split()[0] == first]
    return "one of " + ", ".join(repr(words) for words in same or dict.fromkeys(f.words.split()[0] for f in FORMS))


def _values(words: _Words, kinds: Sequence[str]) -> Iterator[Value]:
    for kind in kinds:
        if not kind.endswith("?") or words.can_take(kind[:-1]):
            yield words.take(kind.rstrip("?"))


def _clauses(words: _Words, form: Form) -> Iterator[Clause]:
    while words.left:
        keyword = _next_keyword(words, form)
        if keyword is None:
            known = [PATTERNS[kinds[0]][1] if key.startswith("<") else repr(key) for key, kinds in form.clauses.items()]
            expected = ", ".join([*known, "the end of the line"])
            raise ValueError(f"expected {expected} after {words.before!r}, found {words.left[0]!r}")
        yield Clause(keyword, tuple(_values(words, form.clauses[keyword])))


def _next_keyword(words: _Words, form: Form) -> str | None:
    named = sorted((key for key in form.clauses if not key.startswith("<")), key=lambda key: -len(key.split()))
    for keyword in named:
        if words.take_words(keyword):
            return keyword
    bare = (key for key in form.clauses if key.startswith("<"))
    return next((key for key in bare if words.can_take(form.clauses[key][0])), None)


def _grouped(lines: Sequence[Step]) -> Iterator[Step | Checkpoint]:
    """Steps and checkpoints: expectations join the worker's run before them, or make one where there is none."""
    pending: list[Step] = []
    for line in lines:
        if pending and not line.words.startswith("expect"):
            yield _checkpoint(pending)
            pending = []
        if line.words == "worker runs" or line.words.startswith("expect"):
            pending.append(line)
        else:
            yield line
    if pending:
        yield _checkpoint(pending)


def _checkpoint(lines: Sequence[Step]) -> Checkpoint:
    said = {line.words for line in lines}
    residuals = [line.values[0] for line in lines if line.words == "expect residual"]
    return Checkpoint(
        line=lines[0].line,
        on=lines[0].day("<on>"),
        expectations=tuple(_expectation(line) for line in lines if line.words == "expect"),
        residual=Decimal(str(residuals[0])) if residuals else None,
        expects_none="expect none" in said,
        expects_nothing="expect nothing" in said,
    )


def _expectation(line: Step) -> Expectation:
    code, subject = line.values
    return Expectation(
        line=line.line,
        code=str(code),
        subjects=(str(subject), *(str(values[0]) for values in line.all_of("and"))),
        claim=line.amount("claim"),
        exposure=line.amount("exposure"),
        proof=line.text("proof"),
        severity=line.text("severity"),
    )


def _title_of(text: str) -> str:
    title = []
    for line in text.splitlines():
        if not line.startswith("#"):
            break
        title.append(line.removeprefix("#").strip())
    return "\n".join(title)


def _days_of(step: Step | Checkpoint) -> Iterator[date]:
    if isinstance(step, Checkpoint):
        yield from (step.on,) if step.on else ()
        return
    if step.words == "quickbooks close books":
        return
    yield from (value for value in step.values if isinstance(value, date))
    yield from (value for clause in step.clauses for value in clause.values if isinstance(value, date))


def _written(step: Step | Checkpoint) -> Iterator[str]:
    if isinstance(step, Step):
        clauses = (" ".join([*_keyword(clause), *map(_word, clause.values)]) for clause in step.clauses)
        yield "  ".join([step.words, *map(_word, step.values), *clauses])
        return
    yield " ".join(["worker runs", *([step.on.isoformat()] if step.on else [])])
    for each in step.expectations:
        yield _expected(each)
    if step.residual is not None:
        yield f"expect residual {step.residual}"
    yield from ["expect none"] * step.expects_none + ["expect nothing"] * step.expects_nothing


def _keyword(clause: Clause) -> Iterator[str]:
    if not clause.keyword.startswith("<"):
        yield clause.keyword


def _expected(expectation: Expectation) -> str:
    first, *others = expectation.subjects
    words = [f"expect {expectation.code} {first}", *(f"and {other}" for other in others)]
    for name in ("claim", "exposure", "proof", "severity"):
        value = getattr(expectation, name)
        words += [] if value is None else [f"{name} {value}"]
    return "  ".join(words)


def _word(value: Value) -> str:
    """A value as it is written; text with spaces, or that a reader would take for something else, in quotes."""
    text = value.isoformat() if isinstance(value, date) else str(value)
    return text if re.fullmatch(r"[\w.,:/+&()-]+", text) else '"' + re.sub(r'(["\\\\])', r"\\\1", text) + '"'
