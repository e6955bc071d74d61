"""The demonstration catches what it planted, and what it leaves behind can be asked on."""

import json
import os
import signal
import subprocess
import sys
import threading
from pathlib import Path

import msgspec
import pytest
from click.testing import CliRunner

from config.settings import load_settings
from connectors.sandbox.clock import SimulatedClock
from connectors.sandbox.serving import serve_world
from connectors.sandbox.story import Story
from connectors.sandbox.world import World
from sync.app import open_application
from sync.cli.program import program
from sync.demonstration import Evening, borne_out, false_alarms, live_through, match_mistakes
from sync.simulation import write_installation

ROOT = Path(__file__).parents[2]


def test_a_short_demo_catches_what_it_planted_and_leaves_a_working_installation(tmp_path: Path) -> None:
    folder = tmp_path / "demo"
    result = CliRunner().invoke(program, ["demo", "--days", "6", "--folder", str(folder)])
    assert 0 == result.exit_code, result.output
    assert "missed" not in result.stdout
    assert "Planted mistakes" in result.stdout
    assert "0.00" in result.stdout
    assert all(len(line) <= 100 for line in result.stdout.splitlines())
    settings = ["--config", str(folder / "tieout.toml")]
    listed = CliRunner().invoke(program, ["findings", "list", "--format", "json", *settings])
    found = json.loads(listed.stdout)["findings"]
    invoice = next(each["invoice"]["number"] for each in found if each["invoice"] and each["claim"] != "0.00")
    explained = CliRunner().invoke(program, ["explain", invoice, *settings])
    assert 0 == explained.exit_code, explained.output
    assert "Balance in BigTime" in explained.stdout
    assert 0 == CliRunner().invoke(program, ["findings", "verify", found[0]["id"], *settings]).exit_code


def test_a_folder_that_holds_something_else_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "thesis.txt").write_text("all of it")
    result = CliRunner().invoke(program, ["demo", "--days", "1", "--folder", str(tmp_path)])
    assert 2 == result.exit_code
    assert "thesis.txt" in [path.name for path in tmp_path.iterdir()]


@pytest.mark.slow
@pytest.mark.parametrize("seed", [1, 2, 3])
def test_a_month_of_mistakes_is_caught_to_the_last_one(tmp_path: Path, seed: int) -> None:
    result = CliRunner().invoke(program, ["demo", "--seed", str(seed), "--folder", str(tmp_path / "demo")])
    assert 0 == result.exit_code, result.output
    assert "missed" not in result.stdout
    assert "Findings beside the planted mistakes: 0" in result.stdout


@pytest.fixture(scope="module")
def lived(tmp_path_factory: pytest.TempPathFactory) -> tuple[Story, list[Evening]]:
    """A week of the demonstration's firm."""
    story = Story(seed=1, days=8)
    clock = SimulatedClock(story.starts_at)
    with serve_world(World(clock)) as served:
        folder = tmp_path_factory.mktemp("demo")
        path = write_installation(folder, served, history_start=story.starts_at.date().isoformat())
        with open_application(load_settings(path), clock=clock) as application:
            return story, list(live_through(story, served, application))


def test_a_finding_that_no_mistake_accounts_for_is_counted_as_a_false_alarm(lived: tuple[Story, list[Evening]]) -> None:
    story, evenings = lived
    caught = match_mistakes(story.planted, evenings[-1].report.findings)
    assert () == false_alarms(caught, evenings)
    for forgotten in caught:
        others = [each for each in caught if each is not forgotten]
        assert forgotten.finding is not None
        assert forgotten.finding.id in [alarm.id for alarm in false_alarms(others, evenings)]


def test_a_note_on_an_open_credit_counts_unless_the_simulated_books_have_that_credit(
    lived: tuple[Story, list[Evening]],
) -> None:
    story, evenings = lived
    caught = match_mistakes(story.planted, evenings[-1].report.findings)
    notes = [stored for evening in evenings for stored in evening.borne_out]
    assert {"C2", "F4"} <= {stored.finding.code for stored in notes}
    empty = World(SimulatedClock(story.starts_at))
    assert () == borne_out(notes, empty)
    unproved = [msgspec.structs.replace(evening, borne_out=()) for evening in evenings]
    assert {stored.id for stored in notes} == {stored.id for stored in false_alarms(caught, unproved)}


def test_a_demo_that_is_served_can_be_worked_with_from_another_terminal(tmp_path: Path) -> None:
    folder = tmp_path / "demo"
    demo = subprocess.Popen(
        [sys.executable, "-m", "sync", "demo", "--days", "2", "--serve", "--folder", str(folder)],
        stdout=subprocess.PIPE,
        text=True,
        cwd=ROOT,
        env={**os.environ, "PYTHONUNBUFFERED": "1"},
    )
    giving_up = threading.Timer(120, demo.kill)
    giving_up.start()
    try:
        assert demo.stdout is not None
        assert any("Another terminal" in line for line in demo.stdout)
        judged = subprocess.run(
            [sys.executable, "-m", "sync", "reconcile", "--format", "json", "--config", str(folder / "tieout.toml")],
            capture_output=True,
            text=True,
            timeout=120,
            cwd=ROOT,
            check=False,
        )
        document = json.loads(judged.stdout)
        assert (1, True) == (judged.returncode, document["certificate"]["complete"])
        assert ["0.00"] == [line["residual"] for line in document["tie_out"]]
        demo.send_signal(signal.SIGINT)
        assert 0 == demo.wait(timeout=60)
    finally:
        giving_up.cancel()
        demo.kill()
        demo.communicate()
