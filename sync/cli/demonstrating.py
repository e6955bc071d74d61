"""`tieout demo`: a firm with mistakes in it, and the real worker that finds them."""

import shutil
from pathlib import Path
from typing import TYPE_CHECKING

import click
from rich.console import Console
from rich.text import Text

from config.complaints import configuration_error
from sync.cli.grids import Column, Grid, table
from sync.cli.hostile_text import visible
from sync.cli.invocation import common_options, example, out_console
from sync.cli.pages import tie_out_grid

if TYPE_CHECKING:  # loaded when the command runs: real work never needs the simulators
    from connectors.sandbox.clock import SimulatedClock
    from connectors.sandbox.serving import ServedWorld
    from connectors.sandbox.story import Story
    from sync.demonstration import Evening


@click.command(epilog=example("tieout demo", "tieout demo --days 60 --seed 7 --serve"))
@common_options
@click.option(
    "--days", type=click.IntRange(1, 400), default=28, show_default=True, help="Days of work to live through."
)
@click.option("--seed", type=int, default=1, show_default=True, help="Equal seeds tell equal stories.")
@click.option("--serve", is_flag=True, help="Keep the simulators up afterwards, until Ctrl-C.")
@click.option(
    "--folder",
    type=click.Path(file_okay=False, path_type=Path),
    default=Path("tieout-demo"),
    show_default=True,
    help="Where the database and the configuration are put; an earlier demo there is replaced.",
)
def demo(days: int, seed: int, folder: Path, *, serve: bool) -> None:
    """Simulate a firm on this machine, with mistakes in its books, and let the worker find them.

    Both systems are served on loopback with four months of history; the worker that reads them is the real
    one, and only the clock is simulated. Nothing is sent anywhere else.
    """
    from connectors.sandbox.clock import SimulatedClock  # noqa: PLC0415
    from connectors.sandbox.serving import serve_world  # noqa: PLC0415
    from connectors.sandbox.story import Story  # noqa: PLC0415
    from connectors.sandbox.world import World  # noqa: PLC0415
    from sync.clocks import SystemClock  # noqa: PLC0415
    from sync.simulation import keep_time  # noqa: PLC0415

    _make_room(folder)
    story = Story(seed=seed, days=days)
    clock = SimulatedClock(story.starts_at)
    world = World(clock)
    with serve_world(world) as served:
        _live(out_console(), story, served, clock, folder)
        if serve:
            _come_to_the_present(folder / "tieout.toml", served, clock)
            click.echo(
                f"\nThe simulators stay up on {served.quickbooks_url} and {served.bigtime_url}. Ctrl-C ends them."
            )
            click.echo(
                f"Another terminal can now run `tieout reconcile --config {visible(str(folder / 'tieout.toml'))}`."
            )
            keep_time(world, SystemClock())


def _come_to_the_present(settings: Path, served: "ServedWorld", clock: "SimulatedClock") -> None:
    """Let the months between the story's end and today pass, and connect anew: the old connection ended in them."""
    from config.settings import load_settings  # noqa: PLC0415
    from sync.app import open_application  # noqa: PLC0415
    from sync.clocks import SystemClock  # noqa: PLC0415
    from sync.demonstration import connect  # noqa: PLC0415

    real = SystemClock()
    clock.advance_to(real.now())
    with open_application(load_settings(settings), clock=real) as application:
        connect(application, application.settings.company(None), served)


def _make_room(folder: Path) -> None:
    """Replace an earlier demo; a folder that holds anything else is left alone."""
    from sync.simulation import FIRST_LINE  # noqa: PLC0415

    settings = folder / "tieout.toml"
    if not folder.exists() or not any(folder.iterdir()):
        return
    if not settings.is_file() or not settings.read_text(encoding="utf-8").startswith(FIRST_LINE):
        raise configuration_error(folder, "holds something that is not a demo: name another one with --folder")
    shutil.rmtree(folder)


def _live(console: Console, story: "Story", served: "ServedWorld", clock: "SimulatedClock", folder: Path) -> None:
    """Tell the story, run the worker every evening, and sum up what it caught."""
    from config.settings import load_settings  # noqa: PLC0415
    from sync.app import open_application  # noqa: PLC0415
    from sync.demonstration import live_through  # noqa: PLC0415
    from sync.simulation import write_installation  # noqa: PLC0415

    path = write_installation(folder, served, history_start=story.starts_at.date().isoformat())
    console.print(f"QuickBooks and BigTime of a simulated firm: {served.quickbooks_url}, {served.bigtime_url}")
    with open_application(load_settings(path), clock=clock) as application:
        evenings: list[Evening] = []
        for evening in live_through(story, served, application):
            _tell(console, evening, is_first=not evenings)
            evenings.append(evening)
    if evenings:
        _sum_up(console, story, evenings, path)


def _tell(console: Console, evening: "Evening", *, is_first: bool) -> None:
    """One day: what went wrong in it, what only looked wrong, and what the worker said for the first time."""
    certificate = evening.report.certificate
    sent = sum(count.sent for count in certificate.calls.values())
    if is_first:
        read = sum(count for kinds in certificate.read.values() for count in kinds.values())
        _say(console, f"\nFour months of history: {len(evening.happened)} events, {read} records read in {sent} calls.")
    else:
        _say(console, f"\n{evening.day:%a %d %b}: {len(evening.happened)} events, {sent} calls", style="bold")
    for mistake in evening.mistakes:
        _say(console, f"  wrong     {mistake.words}", style="red")
    for decoy in evening.decoys:
        _say(console, f"  harmless  {decoy.words}", style="dim")
    for gap in certificate.gaps:
        _say(console, f"  gap       {gap.code} {gap.system}: {gap.sentence}", style="yellow")
    for stored in evening.news:
        finding = stored.finding
        subject = finding.invoice.number if finding.invoice is not None else finding.client.name
        claim = f"{visible(finding.code)} {finding.title}: {subject}"
        _say(console, f"  caught    {finding.severity} {claim}", style="green" if finding.severity != "S4" else "dim")


def _say(console: Console, line: str, *, style: str = "") -> None:
    """One line, wrapped where it is too long; whatever a name holds stays text."""
    for part in line.split("\n"):
        console.print(Text(visible(part), style=style))


def _sum_up(console: Console, story: "Story", evenings: "list[Evening]", path: Path) -> None:
    """What was planted against what was found, the tie-out, and where to go on."""
    from sync.demonstration import false_alarms, match_mistakes  # noqa: PLC0415

    report = evenings[-1].report
    caught = match_mistakes(story.planted, report.findings)
    rows = tuple(
        (
            each.mistake.code,
            each.mistake.invoice,
            each.mistake.words,
            each.mistake.day,
            each.first_seen,
            each.finding.id if each.finding is not None else "missed",
        )
        for each in caught
    )
    columns = (
        Column("code", "Code"),
        Column("invoice", "Invoice"),
        Column("words", "What went wrong", is_wide=True),
        Column("day", "On"),
        Column("seen", "Caught"),
        Column("finding", "Finding"),
    )
    found = sum(each.finding is not None for each in caught)
    title = f"Planted mistakes: {len(caught)}, caught: {found}"
    console.print()
    console.print(table(Grid(title=title, columns=columns, rows=rows, styles={"missed": "bold red"})))
    alarms = false_alarms(caught, evenings)
    console.print(f"Harmless events: {len(story.decoys)}. Findings beside the planted mistakes: {len(alarms)}")
    notes = sum(len(evening.borne_out) for evening in evenings)
    console.print(f"Notes that a credit is open (C1, C2, F4): {notes}, each as the simulated books have it.")
    for stored in alarms:
        _say(console, f"  {stored.id} {stored.finding.code} {stored.finding.explanation}")
    console.print(table(tie_out_grid(report.tie_outs)))
    console.print(f"Verdict: {report.verdict}. Nothing of the difference is unexplained when the residual is 0.00.")
    _point_on(console, path, next((each.mistake.invoice for each in caught if each.finding is not None), "INV-1001"))


def _point_on(console: Console, path: Path, invoice: str) -> None:
    console.print(f"\nThe database and the configuration lie in {visible(str(path.parent))}. Try next:")
    for command in (f"explain {invoice}", "findings list", "audit verify"):
        console.print(f"  tieout {command} --config {visible(str(path))}")
