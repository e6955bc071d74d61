"""The command line: one group, one module for each family of commands."""

import contextlib
import os
import sys
from typing import Any

import click

from sync.cli import (
    alerts,
    always_on,
    auditing,
    checking,
    connecting,
    demonstrating,
    deploying,
    explaining,
    findings,
    initialising,
    keys,
    reporting,
    running,
    sandbox,
)
from sync.cli.failures import run_guarded
from sync.cli.invocation import Invocation, common_options, example
from sync.cli.versions import version
from sync.exit_codes import ExitCode


class Program(click.Group):
    """A group whose commands end with one sentence and an exit code, whatever they raise."""

    def invoke(self, ctx: click.Context) -> Any:
        """Run the chosen command; what it raises becomes a `Failure`."""
        invocation = ctx.ensure_object(Invocation)
        outcome: list[Any] = []

        def work() -> None:
            outcome.append(super(Program, self).invoke(ctx))

        try:
            run_guarded(work, show_traceback=_wants_traceback(ctx, invocation))
        except BrokenPipeError:
            _close_stdout()
            raise click.exceptions.Exit(ExitCode.INTERRUPTED) from None
        return outcome[0]


def _wants_traceback(ctx: click.Context, invocation: Invocation) -> bool:
    """The flag may stand after the command's name, which has not been read at this moment."""
    return invocation.debug or "--debug" in getattr(ctx, "_protected_args", []) + ctx.args


def _close_stdout() -> None:
    """The reader of our output has gone; nothing more is written, not even at the end of the program."""
    with contextlib.suppress(OSError):
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


@click.group(
    cls=Program,
    epilog=example("tieout demo", "tieout reconcile --format json", "tieout explain INV-101"),
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
)
@common_options
def program() -> None:
    """Keep the credits of BigTime and QuickBooks Online honest.

    Exit codes: 0 clean, 1 findings are open, 2 usage or configuration, 3 incomplete, 4 a person must
    reconnect, 5 an answer breaks our understanding of an API, 6 busy.
    """


for command in (
    demonstrating.demo,
    initialising.init,
    checking.check,
    connecting.connect,
    connecting.disconnect,
    running.sync,
    running.reconcile,
    always_on.run,
    keys.keys,
    deploying.deploy,
    findings.findings,
    alerts.alerts,
    explaining.explain,
    reporting.report,
    auditing.audit,
    sandbox.sandbox,
    version,
):
    program.add_command(command)
