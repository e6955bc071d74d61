"""`tieout alerts`: what people have been told, what waits to be sent, and what is not to be told for a while."""

import re
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import click

from config.complaints import configuration_error
from mappings.alerts import AlertRecord, AlertState, Delivery, Silence, SilenceScope
from sync.cli.failures import Failure
from sync.cli.grids import Column, Format, Grid
from sync.cli.hostile_text import visible
from sync.cli.invocation import Invocation, common_options, example, format_options, pass_invocation
from sync.cli.people import by_option, who_or_user
from sync.cli.printing import print_data
from sync.exit_codes import ExitCode
from sync.reporting import format_moment

ALERTS_SCHEMA = "tieout.alerts/1"
_SPAN = re.compile(r"(\d{1,4})([hdw])")
_UNITS = {"h": "hours", "d": "days", "w": "weeks"}


@click.group(epilog=example("tieout alerts list", "tieout alerts send"))
@common_options
def alerts() -> None:
    """See what was told, send what waits, and keep alerts quiet for a while."""


@alerts.command("list", epilog=example("tieout alerts list", "tieout alerts list --all --format json"))
@common_options
@format_options
@click.option("--all", "everything", is_flag=True, help="Also alerts that are over, and silences that have ended.")
@pass_invocation
def list_alerts(invocation: Invocation, form: str, output: Path | None, *, everything: bool) -> None:
    """List a company's alerts, the silences in force, and the latest messages with what became of them."""
    settings = invocation.settings()
    company = settings.company(invocation.company)
    with invocation.open(settings) as application:
        office = application.alerts()
        situation = office.load_situation(company.alias)
        deliveries = office.load_deliveries(company.alias, limit=50)
        now = application.now()
    over = (AlertState.RESOLVED, AlertState.SETTLED)
    records = [each for each in situation.alerts if everything or each.state not in over]
    silences = [each for each in situation.silences if everything or each.covers(now)]
    grids = [_alerts_grid(records), _silences_grid(silences), _deliveries_grid(deliveries)]
    print_data(
        [grid for grid in grids if grid.rows] or grids[:1],
        _document(company.alias, records, silences, deliveries),
        form=Format(form),
        output=output,
    )


@alerts.command(epilog=example("tieout alerts send", "tieout alerts send --again --channel team"))
@common_options
@click.option("--again", is_flag=True, help="Try at once what waits for another attempt, and what was given up.")
@click.option("--channel", help="With --again: only this channel.")
@pass_invocation
def send(invocation: Invocation, channel: str | None, *, again: bool) -> None:
    """Decide what is to be told of every company, and send what is due. The daemon does the same by itself."""
    settings = invocation.settings()
    with invocation.open(settings) as application:
        office = application.alerts()
        if not office.channel_names():
            raise configuration_error("[[channels]]", "there is no channel: `tieout init` shows how one is written")
        if again:
            click.echo(f"{office.send_again(channel)} messages are due now.")
        report = office.beat()
    click.echo(f"{report.sent} message{'s' if report.sent != 1 else ''} sent.")
    for name, sentence in report.failures.items():
        click.echo(f"tieout: {visible(name)}: {visible(sentence)}", err=True)
    if report.failures:
        raise click.exceptions.Exit(ExitCode.INCOMPLETE)


@alerts.command(epilog=example("tieout alerts test", "tieout alerts test team"))
@common_options
@click.argument("channel", required=False)
@pass_invocation
def test(invocation: Invocation, channel: str | None) -> None:
    """Send a test message to a CHANNEL, or to every channel."""
    settings = invocation.settings()
    failures = []
    with invocation.open(settings) as application:
        office = application.alerts()
        names = (channel,) if channel is not None else office.channel_names()
        if not names:
            raise configuration_error("[[channels]]", "there is no channel: `tieout init` shows how one is written")
        for name in names:
            problem = office.try_channel(name)
            click.echo(f"{visible(name)}: {'sent' if not problem else visible(problem)}")
            failures += [name] if problem else []
    if failures:
        raise Failure(f"{len(failures)} of {len(names)} channels did not take the message", ExitCode.INCOMPLETE)


@alerts.command(
    epilog=example(
        'tieout alerts silence --incident I-3f2a9c1b --for 3d --reason "waiting for the client"',
        'tieout alerts silence --code F4 --for 2w --reason "clean-up is planned"',
    )
)
@common_options
@click.option("--incident", help="The incident's name, as in the alert.")
@click.option("--code", help="A finding type, for example F4.")
@click.option("--client", help="A client, by name or by its id in either system.")
@click.option("--everything", is_flag=True, help="The whole company.")
@click.option("--for", "span", metavar="TIME", help="How long: 12h, 3d or 2w.")
@click.option("--until", type=click.DateTime(["%Y-%m-%d", "%Y-%m-%dT%H:%M"]), help="Until when, in UTC.")
@click.option("--reason", required=True, help="Shown to whoever wonders why it is so quiet.")
@by_option
@pass_invocation
def silence(invocation: Invocation, /, reason: str, who: str, **options: Any) -> None:
    """Tell nothing of an incident, a type, a client or the company until a time has passed. Findings stay listed."""
    scope, value = _scope(options)
    settings = invocation.settings()
    company = settings.company(invocation.company)
    with invocation.open(settings) as application:
        until = _end(options["span"], options["until"], application.now())
        made = application.alerts().silence(
            company.alias, scope, value, author=who_or_user(who), reason=reason, until=until
        )
    click.echo(
        f"Silence {made.id} until {format_moment(made.expires_at)}. `tieout alerts unsilence {made.id}` ends it."
    )


@alerts.command(epilog=example("tieout alerts unsilence 3"))
@common_options
@click.argument("number", type=int)
@by_option
@pass_invocation
def unsilence(invocation: Invocation, number: int, who: str) -> None:
    """End the silence of that NUMBER. What is still open and was not told is told then."""
    settings = invocation.settings()
    company = settings.company(invocation.company)
    with invocation.open(settings) as application:
        application.alerts().end_silence(company.alias, number, author=who_or_user(who))
    click.echo(f"Silence {number} has ended.")


def _scope(options: dict[str, Any]) -> tuple[SilenceScope, str]:
    named = [
        (scope, str(options[scope.value]))
        for scope in (SilenceScope.INCIDENT, SilenceScope.CODE, SilenceScope.CLIENT)
        if options[scope.value]
    ]
    named += [(SilenceScope.COMPANY, "")] if options["everything"] else []
    if len(named) != 1:
        raise configuration_error(
            "alerts silence", "say what: exactly one of --incident, --code, --client and --everything"
        )
    return named[0]


def _end(span: str | None, until: datetime | None, now: datetime) -> datetime:
    if (span is None) == (until is None):
        raise configuration_error("alerts silence", "say how long: either --for 3d or --until 2026-03-31")
    if until is not None:
        return until.replace(tzinfo=now.tzinfo)
    found = _SPAN.fullmatch(str(span).strip().lower())
    if found is None or not int(found[1]):
        raise configuration_error("--for", f"cannot read {span!r}: write 12h, 3d or 2w")
    return now + timedelta(**{_UNITS[found[2]]: int(found[1])})


def _alerts_grid(records: list[AlertRecord]) -> Grid:
    return Grid(
        title=f"Alerts: {len(records)}",
        columns=(
            Column("incident", "Incident"),
            Column("severity", "Sev"),
            Column("state", "State"),
            Column("heading", "What", is_wide=True),
            Column("since", "Since"),
            Column("told", "Told"),
            Column("held_by", "Held back because", is_wide=True),
        ),
        rows=tuple(
            (each.incident, each.severity, str(each.state), each.heading, each.since, each.told_at, each.held_by)
            for each in records
        ),
    )


def _silences_grid(silences: list[Silence]) -> Grid:
    return Grid(
        title="Silences",
        columns=(
            Column("id", "No", is_number=True),
            Column("scope", "Of"),
            Column("value", "Which", is_wide=True),
            Column("author", "By"),
            Column("reason", "Reason", is_wide=True),
            Column("until", "Until"),
        ),
        rows=tuple(
            (each.id, str(each.scope), each.value, each.author, each.reason, each.ended_at or each.expires_at)
            for each in silences
        ),
    )


def _deliveries_grid(deliveries: tuple[Delivery, ...]) -> Grid:
    return Grid(
        title="Messages, the latest first",
        columns=(
            Column("created", "Written"),
            Column("channel", "Channel"),
            Column("kind", "Kind"),
            Column("subject", "Subject", is_wide=True),
            Column("state", "State"),
            Column("attempts", "Tries", is_number=True),
            Column("problem", "Problem", is_wide=True),
        ),
        rows=tuple(
            (
                each.created_at,
                each.channel,
                str(each.kind),
                each.notice.subject,
                str(each.state),
                each.attempts,
                each.last_error,
            )
            for each in deliveries
        ),
    )


def _document(
    company: str, records: list[AlertRecord], silences: list[Silence], deliveries: tuple[Delivery, ...]
) -> dict[str, Any]:
    """The JSON document `tieout.alerts/1`."""
    return {
        "schema": ALERTS_SCHEMA,
        "company": company,
        "alerts": [
            {
                "incident": each.incident,
                "severity": each.severity,
                "state": str(each.state),
                "episode": each.episode,
                "heading": each.heading,
                "since": format_moment(each.since),
                "told": None if each.told_at is None else format_moment(each.told_at),
                "held_by": each.held_by,
            }
            for each in records
        ],
        "silences": [
            {
                "id": each.id,
                "scope": str(each.scope),
                "value": each.value,
                "author": each.author,
                "reason": each.reason,
                "until": format_moment(each.ended_at or each.expires_at),
            }
            for each in silences
        ],
        "messages": [
            {
                "message": each.message,
                "key": each.key,
                "episode": each.episode,
                "channel": each.channel,
                "kind": str(each.kind),
                "state": str(each.state),
                "subject": each.notice.subject,
                "attempts": each.attempts,
                "problem": each.last_error,
                "written": format_moment(each.created_at),
                "sent": None if each.sent_at is None else format_moment(each.sent_at),
            }
            for each in deliveries
        ],
    }
