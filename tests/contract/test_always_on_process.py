"""`tieout run` as a real process, with its own clock and real signals, against both simulators and both databases."""

import json
import os
import re
import signal
import socket
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from datetime import timedelta
from http.client import HTTPConnection
from pathlib import Path

import pytest
from sqlalchemy import create_engine, text

from config.settings import load_settings
from connectors.quickbooks.webhooks import sign
from connectors.sandbox.bigtime_ledger import BigTimeLedger
from connectors.sandbox.clock import SimulatedClock
from connectors.sandbox.faults import FaultTable, slow_headers
from connectors.sandbox.quickbooks_ledger import QuickBooksLedger
from connectors.sandbox.serving import ServedWorld, serve_world
from connectors.sandbox.world import World
from sync.app import open_application
from sync.clocks import SystemClock
from sync.simulation import keep_time

ROOT = Path(__file__).parents[2]
KEY = "A" * 43 + "="


class Office:
    """Several served firms, one installation for all of them, and the daemons started on it."""

    def __init__(
        self, folder: Path, served: dict[str, ServedWorld], *, url: str, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        self.served = served
        self.url = url
        self.port = free_port()
        self.path = folder / "tieout.toml"
        self.path.write_text("\n".join([self._head(), *(company(alias, each) for alias, each in served.items())]))
        first = next(iter(served.values()))
        for name, value in {
            "TIEOUT_QUICKBOOKS_CLIENT_SECRET": first.quickbooks_client[1],
            "TIEOUT_BIGTIME_API_TOKEN": first.bigtime_api_token,
            "TIEOUT_ENCRYPTION_KEY": KEY,
            "TIEOUT_QUICKBOOKS_WEBHOOK_TOKEN": "verifier",
        }.items():
            monkeypatch.setenv(name, value)
        with open_application(load_settings(self.path)) as application:
            for each in application.settings.companies:
                access = application.access(each)
                token = served[each.alias].connect().refresh_token
                access.save_quickbooks_tokens(access.authority().refresh(token))

    def _head(self) -> str:
        return f'[store]\nurl = "{self.url}"\n[daemon]\nhealth = "127.0.0.1:{self.port}"\n[logging]\nlevel = "info"\n'

    @contextmanager
    def daemon(self, *arguments: str, **environment: str) -> Iterator[subprocess.Popen[str]]:
        process = subprocess.Popen(
            [sys.executable, "-m", "sync", "run", "--config", str(self.path), *arguments],
            cwd=ROOT,
            env={**os.environ, **environment},
            stderr=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            text=True,
        )
        try:
            yield process
        finally:
            process.kill()
            process.communicate()

    def runs(self) -> list[tuple[str, str, str]]:
        """(company, kind, verdict) of all runs; the verdict is "" while a run goes on."""
        engine = create_engine(re.sub(r"^postgresql:", "postgresql+psycopg:", self.url))
        query = (
            "SELECT alias, kind, verdict FROM run JOIN company ON company.id = run.company_id ORDER BY alias, number"
        )
        try:
            with engine.connect() as connection:
                return [(alias, kind, verdict or "") for alias, kind, verdict in connection.execute(text(query))]
        finally:
            engine.dispose()

    @contextmanager
    def locked_database(self) -> Iterator[None]:
        """Nobody else can read or write the tables that a turn begins with."""
        engine = create_engine(re.sub(r"^postgresql:", "postgresql+psycopg:", self.url))
        is_sqlite = engine.dialect.name == "sqlite"
        try:
            with engine.connect() as connection:
                connection.exec_driver_sql("BEGIN EXCLUSIVE" if is_sqlite else "LOCK TABLE run, company, lease")
                yield
                connection.rollback()
        finally:
            engine.dispose()

    def wait(self, holds: Callable[[], bool], *, seconds: float = 60) -> None:
        until = time.monotonic() + seconds
        while time.monotonic() < until:
            with suppress(OSError):
                if holds():
                    return
            time.sleep(0.1)
        raise AssertionError(f"it did not come to that within {seconds} seconds; runs: {self.runs()}")

    def fetch(self, path: str) -> tuple[int, str]:
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{self.port}{path}", timeout=5) as answer:
                return answer.status, answer.read().decode()
        except urllib.error.HTTPError as error:
            with error:
                return error.code, error.read().decode()


def company(alias: str, served: ServedWorld) -> str:
    return f"""
[[companies]]
alias = "{alias}"
[companies.quickbooks]
realm_id = "{served.realm_id}"
environment = "sandbox"
client_id = "{served.quickbooks_client[0]}"
base_url = "{served.quickbooks_url}"
discovery_url = "{served.discovery_url}"
[companies.bigtime]
firm = "{served.firm}"
base_url = "{served.bigtime_url}"
history_start = {(SystemClock().now() - timedelta(days=60)).date()}
"""


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def new_world(number: int) -> World:
    clock = SimulatedClock(SystemClock().now())
    books = QuickBooksLedger(clock, realm_id=f"913034{number}")
    world = World(clock, quickbooks=books, bigtime=BigTimeLedger(clock, firm=f"abc{number}-4567-fgr4"))
    client = world.add_client("Canary & Sons")
    world.post(world.bigtime.add_invoice(client, "INV-101", "1000.00", on=clock.now().date()))
    return world


@pytest.fixture
def faults() -> FaultTable:
    return FaultTable()


@pytest.fixture
def offices(faults: FaultTable, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Callable[..., Office]]:
    """Makes an office of so many firms on a database; `faults` strike the BigTime of the first of them."""
    with ExitStack() as opened:

        def make(*, firms: int = 1, url: str = "") -> Office:
            served = {}
            for number in range(firms):
                world = new_world(number)
                tables = faults if number == 0 else FaultTable()
                served[f"firm-{number}"] = opened.enter_context(serve_world(world, bigtime_faults=tables))
                threading.Thread(target=keep_time, args=(world, SystemClock()), daemon=True).start()
            return Office(tmp_path, served, url=url or f"sqlite:///{tmp_path / 'tieout.db'}", monkeypatch=monkeypatch)

        yield make


def test_a_signal_ends_an_idle_daemon_at_once_and_in_good_order(offices: Callable[..., Office]) -> None:
    office = offices()
    with office.daemon() as process:
        office.wait(lambda: [verdict for *_, verdict in office.runs()] == ["clean"])
        assert 200 == office.fetch("/readyz")[0]
        began = time.monotonic()
        process.send_signal(signal.SIGTERM)
        _, said = process.communicate(timeout=15)
        assert (0, True) == (process.returncode, time.monotonic() - began < 5), said
        assert "tieout: stopped" in said


def test_a_signal_in_a_hanging_call_ends_within_ten_seconds_and_gives_the_company_back(
    offices: Callable[..., Office], faults: FaultTable
) -> None:
    office = offices()
    faults.add(slow_headers(100))
    with office.daemon() as process:
        office.wait(lambda: faults.struck != [])
        began = time.monotonic()
        process.send_signal(signal.SIGTERM)
        _, said = process.communicate(timeout=20)
        seconds = time.monotonic() - began
    assert (0, True) == (process.returncode, seconds < 10), (seconds, said)
    assert "in the middle of a turn of firm-0" in said
    assert [("firm-0", "reconcile", "")] == office.runs()
    engine = create_engine(office.url)
    with engine.connect() as connection:
        assert [(None,)] == [tuple(row) for row in connection.execute(text("SELECT owner FROM lease"))]
    engine.dispose()


def test_one_companys_trouble_does_not_delay_another(offices: Callable[..., Office], faults: FaultTable) -> None:
    office = offices(firms=3)
    faults.add(slow_headers(100), times=None)
    with office.daemon() as process:
        office.wait(lambda: [each[0] for each in office.runs() if each[2] == "clean"] == ["firm-1", "firm-2"])
        assert ("firm-0", "reconcile", "") in office.runs()
        assert 'tieout_turns_total{company="firm-1",result="clean"} 1.0' in office.fetch("/metrics")[1]
        assert 200 == office.fetch("/healthz")[0]
        process.send_signal(signal.SIGTERM)
        assert 0 == process.wait(timeout=15)


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["sqlite", "postgresql"])
def test_two_daemons_on_one_database_do_the_work_once(
    offices: Callable[..., Office], kind: str, request: pytest.FixtureRequest
) -> None:
    url = request.getfixturevalue("postgres_url") if kind == "postgresql" else ""
    office = offices(firms=3, url=url)
    with office.daemon(), office.daemon(TIEOUT_DAEMON__HEALTH=f"127.0.0.1:{free_port()}"):
        office.wait(lambda: len([each for each in office.runs() if each[2] == "clean"]) == 3)
        time.sleep(35)  # longer than a daemon waits that found a company busy
        assert [(f"firm-{number}", "reconcile", "clean") for number in range(3)] == office.runs()


@pytest.mark.slow
def test_a_daemon_that_was_killed_is_taken_over(offices: Callable[..., Office], faults: FaultTable) -> None:
    office = offices()
    faults.add(slow_headers(100))
    with office.daemon(TIEOUT_WORKER__LEASE_SECONDS="30") as process:
        office.wait(lambda: faults.struck != [])
        process.kill()
        process.wait()
    with office.daemon(TIEOUT_WORKER__LEASE_SECONDS="30"):
        office.wait(lambda: office.runs()[-1][2] == "clean", seconds=120)  # a minute after the one that broke off
    assert 2 == len(office.runs())


@pytest.mark.slow
def test_webhooks_are_answered_without_the_database_and_bring_the_turn_forward(offices: Callable[..., Office]) -> None:
    office = offices(firms=2)
    port = free_port()
    with office.daemon("--webhooks", f"127.0.0.1:{port}") as process:
        office.wait(lambda: len([each for each in office.runs() if each[2] == "clean"]) == 2)
        with office.locked_database():
            for number in range(50):
                deliver(port, office.served["firm-1"].realm_id, event=number)
        assert 401 == post(port, b"[]", "forged")
        assert 413 == post(port, b"x" * 3_000_000, "forged")
        office.wait(lambda: [alias for alias, *_ in office.runs()] == ["firm-0", "firm-1", "firm-1"], seconds=90)
        assert 'tieout_webhook_events_total{outcome="accepted"} 50.0' in office.fetch("/metrics")[1]
        process.send_signal(signal.SIGTERM)
        assert 0 == process.wait(timeout=15)


def deliver(port: int, realm: str, *, event: int) -> None:
    kind = "qbo.payment.created.v1"
    body = json.dumps([{"specversion": "1.0", "id": str(event), "type": kind, "intuitaccountid": realm}]).encode()
    assert 200 == post(port, body, sign(body, "verifier"))


def post(port: int, body: bytes, signature: str) -> int:
    connection = HTTPConnection("127.0.0.1", port, timeout=5)
    try:
        with suppress(BrokenPipeError, ConnectionResetError):
            connection.request("POST", "/webhooks/quickbooks", body=body, headers={"intuit-signature": signature})
        return connection.getresponse().status
    finally:
        connection.close()


def test_the_service_manager_hears_of_the_start_the_life_and_the_end(
    offices: Callable[..., Office], tmp_path: Path
) -> None:
    office = offices()
    heard: list[str] = []
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as listening:
        listening.bind(str(tmp_path / "notify"))
        listening.settimeout(20)
        with office.daemon(NOTIFY_SOCKET=str(tmp_path / "notify"), WATCHDOG_USEC="30000000") as process:
            while not any("STOPPING" in message for message in heard):
                heard.append(listening.recv(4096).decode())
                if len(heard) == 4:
                    process.send_signal(signal.SIGTERM)
            process.communicate(timeout=15)
    assert heard[0].startswith("READY=1\nSTATUS=works on firm-0")
    assert "WATCHDOG=1" in heard


def test_an_address_that_is_taken_is_named_and_nothing_is_begun(offices: Callable[..., Office]) -> None:
    office = offices()
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", office.port))
        taken.listen()
        with office.daemon() as process:
            _, said = process.communicate(timeout=30)
    assert 2 == process.returncode
    assert "daemon.health" in said
    assert [] == office.runs()


def test_webhooks_without_a_verifier_token_are_refused(
    offices: Callable[..., Office], monkeypatch: pytest.MonkeyPatch
) -> None:
    office = offices()
    monkeypatch.delenv("TIEOUT_QUICKBOOKS_WEBHOOK_TOKEN")
    with office.daemon("--webhooks", f"127.0.0.1:{free_port()}") as process:
        _, said = process.communicate(timeout=30)
    assert 2 == process.returncode
    assert "QUICKBOOKS_WEBHOOK_TOKEN" in said
