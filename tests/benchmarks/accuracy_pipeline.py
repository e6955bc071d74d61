"""The real worker over one random history: both simulators on loopback, the pullers, a real SQLite file, the rules.

Only the clock is simulated. A process keeps one database for many histories, each a company of its own, as an
accounting practice does.
"""

import tempfile
from collections.abc import Iterator
from datetime import date
from pathlib import Path

import msgspec
from sqlalchemy import Engine

from config.secret_lookup import SecretLookup, new_encryption_key
from config.settings import BigTimeSettings, CompanySettings, QuickBooksSettings, Settings, StoreSettings
from connectors.sandbox.bigtime import API_TOKEN
from connectors.sandbox.clock import SimulatedClock
from connectors.sandbox.quickbooks_tokens import CLIENT_ID, CLIENT_SECRET
from connectors.sandbox.serving import ServedWorld, serve_world
from connectors.sandbox.story_decoys import PlantedDecoy
from state.engine import open_engine
from state.schema import upgrade
from state.store import Store
from sync.app import Application
from sync.demonstration import connect
from sync.logs import SecretMask
from sync.reporting import RunReport
from sync.work import unwatched
from tests.benchmarks.accuracy_baselines import Guess, guesses
from tests.benchmarks.accuracy_history import FirmHistory
from tests.benchmarks.accuracy_judging import Judgement, Seen, judge, stated_facts

# Memory where the machine has it as a file system: the store syncs every commit, and nothing is to be kept.
_MEMORY = Path("/dev/shm")
_HISTORIES_PER_DATABASE = 100


class Told(msgspec.Struct, frozen=True, kw_only=True):
    """One history, lived through and judged; `guesses` are what the two baselines say of its end."""

    seed: int
    is_usual: bool
    judgement: Judgement
    guesses: tuple[Guess, ...]
    decoys: tuple[PlantedDecoy, ...]
    gaps: tuple[str, ...]
    calls: int


def live_through(seeds: Iterator[int]) -> Iterator[Told]:
    """Each history of these seeds, told, read by the worker from run to run, and judged."""
    while True:
        block = [seed for _, seed in zip(range(_HISTORIES_PER_DATABASE), seeds, strict=False)]
        if not block:
            return
        with tempfile.TemporaryDirectory(dir=_MEMORY if _MEMORY.is_dir() else None) as folder:
            engine = open_engine(f"sqlite:///{folder}/store.db")
            upgrade(engine)
            try:
                for seed in block:
                    yield _told(FirmHistory(seed), engine)
            finally:
                engine.dispose()


def _told(history: FirmHistory, engine: Engine) -> Told:
    world = history.world
    runs: list[Seen] = []
    gaps: list[str] = []
    calls = 0
    with serve_world(world) as served:
        application = _application(history, served, engine)
        for _ in history.tell():
            if not runs:
                connect(application, application.settings.company(None), served)
            report = _run(application)
            gaps += [f"{gap.code} {gap.system}: {gap.sentence}" for gap in report.certificate.gaps]
            calls += sum(count.sent for count in report.certificate.calls.values())
            runs.append(_seen(history, report))
        complaints = served.complaints
    assert not complaints, complaints
    assert not world.check_identities(), world.check_identities()
    return Told(
        seed=history.seed,
        is_usual=history.is_usual,
        judgement=judge(runs),
        guesses=guesses(world),
        decoys=tuple(history.decoys),
        gaps=tuple(gaps),
        calls=calls,
    )


def _run(application: Application) -> RunReport:
    with application.hold(application.settings.company(None), unwatched) as worker:
        return worker.reconcile()


def _seen(history: FirmHistory, report: RunReport) -> Seen:
    today = history.world.clock.now().date()
    return Seen(
        on=today,
        complete=report.certificate.complete,
        findings=tuple(stored.finding for stored in report.findings),
        residuals=tuple(each.residual_minor for each in report.tie_outs),
        mistakes=tuple(history.mistakes),
        corrected=tuple(history.corrected),
        facts=stated_facts(history.world, today),
    )


def _application(history: FirmHistory, served: ServedWorld, engine: Engine) -> Application:
    clock = history.world.clock
    assert isinstance(clock, SimulatedClock)
    return Application(
        Settings(
            store=StoreSettings(url="sqlite:///store.db"),
            companies=(_company(f"history-{history.seed}", served, history.history_start),),
        ),
        store=Store(engine, clock),
        secrets=SecretLookup(
            {
                "TIEOUT_ENCRYPTION_KEY": new_encryption_key(),
                "TIEOUT_QUICKBOOKS_CLIENT_SECRET": CLIENT_SECRET,
                "TIEOUT_BIGTIME_API_TOKEN": API_TOKEN,
            },
            (),
        ),
        clock=clock,
        mask=SecretMask(),
    )


def _company(alias: str, served: ServedWorld, history_start: date) -> CompanySettings:
    return CompanySettings(
        alias=alias,
        quickbooks=QuickBooksSettings(
            realm_id=served.realm_id,
            environment="sandbox",
            client_id=CLIENT_ID,
            base_url=served.quickbooks_url,
            discovery_url=served.discovery_url,
        ),
        bigtime=BigTimeSettings(firm=served.firm, base_url=served.bigtime_url, history_start=history_start),
    )
