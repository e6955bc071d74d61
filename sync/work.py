"""How long work tells whoever watches what it is doing."""

from typing import Protocol


class ProgressSink(Protocol):
    """Takes the progress of a run; must be quick and must not raise."""

    def __call__(self, step: str, done: int, total: int | None) -> None:
        """`done` of `total` parts of a step ("reading QuickBooks") are done; `total` None: nobody knows."""
        ...


def unwatched(step: str, done: int, total: int | None) -> None:
    """The sink of work that nobody watches."""
