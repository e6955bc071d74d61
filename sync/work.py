"""How long work tells whoever watches what it is doing, and is told to stop."""

from typing import Protocol


class Interrupted(Exception):  # noqa: N818 (named by what happened)
    """The program is ending: the run stops where it is; what was committed stays, the rest comes with the next run."""


class ProgressSink(Protocol):
    """Takes the progress of a run; must be quick. It raises nothing but `Interrupted`, and that ends the run."""

    def __call__(self, step: str, done: int, total: int | None) -> None:
        """`done` of `total` parts of a step ("reading QuickBooks") are done; `total` None: nobody knows."""
        ...


def unwatched(step: str, done: int, total: int | None) -> None:
    """The sink of work that nobody watches."""
