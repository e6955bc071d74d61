"""`tieout report month-end`: one folder with a workbook, tables, a page, and a manifest that is written last."""

import hashlib
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import click

from config.complaints import configuration_error
from mappings.money import Money, format_amount
from sync.cli.grids import Column, Format, Grid, csv_text
from sync.cli.hostile_text import visible
from sync.cli.invocation import Invocation, common_options, example, format_options, pass_invocation
from sync.cli.printing import print_data
from sync.cli.report_making import gather, tie_out
from sync.cli.reporting_html import month_end_html
from sync.cli.reporting_options import question_from, report_options
from sync.cli.reporting_pages import report_document, rows_grid
from sync.cli.workbooks import workbook_bytes
from sync.exit_codes import ExitCode
from sync.reporting import REPORT_SCHEMA, exact_moment
from sync.reports.month_end import Check, MonthEnd, MonthPack
from sync.reports.report import Reading

MANIFEST_SCHEMA = "tieout.month-end/1"
_MANIFEST = "manifest.json"


@click.command("month-end", epilog=example("tieout report month-end --month 2026-10 --folder october"))
@common_options
@format_options
@report_options
@click.option(
    "--folder",
    type=click.Path(file_okay=False, path_type=Path),
    help="Where the pack is put; an earlier pack there is replaced. Default: month-end-COMPANY-MONTH.",
)
@click.option(
    "--closing-days", type=click.IntRange(0, 92), default=0, help="A month is reported so many days after its end."
)
@pass_invocation
def month_end(invocation: Invocation, /, folder: Path | None, closing_days: int, **options: Any) -> None:
    """Everything about a month in one folder: workbook, CSV files, a page to read or print, and hashes of them all.

    BigTime is held against QuickBooks as both were last read on the month's last day, or at the reading nearest to it,
    with the findings that were open then.

    The exit code is 0 when all figures tie out, 1 when some do not, 3 when the last run could not read everything.
    """
    form, output = Format(options.pop("form")), options.pop("output")
    question = question_from(options).by_month()
    if not question.month:
        raise configuration_error("--month", "is missing: name one whole month, as in --month 2026-10")
    settings = invocation.settings()
    company = settings.company(invocation.company)
    with invocation.open(settings) as application:
        reader = application.report_reader(company)
        scope = question.scope(company.alias, reader.timezone(), reader.judged_at())
        month = MonthEnd(scope, closing_days=closing_days)
        reading = gather(reader, scope, month)
        pack = month.pack(*tie_out(reader, scope))
        target = folder or Path(f"month-end-{company.alias}-{question.month}")
        manifest = write_pack(target, pack, reading)
        application.audit_export(company, f"month-end {question.month}", manifest)
    _show(pack, manifest, question.parameters(), folder=target, form=form, output=output)
    if reading.gaps:
        raise click.exceptions.Exit(ExitCode.INCOMPLETE)
    raise click.exceptions.Exit(ExitCode.CLEAN if all(check.holds for check in pack.checks) else ExitCode.FINDINGS)


def write_pack(folder: Path, pack: MonthPack, reading: Reading) -> dict[str, Any]:
    """Write the pack into a folder and answer its manifest; a folder without a manifest holds no whole pack.

    Side effects: makes the folder; replaces an earlier pack. Raises: `ConfigurationError` when the folder holds
    something else.
    """
    _make_room(folder)
    files = []
    for name, content in pack_files(pack, reading):
        (folder / name).write_bytes(content)
        files.append({"name": name, "bytes": len(content), "sha256": hashlib.sha256(content).hexdigest()})
    manifest = _manifest(pack, reading, files)
    text = json.dumps(manifest, indent=2, ensure_ascii=True) + "\n"
    beginning = folder / f".{_MANIFEST}.new"
    beginning.write_text(text, encoding="utf-8")
    beginning.replace(folder / _MANIFEST)
    return manifest


def pack_files(pack: MonthPack, reading: Reading) -> Iterator[tuple[str, bytes]]:
    """The files of a pack with their names; equal packs give equal bytes."""
    yield "month-end.xlsx", workbook_bytes(pack.reports, pack.checks, reading)
    for report in pack.reports:
        yield f"{report.name}.csv", csv_text(rows_grid(report, report.rows, report.title)).encode("utf-8")
    yield "index.html", month_end_html(pack, reading).encode("utf-8")


def _make_room(folder: Path) -> None:
    """The folder, without the manifest of an earlier pack."""
    folder.mkdir(parents=True, exist_ok=True)
    manifest = folder / _MANIFEST
    if any(folder.iterdir()):
        if not manifest.is_file() or MANIFEST_SCHEMA not in manifest.read_text(encoding="utf-8", errors="replace"):
            shown = visible(str(folder))
            raise configuration_error("--folder", f"{shown} holds something that is not a month-end pack: name another")
        manifest.unlink()


def _manifest(pack: MonthPack, reading: Reading, files: list[dict[str, Any]]) -> dict[str, Any]:
    assert pack.scope.first is not None
    return {
        "schema": MANIFEST_SCHEMA,
        "company": pack.scope.company,
        "month": pack.scope.first.strftime("%Y-%m"),
        "as_of": exact_moment(pack.scope.as_of),
        "complete": not reading.gaps,
        "gaps": list(reading.gaps),
        "notes": list(reading.notes),
        "tie_out": _tie_out(pack),
        "checks": [_told(check) for check in pack.checks],
        "files": files,
    }


def _tie_out(pack: MonthPack) -> dict[str, Any]:
    """What BigTime and QuickBooks say is open, and as of which reading."""
    compared = report_document(pack.named("tie-out-by-client"), {})
    return {name: compared[name] for name in ("as_of", "totals", "notes")}


def _told(check: Check) -> dict[str, Any]:
    def text(money: Money) -> str:
        return format_amount(money.minor, money.currency)

    return {
        "label": check.label,
        "currency": check.ours.currency,
        "ours": text(check.ours),
        "other": text(check.other),
        "holds": check.holds,
    }


def _grids(pack: MonthPack, manifest: dict[str, Any]) -> list[Grid]:
    """The tie-out of each currency, what must agree, and the files."""
    compared = pack.named("tie-out-by-client")
    checks = Grid(
        title="What must agree",
        columns=(
            Column("label", "Check", is_wide=True),
            Column("currency", "Cur"),
            Column("ours", "One figure", is_number=True),
            Column("other", "The other", is_number=True),
            Column("holds", ""),
        ),
        rows=tuple(
            (one.label, one.ours.currency, one.ours, one.other, "ties out" if one.holds else "DIFFERS")
            for one in pack.checks
        ),
        styles={"DIFFERS": "bold red", "ties out": "green"},
    )
    files = Grid(
        title="Files",
        columns=(
            Column("name", "Name"),
            Column("bytes", "Bytes", is_number=True),
            Column("sha256", "SHA-256", is_wide=True),
        ),
        rows=tuple((one["name"], one["bytes"], one["sha256"]) for one in manifest["files"]),
    )
    totals = [rows_grid(compared, compared.totals, compared.title, is_total=True)] if compared.totals else []
    return [*totals, checks, files]


def _show(
    pack: MonthPack,
    manifest: dict[str, Any],
    parameters: dict[str, str],
    *,
    folder: Path,
    form: Format,
    output: Path | None,
) -> None:
    document = {
        "schema": REPORT_SCHEMA,
        "report": "month-end",
        "company": manifest["company"],
        "as_of": manifest["as_of"],
        "parameters": parameters,
        "rows": manifest["files"],
        "totals": manifest["checks"],
        "tie_out": manifest["tie_out"],
        "complete": manifest["complete"],
        "gaps": manifest["gaps"],
        "notes": manifest["notes"],
    }
    warnings = [*(f"  ! incomplete: {gap}" for gap in manifest["gaps"]), *(f"  ! {note}" for note in manifest["notes"])]
    if form is not Format.TABLE:
        for warning in warnings:
            click.echo(visible(warning), err=True)
    print_data(
        _grids(pack, manifest),
        document,
        form=form,
        output=output,
        lines=[
            f"{manifest['company']}: {manifest['month']} as known at {manifest['as_of']}, in {folder}",
            *warnings,
            "",
            *pack.named("tie-out-by-client").lines,
            "",
        ],
    )
