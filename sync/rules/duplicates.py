"""Group B: one credit or payment that stands twice."""

import re
from collections import defaultdict
from datetime import datetime, timedelta
from itertools import pairwise

from mappings.findings import Proof, Severity
from mappings.indexing import normalise_number
from mappings.model import CreditMemo, History, Invoice, Kind, Method, Payment, System
from sync.rules.desk import Case, Desk, Funding, Item, ItemKind, Line, Pair, Row, amount
from sync.rules.draft import Draft, on_case
from sync.rules.moment import Moment


def extra_credits(case: Case, moment: Moment) -> tuple[tuple[Row, Row], ...]:
    """Client credits on an invoice that repeat an earlier one, each with the one it repeats.

    Same amount, within the duplicate window, and not told apart by two different reference numbers. Reversed pairs
    do not count, nor does what is in step with QuickBooks: beside that, a second one is a credit in both systems.
    The earliest of a run is the original.
    """
    paired_keys = {row.history.key for pair in case.pairs for row in pair.rows}
    client_credits = sorted(
        (
            row
            for row in case.rows
            if row.payment.method is Method.ACCOUNT_CREDIT
            and row.amount_minor > 0
            and row.history.key not in paired_keys
        ),
        key=lambda row: (row.on is None, row.on, row.history.first.observed_at, row.history.key.id),
    )
    extras: list[tuple[Row, Row]] = []
    for index, row in enumerate(client_credits):
        earlier = next((other for other in client_credits[:index] if _repeats(row, other, moment)), None)
        if earlier is not None:
            extras.append((row, earlier))
    return tuple(extras)


def _repeats(row: Row, earlier: Row, moment: Moment) -> bool:
    if row.amount_minor != earlier.amount_minor or row.on is None or earlier.on is None:
        return False
    references = (row.payment.reference, earlier.payment.reference)
    if all(references) and references[0] != references[1]:
        return False
    return row.on - earlier.on <= moment.duplicate_window


def credit_applied_twice(desk: Desk) -> tuple[Draft, ...]:
    """B1: a client credit that repeats another one on the same invoice and that QuickBooks does not have.

    Example: 200.00 and 200.00 within a week on an invoice with one intended credit. Urgent when it makes the
    balance negative; otherwise two real credits of one amount are possible and a person has to look.
    """
    unexplained = {item.row.history.key: item for item in desk.of_kind(ItemKind.ROW) if item.row}
    drafts = []
    for case in desk.cases.values():
        for row, earlier in extra_credits(case, desk.moment):
            item = unexplained.get(row.history.key)
            if item is None and case.quickbooks is not None:
                continue
            drafts.append(_twice_draft(case, row, earlier, (item,) if item else ()))
    return tuple(drafts)


def _twice_draft(case: Case, row: Row, earlier: Row, consumes: tuple[Item, ...]) -> Draft:
    negative = case.bigtime_minor < 0
    return on_case(
        case,
        code="B1",
        proof=Proof.LIKELY,
        reason="same amount on the same invoice within days; BigTime does not say what a credit was for",
        exposure_minor=row.amount_minor,
        explanation=(
            f"Invoice {case.number} has client credits of {case.money(row.amount_minor)} on {earlier.on} "
            f"and again on {row.on} in BigTime. If only one was meant, "
            "remove the second AccountCredit payment in BigTime."
        ),
        records=(row.history, earlier.history),
        consumes=consumes,
        subject=(row.history.key,),
        severity=Severity.S1 if negative else Severity.S3,
    )


def push_back_echo(desk: Desk) -> tuple[Draft, ...]:
    """B2 and B5: a BigTime payment that repeats one which is already in step with QuickBooks.

    B2 example: a credit memo of 300.00 applied once in QuickBooks is in BigTime twice: the push-back came twice.
    B5: a cash payment that a person keyed in BigTime beside the one that came by the sync, told from an echo by
    another reference or payment type, or because it was there before QuickBooks had the payment.
    """
    drafts = []
    for case, items in desk.by_case(ItemKind.ROW):
        partners = [pair for pair in case.pairs if pair.lines and pair.rows]
        for item in items:
            assert item.row is not None
            if item.effect_minor >= 0:
                continue
            found = _original(item.row, partners)
            if item.row.payment.method is Method.ACCOUNT_CREDIT and not _is_named_alike(item.row, found):
                continue
            if found is None and _is_sum_of_credits(item.row, case):
                found = (None, tuple(line for line in case.lines if line.funding is not Funding.CASH))
            if found is not None:
                partners = [pair for pair in partners if found[0] is None or found[0] not in pair.rows]
                drafts.append(_echo_draft(case, item, found[0], found[1]))
    return tuple(drafts)


def _original(row: Row, pairs: list[Pair]) -> tuple[Row | None, tuple[Line, ...]] | None:
    """The matched row that a row repeats: the same amount, the same reference first."""
    candidates = [
        (other, pair.lines) for pair in pairs for other in pair.rows if other.amount_minor == row.amount_minor
    ]
    candidates.sort(key=lambda both: (both[0].payment.reference != row.payment.reference, both[0].history.key.id))
    return candidates[0] if candidates else None


def _is_named_alike(row: Row, found: tuple[Row | None, tuple[Line, ...]] | None) -> bool:
    """Whether a row has the reference of the one that it repeats. Only a push writes one on a client credit."""
    original = found[0] if found else None
    return original is not None and bool(row.payment.reference) and row.payment.reference == original.payment.reference


def _is_sum_of_credits(row: Row, case: Case) -> bool:
    """Whether a row is the total of several credits that are each in BigTime already."""
    client_credits = [line for line in case.lines if line.funding is not Funding.CASH]
    return len(client_credits) > 1 and sum(line.amount_minor for line in client_credits) == row.amount_minor


def _is_keyed_by_hand(row: Row, original: Row | None, lines: tuple[Line, ...]) -> bool:
    """Whether a person keyed one of the two: it was there before QuickBooks' payment, or is named otherwise."""
    if original is None or any(line.funding is not Funding.CASH for line in lines):
        return False
    seen_first = min(row.history.first.observed_at, original.history.first.observed_at)
    if any(line.payment.created_at and seen_first < line.payment.created_at for line in lines):
        return True
    return (row.payment.reference, row.payment.method_name) != (
        original.payment.reference,
        original.payment.method_name,
    )


def _echo_draft(case: Case, item: Item, original: Row | None, lines: tuple[Line, ...]) -> Draft:
    assert item.row is not None
    minor = item.row.amount_minor
    by_hand = _is_keyed_by_hand(item.row, original, lines)
    same = (
        original is not None
        and bool(item.row.payment.reference)
        and (item.row.payment.reference == original.payment.reference)
    )
    what = (
        "was keyed in BigTime beside the payment that came from QuickBooks; delete the one that was keyed by hand."
        if by_hand
        else "stands in BigTime twice, although QuickBooks applied it once; delete the second payment in BigTime."
    )
    return on_case(
        case,
        code="B5" if by_hand else "B2",
        proof=Proof.PROVED if same else Proof.LIKELY,
        reason=(
            "both BigTime rows carry the same reference, and QuickBooks has one payment"
            if same
            else "same invoice and amount, and QuickBooks has one payment; BigTime keeps no QuickBooks id"
        ),
        exposure_minor=minor,
        explanation=f"A payment of {case.money(minor)} on invoice {case.number} {what}",
        records=(item.row.history, *((original.history,) if original else ()), *(line.history for line in lines)),
        consumes=(item,),
        subject=(item.row.history.key,),
    )


# A person who keys what the sync has brought already does so within days; the next month's payment comes later.
_SAME_EVENT = timedelta(days=3)


def keyed_beside_the_sync(desk: Desk) -> tuple[Draft, ...]:
    """B5 in QuickBooks: a payment that is applied to nothing repeats one that is on an invoice of the same client.

    Example: the sync brought cheque 12 over 1,000.00 and somebody keyed it again: 1,000.00 stands unapplied, and the
    next invoice will be "paid" with money that never came. Told by amount, reference and days; two equal payments with
    two references are two payments.
    """
    alone = [
        (credit.history, credit.content)
        for credit in desk.open_credits
        if isinstance(credit.content, Payment) and not credit.content.lines and credit.content.reference
    ]
    if not alone:
        return ()
    firsts: dict[tuple[object, ...], list[tuple[Case, Line]]] = defaultdict(list)
    for case in desk.cases.values():
        for line in case.lines:
            firsts[_identity(line.payment)].append((case, line))
    drafts = []
    for history, second in alone:
        first = next((one for one in firsts[_identity(second)] if _is_one_event(one[1].payment, second)), None)
        if first is not None:
            drafts.append(_second_payment_draft(*first, history, second))
    return tuple(drafts)


def _identity(payment: Payment) -> tuple[object, ...]:
    return payment.client_id, payment.currency, payment.total_minor, payment.reference


def _is_one_event(first: Payment, second: Payment) -> bool:
    if first.paid_on is None or second.paid_on is None:
        return False
    return abs(first.paid_on - second.paid_on) <= _SAME_EVENT


def _second_payment_draft(case: Case, first: Line, second: History, payment: Payment) -> Draft:
    return on_case(
        case,
        code="B5",
        proof=Proof.LIKELY,
        reason="client, amount, reference and days are the same, and one of the two is applied to nothing",
        exposure_minor=payment.unapplied_minor,
        explanation=(
            f"Payment {payment.reference} of {case.money(payment.total_minor)} is on invoice {case.number} in QuickBooks, "
            "and stands there a second time, applied to nothing: it was keyed beside the one that came by the sync. The "
            "next invoice would be paid with money that never came. Delete the second payment in QuickBooks."
        ),
        records=(first.history, second),
        subject=(second.key,),
    )


# Two memos that a double click makes are minutes apart; a recurring credit comes back after weeks.
_DOUBLE_CLICK = timedelta(hours=1)


def duplicate_memo(desk: Desk) -> tuple[Draft, ...]:
    """B3: two QuickBooks credit memos of one customer with the same amount, day and lines, entered within an hour.

    Example: CM-55 and CM-56, 450.00 each, two minutes apart. A credit that comes every month is not one: its
    memos are weeks apart. QuickBooks does not say what was meant, so a person decides.
    """
    groups: dict[tuple[object, ...], list[tuple[History, CreditMemo]]] = defaultdict(list)
    for history in desk.book.of(System.QUICKBOOKS, Kind.CREDIT_MEMO):
        memo = history.content
        if isinstance(memo, CreditMemo) and memo.created_at and not memo.voided and memo.total_minor > 0:
            key = (memo.client_id, memo.currency, memo.total_minor, memo.issued_on, memo.content_digest)
            groups[key].append((history, memo))
    drafts = []
    for group in groups.values():
        group.sort(key=lambda each: (_entered_at(each), each[0].key))
        drafts += [
            _memo_draft(desk, first, second)
            for first, second in pairwise(group)
            if _entered_at(second) - _entered_at(first) <= _DOUBLE_CLICK
        ]
    return tuple(drafts)


def _entered_at(memo: tuple[History, CreditMemo]) -> datetime:
    return memo[1].created_at or memo[0].first.observed_at


def _memo_draft(desk: Desk, first: tuple[History, CreditMemo], second: tuple[History, CreditMemo]) -> Draft:
    memo = second[1]
    return Draft(
        code="B3",
        proof=Proof.LIKELY,
        reason="customer, amount, day and lines are equal, and they were entered within an hour",
        exposure_minor=memo.total_minor,
        currency=memo.currency,
        client=desk.client_of(memo.client_id),
        invoice=None,
        explanation=(
            f"Credit memos {first[1].number} and {memo.number} in QuickBooks are both for "
            f"{amount(memo.total_minor, memo.currency)}, on the same day and with the same lines. If only one "
            "was meant, void the second before it is applied."
        ),
        records=(first[0], second[0]),
        subject=(second[0].key,),
    )


def invoice_reposted(desk: Desk) -> tuple[Draft, ...]:
    """B6: one BigTime invoice has two living QuickBooks invoices of its client: of its number, or of a number made from it.

    Example: INV-9 was posted, and posted again as INV-9.1 after an import. When both fit equally well none is taken
    for the twin and the invoice is not in the tie-out; otherwise the second one stands alone in QuickBooks. A second
    invoice with a number made from the first (9.1, 9-2, 9R) counts only with the same total: a rebill has another.
    """
    twins = [case for case in desk.cases.values() if case.twin is not None and normalise_number(case.twin.number)]
    by_client: dict[str, list[Case]] = defaultdict(list)
    for case in twins:
        if case.twin is not None:
            by_client[case.twin.client_id].append(case)
    drafts = [_reposted_draft(case, case.candidates) for case in desk.cases.values() if case.candidates]
    for history in desk.unmatched_quickbooks:
        content = history.content
        if not isinstance(content, Invoice):
            continue
        first = next((case for case in by_client[content.client_id] if _is_second_posting(case, content)), None)
        if first is not None and first.quickbooks is not None:
            drafts.append(_reposted_draft(first, (first.quickbooks, history)))
    return tuple(drafts)


def _is_second_posting(case: Case, other: Invoice) -> bool:
    assert case.twin is not None
    first, second = normalise_number(case.twin.number), normalise_number(other.number)
    if not second or first == second:
        return first == second
    made_from_first = second.startswith(first) and re.fullmatch(
        r"[.\-/_]\d{1,2}|[.\-/_]?r|\(\d\)", second[len(first) :]
    )
    same_total = (other.currency, other.total_minor) == (case.twin.currency, case.twin.total_minor)
    return bool(made_from_first) and same_total


def _reposted_draft(case: Case, candidates: tuple[History, ...]) -> Draft:
    ids = ", ".join(history.key.id for history in candidates)
    return on_case(
        case,
        code="B6",
        proof=Proof.LIKELY,
        reason="number and client are the same; neither system names the other's record",
        exposure_minor=case.total_minor,
        explanation=(
            f"Invoice {case.number} has {len(candidates)} QuickBooks invoices of its number (ids {ids}): it was "
            "posted or imported more than once. Void the one that should not exist; "
            "move payments and credits off it first."
        ),
        records=(case.bigtime, *candidates),
        subject=tuple(history.key for history in candidates),
    )
