"""The list of rules in the order in which they may claim an amount, and what they say of one book."""

from collections import defaultdict
from collections.abc import Callable
from datetime import datetime, timedelta

from mappings.findings import BookResult, Finding, TieLine
from mappings.model import Book, Invoice, Kind, System
from sync.rules.attributes import (
    amounts_differ,
    applied_to_different_invoices,
    credit_shown_as_money,
    rounding,
    tax_on_one_side,
)
from sync.rules.authority import (
    credit_on_dead_twin,
    credited_in_bigtime,
    marked_as_paid,
    net_posting,
    same_credit_twice,
)
from sync.rules.balances import balance_does_not_add_up, negative_balance, overspent_credit, settles_at
from sync.rules.changes import (
    arrived_in_parts,
    changed_in_closed_period,
    currencies_differ,
    customer_merged,
    inflated_history,
    reapplied,
    redated_or_renumbered,
    twin_of_another_customer,
)
from sync.rules.client_credits import (
    CREDIT_AGES,
    credit_beside_debt,
    credit_without_occasion,
    one_overpayment_twice,
    refunded_and_still_there,
    spent_in_both_systems,
    stale_credit,
    two_forms,
    write_off_on_one_side,
)
from sync.rules.deleted_invoices import invoice_deleted_in_bigtime
from sync.rules.desk import Desk, ItemKind
from sync.rules.draft import Draft, finding_from_draft, fingerprint_of, records_apart
from sync.rules.duplicates import (
    credit_applied_twice,
    duplicate_memo,
    invoice_reposted,
    keyed_beside_the_sync,
    push_back_echo,
)
from sync.rules.edits import (
    applications_gone,
    invoice_gone_with_money_on_it,
    invoice_total_edited,
    memo_edited_after_application,
    payment_edited_in_bigtime,
)
from sync.rules.incidents import join_incidents
from sync.rules.ledger_breaks import applied_without_receivable, roll_forward_break
from sync.rules.moment import Moment
from sync.rules.months import booked_in_different_months
from sync.rules.one_sided import (
    became_unapplied,
    credit_on_unknown_invoice,
    freed_payments,
    not_in_bigtime,
    not_in_quickbooks,
    open_credits,
    sync_under_way,
)
from sync.rules.opening import open_desk
from sync.rules.unmapped import unmapped_client
from sync.rules.unread import quickbooks_not_read_since

Rule = Callable[[Desk], tuple[Draft, ...]]

# One amount has one owner: the first rule that can prove where it comes from. Our own versions are the best
# proof, then exact counterparts, then the rule of authority, then what is merely alone.
RULES: tuple[Rule, ...] = (
    quickbooks_not_read_since,  # G4: only while QuickBooks cannot be read
    payment_edited_in_bigtime,  # E2: a version agreed
    applied_to_different_invoices,  # D2
    push_back_echo,  # B2, B5
    keyed_beside_the_sync,  # B5
    net_posting,  # A3
    same_credit_twice,  # A4
    applications_gone,  # E3 E4 E5 C4: a version agreed
    spent_in_both_systems,  # B4
    credit_applied_twice,  # B1
    credited_in_bigtime,  # A1 A2
    marked_as_paid,  # A5
    credit_on_dead_twin,  # A7
    rounding,  # D9
    tax_on_one_side,  # D6
    currencies_differ,  # D5
    invoice_total_edited,  # E1 E7
    invoice_deleted_in_bigtime,  # E1
    invoice_gone_with_money_on_it,  # E6
    memo_edited_after_application,  # E3
    amounts_differ,  # D1
    became_unapplied,  # C6b
    invoice_reposted,  # B6
    duplicate_memo,  # B3
    write_off_on_one_side,  # C8
    sync_under_way,  # G4
    not_in_bigtime,  # C3
    not_in_quickbooks,  # C4
    one_overpayment_twice,  # B7 C5
    two_forms,  # B8
    unmapped_client,  # C7
    twin_of_another_customer,  # D3
    booked_in_different_months,  # D4
    credit_shown_as_money,  # D7
    credit_on_unknown_invoice,  # C6
    arrived_in_parts,  # D8
    changed_in_closed_period,  # E8
    redated_or_renumbered,  # E9
    customer_merged,  # E10
    reapplied,  # E11
    negative_balance,  # F1
    inflated_history,  # F2
    credit_beside_debt,  # F4
    credit_without_occasion,  # F6
    refunded_and_still_there,  # F7
    overspent_credit,  # F8
    roll_forward_break,  # F9
    balance_does_not_add_up,  # F10
    applied_without_receivable,  # F11
)


def evaluate_book(book: Book, moment: Moment) -> BookResult:
    """What the rules say of a book: findings, the tie-out of each posted invoice, and when to look again.

    A function of its arguments alone; the order of the book's histories does not matter. Claims never overlap:
    a rule that consumed an item twice would raise `AssertionError`, which is a bug and stops the run.
    """
    desk = open_desk(book, moment)
    drafts: list[Draft] = []
    left = desk
    for rule in RULES:
        found = rule(left)
        left = left.without(item for draft in found for item in draft.consumes)
        drafts.extend(found)
    told = freed_payments(tuple(drafts))
    drafts.extend((*open_credits(left, told), *stale_credit(left, told)))  # C1 C2 F5
    single = sorted((finding_from_draft(draft, desk) for draft in drafts), key=_finding_order)
    causes = {finding.fingerprint: finding.cause for finding in single}
    apart = {fingerprint_of(draft, desk): aside for draft in drafts if (aside := records_apart(draft))}
    findings = tuple(sorted(join_incidents(single, causes, apart), key=_finding_order))
    return BookResult(findings=findings, tie_lines=_tie_lines(desk, findings), recheck_at=_recheck_at(desk))


def _finding_order(finding: Finding) -> tuple[str, int, str]:
    return (finding.severity, -finding.exposure_minor, finding.fingerprint)


def _tie_lines(desk: Desk, findings: tuple[Finding, ...]) -> tuple[TieLine, ...]:
    claimed: dict[str, int] = defaultdict(int)
    for finding in findings:
        for claim in finding.claims:
            claimed[claim.invoice_id] += claim.amount_minor
    return tuple(
        TieLine(
            invoice=case.ref,
            client=case.client,
            currency=case.currency,
            bigtime_minor=case.bigtime_minor,
            quickbooks_minor=case.quickbooks_minor,
            claimed_minor=claimed[case.id],
        )
        for case in desk.cases.values()
        if case.quickbooks is not None
    )


def _recheck_at(desk: Desk) -> datetime | None:
    """The next moment at which time alone changes the result: grace ends, a credit turns stale, an invoice overdue."""
    moment = desk.moment
    moments = [
        changed_at + moment.grace
        for item in desk.of_kind(ItemKind.LINE)
        if item.line
        and moment.in_grace(changed_at := item.line.payment.modified_at or item.line.history.latest.observed_at)
    ]
    moments += [
        settled
        for item in desk.of_kind(ItemKind.BIGTIME_SHOWN)
        if (settled := settles_at(desk.cases[item.case_id], moment)) is not None
    ]
    days = [
        credit.issued_on + wait
        for credit in desk.ledger.credits
        if credit.issued_on and credit.remaining_minor > 0
        for wait in (moment.stale_after, *CREDIT_AGES)
    ]
    days += [
        history.content.due_on
        for system in System
        for history in desk.book.of(system, Kind.INVOICE)
        if isinstance(history.content, Invoice) and history.content.due_on and history.content.balance_minor
    ]
    coming = (moment.start_of(day + timedelta(days=1)) for day in set(days))
    if moment.quickbooks_read_at is not None and any(
        history.latest.observed_at > moment.quickbooks_read_at for history in desk.book.histories
    ):
        moments.append(moment.now)
    return min((*moments, *(instant for instant in coming if instant > moment.now)), default=None)
