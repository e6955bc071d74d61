"""The commands against both simulators: what a person and a script see, from connecting to disconnecting."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import AbstractContextManager
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from config.settings import Settings, load_settings
from connectors.sandbox.clock import SimulatedClock
from connectors.sandbox.faults import FaultTable, answer, bad_gateway
from connectors.sandbox.serving import ServedWorld, serve_world
from connectors.sandbox.world import World
from sync.app import Application, open_application
from sync.cli.invocation import Invocation
from sync.cli.program import program
from sync.clocks import SystemClock
from sync.simulation import settings_text
from sync.work import unwatched

ROOT = Path(__file__).parents[2]
START = datetime(2026, 3, 2, 15, 0, tzinfo=UTC)
CLIENT = "Hush-Hush Canary & Söhne"


class Firm:
    """A served world with one client and one credited invoice, and a folder with an installation for it."""

    def __init__(self, folder: Path, served: ServedWorld, clock: SimulatedClock) -> None:
        self.folder = folder
        self.served = served
        self.world = served.world
        self.clock = clock
        self.path = folder / "tieout.toml"
        self.path.write_text(settings_text(served, history_start="2026-01-01"))
        self.secrets = {
            "TIEOUT_QUICKBOOKS_CLIENT_SECRET": served.quickbooks_client[1],
            "TIEOUT_BIGTIME_API_TOKEN": served.bigtime_api_token,
        }

    def opening(self, settings: Settings) -> AbstractContextManager[Application]:
        return open_application(settings, clock=self.clock)

    def run(self, *arguments: str, given: str = "", environment: dict[str, str] | None = None) -> Result:
        return CliRunner().invoke(
            program,
            [*arguments, "--config", str(self.path)],
            obj=Invocation(opening=self.opening),
            input=given,
            env=self.secrets if environment is None else environment,
        )

    def connect(self) -> Result:
        return self.run("connect", "quickbooks", "--refresh-token", "-", given=self.served.connect().refresh_token)

    def reconcile(self, *arguments: str) -> tuple[int, dict[str, Any]]:
        result = self.run("reconcile", "--format", "json", *arguments)
        return result.exit_code, json.loads(result.stdout)

    def credit_after_posting(self) -> None:
        """INV-101 is posted, read, and then credited in BigTime."""
        client = self.world.add_client(CLIENT)
        invoice = self.world.bigtime.add_invoice(client, "INV-101", "1000.00", on=date(2026, 3, 2))
        self.world.post(invoice)
        self.connect()
        self.reconcile()
        self.clock.advance(days=2)
        self.world.bigtime.apply_account_credit(invoice, "200.00", on=date(2026, 3, 4))
        self.clock.advance(hours=1)


@pytest.fixture
def faults() -> tuple[FaultTable, FaultTable]:
    return FaultTable(), FaultTable()


@pytest.fixture
def firm(tmp_path: Path, faults: tuple[FaultTable, FaultTable]) -> Iterator[Firm]:
    clock = SimulatedClock(START)
    with serve_world(World(clock), quickbooks_faults=faults[0], bigtime_faults=faults[1]) as served:
        yield Firm(tmp_path, served, clock)
        assert () == served.complaints


def test_a_firm_without_mistakes_is_clean(firm: Firm) -> None:
    client = firm.world.add_client(CLIENT)
    firm.world.post(firm.world.bigtime.add_invoice(client, "INV-101", "1000.00", on=date(2026, 3, 2)))
    assert 0 == firm.connect().exit_code
    code, document = firm.reconcile()
    assert (0, "clean") == (code, document["verdict"])
    assert [("USD", 1, "0.00", "0.00")] == [
        (row["currency"], row["invoices"], row["difference"], row["residual"]) for row in document["tie_out"]
    ]
    assert document["certificate"]["calls"]["quickbooks"]["metered"] >= 1


def test_a_credit_after_posting_is_found_shown_explained_and_verified(firm: Firm) -> None:
    firm.credit_after_posting()
    code, document = firm.reconcile()
    assert (1, "findings") == (code, document["verdict"])
    found = document["findings"][0]
    assert ("A1", "-200.00", "200.00", "proved", CLIENT) == (
        found["code"],
        found["claim"],
        found["exposure"],
        found["proof"],
        found["client"]["name"],
    )
    assert found["id"] in firm.run("findings", "list").stdout
    assert "INV-101" in firm.run("findings", "show", found["id"]).stdout
    verified = firm.run("findings", "verify", found["id"])
    assert 0 == verified.exit_code, verified.output
    assert "the same amounts" in verified.stdout
    explained = json.loads(firm.run("explain", "inv-101", "--format", "json").stdout)
    assert ["800.00", "200.00", "1000.00"] == [row["amount"] for row in explained["rows"]]
    by_name = json.loads(firm.run("explain", CLIENT, "--format", "json").stdout)
    assert "1000.00" == by_name["rows"][-1]["amount"]


def test_a_decision_is_kept_audited_and_changes_the_verdict(firm: Firm) -> None:
    firm.credit_after_posting()
    _, document = firm.reconcile()
    name = document["findings"][0]["id"]
    assert 0 == firm.run("findings", "expect", name, "--reason", "agreed with Ann", "--by", "bob").exit_code
    code, document = firm.reconcile("--no-pull")
    assert (0, "clean", "expected") == (code, document["verdict"], document["findings"][0]["status"])
    shown = firm.run("findings", "show", name).stdout
    assert "bob" in shown
    assert "agreed with Ann" in shown
    audit = firm.run("audit", "verify")
    assert 0 == audit.exit_code
    assert "none changed" in audit.stdout


def test_check_names_every_part(firm: Firm) -> None:
    firm.credit_after_posting()
    result = firm.run("check", "--format", "json")
    checks = {check["part"]: check for check in json.loads(result.stdout)["checks"]}
    assert 0 == result.exit_code, result.output
    assert {
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
    } == checks.keys()
    assert "AccountCredit" in checks["BigTime's words"]["detail"]


def test_check_goes_on_after_a_failure_and_answers_the_worst(firm: Firm, faults: tuple[FaultTable, FaultTable]) -> None:
    firm.connect()
    firm.served.quickbooks.tokens.revoke_all()
    firm.clock.advance(hours=2)
    faults[1].add(bad_gateway(), times=None)
    result = firm.run("check", "--format", "json")
    works = {check["part"]: check["works"] for check in json.loads(result.stdout)["checks"]}
    assert 4 == result.exit_code
    assert not works["QuickBooks"]
    assert not works["BigTime"]
    assert works["database"]


def test_an_unreachable_system_is_incomplete_and_nothing_is_resolved(
    firm: Firm, faults: tuple[FaultTable, FaultTable]
) -> None:
    firm.credit_after_posting()
    firm.reconcile()
    faults[1].add(bad_gateway(), times=None)
    code, document = firm.reconcile()
    assert (3, "incomplete", False) == (code, document["verdict"], document["certificate"]["complete"])
    assert "bigtime" in {gap["system"] for gap in document["certificate"]["gaps"]}
    assert "A1" in {found["code"] for found in document["findings"]}
    code, document = firm.reconcile("--no-pull")
    assert (3, "incomplete") == (code, document["verdict"])


def test_a_revoked_connection_needs_a_person(firm: Firm) -> None:
    firm.credit_after_posting()
    firm.served.quickbooks.tokens.revoke_all()
    code, document = firm.reconcile()
    assert (4, "incomplete") == (code, document["verdict"])
    assert "A1" in {found["code"] for found in document["findings"]}
    assert 0 == firm.connect().exit_code
    assert 1 == firm.reconcile()[0]


def test_a_company_that_was_never_connected_needs_a_person(firm: Firm) -> None:
    code, document = firm.reconcile()
    assert (4, "incomplete") == (code, document["verdict"])


def test_a_lost_encryption_key_is_named_and_connecting_again_heals(firm: Firm) -> None:
    firm.connect()
    key = firm.folder / "secrets" / "TIEOUT_ENCRYPTION_KEY"
    key.unlink()
    code, document = firm.reconcile()
    assert 2 == code
    assert "TIEOUT_ENCRYPTION_KEY" in document["certificate"]["gaps"][0]["sentence"]
    firm.run("connect", "bigtime", given=firm.served.bigtime_api_token)
    assert key.is_file()
    assert 0 == firm.connect().exit_code
    assert 0 == firm.reconcile()[0]


def test_a_wrong_encryption_key_is_a_configuration_error(firm: Firm) -> None:
    firm.connect()
    (firm.folder / "secrets" / "TIEOUT_ENCRYPTION_KEY").write_text("CANARY-not-a-key")
    result = firm.run("reconcile")
    assert 2 == result.exit_code
    assert "TIEOUT_ENCRYPTION_KEY" in result.stderr
    assert "CANARY" not in result.output


def test_an_answer_that_is_not_the_api_is_not_understood(firm: Firm, faults: tuple[FaultTable, FaultTable]) -> None:
    firm.credit_after_posting()
    faults[1].add(answer(200, '{"rows": "none"}'), times=None)
    code, document = firm.reconcile()
    assert (5, "incomplete") == (code, document["verdict"])


def test_a_held_company_is_busy(firm: Firm) -> None:
    firm.connect()
    settings = load_settings(firm.path)
    with firm.opening(settings) as application, application.hold(settings.company(None), unwatched):
        code, document = firm.reconcile()
    assert (6, "incomplete") == (code, document["verdict"])
    assert 0 == firm.run("sync").exit_code


def test_nothing_stored_is_incomplete_without_a_pull(firm: Firm) -> None:
    code, document = firm.reconcile("--no-pull")
    assert 3 == code
    assert "nothing has been read yet" in document["certificate"]["gaps"][0]["sentence"]


def test_disconnecting_revokes_wipes_and_says_so(firm: Firm) -> None:
    firm.connect()
    assert "is disconnected" in firm.run("disconnect", "quickbooks").stdout
    assert "was not connected" in firm.run("disconnect", "quickbooks").stdout
    assert 4 == firm.reconcile()[0]
    only_key = {"TIEOUT_QUICKBOOKS_CLIENT_SECRET": firm.served.quickbooks_client[1], "TIEOUT_BIGTIME_API_TOKEN": ""}
    firm.run("connect", "bigtime", given=firm.served.bigtime_api_token, environment=only_key)
    assert "is disconnected" in firm.run("disconnect", "bigtime", environment=only_key).stdout


def test_a_wrong_refresh_token_is_refused_and_nothing_is_stored(firm: Firm) -> None:
    result = firm.run("connect", "quickbooks", "--refresh-token", "-", given="CANARY-token\n")
    assert 4 == result.exit_code
    assert "CANARY" not in result.output
    assert 2 == firm.run("connect", "quickbooks", "--refresh-token", "-", given="\n").exit_code


def test_no_output_and_no_log_holds_a_secret_and_no_log_a_name(firm: Firm) -> None:
    environment = {**firm.secrets, "TIEOUT_LOGGING__LEVEL": "debug", "TIEOUT_LOGGING__FORMAT": "json"}
    tokens = firm.served.connect()
    firm.credit_after_posting()
    outputs = [
        firm.run("connect", "quickbooks", "--refresh-token", "-", given=tokens.refresh_token, environment=environment)
    ]
    commands = (["sync"], ["reconcile"], ["check"], ["findings", "list"], ["reconcile", "--full"])
    outputs += [firm.run(*command, "--debug", environment=environment) for command in commands]
    key = (firm.folder / "secrets" / "TIEOUT_ENCRYPTION_KEY").read_text().strip()
    secrets = [tokens.refresh_token, tokens.access_token, key, *firm.secrets.values()]
    for result in outputs:
        assert not [secret for secret in secrets if secret in result.output]
        assert CLIENT not in result.stderr
        assert all(json.loads(line) for line in result.stderr.splitlines() if line.startswith("{"))
    assert any("run_finished" in result.stderr for result in outputs)
    stored = (firm.folder / "tieout.db").read_bytes()
    assert not [secret for secret in secrets if secret.encode() in stored]


@pytest.fixture
def real_firm(tmp_path: Path) -> Iterator[Firm]:
    """A firm whose clock is near the real one, for processes that have no other."""
    clock = SimulatedClock(SystemClock().now())
    with serve_world(World(clock)) as served:
        yield Firm(tmp_path, served, clock)
        assert () == served.complaints


def process(firm: Firm, *arguments: str, given: str = "") -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "sync", *arguments, "--config", str(firm.path)],
        input=given,
        capture_output=True,
        text=True,
        timeout=120,
        cwd=ROOT,
        env={**os.environ, **firm.secrets},
        check=False,
    )


def test_the_real_process_connects_reads_and_judges(real_firm: Firm) -> None:
    today = SystemClock().now().date()
    client = real_firm.world.add_client(CLIENT)
    invoice = real_firm.world.bigtime.add_invoice(client, "INV-101", "1000.00", on=today - timedelta(days=3))
    real_firm.world.post(invoice)
    token = real_firm.served.connect().refresh_token
    connected = process(real_firm, "connect", "quickbooks", "--refresh-token", "-", given=token)
    assert (0, "Made the encryption key") == (connected.returncode, connected.stderr[:23])
    clean = process(real_firm, "reconcile", "--format", "json")
    assert (0, "clean", "") == (clean.returncode, json.loads(clean.stdout)["verdict"], clean.stderr)
    real_firm.world.bigtime.apply_account_credit(invoice, "200.00", on=today)
    found = process(real_firm, "reconcile", "--format", "json")
    assert (1, "findings") == (found.returncode, json.loads(found.stdout)["verdict"])
    table = process(real_firm, "findings")
    assert 1 == table.returncode
    assert all(len(line) <= 100 for line in table.stdout.splitlines())
