"""The accuracy benchmark can fail: it misses what is not found, and counts what is said without a reason."""

from datetime import date
from decimal import Decimal

import msgspec
import pytest

from connectors.sandbox.story_decoys import PlantedDecoy
from connectors.sandbox.story_mistakes import Corrected, PlantedMistake
from mappings.findings import Claim, ClientRef, Finding, InvoiceRef, Proof, Severity
from sync.rules.catalogue import CATALOGUE
from tests.benchmarks.accuracy import measure
from tests.benchmarks.accuracy_history import KINDS, LAST_KINDS, FirmHistory
from tests.benchmarks.accuracy_judging import Fact, Judgement, Seen, false_alarms_on_decoys, judge
from tests.benchmarks.accuracy_page import OUT_OF_REACH, page

DAY = date(2026, 3, 5)


def planted(code: str = "A1", amount: str = "200", invoice: str = "INV-101") -> PlantedMistake:
    return PlantedMistake(
        code=code, invoice=invoice, amount=Decimal(amount), claim=-Decimal(amount), day=DAY, words="a credit"
    )


def said(code: str = "A1", cents: int = 20000, *, number: str = "INV-101", severity: str = "S1") -> Finding:
    return Finding(
        company="acme",
        code=code,
        slug="slug",
        severity=Severity(severity),
        proof=Proof.PROVED,
        reason="seen",
        currency="USD",
        exposure_minor=cents,
        claims=(Claim("9001", -cents),),
        client=ClientRef(name="Acme", quickbooks="12"),
        invoice=InvoiceRef(number=number),
        evidence=(),
        explanation="…",
        fingerprint=f"{code}:{number}:{cents}",
        incident="incident",
    )


def run(
    *findings: Finding,
    mistakes: tuple[PlantedMistake, ...] = (),
    corrected: tuple[Corrected, ...] = (),
    facts: frozenset[Fact] = frozenset(),
) -> Seen:
    return Seen(
        on=DAY,
        complete=True,
        findings=findings,
        residuals=(0,),
        mistakes=mistakes,
        corrected=corrected,
        facts=facts,
    )


def counts(judgement: Judgement) -> tuple[int, int, int]:
    return len(judgement.found), len(judgement.missed), len(judgement.false_alarms)


def test_a_mistake_with_its_finding_is_found() -> None:
    assert (1, 0, 0) == counts(judge([run(said(), mistakes=(planted(),))]))


def test_a_mistake_without_a_finding_is_missed() -> None:
    assert (0, 1, 0) == counts(judge([run(mistakes=(planted(),))]))


@pytest.mark.parametrize("wrong", [said("A2"), said(cents=20001), said(number="INV-102")])
def test_another_type_amount_or_invoice_is_a_miss_and_a_false_alarm(wrong: Finding) -> None:
    assert (0, 1, 1) == counts(judge([run(wrong, mistakes=(planted(),))]))


def test_two_mistakes_need_two_findings_and_two_findings_two_mistakes() -> None:
    assert (1, 1, 0) == counts(judge([run(said(), mistakes=(planted(), planted()))]))
    twice = msgspec.structs.replace(said(), fingerprint="another")
    assert (1, 0, 1) == counts(judge([run(said(), twice, mistakes=(planted(),))]))


def test_what_an_earlier_run_said_without_a_reason_counts_although_it_went_away() -> None:
    assert (0, 0, 1) == counts(judge([run(said()), run()]))


def test_information_is_no_alarm_and_a_fact_of_the_books_is_none_either() -> None:
    assert (0, 0, 0) == counts(judge([run(said("C1", severity="S4"))]))
    told = judge([run(said("F1"), facts=frozenset({("F1", "INV-101")}))])
    assert ((0, 0, 0), 1) == (counts(told), told.consequence_count)


def test_what_was_put_right_has_to_be_told_before_and_not_after() -> None:
    mistake = planted()
    righted = Corrected(mistake=mistake, day=DAY, words="taken back")
    before, after = run(said(), mistakes=(mistake,)), run(mistakes=(mistake,), corrected=(righted,))
    assert (1, 0, 0) == counts(judge([before, after]))
    assert (0, 1, 0) == counts(judge([run(mistakes=(mistake,)), after]))
    assert (1, 0, 1) == counts(judge([before, run(said(), mistakes=(mistake,), corrected=(righted,))]))


def test_a_residual_and_an_incomplete_run_are_counted() -> None:
    unexplained = msgspec.structs.replace(run(), residuals=(0, 5))
    incomplete = msgspec.structs.replace(unexplained, complete=False)
    judgement = judge([run(), unexplained, incomplete])
    assert (3, 1, 1) == (judgement.run_count, judgement.residual_count, judgement.incomplete_count)


def test_false_alarms_are_put_down_to_the_decoy_on_their_invoice() -> None:
    judgement = judge([run(said())])
    decoys = [PlantedDecoy(name="note", invoice=number, day=DAY, words="") for number in ("INV-101", "INV-7")]
    assert [1, 0] == [len(false_alarms_on_decoys(judgement, (decoy,))) for decoy in decoys]


def test_every_type_of_the_catalogue_is_planted_or_has_a_reason_why_not() -> None:
    kinds = {kind.code for kind in (*KINDS, *LAST_KINDS)}
    assert set() == set(CATALOGUE) - kinds - set(OUT_OF_REACH)
    assert set() == kinds & set(OUT_OF_REACH)


def test_equal_seeds_tell_equal_histories_and_mistakes_meet() -> None:
    told = []
    for seed in (5, 5, 6):
        history = FirmHistory(seed)
        moments = list(history.tell())
        told.append((moments, history.mistakes, history.decoys))
        assert 6 <= len(moments) <= 10
        assert len(history.mistakes) >= 5
    assert told[0] == told[1] != told[2]


@pytest.mark.slow
def test_a_few_histories_through_the_real_worker_are_found_out_completely() -> None:
    tally = measure(histories=3, seed=4_000, workers=1)
    assert [] == tally.misses + tally.alarms
    assert (0, 0) == (tally.residual_count, tally.incomplete_count)
    assert tally.planted.total() >= 15
    text = page(tally, command="…", seed=4_000, seconds=1)
    assert "| **recall** | **1.0000** |" in text
