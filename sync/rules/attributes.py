"""Group D: the same credit or payment with different attributes."""

from collections import Counter
from collections.abc import Iterable
from datetime import date

from mappings.findings import Proof, Severity
from mappings.model import CreditMemo, History, Method, Version
from sync.rules.desk import Case, Desk, Funding, Item, ItemKind, Line, Pair, Row
from sync.rules.draft import Draft, on_case
from sync.rules.matching import may_be_same
from sync.rules.moment import Moment
from sync.rules.past import PastLine


def rounding(desk: Desk) -> tuple[Draft, ...]:
    """D9: the totals differ by no more than the rounding allowance (one minor unit)."""
    return tuple(
        _total_draft(
            case, items, "D9", "the totals differ by no more than rounding does", "Nothing to do.", severity=Severity.S4
        )
        for case, items in desk.by_case(ItemKind.TOTAL)
        if abs(items[0].effect_minor) <= desk.moment.rounding_minor
    )


def tax_on_one_side(desk: Desk) -> tuple[Draft, ...]:
    """D6: the totals differ by exactly the sales tax of one side. Example: 110.00 and 100.00 with 10.00 tax."""
    drafts = []
    for case, items in desk.by_case(ItemKind.TOTAL):
        assert case.twin is not None
        taxes = {abs(case.twin.tax_minor), abs(case.invoice.tax_minor)} - {0}
        if case.twin.tax_minor != case.invoice.tax_minor and abs(items[0].effect_minor) in taxes:
            advice = "Correct the side without tax."
            drafts.append(_total_draft(case, items, "D6", "the difference is exactly the tax of one side", advice))
    return tuple(drafts)


def _total_draft(
    case: Case, items: tuple[Item, ...], code: str, reason: str, advice: str, *, severity: Severity | None = None
) -> Draft:
    assert case.quickbooks is not None
    assert case.twin is not None
    return on_case(
        case,
        code=code,
        proof=Proof.LIKELY,
        reason=reason,
        exposure_minor=items[0].effect_minor,
        explanation=(
            f"Invoice {case.number} is {case.money(case.total_minor)} in BigTime and "
            f"{case.money(case.twin.total_minor)} in QuickBooks: {reason}. {advice}"
        ),
        records=(case.bigtime, case.quickbooks),
        consumes=items,
        subject=(case.bigtime.key, case.quickbooks.key),
        severity=severity,
    )


def _near(row: Item, line: Item, moment: Moment) -> bool:
    """Whether a row and a line can be one event: the same reference, or days within the duplicate window."""
    assert row.row is not None
    assert line.line is not None
    if _has_reference_of(row.row, line.line):
        return True
    paid_on = line.line.payment.paid_on
    if row.row.on is None or paid_on is None:
        return False
    return abs(row.row.on - paid_on) <= moment.duplicate_window


def applied_to_different_invoices(desk: Desk) -> tuple[Draft, ...]:
    """D2: one amount, alone on one invoice in BigTime and alone on another in QuickBooks.

    Example: BigTime credits INV-1 with 300.00; QuickBooks' automatic application put the memo on INV-2. The
    client's balance agrees, two invoices do not, by −300.00 and +300.00. Proved when the same QuickBooks payment
    used to be on BigTime's invoice. A client credit in BigTime waits until the sync has had its time: what QuickBooks
    has on the other invoice may still come over, and then it is two credits.
    """
    past = desk.past_lines
    moved = {(each.history.key, each.invoice_id, each.amount_minor): each.version for each in past}
    lines = list(desk.of_kind(ItemKind.LINE))
    drafts = []
    for row in desk.of_kind(ItemKind.ROW):
        case = desk.cases[row.case_id]
        assert row.row is not None
        assert case.quickbooks is not None
        fitting = [line for line in lines if _is_elsewhere(row, line, desk)]
        proved = [
            line
            for line in fitting
            if line.line and (line.line.history.key, case.quickbooks.key.id, -row.effect_minor) in moved
        ]
        may_come_over = row.row.payment.method is Method.ACCOUNT_CREDIT
        near = [
            line
            for line in fitting
            if _near(row, line, desk.moment)
            and not (may_come_over and _is_young(line, desk.moment))
            and _may_have_moved(row, line, [each for each in past if each.invoice_id == case.quickbooks.key.id])
        ]
        chosen = (proved or near)[:1] if proved or len(near) == 1 else []
        for line in chosen:
            lines.remove(line)
            assert line.line is not None
            version = moved.get((line.line.history.key, case.quickbooks.key.id, -row.effect_minor))
            drafts.append(_moved_draft(desk, row, line, proved=bool(proved), version=(version,) if version else ()))
    return tuple(drafts)


def _may_have_moved(row: Item, line: Item, past: Iterable[PastLine]) -> bool:
    """Whether what QuickBooks once had on BigTime's invoice can be what it has elsewhere now.

    A row whose own application we saw go is that application's; it moved only with its credit, or its reference.
    """
    assert row.row is not None
    assert line.line is not None
    own = [each for each in past if each.amount_minor == row.row.amount_minor]
    here = line.line
    return not own or any(
        set(each.credit_keys) & set(here.credit_keys) or _has_reference_of(row.row, here) for each in own
    )


def _is_young(line: Item, moment: Moment) -> bool:
    """Whether a sync may still be about to bring this application to BigTime."""
    assert line.line is not None
    return moment.in_grace(line.line.payment.modified_at or line.line.history.latest.observed_at)


def _is_elsewhere(row: Item, line: Item, desk: Desk) -> bool:
    assert row.row is not None
    assert line.line is not None
    here, there = desk.cases[row.case_id], desk.cases[line.case_id]
    return (
        line.case_id != row.case_id
        and line.effect_minor == -row.effect_minor
        and may_be_same(row.row, line.line)
        and there.currency == here.currency
        and _is_one_client(here, there)
    )


def _is_one_client(here: Case, there: Case) -> bool:
    """Whether two invoices are of one client, in either system's eyes: two clients' equal amounts are chance."""
    if here.invoice.client_id and here.invoice.client_id == there.invoice.client_id:
        return True
    return here.twin is not None and there.twin is not None and here.twin.client_id == there.twin.client_id


def _moved_draft(desk: Desk, row: Item, line: Item, *, proved: bool, version: tuple[Version, ...]) -> Draft:
    assert row.row is not None
    assert line.line is not None
    here, there = desk.cases[row.case_id], desk.cases[line.case_id]
    by_itself = line.line.payment.auto_linked
    automatic = " QuickBooks linked it by itself (automatic application of credits)." if by_itself else ""
    return on_case(
        here,
        code="D2",
        proof=Proof.PROVED if proved else Proof.LIKELY,
        reason=(
            "an earlier version of the QuickBooks payment was on BigTime's invoice"
            if proved
            else "amount, kind and time agree, and nothing else in either system does"
        ),
        exposure_minor=row.effect_minor,
        explanation=(
            f"{here.money(-row.effect_minor)} is applied to invoice {here.number} in BigTime and to "
            f"invoice {there.number} in QuickBooks.{automatic} The client's balance is right, both invoices are not. "
            "Move it in QuickBooks to the invoice it was meant for."
        ),
        records=(row.row.history, line.line.history, *_credits_of(desk, line.line)),
        consumes=(row, line),
        versions=version,
        subject=(row.row.history.key, line.line.history.key),
        cause="QuickBooks applied a credit by itself to another invoice (automatic application)" if by_itself else "",
    )


def _credits_of(desk: Desk, line: Line) -> tuple[History, ...]:
    """The credits that a line uses: what QuickBooks spread over several invoices by itself is one cause."""
    return tuple(history for key in line.credit_keys if (history := desk.histories.get(key)) is not None)


def amounts_differ(desk: Desk) -> tuple[Draft, ...]:
    """D1: one payment or credit with two amounts. Example: 300.00 in QuickBooks, 250.00 in BigTime: +50.00.

    D6: a credit whose amounts differ by exactly the tax: 110.00 in QuickBooks, 100.00 in BigTime.

    Told by the same reference, or by days close together when one is left on each side; without the reference money
    and credit are two things. Of several, those of the nearest days belong together, then the nearest amounts. A
    client credit is group A's business.
    """
    names = _names_of_credits(desk)
    drafts = []
    for case, items in desk.by_case(ItemKind.ROW, ItemKind.LINE):
        lines = [item for item in items if item.line]
        rows = [item for item in items if item.row and item.row.payment.method is not Method.ACCOUNT_CREDIT]
        fitting = [
            (row, line)
            for row in rows
            for line in lines
            if row.row
            and line.line
            and may_be_same(row.row, line.line)
            and _near(row, line, desk.moment)
            and (_has_reference_of(row.row, line.line) or _is_one_kind(row.row, line.line, names))
            and not _is_about_to_come(row, line, desk.moment)
        ]
        fitting.sort(key=lambda both: _unlikeness(*both))
        used: set[tuple[str, ...]] = set()
        for row, line in fitting:
            if used.isdisjoint({row.id, line.id}):
                used |= {row.id, line.id}
                drafts.append(_amount_draft(case, row, line, is_tax=_is_tax(desk, case, row, line)))
    return tuple(drafts)


def _is_tax(desk: Desk, case: Case, row: Item, line: Item) -> bool:
    """Whether one amount is the other less the tax: that of the credit memo behind it, else that of the invoice."""
    assert row.row is not None
    assert line.line is not None
    if line.line.funding is not Funding.CREDIT:
        return False
    memos = [desk.histories[key].content for key in line.line.credit_keys if key in desk.histories]
    rates = [(memo.total_minor, memo.tax_minor) for memo in memos if isinstance(memo, CreditMemo)]
    rates += [(each.total_minor, each.tax_minor) for each in (case.twin, case.invoice) if each is not None]
    ours, theirs = row.row.amount_minor, line.line.amount_minor
    small, large = sorted((ours, theirs))
    return any(tax > 0 and small * total == large * (total - tax) for total, tax in rates)


def _is_about_to_come(row: Item, line: Item, moment: Moment) -> bool:
    """Whether a sync will rather bring this application by itself: it is young, and the row speaks of another day."""
    assert row.row is not None
    assert line.line is not None
    is_same_event = _has_reference_of(row.row, line.line) or row.row.on == line.line.payment.paid_on
    return not is_same_event and _is_young(line, moment)


def _has_reference_of(row: Row, line: Line) -> bool:
    return line.is_named_by(row.payment.reference)


def _unlikeness(row: Item, line: Item) -> tuple[bool, int, int, tuple[str, ...], tuple[str, ...]]:
    assert row.row is not None
    assert line.line is not None
    ours, theirs = row.row.on, line.line.payment.paid_on
    days = abs((ours - theirs).days) if ours and theirs else date.max.toordinal()
    return (
        not _has_reference_of(row.row, line.line),
        days,
        abs(line.effect_minor + row.effect_minor),
        row.id,
        line.id,
    )


def _names_of_credits(desk: Desk) -> frozenset[str]:
    """The payment types under which QuickBooks' credits usually reach this BigTime; one that went astray does not count."""
    credit_count, money_count = Counter[str](), Counter[str]()
    for pair in (pair for case in desk.cases.values() for pair in case.pairs if pair.lines):
        names = [row.payment.method_name for row in pair.rows]
        if all(line.funding is Funding.CREDIT for line in pair.lines):
            credit_count.update(names)
        elif all(line.funding is Funding.CASH for line in pair.lines):
            money_count.update(names)
    return frozenset(name for name, count in credit_count.items() if count > money_count[name])


def _is_one_kind(row: Row, line: Line, names: frozenset[str]) -> bool:
    """Whether both are money, or both a credit, as far as BigTime says.

    A row of the same day without a reference is what a push looks like, whatever it is called.
    """
    method = row.payment.method
    if not row.payment.reference and row.on == line.payment.paid_on:
        return True
    if line.funding is Funding.MIXED or method in {Method.NONE, Method.UNKNOWN}:
        return True
    if line.funding is Funding.CASH:
        return method is Method.MONEY
    return method is Method.CREDIT_MEMO or row.payment.method_name in names


def _amount_draft(case: Case, row: Item, line: Item, *, is_tax: bool) -> Draft:
    assert row.row is not None
    assert line.line is not None
    same = _has_reference_of(row.row, line.line)
    difference = " The difference is exactly the tax." if is_tax else ""
    return on_case(
        case,
        code="D6" if is_tax else "D1",
        proof=Proof.PROVED if same else Proof.LIKELY,
        reason="both carry the same reference" if same else "same invoice and time, and nothing else to match with",
        exposure_minor=row.effect_minor + line.effect_minor,
        explanation=(
            f"A payment on invoice {case.number} is {case.money(row.row.amount_minor)} in BigTime and "
            f"{case.money(line.line.amount_minor)} in QuickBooks.{difference} Correct it in BigTime to what QuickBooks has."
        ),
        records=(row.row.history, line.line.history),
        consumes=(row, line),
        subject=(row.row.history.key, line.line.history.key),
    )


def credit_shown_as_money(desk: Desk) -> tuple[Draft, ...]:
    """D7: a QuickBooks credit stands in BigTime under a payment type for money, or money as a client credit.

    Balances are right, reports of money received are not. Information: BigTime itself may give pushed-back credits
    such a name, and then nobody did anything wrong.
    """
    drafts = []
    for case in desk.cases.values():
        for pair in case.pairs:
            shown_as_money = [row for row in pair.rows if row.payment.method is Method.MONEY]
            if shown_as_money and pair.lines and all(line.funding is Funding.CREDIT for line in pair.lines):
                drafts.append(_kind_draft(case, pair, shown_as_money))
    return tuple(drafts)


def _kind_draft(case: Case, pair: Pair, rows: list[Row]) -> Draft:
    minor = sum(row.amount_minor for row in rows)
    return on_case(
        case,
        code="D7",
        proof=Proof.PROVED,
        reason="QuickBooks links a credit, and no money",
        exposure_minor=minor,
        explanation=(
            f"{case.money(minor)} on invoice {case.number} is a credit in QuickBooks and a payment of type "
            f"{rows[0].payment.method_name!r} in BigTime: its payment history shows money that never came in."
        ),
        records=(*(row.history for row in rows), *(line.history for line in pair.lines)),
        subject=tuple(row.history.key for row in rows),
    )
