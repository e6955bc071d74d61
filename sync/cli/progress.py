"""Progress of long work, on standard error and only when that is a terminal."""

from collections.abc import Iterator
from contextlib import contextmanager

from rich.progress import BarColumn, MofNCompleteColumn, Progress, SpinnerColumn, TaskID, TextColumn, TimeElapsedColumn

from sync.cli.hostile_text import visible
from sync.cli.invocation import err_console
from sync.work import ProgressSink


@contextmanager
def progress_bar(title: str) -> Iterator[ProgressSink]:
    """A sink for steps: shows what is being done and how much of it is done. Silent when nobody can see it."""
    console = err_console()
    if not console.is_terminal:
        yield _silent
        return
    columns = (
        SpinnerColumn(),
        TextColumn("{task.description}", markup=False),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
    )
    with Progress(*columns, console=console, transient=True) as bars:
        tasks: dict[str, TaskID] = {}

        def show(step: str, done: int, total: int | None) -> None:
            if step not in tasks:
                tasks[step] = bars.add_task(f"{visible(title)}: {step}", total=total)
            bars.update(tasks[step], completed=done, total=total)

        yield show


def _silent(step: str, done: int, total: int | None) -> None:
    """Nobody is watching."""
