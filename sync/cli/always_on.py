"""`tieout run`: the daemon, until it is told to stop."""

import os
import signal
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType
from typing import TYPE_CHECKING, cast

import click

from config.daemon_settings import split_address
from sync.cli.hostile_text import visible
from sync.cli.invocation import Invocation, common_options, example, pass_invocation

if TYPE_CHECKING:
    from sync.app import Application


def _address(context: click.Context, parameter: click.Parameter, value: str | None) -> str | None:
    del context, parameter
    try:
        if value:
            split_address(value)
    except ValueError as error:
        raise click.BadParameter(f"{value} {error}") from None
    return value


@click.command(epilog=example("tieout run", "tieout run --company acme --webhooks 127.0.0.1:8487"))
@common_options
@click.option(
    "--webhooks",
    metavar="HOST:PORT",
    callback=_address,
    help="Listen for QuickBooks' webhooks at /webhooks/quickbooks, behind a proxy that speaks TLS.",
)
@pass_invocation
def run(invocation: Invocation, webhooks: str | None) -> None:
    """Work on all companies until stopped: read every few minutes, compare, tell people, check each night.

    Ends within ten seconds after Ctrl-C or SIGTERM; what was read stays, and the next start goes on from there.
    """
    from sync.always_on import RunOptions, run_daemon  # noqa: PLC0415 - `--help` should not wait for the servers

    settings = invocation.settings()
    named = invocation.company
    companies = (settings.company(named),) if named is not None else settings.companies
    options = RunOptions(companies=companies, webhooks=settings.daemon.webhooks if webhooks is None else webhooks)
    with _stopped_by_signals() as stop, invocation.open(settings) as opened:
        ended = run_daemon(
            cast("Application", opened),  # the daemon needs the whole of it
            options,
            stop=stop,
            environ=os.environ,
            say=lambda status: click.echo(f"tieout: {visible(status)}; stop with Ctrl-C", err=True),
        )
    click.echo("tieout: stopped", err=True)
    if ended.is_cut_off:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(ended.exit_code)  # a thread hangs in a call; everything is committed or rolled back
    raise click.exceptions.Exit(ended.exit_code)


@contextmanager
def _stopped_by_signals() -> Iterator[threading.Event]:
    """An event that SIGTERM and SIGINT set; the second signal of a kind ends the program at once, as usual."""
    stop = threading.Event()

    def set_stop(number: int, frame: FrameType | None) -> None:
        del frame
        signal.signal(number, earlier[signal.Signals(number)])
        stop.set()

    earlier = {number: signal.signal(number, set_stop) for number in (signal.SIGTERM, signal.SIGINT)}
    try:
        yield stop
    finally:
        for number, handler in earlier.items():
            signal.signal(number, handler)
