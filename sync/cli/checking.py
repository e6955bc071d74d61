"""`tieout check`: does everything work that a run needs?"""

from collections.abc import Sequence
from pathlib import Path

import click

from state.errors import StoreError
from sync.checking import Check, worst
from sync.cli.grids import Column, Format, Grid
from sync.cli.invocation import Invocation, common_options, example, format_options, pass_invocation
from sync.cli.printing import print_data
from sync.exit_codes import ExitCode
from sync.reporting import check_document

_WORDS = {
    ExitCode.CLEAN: "ok",
    ExitCode.USAGE: "correct this",
    ExitCode.INCOMPLETE: "try again",
    ExitCode.RECONNECT: "reconnect",
    ExitCode.NOT_UNDERSTOOD: "report this",
}
_STYLES = {"ok": "green", "correct this": "red", "reconnect": "red", "report this": "red", "try again": "yellow"}


@click.command(epilog=example("tieout check", "tieout check --format json"))
@common_options
@format_options
@pass_invocation
def check(invocation: Invocation, form: str, output: Path | None) -> None:
    """Walk through everything that can be wrong, in order, one line each with what to do.

    The configuration, the database, the keys, the channels of alerts, QuickBooks and its settings, the clock, when the
    connection ends, BigTime, the rights and words there, the daemon, the call budget, records that cannot be read.
    """
    settings = invocation.settings()
    company = settings.company(invocation.company)
    checks = [Check(name="configuration", detail=str(invocation.path))]
    try:
        with invocation.open(settings) as application:
            checks += application.check(company)
    except StoreError as error:
        checks.append(Check(name="database", detail=str(error), exit_code=ExitCode.USAGE))
    print_data([_grid(company.alias, checks)], check_document(company.alias, checks), form=Format(form), output=output)
    raise click.exceptions.Exit(worst(checks))


def _grid(alias: str, checks: Sequence[Check]) -> Grid:
    return Grid(
        title=f"Check of {alias}",
        columns=(Column("part", "Part"), Column("result", "Result"), Column("detail", "Detail", is_wide=True)),
        rows=tuple((check.name, _WORDS[check.exit_code], check.detail) for check in checks),
        styles=_STYLES,
    )
