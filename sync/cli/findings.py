"""`tieout findings`: the exception queue."""

from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import click

from config.complaints import configuration_error
from mappings.findings import FindingStatus, Severity
from mappings.records import ExpectationScope, StoredFinding
from sync.cli.failures import Failure
from sync.cli.grids import Format
from sync.cli.hostile_text import visible
from sync.cli.invocation import Invocation, common_options, example, format_options, pass_invocation
from sync.cli.pages import evidence_grid, finding_lines, findings_grid, history_grid, unreadable_grid
from sync.cli.people import by_option, who_or_user
from sync.cli.printing import print_data
from sync.exit_codes import ExitCode
from sync.reporting import advice_for, finding_page_document, findings_document, unreadable_document

_MOST_ADVICE = 5


@click.group(invoke_without_command=True, epilog=example("tieout findings", "tieout findings show A1-3f2a9c1b"))
@common_options
@click.pass_context
def findings(context: click.Context) -> None:
    """List findings, look at them, and say what is to be done about them."""
    if context.invoked_subcommand is None:
        context.invoke(list_findings, form=str(Format.TABLE), output=None, status=())


@findings.command("list", epilog=example("tieout findings list --status resolved --format csv --output findings.csv"))
@common_options
@format_options
@click.option(
    "--status",
    multiple=True,
    type=click.Choice([str(status) for status in FindingStatus]),
    help="Only these; may be given several times. Default: all that are not resolved.",
)
@pass_invocation
def list_findings(invocation: Invocation, form: str, output: Path | None, status: tuple[str, ...]) -> None:
    """List the findings, the most urgent first. Exits with 1 when any above S4 is unsettled."""
    settings = invocation.settings()
    company = settings.company(invocation.company)
    with invocation.open(settings) as application:
        found = application.reader(company).load_findings(status)
    print_data(
        [findings_grid(found, title=f"Findings of {company.alias}: {len(found)}")],
        findings_document(company.alias, found),
        form=Format(form),
        output=output,
    )
    if any(_counts(stored) for stored in found):
        raise click.exceptions.Exit(ExitCode.FINDINGS)


def _counts(stored: StoredFinding) -> bool:
    """Whether a finding keeps the verdict from being clean."""
    unsettled = stored.status in (FindingStatus.OPEN, FindingStatus.ACKNOWLEDGED)
    return unsettled and stored.finding.severity is not Severity.S4


@findings.command(epilog=example("tieout findings show A1-3f2a9c1b"))
@common_options
@format_options
@click.argument("finding")
@pass_invocation
def show(invocation: Invocation, finding: str, form: str, output: Path | None) -> None:
    """Show one FINDING in full: what it says, what proves it, and who decided what.

    FINDING is its id, or the beginning of it.
    """
    settings = invocation.settings()
    company = settings.company(invocation.company)
    with invocation.open(settings) as application:
        reader = application.reader(company)
        stored = reader.find_finding(finding)
        history = reader.load_decisions(stored)
    print_data(
        [history_grid(history), evidence_grid(stored.finding)] if history else [evidence_grid(stored.finding)],
        finding_page_document(company.alias, stored, history),
        form=Format(form),
        output=output,
        lines=finding_lines(stored),
    )


@findings.command(epilog=example("tieout findings unreadable", "tieout findings unreadable --format json"))
@common_options
@format_options
@pass_invocation
def unreadable(invocation: Invocation, form: str, output: Path | None) -> None:
    """List the records that cannot be read, why, and since when. Exits with 3 when there are any.

    Such a record is in no figure, and keeps every run incomplete until it can be read.
    """
    settings = invocation.settings()
    company = settings.company(invocation.company)
    with invocation.open(settings) as application:
        found = application.reader(company).load_set_aside()
    print_data(
        [unreadable_grid(found, title=f"Records of {company.alias} that cannot be read: {len(found)}")],
        unreadable_document(company.alias, found),
        form=Format(form),
        output=output,
    )
    if found:
        if form == str(Format.TABLE):
            click.echo("")
            for each in found[:_MOST_ADVICE]:
                click.echo(visible(advice_for(each)))
        raise click.exceptions.Exit(ExitCode.INCOMPLETE)


@findings.command(epilog=example("tieout findings verify A1-3f2a9c1b"))
@common_options
@click.argument("finding")
@pass_invocation
def verify(invocation: Invocation, finding: str) -> None:
    """Derive a FINDING again from the stored raw records, and check their hashes."""
    settings = invocation.settings()
    company = settings.company(invocation.company)
    with invocation.open(settings) as application:
        reader = application.reader(company)
        outcome = reader.verify_finding(reader.find_finding(finding))
    for line in outcome.lines:
        click.echo(visible(line))
    if not outcome.holds:
        raise Failure("the finding does not follow from the stored records: report this", ExitCode.NOT_UNDERSTOOD)


def _decision(name: str, status: FindingStatus, summary: str, *, needs_reason: bool) -> None:
    """Add a command that records a person's decision."""

    @findings.command(
        name, help=summary, epilog=example(f'tieout findings {name} A1-3f2a9c1b --reason "agreed with Ann"')
    )
    @common_options
    @click.argument("finding")
    @click.option("--reason", required=needs_reason, help="Kept in the history, for whoever asks later.")
    @by_option
    @pass_invocation
    def decide(invocation: Invocation, finding: str, reason: str | None, who: str) -> None:
        settings = invocation.settings()
        company = settings.company(invocation.company)
        with invocation.open(settings) as application:
            stored = application.decide(company, finding, status, reason=reason or "", who=who_or_user(who))
        _say(stored, f"is now {stored.status}")


_decision("acknowledge", FindingStatus.ACKNOWLEDGED, "Say that somebody is working on a FINDING.", needs_reason=False)
_decision(
    "resolve", FindingStatus.RESOLVED, "Close a FINDING; it opens again when it is found again.", needs_reason=True
)
_decision("reopen", FindingStatus.OPEN, "Open a FINDING again; what was expected of it ends.", needs_reason=False)


@findings.command(
    epilog=example(
        'tieout findings expect A1-3f2a9c1b --reason "agreed with Ann"',
        'tieout findings expect A1-3f2a9c1b --scope client --until 2026-12-31 --reason "paid by barter"',
    )
)
@common_options
@click.argument("finding")
@click.option("--reason", required=True, help="Kept in the history, for whoever asks later.")
@click.option(
    "--scope",
    type=click.Choice([str(scope) for scope in ExpectationScope]),
    default=str(ExpectationScope.RECORD),
    show_default=True,
    help="This finding; its type for this client, up to its amount; or its type for anybody, up to its amount.",
)
@click.option("--until", type=click.DateTime(["%Y-%m-%d"]), help="Until the end of that day. Default: for good.")
@by_option
@pass_invocation
def expect(invocation: Invocation, finding: str, reason: str, scope: str, until: datetime | None, *, who: str) -> None:
    """Say that a FINDING is as it should be; it no longer counts.

    It counts again when it shows more money or becomes more urgent, when the date has passed, or when somebody
    reopens it.
    """
    settings = invocation.settings()
    company = settings.company(invocation.company)
    with invocation.open(settings) as application:
        end = None if until is None else _end_of_day(until.date(), company.timezone)
        if end is not None and end <= application.now():
            raise configuration_error("--until", "lies in the past: name the last day on which it is expected")
        stored = application.expect(
            company, finding, scope=ExpectationScope(scope), until=end, reason=reason, who=who_or_user(who)
        )
    _say(stored, f"is now {stored.status}")


@findings.command(
    epilog=example("tieout findings assign A1-3f2a9c1b ann", "tieout findings assign A1-3f2a9c1b --nobody")
)
@common_options
@click.argument("finding")
@click.argument("person", required=False)
@click.option("--nobody", is_flag=True, help="Take the name away.")
@by_option
@pass_invocation
def assign(invocation: Invocation, finding: str, person: str | None, who: str, *, nobody: bool) -> None:
    """Name the PERSON who looks after a FINDING; the name stands in its alerts."""
    if nobody == (person is not None) or (person is not None and not person.strip()):
        raise configuration_error("findings assign", "name one person, or say --nobody")
    settings = invocation.settings()
    company = settings.company(invocation.company)
    with invocation.open(settings) as application:
        stored = application.assign(company, finding, (person or "").strip(), who=who_or_user(who))
    _say(stored, f"is assigned to {stored.assigned_to}" if stored.assigned_to else "is assigned to nobody")


@findings.command(epilog=example('tieout findings comment A1-3f2a9c1b "asked the client on Monday"'))
@common_options
@click.argument("finding")
@click.argument("text")
@by_option
@pass_invocation
def comment(invocation: Invocation, finding: str, text: str, who: str) -> None:
    """Add a remark to a FINDING; it stands in its history."""
    if not text.strip():
        raise configuration_error("findings comment", "there is nothing to add: write a text")
    settings = invocation.settings()
    company = settings.company(invocation.company)
    with invocation.open(settings) as application:
        stored = application.comment(company, finding, text.strip(), who=who_or_user(who))
    _say(stored, "has a new remark")


def _say(stored: StoredFinding, what: str) -> None:
    name = visible(stored.id if stored.id.startswith(stored.finding.code) else f"{stored.finding.code} {stored.id[:8]}")
    click.echo(f"{name} {visible(what)}.")


def _end_of_day(day: date, timezone: str) -> datetime:
    """The moment at which the day has ended in the company's time zone."""
    return datetime.combine(day + timedelta(days=1), time(), tzinfo=ZoneInfo(timezone)).astimezone(UTC)
