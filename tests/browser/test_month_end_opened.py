"""The month-end pack opened as a controller opens it: the page in Chromium, the workbook in LibreOffice.

Each test is skipped where that program is not installed; nothing is fetched, and every process ends with the test.
"""

import csv
import io
import re
import shutil
import struct
import subprocess
import zipfile
import zlib
from decimal import Decimal
from pathlib import Path

import pytest

from mappings.money import Money
from sync.cli.reporting_month_end import write_pack
from sync.cli.reporting_pages import rows_grid
from sync.reports.month_end import MonthPack
from sync.reports.report import Reading
from tests.unit.test_report_formats import HOSTILE, a_busy_month, firm_with, pack_of

pytestmark = pytest.mark.slow
_CHROMIUM = next(
    (path for name in ("chromium", "chromium-browser", "google-chrome") if (path := shutil.which(name))), ""
)
_OFFICE = shutil.which("soffice") or ""
_LONGEST_SECONDS = 120
needs_chromium = pytest.mark.skipif(not _CHROMIUM, reason="no Chromium is installed")
needs_office = pytest.mark.skipif(not _OFFICE, reason="no LibreOffice is installed")


@pytest.fixture(scope="module")
def pack() -> MonthPack:
    return a_busy_month("USD")


def page_of(pack: MonthPack, folder: Path) -> Path:
    write_pack(folder, pack, Reading())
    return folder / "index.html"


def browse(folder: Path, page: Path, *arguments: str) -> str:
    """Open the page in a Chromium of its own, without any network but the file; answers what it prints."""
    command = [
        _CHROMIUM, "--headless=new", "--no-sandbox", "--disable-gpu", "--hide-scrollbars", "--no-first-run",
        "--proxy-server=127.0.0.1:9", f"--user-data-dir={folder / 'profile'}", *arguments, page.as_uri(),
    ]  # fmt: skip
    done = subprocess.run(command, capture_output=True, text=True, timeout=_LONGEST_SECONDS, check=False, cwd=folder)
    assert done.returncode == 0, done.stderr
    return done.stdout


def first_pixel(picture: Path) -> tuple[int, int, int]:
    """The colour of the left upper corner of a PNG: no filter changes the first pixel."""
    content = picture.read_bytes()
    place, packed = 8, b""
    while place < len(content):
        (size,), kind = struct.unpack(">I", content[place : place + 4]), content[place + 4 : place + 8]
        packed += content[place + 8 : place + 8 + size] if kind == b"IDAT" else b""
        place += size + 12
    red, green, blue = zlib.decompress(packed)[1:4]
    return red, green, blue


@needs_chromium
def test_a_browser_shows_every_table_and_runs_nothing_that_a_client_is_called(tmp_path: Path) -> None:
    shown = browse(tmp_path, page_of(pack_of(firm_with(*HOSTILE)), tmp_path / "pack"), "--dump-dom")
    assert 9 == shown.count("<section>") - 2  # a section for each report, one for the currency, one for the checks
    assert 4 == shown.count("<svg")
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in shown
    assert not re.search(r"<(script|img|iframe|object|a)\b", shown)


@needs_chromium
def test_a_browser_draws_the_page_light_and_dark(pack: MonthPack, tmp_path: Path) -> None:
    page = page_of(pack, tmp_path / "pack")
    corners = []
    for scheme in (1, 0):
        picture = tmp_path / f"{scheme}.png"
        browse(
            tmp_path, page, f"--screenshot={picture}", "--window-size=1200,1600",
            f"--blink-settings=preferredColorScheme={scheme}",
        )  # fmt: skip
        corners.append(first_pixel(picture))
    assert (255, 255, 255) == corners[0]
    assert max(corners[1]) < 60


@needs_chromium
@pytest.mark.skipif(not shutil.which("pdftotext"), reason="no pdftotext is installed")
def test_a_printed_page_holds_the_charts_on_its_first_sheet_and_every_total(pack: MonthPack, tmp_path: Path) -> None:
    printed = tmp_path / "page.pdf"
    browse(tmp_path, page_of(pack, tmp_path / "pack"), f"--print-to-pdf={printed}", "--no-pdf-header-footer")
    text = subprocess.run(
        ["pdftotext", "-layout", str(printed), "-"], capture_output=True, text=True, check=True
    ).stdout
    sheets = text.split("\f")
    for title in ("Credit by age in days", "Roll-forward of client credit", "Applied balance, twelve months"):
        assert title in sheets[0]
    assert "BigTime - QuickBooks, explained" in sheets[1]
    for report in pack.reports:
        assert report.title in text
    assert "ties out" in text
    assert "DIFFERS" not in text


def recalculated(workbook: Path, folder: Path) -> dict[str, list[list[str]]]:
    """The sheets as LibreOffice works them out: the figures that we had written beside the formulas are taken away."""
    bare = folder / "bare.xlsx"
    with zipfile.ZipFile(workbook) as source, zipfile.ZipFile(bare, "w") as target:
        for name in source.namelist():
            content = source.read(name)
            if name.startswith("xl/worksheets/sheet"):
                content = re.sub(rb"(</f>)<v>[^<]*</v>", rb"\1", content)
            target.writestr(name, content)
    every_sheet = "csv:Text - txt - csv (StarCalc):44,34,76,1,,0,false,true,false,false,false,-1"
    subprocess.run(
        [_OFFICE, f"-env:UserInstallation={(folder / 'office').as_uri()}", "--headless", "--convert-to", every_sheet,
         "--outdir", str(folder), str(bare)],
        capture_output=True, timeout=_LONGEST_SECONDS, check=True,
    )  # fmt: skip
    return {
        path.stem.removeprefix("bare-"): list(csv.reader(io.StringIO(path.read_text("utf-8"), newline="")))
        for path in folder.glob("bare-*.csv")
    }


@needs_office
@pytest.mark.parametrize("currency", ["USD", "JPY", "KWD"])
def test_libreoffice_works_out_the_figures_that_we_write(currency: str, tmp_path: Path) -> None:
    pack = a_busy_month(currency)
    write_pack(tmp_path / "pack", pack, Reading())
    sheets = recalculated(tmp_path / "pack" / "month-end.xlsx", tmp_path)
    assert 10 == len(sheets)
    front = [row for row in sheets["Tie-out"] if row[5:6] in (["ties out"], ["DIFFERS"])]
    assert len(front) > 30
    assert {"ties out"} == {row[5] for row in front}
    for report in pack.reports:
        sheet = sheets[report.name.replace("-", " ").capitalize()]
        headings = [cell.replace("\n", " ") for cell in sheet[3]]
        total = next(row for row in sheet if row[0] == f"Total {currency}")
        grid = rows_grid(report, report.rows, "")
        for place, column in enumerate(grid.columns):
            amounts = [row[place] for row in grid.rows]
            mine = [cell for cell in amounts if isinstance(cell, Money) and cell.currency == currency]
            if mine and column.key not in {"running_total", "exposure"}:
                shown = total[headings.index(column.heading.replace("\n", " "))]
                assert Decimal(shown.replace(",", "")) == Decimal(sum(each.minor for each in mine)).scaleb(
                    -{"USD": 2, "JPY": 0, "KWD": 3}[currency]
                ), (report.name, column.key)


@needs_office
def test_libreoffice_takes_no_name_for_a_formula(tmp_path: Path) -> None:
    write_pack(tmp_path / "pack", pack_of(firm_with(*HOSTILE)), Reading())
    sheets = recalculated(tmp_path / "pack" / "month-end.xlsx", tmp_path)
    clients = {row[0] for row in sheets["Credit balances"]}
    assert {'=HYPERLINK("http://x.invalid","a")', "+1+1", "@SUM(A1)", "-2+3", "=1"} & clients >= {
        "+1+1",
        "@SUM(A1)",
        "-2+3",
    }
    assert not {"2", "1", "Err:508", "#NAME?"} & clients
