"""Every shipped scenario through the real worker: both simulators over HTTP, the real pulls, the real store.

Only the clock is simulated, and shared by both sides. What the rules see here has been on the wire and in the
database; `test_rules_on_scenarios` holds the same scenarios against the rules alone.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from config.settings import load_settings
from connectors.sandbox.clock import SimulatedClock
from connectors.sandbox.exchange import Reply
from connectors.sandbox.faults import Fault, FaultTable, Match
from connectors.sandbox.playing import play, shipped_scenarios, world_for
from connectors.sandbox.scenario import Checkpoint, Scenario
from connectors.sandbox.serving import ServedWorld, serve_world
from sync.app import Application, open_application
from sync.demonstration import connect
from sync.reporting import RunReport, finding_document, tie_out_document
from sync.simulation import write_installation
from sync.work import unwatched
from tests.scenarios.judging import complaints

_SCENARIOS = shipped_scenarios()


@contextmanager
def installed(
    folder: Path, scenario: Scenario, store_url: str, bigtime_faults: FaultTable | None = None
) -> Iterator[tuple[ServedWorld, Application]]:
    """A world for the scenario, served, and the program configured and connected for it."""
    world = world_for(scenario)
    assert isinstance(world.clock, SimulatedClock)
    with serve_world(world, bigtime_faults=bigtime_faults) as served:
        path = write_installation(folder, served, history_start=scenario.starts_on.isoformat())
        path.write_text(path.read_text().replace("sqlite:///tieout.db", store_url))
        with open_application(load_settings(path), clock=world.clock) as application:
            connect(application, application.settings.company(None), served)
            yield served, application


def run(application: Application, *, anew: bool = False) -> RunReport:
    """One run of the worker, as `tieout reconcile` makes it; `anew` looks at all that is stored and reads nothing."""
    with application.hold(application.settings.company(None), unwatched) as worker:
        return worker.reconcile(full=anew, no_pull=anew)


def judge(checkpoint: Checkpoint, report: RunReport) -> None:
    """The run read everything, found what the scenario expects and nothing else, and explains every cent."""
    assert report.certificate.gaps == ()
    assert complaints(checkpoint, (stored.finding for stored in report.findings)) == []
    assert [tie_out.residual_minor for tie_out in report.tie_outs if tie_out.residual_minor] == []


def said(report: RunReport) -> object:
    """What the run says of the books, without what it says of itself."""
    return list(map(finding_document, report.findings)), list(map(tie_out_document, report.tie_outs)), report.verdict


def live_through(application: Application, served: ServedWorld, scenario: Scenario) -> None:
    """Play the scenario and run the worker at each checkpoint; at the end, look at everything anew."""
    report = None
    for checkpoint in play(scenario, served.world):
        report = run(application)
        judge(checkpoint, report)
    assert report is not None
    assert said(report) == said(run(application, anew=True))
    assert served.complaints == ()
    assert served.world.check_identities() == []


@pytest.mark.parametrize("name", _SCENARIOS)
def test_the_worker_finds_what_the_scenario_expects(name: str, tmp_path: Path, sqlite_url: str) -> None:
    with installed(tmp_path / "firm", _SCENARIOS[name], sqlite_url) as (served, application):
        live_through(application, served, _SCENARIOS[name])


@pytest.mark.slow
@pytest.mark.parametrize("name", _SCENARIOS)
def test_the_worker_finds_the_same_with_postgresql(name: str, tmp_path: Path, postgres_url: str) -> None:
    with installed(tmp_path / "firm", _SCENARIOS[name], postgres_url) as (served, application):
        live_through(application, served, _SCENARIOS[name])


def _without_rows(reply: Reply) -> Reply:
    return Reply(status=reply.status, body=b"[]", content_type=reply.content_type, headers=reply.headers)


def test_a_worker_that_is_shown_no_payments_fails_its_scenario(tmp_path: Path, sqlite_url: str) -> None:
    scenario = _SCENARIOS["a4-credited-in-both-systems"]
    faults = FaultTable()
    faults.add(Fault(name="no rows", change=_without_rows), on=Match(path="/payment/history"), times=None)

    with (
        installed(tmp_path / "firm", scenario, sqlite_url, faults) as (served, application),
        pytest.raises(AssertionError, match="not found: A4"),
    ):
        live_through(application, served, scenario)
