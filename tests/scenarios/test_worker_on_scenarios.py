"""Every shipped scenario through the real worker: both simulators over HTTP, the real pulls, the real store.

Only the clock is simulated, and shared by both sides. What the rules see here has been on the wire and in the
database; `test_rules_on_scenarios` holds the same scenarios against the rules alone. At the end of each story every
finding is verified from what is stored, and must fail once a byte of a record it rests on was changed.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from sqlalchemy import create_engine, select, text, update

from config.settings import load_settings
from connectors.sandbox.clock import SimulatedClock
from connectors.sandbox.exchange import Reply
from connectors.sandbox.faults import Fault, FaultTable, Match
from connectors.sandbox.playing import play, shipped_scenarios, world_for
from connectors.sandbox.scenario import Checkpoint, Scenario
from connectors.sandbox.serving import ServedWorld, serve_world
from mappings.findings import Evidence
from state.pages import pack_raws, unpack_raws
from state.tables import RAW_PAGE, RECORD, VERSION
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
        guard(application, sqlite_url)


@pytest.mark.slow
@pytest.mark.parametrize("name", _SCENARIOS)
def test_the_worker_finds_the_same_with_postgresql(name: str, tmp_path: Path, postgres_url: str) -> None:
    with installed(tmp_path / "firm", _SCENARIOS[name], postgres_url) as (served, application):
        live_through(application, served, _SCENARIOS[name])
        guard(application, postgres_url)


def flip(url: str, evidence: Evidence, place: int) -> Callable[[], None]:
    """Change one byte of a stored raw record in the database; the answer puts it back."""
    engine = create_engine(url)
    with engine.begin() as connection:
        version_id = connection.execute(
            select(VERSION.c.id)
            .join(RECORD, RECORD.c.id == VERSION.c.record_id)
            .where(RECORD.c.key == evidence.key.id, VERSION.c.sha256 == bytes.fromhex(evidence.sha256[7:]))
        ).scalar_one()
        pages = select(RAW_PAGE.c.id, RAW_PAGE.c.body).where(RAW_PAGE.c.id <= version_id)
        first, body = connection.execute(pages.order_by(RAW_PAGE.c.id.desc()).limit(1)).one()
        raws = unpack_raws(body)
        raw = bytearray(raws[version_id - first] or b" ")
        raw[place % len(raw)] ^= 1
        raws[version_id - first] = bytes(raw)
        connection.execute(update(RAW_PAGE).where(RAW_PAGE.c.id == first).values(body=pack_raws(raws)))

    def put_back() -> None:
        with engine.begin() as connection:
            connection.execute(update(RAW_PAGE).where(RAW_PAGE.c.id == first).values(body=body))
        engine.dispose()

    return put_back


def let_records_be_changed(url: str) -> None:
    """Take away what the database does by itself to keep raw records as they are."""
    engine = create_engine(url)
    kept = ("raw_page_is_kept_from_update",) if engine.dialect.name == "sqlite" else ("raw_page_is_kept ON raw_page",)
    with engine.begin() as connection:
        for trigger in kept:
            connection.execute(text(f"DROP TRIGGER {trigger}"))
    engine.dispose()


def guard(application: Application, url: str) -> None:
    """Every finding can be verified, and none after a byte of any record it rests on was changed."""
    let_records_be_changed(url)
    reader = application.reader(application.settings.company(None))
    for stored in reader.load_findings():
        assert reader.verify_finding(stored).holds, reader.verify_finding(stored).lines
        for number, evidence in enumerate(dict.fromkeys(stored.finding.evidence)):
            put_back = flip(url, evidence, 7919 * number + len(evidence.sha256 + stored.id))
            outcome = reader.verify_finding(stored)
            put_back()
            assert not outcome.holds
            assert any(str(evidence.key) in line and "not the one that was seen" in line for line in outcome.lines)


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
