"""The tie-out and the verdict: per currency, two-sided, and never green when something was not read."""

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from mappings.findings import ClientRef, Finding, Gap, InvoiceRef, Proof, Severity, TieLine, Verdict
from sync.rules.moment import Moment
from sync.tie_out import decide_verdict, tie_out


def line(bigtime: int, quickbooks: int, claimed: int, currency: str = "USD") -> TieLine:
    return TieLine(
        invoice=InvoiceRef(number="1"),
        client=ClientRef(name="Acme"),
        currency=currency,
        bigtime_minor=bigtime,
        quickbooks_minor=quickbooks,
        claimed_minor=claimed,
    )


def found(severity: Severity) -> Finding:
    return Finding(
        company="acme",
        code="A1",
        slug="",
        severity=severity,
        proof=Proof.PROVED,
        reason="",
        currency="USD",
        exposure_minor=0,
        client=ClientRef(name=""),
        invoice=None,
        evidence=(),
        explanation="",
        fingerprint="",
        incident="",
    )


def test_dollars_and_euros_are_two_statements() -> None:
    euros, dollars = tie_out([line(900, 1000, -100), line(500, 500, 0), line(70, 50, 15, "EUR")])

    assert ("EUR", 1, 70, 50, 20, 15, 5) == (
        euros.currency,
        euros.invoice_count,
        euros.bigtime_minor,
        euros.quickbooks_minor,
        euros.difference_minor,
        euros.explained_minor,
        euros.residual_minor,
    )
    assert ("USD", 2, 1400, 1500, -100, -100, 0) == (
        dollars.currency,
        dollars.invoice_count,
        dollars.bigtime_minor,
        dollars.quickbooks_minor,
        dollars.difference_minor,
        dollars.explained_minor,
        dollars.residual_minor,
    )


def test_too_much_on_one_invoice_does_not_make_good_for_too_little_on_another() -> None:
    (dollars,) = tie_out([line(2000, 1000, 1000), line(0, 1000, -1000)])

    assert (0, 2000) == (dollars.difference_minor, dollars.gross_minor)


def test_nothing_to_compare_is_no_statement() -> None:
    assert () == tie_out([])


_GAP = Gap("G1", "quickbooks", "cut off")


@pytest.mark.parametrize(
    ("complete", "gaps", "findings", "verdict"),
    [
        (True, [], [], Verdict.CLEAN),
        (True, [], [Severity.S4], Verdict.CLEAN),
        (True, [], [Severity.S4, Severity.S3], Verdict.FINDINGS),
        (True, [], [Severity.S1], Verdict.FINDINGS),
        (False, [], [], Verdict.INCOMPLETE),
        (False, [], [Severity.S1], Verdict.INCOMPLETE),
        (True, [_GAP], [], Verdict.INCOMPLETE),
        (True, [_GAP], [Severity.S2], Verdict.INCOMPLETE),
    ],
)
def test_there_is_one_green_state(complete: bool, gaps: list[Gap], findings: list[Severity], verdict: Verdict) -> None:
    assert verdict is decide_verdict(complete=complete, gaps=gaps, open_findings=map(found, findings))


_NOW = datetime(2026, 3, 9, 12, tzinfo=UTC)
_MOMENT = Moment(now=_NOW, timezone=ZoneInfo("America/New_York"))


def test_grace_is_over_after_exactly_its_time() -> None:
    assert _MOMENT.in_grace(_NOW - timedelta(hours=23, minutes=59))
    assert not _MOMENT.in_grace(_NOW - timedelta(hours=24))
    assert not _MOMENT.in_grace(None)


def test_days_begin_and_end_in_the_companys_time_zone() -> None:
    late = datetime(2026, 3, 9, 3, 59, tzinfo=UTC)

    assert date(2026, 3, 8) == _MOMENT.day_of(late)
    assert date(2026, 3, 9) == _MOMENT.day_of(late + timedelta(minutes=1))
    assert datetime(2026, 3, 9, 4, tzinfo=UTC) == _MOMENT.start_of(date(2026, 3, 9))
    assert datetime(2026, 3, 8, 5, tzinfo=UTC) == _MOMENT.start_of(date(2026, 3, 8))  # the night in which clocks change
    assert date(2026, 3, 9) == _MOMENT.today


def test_a_firm_that_sets_nothing_has_a_day_of_grace_a_week_for_duplicates_and_a_month_for_open_credits() -> None:
    assert (timedelta(hours=24), timedelta(days=7), timedelta(days=30), 1) == (
        _MOMENT.grace,
        _MOMENT.duplicate_window,
        _MOMENT.stale_after,
        _MOMENT.rounding_minor,
    )
