"""`tieout explain`: why a balance looks the way it does, and why a client has a credit."""

from pathlib import Path
from zoneinfo import ZoneInfo

import click

from sync.cli.grids import Format
from sync.cli.hostile_text import visible
from sync.cli.invocation import Invocation, common_options, example, format_options, pass_invocation
from sync.cli.pages import explanation_grids
from sync.cli.printing import print_data
from sync.cli.reporting_options import AS_OF, moment_from
from sync.exit_codes import ExitCode
from sync.reporting import explanation_document


@click.command(
    epilog=example(
        "tieout explain INV-101",
        'tieout explain "Acme Corp" --format json',
        "tieout explain INV-101 --as-of 2026-10-31",
    )
)
@common_options
@format_options
@AS_OF
@click.argument("subject", metavar="INVOICE|CLIENT")
@pass_invocation
def explain(invocation: Invocation, subject: str, as_of: str | None, form: str, output: Path | None) -> None:
    """Show the steps from one system's balance to the other's, with the records behind each step.

    For a client, also every occasion of his credit: what gave it, what used it, what is left. For an invoice, also
    what paid it in QuickBooks. Names an invoice by its number or id, or a client by its name or id. With --as-of it is
    told as the last run had read it that had ended by then.
    """
    settings = invocation.settings()
    company = settings.company(invocation.company)
    with invocation.open(settings) as application:
        reader = application.reader(company)
        asked = moment_from(as_of, ZoneInfo(company.timezone)) if as_of else None
        explanation = reader.explain(subject, asked)
        known_at = reader.judged_at() if asked is None else min(asked, reader.judged_at())
        gaps = reader.gaps(known_at)
    warnings = [f"  ! incomplete: {gap}" for gap in gaps]
    if form != Format.TABLE:
        for warning in warnings:
            click.echo(visible(warning), err=True)
    told = f"As known at {known_at:%Y-%m-%d %H:%M} UTC"
    lines = [*([told] if asked else []), *warnings, *explanation.answer]
    print_data(
        explanation_grids(explanation),
        explanation_document(explanation, as_of=known_at, parameters={"subject": subject}, gaps=gaps),
        form=Format(form),
        output=output,
        lines=[*lines, ""] if lines else [],
    )
    if explanation.is_empty:
        raise click.exceptions.Exit(ExitCode.INCOMPLETE)
