"""Text from the systems cannot act on a terminal, a spreadsheet or a parser."""

import csv
import io
import json
import zipfile

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from rich.console import Console

from mappings.money import Money
from sync.cli.grids import Column, Grid, amount_text, csv_text, json_rows, table, tables, xlsx_bytes
from sync.cli.hostile_text import spreadsheet_text, visible, visible_json

HOSTILE = [
    "\x1b[31mred\x1b[0m",
    "\x1b]0;title\x07",
    "abc\u202egnp.exe",
    "zero\u200bwidth",
    "line\nbreak\r\ttab",
    "\x9b31m",
    "[bold red]markup[/]",
    ":smile: [link=http://x]y[/link]",
]


def grid(*names: str) -> Grid:
    return Grid(
        title="Clients",
        columns=(Column("name", "Name", is_wide=True), Column("amount", "Amount", is_number=True)),
        rows=tuple((name, Money(-500, "USD")) for name in names),
    )


def shown(value: Grid) -> str:
    console = Console(file=io.StringIO(), width=100, force_terminal=False, markup=True)
    console.print(table(value))
    text = console.file.getvalue()  # type: ignore[attr-defined]
    assert isinstance(text, str)
    return text


@pytest.mark.parametrize("name", HOSTILE)
def test_nothing_unseen_reaches_a_terminal(name: str) -> None:
    text = shown(grid(name))
    assert all(character == "\n" or character.isprintable() for character in text)


@given(st.text())
def test_visible_text_is_always_printable_and_loses_nothing_that_was_printable(text: str) -> None:
    result = visible(text)
    assert all(c.isprintable() or c.isspace() for c in result)
    assert "\n" not in result
    assert "\x1b" not in result
    rest = iter(result)
    assert all(character in rest for character in text if character.isprintable())


def test_markup_is_shown_and_not_obeyed() -> None:
    assert "[bold red]markup[/]" in shown(grid("[bold red]markup[/]"))


@given(st.text())
@example("\x7f")
def test_visible_json_means_the_same(text: str) -> None:
    document = visible_json(json.dumps({"name": text}, ensure_ascii=False, indent=2))
    assert {"name": text} == json.loads(document)
    assert all(c == "\n" or c.isprintable() or c.isspace() for c in document)


@pytest.mark.parametrize("start", ["=", "+", "-", "@", "\t=", "\r", "\n=", "|", "＝", " =", "\u00a0+", "%"])
def test_no_text_starts_a_formula(start: str) -> None:
    cell = spreadsheet_text(f"{start}1+1")
    assert cell.startswith(("'", "\\"))


def test_amounts_stay_numbers_in_csv_and_texts_are_quoted() -> None:
    text = csv_text(grid("=HYPERLINK(1)", 'a "quoted" name, with a comma'))
    rows = list(csv.reader(io.StringIO(text)))
    assert ["name", "amount"] == rows[0]
    assert ["'=HYPERLINK(1)", "-5.00"] == rows[1]
    assert ['a "quoted" name, with a comma', "-5.00"] == rows[2]
    assert '"\'=HYPERLINK(1)",-5.00\r\n' in text


def test_amounts_are_decimal_strings_in_json() -> None:
    assert [{"name": "a", "amount": "-5.00"}] == json_rows(grid("a"))


def test_a_workbook_holds_texts_as_texts_and_amounts_as_numbers() -> None:
    content = xlsx_bytes([grid("=1+1", "http://example.com", "\x1b[31m"), grid("second")])
    with zipfile.ZipFile(io.BytesIO(content)) as workbook:
        sheet = workbook.read("xl/worksheets/sheet1.xml").decode()
        assert "<f>" not in sheet
        assert "<v>-5.00</v>" in sheet
        assert "hyperlink" not in sheet
        assert "=1+1" in workbook.read("xl/sharedStrings.xml").decode()


def test_an_amount_of_nineteen_digits_is_not_rounded_in_a_workbook() -> None:
    big = Grid(title="", columns=(Column("amount", "Amount"),), rows=((Money(2**63 - 1, "USD"),),))
    with zipfile.ZipFile(io.BytesIO(xlsx_bytes([big]))) as workbook:
        assert "92233720368547758.07" in workbook.read("xl/sharedStrings.xml").decode()


def test_a_table_fits_a_hundred_columns_whatever_the_names() -> None:
    lines = shown(grid("long " * 60, "x" * 300)).splitlines()
    assert max(len(line) for line in lines) <= 100


@pytest.mark.parametrize("currency", ["USD", "JPY", "KWD"])
def test_a_table_never_cuts_a_number_however_many_there_are_and_fits_all_the_same(currency: str) -> None:
    amounts = [Money(-123_456_789_012 + place, currency) for place in range(9)]
    figures = (Column(f"c{n}", f"Figure {n}", is_number=True) for n in range(9))
    columns = (Column("client", "Client", is_wide=True), *figures)
    wide = Grid(title="Wide", columns=columns, rows=(("A client with a long name", *amounts),))
    console = Console(file=io.StringIO(), width=100, markup=False, color_system=None)
    for each in tables(wide, width=100):
        console.print(each)
    file = console.file
    assert isinstance(file, io.StringIO)
    text = file.getvalue()
    assert max(map(len, text.splitlines())) <= 100
    for place, amount in enumerate(amounts):
        assert amount_text(amount.minor, currency).removesuffix(f" {currency}") in text.split()
        assert f"Figure {place}" in text
    assert text.count("A client") == len(tables(wide, width=100)) > 1


def test_people_read_words_and_files_keep_codes() -> None:
    column = Column("origin", "Origin", words={"credit_memo": "credit memo"})
    wide = Grid(title="", columns=(column,), rows=(("credit_memo",),))
    console = Console(file=io.StringIO(), width=100, markup=False, color_system=None)
    console.print(table(wide))
    file = console.file
    assert isinstance(file, io.StringIO)
    assert "credit memo" in file.getvalue()
    assert '"credit_memo"' in csv_text(wide)
