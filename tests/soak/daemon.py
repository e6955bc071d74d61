"""The daemon of the soak, in a process of its own: the real parts, ticked by a clock that two processes share.

Only the ticker and the threads are not those of `tieout run`: the next tick comes when the world says so, and turns are
taken one after the other, so that equal seeds give equal soaks.
"""

import _sqlite3
import ctypes
import gc
import os
import sys
from collections.abc import Iterator, Mapping
from datetime import datetime, timedelta
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

import msgspec
import psutil
from sqlalchemy import select

from config.settings import load_settings
from connectors.errors import ConnectorError
from connectors.sandbox.quickbooks_tokens import Tokens
from mappings.alerts import AlertKind, DeliveryState
from mappings.findings import FindingStatus, Severity
from mappings.records import ExpectationScope
from state.tables import FINDING
from sync.always_on import Assembled, RunOptions, assemble
from sync.app import Application, open_application
from tests.soak.clock import SharedClock


class Told(msgspec.Struct, frozen=True, kw_only=True):
    """One message that a channel has accepted, or was to: `subjects` is what it was about, see `TrueIncident`."""

    company: str
    key: str
    episode: int
    channel: str
    kind: AlertKind
    state: DeliveryState
    message: str
    created_at: datetime
    sent_at: datetime | None
    heading: str
    subjects: frozenset[str]


class Burden(msgspec.Struct, frozen=True, kw_only=True):
    """What the daemon costs at one moment.

    `store_mb` is the part of `resident_mb` that SQLite holds by its own count: what it keeps at hand of the
    database. `blocks` are the pieces of memory that Python has given out, `objects` those that can form cycles.
    """

    at: datetime
    resident_mb: float
    store_mb: float
    blocks: int
    objects: int
    threads: int
    files: int
    cpu_seconds: float

    @property
    def own_mb(self) -> float:
        """What the program holds beside the database's pages."""
        return self.resident_mb - self.store_mb


class Account(msgspec.Struct, frozen=True, kw_only=True):
    """What the daemon did in all: the messages, and the turns by result and company."""

    told: tuple[Told, ...]
    turns: dict[str, dict[str, int]]
    statuses: dict[str, int]
    unsettled: tuple[str, ...]
    differences: int


class SoakedDaemon:
    """The daemon's side of the pipe."""

    def __init__(self, application: Application, clock: SharedClock, assembled: Assembled, tick: timedelta) -> None:
        self._application = application
        self._clock = clock
        self._assembled = assembled
        self._tick = tick

    def live(self, until: datetime) -> None:
        """Tick until that moment; what a tick costs in simulated time, passes as well."""
        while (now := self._clock.now()) < until:
            self._assembled.daemon.tick()
            self._clock.advance_to(min(now + self._tick, until))
        self._assembled.daemon.tick()

    def settle(self, alias: str, invoice: str) -> bool:
        """A person says that the findings on an invoice are as they should be; False when there is none yet."""
        company = self._application.settings.company(alias)
        found = [
            each
            for each in self._application.reader(company).load_findings(statuses=[FindingStatus.OPEN])
            if each.finding.invoice is not None and each.finding.invoice.number == invoice
        ]
        for each in found:
            self._application.expect(
                company, each.id, scope=ExpectationScope.RECORD, until=None, reason="agreed with the client", who="ann"
            )
        return bool(found)

    def connect(self, alias: str, tokens: Tokens) -> None:
        """A person connects QuickBooks, and tries again when the network fails."""
        access = self._application.access(self._application.settings.company(alias))
        while True:
            try:
                return access.save_quickbooks_tokens(access.authority().refresh(tokens.refresh_token))
            except ConnectorError:
                self._clock.advance(minutes=1)

    def burden(self) -> Burden:
        """What the process holds now."""
        gc.collect()
        process = psutil.Process()
        times = process.cpu_times()
        return Burden(
            at=self._clock.now(),
            resident_mb=process.memory_info().rss / 1e6,
            store_mb=held_by_sqlite() / 1e6,
            blocks=sys.getallocatedblocks(),
            objects=len(gc.get_objects()),
            threads=process.num_threads(),
            files=process.num_fds(),
            cpu_seconds=times.user + times.system,
        )

    def account(self) -> Account:
        """What was told, and how the turns went."""
        statuses: dict[str, int] = {}
        store = self._application._store
        with store._engine.connect() as connection:
            for status in connection.execute(select(FINDING.c.status)).scalars():
                statuses[status] = statuses.get(status, 0) + 1
        return Account(
            told=tuple(self._told()),
            turns={task.name: dict(task.summary().results) for task in self._assembled.tasks},
            statuses=statuses,
            unsettled=tuple(self._unsettled()),
            differences=sum(task.summary().differences for task in self._assembled.tasks),
        )

    def _unsettled(self) -> Iterator[str]:
        """What is open at the end, above S4."""
        for company in self._application.settings.companies:
            for each in self._application.reader(company).load_findings(statuses=[FindingStatus.OPEN]):
                if each.finding.severity is not Severity.S4:
                    number = each.finding.invoice.number if each.finding.invoice is not None else ""
                    found = each.finding
                    yield f"{company.alias} {found.severity} {found.code} {number} {found.explanation}"

    def _told(self) -> list[Told]:
        return [
            Told(
                company=each.company,
                key=each.key,
                episode=each.episode,
                channel=each.channel,
                kind=each.kind,
                state=each.state,
                message=each.message,
                created_at=each.created_at,
                sent_at=each.sent_at,
                heading=each.notice.subject,
                subjects=frozenset(_subjects(each.key, each.notice)),
            )
            for each in reversed(self._application._store.outbox.load(limit=1_000_000))
        ]


def held_by_sqlite() -> int:
    """The bytes that SQLite has asked for in this process and not given back.

    Source: sqlite.org/c3ref/memory_highwater.html.
    """
    used = ctypes.CDLL(_sqlite3.__file__).sqlite3_memory_used
    used.restype = ctypes.c_int64
    held: int = used()
    return held


def _subjects(key: str, notice: Any) -> list[str]:
    """What a message is about, by what it says to its reader."""
    incident = key.partition("/")[2]
    if incident.startswith(("G1:", "G2:", "G10:")):
        return [f"outage {incident.split(':')[1]}"]
    if incident.startswith("G3:"):
        return ["reconnect"]
    if key.startswith("channel/"):
        return [f"channel {key.split('/')[1]}"]
    facts = {name: value for section in notice.sections for item in section.items for name, value in item.facts}
    found = facts.get("Invoice", "") or facts.get("Invoices", "")
    return [number.strip() for number in found.split(",") if number.strip()]


def serve(pipe: Connection, folder: str, start: datetime, passed: Any, options: Mapping[str, Any]) -> None:
    """Do what the other side of the pipe asks, until it asks to stop. An error of ours ends both sides."""
    clock = SharedClock(start, passed)
    log = os.open(Path(folder, "daemon.log"), os.O_CREAT | os.O_WRONLY | os.O_APPEND, 0o600)
    os.dup2(log, 2)
    with open_application(load_settings(Path(folder, "tieout.toml")), clock=clock) as application:
        run_options = RunOptions(companies=application.settings.companies, webhooks="127.0.0.1:0")
        assembled = assemble(application, run_options, environ={}, spawn=lambda name, work: work())
        daemon = SoakedDaemon(application, clock, assembled, timedelta(minutes=options["tick_minutes"]))
        servers = [server for server in (assembled.health, assembled.webhooks) if server is not None]
        for server in servers:
            server.start()
        pipe.send([server.url for server in servers])
        while (request := pipe.recv()) is not None:
            name, *arguments = request
            pipe.send(getattr(daemon, name)(*arguments))
        for server in servers:
            server.stop()
    pipe.send(None)
