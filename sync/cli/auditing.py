"""`tieout audit`: the log of findings, decisions, settings and exports."""

import click

from sync.cli.failures import Failure
from sync.cli.hostile_text import visible
from sync.cli.invocation import Invocation, common_options, example, pass_invocation
from sync.exit_codes import ExitCode


@click.group(epilog=example("tieout audit verify"))
@common_options
def audit() -> None:
    """Look after the audit log, in which every entry holds the hash of the one before."""


@audit.command(epilog=example("tieout audit verify", "tieout audit verify --company acme"))
@common_options
@pass_invocation
def verify(invocation: Invocation) -> None:
    """Check that no entry of the audit log was changed, removed or inserted."""
    settings = invocation.settings()
    company = settings.company(invocation.company)
    with invocation.open(settings) as application:
        outcome = application.reader(company).verify_audit()
    for line in outcome.lines:
        click.echo(visible(line))
    if not outcome.holds:
        raise Failure("the audit log was changed: compare it with a backup", ExitCode.NOT_UNDERSTOOD)
