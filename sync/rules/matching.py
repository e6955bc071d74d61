"""Which BigTime payment rows and which QuickBooks applications of one invoice are the same money.

Matching consumes: a row or a line is in at most one pair. It is exact to the minor unit, does not depend on the
order of its inputs, and an empty reference matches nothing. What stays alone on either side is a difference.
"""

from collections import defaultdict
from collections.abc import Sequence
from datetime import date
from itertools import combinations

import msgspec

from mappings.model import Method, RecordKey
from sync.rules.desk import Funding, Line, Pair, Row

# Splits are looked for among few candidates only: more would find sums that are equal by accident.
_LARGEST_SPLIT = 4
_MOST_CANDIDATES = 12
_FAR = 10_000
# The parts of one push have the days of its payment, give or take a weekend and a holiday.
_ONE_PUSH_DAYS = 4


class Matching(msgspec.Struct, frozen=True):
    """Pairs, and the rows and lines that are alone. Nothing is lost: each input is in exactly one place."""

    pairs: tuple[Pair, ...]
    rows: tuple[Row, ...]
    lines: tuple[Line, ...]


def match(rows: Sequence[Row], lines: Sequence[Line]) -> Matching:
    """Pair rows with lines: reversals within BigTime, one to one, then one to many.

    An `AccountCredit` row is never paired with cash: that would hide a credit behind a payment.
    """
    if len(rows) == len(lines) == 1 and _are_one(rows[0], lines[0]):  # nearly all of a large book
        return Matching((Pair(rows=(rows[0],), lines=(lines[0],)),), (), ())
    alone_rows = sorted(rows, key=_row_order)
    alone_lines = sorted(lines, key=_line_order)
    reversals, alone_rows = _cancel_reversals(alone_rows)
    exact, alone_rows, alone_lines = _match_exactly(alone_rows, alone_lines)
    splits, alone_rows, alone_lines = _match_splits(alone_rows, alone_lines)
    return Matching((*reversals, *exact, *splits), tuple(alone_rows), tuple(alone_lines))


def _are_one(row: Row, line: Line) -> bool:
    return row.amount_minor == line.amount_minor and may_be_same(row, line)


def _row_order(row: Row) -> tuple[date, int, str]:
    return (row.on or date.min, row.amount_minor, row.history.key.id)


def _line_order(line: Line) -> tuple[date, int, str]:
    return (line.payment.paid_on or date.min, line.amount_minor, line.history.key.id)


def _cancel_reversals(rows: Sequence[Row]) -> tuple[list[Pair], list[Row]]:
    """Pair a negative row with a positive one of the same size: a payment that BigTime itself took back.

    The positive row nearest before the reversal is taken, one of the same payment first.
    """
    pairs: list[Pair] = []
    left = list(rows)
    for negative in [row for row in rows if row.amount_minor < 0]:
        positives = [row for row in left if row.amount_minor == -negative.amount_minor]
        if not positives:
            continue
        best = min(
            positives,
            key=lambda row: (
                row.payment.payment_id != negative.payment.payment_id,
                row.payment.method is not negative.payment.method,
                (row.on or date.min) > (negative.on or date.min),
                _days(row.on, negative.on),
                row.history.key.id,
            ),
        )
        left.remove(best)
        left.remove(negative)
        pairs.append(Pair(rows=(best, negative), lines=()))
    return pairs, left


def _days(one: date | None, other: date | None) -> int:
    return _FAR if one is None or other is None else abs((one - other).days)


def may_be_same(row: Row, line: Line) -> bool:
    """Whether a row could be the BigTime side of a line: everything but a client credit against cash."""
    return not (row.payment.method is Method.ACCOUNT_CREDIT and line.funding is Funding.CASH)


def _distance(row: Row, line: Line) -> tuple[bool, int, int, str, str]:
    """How little a row looks like the push-back of a line; smaller is nearer."""
    return (
        not line.is_named_by(row.payment.reference),
        _kind_distance(row.payment.method, line.funding),
        _days(row.on, line.payment.paid_on),
        row.history.key.id,
        line.history.key.id,
    )


def _kind_distance(method: Method, funding: Funding) -> int:
    """0 = the kinds agree; an `AccountCredit` is the last that is taken for a pushed-back credit memo."""
    if funding is Funding.CASH:
        return {Method.MONEY: 0, Method.NONE: 1, Method.UNKNOWN: 1}.get(method, 2)
    return {Method.CREDIT_MEMO: 0, Method.NONE: 1, Method.UNKNOWN: 1, Method.MONEY: 2}.get(method, 3)


def _match_exactly(rows: Sequence[Row], lines: Sequence[Line]) -> tuple[list[Pair], list[Row], list[Line]]:
    """One row with one line of the same amount, the nearest first."""
    if not rows or not lines:
        return [], list(rows), list(lines)
    by_amount: dict[int, list[Row]] = defaultdict(list)
    for row in rows:
        by_amount[row.amount_minor].append(row)
    candidates = [
        (row, line) for line in lines for row in by_amount.get(line.amount_minor, ()) if may_be_same(row, line)
    ]
    candidates.sort(key=lambda both: _distance(*both))
    pairs: list[Pair] = []
    used: set[RecordKey] = set()
    for row, line in candidates:
        names = {row.history.key, line.history.key}
        if used.isdisjoint(names):
            used |= names
            pairs.append(Pair(rows=(row,), lines=(line,)))
    return (
        pairs,
        [row for row in rows if row.history.key not in used],
        [line for line in lines if line.history.key not in used],
    )


def _match_splits(rows: Sequence[Row], lines: Sequence[Line]) -> tuple[list[Pair], list[Row], list[Line]]:
    """One row with several lines, or one line with several rows, where only one way of adding up exists."""
    left_rows, left_lines = list(rows), list(lines)
    pairs: list[Pair] = []
    for row in rows:
        fitting = [line for line in left_lines if may_be_same(row, line)]
        chosen = _only_sum([line.amount_minor for line in fitting], row.amount_minor)
        if chosen:
            part = tuple(fitting[index] for index in chosen)
            pairs.append(Pair(rows=(row,), lines=part))
            left_rows.remove(row)
            left_lines = [line for line in left_lines if line not in part]
    for line in list(left_lines):
        suiting = [row for row in left_rows if may_be_same(row, line) and _may_be_part(row, line)]
        chosen = _only_sum([row.amount_minor for row in suiting], line.amount_minor)
        if chosen:
            group = tuple(suiting[index] for index in chosen)
            pairs.append(Pair(rows=group, lines=(line,)))
            left_lines.remove(line)
            left_rows = [row for row in left_rows if row not in group]
    return pairs, left_rows, left_lines


def _may_be_part(row: Row, line: Line) -> bool:
    """Whether a row may be one of several that a line arrived in.

    A client credit of another week is an event of its own. One of the line's own days may be the part that a credit
    paid: some BigTimes call what is pushed back so.
    """
    return row.payment.method is not Method.ACCOUNT_CREDIT or _days(row.on, line.payment.paid_on) <= _ONE_PUSH_DAYS


def _only_sum(amounts: Sequence[int], target: int) -> tuple[int, ...]:
    """The indices of the one combination of at least two amounts that adds up to `target`; () if none or many."""
    if len(amounts) < 2 or len(amounts) > _MOST_CANDIDATES or target <= 0:
        return ()
    found = [
        chosen
        for size in range(2, min(_LARGEST_SPLIT, len(amounts)) + 1)
        for chosen in combinations(range(len(amounts)), size)
        if sum(amounts[index] for index in chosen) == target
    ]
    return found[0] if len(found) == 1 else ()
