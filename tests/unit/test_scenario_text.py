"""Scenario files say what they mean, and say so when they cannot be read."""

from dataclasses import replace
from datetime import date
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connectors.sandbox.scenario import (
    Checkpoint,
    Clause,
    Expectation,
    Scenario,
    ScenarioError,
    Step,
    Value,
    format_scenario,
    parse,
)
from connectors.sandbox.scenario_lines import FORMS, Form

EXAMPLE = """\
# A credit applied in both systems counts twice in BigTime.
invoice  INV-101  acme  1000.00 USD  posted 2026-03-01
quickbooks  credit memo  CM-7  acme  200.00  applied INV-101 2026-03-05
bigtime     payment  AccountCredit  INV-101  200.00  2026-03-05
bigtime     payment  pushed back    INV-101  200.00  2026-03-06
worker runs 2026-03-08   # in the evening
expect   A4  INV-101  claim -200.00  exposure 200.00  proof likely
expect   residual 0.00
"""


def without_lines(scenario: Scenario) -> Scenario:
    """The scenario with all line numbers taken out."""

    def stripped(step: Step | Checkpoint) -> Step | Checkpoint:
        if isinstance(step, Step):
            return replace(step, line=0)
        return replace(step, line=0, expectations=tuple(replace(each, line=0) for each in step.expectations))

    return replace(scenario, steps=tuple(stripped(step) for step in scenario.steps))


def test_the_example_reads_as_it_says() -> None:
    scenario = parse(EXAMPLE)
    assert "A credit applied in both systems counts twice in BigTime." == scenario.title
    assert date(2026, 3, 1) == scenario.starts_on
    assert [
        "invoice",
        "quickbooks credit memo",
        "bigtime payment",
        "bigtime payment pushed back",
    ] == [step.words for step in scenario.steps if isinstance(step, Step)]
    credit = scenario.steps[1]
    assert isinstance(credit, Step)
    assert ("CM-7", "acme", Decimal("200.00")) == credit.values
    assert (("INV-101",),) == credit.all_of("applied")
    assert date(2026, 3, 5) == credit.day("<on>")
    (checkpoint,) = scenario.checkpoints
    assert (
        Expectation(
            line=7,
            code="A4",
            subjects=("INV-101",),
            claim=Decimal("-200.00"),
            exposure=Decimal("200.00"),
            proof="likely",
        ),
    ) == checkpoint.expectations
    assert (Decimal("0.00"), date(2026, 3, 8)) == (checkpoint.residual, checkpoint.on)


def test_expectations_without_a_run_make_one() -> None:
    scenario = parse("invoice INV-1 acme 5 posted 2026-03-01\nexpect none\nsync 2026-03-02\nexpect nothing\n")
    assert [(True, False), (False, True)] == [
        (each.expects_none, each.expects_nothing) for each in scenario.checkpoints
    ]


@pytest.mark.parametrize(
    ("line", "complaint"),
    [
        ("invoice INV-1 acme lots", "line 1: expected an amount such as 200.00 after 'acme', found 'lots'"),
        ("invoice INV-1 acme", "line 1: expected an amount such as 200.00 after 'acme', the line ends"),
        (
            "sync tomorrow",
            "expected a date such as 2026-03-05, 'entered', 'without', 'twice', the end of the line after 'sync'",
        ),
        ("invoice INV-1 acme 5 posted 2026-02-30", "line 1: expected a date of the calendar, found '2026-02-30'"),
        ("expect none at all", "line 1: expected the end of the line after 'none', found 'at'"),
        ("expect Z9 INV-1", "line 1: expected the code of a finding such as A1 after 'expect', found 'Z9'"),
        ("quickbooks set books on fire", "line 1: expected one of 'quickbooks invoice', 'quickbooks credit memo'"),
        ("pray for rain", "line 1: expected one of 'client', 'invoice', 'quickbooks', 'bigtime', 'sync'"),
        ('client acme "Acme', "line 1: a quotation mark is not closed"),
        ("quickbooks auto-apply credits maybe", "expected on or off after 'credits', found 'maybe'"),
    ],
)
def test_a_line_that_cannot_be_read_is_named_with_what_was_expected(line: str, complaint: str) -> None:
    with pytest.raises(ScenarioError) as caught:
        parse(line)
    assert complaint in str(caught.value)


def test_all_wrong_lines_are_reported_at_once() -> None:
    with pytest.raises(ScenarioError) as caught:
        parse("sync\nnonsense\nsync\ninvoice\n")
    assert ["line 2", "line 4"] == [problem.split(":")[0] for problem in caught.value.problems]


def test_a_scenario_without_a_date_has_no_start() -> None:
    with pytest.raises(ScenarioError):
        _ = parse("sync").starts_on


def test_every_form_is_found_by_its_own_words() -> None:
    assert len(FORMS) == len({form.words for form in FORMS})


DATES = st.dates(min_value=date(2020, 1, 1), max_value=date(2030, 12, 31))
VALUES: dict[str, st.SearchStrategy[Value]] = {
    "word": st.from_regex(r"[A-Z]{2,5}-[0-9]{1,3}(\.[0-9])?", fullmatch=True),
    "text": st.from_regex(r"[A-Z][a-z]{0,6}( [A-Z&'\"#\\][a-z]{0,5}){0,2}", fullmatch=True),
    "amount": st.decimals(min_value=-9999, max_value=9999, places=2).map(lambda each: each + 0),
    "date": DATES,
    "time": st.sampled_from(["09:00", "17:30"]),
    "currency": st.sampled_from(["USD", "EUR"]),
    "code": st.sampled_from(["A1", "C6b", "E10"]),
    "switch": st.sampled_from(["on", "off"]),
    "side": st.sampled_from(["debit", "credit"]),
    "system": st.sampled_from(["bigtime", "quickbooks"]),
}


@st.composite
def steps(draw: st.DrawFn) -> Step:
    form: Form = draw(st.sampled_from([each for each in FORMS if not each.words.startswith(("expect", "worker"))]))

    def some(kinds: tuple[str, ...]) -> tuple[Value, ...]:
        return tuple(draw(VALUES[kind.rstrip("?")]) for kind in kinds if not kind.endswith("?") or draw(st.booleans()))

    keywords = draw(st.lists(st.sampled_from(sorted(form.clauses)), max_size=3)) if form.clauses else []
    return Step(
        line=0,
        words=form.words,
        values=some(form.values),
        clauses=tuple(Clause(keyword, some(form.clauses[keyword])) for keyword in keywords),
    )


@given(st.lists(steps(), max_size=4))
def test_what_is_written_reads_back_the_same(lines: list[Step]) -> None:
    scenario = Scenario(title="Anything at all.", steps=tuple(lines))
    assert scenario == without_lines(parse(format_scenario(scenario)))


def test_a_written_checkpoint_reads_back_the_same() -> None:
    scenario = without_lines(parse(EXAMPLE))
    assert scenario == without_lines(parse(format_scenario(scenario)))
