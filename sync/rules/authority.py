"""Group A: posted invoices are credited only in QuickBooks."""

from collections import defaultdict
from datetime import date

from mappings.findings import Proof, Severity
from mappings.model import Method, Posted
from sync.rules.desk import Case, Desk, Funding, Item, ItemKind, Line, Row
from sync.rules.draft import Draft, on_case
from sync.rules.duplicates import extra_credits
from sync.rules.moment import Moment


def _is_credit(item: Item) -> bool:
    return item.row is not None and item.row.payment.method is Method.ACCOUNT_CREDIT


def _day(day: date | None) -> str:
    return day.isoformat() if day else "an unknown day"


def posting_order(case: Case, row: Row, moment: Moment) -> tuple[bool, Proof, str]:
    """Whether a row came into being after the invoice was posted, how sure that is, and why.

    BigTime gives no creation stamps, so certainty comes only from our own complete reads and from QuickBooks'
    creation stamp of the twin. A bookkeeping date can be typed by hand and is at most `likely`.
    """
    first, posted = row.history.first, case.posted_at
    if posted is None or row.on is None:
        return False, Proof.CANNOT_TELL, "neither system says when the credit or the invoice was entered"
    if first.absent_before is not None and first.absent_before >= posted:
        reason = f"a complete read at {first.absent_before:%Y-%m-%d %H:%M} UTC, after posting, did not show it"
        return True, Proof.PROVED, reason
    if first.observed_at <= posted:
        return (
            False,
            Proof.PROVED,
            f"we saw it at {first.observed_at:%Y-%m-%d %H:%M} UTC, before the invoice was posted",
        )
    posted_on = moment.day_of(posted)
    if row.on > posted_on:
        return True, Proof.LIKELY, f"its date {row.on} is after the day of posting, {posted_on}"
    if row.on < posted_on:
        return (
            False,
            Proof.LIKELY,
            f"its date {row.on} is before the day of posting, {posted_on}; dates are typed by hand",
        )
    return False, Proof.CANNOT_TELL, f"its date is the day of posting, {posted_on}"


def net_posting(desk: Desk) -> tuple[Draft, ...]:
    """A3: the totals differ by exactly the client credits in BigTime, so QuickBooks was given the net amount.

    Example: BigTime 1,000.00 with a credit of 200.00, QuickBooks 800.00: both ask for 800.00.
    """
    drafts = []
    for case, items in desk.by_case(ItemKind.TOTAL, ItemKind.ROW):
        total = next((item for item in items if item.kind is ItemKind.TOTAL), None)
        client_credits = [item for item in items if _is_credit(item)]
        if total is None or not client_credits:
            continue
        all_of_them = -sum(item.effect_minor for item in client_credits) == total.effect_minor
        chosen = (
            client_credits
            if all_of_them
            else [item for item in client_credits if -item.effect_minor == total.effect_minor][:1]
        )
        if chosen:
            drafts.append(_net_posting_draft(case, total, tuple(chosen)))
    return tuple(drafts)


def _net_posting_draft(case: Case, total: Item, client_credits: tuple[Item, ...]) -> Draft:
    rows = [item.row for item in client_credits if item.row]
    minor = total.effect_minor
    return on_case(
        case,
        code="A3",
        proof=Proof.LIKELY,
        reason="the difference of the totals is exactly the credit",
        exposure_minor=minor,
        explanation=(
            f"Invoice {case.number} is {case.money(case.total_minor)} in BigTime with a client credit "
            f"of {case.money(minor)}, and was posted to QuickBooks net, for the rest. The balances agree."
        ),
        records=(case.bigtime, *(row.history for row in rows)),
        context=(case.quickbooks,) if case.quickbooks else (),
        consumes=(total, *client_credits),
    )


def same_credit_twice(desk: Desk) -> tuple[Draft, ...]:
    """A4: a client credit in BigTime beside a QuickBooks credit of the same amount on the same invoice.

    Example: AccountCredit 200.00 and a credit memo of 200.00 that was pushed back: BigTime shows 400.00 credited,
    QuickBooks 200.00. Two real credits of one amount need two credits in QuickBooks, so each QuickBooks line
    stands for one only.
    """
    drafts = []
    for case, items in desk.by_case(ItemKind.ROW):
        client_credits = [item for item in items if _is_credit(item)]
        lines = [line for line in case.lines if line.funding is not Funding.CASH]
        paired = {line.history.key for pair in case.pairs for line in pair.lines}
        free = [line for line in lines if line.history.key in paired]
        together = sum(line.amount_minor for line in free)
        for item in primaries(case, client_credits, desk.moment):
            line = next((line for line in free if line.amount_minor == -item.effect_minor), None)
            if line is not None:
                free.remove(line)
                drafts.append(_twice_draft(case, item, (line,)))
            elif len(free) > 1 and together == -item.effect_minor:
                drafts.append(_twice_draft(case, item, tuple(free)))
                free = []
    return tuple(drafts)


def primaries(case: Case, client_credits: list[Item], moment: Moment) -> list[Item]:
    """The credits that are not a repetition of another one on the same invoice."""
    extras = {row.history.key for row, _ in extra_credits(case, moment)}
    return [item for item in client_credits if item.row and item.row.history.key not in extras]


def _twice_draft(case: Case, item: Item, lines: tuple[Line, ...]) -> Draft:
    assert item.row is not None
    row, minor = item.row, -item.effect_minor
    return on_case(
        case,
        code="A4",
        proof=Proof.LIKELY,
        reason="amount and invoice are the same in both systems; neither names the other's record",
        exposure_minor=minor,
        explanation=(
            f"Invoice {case.number} was credited {case.money(minor)} in BigTime on {_day(row.on)} and the "
            f"same amount in QuickBooks on {_day(lines[0].payment.paid_on)}, which came back to BigTime as a payment. "
            f"BigTime counts it twice. Keep the credit in QuickBooks; remove the AccountCredit payment in BigTime."
        ),
        records=(row.history, *(line.history for line in lines)),
        consumes=(item,),
        subject=(row.history.key,),
    )


def credited_in_bigtime(desk: Desk) -> tuple[Draft, ...]:
    """A1 and A2: a client credit in BigTime that QuickBooks does not have, applied after or before posting.

    A1 example: posted 1 March for 1,000.00, AccountCredit 200.00 on 5 March: QuickBooks asks for 1,000.00,
    BigTime for 800.00. A2 is the same with the credit applied before posting: the invoice reached QuickBooks
    gross.
    """
    drafts = []
    for case, items in desk.by_case(ItemKind.ROW):
        client_credits = [item for item in items if _is_credit(item)]
        for item in primaries(case, client_credits, desk.moment):
            assert item.row is not None
            after, proof, reason = posting_order(case, item.row, desk.moment)
            drafts.append(_authority_draft(case, item, item.row, after=after, proof=proof, reason=reason))
    return tuple(drafts)


def _authority_draft(case: Case, item: Item, row: Row, *, after: bool, proof: Proof, reason: str) -> Draft:
    credit = case.money(row.amount_minor)
    when = (
        "after it had been posted to QuickBooks"
        if after
        else "before it was posted, and was posted with its full total"
    )
    advice = (
        "Posted invoices are credited only in QuickBooks: apply a credit memo there and remove this payment in BigTime."
        if after
        else "Apply a credit memo for it in QuickBooks, and remove this payment in BigTime when the memo has come back."
    )
    return on_case(
        case,
        code="A1" if after else "A2",
        proof=proof,
        reason=reason,
        exposure_minor=row.amount_minor,
        explanation=(
            f"A client credit of {credit} was applied to invoice {case.number} in BigTime on {_day(row.on)}, {when}. "
            f"QuickBooks does not have it: it asks for {case.money(case.quickbooks_minor)}, BigTime for "
            f"{case.money(case.bigtime_minor)}. {advice}"
        ),
        records=(case.bigtime, row.history, *((case.quickbooks,) if case.quickbooks else ())),
        consumes=(item,),
        subject=(row.history.key,),
    )


def marked_as_paid(desk: Desk) -> tuple[Draft, ...]:
    """A5: BigTime shows the invoice as paid although its payments do not cover it, and QuickBooks asks for money.

    Example: BigTime paid, payments 0.00, QuickBooks open 500.00. Information where QuickBooks asks for nothing either:
    a payment that is on its way, or a write-off in QuickBooks, is told by its own finding.
    """
    drafts = []
    for case, items in desk.by_case(ItemKind.PAID_FLAG):
        missing = case.money(case.computed_minor)
        drafts.append(
            on_case(
                case,
                code="A5",
                proof=Proof.PROVED,
                reason="BigTime's own rows do not cover the invoice that it shows as paid",
                exposure_minor=case.computed_minor,
                explanation=(
                    f"BigTime shows invoice {case.number} as paid, but its payments leave {missing} open; QuickBooks "
                    f"asks for {case.money(case.quickbooks_minor)}. Find the payment in QuickBooks, or take back "
                    "Mark as Paid in BigTime."
                ),
                records=(case.bigtime, *((case.quickbooks,) if case.quickbooks else ())),
                consumes=items,
                context=tuple(row.history for row in case.rows),
                subject=(case.bigtime.key,),
                severity=Severity.S4 if case.quickbooks_minor == case.bigtime_minor else None,
            )
        )
    return tuple(drafts)


def credit_on_dead_twin(desk: Desk) -> tuple[Draft, ...]:
    """A7: a client credit on a posted BigTime invoice whose QuickBooks invoice is void, deleted or not to be found.

    What QuickBooks had applied to the dead invoice came from there, whatever BigTime calls it, and is E6's.
    """
    pushed = defaultdict(list)
    for line in desk.past_lines:
        pushed[line.invoice_id].append(line.amount_minor)
    drafts = []
    for case in desk.cases.values():
        if case.quickbooks is not None or case.candidates:
            continue
        if case.dead_twin is None and case.invoice.posted is not Posted.YES:
            continue
        rows = _given_in_bigtime(case, pushed[case.dead_twin.key.id] if case.dead_twin else [])
        if not rows:
            continue
        credit = sum(row.amount_minor for row in rows)
        drafts.append(
            on_case(
                case,
                code="A7",
                proof=Proof.PROVED if case.dead_twin else Proof.LIKELY,
                reason=(
                    "QuickBooks shows the invoice as void or deleted"
                    if case.dead_twin
                    else "BigTime says that it was posted, and no QuickBooks invoice has its number and client"
                ),
                exposure_minor=credit,
                explanation=(
                    f"Invoice {case.number} holds a client credit of {case.money(credit)} in BigTime, but "
                    f"its QuickBooks invoice {'is void or deleted' if case.dead_twin else 'cannot be found'}. "
                    "Void it in BigTime too, or post it again."
                ),
                records=(case.bigtime, *((case.dead_twin,) if case.dead_twin else ()), *(row.history for row in rows)),
                subject=(case.bigtime.key, *(row.history.key for row in rows)),
                severity=Severity.S2,
            )
        )
    return tuple(drafts)


def _given_in_bigtime(case: Case, pushed_minor: list[int]) -> list[Row]:
    """The client credits of a case but those that QuickBooks had applied, each amount once."""
    left = list(pushed_minor)
    rows = []
    for row in case.rows:
        if row.payment.method is not Method.ACCOUNT_CREDIT or row.amount_minor <= 0:
            continue
        if row.amount_minor in left:
            left.remove(row.amount_minor)
        else:
            rows.append(row)
    return rows
