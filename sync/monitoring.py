"""How the daemon does, for those who watch it: `/healthz`, `/readyz` and Prometheus' `/metrics`.

Figures are asked from the store when somebody asks us, so they are never older than the question. Companies appear by
their alias; no client, amount or sentence of the books is shown.
"""

import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any

import msgspec
from prometheus_client import CollectorRegistry, ProcessCollector, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from config.settings import CompanySettings
from state.errors import StoreError
from state.overview import Standing
from sync.answering import Answer, Handler, Question
from sync.beats import KINDS
from sync.company_turns import CompanyTask, Numbers
from sync.daemon import Heartbeat
from sync.dispatching import Dispatcher, TaskStatus
from sync.ports import Clock

_PROMETHEUS_TEXT = "text/plain; version=0.0.4; charset=utf-8"
_SEVERITIES = ("S1", "S2", "S3", "S4")
_STATUSES = ("open", "acknowledged", "expected")
_OUTBOX_STATES = ("pending", "dead")


class Watched(msgspec.Struct, frozen=True, kw_only=True):
    """The parts of the running daemon that are looked at."""

    clock: Clock
    heartbeat: Heartbeat
    dispatcher: Dispatcher
    tasks: Sequence[CompanyTask]
    overview: Callable[[CompanySettings], Numbers]
    month_calls: Callable[[], int]
    outbox_depth: Callable[[], Mapping[str, int]]
    webhook_counts: Callable[[], Mapping[str, int]]


def routes_of(watched: Watched) -> dict[tuple[str, str], Handler]:
    """The paths that tell how the daemon does."""
    registry = CollectorRegistry(auto_describe=False)
    registry.register(_Figures(watched))
    ProcessCollector(registry=registry)

    def healthz(question: Question) -> Answer:
        del question
        age = watched.heartbeat.age_seconds
        return _json(is_well=watched.heartbeat.is_alive, document={"scheduler_age_seconds": round(age, 1)})

    def readyz(question: Question) -> Answer:
        del question
        return _ready(watched)

    def metrics(question: Question) -> Answer:
        del question
        try:
            text = generate_latest(registry)
        except StoreError as error:
            return Answer(status=503, body=f"{type(error).__name__}\n".encode())
        return Answer(status=200, body=text, content_type=_PROMETHEUS_TEXT)

    return {("GET", "/healthz"): healthz, ("GET", "/readyz"): readyz, ("GET", "/metrics"): metrics}


def _ready(watched: Watched) -> Answer:
    """Whether the scheduler comes round and the database answers; how each company stands is told beside it."""
    try:
        companies = {
            task.name: _company(task, watched.overview(task.company).load_standing(KINDS), watched.clock.now())
            for task in watched.tasks
        }
    except StoreError as error:
        return _json(is_well=False, document={"database": type(error).__name__})
    return _json(is_well=watched.heartbeat.is_alive, document={"database": "answers", "companies": companies})


def _company(task: CompanyTask, standing: Standing, now: datetime) -> dict[str, Any]:
    verified = standing.judged.complete_at
    return {
        "last_turn": task.summary().result,
        "verdict": standing.verdict,
        "verified_at": None if verified is None else verified.isoformat(),
        "verified_age_seconds": None if verified is None else round((now - verified).total_seconds()),
    }


def _json(*, is_well: bool, document: Mapping[str, Any]) -> Answer:
    text = json.dumps({"status": "ok" if is_well else "failing", **document}) + "\n"
    return Answer(status=200 if is_well else 503, body=text.encode(), content_type="application/json")


class _Figures(Collector):
    """All figures, asked for when they are collected."""

    def __init__(self, watched: Watched) -> None:
        self._watched = watched

    def collect(self) -> Iterable[Metric]:
        """The figures of the daemon and of each company."""
        watched = self._watched
        yield _gauge(
            "tieout_scheduler_age_seconds", "Time since the scheduler last came round.", watched.heartbeat.age_seconds
        )
        depth = watched.outbox_depth()
        outbox = GaugeMetricFamily(
            "tieout_outbox_messages", "Messages to people that wait or were given up.", labels=["state"]
        )
        for state in _OUTBOX_STATES:
            outbox.add_metric([state], depth.get(state, 0))
        yield outbox
        used = watched.month_calls()
        yield _gauge("tieout_calls_used", "Metered QuickBooks calls of this month, of all companies.", used)
        yield from _webhooks(watched.webhook_counts())
        statuses = {status.name: status for status in watched.dispatcher.status()}
        yield from _turns([(task, statuses[task.name]) for task in watched.tasks])
        standings = [(task, watched.overview(task.company).load_standing(KINDS)) for task in watched.tasks]
        yield from _standings(standings, watched.clock.now())


def _gauge(name: str, text: str, value: float) -> Metric:
    return GaugeMetricFamily(name, text, value=value)


def _webhooks(counts: Mapping[str, int]) -> Iterator[Metric]:
    events = CounterMetricFamily("tieout_webhook_events", "Webhook events by what became of them.", labels=["outcome"])
    for outcome, count in sorted(counts.items()):
        events.add_metric([outcome], count)
    yield events


def _turns(tasks: Sequence[tuple[CompanyTask, TaskStatus]]) -> Iterator[Metric]:
    """What each company's turns came to."""
    turns = CounterMetricFamily("tieout_turns", "Turns of a company by result.", labels=["company", "result"])
    figures = {
        name: GaugeMetricFamily(f"tieout_{name}", text, labels=["company"])
        for name, text in (
            ("last_turn_seconds", "How long the company's last turn took."),
            ("silent_seconds", "How long a turn that is going on has given no sign; 0 when none is."),
            ("turns_given_up", "Turns that were given up because they gave no sign."),
            ("failures", "Turns in a row that failed."),
            ("beat_seconds", "How often the company is read at present."),
            ("calls_forecast", "Metered calls of all companies at the month's end, at this company's pace."),
            ("calls_budget", "Metered calls that the month allows."),
            ("verification_differences", "Results that the last nightly verification had to correct; must be 0."),
        )
    }
    for task, status in tasks:
        summary = task.summary()
        for result, count in summary.results:
            turns.add_metric([task.name, result], count)
        values = {
            "last_turn_seconds": status.last_turn_seconds,
            "silent_seconds": status.silent_seconds or 0.0,
            "turns_given_up": status.given_up,
            "failures": summary.failures + status.failures,
            "beat_seconds": summary.beat_seconds,
            "calls_forecast": summary.forecast,
            "calls_budget": task.company.quickbooks.monthly_call_budget,
            "verification_differences": summary.differences,
        }
        for name, value in values.items():
            figures[name].add_metric([task.name], value)
    yield turns
    yield from figures.values()


def _standings(standings: Sequence[tuple[CompanyTask, Standing]], now: datetime) -> Iterator[Metric]:
    """What is stored of each company."""
    age = GaugeMetricFamily(
        "tieout_verified_age_seconds", "Age of the newest state that was read completely.", labels=["company"]
    )
    findings = GaugeMetricFamily(
        "tieout_findings", "Findings that are not resolved.", labels=["company", "severity", "status"]
    )
    ends = GaugeMetricFamily(
        "tieout_connection_ends_seconds", "Time left until a connection ends.", labels=["company", "provider", "kind"]
    )
    for task, standing in standings:
        if standing.judged.complete_at is not None:
            age.add_metric([task.name], (now - standing.judged.complete_at).total_seconds())
        for severity in _SEVERITIES:
            for status in _STATUSES:
                findings.add_metric([task.name, severity, status], standing.findings.get((severity, status), 0))
        for end in standing.token_ends:
            for kind, at in (("rolling", end.rolling_at), ("hard", end.hard_at)):
                if at is not None:
                    ends.add_metric([task.name, end.provider, kind], (at - now).total_seconds())
    yield from (age, findings, ends)
