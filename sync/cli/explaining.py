"""`tieout explain`: why a balance looks the way it does, and why a client has a credit."""

from pathlib import Path

import click

from sync.cli.grids import Format
from sync.cli.invocation import Invocation, common_options, example, format_options, pass_invocation
from sync.cli.pages import explanation_grids
from sync.cli.printing import print_data
from sync.reporting import explanation_document


@click.command(epilog=example("tieout explain INV-101", 'tieout explain "Acme Corp" --format json'))
@common_options
@format_options
@click.argument("subject", metavar="INVOICE|CLIENT")
@pass_invocation
def explain(invocation: Invocation, subject: str, form: str, output: Path | None) -> None:
    """Show the steps from one system's balance to the other's, with the records behind each step.

    For a client, also every occasion of his credit: what gave it, what used it, what is left. For an invoice, also
    what paid it in QuickBooks. Names an invoice by its number or id, or a client by its name or id.
    """
    settings = invocation.settings()
    company = settings.company(invocation.company)
    with invocation.open(settings) as application:
        reader = application.reader(company)
        explanation, as_of = reader.explain(subject), reader.judged_at()
    print_data(
        explanation_grids(explanation),
        explanation_document(explanation, as_of=as_of, parameters={"subject": subject}),
        form=Format(form),
        output=output,
        lines=[*explanation.answer, ""] if explanation.answer else [],
    )
