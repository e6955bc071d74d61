"""Fourteen secrets are planted, every command is run, everything is made to fail: none of them is seen anywhere."""

import json
import os
import re
import signal
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import ExitStack, suppress
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import create_engine, text

from config.secret_lookup import new_encryption_key, write_secret
from connectors.quickbooks.webhooks import sign
from connectors.sandbox import bigtime, quickbooks
from connectors.sandbox.bigtime import Staffer
from connectors.sandbox.clock import SimulatedClock
from connectors.sandbox.exchange import Reply
from connectors.sandbox.faults import Fault, FaultTable, Match
from connectors.sandbox.world import World
from sync.clocks import SystemClock
from sync.simulation import keep_time
from tests.canaries import leaks
from tests.contract.test_always_on_process import free_port
from tests.hook_server import hook_server
from tests.mail_server import mail_server

ROOT = Path(__file__).parents[2]
PLANTED = {
    "client secret": "canary-client-secret-5a31",
    "BigTime API token": "canary-bigtime-token-91c7",
    "BigTime password": "canary-bigtime-password-0b2e",
    "SMTP password": "canary-smtp-password-77d0",
    "Slack webhook URL": "canary-slack-T0-B0-41fe",
    "Apprise URL": "canary-apprise-secret-63aa",
    "webhook verifier token": "canary-verifier-token-2c9b",
    "PostgreSQL password": "canary-postgres-password-d814",
    "encryption key": new_encryption_key(),
}
USER = "worker@example.com"


@dataclass
class Scene:
    """An installation whose secrets are known, and everything that its processes have shown so far."""

    folder: Path
    url: str
    canaries: dict[str, str] = field(default_factory=dict)
    places: dict[str, bytes] = field(default_factory=dict)
    codes: dict[str, int] = field(default_factory=dict)
    faults: dict[str, FaultTable] = field(default_factory=dict)
    calls: list[Any] = field(default_factory=list)
    health: int = field(default_factory=free_port)
    hooks: int = field(default_factory=free_port)
    redirect: int = field(default_factory=free_port)

    @property
    def command(self) -> list[str]:
        return [sys.executable, "-m", "sync"]

    @property
    def environment(self) -> dict[str, str]:
        return {**os.environ, "TIEOUT_CONFIG": str(self.folder / "tieout.toml"), "PYTHONPATH": str(ROOT)}

    def run(self, *arguments: str, given: str = "", name: str = "") -> int:
        """A command in a process of its own; all that it printed is kept."""
        done = subprocess.run(
            [*self.command, *arguments],
            cwd=self.folder,
            env=self.environment,
            input=given.encode(),
            capture_output=True,
            timeout=120,
            check=False,
        )
        label = name or " ".join(arguments)
        self.places[f"output of {label}"] = done.stdout
        self.places[f"errors of {label}"] = done.stderr
        self.codes[label] = done.returncode
        return done.returncode

    def harvest(self) -> None:
        """What was secret in the traffic: the tokens that both systems have given out."""
        for call in self.calls:
            headers = {name.lower(): value for name, value in call.request.headers.items()}
            bearer = headers.get("authorization", "").removeprefix("Bearer ")
            if bearer and not bearer.startswith("Basic"):
                self.canaries[f"access token {bearer[-6:]}"] = bearer
            session = headers.get("x-auth-token", "")
            if session:
                self.canaries[f"BigTime session token {session[-6:]}"] = session
            for kind, value in re.findall(r"(refresh_token|code)=([\w%.-]{8,})", call.request.text):
                self.canaries[f"{kind.replace('_', ' ')} {value[-6:]}"] = value


@pytest.fixture(params=["sqlite", "postgresql"])
def scene(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Scene]:
    url = f"sqlite:///{tmp_path / 'tieout.db'}"
    if request.param == "postgresql":
        url = request.getfixturevalue("postgres_url")
    made = Scene(tmp_path, url, canaries=dict(PLANTED))
    clock = SimulatedClock(SystemClock().now())
    worlds = [_world(clock, "acme", 1), _world(clock, "birch", 2)]
    made.faults = {"quickbooks": FaultTable(), "bigtime": FaultTable()}
    staffer = Staffer(user_id=USER, password=PLANTED["BigTime password"], api_token=PLANTED["BigTime API token"])
    with ExitStack() as opened:
        served = []
        for world in worlds:
            clients = {"client": PLANTED["client secret"]}
            books = quickbooks.serve(world.quickbooks, made.faults["quickbooks"], clients=clients)
            firm = bigtime.serve(world.bigtime, made.faults["bigtime"], staffers=[staffer])
            opened.enter_context(books)
            opened.enter_context(firm)
            served.append((world, books, firm))
        threading.Thread(target=keep_time, args=(worlds[0], SystemClock()), daemon=True).start()
        mailbox = opened.enter_context(mail_server())
        hook, phone = opened.enter_context(hook_server()), opened.enter_context(hook_server())
        _install(made, served, mailbox.port, hook, phone)
        yield made
        for _, books, firm in served:
            made.calls += [*books.calls, *firm.calls]
            for connection in books.tokens._connections:
                for number, token in enumerate((connection.refresh_token, *connection.old)):
                    made.canaries[f"refresh token {connection.realm_id}-{number}"] = token
        made.harvest()
        made.places["mail"] = b"".join(message.as_bytes() for message in mailbox.messages)
        made.places["Slack messages"] = json.dumps(hook.posts).encode()
        made.places["Apprise messages"] = json.dumps(phone.posts).encode()
        made.places |= _left_behind(made)
        _judge(made, mailbox.logins)


def _world(clock: SimulatedClock, alias: str, number: int) -> World:
    from connectors.sandbox.bigtime_ledger import BigTimeLedger
    from connectors.sandbox.quickbooks_ledger import QuickBooksLedger

    books = QuickBooksLedger(clock, realm_id=f"913034{number}")
    world = World(clock, quickbooks=books, bigtime=BigTimeLedger(clock, firm=f"abc{number}-4567-fgr4"))
    client = world.add_client(f"{alias.title()} & Sons")
    invoice = world.bigtime.add_invoice(client, f"INV-{number}01", "1000.00", on=clock.now().date())
    world.post(invoice)
    world.bigtime.apply_account_credit(invoice, "200.00", on=clock.now().date())
    return world


def _install(scene: Scene, served: list[Any], mail_port: int, hook: Any, phone: Any) -> None:
    lines = [
        f'[store]\nurl = "{scene.url}"\n[logging]\nlevel = "debug"\n[daemon]\nhealth = "127.0.0.1:{scene.health}"',
        '[rules]\ngrace_hours = 0\n[alerts]\ngroup_seconds = 0\ndigest_days = []\nquiet_day = "sun"',
    ]
    for (world, books, firm), alias, user in zip(served, ("acme", "birch"), ("", f'user_id = "{USER}"'), strict=True):
        lines.append(
            f'[[companies]]\nalias = "{alias}"\n[companies.quickbooks]\nrealm_id = "{world.quickbooks.realm_id}"\n'
            f'environment = "sandbox"\nclient_id = "client"\nbase_url = "{books.url}"\n'
            f'discovery_url = "{books.discovery_url}"\n'
            f'redirect_url = "http://localhost:{scene.redirect}/callback"\n'
            f'[companies.bigtime]\nfirm = "{world.bigtime.firm}"\nbase_url = "{firm.url}/BigtimeData/api/v2"\n'
            f"history_start = {(world.clock.now() - timedelta(days=30)).date()}\n{user}"
        )
    lines.append(
        f'[[channels]]\nname = "mail"\nkind = "email"\nhost = "127.0.0.1"\nport = {mail_port}\nsecurity = "none"\n'
        'username = "tieout"\nsender = "Tieout <t@example.com>"\nrecipients = ["b@example.com"]\n'
        '[[channels]]\nname = "team"\nkind = "slack"\n[[channels]]\nname = "phone"\nkind = "apprise"'
    )
    (scene.folder / "tieout.toml").write_text("\n".join(lines), "utf-8")
    slack = f"http://127.0.0.1:{hook.port}/services/{PLANTED['Slack webhook URL']}"
    apprise = f"json://user:{PLANTED['Apprise URL']}@127.0.0.1:{phone.port}/"
    for name, value in {
        "QUICKBOOKS_CLIENT_SECRET": PLANTED["client secret"],
        "BIGTIME_API_TOKEN_ACME": PLANTED["BigTime API token"],
        "BIGTIME_PASSWORD_BIRCH": PLANTED["BigTime password"],
        "ENCRYPTION_KEY": PLANTED["encryption key"],
        "STORE_PASSWORD": PLANTED["PostgreSQL password"],
        "SMTP_PASSWORD": PLANTED["SMTP password"],
        "SLACK_WEBHOOK_URL": slack,
        "APPRISE_URL": apprise,
        "QUICKBOOKS_WEBHOOK_TOKEN": PLANTED["webhook verifier token"],
    }.items():
        write_secret(scene.folder / "secrets" / f"TIEOUT_{name}", value)


def _left_behind(scene: Scene) -> dict[str, bytes]:
    """Everything that is kept: each column of each table, and each file beside the secrets."""
    found = {}
    engine = create_engine(re.sub(r"^postgresql:", "postgresql+psycopg:", scene.url))
    with engine.connect() as connection:
        if engine.dialect.name == "sqlite":
            names = "SELECT name FROM sqlite_master WHERE type = 'table'"
        else:
            names = "SELECT tablename FROM pg_tables WHERE schemaname = 'public'"
        for table in connection.execute(text(names)).scalars():
            rows = connection.execute(text(f'SELECT * FROM "{table}"')).all()
            found[f"table {table}"] = b"\n".join(_bytes(value) for row in rows for value in row)
    engine.dispose()
    for path in scene.folder.rglob("*"):
        if path.is_file() and "secrets" not in path.parts:
            found[f"file {path.name}"] = path.read_bytes()
    assert len(found) > 20
    return found


def _bytes(value: object) -> bytes:
    """A column as it is, and unpacked when it was packed."""
    import zstandard

    if not isinstance(value, bytes):
        return str(value).encode()
    unpacked = b""
    with suppress(zstandard.ZstdError):
        unpacked = zstandard.decompress(value)
    return value + b"\n" + unpacked


def _judge(scene: Scene, logins: list[str]) -> None:
    kinds = {name.rpartition(" ")[0] if name not in PLANTED else name for name in scene.canaries}
    assert kinds >= {*PLANTED, "access token", "refresh token", "BigTime session token", "code", "OAuth"}, kinds
    assert logins, "the mail server was never told its password: the canary was not used"
    assert [] == leaks(scene.canaries, scene.places)


@pytest.mark.slow
def test_no_secret_is_seen_anywhere(scene: Scene) -> None:
    _connect_in_a_browser(scene, "acme")
    _connect_in_a_browser(scene, "birch")
    month = f"{SystemClock().now():%Y-%m}"
    commands = [
        *(["check", "--company", alias] for alias in ("acme", "birch")),
        *(["reconcile", "--company", alias, "--format", "json"] for alias in ("acme", "birch")),
        ["findings", "list", "--company", "acme", "--format", "json"],
        ["explain", "INV-101", "--company", "acme"],
        ["alerts", "list", "--company", "acme"],
        ["alerts", "test", "mail"],
        ["alerts", "test", "team"],
        ["alerts", "test", "phone"],
        ["alerts", "send"],
        ["audit", "verify", "--company", "acme"],
        ["report", "month-end", "--month", month, "--company", "acme", "--output", str(scene.folder / "pack")],
        [
            "report",
            "credit-balances",
            "--company",
            "acme",
            "--format",
            "xlsx",
            "--output",
            str(scene.folder / "c.xlsx"),
        ],
        ["deploy", "systemd"],
        ["deploy", "compose"],
        ["version"],
        ["--help"],
        ["run", "--help"],
        ["connect", "quickbooks", "--help"],
    ]
    for command in commands:
        assert scene.run(*command) in (0, 1), (command, scene.places[f"errors of {' '.join(command)}"])
    _run_the_daemon(scene)
    if scene.url.startswith("sqlite"):  # what systems and channels answer has nothing to do with the database
        _break_everything(scene)
    scene.run("keys", "rotate")
    scene.run("disconnect", "quickbooks", "--company", "acme")
    for path in (scene.folder / "secrets").glob("TIEOUT_ENCRYPTION_KEY*"):
        scene.canaries[f"key {path.name}"] = path.read_text().split()[0]


def _connect_in_a_browser(scene: Scene, alias: str) -> None:
    command = [*scene.command, "connect", "quickbooks", "--no-browser", "--company", alias]
    process = subprocess.Popen(
        command, cwd=scene.folder, env=scene.environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    assert process.stderr is not None
    shown = []
    for line in process.stderr:
        if line.startswith("http"):
            state = re.search(r"state=([\w-]+)", line)
            assert state is not None
            scene.canaries[f"OAuth {alias}state"] = state[1]
            with urllib.request.urlopen(line.strip(), timeout=30) as page:
                scene.places[f"page for {alias}"] = page.read() + str(page.headers).encode() + page.url.encode()
            break  # the address with the state is for the person
        shown.append(line)
    out, err = process.communicate(timeout=60)
    assert process.returncode == 0, err
    scene.places[f"output of connect {alias}"] = ("".join(shown) + out + err).encode()


def _run_the_daemon(scene: Scene) -> None:
    log = scene.folder / "daemon.err"
    with log.open("wb") as errors:
        process = subprocess.Popen(
            [*scene.command, "run", "--debug", "--webhooks", f"127.0.0.1:{scene.hooks}"],
            cwd=scene.folder,
            env=scene.environment,
            stdout=errors,
            stderr=errors,
        )
        try:
            base = f"http://127.0.0.1:{scene.health}"
            _wait(lambda: urllib.request.urlopen(f"{base}/readyz", timeout=5).close())
            body = b"[]"
            for number, signature in enumerate((sign(body, PLANTED["webhook verifier token"]), "forged")):
                request = urllib.request.Request(
                    f"http://127.0.0.1:{scene.hooks}/webhooks/quickbooks",
                    data=body,
                    headers={"intuit-signature": signature},
                )
                try:
                    with urllib.request.urlopen(request, timeout=5) as answer:
                        scene.places[f"webhook answer {number}"] = answer.read() + str(answer.headers).encode()
                except urllib.error.HTTPError as refusal:
                    with refusal:
                        scene.places[f"webhook answer {number}"] = refusal.read() + str(refusal.headers).encode()
            for path in ("healthz", "readyz", "metrics"):
                with urllib.request.urlopen(f"{base}/{path}", timeout=5) as answer:
                    scene.places[path] = answer.read() + str(answer.headers).encode()
            for entry in ("cmdline", "comm", "environ"):
                scene.places[f"process {entry}"] = Path(f"/proc/{process.pid}/{entry}").read_bytes()
            time.sleep(3)
        finally:
            process.send_signal(signal.SIGTERM)
            assert process.wait(timeout=20) == 0


def _wait(work: Any) -> None:
    until = time.monotonic() + 60
    while True:
        try:
            work()
        except OSError:
            assert time.monotonic() < until
            time.sleep(0.2)
        else:
            return


def _break_everything(scene: Scene) -> None:
    """Systems that repeat what they were sent, refuse it, or answer nonsense; channels that do so, too."""

    def echo(status: int) -> Fault:
        def change(reply: Reply) -> Reply:
            everything = "|".join(scene.canaries.values())
            body = json.dumps({"error": "invalid_grant", "error_description": everything, "Message": everything})
            return Reply(status=status, body=body.encode(), content_type="application/json")

        return Fault(name=f"echo {status}", change=change)

    for status in (400, 401, 500, 200):
        for system in ("quickbooks", "bigtime"):
            scene.faults[system].add(echo(status), on=Match(path="" if system == "bigtime" else "/v3/"), times=None)
            scene.run("reconcile", "--company", "acme", "--debug", name=f"reconcile, {system} echoes {status}")
            scene.run("check", "--company", "birch", "--debug", name=f"check, {system} echoes {status}")
            scene.faults[system].clear()
        if status in (400, 500):
            scene.faults["quickbooks"].add(echo(status), on=Match(path="/tokens/"), times=None)
            scene.run(
                "connect",
                "quickbooks",
                "--refresh-token",
                "-",
                "--company",
                "birch",
                given=PLANTED["client secret"],
                name=f"connect, echoes {status}",
            )
            scene.faults["quickbooks"].clear()
    path = scene.folder / "secrets" / "TIEOUT_SMTP_PASSWORD"
    path.write_text("wrong" + PLANTED["SMTP password"])
    scene.run("alerts", "test", "mail", name="alerts test with another password")
    scene.run("alerts", "test", "nobody", name="alerts test of no channel")
    settings = (scene.folder / "tieout.toml").read_text()
    password = PLANTED["PostgreSQL password"]
    for number, url in enumerate(
        (
            f"postgresql://u:{password}@127.0.0.1:1/tieout",
            "postgresql://u@127.0.0.1:1/tieout",
            f"nonsense://u:{password}@h/d",
        )
    ):
        changed = settings.replace(f'url = "{scene.url}"', f'url = "{url}"')
        (scene.folder / "tieout.toml").write_text(changed)
        scene.run("check", "--company", "acme", "--debug", name=f"check with store {number}")
    (scene.folder / "tieout.toml").write_text(settings)


@pytest.mark.slow
def test_the_text_of_an_unforeseen_error_is_not_shown(tmp_path: Path) -> None:
    secret = PLANTED["client secret"]
    code = (
        "import sync.cli.versions as v, click\n"
        "from sync.cli.program import program\n"
        f"def fail(*a, **k): raise ValueError('token ' + '{secret[:9]}' + '{secret[9:]}')\n"
        "v.version.callback = fail\n"
        "program()\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, "version", "--debug"], cwd=ROOT, capture_output=True, timeout=60, check=False
    )
    assert done.returncode not in (0, 2)
    assert b"Traceback" in done.stderr
    assert b"ValueError" in done.stderr
    assert [] == leaks({"client secret": secret}, {"errors": done.stderr, "output": done.stdout})


@pytest.mark.parametrize("form", ["raw", "quoted", "base64", "hex", "cut"])
def test_a_planted_leak_is_found(form: str) -> None:
    import base64
    import binascii
    from urllib.parse import quote

    secret = "canary/secret+5a31-77d0"
    shown = {
        "raw": secret.encode(),
        "quoted": quote(secret, safe="").encode(),
        "base64": base64.b64encode(f"client:{secret}".encode()),
        "hex": binascii.hexlify(secret.encode()),
        "cut": f"refused '{secret[1:-1]}'".encode(),
    }[form]
    assert ["client secret in log"] == leaks({"client secret": secret}, {"log": b"a line with " + shown + b" in it"})
    assert [] == leaks({"client secret": secret}, {"log": b"a line without"})
