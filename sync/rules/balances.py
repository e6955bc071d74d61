"""Group F: balances, as sums of the above; what a system shows beside its own arithmetic."""

from datetime import datetime

from mappings.findings import Proof, Severity
from mappings.model import CreditMemo, Payment
from sync.rules.desk import Case, Desk, Item, ItemKind, amount
from sync.rules.draft import Draft, on_case
from sync.rules.moment import Moment


def negative_balance(desk: Desk) -> tuple[Draft, ...]:
    """F1: BigTime shows more paid and credited than the invoice was for. Example: 500.00 − 300.00 − 300.00.

    Its amount belongs to the duplicate, edit or authority finding of the same incident; it claims nothing itself.
    """
    return tuple(
        on_case(
            case,
            code="F1",
            proof=Proof.PROVED,
            reason="BigTime's own total and payments give it",
            exposure_minor=case.bigtime_minor,
            explanation=(
                f"Invoice {case.number} has a balance of {case.money(case.bigtime_minor)} in BigTime: payments "
                "and credits are more than the invoice. The other findings of this incident name what is too much."
            ),
            records=(case.bigtime, *(row.history for row in case.rows)),
            subject=(case.bigtime.key,),
        )
        for case in desk.cases.values()
        if case.bigtime_minor < 0 <= case.total_minor
    )


def overspent_credit(desk: Desk) -> tuple[Draft, ...]:
    """F8: more was taken from a QuickBooks credit than it was for."""
    drafts = []
    for credit in desk.open_credits:
        if credit.remaining_minor >= 0 or not isinstance(credit.content, CreditMemo | Payment):
            continue
        drafts.append(
            Draft(
                code="F8",
                proof=Proof.PROVED,
                reason="QuickBooks shows a negative remainder",
                exposure_minor=credit.remaining_minor,
                currency=credit.currency,
                client=credit.client,
                invoice=None,
                explanation=(
                    f"A QuickBooks credit of {amount(credit.original_minor, credit.currency)} has "
                    f"{amount(credit.remaining_minor, credit.currency)} left: more was taken from it than it was for."
                ),
                records=(credit.history,),
            )
        )
    return tuple(drafts)


def settles_at(case: Case, moment: Moment) -> datetime | None:
    """Until when BigTime's two lists may still contradict each other, because one of them has just changed.

    They are read one after the other, and a deleted payment counts until a second complete read agrees. None when
    nothing of the invoice has changed within the grace period; what a first load finds is not a change.
    """
    versions = [history.latest for history in (case.bigtime, *(row.history for row in case.rows))]
    changes = [each.observed_at for each in versions if each.sequence > 1 or each.absent_before is not None]
    return max((changed + moment.grace for changed in changes if moment.in_grace(changed)), default=None)


def balance_does_not_add_up(desk: Desk) -> tuple[Draft, ...]:
    """F10: a system shows another balance for an invoice than its own total and payments give (I2, I5).

    Information only while BigTime's lists may not have settled, see `settles_at`.
    """
    return tuple(
        _sum_draft(desk, case, item)
        for case, items in desk.by_case(ItemKind.BIGTIME_SHOWN, ItemKind.QUICKBOOKS_SHOWN)
        for item in items
    )


def _sum_draft(desk: Desk, case: Case, item: Item) -> Draft:
    in_bigtime = item.kind is ItemKind.BIGTIME_SHOWN
    is_young = in_bigtime and settles_at(case, desk.moment) is not None
    shown = case.bigtime_minor if in_bigtime else case.quickbooks_minor
    gap = item.effect_minor if in_bigtime else -item.effect_minor
    history = case.bigtime if in_bigtime or case.quickbooks is None else case.quickbooks
    name = "BigTime" if in_bigtime else "QuickBooks"
    return on_case(
        case,
        code="F10",
        proof=Proof.CANNOT_TELL if is_young else Proof.PROVED,
        reason=(
            "BigTime's lists are read one after the other, and one has just changed"
            if is_young
            else "the system's own total and payments give another balance"
        ),
        exposure_minor=item.effect_minor,
        explanation=(
            f"{name} shows a balance of {case.money(shown)} for invoice {case.number}; its total "
            f"and payments give {case.money(shown - gap)}. A payment is missing from what we could "
            f"read, or {name} has it wrong."
        ),
        records=(history,),
        context=tuple(each.history for each in (case.rows if in_bigtime else case.lines)),
        consumes=(item,),
        subject=(history.key,),
        severity=Severity.S4 if is_young else None,
    )
