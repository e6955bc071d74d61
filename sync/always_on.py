"""Joins the parts of the daemon: one task for each company, the ticker, the servers, and what watches them."""

import threading
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime

import msgspec

from config.complaints import configuration_error
from config.daemon_settings import split_address
from config.settings import CompanySettings
from connectors.quickbooks.webhooks import LARGEST_BODY_BYTES
from sync.answering import AnsweringServer
from sync.app import Application
from sync.company_turns import CompanyTask
from sync.daemon import TICK_SECONDS, Daemon, Heartbeat
from sync.dispatching import Dispatcher, Spawn, Task, spawn_thread
from sync.exit_codes import ExitCode
from sync.monitoring import Watched, routes_of
from sync.service_manager import ServiceManager
from sync.ticking import SchedulerTicker
from sync.webhook_intake import WEBHOOK_PATH, WebhookIntake

_ALERT_SECONDS = 30.0
_SPREAD_SECONDS = 1.0  # between the first turns of two companies
_WEBHOOK_SECONDS = 10.0  # a burst of events is read together


class RunOptions(msgspec.Struct, frozen=True, kw_only=True):
    """What one start of the daemon is to do. `webhooks` is HOST:PORT, or "" for none."""

    companies: tuple[CompanySettings, ...]
    webhooks: str = ""
    tick_seconds: float = TICK_SECONDS


class Ended(msgspec.Struct, frozen=True, kw_only=True):
    """How the daemon ended. `is_cut_off`: threads of turns are left that must not be waited for."""

    exit_code: ExitCode
    is_cut_off: bool


class Assembled(msgspec.Struct, frozen=True, kw_only=True):
    """The daemon with its parts, before anything has begun. A server is None when it is not wanted."""

    daemon: Daemon
    dispatcher: Dispatcher
    tasks: tuple[CompanyTask, ...]
    health: AnsweringServer | None
    webhooks: AnsweringServer | None

    @property
    def status(self) -> str:
        """What it works on, and where it can be asked."""
        return _status([task.company for task in self.tasks], self.health, self.webhooks)


class AlertTask:
    """Sends what waits in the outbox, and writes the digest when its time has come; `rest` lets go of what it read."""

    name = "alerts"

    def __init__(self, work: Callable[[], object], rest: Callable[[], None]) -> None:
        self._work = work
        self._rest = rest

    def take_turn(self, pulse: Callable[[], None], wanted_since: datetime | None) -> float:
        """One beat of the alerts."""
        del wanted_since
        pulse()
        self._work()
        self._rest()
        return _ALERT_SECONDS


def run_daemon(
    application: Application,
    options: RunOptions,
    *,
    stop: threading.Event,
    environ: Mapping[str, str],
    say: Callable[[str], None],
) -> Ended:
    """Work on the companies until `stop` is set. `say` is told, once, where the daemon can be asked and what it does.

    Raises: `ConfigurationError` when an address is taken, or webhooks are wanted and no verifier token is known.
    """
    assembled = assemble(application, options, environ=environ)
    daemon, status = assembled.daemon, assembled.status
    say(status)
    code = daemon.run(SchedulerTicker(daemon.tick, seconds=options.tick_seconds), stop, status=status)
    return Ended(exit_code=code, is_cut_off=daemon.is_cut_off)


def assemble(
    application: Application, options: RunOptions, *, environ: Mapping[str, str], spawn: Spawn = spawn_thread
) -> Assembled:
    """The daemon as `run_daemon` runs it; `spawn` starts a turn. Its servers hold their ports, but do not answer yet.

    Raises: `ConfigurationError` when an address is taken, or webhooks are wanted and no verifier token is known.
    """
    settings = application.settings.daemon
    companies = options.companies
    tasks = [CompanyTask(company, application, settings, company_count=len(companies)) for company in companies]
    everything: list[Task] = [*tasks, AlertTask(application.drain_alerts, application.give_back_pages)]
    spread = _SPREAD_SECONDS * len(everything)
    dispatcher = Dispatcher(everything, application.clock, spawn=spawn, spread_seconds=spread)
    heartbeat = Heartbeat(application.clock, beat_seconds=options.tick_seconds)
    intake = _intake(application, companies, dispatcher) if options.webhooks else None
    watched = Watched(
        clock=application.clock,
        heartbeat=heartbeat,
        dispatcher=dispatcher,
        tasks=tasks,
        overview=application.overview,
        month_calls=application.month_calls,
        outbox_depth=application.outbox_depth,
        webhook_counts=intake.counts if intake is not None else dict,
    )
    health = _health_server(settings.health, watched) if settings.health else None
    webhooks = _webhook_server(options.webhooks, intake) if intake is not None else None
    daemon = Daemon(
        dispatcher,
        heartbeat,
        services=[service for service in (health, webhooks) if service is not None],
        manager=ServiceManager(environ),
        release=application.release_leases,
    )
    return Assembled(daemon=daemon, dispatcher=dispatcher, tasks=tuple(tasks), health=health, webhooks=webhooks)


def _status(companies: Sequence[CompanySettings], *servers: AnsweringServer | None) -> str:
    places = ", ".join(server.url for server in servers if server is not None)
    names = ", ".join(company.alias for company in companies)
    return f"works on {names}; answers on {places}" if places else f"works on {names}"


def _health_server(address: str, watched: Watched) -> AnsweringServer:
    host, port = split_address(address)
    names = frozenset({"localhost", host.lower()})
    try:
        return AnsweringServer(host, port, routes_of(watched), hosts=names)
    except OSError as error:
        raise configuration_error("daemon.health", f"{address} cannot be used: {error.strerror}") from None


def _webhook_server(address: str, intake: WebhookIntake) -> AnsweringServer:
    try:
        host, port = split_address(address)
        routes = {("POST", WEBHOOK_PATH): intake.receive}
        return AnsweringServer(host, port, routes, largest_body_bytes=LARGEST_BODY_BYTES)
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else error
        raise configuration_error("--webhooks", f"{address} cannot be used: {reason}") from None


def _intake(application: Application, companies: Sequence[CompanySettings], dispatcher: Dispatcher) -> WebhookIntake:
    def mark(alias: str) -> None:
        dispatcher.want(alias, since=application.clock.now(), in_seconds=_WEBHOOK_SECONDS)

    return WebhookIntake(application.webhook_routes(companies), mark)
