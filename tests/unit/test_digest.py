"""The morning's digest: once for each local date, with what matters, and a sign of life when all is quiet."""

from datetime import UTC, date, datetime, time, timedelta
from itertools import pairwise
from zoneinfo import ZoneInfo

import pytest

from mappings.alerts import AlertKind, AlertSituation, ChannelHealth, Silence, SilenceScope
from mappings.findings import ClientRef, InvoiceRef, Severity, TieLine
from mappings.model import LineTarget, Method, Payment, PaymentLine, Preferences
from sync.digest import CompanyDigest, DigestTimes, digest_notice
from sync.preflight import Outlook, preflight_lines
from tests.alert_building import NOW, POLICY, finding, watched

EVERY_DAY = frozenset(("mon", "tue", "wed", "thu", "fri", "sat", "sun"))


def times(zone: str, hour: int = 8, days: frozenset[str] = EVERY_DAY) -> DigestTimes:
    return DigestTimes(timezone=ZoneInfo(zone), hour=hour, days=days, quiet_day="mon")


@pytest.mark.parametrize(
    "zone", ["America/New_York", "Europe/Berlin", "Australia/Lord_Howe", "America/Santiago", "UTC"]
)
@pytest.mark.parametrize("hour", [0, 2, 3, 8, 23])
def test_each_local_date_of_a_year_has_one_digest_whatever_the_clocks_do(zone: str, hour: int) -> None:
    wanted = times(zone, hour)
    moment = datetime(2026, 1, 1, tzinfo=UTC)
    sent: list[date] = []
    while moment < datetime(2027, 1, 1, tzinfo=UTC):
        day = wanted.due_on(moment)
        if day is not None and day not in sent[-2:]:
            sent.append(day)
            local = moment.astimezone(wanted.timezone)
            assert local.date() == day
            late = local - datetime.combine(day, time(hour), tzinfo=wanted.timezone)
            assert timedelta(0) <= late <= timedelta(hours=1) or len(sent) == 1  # an hour that the clocks left out
        moment += timedelta(minutes=10)
    assert sorted(set(sent)) == sent
    assert {timedelta(days=1)} == {after - before for before, after in pairwise(sent)}
    assert len(sent) >= 364


def test_there_is_no_digest_on_other_days() -> None:
    office = times("America/New_York", days=frozenset({"tue"}))
    sunday, monday, tuesday = (datetime(2026, 3, day, 15, tzinfo=UTC) for day in (1, 2, 3))
    assert [None, date(2026, 3, 2), date(2026, 3, 3)] == [office.due_on(each) for each in (sunday, monday, tuesday)]
    assert [True, False] == [office.wants_quiet(date(2026, 3, day)) for day in (2, 3)]


def situation(*findings: object, silences: tuple[Silence, ...] = ()) -> AlertSituation:
    return AlertSituation(
        company="acme",
        findings=findings,  # type: ignore[arg-type]
        alerts=(),
        silences=silences,
        complete_at=NOW - timedelta(hours=1),
        began_at=NOW,
    )


def digest(found: AlertSituation, *, warnings: tuple[str, ...] = (), troubles: tuple[ChannelHealth, ...] = ()):  # type: ignore[no-untyped-def]
    parts = [CompanyDigest(situation=found, warnings=warnings)]
    return digest_notice(parts, troubles, day=date(2026, 3, 4), policy=POLICY, now=NOW)


def test_a_digest_has_what_is_open_with_age_owner_and_amount() -> None:
    one = watched(finding(), since=NOW - timedelta(days=3), assigned_to="ann")
    told = digest(situation(one, watched(finding("F2", "2", severity=Severity.S4))))
    assert AlertKind.DIGEST is told.kind
    assert "Wednesday 4 March: 1 open incident" == told.subject
    assert "Open: 1 urgent (S1); 0 new since yesterday, 0 acknowledged." == told.sections[0].lines[0]
    (item,) = told.sections[1].items
    assert ("S1", "200.00 USD") == (item.severity, item.amount)
    assert item.text.startswith("Acme & Söhne · open for 3 days · assigned to ann · A1-")


def test_what_is_held_back_is_in_the_digest_with_the_reason() -> None:
    silence = Silence(
        id=1,
        scope=SilenceScope.COMPANY,
        value="",
        author="ann",
        reason="stocktaking",
        created_at=NOW - timedelta(hours=1),
        expires_at=NOW + timedelta(days=1),
    )
    told = digest(situation(watched(finding()), silences=(silence,)))
    (held,) = [section for section in told.sections if section.heading == "Held back"]
    assert "silenced by ann" in held.lines[0]
    assert "stocktaking" in held.lines[0]


def test_with_nothing_open_it_says_that_all_is_quiet() -> None:
    told = digest(situation(watched(finding(), status="expected")))
    assert AlertKind.QUIET is told.kind
    assert "Wednesday 4 March: all quiet" == told.subject


def test_a_channel_that_does_not_deliver_is_never_quiet() -> None:
    dead = ChannelHealth(
        channel="team", pending=2, dead=1, attempts=4, last_error="gone", last_sent_at=None, waiting_since=NOW
    )
    told = digest(situation(), troubles=(dead,))
    assert AlertKind.DIGEST is told.kind
    assert "team: 3 messages wait; gone" == told.sections[-1].lines[0]


def row(client: str, method: Method) -> Payment:
    lines = (PaymentLine(LineTarget.INVOICE, "9001", 100),)
    return Payment(client_id=client, payment_id="5", currency="USD", total_minor=100, lines=lines, method=method)


def line(client: str, balance: int) -> TieLine:
    return TieLine(
        invoice=InvoiceRef(number="INV-1", bigtime="9001"),
        client=ClientRef(name=f"Client {client}", bigtime=client),
        currency="USD",
        bigtime_minor=balance,
        quickbooks_minor=balance,
        claimed_minor=0,
    )


def test_a_warning_names_clients_whose_credit_is_in_use_beside_open_posted_invoices() -> None:
    outlook = Outlook(
        payments=(row("1", Method.ACCOUNT_CREDIT), row("2", Method.MONEY), row("3", Method.ACCOUNT_CREDIT)),
        lines=(line("1", 1_500_00), line("1", 0), line("2", 100_00), line("3", 0)),
    )
    (warning,) = preflight_lines(outlook)
    said = "Client 1: 1 posted invoice with 1,500.00 USD open, and client credit is in use in BigTime. "
    assert f"{said}Credit them in QuickBooks only." == warning


def test_a_warning_names_open_credit_beside_overdue_invoices_and_automatic_application() -> None:
    beside = finding("F4", severity=Severity.S4, exposure_minor=390_00)
    outlook = Outlook(findings=(watched(beside),), preferences=Preferences(auto_apply_credit=True))
    first, second = preflight_lines(outlook)
    assert "Acme & Söhne: open credit in QuickBooks beside an overdue invoice, 390.00 USD could be applied." == first
    assert second.startswith("QuickBooks applies credits to invoices by itself")
