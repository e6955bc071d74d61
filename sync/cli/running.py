"""`tieout sync` and `tieout reconcile`: one run of one company, now."""

from pathlib import Path

import click

from mappings.findings import Gap, Verdict
from sync.cli.failures import Failure, failure_from
from sync.cli.grids import Format
from sync.cli.hostile_text import visible
from sync.cli.invocation import Invocation, common_options, example, format_options, pass_invocation
from sync.cli.pages import certificate_grid, certificate_lines, findings_grid, run_lines, tie_out_grid
from sync.cli.printing import print_data
from sync.cli.progress import progress_bar
from sync.exit_codes import ExitCode
from sync.reporting import RunCertificate, RunReport, pull_document, reconcile_document

_losses = click.option(
    "--accept-losses", is_flag=True, help="Records that suddenly vanished from BigTime in numbers are really gone."
)


@click.command(epilog=example("tieout sync", "tieout sync --company acme --format json"))
@common_options
@format_options
@click.option("--full", is_flag=True, help="Read everything again, not only what changed.")
@_losses
@pass_invocation
def sync(invocation: Invocation, form: str, output: Path | None, *, full: bool, accept_losses: bool) -> None:
    """Read what changed in both systems into the store; judge nothing."""
    settings = invocation.settings()
    company = settings.company(invocation.company)
    with (
        invocation.open(settings) as application,
        progress_bar(company.alias) as progress,
        application.hold(company, progress) as worker,
    ):
        report = worker.pull(full=full, accept_losses=accept_losses)
    if report.problem:
        click.echo(f"tieout: {visible(report.problem)}", err=True)
    lines = [f"{report.company}: {_pull_sentence(report.certificate)} (run {report.run})"]
    print_data(
        [certificate_grid(report.certificate)],
        pull_document(report),
        form=Format(form),
        output=output,
        lines=[*lines, *certificate_lines(report.certificate)],
    )
    raise click.exceptions.Exit(report.exit_code)


def _pull_sentence(certificate: RunCertificate) -> str:
    return "everything was read" if certificate.complete else "not everything could be read"


@click.command(
    epilog=example("tieout reconcile", "tieout reconcile --full --format json", "tieout reconcile --no-pull")
)
@common_options
@format_options
@click.option("--no-pull", is_flag=True, help="Judge what is stored, and read nothing.")
@click.option("--full", is_flag=True, help="Read and look at everything again, not only at what changed.")
@_losses
@pass_invocation
def reconcile(
    invocation: Invocation, form: str, output: Path | None, *, no_pull: bool, full: bool, accept_losses: bool
) -> None:
    """Read what changed in both systems, compare them and print the verdict.

    The verdict is clean (exit code 0), findings (1) or incomplete (3, 4 or 5).
    """
    try:
        report = _reconcile(invocation, no_pull=no_pull, full=full, accept_losses=accept_losses)
    except Exception as error:
        if Format(form) is Format.JSON:
            failure = failure_from(error)
            _print_run(_unbegun(invocation.company or "", failure), Format.JSON, output)
        raise
    _print_run(report, Format(form), output)
    if report.problem:
        raise Failure(report.problem, report.exit_code)
    if report.certificate.gaps and Format(form) is not Format.TABLE:
        click.echo(f"tieout: incomplete: {visible(report.certificate.gaps[0].sentence)}", err=True)
    raise click.exceptions.Exit(report.exit_code)


def _reconcile(invocation: Invocation, *, no_pull: bool, full: bool, accept_losses: bool) -> RunReport:
    settings = invocation.settings()
    company = settings.company(invocation.company)
    invocation.company = company.alias
    with (
        invocation.open(settings) as application,
        progress_bar(company.alias) as progress,
        application.hold(company, progress) as worker,
    ):
        return worker.reconcile(no_pull=no_pull, full=full, accept_losses=accept_losses)


def _unbegun(company: str, failure: Failure) -> RunReport:
    """What a run that could not begin, or broke off, has to say to a program that waits for a document."""
    return RunReport(
        company=company,
        run="",
        verdict=Verdict.INCOMPLETE,
        certificate=RunCertificate(gaps=(Gap("G10", "tieout", failure.message),)),
        tie_outs=(),
        findings=(),
        exit_code=ExitCode(failure.exit_code),
    )


def _print_run(report: RunReport, form: Format, output: Path | None) -> None:
    grids = [tie_out_grid(report.tie_outs), findings_grid(report.findings)]
    shown = grids if form is not Format.TABLE else [grid for grid in grids if grid.rows]
    print_data(shown, reconcile_document(report), form=form, output=output, lines=run_lines(report))
