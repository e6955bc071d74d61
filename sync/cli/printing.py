"""Puts a command's data on standard output or into a file, in the format that was asked for."""

import json
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import click
from rich.table import Table

from config.complaints import configuration_error
from sync.cli.grids import Format, Grid, csv_text, tables, xlsx_bytes
from sync.cli.hostile_text import visible, visible_json
from sync.cli.invocation import out_console


def json_text(document: Mapping[str, Any]) -> str:
    """One JSON document, indented, ending with a line break."""
    return visible_json(json.dumps(document, indent=2, ensure_ascii=False)) + "\n"


def print_data(
    grids: Sequence[Grid],
    document: Mapping[str, Any],
    *,
    form: Format,
    output: Path | None,
    lines: Sequence[str] = (),
    workbook: Callable[[], bytes] | None = None,
) -> None:
    """Print `document` as JSON, or the grids: all of them as tables and sheets, the last of them as CSV.

    `lines` stand above the tables and in no other format; `workbook` makes a better one than the grids give.
    """
    match form:
        case Format.JSON:
            _write(json_text(document).encode("utf-8"), output)
        case Format.CSV:
            _write(csv_text(grids[-1]).encode("utf-8"), output)
        case Format.XLSX:
            _write_workbook(workbook() if workbook else xlsx_bytes(grids), output)
        case Format.TABLE:
            _print_tables(grids, lines, output)


def _print_tables(grids: Sequence[Grid], lines: Sequence[str], output: Path | None) -> None:
    console = out_console()
    if output is None:
        for line in lines:
            console.print(visible(line), soft_wrap=False)
        for each in _all_tables(grids, console.width):
            console.print(each)
        return
    with console.capture() as captured:
        for line in lines:
            console.print(visible(line))
        for each in _all_tables(grids, console.width):
            console.print(each)
    _write(captured.get().encode("utf-8"), output)


def _all_tables(grids: Sequence[Grid], width: int) -> list[Table]:
    return [each for grid in grids for each in tables(grid, width=width)]


def _write_workbook(content: bytes, output: Path | None) -> None:
    if output is None and sys.stdout.isatty():
        raise configuration_error("--format xlsx", "a workbook is not for a terminal: add --output FILE.xlsx")
    _write(content, output)


def _write(content: bytes, output: Path | None) -> None:
    if output is None:
        sys.stdout.flush()
        sys.stdout.buffer.write(content)
        sys.stdout.buffer.flush()
        return
    output.write_bytes(content)
    click.echo(f"tieout: wrote {visible(str(output))}", err=True)
