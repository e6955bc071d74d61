"""The daemon's turns against both simulators, by a clock that is set forward: beats, nights, webhooks, trouble."""

import json
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from datetime import UTC, date, datetime, timedelta
from http.client import HTTPConnection
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from config.settings import CompanySettings, Settings, load_settings
from connectors.quickbooks.webhooks import sign
from connectors.sandbox.clock import SimulatedClock
from connectors.sandbox.faults import FaultTable, bad_gateway
from connectors.sandbox.serving import ServedWorld, serve_world
from connectors.sandbox.world import World
from sync.answering import AnsweringServer
from sync.app import Application, open_application
from sync.beats import KINDS
from sync.company_turns import CompanyTask
from sync.daemon import Heartbeat
from sync.dispatching import Dispatcher
from sync.monitoring import Watched, routes_of
from sync.simulation import settings_text
from sync.webhook_intake import WEBHOOK_PATH, WebhookIntake, WebhookRoute

START = datetime(2026, 3, 2, 15, 0, tzinfo=UTC)  # a Monday, ten in the morning in New York


class Firm:
    """A served world and an installation for it, whose daemons are ticked by hand."""

    def __init__(self, folder: Path, served: ServedWorld, clock: SimulatedClock, *, url: str = "") -> None:
        self.served, self.world, self.clock = served, served.world, clock
        self.path = folder / "tieout.toml"
        text = settings_text(served, history_start="2026-01-01")
        self.path.write_text(text.replace("sqlite:///tieout.db", url) if url else text)
        self.environment = {
            "TIEOUT_QUICKBOOKS_CLIENT_SECRET": served.quickbooks_client[1],
            "TIEOUT_BIGTIME_API_TOKEN": served.bigtime_api_token,
            "TIEOUT_ENCRYPTION_KEY": "A" * 43 + "=",
        }
        client = self.world.add_client("Canary & Sons")
        self.invoice = self.world.bigtime.add_invoice(client, "INV-101", "1000.00", on=date(2026, 3, 2))
        self.world.post(self.invoice)

    def settings(self) -> Settings:
        return load_settings(self.path)


class Running:
    """One daemon on a firm: its parts, without the ticker."""

    def __init__(self, application: Application, firm: Firm) -> None:
        self.application = application
        self.clock = firm.clock
        companies = application.settings.companies
        self.tasks = [
            CompanyTask(company, application, application.settings.daemon, company_count=len(companies))
            for company in companies
        ]
        self.heartbeat = Heartbeat(firm.clock)
        self.dispatcher = Dispatcher(self.tasks, firm.clock, spawn=lambda name, work: work())

    def live(self, *, minutes: int) -> None:
        """Tick every ten seconds for so long."""
        for _ in range(minutes * 6):
            self.tick()
            self.clock.advance(seconds=10)

    def tick(self) -> None:
        self.dispatcher.tick()
        self.heartbeat.beat()

    def watched(self, counts: Callable[[], dict[str, int]] = dict) -> Watched:
        return Watched(
            clock=self.clock,
            heartbeat=self.heartbeat,
            dispatcher=self.dispatcher,
            tasks=self.tasks,
            overview=self.application.overview,
            month_calls=self.application.month_calls,
            outbox_depth=self.application.outbox_depth,
            webhook_counts=counts,
        )


@pytest.fixture
def faults() -> FaultTable:
    return FaultTable()


@contextmanager
def new_firm(folder: Path, faults: FaultTable, *, url: str = "") -> Iterator[Firm]:
    clock = SimulatedClock(START)
    with serve_world(World(clock), bigtime_faults=faults) as served:
        yield Firm(folder, served, clock, url=url)
        assert () == served.complaints


@pytest.fixture
def firm(tmp_path: Path, faults: FaultTable, monkeypatch: pytest.MonkeyPatch) -> Iterator[Firm]:
    with new_firm(tmp_path, faults) as made:
        for name, value in made.environment.items():
            monkeypatch.setenv(name, value)
        with open_application(made.settings(), clock=made.clock) as application:
            connect(application, application.settings.company(None), made)
        yield made


def connect(application: Application, company: CompanySettings, firm: Firm) -> None:
    access = application.access(company)
    access.save_quickbooks_tokens(access.authority().refresh(firm.served.connect().refresh_token))


@pytest.fixture
def running(firm: Firm) -> Iterator[Running]:
    with open_application(firm.settings(), clock=firm.clock) as application:
        yield Running(application, firm)


def runs_of(application: Application, alias: str = "demo") -> list[tuple[str, str]]:
    """(kind, verdict) of all runs, oldest first."""
    with application._store._engine.connect() as connection:
        rows = connection.exec_driver_sql(
            "SELECT kind, verdict FROM run JOIN company ON company.id = run.company_id "
            f"WHERE alias = '{alias}' ORDER BY number"
        )
        return [(kind, verdict or "") for kind, verdict in rows]


def test_a_company_is_read_every_quarter_of_an_hour(running: Running) -> None:
    running.live(minutes=61)
    assert [("reconcile", "clean")] * 5 == runs_of(running.application)
    assert ("clean", 900.0) == (running.tasks[0].summary().result, running.tasks[0].summary().beat_seconds)


def test_a_mistake_is_found_in_the_next_turn(running: Running, firm: Firm) -> None:
    running.live(minutes=1)
    firm.clock.advance(hours=25)
    running.live(minutes=16)
    firm.world.bigtime.apply_account_credit(firm.invoice, "200.00", on=date(2026, 3, 3))
    running.live(minutes=31)
    assert "findings" == running.tasks[0].summary().result
    standing = running.application.overview(running.tasks[0].company).load_standing(KINDS)
    assert 1 == standing.findings["S1", "open"]


def test_the_night_compares_everything_anew_and_finds_no_difference(running: Running, firm: Firm) -> None:
    running.live(minutes=1)
    firm.world.bigtime.apply_account_credit(firm.invoice, "200.00", on=date(2026, 3, 3))
    firm.clock.advance(hours=15)  # 01:01 in New York
    running.live(minutes=120)
    kinds = [kind for kind, _ in runs_of(running.application)]
    assert 1 == kinds.count("verify")
    assert 0 == running.tasks[0].summary().differences
    certificate = running.application.overview(running.tasks[0].company).load_certificates(("verify",), most=1)[0]
    assert [] == json.loads(certificate)["differences"]


def test_a_difference_in_the_night_is_reported_and_healed(
    running: Running, firm: Firm, caplog: pytest.LogCaptureFixture
) -> None:
    running.live(minutes=1)
    firm.clock.advance(days=2)
    running.live(minutes=16)
    firm.world.bigtime.apply_account_credit(firm.invoice, "200.00", on=date(2026, 3, 4))
    firm.clock.advance(days=1)
    running.live(minutes=16)
    with running.application._store._engine.begin() as connection:
        assert 1 == connection.exec_driver_sql("DELETE FROM tie_line").rowcount
        lost = connection.exec_driver_sql("UPDATE finding SET status = 'resolved', resolved_at = first_seen")
        assert 1 == lost.rowcount
    firm.clock.advance(hours=17)
    running.live(minutes=1)
    assert 2 == running.tasks[0].summary().differences
    assert "gave another result" in caplog.text
    standing = running.application.overview(running.tasks[0].company).load_standing(KINDS)
    assert 1 == standing.findings["S1", "open"]


def test_the_week_reads_everything_anew(running: Running, firm: Firm) -> None:
    running.live(minutes=1)
    firm.clock.advance(days=6, hours=17)  # Sunday, 03:01 in New York
    running.live(minutes=16)
    assert ["reconcile", "sweep"] == [kind for kind, _ in runs_of(running.application)][:2]
    assert 1 == [kind for kind, _ in runs_of(running.application)].count("verify")
    assert {"clean"} == {verdict for _, verdict in runs_of(running.application)}


def test_a_persons_own_run_counts_as_the_turn_that_it_was(running: Running, firm: Firm) -> None:
    running.live(minutes=5)
    with running.application.hold(running.tasks[0].company, lambda step, done, total: None) as worker:
        worker.reconcile()
        worker.reconcile(no_pull=True)
    running.live(minutes=14)
    assert ["reconcile", "reconcile", "compare"] == [kind for kind, _ in runs_of(running.application)]


def test_two_daemons_on_one_database_share_the_beats(
    store_url: str, tmp_path: Path, faults: FaultTable, monkeypatch: pytest.MonkeyPatch
) -> None:
    with new_firm(tmp_path, faults, url=store_url) as firm, ExitStack() as opened:
        for name, value in firm.environment.items():
            monkeypatch.setenv(name, value)
        settings = firm.settings()
        both = [Running(opened.enter_context(open_application(settings, clock=firm.clock)), firm) for _ in range(2)]
        connect(both[0].application, settings.company(None), firm)
        for _ in range(61 * 6):
            for daemon in both:
                daemon.tick()
                firm.clock.advance(seconds=5)
        assert [("reconcile", "clean")] * 5 == runs_of(both[0].application)


def test_a_short_budget_stretches_the_beat(running: Running, monkeypatch: pytest.MonkeyPatch) -> None:
    running.live(minutes=61)
    monkeypatch.setattr(running.application, "month_calls", lambda: 500_000 * 80 // 100 - 700)
    running.live(minutes=15)
    beat, before = running.tasks[0].summary().beat_seconds, len(runs_of(running.application))
    assert 1_800 < beat < 21_600
    running.live(minutes=180)
    assert 1 <= len(runs_of(running.application)) - before <= 180 * 60 // beat + 1


def test_a_connection_that_ends_soon_is_said_once_for_each_level(
    running: Running, firm: Firm, caplog: pytest.LogCaptureFixture
) -> None:
    running.live(minutes=1)
    with running.application._store._engine.begin() as connection:
        at = int((firm.clock.now() + timedelta(days=6)).timestamp() * 1_000_000)
        connection.exec_driver_sql(f"UPDATE oauth_token SET hard_expires_at = {at}")
    running.live(minutes=31)
    assert 1 == sum("whatever is done" in record.getMessage() for record in caplog.records)
    checked = running.application.check_connection_ends(running.tasks[0].company)
    assert (False, 4) == (checked.works, checked.exit_code)


def test_a_company_that_somebody_else_works_on_is_tried_again_soon(running: Running, firm: Firm) -> None:
    with running.application.hold(running.tasks[0].company, lambda step, done, total: None):
        running.live(minutes=2)
        assert [] == runs_of(running.application)
        assert "busy" == running.tasks[0].summary().result
    running.live(minutes=1)
    assert [("reconcile", "clean")] == runs_of(running.application)


def test_webhooks_bring_the_turn_forward_over_real_http(running: Running, firm: Firm) -> None:
    route = WebhookRoute(alias="demo", realm_id=firm.served.realm_id, verifier_token="verifier")

    def mark(alias: str) -> None:
        running.dispatcher.want(alias, since=firm.clock.now(), in_seconds=10)

    intake = WebhookIntake([route], mark)
    server = AnsweringServer("127.0.0.1", 0, {("POST", WEBHOOK_PATH): intake.receive}, largest_body_bytes=100_000)
    server.start()
    try:
        running.live(minutes=3)
        for event in ("1", "1", "2"):
            assert 200 == deliver(server, firm.served.realm_id, event, token="verifier")
        assert 401 == deliver(server, firm.served.realm_id, "3", token="guessed")
        running.live(minutes=1)
        assert 2 == len(runs_of(running.application))
        assert 200 == deliver(server, firm.served.realm_id, "1", token="verifier")
        running.live(minutes=10)
        assert 2 == len(runs_of(running.application))
    finally:
        server.stop()


def deliver(server: AnsweringServer, realm: str, event: str, *, token: str) -> int:
    kind = "qbo.payment.created.v1"
    body = json.dumps([{"specversion": "1.0", "id": event, "type": kind, "intuitaccountid": realm}]).encode()
    headers = {"intuit-signature": sign(body, token), "Content-Type": "application/cloudevents+json"}
    parts = urlsplit(server.url)
    connection = HTTPConnection(str(parts.hostname), parts.port, timeout=5)
    try:
        connection.request("POST", WEBHOOK_PATH, body=body, headers=headers)
        return connection.getresponse().status
    finally:
        connection.close()


def test_a_broken_system_is_incomplete_and_tried_again_at_the_beat(
    running: Running, firm: Firm, faults: FaultTable
) -> None:
    running.live(minutes=1)
    faults.add(bad_gateway(), times=None)
    running.live(minutes=16)
    assert "incomplete" == running.tasks[0].summary().result
    verified = running.application.overview(running.tasks[0].company).load_standing(KINDS).judged.complete_at
    assert verified is not None
    assert verified < firm.clock.now() - timedelta(minutes=15)
    faults.clear()
    running.live(minutes=15)
    assert "clean" == running.tasks[0].summary().result


def test_the_health_paths_answer_over_real_http(running: Running, firm: Firm) -> None:
    server = AnsweringServer("127.0.0.1", 0, routes_of(running.watched()), hosts=frozenset({"127.0.0.1"}))
    server.start()
    try:
        running.live(minutes=1)
        running.tick()
        assert (200, "ok") == health(server, "/healthz")
        status, text = fetch(server, "/metrics")
        assert 200 == status
        figures = figures_in(text)
        assert 1 == figures['tieout_turns_total{company="demo",result="clean"}']
        assert 50 < figures['tieout_verified_age_seconds{company="demo"}'] <= 60
        assert 0 == figures['tieout_findings{company="demo",severity="S1",status="open"}']
        assert figures["tieout_calls_used"] > 0
        assert figures['tieout_calls_forecast{company="demo"}'] > 1000
        assert 500_000 == figures['tieout_calls_budget{company="demo"}']
        assert 0 == figures['tieout_outbox_messages{state="pending"}']
        assert (
            99 * 86_400 < figures['tieout_connection_ends_seconds{company="demo",kind="rolling",provider="quickbooks"}']
        )
        assert "Canary" not in text
        ready = json.loads(fetch(server, "/readyz")[1])
        assert ("clean", "clean") == (ready["companies"]["demo"]["verdict"], ready["companies"]["demo"]["last_turn"])
        firm.clock.advance(seconds=60)
        assert (503, "failing") == health(server, "/healthz")
        assert 503 == fetch(server, "/readyz")[0]
    finally:
        server.stop()


def fetch(server: AnsweringServer, path: str) -> tuple[int, str]:
    try:
        with urllib.request.urlopen(server.url + path, timeout=5) as answer:
            return answer.status, answer.read().decode()
    except urllib.error.HTTPError as error:
        with error:
            return error.code, error.read().decode()


def health(server: AnsweringServer, path: str) -> tuple[int, str]:
    status, text = fetch(server, path)
    return status, json.loads(text)["status"]


def figures_in(text: str) -> dict[str, float]:
    lines = [line.rpartition(" ") for line in text.splitlines() if line and not line.startswith("#")]
    return {name: float(value) for name, _, value in lines}
