"""What a person can get wrong, and what two systems, a disk and a database can do to a run.

Each time: one sentence that says what, where and what to do; the exit code of DESIGN §8; a JSON document all the
same; no traceback and no secret (`Installation.run` holds every command to that); and nothing is lost: as soon as the
cause is gone, the next run says what is right.
Source: facts/reliability.md A4, F11 to F27, F44.
"""

import re
import sqlite3
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Engine, event

from config.secret_lookup import new_encryption_key
from config.settings import load_settings
from connectors.sandbox.bigtime import PASSWORD, USER_ID, BigTimeApi, Staffer
from connectors.sandbox.clock import SimulatedClock
from connectors.sandbox.exchange import Reply
from connectors.sandbox.faults import (
    Fault,
    FaultTable,
    Match,
    bad_gateway,
    during,
    reset,
    throttled,
    truncated,
    unauthorized,
)
from connectors.sandbox.serving import serve_world
from connectors.sandbox.world import World
from sync.clocks import SystemClock
from sync.simulation import write_installation
from sync.work import unwatched
from tests.faults.installation import Answer, Installation, installed, must_be_right

_API = Match(path="/v3/company")  # QuickBooks' data, without the tokens
_NEVER_ENDS = None


@pytest.fixture
def quickbooks() -> FaultTable:
    return FaultTable()


@pytest.fixture
def bigtime() -> FaultTable:
    return FaultTable()


@pytest.fixture
def firm(tmp_path: Path, quickbooks: FaultTable, bigtime: FaultTable) -> Iterator[Installation]:
    with installed(tmp_path / "firm", quickbooks=quickbooks, bigtime=bigtime) as installation:
        yield installation


def must_say(answer: Answer, code: int, *words: str) -> None:
    """The command ended with this code, and one of its sentences has all of these words."""
    assert answer.code == code, answer.sentences
    lines = [line for line in answer.sentences.splitlines() if all(word in line for word in words)]
    assert lines, f"nothing says {words}: {answer.sentences}"


def bigtime_api(firm: Installation) -> BigTimeApi:
    api: Any = firm.served.bigtime._handler
    assert isinstance(api, BigTimeApi)
    return api


def rewriting(pattern: bytes, new: bytes) -> Fault:
    """The simulator's own reply with something else in it."""

    def change(reply: Reply) -> Reply:
        return replace(reply, body=re.sub(pattern, new, reply.body))

    return Fault(name="rewritten", change=change)


def test_without_any_of_this_the_mistake_is_found(firm: Installation) -> None:
    must_be_right(firm.reconcile())


# The configuration


def test_three_mistakes_in_the_settings_are_all_named_at_once(firm: Installation) -> None:
    good = firm.settings.read_text("utf-8")
    firm.rewrite('"America/New_York"', '"America/New_Yrok"')
    firm.rewrite('"9130347"', '"the realm"')
    firm.rewrite("history_start", "histroy_start")
    for answer in (firm.reconcile(), firm.run("check"), firm.run("findings")):
        must_say(answer, 2, "timezone", "America/New_Yrok", 'did you mean "America/New_York"?')
        must_say(answer, 2, "realm_id", "the realm", "digits only")
        must_say(answer, 2, "histroy_start", 'did you mean "history_start"?')
    firm.settings.write_text(good, "utf-8")
    must_be_right(firm.reconcile())


def test_another_realm_than_the_connected_one_needs_a_person(firm: Installation) -> None:
    firm.rewrite('"9130347"', '"9130348"')
    must_say(firm.reconcile(), 4, "quickbooks", "no connection to the configured company", "realm_id")
    firm.rewrite('"9130348"', '"9130347"')
    must_be_right(firm.reconcile())


def test_connecting_another_realm_than_the_configured_one_needs_a_person(firm: Installation) -> None:
    firm.rewrite('"9130347"', '"9130348"')
    must_say(firm.connect(), 4, "quickbooks", "realm_id", "tieout connect quickbooks")
    firm.rewrite('"9130348"', '"9130347"')
    assert firm.connect().code == 0
    must_be_right(firm.reconcile())


def test_another_firm_than_that_of_the_token_needs_a_person(firm: Installation) -> None:
    firm.rewrite(firm.served.firm, "other-firm")
    must_say(firm.reconcile(), 4, "bigtime", "not accepted for this firm", "tieout connect bigtime")
    firm.rewrite("other-firm", firm.served.firm)
    must_be_right(firm.reconcile())


def test_a_missing_encryption_key_is_named_with_the_places_it_was_looked_for(firm: Installation) -> None:
    key = firm.key.read_text()
    firm.key.unlink()
    must_say(firm.reconcile(), 2, "TIEOUT_ENCRYPTION_KEY", str(firm.key.parent), "put the earlier one back")
    must_say(firm.run("sync"), 2, "TIEOUT_ENCRYPTION_KEY")
    firm.key.write_text(key)
    firm.key.chmod(0o600)
    must_be_right(firm.reconcile())


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        (new_encryption_key(), ("stored secret", "not in the ring", "TIEOUT_ENCRYPTION_KEY", "connect again")),
        ("not a key", ("TIEOUT_ENCRYPTION_KEY", "not base64", "tieout init")),
    ],
    ids=["another key", "no key"],
)
def test_a_wrong_encryption_key_is_a_configuration_error(
    firm: Installation, wrong: str, words: tuple[str, ...]
) -> None:
    key = firm.key.read_text()
    firm.key.write_text(wrong)
    must_say(firm.reconcile(), 2, *words)
    firm.key.write_text(key)
    must_be_right(firm.reconcile())


def test_a_key_that_others_can_read_is_refused(firm: Installation) -> None:
    firm.key.chmod(0o644)
    must_say(firm.reconcile(), 2, str(firm.key), "chmod 600")
    firm.key.chmod(0o600)
    must_be_right(firm.reconcile())


# Access


def test_a_revoked_connection_needs_a_person(firm: Installation) -> None:
    firm.served.quickbooks.tokens.revoke_all()
    must_say(firm.reconcile(), 4, "quickbooks", "no longer accepts the stored access", "tieout connect quickbooks")
    assert firm.connect().code == 0
    must_be_right(firm.reconcile())


def test_a_revoked_bigtime_token_needs_a_person(firm: Installation) -> None:
    api = bigtime_api(firm)
    staffers, api.staffers = api.staffers, (Staffer(api_token="another"),)
    must_say(firm.reconcile(), 4, "bigtime", "API token", "tieout connect bigtime")
    api.staffers = staffers
    must_be_right(firm.reconcile())


def test_a_staffer_without_rights_to_money_needs_a_person(firm: Installation) -> None:
    api = bigtime_api(firm)
    staffers, api.staffers = api.staffers, (Staffer(may_read_money=False),)
    must_say(firm.reconcile(), 4, "bigtime", "lacks the right", "financial administrator rights")
    api.staffers = staffers
    must_be_right(firm.reconcile())


def test_rights_that_were_lost_silently_are_not_taken_for_deletions(firm: Installation) -> None:
    world = firm.served.world
    for number in range(12):
        client = world.add_client(f"Client {number}")
        world.post(world.bigtime.add_invoice(client, f"INV-2{number:02}", "10.00", on=date(2026, 3, 3)))
    must_be_right(firm.reconcile())
    api = bigtime_api(firm)
    staffers, api.staffers = api.staffers, (Staffer(visible_clients=frozenset({"301"})),)
    for _ in range(3):
        firm.clock.advance(hours=13)
        answer = firm.reconcile()
        must_say(answer, 3, "12 invoices", "lost rights", "Nothing was taken for deleted", "give the rights back")
        assert [code for code in answer.codes if code[0] != "G"] == ["A1"]
    api.staffers = staffers
    firm.clock.advance(hours=1)
    must_be_right(firm.reconcile())


def test_an_access_token_that_ends_in_the_middle_is_renewed(firm: Installation, quickbooks: FaultTable) -> None:
    quickbooks.add(during(firm.served.quickbooks.tokens.expire_access_tokens), on=_API, nth=3)
    must_be_right(firm.reconcile())
    assert quickbooks.pending == ()


def test_an_access_token_that_is_never_accepted_needs_a_person(firm: Installation, quickbooks: FaultTable) -> None:
    quickbooks.add(unauthorized(), on=_API, nth=3, times=_NEVER_ENDS)
    must_say(firm.reconcile(), 4, "quickbooks", "new access token is refused as well", "tieout connect quickbooks")
    quickbooks.clear()
    must_be_right(firm.reconcile())


def _log_in_as_user(firm: Installation, password: str) -> None:
    secret = firm.key.with_name("TIEOUT_BIGTIME_PASSWORD")
    secret.write_text(password)
    secret.chmod(0o600)
    firm.rewrite("history_start", f'user_id = "{USER_ID}"\nhistory_start')


def test_a_session_that_ends_in_the_middle_is_renewed(firm: Installation, bigtime: FaultTable) -> None:
    _log_in_as_user(firm, PASSWORD)
    bigtime.add(during(bigtime_api(firm).expire_sessions), on=Match(path="/payment/history"))
    must_be_right(firm.reconcile())
    assert bigtime.pending == ()


def test_a_wrong_password_needs_a_person(firm: Installation) -> None:
    _log_in_as_user(firm, "an old password")
    must_say(firm.reconcile(), 4, "bigtime", "user or password is not accepted for this firm")
    firm.key.with_name("TIEOUT_BIGTIME_PASSWORD").write_text(PASSWORD)
    must_be_right(firm.reconcile())


# Systems that do not answer


@pytest.mark.parametrize("fault", [bad_gateway(), reset(), truncated(10)], ids=lambda fault: fault.name)
def test_bigtime_that_is_down_leaves_the_run_incomplete(firm: Installation, bigtime: FaultTable, fault: Fault) -> None:
    bigtime.add(fault, times=_NEVER_ENDS)
    must_say(firm.reconcile(), 3, "BigTime was not read to the end", "the next run goes on")
    bigtime.clear()
    must_be_right(firm.reconcile())


def test_bigtime_behind_a_wrong_address_leaves_the_run_incomplete(firm: Installation) -> None:
    right, wrong = firm.served.bigtime_url, "http://127.0.0.1:1/BigtimeData/api/v2"
    firm.rewrite(right, wrong)
    must_say(firm.reconcile(), 3, "BigTime", "no connection could be made", "check the address")
    firm.rewrite(wrong, right)
    must_be_right(firm.reconcile())


_PASSING: list[Callable[[], Fault]] = [throttled, lambda: throttled("30"), bad_gateway, lambda: truncated(20), reset]


@pytest.mark.parametrize("fault", _PASSING, ids=["throttled", "throttled with a wait", "gateway", "cut off", "reset"])
def test_quickbooks_that_falters_in_the_middle_is_asked_again(
    firm: Installation, quickbooks: FaultTable, fault: Callable[[], Fault]
) -> None:
    quickbooks.add(fault(), on=_API, nth=2, times=2)
    must_be_right(firm.reconcile())
    assert quickbooks.pending == ()


def test_quickbooks_that_throttles_for_ever_leaves_the_run_incomplete(
    firm: Installation, quickbooks: FaultTable
) -> None:
    begun = firm.clock.now()
    quickbooks.add(throttled(), on=_API, nth=2, times=_NEVER_ENDS)
    must_say(firm.reconcile(), 3, "quickbooks", "asks for fewer calls", "next run", "429")
    passed = firm.clock.now() - begun
    assert len(quickbooks.struck) <= passed / timedelta(minutes=1) + 1
    quickbooks.clear()
    must_be_right(firm.reconcile())


def test_quickbooks_behind_a_broken_gateway_leaves_the_run_incomplete(
    firm: Installation, quickbooks: FaultTable
) -> None:
    quickbooks.add(bad_gateway(), on=_API, nth=2, times=_NEVER_ENDS)
    must_say(firm.reconcile(), 3, "quickbooks", "cannot answer now", "next run", "502")
    quickbooks.clear()
    must_be_right(firm.reconcile())


def test_a_person_reads_the_gap_without_json_too(firm: Installation, bigtime: FaultTable) -> None:
    bigtime.add(bad_gateway(), times=_NEVER_ENDS)
    shown = firm.run("reconcile")
    assert shown.code == 3
    assert "BigTime was not read to the end" in " ".join(shown.output.split())
    assert "incomplete" in shown.output


# Answers that nobody can understand


def test_a_poison_record_of_quickbooks_is_set_aside_and_named(firm: Installation, quickbooks: FaultTable) -> None:
    quickbooks.add(rewriting(rb'"TotalAmt":300(\.0+)?', b'"TotalAmt":"three hundred"'), on=Match(path="/cdc"))
    answer = firm.reconcile()
    must_say(answer, 3, "1 payment record(s) cannot be understood", "tieout findings unreadable")
    assert quickbooks.pending == ()
    assert {code for code in answer.codes if code[0] == "A"} == {"A1"}, "its neighbours are read"
    must_say(firm.reconcile(), 3, "cannot be understood")
    must_be_right(firm.reconcile("--full"))


def test_a_poison_record_of_quickbooks_is_read_once_somebody_has_corrected_it(
    firm: Installation, quickbooks: FaultTable
) -> None:
    quickbooks.add(rewriting(rb'"TotalAmt":300(\.0+)?', b'"TotalAmt":"three hundred"'), on=Match(path="/cdc"))
    must_say(firm.reconcile(), 3, "cannot be understood")
    firm.clock.advance(hours=2)
    books = firm.served.world.quickbooks
    books.edit_payment(str(books.objects("Payment")[0]["Id"]), note="corrected")
    firm.clock.advance(hours=1)
    must_be_right(firm.reconcile())


def test_a_poison_row_of_bigtime_is_set_aside_and_named(firm: Installation, bigtime: FaultTable) -> None:
    poison = rewriting(rb'"AppliedAmount":200(\.0+)?', b'"AppliedAmount":"two hundred"')
    bigtime.add(poison, on=Match(path="/payment/history"), times=_NEVER_ENDS)
    answer = firm.reconcile()
    must_say(answer, 3, "payment", "cannot be understood")
    bigtime.clear()
    firm.clock.advance(hours=1)
    must_be_right(firm.reconcile())


def test_an_answer_that_is_something_else_is_not_understood(firm: Installation, bigtime: FaultTable) -> None:
    bigtime.add(rewriting(rb"(?s).*", b'{"rows": "none"}'), on=Match(path="/payment/history"), times=_NEVER_ENDS)
    must_say(firm.reconcile(), 5, "bigtime", "payment history")
    bigtime.clear()
    must_be_right(firm.reconcile())


# The database


def test_a_database_of_a_newer_version_is_left_alone(firm: Installation) -> None:
    def set_revision(revision: str) -> str:
        with closing(sqlite3.connect(firm.store)) as connection, connection:
            known = str(connection.execute("SELECT version_num FROM alembic_version").fetchone()[0])
            connection.execute("UPDATE alembic_version SET version_num = ?", (revision,))
        return known

    known = set_revision("9999")
    before = firm.store.read_bytes()
    must_say(firm.reconcile(), 2, "database", "9999", "run the newer version")
    assert firm.store.read_bytes() == before
    set_revision(known)
    must_be_right(firm.reconcile())


def test_a_file_that_is_no_database_is_left_alone(firm: Installation) -> None:
    good = firm.store.read_bytes()
    firm.store.write_bytes(b"no database " * 1000)
    must_say(firm.reconcile(), 2, str(firm.store), "not a sound SQLite database", "backup")
    firm.store.write_bytes(good)
    must_be_right(firm.reconcile())


@contextmanager
def full_disk() -> Iterator[None]:
    """No database file of this process can grow until the end of the block."""

    def limit(connection: sqlite3.Connection, _entry: object) -> None:
        pages = connection.execute("PRAGMA page_count").fetchone()[0]
        connection.execute(f"PRAGMA max_page_count = {pages}")

    event.listen(Engine, "connect", limit)
    try:
        yield
    finally:
        event.remove(Engine, "connect", limit)


def test_a_full_disk_keeps_what_was_there_and_loses_nothing_that_comes(firm: Installation) -> None:
    client = firm.served.world.add_client("Many Invoices Inc.")
    for number in range(300):
        invoice = firm.served.world.bigtime.add_invoice(client, f"INV-{2000 + number}", "10.00", on=date(2026, 3, 4))
        firm.served.world.post(invoice)
    with full_disk():
        must_say(firm.reconcile(), 2, str(firm.store), "disk is full", "make room and run again")
    assert firm.run("findings").code in (0, 1)
    assert firm.run("audit", "verify").code == 0
    must_be_right(firm.reconcile())


# Two workers


def test_a_company_that_another_worker_holds_is_busy(firm: Installation) -> None:
    settings = load_settings(firm.settings)
    with firm.opening(settings) as application, application.hold(settings.company(None), unwatched):
        must_say(firm.reconcile(), 6, "demo is held by", "try later")
        assert firm.run("sync").code == 6
    must_be_right(firm.reconcile())


def test_of_two_processes_one_works_and_the_other_is_busy(tmp_path: Path) -> None:
    clock, faults = SimulatedClock(SystemClock().now()), FaultTable()
    with serve_world(World(clock), quickbooks_faults=faults) as served:
        path = write_installation(tmp_path / "firm", served, history_start="2026-01-01")
        token = served.connect().refresh_token
        connecting = _process(path, "connect", "quickbooks", "--refresh-token", "-", given=token)
        assert (connecting.wait(60), "Traceback" in _errors(connecting)) == (0, False)
        met, over = threading.Event(), threading.Event()

        def hold_up() -> None:
            met.set()
            over.wait(60)

        faults.add(during(hold_up), on=_API)
        first = _process(path, "reconcile", "--format", "json")
        assert met.wait(60), "the first is at work"
        second = _process(path, "reconcile", "--format", "json")
        assert (second.wait(60), "is held by" in _errors(second)) == (6, True)
        over.set()
        assert (first.wait(60), _errors(first)) == (0, "")
        assert served.complaints == ()


def _process(settings: Path, *arguments: str, given: str = "") -> "subprocess.Popen[str]":
    process = subprocess.Popen(
        [sys.executable, "-m", "sync", *arguments, "--config", str(settings)],
        stdin=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
        cwd=Path(__file__).parents[2],
    )
    assert process.stdin is not None
    if given:
        process.stdin.write(given)
    process.stdin.close()
    return process


def _errors(process: "subprocess.Popen[str]") -> str:
    """What a process that has ended wrote to standard error."""
    assert process.stderr is not None
    with process.stderr:
        return process.stderr.read()
