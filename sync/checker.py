"""The arithmetic of a finding, done again from the raw records alone. Pure.

This module is the second opinion: it shares no code with the rules or the mappings, reads the systems' own JSON with
the standard library, and knows only what the amounts of each code must be made of. It does not know when a rule should
fire; it knows whether the amounts a finding speaks of are in the records it names. What no record can show, it says.
"""

from collections.abc import Callable, Iterator, Mapping
from decimal import Decimal
from itertools import combinations, product

from mappings.findings import Evidence, Finding
from mappings.money import format_amount
from sync.checker_records import (
    ZERO,
    Raws,
    Sums,
    amount,
    breaks_of,
    credit_lines,
    field,
    given_by,
    left,
    links,
    on_invoice,
    shown,
    total,
)

_Sums = Callable[[Raws, Finding], Sums]


def check_arithmetic(finding: Finding, raws: Mapping[Evidence, bytes]) -> Iterator[tuple[bool, str]]:
    """Whether claims and exposure follow from the raw records of the evidence, one line for each of them.

    An amount that is in no record fails, and the line names the amount. A finding that is about a run or a setting has
    no amount: the line says that nothing was checked, and an amount on such a finding fails.
    """
    if finding.code in ABOUT_THE_RUN:
        no_amount = not finding.claims and finding.exposure_minor == 0
        yield no_amount, "not checked: it is about the run or a setting, and no record shows an amount of it"
        return
    records = Raws(raws)
    claims = [_decimal(claim.amount_minor, finding.currency) for claim in sorted(finding.claims)]
    if finding.code == "D2":
        yield from _check_moved(claims, records)
    elif claims:
        claimable = _CLAIMS[finding.code](records, finding) if finding.code in _CLAIMS else set()
        for claim in claims:
            yield _said(claim in claimable, "claim", claim, claimable)
    exposure = _decimal(finding.exposure_minor, finding.currency)
    exposed = {abs(each) for each in _EXPOSURES[finding.code](records, finding)}
    yield _said(exposure in exposed, "amount at stake", exposure, exposed)


def _decimal(minor: int, currency: str) -> Decimal:
    return Decimal(format_amount(minor, currency))


def _said(good: bool, what: str, size: Decimal, possible: Sums) -> tuple[bool, str]:
    if good:
        return True, f"the {what} of {size} follows from the amounts in the raw records"
    return False, f"the {what} of {size} is not in the raw records: they give {_listed(possible)}"


def _listed(amounts: Sums) -> str:
    return ", ".join(str(each) for each in sorted(amounts)) or "nothing"


def _check_moved(claims: list[Decimal], records: Raws) -> Iterator[tuple[bool, str]]:
    """D2: one amount, minus on one invoice and plus on another, and both the row and the payment have it."""
    rows = set(records.rows())
    size = max(claims, default=ZERO)
    elsewhere = {
        each
        for payment in records.present("quickbooks", "payment")
        for line in payment.get("Line") or ()
        for each in [amount(line.get("Amount"))]
    }
    sums = {
        sum(chosen, ZERO)
        for count in range(1, min(len(elsewhere), 4) + 1)
        for chosen in combinations(sorted(elsewhere), count)
    }
    good = bool(claims) and sum(claims) == 0 and size in rows and size in sums
    yield (
        good,
        f"{size} stands on one invoice in BigTime and on another in QuickBooks"
        if good
        else f"{size} is not the amount of both payments: the raw records give {_listed(rows | elsewhere)}",
    )


def _twin(finding: Finding) -> str:
    return finding.invoice.quickbooks if finding.invoice else ""


def _rows(records: Raws, _: Finding) -> Sums:
    """A BigTime payment that QuickBooks does not have lowers BigTime by its amount."""
    return {-row for row in records.rows()}


def _lines(records: Raws, finding: Finding) -> Sums:
    """An application that BigTime does not have lowers QuickBooks by its amount."""
    return set(records.lines(_twin(finding)))


def _waiting(records: Raws, finding: Finding) -> Sums:
    """G4: an application that may still arrive, or all of the difference but what client credits make of it."""
    rows = records.rows()
    credited = {sum(chosen, ZERO) for count in range(min(len(rows), 6) + 1) for chosen in combinations(rows, count)}
    differences = {
        shown(ours) - amount(theirs.get("Balance")) + credit
        for ours in records.present("bigtime", "invoice")
        for theirs in records.present("quickbooks", "invoice")
        for credit in credited
    }
    return _lines(records, finding) | differences


def _both(records: Raws, finding: Finding) -> Sums:
    """What QuickBooks applied less what BigTime applied; either may be gone."""
    rows, lines = [*records.rows(), ZERO], [*records.lines(_twin(finding)), ZERO]
    return {line - row for row, line in product(rows, lines)} - {ZERO}


def _totals(records: Raws, _: Finding) -> Sums:
    """The difference of the invoice's totals."""
    return {ours - theirs for ours, theirs in product(records.totals("bigtime"), records.totals("quickbooks"))}


def _totals_or_both(records: Raws, finding: Finding) -> Sums:
    """D6: the difference of the totals, or that of the two amounts of one credit."""
    return _both(records, finding) if records.versions("bigtime", "payment") else _totals(records, finding)


def _edited(records: Raws, finding: Finding) -> Sums:
    """E1: the difference of the totals, or the whole of an invoice that BigTime has no more."""
    return _totals(records, finding) if finding.claims else records.totals("quickbooks")


def _unpaid(records: Raws, _: Finding) -> Sums:
    """What BigTime's own rows leave open."""
    applied = sum(records.rows(), ZERO)
    return {each - applied for each in records.totals("bigtime")}


def _hidden(records: Raws, finding: Finding) -> Sums:
    """What BigTime shows beside its own arithmetic; an invoice marked as paid shows nothing."""
    found = set()
    for invoice in records.present("bigtime", "invoice"):
        for computed in _unpaid(records, finding):
            found |= {amount(field(invoice, "TotalAmtDue")) - computed, -computed}
    return found


def _own_sum(records: Raws, finding: Finding) -> Sums:
    """F10: what one system shows beside its own total and payments."""
    found = _hidden(records, finding)
    applied = sum(records.lines(_twin(finding)), ZERO)
    return found | {
        total(invoice) - applied - amount(invoice.get("Balance"))
        for invoice in records.present("quickbooks", "invoice")
    }


def _net(records: Raws, finding: Finding) -> Sums:
    """A3: the difference of the totals, where it is exactly what the credits of the evidence come to."""
    return _totals(records, finding) & {sum(records.rows(), ZERO)}


def _on_dead_twin(records: Raws, _: Finding) -> Sums:
    """A7: the credits on the invoice, while no version of its twin is worth anything."""
    return {sum(records.rows(), ZERO)} if records.totals("quickbooks") <= {ZERO} else set()


def _row_or_rest(records: Raws, finding: Finding) -> Sums:
    """B5: the second payment in BigTime, or the one that QuickBooks has unapplied beside an equal one."""
    if finding.claims or records.versions("bigtime", "payment"):
        return set(records.rows())
    sizes = [amount(each.get("TotalAmt")) for each in records.present("quickbooks", "payment")]
    return records.remainders() if len(sizes) > 1 and len(set(sizes)) == 1 else set()


def _equal_memos(records: Raws, _: Finding) -> Sums:
    memos = records.present("quickbooks", "credit_memo")
    sizes = {amount(memo.get("TotalAmt")) for memo in memos}
    return sizes if len(memos) > 1 and len(sizes) == 1 else set()


def _bigtime_total(records: Raws, _: Finding) -> Sums:
    return records.totals("bigtime")


def _kept_rest(records: Raws, finding: Finding) -> Sums:
    """B7 and C5: the whole BigTime payment less its rows; B7 wants QuickBooks to have the same left."""
    wholes = {amount(field(row, "TotalAmount")) for row in records.present("bigtime", "payment")}
    applied = sum((max(row, ZERO) for row in records.rows()), ZERO)
    rest = {whole - applied for whole in wholes}
    return rest if finding.code == "C5" else rest & records.remainders()


def _two_forms(records: Raws, _: Finding) -> Sums:
    given = {each for entry in records.present("quickbooks", "journal_entry") for each in given_by(entry).values()}
    return given & {amount(memo.get("TotalAmt")) for memo in records.present("quickbooks", "credit_memo")}


def _left(records: Raws, _: Finding) -> Sums:
    return records.remainders()


def _given(records: Raws, _: Finding) -> Sums:
    entries = records.present("quickbooks", "journal_entry", "deposit")
    return {each for entry in entries for each in given_by(entry).values()}


def _on_unknown_invoice(records: Raws, finding: Finding) -> Sums:
    return {sum(records.lines(_twin(finding)), ZERO)}


def _row_sum(records: Raws, _: Finding) -> Sums:
    return {sum(records.rows(), ZERO)}


def _equal_sums(records: Raws, finding: Finding) -> Sums:
    return {sum(records.rows(), ZERO)} & {sum(records.lines(_twin(finding)), ZERO)}


def _freed(records: Raws, finding: Finding) -> Sums:
    """E6: what the payments once had on the invoice; of each payment one of its versions counts."""
    payments = records.versions("quickbooks", "payment").values()
    return records.sums_of_versions({on_invoice(each, _twin(finding)) for each in versions} for versions in payments)


def _changed(records: Raws, _: Finding) -> Sums:
    """E8: the change of a record's total, or the total where only something else changed."""
    found: Sums = set()
    for versions in records.versions("quickbooks", "invoice", "payment", "credit_memo").values():
        sizes = [amount(each.get("TotalAmt")) for each in versions]
        found |= {one - other for one, other in product(sizes, sizes)} - {ZERO} or set(sizes)
    return found


def _any_total(records: Raws, _: Finding) -> Sums:
    return {amount(each.get("TotalAmt")) for each in records.present("quickbooks", "invoice", "payment", "credit_memo")}


def _sum_of_totals(records: Raws, _: Finding) -> Sums:
    kinds = records.present("quickbooks", "invoice", "payment", "credit_memo")
    return {sum((amount(each.get("TotalAmt")) for each in kinds), ZERO)}


def _any_line(records: Raws, _: Finding) -> Sums:
    return {
        amount(line.get("Amount"))
        for payment in records.present("quickbooks", "payment")
        for line in payment.get("Line") or ()
    }


def _shown_due(records: Raws, finding: Finding) -> Sums:
    """F1: what BigTime shows below zero, or what its rows leave below zero where it shows nothing."""
    shown = {field(invoice, "TotalAmtDue") for invoice in records.present("bigtime", "invoice")}
    found = {amount(each) for each in shown if each is not None} or _unpaid(records, finding)
    return {each for each in found if each < 0}


def _paid_too_much(records: Raws, _: Finding) -> Sums:
    return {amount(field(each, "PaidAmt")) - total(each) for each in records.present("bigtime", "invoice")}


def _less_of_both(records: Raws, _: Finding) -> Sums:
    """F4: the smaller of what is overdue and what is open."""
    due = sum((amount(each.get("Balance")) for each in records.present("quickbooks", "invoice")), ZERO)
    credit = sum((left(each) for each in records.present("quickbooks", "credit_memo")), ZERO)
    credit += sum((amount(each.get("UnappliedAmt")) for each in records.present("quickbooks", "payment")), ZERO)
    return {min(due, credit)}


def _refunded(records: Raws, _: Finding) -> Sums:
    refunds = {amount(each.get("TotalAmt")) for each in records.present("quickbooks", "purchase", "refund_receipt")}
    return refunds & records.remainders()


def _overdrawn(records: Raws, _: Finding) -> Sums:
    return {each for each in records.remainders() if each < 0}


def _lost_or_overdrawn(records: Raws, finding: Finding) -> Sums:
    """E3: the change on the invoice, or what the lowered memo no longer covers."""
    return _both(records, finding) if finding.claims else _overdrawn(records, finding)


def _unexplained(records: Raws, _: Finding) -> Sums:
    """F9: what a memo shows as left beside its total less what the payments take from it."""
    found = set()
    payments = records.present("quickbooks", "payment")
    for identifier, versions in records.versions("quickbooks", "credit_memo").items():
        used = sum((each for payment in payments for each in links(payment, identifier, "CreditMemo")), ZERO)
        found |= {left(memo) - (amount(memo.get("TotalAmt")) - used) for memo in versions}
    return found or {credit_lines(payment) for payment in payments}


def _beyond_receivable(records: Raws, _: Finding) -> Sums:
    """F11: what a payment's lines do not add up to, or the credit on an invoice below zero."""
    payments = records.present("quickbooks", "payment")
    found = {each for payment in payments for each in breaks_of(payment)} - {ZERO}
    for identifier, versions in records.versions("quickbooks", "invoice").items():
        credited = sum((min(on_invoice(each, identifier), credit_lines(each)) for each in payments), ZERO)
        found = {min(-amount(invoice.get("Balance")), credited) for invoice in versions}
    return found


ABOUT_THE_RUN = frozenset({"G1", "G2", "G3", "G5", "G6", "G8", "G9", "G10", "G11"})
# What a claim must be made of. A code that is not here claims nothing, or is looked at in its own way (D2).
_CLAIMS: Mapping[str, _Sums] = {
    **dict.fromkeys(("A1", "A2", "A4", "B1", "B2", "B4", "B5"), _rows),
    **dict.fromkeys(("C3", "C8"), _lines),
    "G4": _waiting,
    **dict.fromkeys(("C4", "C6b", "D1", "E2", "E3", "E4", "E5"), _both),
    **dict.fromkeys(("D5", "D9", "E1", "E7"), _totals),
    "D6": _totals_or_both,
    **dict.fromkeys(("A5", "F2"), _hidden),
    "F10": _own_sum,
}
# What the money at stake must be made of; signs do not matter.
_EXPOSURES: Mapping[str, _Sums] = {
    **_CLAIMS,
    "E1": _edited,
    "A3": _net,
    "B5": _row_or_rest,
    "A5": _unpaid,
    "A7": _on_dead_twin,
    "B3": _equal_memos,
    **dict.fromkeys(("B6", "D3"), _bigtime_total),
    **dict.fromkeys(("B7", "C5"), _kept_rest),
    "B8": _two_forms,
    **dict.fromkeys(("C1", "C2", "C7", "F5"), _left),
    "C6": _on_unknown_invoice,
    **dict.fromkeys(("D2", "D4"), _rows),
    "D7": _row_sum,
    "D8": _equal_sums,
    "E3": _lost_or_overdrawn,
    "E6": _freed,
    "E8": _changed,
    "E9": _any_total,
    "E10": _sum_of_totals,
    "E11": _any_line,
    "F1": _shown_due,
    "F2": _paid_too_much,
    "F4": _less_of_both,
    "F6": _given,
    "F7": _refunded,
    "F8": _overdrawn,
    "F9": _unexplained,
    "F11": _beyond_receivable,
}
CHECKED = frozenset(_EXPOSURES)
