"""The arithmetic of a finding, done again from the raw records alone. Pure.

This module is the second opinion: it shares no code with the rules or the mappings, reads the systems' own JSON with
the standard library, and knows only what a claim of each code must be made of. It does not know when a rule should
fire; it knows whether the amounts it speaks of are in the records it names.
"""

import json
from collections import defaultdict
from collections.abc import Iterator, Mapping
from decimal import Decimal
from itertools import product
from typing import Any

from mappings.findings import Evidence, Finding
from mappings.money import format_amount

_ROWS, _LINES, _BOTH, _TOTALS = "rows", "lines", "both", "totals"
# What a claim is made of: BigTime payment rows (−), QuickBooks applications (+), both, or the totals' difference.
_MADE_OF = {
    **dict.fromkeys(("A1", "A2", "A4", "B1", "B2", "B4", "B5"), _ROWS),
    **dict.fromkeys(("C3", "C8", "G4"), _LINES),
    **dict.fromkeys(("C4", "C6b", "D1", "E2", "E3", "E4", "E5"), _BOTH),
    **dict.fromkeys(("D5", "D6", "D9", "E1", "E7"), _TOTALS),
}


def check_arithmetic(finding: Finding, raws: Mapping[Evidence, bytes]) -> Iterator[tuple[bool, str]]:
    """Whether the claim follows from the raw records of the evidence, one line for each part of it.

    A finding without a claim, and a code whose claim needs records beside its evidence (a balance that does not add
    up), say so and pass. An amount that is in no record fails, and the line names the amount.
    """
    parts = {claim.invoice_id: _decimal(claim.amount_minor, finding.currency) for claim in finding.claims}
    if not parts:
        yield True, "it claims no part of the difference: there is no sum to check"
        return
    records = [(evidence, _read(raw)) for evidence, raw in raws.items()]
    if finding.code == "D2":
        yield from _check_moved(parts, records)
        return
    kind = _MADE_OF.get(finding.code)
    for _, claimed in sorted(parts.items()):
        sums = _possible_sums(kind, finding, records)
        if sums is None:
            yield True, f"the claim of {claimed} rests on the balances themselves: see the waterfall of the invoice"
        elif claimed in sums:
            yield True, f"the claim of {claimed} is the sum of the amounts in the raw records"
        else:
            yield False, f"the claim of {claimed} is not in the raw records: they give {_listed(sums)}"


_Records = list[tuple[Evidence, dict[str, Any] | None]]


def _decimal(minor: int, currency: str) -> Decimal:
    return Decimal(format_amount(minor, currency))


def _read(raw: bytes) -> dict[str, Any] | None:
    """The record as the system sent it; None for a record that is gone."""
    if not raw:
        return None
    record = json.loads(raw, parse_float=Decimal, parse_int=Decimal)
    return None if record.get("status") == "Deleted" else record


def _field(record: dict[str, Any], *names: str) -> Any:
    """A field by any of its spellings; BigTime does not keep to one case."""
    lowered = {key.casefold(): value for key, value in record.items()}
    return next((lowered[name.casefold()] for name in names if lowered.get(name.casefold()) not in (None, "")), None)


def _amount(value: object) -> Decimal:
    return Decimal(str(value).replace(",", "").replace("$", "")) if value is not None else Decimal(0)


def _row_amounts(records: _Records) -> dict[str, set[Decimal]]:
    """What each BigTime payment row of the evidence puts on its invoice, over its versions; 0 when it is gone."""
    found: dict[str, set[Decimal]] = defaultdict(set)
    for evidence, record in records:
        if evidence.key.system == "bigtime" and evidence.key.kind == "payment":
            amount = _amount(_field(record, "AppliedAmount")) if record is not None else Decimal(0)
            found[evidence.key.id].add(amount)
    return found


def _line_amounts(records: _Records, invoice_id: str) -> dict[str, set[Decimal]]:
    """What each QuickBooks payment of the evidence puts on an invoice, over its versions; a deposit counts as one."""
    found: dict[str, set[Decimal]] = defaultdict(set)
    for evidence, record in records:
        if evidence.key.system != "quickbooks" or evidence.key.kind not in {"payment", "invoice"}:
            continue
        if record is None:
            found[evidence.key.id].add(Decimal(0))
        elif evidence.key.kind == "invoice":
            found[evidence.key.id].add(_amount(record.get("Deposit")))
        else:
            found[evidence.key.id].add(sum(_links(record, invoice_id), Decimal(0)))
    return found


def _links(payment: dict[str, Any], invoice_id: str) -> Iterator[Decimal]:
    for line in payment.get("Line") or ():
        for link in line.get("LinkedTxn") or ():
            if link.get("TxnType") == "Invoice" and link.get("TxnId") == invoice_id:
                yield _amount(line.get("Amount"))


def _possible_sums(kind: str | None, finding: Finding, records: _Records) -> set[Decimal] | None:
    """Every claim that the records allow; None for a code that is not made of them."""
    quickbooks_id = finding.invoice.quickbooks if finding.invoice else ""
    if kind is None:
        return None
    if kind == _TOTALS:
        return {ours - theirs for ours, theirs in product(_totals(records, "bigtime"), _totals(records, "quickbooks"))}
    rows = [amount for amounts in _row_amounts(records).values() for amount in amounts]
    lines = [amount for amounts in _line_amounts(records, quickbooks_id).values() for amount in amounts]

    if kind == _ROWS:
        return {-row for row in rows}
    if kind == _LINES:
        return set(lines)
    return {line - row for row, line in product([*rows, Decimal(0)], [*lines, Decimal(0)])} - {Decimal(0)}


def _totals(records: _Records, system: str) -> set[Decimal]:
    """The totals that the evidence's versions of the invoice have in one system."""
    return {
        _amount(_field(record, "TotalAmt", "InvoiceAmt"))
        for evidence, record in records
        if record is not None and evidence.key.system == system and evidence.key.kind == "invoice"
    }


def _check_moved(parts: Mapping[str, Decimal], records: _Records) -> Iterator[tuple[bool, str]]:
    """D2: one amount, minus on one invoice and plus on another, and the BigTime row has it."""
    rows = {amount for amounts in _row_amounts(records).values() for amount in amounts}
    size = max(parts.values())
    good = sum(parts.values()) == 0 and size in rows
    yield (
        good,
        f"{size} stands on one invoice in BigTime and on another in QuickBooks"
        if good
        else (f"{size} is not the amount of the BigTime payment: the raw record gives {_listed(rows)}"),
    )


def _listed(amounts: set[Decimal]) -> str:
    return ", ".join(str(amount) for amount in sorted(amounts)) or "nothing"
