"""The command line keeps its contract: exit codes, one JSON document, one sentence for an error, no secrets."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, cast

import click
import pytest
from click.testing import CliRunner, Result

from config.settings import CompanySettings, Settings
from connectors.errors import AccessRevoked, ConnectorError, ContractBroken, Unavailable
from mappings.findings import (
    Claim,
    ClientRef,
    Evidence,
    Finding,
    FindingStatus,
    Gap,
    InvoiceRef,
    Proof,
    Severity,
    TieOut,
    Verdict,
)
from mappings.model import Kind, RecordKey, System
from mappings.records import ExpectationScope, StoredFinding
from state.errors import CompanyBusy, UnknownFinding
from sync.cli.application import Application
from sync.cli.invocation import Invocation
from sync.cli.program import program
from sync.exit_codes import ExitCode
from sync.explaining import Explanation, Step
from sync.reporting import CallCount, Decision, PullReport, RunCertificate, RunReport
from sync.verifying import Verification
from sync.work import ProgressSink

ROOT = Path(__file__).parents[2]
SETTINGS = """
[[companies]]
alias = "acme"
[companies.quickbooks]
realm_id = "9130347"
client_id = "client"
[companies.bigtime]
firm = "abc3-4567-fgr4"
"""
SEEN = datetime(2026, 11, 5, 9, 0, tzinfo=UTC)
EVIDENCE = Evidence(RecordKey(System.BIGTIME, Kind.PAYMENT, "51001"), "sha256:" + "0" * 64)


def finding(name: str = "Acme", severity: Severity = Severity.S1, status: str = "open") -> StoredFinding:
    found = Finding(
        company="acme",
        code="A1",
        slug="credited-in-bigtime-after-posting",
        severity=severity,
        proof=Proof.PROVED,
        reason="seen without the row, then with it",
        currency="USD",
        exposure_minor=20_000,
        claims=(Claim("9001", -20_000),),
        client=ClientRef(name=name, bigtime="301", quickbooks="12"),
        invoice=InvoiceRef(number="INV-101", bigtime="9001", quickbooks="71"),
        evidence=(EVIDENCE,),
        explanation="A credit was applied in BigTime after the invoice was posted.",
        fingerprint="ab" * 32,
        incident="A1:9001",
    )
    return StoredFinding(id="F-100", finding=found, status=status, first_seen=SEEN, last_seen=SEEN, resolved_at=None)


def report(verdict: Verdict, code: ExitCode, *findings: StoredFinding, gaps: tuple[Gap, ...] = ()) -> RunReport:
    return RunReport(
        company="acme",
        run="run-1",
        verdict=verdict,
        certificate=RunCertificate(
            gaps=gaps,
            read={"quickbooks": {"invoice": 120}, "bigtime": {"payment": 300}},
            calls={"quickbooks": CallCount(sent=4, metered=4), "bigtime": CallCount(sent=3)},
        ),
        tie_outs=(
            TieOut(
                currency="USD",
                invoice_count=118,
                bigtime_minor=120_000,
                quickbooks_minor=140_000,
                explained_minor=-20_000,
                gross_minor=20_000,
            ),
        ),
        findings=findings,
        exit_code=code,
        problem="" if code in (0, 1, 3) else "QuickBooks: a person must connect again",
    )


@dataclass
class FakeWorker:
    answer: RunReport | Exception

    def pull(self, *, full: bool = False, accept_losses: bool = False) -> PullReport:
        run = self._run()
        return PullReport(company="acme", run=run.run, certificate=run.certificate, exit_code=run.exit_code)

    def reconcile(self, *, no_pull: bool = False, full: bool = False, accept_losses: bool = False) -> RunReport:
        return self._run()

    def _run(self) -> RunReport:
        if isinstance(self.answer, Exception):
            raise self.answer
        return self.answer


@dataclass
class FakeApplication:
    answer: RunReport | Exception = field(default_factory=lambda: report(Verdict.CLEAN, ExitCode.CLEAN))
    stored: tuple[StoredFinding, ...] = ()
    decided: list[tuple[str, FindingStatus, str, str]] = field(default_factory=list)

    @contextmanager
    def hold(self, company: CompanySettings, progress: ProgressSink) -> Iterator[FakeWorker]:
        progress("reading", 1, 2)
        if isinstance(self.answer, CompanyBusy):
            raise self.answer
        yield FakeWorker(self.answer)

    def reader(self, company: CompanySettings) -> "FakeApplication":
        return self

    def load_findings(self, statuses: Sequence[str] = ()) -> tuple[StoredFinding, ...]:
        return tuple(stored for stored in self.stored if not statuses or stored.status in statuses)

    def find_finding(self, name: str) -> StoredFinding:
        for stored in self.stored:
            if stored.id.startswith(name):
                return stored
        raise UnknownFinding(f"no finding is called {name}: `tieout findings` lists them")

    def load_decisions(self, stored: StoredFinding) -> tuple[Decision, ...]:
        return (Decision(at=SEEN, event="opened", who="run-1"),)

    def verify_finding(self, stored: StoredFinding) -> Verification:
        return Verification(holds=stored.status == "open", lines=("raw record found", "hash agrees"))

    def decide(self, company: Any, name: str, status: FindingStatus, *, reason: str, who: str) -> StoredFinding:
        self.decided.append((name, status, reason, who))
        return finding(status=status)

    def expect(
        self, company: Any, name: str, *, scope: ExpectationScope, until: datetime | None, reason: str, who: str
    ) -> StoredFinding:
        self.decided.append((name, FindingStatus.EXPECTED, reason, who))
        return finding(status=FindingStatus.EXPECTED)

    def now(self) -> datetime:
        return SEEN

    def explain(self, subject: str, as_of: datetime | None = None) -> Explanation:
        step = Step(label="A1 credited in bigtime", amount_minor=-20_000, currency="USD", records=(EVIDENCE,))
        return Explanation(company="acme", subject=f"Invoice {subject}", steps=(step,))

    def judged_at(self) -> datetime:
        return SEEN

    def gaps(self, as_of: datetime) -> tuple[str, ...]:
        return ()


def run(folder: Path, *arguments: str, application: FakeApplication | None = None, settings: str = SETTINGS) -> Result:
    path = folder / "tieout.toml"
    if settings:
        path.write_text(settings)
    fake = application or FakeApplication()

    @contextmanager
    def opening(given: Settings) -> Iterator[Application]:
        yield cast("Application", fake)

    return CliRunner().invoke(program, [*arguments, "--config", str(path)], obj=Invocation(opening=opening))


@pytest.mark.parametrize(
    ("verdict", "code"),
    [
        (Verdict.CLEAN, ExitCode.CLEAN),
        (Verdict.FINDINGS, ExitCode.FINDINGS),
        (Verdict.INCOMPLETE, ExitCode.INCOMPLETE),
        (Verdict.INCOMPLETE, ExitCode.RECONNECT),
        (Verdict.INCOMPLETE, ExitCode.NOT_UNDERSTOOD),
    ],
)
def test_reconcile_prints_one_document_whatever_the_exit_code(tmp_path: Path, verdict: Verdict, code: ExitCode) -> None:
    gaps = (Gap("G10", "bigtime", "unreachable"),) if verdict is Verdict.INCOMPLETE else ()
    application = FakeApplication(report(verdict, code, finding(), gaps=gaps))
    result = run(tmp_path, "reconcile", "--format", "json", application=application)
    document = json.loads(result.stdout)
    assert code == result.exit_code
    assert verdict == document["verdict"]
    assert (verdict is not Verdict.INCOMPLETE) == document["certificate"]["complete"]
    assert (verdict is Verdict.INCOMPLETE) == result.stderr.startswith("tieout: ")
    assert (code is ExitCode.INCOMPLETE) == ("unreachable" in result.stderr)


def test_the_reconcile_document_is_the_documented_one(tmp_path: Path) -> None:
    application = FakeApplication(report(Verdict.FINDINGS, ExitCode.FINDINGS, finding()))
    document = json.loads(run(tmp_path, "reconcile", "--format", "json", application=application).stdout)
    assert {
        "schema": "tieout.reconcile/1",
        "company": "acme",
        "run": "run-1",
        "verdict": "findings",
        "certificate": {
            "complete": True,
            "gaps": [],
            "read": {"quickbooks": {"invoice": 120}, "bigtime": {"payment": 300}},
            "calls": {"quickbooks": {"sent": 4, "metered": 4}, "bigtime": {"sent": 3}},
        },
        "tie_out": [
            {
                "currency": "USD",
                "invoices": 118,
                "bigtime_balance": "1200.00",
                "quickbooks_balance": "1400.00",
                "difference": "-200.00",
                "explained": "-200.00",
                "residual": "0.00",
            }
        ],
        "findings": [
            {
                "id": "F-100",
                "fingerprint": "ab" * 32,
                "code": "A1",
                "slug": "credited-in-bigtime-after-posting",
                "severity": "S1",
                "proof": "proved",
                "claim": "-200.00",
                "exposure": "200.00",
                "currency": "USD",
                "client": {"name": "Acme", "bigtime": "301", "quickbooks": "12"},
                "invoice": {"number": "INV-101", "bigtime": "9001", "quickbooks": "71"},
                "records": [{"system": "bigtime", "kind": "payment", "id": "51001", "version": "sha256:" + "0" * 64}],
                "explanation": "A credit was applied in BigTime after the invoice was posted.",
                "status": "open",
                "first_seen": "2026-11-05T09:00:00Z",
                "incident": "A1:9001",
                "assigned_to": "",
                "cause": "",
                "reason": "seen without the row, then with it",
                "claims": [{"invoice": "9001", "amount": "-200.00"}],
            }
        ],
    } == document


def test_a_busy_company_is_six_and_still_a_document(tmp_path: Path) -> None:
    application = FakeApplication(CompanyBusy("acme is held by another worker until 10:00: try later"))
    result = run(tmp_path, "reconcile", "--format", "json", application=application)
    assert ExitCode.BUSY == result.exit_code
    assert "incomplete" == json.loads(result.stdout)["verdict"]
    assert "held by another worker" in result.stderr


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (Unavailable(System.BIGTIME, "invoice history", "no answer came"), 3),
        (AccessRevoked(System.QUICKBOOKS, "token refresh", "run `tieout connect quickbooks`"), 4),
        (ContractBroken(System.QUICKBOOKS, "changes", "the answer is not JSON"), 5),
        (RuntimeError("CANARY in a defect"), 70),
    ],
)
def test_an_error_is_one_sentence_and_its_exit_code(tmp_path: Path, error: Exception, code: int) -> None:
    result = run(tmp_path, "sync", application=FakeApplication(error))
    assert code == result.exit_code
    assert "Traceback" not in result.output
    assert "CANARY" not in result.output
    if isinstance(error, ConnectorError):
        assert error.sentence in result.stderr
    assert "" == result.stdout


def test_debug_shows_the_traceback(tmp_path: Path) -> None:
    result = run(tmp_path, "sync", "--debug", application=FakeApplication(RuntimeError("why")))
    assert "Traceback" in result.output


def test_three_mistakes_in_the_configuration_are_named_at_once_with_exit_code_two(tmp_path: Path) -> None:
    wrong = SETTINGS.replace('"9130347"', '"abc"').replace("firm =", "frim =") + "[rules]\ngrace_hours = 1.5\n"
    result = run(tmp_path, "reconcile", settings=wrong)
    assert ExitCode.USAGE == result.exit_code
    for part in ("realm_id", 'did you mean "firm"', "grace_hours"):
        assert part in result.stderr
    assert "Traceback" not in result.stderr


def test_a_run_that_cannot_begin_is_an_incomplete_document(tmp_path: Path) -> None:
    result = run(tmp_path, "reconcile", "--format", "json", settings="[store]\nurl = 3\n")
    assert ExitCode.USAGE == result.exit_code
    document = json.loads(result.stdout)
    assert ("incomplete", False, "") == (document["verdict"], document["certificate"]["complete"], document["run"])
    assert "store.url" in document["certificate"]["gaps"][0]["sentence"]


def test_a_missing_configuration_says_what_to_do(tmp_path: Path) -> None:
    result = run(tmp_path, "reconcile", settings="")
    assert ExitCode.USAGE == result.exit_code
    assert "tieout init" in result.stderr


def test_an_unknown_option_is_a_usage_error(tmp_path: Path) -> None:
    assert ExitCode.USAGE == run(tmp_path, "reconcile", "--fulll").exit_code


def test_options_may_stand_before_the_command(tmp_path: Path) -> None:
    (tmp_path / "tieout.toml").write_text(SETTINGS)
    application = FakeApplication()

    @contextmanager
    def opening(given: Settings) -> Iterator[Application]:
        yield cast("Application", application)

    arguments = ["--config", str(tmp_path / "tieout.toml"), "--company", "acme", "reconcile"]
    assert 0 == CliRunner().invoke(program, arguments, obj=Invocation(opening=opening)).exit_code


def test_a_run_is_shown_in_a_hundred_columns_whatever_the_names(tmp_path: Path) -> None:
    hostile = finding("[bold]\x1b[31mAcme\u202e" + "x" * 200)
    application = FakeApplication(report(Verdict.FINDINGS, ExitCode.FINDINGS, hostile))
    result = run(tmp_path, "reconcile", application=application)
    assert all(len(line) <= 100 for line in result.stdout.splitlines())
    assert "\x1b" not in result.stdout
    assert "\u202e" not in result.stdout
    assert "F-100" in result.stdout
    assert "-200.00" in result.stdout


@pytest.mark.parametrize("form", ["csv", "xlsx"])
def test_data_goes_into_a_file_in_every_format(tmp_path: Path, form: str) -> None:
    target = tmp_path / f"out.{form}"
    application = FakeApplication(stored=(finding("=1+1"),))
    result = run(tmp_path, "findings", "list", "--format", form, "--output", str(target), application=application)
    assert ExitCode.FINDINGS == result.exit_code
    assert "" == result.stdout
    content = target.read_bytes()
    assert content.startswith(b"PK") if form == "xlsx" else b'"\'=1+1"' in content


def test_findings_are_listed_shown_verified_and_decided(tmp_path: Path) -> None:
    application = FakeApplication(stored=(finding(),))
    assert "INV-101" in run(tmp_path, "findings", "list", application=application).stdout
    shown = run(tmp_path, "findings", "show", "F-1", application=application)
    assert "A credit was applied in BigTime" in shown.stdout
    assert "51001" in shown.stdout
    assert 0 == run(tmp_path, "findings", "verify", "F-100", application=application).exit_code
    expected = run(
        tmp_path, "findings", "expect", "F-100", "--reason", "agreed", "--by", "ann", application=application
    )
    assert 0 == expected.exit_code
    assert [("F-100", FindingStatus.EXPECTED, "agreed", "ann")] == application.decided
    assert ExitCode.USAGE == run(tmp_path, "findings", "expect", "F-100", application=application).exit_code


def test_a_finding_that_does_not_follow_is_five_and_an_unknown_one_two(tmp_path: Path) -> None:
    application = FakeApplication(stored=(finding(status="resolved"),))
    assert ExitCode.NOT_UNDERSTOOD == run(tmp_path, "findings", "verify", "F-100", application=application).exit_code
    unknown = run(tmp_path, "findings", "show", "F-9", application=application)
    assert ExitCode.USAGE == unknown.exit_code
    assert "F-9" in unknown.stderr


def test_an_explanation_is_a_report_document(tmp_path: Path) -> None:
    document = json.loads(run(tmp_path, "explain", "INV-101", "--format", "json").stdout)
    assert ("tieout.report/1", "explain", "acme", "2026-11-05T09:00:00Z") == tuple(
        document[key] for key in ("schema", "report", "company", "as_of")
    )
    assert "-200.00" == document["rows"][0]["amount"]
    assert "51001" == document["rows"][0]["records"][0]["id"]


def _commands(group: click.Group, path: tuple[str, ...] = ()) -> Iterator[tuple[str, ...]]:
    for name, command in group.commands.items():
        yield (*path, name)
        if isinstance(command, click.Group):
            yield from _commands(command, (*path, name))


@pytest.mark.parametrize("path", sorted(_commands(program)), ids=" ".join)
def test_every_command_has_help_with_an_example(path: tuple[str, ...]) -> None:
    result = CliRunner().invoke(program, [*path, "--help"])
    assert 0 == result.exit_code
    assert "Example:" in result.stdout
    assert "--config" in result.stdout
    assert all(len(line) <= 100 for line in result.stdout.splitlines())


def test_init_writes_a_configuration_that_loads_and_a_key_that_nobody_else_reads(tmp_path: Path) -> None:
    result = run(tmp_path / "new", "init", settings="")
    assert 0 == result.exit_code
    key = tmp_path / "new" / "secrets" / "TIEOUT_ENCRYPTION_KEY"
    assert str(key) in result.stdout
    assert 0o600 == key.stat().st_mode & 0o777
    assert key.read_text().strip() not in result.output
    again = run(tmp_path / "new", "init", settings="")
    assert ExitCode.USAGE == again.exit_code
    assert "is there already" in again.stderr
    assert 0 == run(tmp_path / "new", "reconcile", settings="").exit_code


def test_a_secret_as_an_argument_is_refused(tmp_path: Path) -> None:
    result = run(tmp_path, "connect", "quickbooks", "--refresh-token", "CANARY")
    assert ExitCode.USAGE == result.exit_code
    assert "CANARY" not in result.output


def _process(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "sync", *arguments],
        capture_output=True,
        text=True,
        timeout=60,
        cwd=ROOT,
        env={**os.environ, **environment},
        check=False,
    )


def test_the_program_starts_as_a_module_and_says_its_version() -> None:
    result = _process("version")
    assert (0, "") == (result.returncode, result.stderr)
    assert result.stdout.startswith("tieout ")


def test_usage_errors_of_the_process_are_two() -> None:
    assert 2 == _process("reconcile", "--nonsense").returncode
    missing = _process("reconcile", TIEOUT_CONFIG="/nowhere/tieout.toml")
    assert 2 == missing.returncode
    assert missing.stderr.startswith("tieout: /nowhere/tieout.toml: there is no such file")


def test_a_package_that_resolves_elsewhere_stops_the_start(tmp_path: Path) -> None:
    foreign = tmp_path / "config"
    foreign.mkdir()
    (foreign / "__init__.py").write_text("raise SystemExit('the foreign package was loaded')")
    result = subprocess.run(
        [
            sys.executable,
            "-c",
            f"import sys; sys.path.insert(0, {str(tmp_path)!r}); import sync.__main__ as m; m.main()",
        ],
        capture_output=True,
        text=True,
        timeout=60,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        check=False,
        cwd=tmp_path,
    )
    assert 2 == result.returncode
    assert "do not come from" in result.stderr
    assert "was loaded" not in result.stderr
