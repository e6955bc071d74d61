"""`tieout report`: what the books hold of clients' credits, as table, JSON, CSV or workbook."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import click

from sync.cli.grids import Format
from sync.cli.hostile_text import visible
from sync.cli.invocation import Invocation, common_options, example, format_options, pass_invocation
from sync.cli.printing import print_data
from sync.cli.report_making import gather
from sync.cli.reporting_month_end import month_end
from sync.cli.reporting_options import question_from, report_options
from sync.cli.reporting_pages import nothing, report_document, report_grids
from sync.cli.workbooks import workbook_bytes
from sync.exit_codes import ExitCode
from sync.reports.applied_balance import AppliedBalance
from sync.reports.credit_activity import CreditActivity
from sync.reports.credit_balances import CreditBalances
from sync.reports.payments import Payments
from sync.reports.report import Gatherer, Reading, Report
from sync.reports.restatements import Restatements
from sync.reports.rolling import RollForward
from sync.reports.scope import Scope

Making = Callable[[Scope], Gatherer]


@click.group(
    epilog=example(
        "tieout report applied-balance --month 2026-10",
        'tieout report credit-activity "Acme Corp"',
        "tieout report month-end --month 2026-10 --folder october",
    )
)
@common_options
def report() -> None:
    """Credits of clients: what is there, what moved, what was reported before.

    Every report can be told again as of an earlier moment (--as-of), with the same bytes.
    """


def _run(invocation: Invocation, options: dict[str, Any], making: Making, **more: str) -> None:
    """Make the report and put it where it was asked for; a report of books that were not read whole says so."""
    form, output = Format(options.pop("form")), options.pop("output")
    question = question_from(options)
    settings = invocation.settings()
    company = settings.company(invocation.company)
    with invocation.open(settings) as application:
        reader = application.report_reader(company)
        scope = question.scope(company.alias, reader.timezone(), reader.judged_at())
        gatherer = making(scope)
        reading = gather(reader, scope, gatherer)
        made = gatherer.report()
    parameters = {**question.parameters(), **{name: value for name, value in more.items() if value}}
    _show(made, reading, parameters, form, output)
    if reading.gaps:
        raise click.exceptions.Exit(ExitCode.INCOMPLETE)


def _show(made: Report, reading: Reading, parameters: dict[str, str], form: Format, output: Path | None) -> None:
    warnings = [*(f"  ! incomplete: {gap}" for gap in reading.gaps), *(f"  ! {note}" for note in reading.notes)]
    if form is not Format.TABLE:
        for warning in warnings:
            click.echo(visible(warning), err=True)
    title = f"{made.scope.company}, as known at {made.scope.as_of:%Y-%m-%d %H:%M} UTC"
    print_data(
        report_grids(made) if made.rows or form is not Format.TABLE else report_grids(made)[:-1],
        report_document(made, parameters, reading),
        form=form,
        output=output,
        lines=[title, *warnings, *made.lines, *([] if made.rows else [nothing(made)]), ""],
        workbook=lambda: workbook_bytes([made], reading=reading),
    )


@report.command("applied-balance", epilog=example("tieout report applied-balance --month 2026-10 --format xlsx"))
@common_options
@format_options
@report_options
@click.option("--account", metavar="ACCOUNT", help="Only this receivable account, by name or id.")
@pass_invocation
def applied_balance(invocation: Invocation, /, **options: Any) -> None:
    """Credit put on invoices in a period, and taken back; money received stands beside it."""
    _run(invocation, options, AppliedBalance)


@report.command("credit-balances", epilog=example("tieout report credit-balances --currency USD"))
@common_options
@format_options
@report_options
@pass_invocation
def credit_balances(invocation: Invocation, /, **options: Any) -> None:
    """What each client owes and has to his credit, never netted; credits by age, beside overdue invoices."""
    _run(invocation, options, CreditBalances)


@report.command("credit-activity", epilog=example('tieout report credit-activity "Acme Corp"'))
@common_options
@format_options
@report_options
@click.argument("subject", metavar="CLIENT", required=False)
@pass_invocation
def credit_activity(invocation: Invocation, /, subject: str | None, **options: Any) -> None:
    """Why does this client have a credit? Every occasion, what it gave, what used it, what is left."""
    options["client"] = subject or options.get("client")
    _run(invocation, options, CreditActivity)


@report.command("payments", epilog=example("tieout report payments --month 2026-10 --credits-only"))
@common_options
@format_options
@report_options
@click.option("--credits-only", is_flag=True, help="Only payments that made a credit or used one.")
@pass_invocation
def payments(invocation: Invocation, /, *, credits_only: bool, **options: Any) -> None:
    """Payments with money and credit told apart to the cent."""
    _run(
        invocation,
        options,
        lambda scope: Payments(scope, credits_only=credits_only),
        credits_only="true" if credits_only else "",
    )


@report.command("roll-forward", epilog=example("tieout report roll-forward --month 2026-10"))
@common_options
@format_options
@report_options
@pass_invocation
def roll_forward(invocation: Invocation, /, **options: Any) -> None:
    """Opening + issued - applied + un-applied - refunded + edited = closing, for each client."""
    _run(invocation, options, RollForward)


@report.command("restatements", epilog=example("tieout report restatements --month 2026-10"))
@common_options
@format_options
@report_options
@click.option(
    "--closing-days", type=click.IntRange(0, 92), default=0, help="A month is reported so many days after its end."
)
@pass_invocation
def restatements(invocation: Invocation, /, closing_days: int, **options: Any) -> None:
    """What changed in a month that had been reported, and which event did it."""
    _run(
        invocation,
        options,
        lambda scope: Restatements(scope, closing_days=closing_days),
        closing_days=str(closing_days) if closing_days else "",
    )


report.add_command(month_end)
