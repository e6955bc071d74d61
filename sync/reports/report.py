"""A finished report: rows and totals as values, in an order that depends on nothing but their contents."""

from typing import Protocol

import msgspec

from sync.reports.opened import OpenBook
from sync.reports.scope import Scope


class Report(msgspec.Struct, frozen=True, kw_only=True):
    """Rows of `row_type` and totals; the fields of a row are its columns. `view` names another choice of columns.

    `breakdown` is a report of its own that divides the totals further. `lines` say in words what a person should know
    first.
    """

    name: str
    title: str
    scope: Scope
    row_type: type[msgspec.Struct]
    rows: tuple[msgspec.Struct, ...]
    view: str = ""
    totals: tuple[msgspec.Struct, ...] = ()
    breakdown: "Report | None" = None
    lines: tuple[str, ...] = ()


class Reading(msgspec.Struct, frozen=True, kw_only=True):
    """What the books were when a report was made: without `gaps` they had been read whole. `notes` are good to know."""

    gaps: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()


class Taker(Protocol):
    """Whatever is shown the books one at a time, so that a large company needs little memory."""

    def add(self, opened: OpenBook) -> None:
        """Take what is needed from a book."""
        ...


class Gatherer(Taker, Protocol):
    """One report in the making."""

    def report(self) -> Report:
        """The report over all books seen."""
        ...
