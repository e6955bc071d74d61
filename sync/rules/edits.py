"""Group E: what was in step and is no more, because somebody edited it. The witnesses are our stored versions."""

import msgspec

from mappings.findings import Proof, Severity
from mappings.model import CreditMemo, History, Invoice, Kind, Payment, RecordKey, System, Version
from sync.rules.desk import Case, Desk, Item, ItemKind, Line, Row, amount, applied_minor
from sync.rules.draft import Draft, on_case
from sync.rules.moment import Moment
from sync.rules.past import PastLine, gone_credit


def _earlier_amounts(case: Case, row: Row) -> dict[int, Version]:
    """The amounts that a BigTime row had on the invoice before, each with the last version that shows it."""
    return {
        minor: version
        for version in row.history.versions
        if isinstance(version.content, Payment)
        and (minor := applied_minor(version.content, case.id, case.currency)) != row.amount_minor
    }


def payment_edited_in_bigtime(desk: Desk) -> tuple[Draft, ...]:
    """E2: a BigTime payment or credit that had the amount which QuickBooks has, and was then changed or deleted.

    Example: 200.00 in both systems; BigTime now says 250.00. "Edited" and "deleted and keyed again" look the
    same from outside (BigTime has no modification stamps), so either is reported as one change.
    """
    drafts: list[Draft] = []
    rekeyed = _deleted_rows(desk)
    for case, items in desk.by_case(ItemKind.ROW, ItemKind.LINE):
        lines = [item for item in items if item.kind is ItemKind.LINE]
        rows = [item for item in items if item.kind is ItemKind.ROW]
        for line in lines:
            draft = _edited(case, line, rows, rekeyed)
            if draft is not None:
                drafts.append(draft)
                rows = [row for row in rows if row not in draft.consumes]
    return tuple(drafts)


def _deleted_rows(desk: Desk) -> dict[str, list[tuple[History, Version]]]:
    """BigTime payment rows that are gone, by the invoice they were on, with their last content.

    Some BigTimes keep the row of a deleted payment and add a negative one: a row whose reversal came later is gone, too.
    """
    found: dict[str, list[tuple[History, Version]]] = {}
    for history in desk.book.of(System.BIGTIME, Kind.PAYMENT):
        if history.content is not None:
            continue
        last = next((version for version in reversed(history.versions) if version.content is not None), None)
        if last is not None and isinstance(last.content, Payment) and last.content.lines:
            found.setdefault(last.content.lines[0].target_id, []).append((history, last))
    for case in desk.cases.values():
        for pair in case.pairs:
            first, *others = sorted(pair.rows, key=lambda row: row.history.first.observed_at)
            was_seen_alone = any(other.history.first.observed_at > first.history.first.observed_at for other in others)
            if not pair.lines and first.amount_minor > 0 and was_seen_alone:
                found.setdefault(case.id, []).append((first.history, first.history.first))
    return found


def _edited(
    case: Case, line: Item, rows: list[Item], rekeyed: dict[str, list[tuple[History, Version]]]
) -> Draft | None:
    """The E2 draft for a QuickBooks line that a BigTime row used to match, if there is one."""
    assert line.line is not None
    wanted = line.line.amount_minor
    for row in rows:
        assert row.row is not None
        version = _earlier_amounts(case, row.row).get(wanted)
        if version is not None:
            return _edited_draft(case, line.line, (line, row), (row.row.history,), version)
    gone = [
        (history, version)
        for history, version in rekeyed.get(case.id, ())
        if isinstance(version.content, Payment) and applied_minor(version.content, case.id, case.currency) == wanted
    ]
    if not gone:
        return None
    history, version = gone.pop(0)
    rekeyed[case.id].remove((history, version))
    assert isinstance(version.content, Payment)
    before = version.content
    again = next((row for row in rows if row.row and _is_keyed_again(row.row, before, version, line.line)), None)
    records = (history, again.row.history) if again and again.row else (history,)
    return _edited_draft(case, line.line, (line, again) if again else (line,), records, version)


def _is_keyed_again(row: Row, before: Payment, version: Version, line: Line) -> bool:
    """Whether a row stands for a payment that is gone: under its id, or new since and of its reference or its day."""
    if row.payment.payment_id == before.payment_id:
        return True
    if row.history.first.observed_at <= version.observed_at:
        return False
    if row.payment.reference:
        return row.payment.reference == before.reference or line.is_named_by(row.payment.reference)
    identity = (before.reference, before.applied_on or before.paid_on, before.method_name)
    return identity == ("", row.on, row.payment.method_name)


def _edited_draft(
    case: Case, line: Line, consumes: tuple[Item, ...], records: tuple[History, ...], version: Version
) -> Draft:
    effect = sum(item.effect_minor for item in consumes)
    now = line.amount_minor - effect
    change = "and is no longer there (two complete reads agree)"
    if len(consumes) > 1:
        change = f"to {case.money(now)}"
    elif records[0].content is not None:
        change = "and was taken back by a second row"
    return on_case(
        case,
        code="E2",
        proof=Proof.PROVED,
        reason=f"we stored it with {case.money(line.amount_minor)} on {version.observed_at:%Y-%m-%d %H:%M} UTC",
        exposure_minor=effect,
        explanation=(
            f"A payment on invoice {case.number} was {case.money(line.amount_minor)} in both systems. In "
            f"BigTime it was changed {change}; QuickBooks still has it. Restore it in BigTime."
        ),
        records=(*records, line.history),
        consumes=consumes,
        versions=(version,),
        subject=(line.history.key, case.bigtime.key),
    )


def applications_gone(desk: Desk) -> tuple[Draft, ...]:
    """E3, E4, E5, and the proved C4 and C6b: BigTime shows a payment that QuickBooks had on the invoice once.

    E4: the credit memo behind it was voided or deleted. E3: the memo's amount was lowered below what had been
    taken from it. E5: the link was removed, which leaves no record in QuickBooks. Plain money is C6b
    while QuickBooks still has it unapplied, C4 when it is gone.
    Example: a credit memo of 300.00 was applied and pushed back, then its link payment deleted: QuickBooks asks
    for 300.00 again, BigTime does not.
    """
    past = list(desk.past_lines)
    drafts: list[Draft] = []
    for case, items in desk.by_case(ItemKind.ROW, ItemKind.LINE):
        assert case.quickbooks is not None
        left = list(items)
        for row in _likeliest_push_backs(items):
            found = next(
                (
                    gone
                    for gone in past
                    if gone.invoice_id == case.quickbooks.key.id and gone.amount_minor == -row.effect_minor
                ),
                None,
            )
            if found is None:
                continue
            past.remove(found)
            rest = next((item for item in left if item.line and item.line.history.key == found.history.key), None)
            if rest is not None:
                left.remove(rest)
            drafts.append(_gone_draft(desk, case, found, (row, rest) if rest else (row,)))
    return tuple(drafts)


def _likeliest_push_backs(items: tuple[Item, ...]) -> list[Item]:
    """Unexplained rows, client credits last: a pushed-back payment is more likely to be what came over."""
    rows = [item for item in items if item.row is not None]
    return sorted(
        rows, key=lambda item: (item.row is not None and item.row.payment.method == "account_credit", item.id)
    )


def _shrunk_memo(desk: Desk, gone: PastLine) -> tuple[History, Version] | None:
    """The credit memo of a lost application whose total was lowered below it, with the version before."""
    for key in gone.credit_keys:
        history = desk.histories.get(key)
        if history is None or not isinstance(history.content, CreditMemo) or history.content.voided:
            continue
        for version in history.versions[:-1]:
            if isinstance(version.content, CreditMemo) and version.content.total_minor > history.content.total_minor:
                return history, version
    return None


def _is_unapplied(gone: PastLine) -> bool:
    """Whether the money of a lost application is still there, applied to nothing."""
    payment = gone.history.content
    return isinstance(payment, Payment) and payment.unapplied_minor >= gone.amount_minor


def _gone_draft(desk: Desk, case: Case, gone: PastLine, consumes: tuple[Item, ...]) -> Draft:
    memos = tuple(desk.histories[key] for key in gone.credit_keys if key in desk.histories)
    dead = tuple(history for history in memos if gone_credit(history))
    shrunk = _shrunk_memo(desk, gone)
    code, what = "C4", "was deleted or taken off the invoice in QuickBooks"
    if not gone.credit_keys and _is_unapplied(gone):
        code, what = "C6b", "QuickBooks still has but took off the invoice: the money is there, unapplied"
    elif dead:
        code, what = "E4", "came from a credit memo that has since been voided or deleted in QuickBooks"
    elif shrunk is not None:
        code, what = "E3", "came from a credit memo whose amount was lowered in QuickBooks after it had been applied"
    elif gone.credit_keys:
        code, what = "E5", "came from a credit that was un-applied in QuickBooks, which keeps no record of that"
    effect = sum(item.effect_minor for item in consumes)
    rows = tuple(item.row.history for item in consumes if item.row)
    versions = (gone.version, *((shrunk[1],) if shrunk else ()))
    return on_case(
        case,
        code=code,
        proof=Proof.PROVED,
        reason=f"we stored QuickBooks' application of {case.money(gone.amount_minor)} on "
        f"{gone.version.observed_at:%Y-%m-%d %H:%M} UTC; its latest version does not have it",
        exposure_minor=effect,
        explanation=(
            f"BigTime shows a payment of {case.money(gone.amount_minor)} on invoice {case.number} that {what}. "
            f"BigTime understates what the client owes by {case.money(abs(effect))}. If it was meant, delete "
            "the payment in BigTime; else restore it in QuickBooks."
        ),
        records=(*rows, gone.history, *(dead or ((shrunk[0],) if shrunk else ()))),
        consumes=consumes,
        versions=versions,
        subject=(*(history.key for history in rows), gone.history.key),
    )


def memo_edited_after_application(desk: Desk) -> tuple[Draft, ...]:
    """E3 where QuickBooks kept the applications: a memo's total was lowered below what is taken from it.

    Example: a memo of 500.00 with 400.00 applied is edited to 300.00: 100.00 was given that no credit covers.
    """
    drafts = []
    for credit in desk.open_credits:
        history = credit.history
        if not isinstance(history.content, CreditMemo) or credit.remaining_minor >= 0:
            continue
        before = [
            version
            for version in history.versions[:-1]
            if isinstance(version.content, CreditMemo) and version.content.total_minor > history.content.total_minor
        ]
        if not before:
            continue
        drafts.append(
            Draft(
                code="E3",
                proof=Proof.PROVED,
                reason=f"we stored it with the higher amount on {before[-1].observed_at:%Y-%m-%d %H:%M} UTC",
                exposure_minor=credit.remaining_minor,
                currency=credit.currency,
                client=credit.client,
                invoice=None,
                explanation=(
                    f"Credit memo {history.content.number} was lowered to "
                    f"{amount(history.content.total_minor, credit.currency)} in QuickBooks after more than that "
                    f"had been applied: {amount(-credit.remaining_minor, credit.currency)} has no credit behind it."
                ),
                records=(history,),
                versions=(before[-1],),
                subject=(history.key,),
            )
        )
    return tuple(drafts)


def invoice_total_edited(desk: Desk) -> tuple[Draft, ...]:
    """E1 and E7: the totals of an invoice differ, because one of them was changed after posting.

    Example: posted for 1,000.00; BigTime now says 900.00: E1, −100.00. Which side moved is proved by the version
    that still agreed; without one, an untouched SyncToken of the QuickBooks invoice points at BigTime. A correction
    in BigTime on the day of posting is less urgent.
    """
    drafts = []
    for case, items in desk.by_case(ItemKind.TOTAL):
        assert case.quickbooks is not None
        assert case.twin is not None
        in_quickbooks = _version_with_total(case.quickbooks, case.total_minor)
        in_bigtime = _version_with_total(case.bigtime, case.twin.total_minor)
        versions: tuple[Version, ...] = ()
        if in_bigtime is not None and (in_quickbooks is None or in_bigtime.observed_at >= in_quickbooks.observed_at):
            code, proof, reason, versions = (
                "E1",
                Proof.PROVED,
                "an earlier version in BigTime had the same total",
                (in_bigtime,),
            )
        elif in_quickbooks is not None:
            code, proof, reason, versions = (
                "E7",
                Proof.PROVED,
                "an earlier version in QuickBooks had the same total",
                (in_quickbooks,),
            )
        elif case.twin.revision == "0":
            code, proof = "E1", Proof.LIKELY
            reason = "QuickBooks has not touched its invoice since it was created"
        else:
            code, proof = "E1", Proof.CANNOT_TELL
            reason = "the totals differed when we first read them; the side that moved cannot be told"
        draft = _total_draft(case, items, code=code, proof=proof, reason=reason, versions=versions)
        same_day = in_bigtime is not None and code == "E1" and _is_corrected_at_once(case, desk.moment)
        drafts.append(msgspec.structs.replace(draft, severity=Severity.S3) if same_day else draft)
    return tuple(drafts)


def _is_corrected_at_once(case: Case, moment: Moment) -> bool:
    """Whether BigTime's invoice had its total on the day on which it was posted already."""
    assert case.posted_at is not None
    posted_on = moment.day_of(case.posted_at)
    return any(
        moment.day_of(version.observed_at) == posted_on
        for version in case.bigtime.versions
        if isinstance(version.content, Invoice) and version.content.total_minor == case.invoice.total_minor
    )


def _version_with_total(history: History, total_minor: int) -> Version | None:
    return next(
        (
            version
            for version in reversed(history.versions)
            if isinstance(version.content, Invoice)
            and not version.content.voided
            and version.content.total_minor == total_minor
        ),
        None,
    )


def _total_draft(
    case: Case, items: tuple[Item, ...], *, code: str, proof: Proof, reason: str, versions: tuple[Version, ...]
) -> Draft:
    assert case.quickbooks is not None
    assert case.twin is not None
    where = "BigTime" if code == "E1" else "QuickBooks"
    return on_case(
        case,
        code=code,
        proof=proof,
        reason=reason,
        exposure_minor=items[0].effect_minor,
        explanation=(
            f"Invoice {case.number} is {case.money(case.total_minor)} in BigTime and "
            f"{case.money(case.twin.total_minor)} in QuickBooks: it was changed in {where} after posting. "
            "Make both the same; the posted document is the one the client has."
        ),
        records=(case.bigtime, case.quickbooks),
        consumes=items,
        versions=versions,
        subject=(case.bigtime.key, case.quickbooks.key),
    )


def invoice_gone_with_money_on_it(desk: Desk) -> tuple[Draft, ...]:
    """E6: an invoice was voided or deleted in QuickBooks while payments or credits were on it.

    QuickBooks puts each of them back to the client's unapplied balance. The invoice is no longer in the tie-out;
    what was on it is the exposure.
    """
    past = desk.past_lines
    drafts = []
    for case in desk.cases.values():
        if case.dead_twin is None:
            continue
        freed = [line for line in past if line.invoice_id == case.dead_twin.key.id]
        if not freed:
            continue
        newest: dict[RecordKey, PastLine] = {}
        for line in freed:
            newest.setdefault(line.history.key, line)
        drafts.append(_gone_invoice_draft(case, case.dead_twin, tuple(newest.values())))
    return tuple(drafts)


def _gone_invoice_draft(case: Case, dead: History, freed: tuple[PastLine, ...]) -> Draft:
    minor = sum(line.amount_minor for line in freed)
    verb = "deleted" if dead.content is None else "voided"
    return on_case(
        case,
        code="E6",
        proof=Proof.PROVED,
        reason="we stored the applications before QuickBooks took them off",
        exposure_minor=minor,
        explanation=(
            f"Invoice {case.number} was {verb} in QuickBooks while {case.money(minor)} was applied to it. "
            "QuickBooks returned that to the client's balance; BigTime still shows the invoice with its payments."
        ),
        records=(case.bigtime, dead, *(line.history for line in freed)),
        versions=tuple(line.version for line in freed),
        subject=(case.bigtime.key, dead.key),
        severity=Severity.S1,
    )
