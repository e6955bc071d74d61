"""The month-end page: one HTML file with everything in it, for a screen in light or dark, and for paper.

The templates escape every value; nothing is loaded from anywhere, and the page forbids scripts to itself.
"""

from collections.abc import Iterator
from functools import cache

import msgspec
from jinja2 import Environment, PackageLoader, StrictUndefined, Template

from mappings.money import Money
from sync.cli.grids import Cell, Column, read_text
from sync.cli.hostile_text import visible
from sync.cli.reporting_pages import nothing, rows_grid
from sync.reporting import exact_moment
from sync.reports.month_charts import charts_of
from sync.reports.month_end import Check, MonthPack
from sync.reports.report import Reading, Report
from sync.reports.tying_out import TieOutTotal
from sync.reports.words import grouped

# A page of more rows is not read; the files have all of them.
_MOST_ROWS = 200
_MOST_CHARTED = 6
_MONTHS = ("January", "February", "March", "April", "May", "June", "July", "August", "September", "October",
           "November", "December")  # fmt: skip
_CARDS = (
    ("tie-out-by-client", "difference", "BigTime - QuickBooks"),
    ("tie-out-by-client", "residual", "Unexplained difference"),
    ("credit-balances", "debit_balance", "Open receivables"),
    ("credit-balances", "overdue", "Overdue of them"),
    ("credit-balances", "credit_balance", "Open client credit"),
    ("applied-balance", "customer_balance", "Applied balance"),
    ("applied-balance", "payments_received", "Payments received"),
    ("roll-forward", "unexplained", "Unexplained credit"),
)


class _PageColumn(msgspec.Struct, frozen=True):
    heading: str
    is_number: bool
    is_short: bool


class _PageCell(msgspec.Struct, frozen=True):
    text: str
    is_zero: bool = False


class _PageTable(msgspec.Struct, frozen=True, kw_only=True):
    name: str
    title: str
    lines: tuple[str, ...]
    columns: tuple[_PageColumn, ...]
    rows: tuple[tuple["_PageCell", ...], ...]
    sums: tuple[tuple[str, ...], ...]
    left_out: int
    nothing: str


def month_end_html(pack: MonthPack, reading: Reading) -> str:
    """The page of a month; without gaps in the reading it claims completeness."""
    assert pack.scope.first is not None
    return _template().render(
        company=visible(pack.scope.company),
        month=pack.scope.first.strftime("%Y-%m"),
        month_name=f"{_MONTHS[pack.scope.first.month - 1]} {pack.scope.first.year}",
        as_of=exact_moment(pack.scope.as_of),
        gaps=[visible(gap) for gap in reading.gaps],
        notes=[visible(note) for note in reading.notes],
        differs=any(isinstance(one, TieOutTotal) and one.gross_difference.minor for one in _totals(pack)),
        checks_hold=all(check.holds for check in pack.checks),
        currencies=[
            {"currency": currency, "cards": _cards(pack, currency), "charts": charts_of(pack, currency)}
            for currency in pack.currencies[:_MOST_CHARTED]
        ],
        tables=[_table(report) for report in pack.reports],
        checks=[_check(check) for check in pack.checks],
    )


@cache
def _template() -> Template:
    environment = Environment(
        loader=PackageLoader("sync.reports", "pages"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        keep_trailing_newline=True,
    )
    return environment.get_template("month_end.html.j2")


def _totals(pack: MonthPack) -> Iterator[msgspec.Struct]:
    return (total for report in pack.reports for total in report.totals)


def _cards(pack: MonthPack, currency: str) -> list[tuple[str, str]]:
    return [
        (label, grouped(getattr(total, field)))
        for name, field, label in _CARDS
        for report in pack.reports
        for total in report.totals
        if report.name == name and getattr(total, "currency", "") == currency
    ]


def _table(report: Report) -> _PageTable:
    grid = rows_grid(report, report.rows[:_MOST_ROWS], report.title)
    shown = [place for place, column in enumerate(grid.columns) if not column.is_extra]
    columns = [grid.columns[place] for place in shown]
    return _PageTable(
        name=report.name,
        title=visible(report.title),
        lines=tuple(visible(line) for line in report.lines[:_MOST_ROWS]),
        columns=tuple(
            _PageColumn(column.heading.replace("\n", " "), column.is_number, not column.is_wide) for column in columns
        ),
        rows=tuple(tuple(_page_cell(grid.columns[place], row[place]) for place in shown) for row in grid.rows),
        sums=tuple(
            tuple(_sum(total, column.key, is_first=place == 0) for place, column in enumerate(columns))
            for total in report.totals
        )
        if report.name != "credit-activity"
        else (),
        left_out=max(0, len(report.rows) - _MOST_ROWS),
        nothing=nothing(report),
    )


def _page_cell(column: Column, cell: Cell) -> _PageCell:
    return _PageCell(read_text(column, cell), is_zero=isinstance(cell, Money) and cell.is_zero)


def _sum(total: msgspec.Struct, key: str, *, is_first: bool) -> str:
    value = getattr(total, key, None)
    if isinstance(value, Money):
        return grouped(value)
    if isinstance(value, int):
        return str(value)
    if is_first:
        return f"Total {getattr(total, 'month', '')}".strip()
    return str(value) if key == "currency" and value else ""


def _check(check: Check) -> dict[str, object]:
    return {
        "label": check.label,
        "currency": check.ours.currency,
        "ours": grouped(check.ours),
        "other": grouped(check.other),
        "holds": check.holds,
    }
