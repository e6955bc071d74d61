"""Reports as one workbook: a sheet for each, totals as formulas, and a sheet that holds them against our figures.

Every text is written as text, so that no name can become a formula. Equal reports give equal bytes.
"""

import io
from collections.abc import Sequence
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

import msgspec
import xlsxwriter
from xlsxwriter.utility import xl_rowcol_to_cell

from mappings.money import Money, format_amount, minor_digits
from sync.cli.grids import Column, Grid
from sync.cli.hostile_text import visible
from sync.cli.reporting_pages import nothing, rows_grid
from sync.reporting import exact_moment
from sync.reports.month_end import Check
from sync.reports.report import Reading, Report

# A spreadsheet keeps 15 digits of a number; a larger amount is written as text rather than rounded.
_LARGEST_MINOR = 10**15
_HEADING_ROW = 3
# A running total is not added up, nor is what is at stake: two findings may speak of the same money.
_NOT_ADDED = frozenset({"running_total", "exposure"})
_INK = "#1F2937"
_WRAPPED = frozenset({"event", "problem", "explanation", "what"})
_INDENTED = frozenset({"currency", "status"})  # they stand beside amounts
_NARROW = frozenset({"currency", "month", "severity", "code"})
_MOST_LINES = 6
_LINE_POINTS, _TITLE_POINTS = 15, 21


class _TotalCell(msgspec.Struct, frozen=True):
    """Where a sheet's formula stands that must give one of our figures."""

    label: str
    ours: Money
    reference: str


def workbook_bytes(reports: Sequence[Report], checks: Sequence[Check] = (), reading: Reading | None = None) -> bytes:
    """A workbook with a sheet for each report and the sheet "Tie-out" at its front."""
    buffer = io.BytesIO()
    options = {"in_memory": True, "strings_to_formulas": False, "strings_to_urls": False, "strings_to_numbers": False}
    workbook = xlsxwriter.Workbook(buffer, options)
    made_at = max((report.scope.as_of for report in reports), default=datetime(1980, 1, 1, tzinfo=UTC))
    workbook.set_properties({"title": "Tieout", "created": made_at.astimezone(UTC).replace(tzinfo=None)})
    writing = _Writing(workbook)
    front = workbook.add_worksheet("Tie-out")
    parts = [report.breakdown for report in reports if report.breakdown and len(reports) == 1]
    totals = [cell for report in (*reports, *parts) for cell in writing.add_report(report)]
    writing.add_front(front, reports, totals, checks)
    writing.add_warnings(front, reading or Reading())
    workbook.close()
    return buffer.getvalue()


class _Writing:
    """One workbook while it is written; formats are made once."""

    def __init__(self, workbook: Any) -> None:
        self._workbook = workbook
        self._formats: dict[tuple[tuple[str, Any], ...], Any] = {}

    def add_report(self, report: Report) -> list[_TotalCell]:
        """A sheet with the report's rows; answers where its totals stand."""
        grid = _extras_last(rows_grid(report, report.rows, report.title))
        sheet = self._workbook.add_worksheet(report.name.replace("-", " ").capitalize())
        sheet.write_string(0, 0, visible(grid.title), self._format(bold=True, font_size=14))
        sheet.write_string(1, 0, f"{visible(report.scope.company)}, as known at {exact_moment(report.scope.as_of)}")
        heading = self._format(bold=True, bg_color=_INK, font_color="#FFFFFF", text_wrap=True)
        numbers = self._format(bold=True, bg_color=_INK, font_color="#FFFFFF", text_wrap=True, align="right")
        indented = self._format(bold=True, bg_color=_INK, font_color="#FFFFFF", text_wrap=True, indent=1, align="left")
        for place, column in enumerate(grid.columns):
            look = numbers if column.is_number else indented if column.key in _INDENTED else heading
            sheet.write_string(_HEADING_ROW, place, column.heading, look)
            sheet.set_column(place, place, _width(column))
        sheet.set_row(0, _TITLE_POINTS)
        sheet.set_row(_HEADING_ROW, 33)
        for line, row in enumerate(grid.rows, start=_HEADING_ROW + 1):
            for place, cell in enumerate(row):
                self._write_cell(sheet, line, place, grid.columns[place], cell)
        if not grid.rows:
            sheet.write_string(_HEADING_ROW + 1, 0, nothing(report), self._format(italic=True, font_color="#6B7280"))
        last = _HEADING_ROW + max(1, len(grid.rows))
        sheet.freeze_panes(_HEADING_ROW + 1, 1)
        sheet.autofilter(_HEADING_ROW, 0, last, len(grid.columns) - 1)
        self._set_page(sheet, report)
        printed = max(1, sum(not column.is_extra for column in grid.columns))
        self._write_lines(sheet, report.lines, grid.columns[:printed])
        sheet.print_area(0, 0, last + 1 + len({getattr(row, "currency", "") for row in report.rows}), printed - 1)
        return list(self._add_totals(sheet, report, grid, last))

    def _write_lines(self, sheet: Any, lines: Sequence[str], columns: Sequence[Column]) -> None:
        """What the report says in words, above the headings and over the columns that are printed."""
        if not lines:
            return
        rest = len(lines) - _MOST_LINES
        said = [*lines[:_MOST_LINES], *([f"… and {rest} more."] if rest > 0 else [])]
        width = sum(_width(column) for column in columns)
        height = sum(-(-len(line) // width) for line in said)
        look = self._format(text_wrap=True, italic=True)
        text = "\n".join(visible(line) for line in said)[:32_767]
        if len(columns) > 1:
            sheet.merge_range(_HEADING_ROW - 1, 0, _HEADING_ROW - 1, len(columns) - 1, "", look)
        sheet.write_string(_HEADING_ROW - 1, 0, text, look)
        sheet.set_row(_HEADING_ROW - 1, _LINE_POINTS * height)

    def _write_cell(self, sheet: Any, line: int, place: int, column: Column, cell: Any) -> None:
        if not isinstance(cell, str):
            self._write(sheet, line, place, cell)
            return
        text = visible(column.words.get(cell, cell))[:32_767]
        look = (
            {"indent": 1, "align": "left"}
            if column.key in _INDENTED
            else {"text_wrap": True}
            if column.key in _WRAPPED
            else {}
        )
        sheet.write_string(line, place, text, self._format(**look))

    def _set_page(self, sheet: Any, report: Report) -> None:
        sheet.set_landscape()
        sheet.set_paper(9)  # A4
        sheet.fit_to_pages(1, 0)
        sheet.repeat_rows(_HEADING_ROW)
        sheet.set_footer(f"&L{report.scope.company.replace('&', '&&')}&C{report.name}&RPage &P of &N")

    def _add_totals(self, sheet: Any, report: Report, grid: Grid, last: int) -> list[_TotalCell]:
        """Below the rows, for each currency, a sum of each column of amounts."""
        keys = [column.key for column in grid.columns]
        if not grid.rows or "currency" not in keys:
            return []
        first, money = _HEADING_ROW + 1, keys.index("currency")
        cells = []
        for line, currency in enumerate(sorted({str(row[money]) for row in grid.rows}), start=last + 2):
            for place in range(sum(not column.is_extra for column in grid.columns)):
                sheet.write_blank(line, place, None, self._format(bold=True, top=1))
            sheet.write_string(line, 0, f"Total {currency}", self._format(bold=True, top=1))
            for place, column in enumerate(grid.columns):
                amounts = [row[place] for row in grid.rows if row[money] == currency]
                if column.key in _NOT_ADDED or not all(isinstance(one, Money) for one in amounts):
                    continue
                ours = Money(sum(one.minor for one in amounts if isinstance(one, Money)), currency)
                area = f"{xl_rowcol_to_cell(first, place)}:{xl_rowcol_to_cell(last, place)}"
                where = f"{xl_rowcol_to_cell(first, money, True, True)}:{xl_rowcol_to_cell(last, money, True, True)}"
                look = self._amount_format(currency, bold=True, top=1)
                sheet.write_formula(line, place, f'=SUMIF({where},"{currency}",{area})', look, _plain(ours))
                reference = f"'{sheet.get_name()}'!{xl_rowcol_to_cell(line, place)}"
                cells.append(_TotalCell(f"{report.title}: {column.heading.replace(chr(10), ' ')}", ours, reference))
        return cells

    def add_front(
        self, sheet: Any, reports: Sequence[Report], totals: Sequence[_TotalCell], checks: Sequence[Check]
    ) -> None:
        """The sheet that holds our figures against the workbook's own sums."""
        sheet.write_string(0, 0, "Tie-out", self._format(bold=True, font_size=14))
        sheet.set_row(0, _TITLE_POINTS)
        moment = max((report.scope.as_of for report in reports), default=None)
        sheet.write_string(1, 0, f"As known at {exact_moment(moment)}" if moment else "")
        heading = self._format(bold=True, bg_color=_INK, font_color="#FFFFFF")
        numbers = self._format(bold=True, bg_color=_INK, font_color="#FFFFFF", align="right")
        for place, (text, width) in enumerate(
            (("What must agree", 88), ("Cur", 6), ("One figure", 18), ("The other", 18), ("Difference", 14), ("", 14))
        ):
            sheet.write_string(_HEADING_ROW, place, text, numbers if 2 <= place <= 4 else heading)
            sheet.set_column(place, place, width)
        sheet.freeze_panes(_HEADING_ROW + 1, 0)
        sheet.set_landscape()
        sheet.set_paper(9)  # A4
        sheet.fit_to_pages(1, 0)
        sheet.repeat_rows(_HEADING_ROW)
        line = _HEADING_ROW + 1
        for check in checks:
            self._write(sheet, line, 3, check.other)
            self._write_comparison(sheet, line, check.label, check.ours, check.other)
            line += 1
        for cell in totals:
            look = self._amount_format(cell.ours.currency)
            sheet.write_formula(line, 3, f"={cell.reference}", look, _plain(cell.ours))
            label = f"{cell.label}: our figure, and the sheet's own sum"
            self._write_comparison(sheet, line, label, cell.ours, cell.ours)
            line += 1

    def add_warnings(self, sheet: Any, reading: Reading) -> None:
        """What a reader must know before the figures, below the title of a sheet."""
        warnings = [*(f"Incomplete: {gap}" for gap in reading.gaps), *reading.notes]
        if warnings:
            look = self._format(bold=True, font_color="#B42318")
            sheet.write_string(2, 0, visible(" ".join(warnings))[:32_767], look)

    def _write_comparison(self, sheet: Any, line: int, label: str, ours: Money, other: Money) -> None:
        sheet.write_string(line, 0, visible(label))
        sheet.write_string(line, 1, ours.currency)
        self._write(sheet, line, 2, ours)
        digits = minor_digits(ours.currency)
        row = line + 1
        look, difference = self._amount_format(ours.currency), _plain(ours - other)
        sheet.write_formula(line, 4, f"=ROUND(C{row}-D{row},{digits})", look, difference)
        said = "ties out" if ours == other else "DIFFERS"
        sheet.write_formula(
            line, 5, f'=IF(E{row}=0,"ties out","DIFFERS")', self._format(bold=True, indent=1, align="left"), said
        )

    def _write(self, sheet: Any, line: int, place: int, cell: Any) -> None:
        match cell:
            case None:
                sheet.write_blank(line, place, None)
            case Money() if abs(cell.minor) < _LARGEST_MINOR:
                sheet.write_number(line, place, _plain(cell), self._amount_format(cell.currency))
            case int():
                sheet.write_number(line, place, cell, self._format(num_format="#,##0"))
            case Money():
                sheet.write_string(line, place, format_amount(cell.minor, cell.currency))
            case datetime():
                moment = cell.astimezone(UTC).replace(tzinfo=None)
                sheet.write_datetime(line, place, moment, self._format(num_format="yyyy-mm-dd hh:mm:ss", align="left"))
            case date():
                sheet.write_datetime(line, place, cell, self._format(num_format="yyyy-mm-dd", align="left"))
            case _:
                sheet.write_string(line, place, visible(str(cell))[:32_767])

    def _amount_format(self, currency: str, **look: Any) -> Any:
        digits = minor_digits(currency)
        pattern = "#,##0" + ("." + "0" * digits if digits else "")
        return self._format(num_format=f"{pattern};[Red]-{pattern}", **look)

    def _format(self, **look: Any) -> Any:
        look = {"valign": "top", **look}  # a row is as high as its longest text
        key = tuple(sorted(look.items()))
        if key not in self._formats:
            self._formats[key] = self._workbook.add_format(look)
        return self._formats[key]


def _extras_last(grid: Grid) -> Grid:
    """The grid with the columns that a person reads first; only those are printed."""
    order = sorted(range(len(grid.columns)), key=lambda place: grid.columns[place].is_extra)
    return msgspec.structs.replace(
        grid,
        columns=tuple(grid.columns[place] for place in order),
        rows=tuple(tuple(row[place] for place in order) for row in grid.rows),
    )


def _plain(amount: Money) -> Decimal:
    return Decimal(format_amount(amount.minor, amount.currency))


def _width(column: Column) -> int:
    if column.key in {"records", "answer", "on_invoices", "problem", "event", "explanation"}:
        return 60
    if column.key.endswith(("_at", "est")):
        return 20
    if column.key == "what":
        return 44  # the longest name of a finding's type
    return 26 if column.is_wide else 8 if column.key in _NARROW else 14
