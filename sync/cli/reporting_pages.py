"""Reports as grids and as the JSON document `tieout.report/1`."""

from collections.abc import Mapping
from datetime import date
from typing import Any

import msgspec

from mappings.findings import Evidence
from mappings.money import Money
from sync.cli.grids import Cell, Column, Grid, cell_text
from sync.reporting import REPORT_SCHEMA, exact_moment, record_document
from sync.reports.credit_activity import ActivityTotal
from sync.reports.report import Reading, Report
from sync.reports.words import ORIGIN_NAMES

_HEADINGS = {
    "customer_balance": "Customer\nBalance",
    "accounts_receivable": "Accounts\nReceivable",
    "running_total": "Running\ntotal",
    "currency": "Cur",
    "debit_balance": "Debit",
    "credit_balance": "Credit",
    "age_0_30": "0-30",
    "age_31_60": "31-60",
    "age_61_90": "61-90",
    "age_91_180": "91-180",
    "age_181_365": "181-365",
    "age_over_365": "> 365",
    "gross_applied": "Applied",
    "gross_unapplied": "Un-applied",
    "unapplied": "Un-applied",
    "payments_received": "Received",
    "not_on_invoices": "Not on\ninvoices",
    "seen_at": "Seen",
    "type": "What",
    "made_credit": "Gave\ncredit",
    "applied_credit": "Applied\nof it",
    "in_both_systems": "In both\nsystems",
    "bigtime_balance": "BigTime\nopen",
    "quickbooks_balance": "QuickBooks\nopen",
    "gross_difference": "Differences\nin size",
    "exposure": "At stake",
    "severity": "Sev",
    "bigtime": "BigTime id",
    "quickbooks": "QuickBooks id",
}
# What a terminal of 100 columns has room for; files hold every column.
_SHOWN: Mapping[str, tuple[str, ...]] = {
    "applied-balance": (
        "date", "client", "invoice", "source", "type", "customer_balance", "accounts_receivable", "running_total",
        "currency",
    ),
    "credit-balances": ("client", "debit_balance", "overdue", "credit_balance", "age_0_30", "age_31_60", "age_61_90",
                        "age_91_180", "age_181_365", "age_over_365", "in_both_systems", "currency"),
    "credit-activity": ("date", "client", "occasion", "origin", "source", "invoice", "original", "current", "currency"),
    "payments": ("date", "client", "number", "amount", "cash", "credit", "applied", "refunded", "current", "currency"),
    "payments/credits": ("date", "client", "number", "cash", "credit", "made_credit", "applied_credit", "refunded",
                         "current", "currency"),
    "roll-forward": ("client", "opening", "issued", "applied", "unapplied", "refunded", "edited", "closing",
                     "currency"),
    "restatements": ("month", "event", "client", "amount", "currency", "seen_at"),
    "tie-out-by-client": ("client", "invoices", "bigtime_balance", "quickbooks_balance", "difference", "explained",
                          "residual", "currency"),
    "open-findings": ("severity", "code", "what", "client", "invoice", "claim", "exposure", "currency", "status"),
    "applied-by-month": ("month", "account", "gross_applied", "gross_unapplied", "customer_balance",
                         "accounts_receivable", "payments_received", "currency"),
}  # fmt: skip
# The roll-forward reads from left to right as a sum.
_SIGNED = {
    "issued": "+ Issued",
    "applied": "- Applied",
    "unapplied": "+ Un-applied",
    "refunded": "- Refunded",
    "edited": "+ Edited",
    "closing": "= Closing",
}
_ACTS = {"unapplied": "un-applied"}
_WORDS: Mapping[str, Mapping[str, str]] = {
    "origin": {str(origin): name for origin, name in ORIGIN_NAMES.items()},
    "type": _ACTS,
    "occasion": _ACTS,
    "kind": _ACTS,
}
_NOTHING = {
    "applied-balance": "No credit was put on an invoice or taken back.",
    "applied-by-month": "No credit was put on an invoice, and no money came in.",
    "credit-balances": "No client owes anything or has a credit.",
    "credit-activity": "Nothing happened to any credit.",
    "payments": "No payment came in or was made.",
    "roll-forward": "No client had a credit or got one.",
    "restatements": "Nothing has changed in a month that had been reported.",
    "tie-out-by-client": "No invoice with anything open was in both systems.",
    "open-findings": "No finding was open.",
}
# Extra columns of a report that its totals have, too.
_NEVER_TOTALLED = frozenset({"made_credit", "applied_credit"})
_WIDE = frozenset({"client", "event", "source", "invoice", "answer", "on_invoices", "overdue_invoices", "records",
                   "problem", "number", "account", "origin", "what", "explanation", "finding"})  # fmt: skip


def report_document(report: Report, parameters: Mapping[str, str], reading: Reading | None = None) -> dict[str, Any]:
    """The report as JSON; money is a decimal string with exactly the currency's digits."""
    known = reading or Reading()
    return {
        "schema": REPORT_SCHEMA,
        "report": report.name,
        "company": report.scope.company,
        "as_of": exact_moment(report.scope.as_of),
        "parameters": dict(parameters),
        "rows": [_object(row) for row in report.rows],
        "totals": [_object(total) for total in report.totals],
        **({"breakdown": [_object(row) for row in report.breakdown.rows]} if report.breakdown else {}),
        "complete": not known.gaps,
        "gaps": list(known.gaps),
        "notes": [*known.notes, *report.lines],
    }


def _object(row: msgspec.Struct) -> dict[str, Any]:
    return {name: _json(getattr(row, name)) for name in row.__struct_fields__}


def _json(value: Any) -> Any:
    match value:
        case None | int():
            return value
        case Evidence():
            return record_document(value)
        case tuple():
            return [_json(part) for part in value]
        case Money() | date():
            return cell_text(value)
        case _:
            return str(value)


def nothing(report: Report) -> str:
    """What is said in the place of a table without rows."""
    return _NOTHING[report.name]


def report_grids(report: Report) -> list[Grid]:
    """The totals, what divides them further, and the rows, as grids; the rows are the last."""
    grids = [rows_grid(report, report.rows, report.title)]
    totals = tuple(total for total in report.totals if not _is_idle(report, total))
    parts = report.breakdown
    if parts and len(parts.rows) > len(report.totals):
        grids.insert(0, rows_grid(parts, parts.rows, parts.title))
    if totals:
        grids.insert(0, rows_grid(report, totals, f"{report.title}: totals", is_total=True))
    return grids


def _is_idle(report: Report, total: msgspec.Struct) -> bool:
    """Whether a client without credit is one of many: only the others are worth a line."""
    return isinstance(total, ActivityTotal) and total.credit_balance.is_zero and not report.scope.client


def rows_grid(report: Report, rows: tuple[msgspec.Struct, ...], title: str, *, is_total: bool = False) -> Grid:
    """Rows or totals as a grid with one column for each of their fields."""
    kind = type(rows[0]) if is_total and rows else report.row_type
    names = kind.__struct_fields__
    numbers = {field.name for field in msgspec.structs.fields(kind) if field.type in {Money, int}}
    shown = _SHOWN[f"{report.name}/{report.view}" if report.view else report.name]
    shown = tuple(name for name in names if name not in _NEVER_TOTALLED) if is_total and not report.view else shown
    hidden = {name for name in names if name == "answer" or (_is_optional(report, name) and _is_nothing(rows, name))}
    if report.scope.client and not is_total and len({getattr(row, "client", "") for row in rows}) == 1:
        hidden.add("client")
    currencies = {str(getattr(row, "currency", "")) for row in rows}
    if len(currencies) == 1 and not is_total:
        title = f"{title}, {currencies.pop()}"
        hidden.add("currency")
    return Grid(
        title=title,
        columns=tuple(
            _column(report, name, is_number=name in numbers, is_extra=name not in shown or name in hidden)
            for name in names
        ),
        rows=tuple(tuple(_cell(getattr(row, name)) for name in names) for row in rows),
    )


def _is_optional(report: Report, name: str) -> bool:
    """Whether a column of amounts is left out where it is all zeros: a terminal has no room for it."""
    in_payments = report.name == "payments" and name == "refunded"
    return in_payments or name.startswith("age_") or name == "in_both_systems"


def _is_nothing(rows: tuple[msgspec.Struct, ...], name: str) -> bool:
    """Whether a column of amounts is all zeros."""
    return all(getattr(row, name).is_zero for row in rows)


def _column(report: Report, name: str, *, is_number: bool, is_extra: bool) -> Column:
    heading = _HEADINGS.get(name, name.replace("_", " ").capitalize())
    if report.name == "roll-forward":
        heading = _SIGNED.get(name, heading)
    return Column(
        name, heading, is_wide=name in _WIDE, is_number=is_number, is_extra=is_extra, words=_WORDS.get(name, {})
    )


def _cell(value: Any) -> Cell:
    match value:
        case bool():
            return "yes" if value else "no"
        case tuple():
            return ", ".join(_part(part) for part in value)
        case None | int() | Money() | date() | str():
            return value
        case _:
            return str(value)


def _part(value: Any) -> str:
    return str(value.key) if isinstance(value, Evidence) else str(value)
