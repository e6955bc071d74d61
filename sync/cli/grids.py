"""Rows to show: one value, printed as a table, CSV, XLSX or JSON rows. Amounts stay exact in all of them.

Whatever a cell's text holds, no format lets it act on a terminal or a spreadsheet.
"""

import csv
import io
from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime
from decimal import Decimal
from enum import StrEnum
from typing import Any

import msgspec
import xlsxwriter
from rich import box
from rich.cells import cell_len
from rich.table import Table
from rich.text import Text

from mappings.money import Money, format_amount, minor_digits
from sync.cli.hostile_text import spreadsheet_text, visible
from sync.reporting import format_moment

Cell = str | int | Money | date | None
# A spreadsheet keeps 15 digits of a number; a larger amount is written as text rather than rounded.
_LARGEST_EXACT = Decimal(10) ** 15
_NO_TIME = datetime(1980, 1, 1, tzinfo=UTC).replace(tzinfo=None)  # the first that a ZIP can tell


class Format(StrEnum):
    """How rows are printed."""

    TABLE = "table"  # for a person at a terminal, at most 100 columns wide
    JSON = "json"  # one document on standard output
    CSV = "csv"  # RFC 4180, UTF-8, every text cell quoted
    XLSX = "xlsx"  # a workbook with one sheet, amounts as numbers


class Column(msgspec.Struct, frozen=True):
    """A column: `key` in CSV and JSON, `heading` for people; `is_wide` columns take the room that is left."""

    key: str
    heading: str
    is_wide: bool = False
    is_number: bool = False
    is_extra: bool = False  # too much for a terminal: only in files
    words: Mapping[str, str] = {}  # what people read in the place of a code; CSV and JSON keep the code


class Grid(msgspec.Struct, frozen=True, kw_only=True):
    """Rows under columns; every row has one cell for each column."""

    title: str
    columns: tuple[Column, ...]
    rows: tuple[tuple[Cell, ...], ...]
    # Style by the text of a cell, for a few closed words such as severities.
    styles: Mapping[str, str] = {}


def cell_text(cell: Cell) -> str:
    """A cell as plain text: an amount as a decimal string without its currency, a moment in UTC, None as ""."""
    match cell:
        case None:
            return ""
        case Money():
            return format_amount(cell.minor, cell.currency)
        case datetime():
            return format_moment(cell)
        case date():
            return cell.isoformat()
        case _:
            return str(cell)


def tables(grid: Grid, *, width: int) -> list[Table]:
    """The grid as terminal tables that fit a width: one, or as many as its numbers need. No number is ever cut.

    Where the numbers do not fit side by side, they are divided, and the columns that name the row stand in each part.
    """
    shown = [index for index, column in enumerate(grid.columns) if not column.is_extra]
    widths: dict[int, int] = {}
    for gap, folded in ((2, 14), (1, 14), (1, 9)):
        widths = {index: _least_width(grid, index, folded=folded) for index in shown}
        if sum(widths.values()) + (gap + 1) * len(shown) <= width:
            return [table(grid, shown, gap=gap)]
    names = [index for index in shown if not grid.columns[index].is_number]
    room = width - sum(widths[index] + 3 for index in names)
    parts: list[list[int]] = []
    left = 0
    for index in (index for index in shown if grid.columns[index].is_number):
        if left < widths[index] + 3:
            parts.append([])
            left = room
        parts[-1].append(index)
        left -= widths[index] + 3
    return [table(grid, sorted([*names, *part]), gap=2) for part in parts]


def _least_width(grid: Grid, index: int, *, folded: int) -> int:
    """How many columns of a terminal a column needs at least; wide ones are folded, but not into less than `folded`."""
    column = grid.columns[index]
    texts = (*column.heading.split("\n"), *(read_text(column, row[index]) for row in grid.rows))
    natural = max((cell_len(text) for text in texts), default=0)
    return min(natural, folded) if column.is_wide else natural


def table(grid: Grid, shown: Sequence[int] | None = None, *, gap: int = 2) -> Table:
    """Some columns of the grid as a terminal table, None: all; texts are taken literally, never as markup."""
    if shown is None:
        shown = [index for index, column in enumerate(grid.columns) if not column.is_extra]
    result = Table(
        title=Text(visible(grid.title)) if grid.title else None,
        box=box.SIMPLE_HEAD,
        title_justify="left",
        title_style="bold",
        pad_edge=False,
        padding=(0, gap, 0, 0),
        expand=False,
    )
    for index in shown:
        column = grid.columns[index]
        result.add_column(
            Text(column.heading),
            justify="right" if column.is_number else "left",
            no_wrap=not column.is_wide,
            overflow="fold",
            ratio=None,
        )
    for row in grid.rows:
        result.add_row(*(_table_cell(grid.columns[index], row[index], grid.styles) for index in shown))
    return result


def read_text(column: Column, cell: Cell) -> str:
    """What a person reads in a cell: amounts with commas, words for codes, nothing that acts on a terminal."""
    if isinstance(cell, Money):
        return _grouped(cell.minor, cell.currency)
    if isinstance(cell, int):
        return f"{cell:,}"
    text = cell_text(cell)
    return visible(column.words.get(text, text))


def _table_cell(column: Column, cell: Cell, styles: Mapping[str, str]) -> Text:
    text = read_text(column, cell)
    return Text(text, style=styles.get(text, ""))


def amount_text(minor: int, currency: str) -> str:
    """An amount for a reader, with its currency: 7,525.00 USD."""
    return f"{_grouped(minor, currency)} {currency}".strip()


def _grouped(minor: int, currency: str) -> str:
    whole, point, rest = format_amount(abs(minor), currency).partition(".")
    return f"{'-' if minor < 0 else ''}{int(whole):,}{point}{rest}"


def csv_text(grid: Grid) -> str:
    """The grid as CSV with a heading line; numbers stand unquoted, texts are quoted and cannot become formulas."""
    buffer = io.StringIO(newline="")
    writer = csv.writer(buffer, quoting=csv.QUOTE_NONNUMERIC, lineterminator="\r\n")
    writer.writerow([column.key for column in grid.columns])
    for row in grid.rows:
        writer.writerow([_csv_cell(cell) for cell in row])
    return buffer.getvalue()


def _csv_cell(cell: Cell) -> str | int | Decimal:
    match cell:
        case Money():
            return Decimal(cell_text(cell))
        case int():
            return cell
        case _:
            return spreadsheet_text(cell_text(cell))


def json_rows(grid: Grid) -> list[dict[str, Any]]:
    """The grid as one object per row; money is a decimal string, None is null."""
    keys = [column.key for column in grid.columns]
    return [dict(zip(keys, (_json_cell(cell) for cell in row), strict=True)) for row in grid.rows]


def _json_cell(cell: Cell) -> str | int | None:
    return cell if cell is None or isinstance(cell, int) else cell_text(cell)


def xlsx_bytes(grids: Sequence[Grid]) -> bytes:
    """A workbook with one sheet for each grid: texts as texts, amounts as numbers with their currency's digits.

    Equal grids give equal bytes: it does not say when it was made.
    """
    buffer = io.BytesIO()
    options = {"in_memory": True, "strings_to_formulas": False, "strings_to_urls": False, "strings_to_numbers": False}
    workbook = xlsxwriter.Workbook(buffer, options)
    workbook.set_properties({"title": "Tieout", "created": _NO_TIME})
    bold = workbook.add_format({"bold": True})
    names: set[str] = set()
    for grid in grids:
        sheet = workbook.add_worksheet(_sheet_name(grid.title, names))
        sheet.freeze_panes(1, 0)
        for place, column in enumerate(grid.columns):
            sheet.write_string(0, place, column.heading, bold)
            sheet.set_column(place, place, 40 if column.is_wide else 16)
        for line, row in enumerate(grid.rows, start=1):
            for place, cell in enumerate(row):
                _write_xlsx_cell(workbook, sheet, (line, place), cell)
    workbook.close()
    return buffer.getvalue()


def _write_xlsx_cell(workbook: Any, sheet: Any, place: tuple[int, int], cell: Cell) -> None:
    if isinstance(cell, Money) and abs(Decimal(cell_text(cell))).scaleb(minor_digits(cell.currency)) < _LARGEST_EXACT:
        digits = minor_digits(cell.currency)
        pattern = "#,##0" + ("." + "0" * digits if digits else "")
        sheet.write_number(*place, Decimal(cell_text(cell)), _number_format(workbook, pattern))
    elif isinstance(cell, int):
        sheet.write_number(*place, cell)
    else:
        sheet.write_string(*place, visible(cell_text(cell))[:32_767])


def _number_format(workbook: Any, pattern: str) -> Any:
    """The workbook's format for a pattern, made once."""
    known = next((found for found in workbook.formats if found.num_format == pattern), None)
    return known or workbook.add_format({"num_format": pattern})


def _sheet_name(title: str, taken: set[str]) -> str:
    """A name that a workbook accepts and that is not taken: at most 31 characters, none of []:*?/\\."""
    plain = "".join(" " if character in "[]:*?/\\'" else character for character in visible(title)).strip()
    name = plain[:31].strip() or "Sheet"
    number = 1
    while name.casefold() in taken:
        number += 1
        name = f"{plain[:26].strip() or 'Sheet'} {number}"
    taken.add(name.casefold())
    return name
