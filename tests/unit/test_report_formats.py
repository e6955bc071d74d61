"""Reports in every format: hostile names do nothing, every currency has its own decimals, workbooks add up."""

import csv
import io
import json
import re
import zipfile
from decimal import Decimal
from html.parser import HTMLParser
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest
from rich.console import Console

from mappings.money import Money, minor_digits
from sync.cli.grids import csv_text, read_text, tables
from sync.cli.reporting_html import month_end_html
from sync.cli.reporting_month_end import pack_files, write_pack
from sync.cli.reporting_pages import report_document, report_grids, rows_grid
from sync.cli.workbooks import workbook_bytes
from sync.reports.applied_balance import AppliedBalance
from sync.reports.charts import Span, column_chart, compact
from sync.reports.month_end import MonthEnd, MonthPack
from sync.reports.opened import open_books
from sync.reports.report import Reading
from tests.reporting import Firm, applied_total, text, tied_out

HOSTILE = (
    '=HYPERLINK("http://x.invalid","a")',
    "+1+1",
    "@SUM(A1)",
    "-2+3",
    "<script>alert(1)</script>",
    '"><img src=x onerror=alert(1)>',
    "{{ 7*7 }}",
    "[bold red]x[/]",
    "\x1b[31mred\x07",
    "\u202egnp.exe",
    "a\r\nb,c",
    "\tTab",
    "'quoted'",
    "＝1",
    "&#x3c;b&#x3e;",
    "+cmd|' /C calc'!A0",
    "%0A=1",
    "\r=1+1",
    "\n@x",
    " =2+2",
    "\u3000=3",
    "\xa0-1-1",
    "NUL",
    "\u2400\x7f\x85",
    "../../etc/passwd",
    "\u2066isolate\u2069",
    "\u2028line",
    "\ufeffmark",
    "\u202b\u05d0\u05d1",
)
# What may be in no cell, no page and no terminal: it acts, hides, or turns the reading direction.
_UNSEEN = frozenset("\x00\x07\x1b\x7f\x85\t\r\n\u202b\u202e\u2028\u2066\u2069\ufeff")
_SHEET = "{http://schemas.openxmlformats.org/spreadsheetml/2006/main}"


def firm_with(*names: str, currency: str | None = None, amount: str = "110") -> Firm:
    """Clients of these names, each with a credit of which a part is used in October."""
    firm = Firm("2026-10-01")
    for number, name in enumerate(names):
        customer = firm.books.add_customer(name, currency=currency)
        memo = firm.books.create_credit_memo(
            customer, f"CM-{number}", str(Decimal(amount) * 2), on=firm.at("2026-10-05")
        )
        invoice = firm.books.create_invoice(customer, f"=INV-{number}", amount, on=firm.at("2026-10-05"))
        in_bigtime(firm, name=name, customer=customer, twin=invoice, number=f"=INV-{number}", amount=amount)
        firm.books.apply_credit(memo, invoice, amount, on=firm.at("2026-10-05"))
    firm.at("2026-11-02")
    firm.read()
    return firm


def in_bigtime(firm: Firm, *, name: str, customer: str, twin: str, number: str, amount: str) -> None:
    """The same invoice in BigTime, posted; what is put on it in QuickBooks does not arrive there."""
    bigtime = firm.world.bigtime
    client = bigtime.add_client(name, quickbooks_id=customer)
    whole = Decimal(amount).quantize(Decimal("0.01"))
    ours = bigtime.add_invoice(client, number, whole, on=firm.clock.now().date())
    firm.world.link_twin(ours, twin)
    bigtime.set_posted(ours)


def pack_of(firm: Firm, month: str = "2026-10") -> MonthPack:
    scope = firm.scope(month)
    gatherer = MonthEnd(scope)
    for opened in open_books([firm.archive.book()], scope):
        gatherer.add(opened)
    return gatherer.pack(*tied_out(firm.archive.book(), scope, firm.clock.now()))


@pytest.fixture(scope="module")
def hostile() -> MonthPack:
    return pack_of(firm_with(*HOSTILE))


class _Page(HTMLParser):
    """The tags and the text of a page."""

    def __init__(self) -> None:
        super().__init__()
        self.tags: set[str] = set()
        self.attributes: set[str] = set()
        self.texts: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        self.attributes.update(name for name, _ in attrs)

    def handle_data(self, data: str) -> None:
        self.texts.append(data)


def test_a_page_shows_hostile_names_as_text_and_loads_nothing(hostile: MonthPack) -> None:
    html = month_end_html(hostile, Reading())
    page = _Page()
    page.feed(html)
    assert not page.tags & {"script", "img", "iframe", "link", "object", "a", "base", "form", "b ", "image", "use"}
    assert not {name for name in page.attributes if name.startswith("on") or name in {"src", "href", "style"}}
    assert "<script>alert(1)</script>" in page.texts
    assert "{{ 7*7 }}" in page.texts
    assert not re.search(r"https?://(?!x\.invalid)", html)
    assert not (_UNSEEN - {"\n"}) & set(html)


def test_no_line_of_a_csv_begins_a_formula_and_every_row_stays_a_row(hostile: MonthPack) -> None:
    for report in hostile.reports:
        rows = list(csv.reader(io.StringIO(csv_text(rows_grid(report, report.rows, ""))), strict=True))
        assert len(report.rows) + 1 == len(rows)
        for row in rows:
            for cell in row:
                assert not re.match(r"[ \xa0\u3000]*([=+@|%＝\t\r\n]|-[^0-9])", cell), cell
                assert not _UNSEEN & set(cell)


def test_a_terminal_gets_no_commands_from_a_name(hostile: MonthPack) -> None:
    for report in hostile.reports:
        console = Console(file=io.StringIO(), width=100, markup=False, highlight=False, color_system=None)
        for grid in report_grids(report):
            for each in tables(grid, width=100):
                console.print(each)
        file = console.file
        assert isinstance(file, io.StringIO)
        assert not (_UNSEEN - {"\n"}) & set(file.getvalue())


def test_a_workbook_has_no_formulas_but_ours_and_no_links(hostile: MonthPack) -> None:
    content = workbook_bytes(hostile.reports, hostile.checks)
    with zipfile.ZipFile(io.BytesIO(content)) as book:
        names = book.namelist()
        formulas = [
            formula.text or ""
            for name in names
            if name.startswith("xl/worksheets/sheet")
            for formula in ET.fromstring(book.read(name)).iter(f"{_SHEET}f")
        ]
    assert not [name for name in names if "externalLink" in name or "vba" in name.lower()]
    assert formulas
    assert not [
        one for one in formulas if not re.fullmatch(r"SUMIF\([^)]*\)|'[A-Z a-z]+'![A-Z]+\d+|ROUND\(.*\)|IF\(.*\)", one)
    ]


def test_json_keeps_every_name_as_it_is(hostile: MonthPack) -> None:
    document = json.loads(json.dumps(report_document(hostile.named("credit-balances"), {})))
    assert set(HOSTILE) == {row["client"] for row in document["rows"]}


@pytest.mark.parametrize(("currency", "amount", "shown"), [("JPY", "110", "-110"), ("KWD", "0.125", "-0.125")])
def test_every_currency_has_its_own_decimals_everywhere(currency: str, amount: str, shown: str) -> None:
    pack = pack_of(firm_with("Bravo", currency=currency, amount=amount))
    applied = pack.named("applied-balance")
    row = report_document(applied, {})["rows"][0]
    assert (shown, currency) == (row["customer_balance"], row["currency"])
    totals = {total["currency"]: total["customer_balance"] for total in report_document(applied, {})["totals"]}
    assert shown == totals[currency]
    assert shown in csv_text(rows_grid(applied, applied.rows, ""))
    assert f'<td class="n">{shown}</td>' in month_end_html(pack, Reading())
    cells, formats = _sheet(workbook_bytes([applied]), 2)
    assert Decimal(shown) in cells
    assert ("#,##0;[Red]-#,##0" if currency == "JPY" else "#,##0.000;[Red]-#,##0.000") in formats


def a_busy_month(currency: str) -> MonthPack:
    """Every report has rows: an overpayment, a refund, a memo on an invoice, something overdue, something late."""
    firm = Firm("2026-08-01")
    client = firm.books.add_customer("Bravo", currency=currency)
    whole = Decimal(1).scaleb(-minor_digits(currency))
    first = firm.books.create_invoice(client, "1", str(1000 + whole), on=firm.at("2026-08-03"))
    paid = firm.books.receive_payment(
        client, str(1500 + whole), on=firm.at("2026-08-10"), apply={first: str(1000 + whole)}
    )
    memo = firm.books.create_credit_memo(client, "CM-1", str(70 + whole), on=firm.at("2026-08-20"))
    firm.read()
    second = firm.books.create_invoice(client, "2", str(2000 + whole), on=firm.at("2026-10-02"))
    in_bigtime(firm, name="Bravo", customer=client, twin=second, number="2", amount="2000")
    firm.books.apply_payment(paid, second, str(100 + whole))
    firm.books.refund_overpayment(paid, str(10 + whole), on=firm.at("2026-10-04"))
    firm.books.apply_credit(memo, second, str(50 + whole), on=firm.at("2026-10-05"))
    firm.read()
    firm.at("2026-11-20")
    firm.books.edit_credit_memo(memo, amount=str(60 + whole))
    firm.read()
    return pack_of(firm)


_DIGITS = [("JPY", 0), ("KWD", 3), ("USD", 2)]


@pytest.mark.parametrize(("currency", "digits"), _DIGITS)
def test_every_amount_of_every_report_has_its_currencys_digits_in_every_format(currency: str, digits: int) -> None:
    pack = a_busy_month(currency)
    exact = re.compile(rf"-?\d+\.\d{{{digits}}}" if digits else r"-?\d+")
    read = re.compile(rf"-?\d{{1,3}}(,\d{{3}})*\.\d{{{digits}}}" if digits else r"-?\d{1,3}(,\d{3})*")
    html = month_end_html(pack, Reading())
    for report in pack.reports:
        rows = [row for row in report.rows if getattr(row, "currency", "") == currency]
        assert rows, report.name
        amounts = [value for row in rows for value in _amounts(row)]
        assert amounts
        document = report_document(report, {})
        for row, told in zip(report.rows, document["rows"], strict=True):
            for name in row.__struct_fields__:
                if isinstance(value := getattr(row, name), Money) and value.currency == currency:
                    assert exact.fullmatch(told[name]), told[name]
                    assert Decimal(told[name]).scaleb(digits) == value.minor
        grid = rows_grid(report, report.rows, "")
        for line, row in zip(csv.DictReader(io.StringIO(csv_text(grid))), report.rows, strict=True):
            for name in row.__struct_fields__:
                if isinstance(value := getattr(row, name), Money) and value.currency == currency:
                    assert exact.fullmatch(line[name]), line[name]
        for column, cell in ((c, v) for v_row in grid.rows for c, v in zip(grid.columns, v_row, strict=True)):
            if isinstance(cell, Money) and cell.currency == currency:
                assert read.fullmatch(read_text(column, cell))
                assert column.is_extra or f">{read_text(column, cell)}</td>" in html


@pytest.mark.parametrize(("currency", "digits"), _DIGITS)
def test_every_amount_in_a_workbook_has_its_currencys_number_format(currency: str, digits: int) -> None:
    pattern = "#,##0" + ("." + "0" * digits if digits else "")
    pack = a_busy_month(currency)
    with zipfile.ZipFile(io.BytesIO(workbook_bytes(pack.reports, pack.checks))) as book:
        styles = ET.fromstring(book.read("xl/styles.xml"))
        codes = {item.get("numFmtId"): item.get("formatCode") for item in styles.iter(f"{_SHEET}numFmt")}
        formats = [codes.get(item.get("numFmtId")) for item in next(styles.iter(f"{_SHEET}cellXfs"))]
        seen: set[str | None] = set()
        for number in range(2, len(pack.reports) + 2):
            for cell in ET.fromstring(book.read(f"xl/worksheets/sheet{number}.xml")).iter(f"{_SHEET}c"):
                if cell.get("t") is None and cell.find(f"{_SHEET}v") is not None:
                    seen.add(formats[int(cell.get("s") or 0)])
    amounts = {code for code in seen if code and "#,##0" in code}
    others = {"#,##0.00;[Red]-#,##0.00", "#,##0"}  # the home currency has a line of zeros beside it; counts
    assert f"{pattern};[Red]-{pattern}" in amounts
    assert amounts <= {f"{pattern};[Red]-{pattern}", *others}


def _amounts(row: object) -> list[Money]:
    return [value for name in row.__struct_fields__ if isinstance(value := getattr(row, name), Money)]  # type: ignore[attr-defined]


def test_no_name_of_a_client_becomes_the_name_of_a_file(hostile: MonthPack) -> None:
    assert [
        "month-end.xlsx", "tie-out-by-client.csv", "open-findings.csv", "credit-balances.csv", "roll-forward.csv",
        "applied-balance.csv", "credit-activity.csv", "payments.csv", "restatements.csv", "applied-by-month.csv",
        "index.html",
    ] == [name for name, _ in pack_files(hostile, Reading())]  # fmt: skip


def test_amounts_of_two_currencies_are_never_added() -> None:
    firm = firm_with("Bravo")
    yen = firm.books.add_customer("Tokyo", currency="JPY")
    memo = firm.books.create_credit_memo(yen, "CM-Y", "500", on=firm.at("2026-11-03"))
    invoice = firm.books.create_invoice(yen, "Y-1", "110", on=firm.at("2026-11-03"))
    firm.books.apply_credit(memo, invoice, "110", on=firm.at("2026-11-03"))
    firm.read()
    report = firm.applied()
    assert {"JPY": "-110", "USD": "-110.00"} == {
        total.currency: text(total.customer_balance)  # type: ignore[attr-defined]
        for total in report.totals
    }
    scope = firm.scope(currency="JPY")
    assert Decimal(-110) == applied_total(firm.report(AppliedBalance(scope), scope))["customer_balance"]


def _sheet(content: bytes, number: int) -> tuple[list[Decimal], str]:
    """The numbers of one sheet, and the workbook's formats."""
    with zipfile.ZipFile(io.BytesIO(content)) as book:
        root = ET.fromstring(book.read(f"xl/worksheets/sheet{number}.xml"))
        styles = book.read("xl/styles.xml").decode()
    values = [cell for cell in root.iter(f"{_SHEET}c") if cell.get("t") is None]
    return [Decimal(value.text or "0") for cell in values for value in cell.iter(f"{_SHEET}v")], styles


def test_the_formulas_of_a_workbook_give_the_figures_that_are_written_beside_them() -> None:
    """SUMIF over the rows, worked out here from the cells alone."""
    pack = pack_of(firm_with("Bravo", "Borealis", "Cobalt"))
    with zipfile.ZipFile(io.BytesIO(workbook_bytes(pack.reports, pack.checks))) as book:
        strings = [
            "".join(part.text or "" for part in item.iter(f"{_SHEET}t"))
            for item in ET.fromstring(book.read("xl/sharedStrings.xml"))
        ]
        checked = 0
        for number in range(2, len(pack.reports) + 2):
            cells: dict[str, str] = {}
            formulas: dict[str, tuple[str, str]] = {}
            for cell in ET.fromstring(book.read(f"xl/worksheets/sheet{number}.xml")).iter(f"{_SHEET}c"):
                value = cell.findtext(f"{_SHEET}v") or ""
                name = cell.get("r") or ""
                cells[name] = strings[int(value)] if cell.get("t") == "s" else value
                if formula := cell.findtext(f"{_SHEET}f"):
                    formulas[name] = (formula, value)
            for formula, value in formulas.values():
                assert Decimal(value) == _sumif(formula, cells)
                checked += 1
    assert checked > 20


def _sumif(formula: str, cells: dict[str, str]) -> Decimal:
    found = re.fullmatch(r'SUMIF\(\$([A-Z]+)\$(\d+):\$[A-Z]+\$(\d+),"([A-Z]+)",([A-Z]+)\d+:[A-Z]+\d+\)', formula)
    assert found, formula
    where, first, last, wanted, column = found.groups()
    lines = range(int(first), int(last) + 1)
    return sum((Decimal(cells[f"{column}{n}"]) for n in lines if cells.get(f"{where}{n}") == wanted), Decimal(0))


def test_a_pack_without_its_manifest_is_no_pack_and_the_manifest_comes_last(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pack = pack_of(firm_with("Bravo"))
    write_pack(tmp_path, pack, Reading())

    def stopped(*_: object) -> str:
        raise KeyboardInterrupt

    monkeypatch.setattr("sync.cli.reporting_month_end.month_end_html", stopped)
    with pytest.raises(KeyboardInterrupt):
        write_pack(tmp_path, pack, Reading())
    assert not (tmp_path / "manifest.json").exists()


def test_all_figures_of_a_month_tie_out() -> None:
    pack = pack_of(firm_with(*HOSTILE[:3]))
    assert all(check.holds for check in pack.checks)
    assert 4 <= len(pack.checks)
    assert [Decimal("-330.00")] == [
        Decimal(text(total.customer_balance))  # type: ignore[attr-defined]
        for total in pack.named("applied-balance").totals
    ]


def test_a_chart_has_a_round_scale_that_holds_all_its_columns() -> None:
    spans = [
        Span(label=str(minor), start_minor=0, end_minor=minor, shown=Money(minor, "USD"), tone="up")
        for minor in (-43_500, 0, 123_456)
    ]
    chart = column_chart("", "", spans, "USD")
    top, bottom = min(tick.y for tick in chart.ticks), max(tick.y for tick in chart.ticks)
    assert all(top <= column.y and column.y + column.height <= bottom + 1 for column in chart.columns)
    assert ["-500", "0", "500", "1k", "1.5k"] == [tick.text for tick in chart.ticks]


def test_an_amount_stands_whole_above_its_column_where_there_is_room_and_compact_where_there_is_not() -> None:
    span = Span(label="", start_minor=0, end_minor=123_456, shown=Money(123_456, "USD"), tone="up")
    assert {"1,234.56"} == {column.compact for column in column_chart("", "", [span] * 7, "USD").columns}
    assert {"1.2k"} == {column.compact for column in column_chart("", "", [span] * 20, "USD").columns}


@pytest.mark.parametrize(
    ("minor", "currency", "shown"),
    [(99, "USD", "0.99"), (-125, "KWD", "-0.125"), (123_456_789, "JPY", "123M"), (100_000, "USD", "1k")],
)
def test_a_compact_amount_drops_digits_and_never_the_sign(minor: int, currency: str, shown: str) -> None:
    assert shown == compact(Money(minor, currency))
