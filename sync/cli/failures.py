"""What a command says and answers when it cannot do its work: one sentence, and the exit code that goes with it."""

import sys
import traceback
from collections.abc import Callable, Iterator
from typing import Any

import click

from config.complaints import ConfigurationError
from connectors.errors import ConnectorError, handling_of
from state.errors import CompanyBusy, LeaseLost, StoreBusy, StoreError
from sync.cli.hostile_text import visible
from sync.exit_codes import ExitCode


class Failure(click.ClickException):
    """A command that ends with a sentence on standard error and an exit code, without a traceback."""

    exit_code: int  # type: ignore[misc]  # click declares it for the class, and reads it from the instance

    def __init__(self, sentence: str, exit_code: ExitCode) -> None:
        super().__init__(sentence)
        self.exit_code = int(exit_code)

    def show(self, file: Any = None) -> None:
        """Print the sentence on standard error; its lines are kept, anything that acts on a terminal is not."""
        del file
        safe = "\n".join(visible(line) for line in self.message.splitlines())
        click.echo(f"tieout: {safe}", err=True)


def failure_from(error: Exception) -> Failure:
    """The failure for anything that a command can raise; what nobody foresaw is a defect and says so."""
    match error:
        case ConfigurationError():
            return Failure(str(error), ExitCode.USAGE)
        case ConnectorError():
            return Failure(str(error), ExitCode(handling_of(error).exit_code))
        case CompanyBusy() | LeaseLost() | StoreBusy():
            return Failure(str(error), ExitCode.BUSY)
        case StoreError():
            return Failure(str(error), ExitCode.USAGE)
        case OSError():
            place = f"{error.filename}: " if error.filename else ""
            return Failure(f"{place}{error.strerror or error}", ExitCode.USAGE)
        case _:
            return Failure(
                f"this is a defect of Tieout ({type(error).__name__}); nothing was decided. "
                "Run the command again with --debug and report what it prints",
                ExitCode.DEFECT,
            )


def _traceback_lines(error: BaseException) -> Iterator[str]:
    """Where it happened, with the errors that it came from; without their texts, which may hold secrets and names."""
    for each in (error.__cause__, None if error.__suppress_context__ else error.__context__):
        if each is not None:
            yield from _traceback_lines(each)
            yield "\nfrom which came:\n\n"
            break
    yield "Traceback (most recent call last):\n"
    yield from traceback.format_tb(error.__traceback__)
    yield f"{type(error).__module__}.{type(error).__qualname__}\n"


def run_guarded(work: Callable[[], Any], *, show_traceback: bool) -> Any:
    """Do the work; turn whatever it raises into a `Failure`, with the traceback first when it is wanted."""
    try:
        return work()
    except (click.ClickException, click.exceptions.Exit, click.Abort, BrokenPipeError):
        raise
    except Exception as error:  # noqa: BLE001 - every error becomes a sentence and an exit code
        if show_traceback:
            sys.stderr.write("".join(_traceback_lines(error)))
        raise failure_from(error) from None
