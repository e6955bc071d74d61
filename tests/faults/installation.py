"""A firm with one mistake in its books, an installation of the program beside it, and what its commands answered."""

import json
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

from click.testing import CliRunner

from config.settings import Settings
from connectors.sandbox.clock import SimulatedClock
from connectors.sandbox.faults import FaultTable
from connectors.sandbox.serving import ServedWorld, serve_world
from connectors.sandbox.world import World
from sync.app import Application, open_application
from sync.cli.invocation import Invocation
from sync.cli.program import program
from sync.simulation import write_installation

START = datetime(2026, 3, 2, 15, 0, tzinfo=UTC)
CLIENT = "Hush-Hush Canary & Söhne"
# Beginnings of words that nobody but us may see: tokens, keys, and the names that stand in the books.
_SECRETS = ("SIM-access", "SIM-refresh", "sandbox-bigtime-token", "sandbox-client-secret", "sandbox-password", "Canary")


@dataclass(frozen=True, slots=True)
class Answer:
    """What a command said. `document` is what `--format json` printed; None when it printed nothing."""

    code: int
    document: dict[str, Any] | None
    errors: str
    output: str

    @property
    def codes(self) -> list[str]:
        """The codes of the findings above S4."""
        assert self.document is not None
        return sorted(found["code"] for found in self.document["findings"] if found["severity"] != "S4")

    @property
    def gaps(self) -> list[dict[str, str]]:
        """What could not be read."""
        assert self.document is not None
        gaps: list[dict[str, str]] = self.document["certificate"]["gaps"]
        return gaps

    @property
    def sentences(self) -> str:
        """Everything that the command says of what went wrong: its gaps and what it wrote to standard error."""
        said = [gap["sentence"] for gap in self.gaps] if self.document is not None else []
        return "\n".join([*said, self.errors])


class Installation:
    """A program installed and connected for a served world, read once; every command shares the world's clock."""

    def __init__(self, folder: Path, served: ServedWorld, clock: SimulatedClock) -> None:
        self.served = served
        self.clock = clock
        self.settings = write_installation(folder, served, history_start="2026-01-01")
        self.key = folder / "secrets" / "TIEOUT_ENCRYPTION_KEY"
        self.store = folder / "tieout.db"

    def opening(self, settings: Settings) -> AbstractContextManager[Application]:
        """The program itself, on the world's clock."""
        return open_application(settings, clock=self.clock)

    def rewrite(self, old: str, new: str) -> None:
        """Change the settings file."""
        text = self.settings.read_text("utf-8")
        assert old in text
        self.settings.write_text(text.replace(old, new), "utf-8")

    def run(self, *arguments: str, given: str = "") -> Answer:
        """One command. Whatever happens, it must not show a traceback, a secret, or a name outside of its data."""
        result = CliRunner(env={"TIEOUT_LOGGING__LEVEL": "info"}).invoke(
            program,
            [*arguments, "--config", str(self.settings)],
            obj=Invocation(opening=self.opening),
            input=given,
        )
        assert result.exception is None or isinstance(result.exception, SystemExit), result.exception
        assert "Traceback" not in result.output
        assert "defect of Tieout" not in result.output
        assert [secret for secret in _SECRETS if secret in result.stderr] == []
        assert [secret for secret in _SECRETS[:-1] if secret in result.stdout] == []
        is_document = "json" in arguments
        return Answer(
            result.exit_code, json.loads(result.stdout) if is_document else None, result.stderr, result.stdout
        )

    def reconcile(self, *arguments: str) -> Answer:
        """`tieout reconcile --format json`: one document, whatever happened."""
        answer = self.run("reconcile", "--format", "json", *arguments)
        assert answer.document is not None
        assert answer.document["schema"] == "tieout.reconcile/1"
        assert (answer.document["verdict"] == "incomplete") == (answer.code not in (0, 1))
        return answer

    def connect(self) -> Answer:
        """`tieout connect quickbooks` with a new consent."""
        token = self.served.connect().refresh_token
        return self.run("connect", "quickbooks", "--refresh-token", "-", given=token)


@contextmanager
def installed(
    folder: Path, *, quickbooks: FaultTable | None = None, bigtime: FaultTable | None = None
) -> Iterator[Installation]:
    """INV-101 was posted and read; since then it was credited in BigTime, and paid in part in QuickBooks."""
    clock = SimulatedClock(START)
    world = World(clock)
    with serve_world(world, quickbooks_faults=quickbooks, bigtime_faults=bigtime) as served:
        installation = Installation(folder, served, clock)
        client = world.add_client(CLIENT)
        invoice = world.bigtime.add_invoice(client, "INV-101", "1000.00", on=date(2026, 3, 2))
        posted = world.post(invoice)
        assert installation.connect().code == 0
        assert installation.reconcile().code == 0
        clock.advance(days=2)
        world.bigtime.apply_account_credit(invoice, "200.00", on=date(2026, 3, 4))
        world.quickbooks.receive_payment(
            world.customer_of(client), "300.00", on=date(2026, 3, 4), apply={posted: "300.00"}, reference="CHK-1"
        )
        world.sync()
        clock.advance(hours=1)
        yield installation
        assert served.complaints == ()


def must_be_right(answer: Answer) -> None:
    """A run that read everything: the one mistake is found, and every cent explained."""
    assert answer.document is not None
    assert (answer.code, answer.gaps, answer.codes) == (1, [], ["A1"])
    assert [(line["difference"], line["residual"]) for line in answer.document["tie_out"]] == [("-200.00", "0.00")]
