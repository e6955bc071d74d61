"""`tieout check` walks through all that can be wrong: each part is broken on purpose, named, and says what to do."""

import json
from collections.abc import Iterator
from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path

import pytest
from sqlalchemy import create_engine, text

from config.settings import load_settings
from connectors.sandbox.exchange import Reply
from connectors.sandbox.faults import Fault, FaultTable, Match, answer, bad_gateway
from sync.work import unwatched
from tests.faults.installation import Installation, installed

IN_ORDER = [
    "configuration",
    "database",
    "keys",
    "channels",
    "QuickBooks",
    "QuickBooks' settings",
    "clock",
    "connections",
    "BigTime",
    "BigTime's rights",
    "BigTime's words",
    "daemon",
    "call budget",
    "unreadable records",
]


@pytest.fixture
def faults() -> dict[str, FaultTable]:
    return {"quickbooks": FaultTable(), "bigtime": FaultTable()}


@pytest.fixture
def firm(tmp_path: Path, faults: dict[str, FaultTable]) -> Iterator[Installation]:
    with installed(tmp_path, **faults) as found:
        assert found.reconcile().code == 1
        yield found


def check(firm: Installation) -> tuple[int, dict[str, dict[str, object]], list[str]]:
    """Exit code, the lines by their part, and the parts in order."""
    said = firm.run("check", "--format", "json")
    assert said.document is not None
    lines = said.document["checks"]
    return said.code, {line["part"]: line for line in lines}, [line["part"] for line in lines]


def must_fail(firm: Installation, code: int, part: str, *words: str) -> None:
    got, lines, _ = check(firm)
    assert (got, lines[part]["works"]) == (code, False), lines
    for word in words:
        assert word in str(lines[part]["detail"]), lines[part]


def test_all_is_well_line_by_line_in_order(firm: Installation) -> None:
    code, lines, order = check(firm)
    assert (0, IN_ORDER) == (code, order), lines
    assert all(line["works"] for line in lines.values())


def test_a_database_that_others_can_read_is_closed_to_them(firm: Installation) -> None:
    firm.store.chmod(0o644)
    assert 0 == check(firm)[0]
    assert 0o600 == firm.store.stat().st_mode & 0o777


def test_a_database_of_a_later_version_is_named_and_the_configuration_is_said_to_be_right(firm: Installation) -> None:
    engine = create_engine(f"sqlite:///{firm.store}")
    with engine.begin() as connection:
        connection.execute(text("UPDATE alembic_version SET version_num = '9999'"))
    engine.dispose()
    code, lines, order = check(firm)
    assert (2, ["configuration", "database"]) == (code, order)
    assert "newer" in str(lines["database"]["detail"]) or "later" in str(lines["database"]["detail"])


def test_a_key_that_is_gone(firm: Installation) -> None:
    firm.key.unlink()
    must_fail(firm, 2, "keys", "ENCRYPTION_KEY", "tieout connect")


def test_a_channel_without_its_secret(firm: Installation) -> None:
    with firm.settings.open("a") as file:
        file.write('[[channels]]\nname = "team"\nkind = "slack"\n')
    must_fail(firm, 2, "channel team", "SLACK_WEBHOOK_URL_TEAM", "tieout alerts test team")


def test_a_channel_that_was_never_tried_says_how_to_try_it(firm: Installation) -> None:
    with firm.settings.open("a") as file:
        file.write('[[channels]]\nname = "team"\nkind = "slack"\n')
    secret = firm.key.with_name("TIEOUT_SLACK_WEBHOOK_URL_TEAM")
    secret.write_text("https://hooks.example.com/services/x")
    secret.chmod(0o600)
    code, lines, _ = check(firm)
    assert 0 == code
    assert "tieout alerts test team" in str(lines["channel team"]["detail"])


def test_a_connection_that_was_ended(firm: Installation) -> None:
    firm.served.quickbooks.tokens.revoke_all()
    firm.clock.advance(hours=2)
    must_fail(firm, 4, "QuickBooks", "tieout connect quickbooks")
    must_fail(firm, 4, "clock", "not tried: QuickBooks has to work first")


@pytest.mark.parametrize(
    ("old", "new"),
    [('realm_id = "9130', 'realm_id = "7770'), ('environment = "sandbox"', 'environment = "production"')],
)
def test_another_company_or_environment_than_the_connected_one(firm: Installation, old: str, new: str) -> None:
    firm.rewrite(old, new)
    must_fail(firm, 4, "QuickBooks", "realm_id", "environment", "tieout connect quickbooks")


def test_a_clock_that_is_wrong(firm: Installation, faults: dict[str, FaultTable]) -> None:
    def later(reply: Reply) -> Reply:
        document = json.loads(reply.body)
        document["time"] = (firm.clock.now() + timedelta(minutes=9)).isoformat()
        return replace(reply, body=json.dumps(document).encode())

    faults["quickbooks"].add(Fault(name="clock", change=later), on=Match(contains="preferences"), times=None)
    must_fail(firm, 2, "clock", "9 minutes behind Intuit's", "NTP")


@pytest.mark.parametrize(
    ("days", "code", "word"), [(29, 0, "unless it is used"), (6, 4, "tieout connect"), (-1, 4, "ended on")]
)
def test_a_connection_that_ends_soon(firm: Installation, days: int, code: int, word: str) -> None:
    engine = create_engine(f"sqlite:///{firm.store}")
    at = int((firm.clock.now() + timedelta(days=days)).timestamp() * 1_000_000)
    with engine.begin() as connection:
        connection.execute(text(f"UPDATE oauth_token SET refresh_expires_at = {at}"))
    engine.dispose()
    got, lines, _ = check(firm)
    assert code == got
    assert word in str(lines["connections"]["detail"])


def test_a_bigtime_key_that_is_not_known(firm: Installation, faults: dict[str, FaultTable]) -> None:
    faults["bigtime"].add(answer(401, '{"Message": "no"}'), times=None)
    must_fail(firm, 4, "BigTime", "token")
    must_fail(firm, 4, "BigTime's words", "not tried")


def test_a_bigtime_user_who_may_not_see_money(firm: Installation, faults: dict[str, FaultTable]) -> None:
    faults["bigtime"].add(answer(405, '{"Message": "no"}'), on=Match(path="/invoice"), times=None)
    must_fail(firm, 4, "BigTime's rights", "financial administrator")


def test_a_bigtime_user_who_sees_fewer_clients_than_before(firm: Installation, faults: dict[str, FaultTable]) -> None:
    for number in range(9):
        firm.served.world.add_client(f"Client {number}")
    assert firm.reconcile("--full").code == 1

    def fewer(reply: Reply) -> Reply:
        rows = json.loads(reply.body)
        return replace(reply, body=json.dumps(rows[:3]).encode())

    faults["bigtime"].add(Fault(name="fewer", change=fewer), on=Match(path="/client"), times=None)
    must_fail(firm, 2, "BigTime's rights", "shows 3 clients", "rights")


def test_a_word_that_nobody_has_configured(firm: Installation) -> None:
    world = firm.served.world
    invoice = next(iter(world.bigtime.invoices))
    world.bigtime.add_payment({invoice: "10.00"}, method="Barter", on=date(2026, 3, 4))
    must_fail(firm, 2, "BigTime's words", "Barter", "put each word into the list")


def verify_as_the_daemon_does(firm: Installation) -> None:
    with (
        firm.opening(load_settings(firm.settings)) as application,
        application.hold(application.settings.company(None), unwatched) as worker,
    ):
        worker.verify()


def test_a_daemon_that_does_not_run_any_more(firm: Installation) -> None:
    verify_as_the_daemon_does(firm)
    firm.clock.advance(days=3)
    must_fail(firm, 3, "daemon", "the last run began 3 days ago", "tieout run")


def test_without_a_daemon_an_old_reading_is_only_mentioned(firm: Installation) -> None:
    firm.clock.advance(days=3)
    code, lines, _ = check(firm)
    assert 0 == code
    assert "the last run began 3 days ago" in str(lines["daemon"]["detail"])


def test_a_reading_that_has_not_been_complete_for_days(firm: Installation, faults: dict[str, FaultTable]) -> None:
    verify_as_the_daemon_does(firm)
    firm.clock.advance(days=3)
    faults["bigtime"].add(bad_gateway(), times=None)
    assert firm.reconcile().code == 3
    faults["bigtime"].clear()
    must_fail(firm, 3, "daemon", "none was complete since 2026-03-04")


@pytest.mark.parametrize(("budget", "code", "word"), [(400, 0, "("), (12, 3, "nothing more is read")])
def test_a_call_budget_that_is_short(firm: Installation, budget: int, code: int, word: str) -> None:
    firm.rewrite("[companies.bigtime]", f"monthly_call_budget = {budget}\n[companies.bigtime]")
    got, lines, _ = check(firm)
    assert code == got, lines
    assert word in str(lines["call budget"]["detail"])


def poisoned(firm: Installation, faults: dict[str, FaultTable]) -> None:
    """A payment in BigTime whose amount is no number, read once."""

    def spoil(reply: Reply) -> Reply:
        rows = json.loads(reply.body)
        for row in rows:
            row["AppliedAmount"] = "two hundred"
        return replace(reply, body=json.dumps(rows).encode())

    faults["bigtime"].add(Fault(name="poison", change=spoil), on=Match(path="/payment"), times=None)
    assert firm.reconcile().code in (3, 5)
    faults["bigtime"].clear()


def test_a_record_that_cannot_be_read_is_listed_with_its_reason_until_it_can_be(
    firm: Installation, faults: dict[str, FaultTable], capsys: pytest.CaptureFixture[str]
) -> None:
    assert firm.run("findings", "unreadable").code == 0
    poisoned(firm, faults)
    listed = firm.run("findings", "unreadable", "--format", "json")
    assert listed.document is not None
    assert 3 == listed.code
    records = listed.document["records"]
    assert records
    assert {("bigtime", "payment")} == {(each["system"], each["kind"]) for each in records}
    assert all("in BigTime" in each["advice"] and each["reason"] and each["since"] for each in records)
    shown = firm.run("findings", "unreadable")
    assert "correct what the reason names" in shown.output
    _, lines, _ = check(firm)
    assert not lines["unreadable record"]["works"]
    assert firm.reconcile().code == 1
    assert firm.run("findings", "unreadable").code == 0
