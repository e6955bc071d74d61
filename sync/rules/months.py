"""D4: one application that the two systems book in different months."""

from datetime import date, timedelta

from mappings.findings import Proof, Severity
from mappings.model import Book, LineTarget, Payment, Preferences, Version
from sync.rules.desk import Case, Desk, Line, Pair, Row
from sync.rules.draft import Draft, on_case
from sync.rules.moment import Moment

# Who enters a payment may correct it at once; what is changed later was applied later.
_ONE_SITTING = timedelta(hours=1)


def booked_in_different_months(desk: Desk) -> tuple[Draft, ...]:
    """D4: one application belongs to one month in QuickBooks and to another in BigTime.

    Example: QuickBooks 31 March, BigTime 1 April: March's applied balance is short in BigTime. A day's difference is
    information when BigTime wrote a time of day, which may be midnight in another time zone. No day until which
    QuickBooks last changed the payment is told: the payment's own date does not move when it is applied later. More
    urgent when one of the days is in a closed period.
    """
    drafts = []
    for case in desk.cases.values():
        for pair in case.pairs:
            if len(pair.rows) != 1 or len(pair.lines) != 1:
                continue
            ours, theirs = pair.rows[0].on, pair.lines[0].payment.paid_on
            if ours is None or theirs is None or (ours.year, ours.month) == (theirs.year, theirs.month):
                continue
            if _is_applied_late(pair.rows[0], pair.lines[0], desk.moment):
                continue
            severity = Severity.S2 if _is_closed(desk.book, min(ours, theirs)) else Severity.S3
            may_be_midnight = abs(ours - theirs).days == 1 and pair.rows[0].payment.has_time_of_day
            drafts.append(_month_draft(case, pair, severity=Severity.S4 if may_be_midnight else severity))
    return tuple(drafts)


def _is_applied_late(row: Row, line: Line, moment: Moment) -> bool:
    """Whether BigTime's day can be the one on which an old payment was put on the invoice."""
    ours, theirs = row.on, line.payment.paid_on
    assert ours is not None
    assert theirs is not None
    first = next((each for each in line.history.versions if _puts(each, line)), line.history.latest)
    changed_at = first.content.modified_at if isinstance(first.content, Payment) else None
    created_at = line.payment.created_at
    if changed_at is None or created_at is None or changed_at <= created_at + _ONE_SITTING:
        return False
    return theirs <= ours <= moment.day_of(changed_at) + timedelta(days=1)


def _puts(version: Version, line: Line) -> bool:
    """Whether a version of a QuickBooks payment already had the line on its invoice."""
    content = version.content
    return isinstance(content, Payment) and any(
        each.target is LineTarget.INVOICE and each.target_id == line.invoice_id for each in content.lines
    )


def _is_closed(book: Book, day: date) -> bool:
    """Whether the books are closed for a day."""
    content = book.preferences.content if book.preferences else None
    return isinstance(content, Preferences) and content.book_close_on is not None and day <= content.book_close_on


def _month_draft(case: Case, pair: Pair, *, severity: Severity) -> Draft:
    row, line = pair.rows[0], pair.lines[0]
    return on_case(
        case,
        code="D4",
        proof=Proof.PROVED,
        reason="both systems state the day",
        exposure_minor=row.amount_minor,
        explanation=(
            f"{case.money(row.amount_minor)} on invoice {case.number} is dated {row.on} in BigTime and "
            f"{line.payment.paid_on} in QuickBooks: two months. Balances agree, the months' "
            "figures do not. Correct the date in BigTime."
        ),
        records=(row.history, line.history),
        subject=(row.history.key, line.history.key),
        severity=severity,
    )
