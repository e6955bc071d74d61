"""The options that every command has, and what a command needs to do its work."""

import os
import sys
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

import click
from rich.console import Console

from config.settings import Settings, load_settings, settings_path
from sync.cli.application import Application
from sync.cli.grids import Format

Command = TypeVar("Command", bound=Callable[..., Any])

COLUMNS = 100


def _open_real(settings: Settings) -> AbstractContextManager[Application]:
    """The program itself; loaded here, because `--help` should not wait for the libraries of two APIs."""
    from sync.app import open_application  # noqa: PLC0415

    return open_application(settings)


@dataclass(slots=True)
class Invocation:
    """What was said on the command line before and after the command's name.

    `opening` joins settings to a running application; tests put another one in its place.
    """

    config: str | None = None
    company: str | None = None
    debug: bool = False
    log_format: str | None = None
    opening: Callable[[Settings], AbstractContextManager[Application]] = field(default=_open_real)

    @property
    def path(self) -> Path:
        """The settings file."""
        return settings_path(self.config)

    def settings(self) -> Settings:
        """The settings. Raises: `ConfigurationError` with every problem of the file."""
        settings = load_settings(self.path)
        if self.log_format is None and not self.debug:
            return settings
        logging = settings.logging.model_copy(
            update={
                "format": self.log_format or settings.logging.format,
                "level": "debug" if self.debug else settings.logging.level,
            }
        )
        return settings.model_copy(update={"logging": logging})

    def open(self, settings: Settings) -> AbstractContextManager[Application]:
        """The application that these settings describe; closed at the end of the block."""
        return self.opening(settings)


pass_invocation = click.make_pass_decorator(Invocation, ensure=True)


def _keep(name: str) -> Callable[[click.Context, click.Parameter, Any], None]:
    def callback(context: click.Context, parameter: click.Parameter, value: Any) -> None:
        del parameter
        if value is not None and value is not False:
            setattr(context.ensure_object(Invocation), name, value)

    return callback


_PARAMETERS = "__click_params__"  # where click keeps the options of a function that is not a command yet


def common_options(command: Command) -> Command:
    """Give a command `--config`, `--company`, `--log-format` and `--debug`; they may stand before its name, too.

    Its help shows the command's own options first.
    """
    own = list(getattr(command, _PARAMETERS, ()))
    for option in (
        click.option("--debug", is_flag=True, expose_value=False, callback=_keep("debug"), help="Show tracebacks."),
        click.option(
            "--log-format",
            type=click.Choice(["text", "json"]),
            expose_value=False,
            callback=_keep("log_format"),
            help="How log lines on standard error look.",
        ),
        click.option(
            "--company", metavar="ALIAS", expose_value=False, callback=_keep("company"), help="Default: the only one."
        ),
        click.option(
            "--config",
            metavar="PATH",
            expose_value=False,
            callback=_keep("config"),
            help="The settings file. Default: ./tieout.toml, else TIEOUT_CONFIG.",
        ),
    ):
        command = option(command)
    listed = getattr(command, _PARAMETERS)  # click shows them from the end
    listed[:] = listed[len(own) :] + own
    return command


def format_options(command: Command) -> Command:
    """Give a command `--format` and `--output`."""
    for option in (
        click.option(
            "--output",
            type=click.Path(dir_okay=False, writable=True, path_type=Path),
            help="Write to this file instead of standard output.",
        ),
        click.option(
            "--format",
            "form",
            type=click.Choice([str(form) for form in Format]),
            default=str(Format.TABLE),
            show_default=True,
            help="How data is printed.",
        ),
    ):
        command = option(command)
    return command


def example(*lines: str) -> str:
    """The epilog of a command: how it is called."""
    return "\b\nExample:\n" + "\n".join(f"  {line}" for line in lines)


def out_console() -> Console:
    """Standard output: 100 columns at most, texts taken literally."""
    return _console(sys.stdout)


def err_console() -> Console:
    """Standard error, where progress goes."""
    return _console(sys.stderr)


def _console(stream: Any) -> Console:
    is_terminal = stream.isatty()
    width = COLUMNS if not is_terminal else min(COLUMNS, _terminal_width())
    return Console(file=stream, width=width, markup=False, highlight=False, emoji=False, legacy_windows=False)


def _terminal_width() -> int:
    try:
        return os.get_terminal_size(sys.stdout.fileno()).columns or COLUMNS
    except (OSError, ValueError):
        return COLUMNS
