"""What our versions show of the past: closed periods, new dates and numbers, moved customers, repeated links."""

from collections import defaultdict
from collections.abc import Iterator
from datetime import date
from itertools import pairwise

from mappings.findings import ClientRef, InvoiceRef, Proof, Severity
from mappings.model import (
    CreditMemo,
    History,
    Invoice,
    Kind,
    Payment,
    Preferences,
    RecordKey,
    System,
    Version,
)
from sync.rules.desk import Case, Desk, ItemKind, Pair, amount
from sync.rules.draft import Draft, on_case

_Dated = Invoice | Payment | CreditMemo
_FEWEST_TO_COME_BACK = 3  # there, away, there again


def _day(content: _Dated) -> date | None:
    return content.paid_on if isinstance(content, Payment) else content.issued_on


def _number(content: _Dated) -> str:
    return content.reference if isinstance(content, Payment) else content.number


def _edits(desk: Desk) -> Iterator[tuple[History, Version, Version, _Dated, _Dated]]:
    """Each pair of neighbouring versions of an invoice, payment or credit memo of QuickBooks."""
    for history in desk.book.of(System.QUICKBOOKS, Kind.INVOICE, Kind.PAYMENT, Kind.CREDIT_MEMO):
        for before, after in pairwise(history.versions):
            old, new = before.content, after.content
            if isinstance(old, _Dated) and isinstance(new, _Dated):
                yield history, before, after, old, new


def _closing_day(desk: Desk, version: Version) -> date | None:
    """The closing date that was in force when a version was first seen, as far as we had read it."""
    if desk.book.preferences is None:
        return None
    known = [each for each in desk.book.preferences.versions if each.observed_at <= version.observed_at]
    content = known[-1].content if known else None
    return content.book_close_on if isinstance(content, Preferences) else None


def _money_changed(old: _Dated, new: _Dated) -> bool:
    """Whether an edit changed an amount or a day; being paid later, or a memo's text, changes neither."""
    if (old.total_minor, old.currency, _day(old)) != (new.total_minor, new.currency, _day(new)):
        return True
    if isinstance(old, Payment) and isinstance(new, Payment):
        kept = set(new.lines)
        return any(line not in kept for line in old.lines)
    return False


def _invoice_of(desk: Desk, history: History) -> InvoiceRef | None:
    """The invoice that a QuickBooks invoice record is, under BigTime's number where it has a twin."""
    if not isinstance(history.content, Invoice):
        return None
    twin = desk.links.of_quickbooks(history.key.id)
    if twin is None or not isinstance(twin.bigtime.content, Invoice):
        return InvoiceRef(number=history.content.number, quickbooks=history.key.id)
    return InvoiceRef(number=twin.bigtime.content.number, bigtime=twin.bigtime.key.id, quickbooks=history.key.id)


def _client_of(desk: Desk, content: _Dated) -> ClientRef:
    return desk.client_of(content.client_id)


def changed_in_closed_period(desk: Desk) -> tuple[Draft, ...]:
    """E8: an amount or day of a QuickBooks record was changed whose date lies in a closed period.

    The closing date is the one in force when the change was seen, not today's: a date that was moved later makes no
    earlier edit wrong. Changes of texts do not count.
    """
    drafts = []
    for history, before, after, old, new in _edits(desk):
        closed = _closing_day(desk, after)
        days = [day for day in (_day(old), _day(new)) if day is not None]
        if closed is None or not days or min(days) > closed or not _money_changed(old, new):
            continue
        drafts.append(
            Draft(
                code="E8",
                proof=Proof.PROVED,
                reason=f"versions of {before.observed_at:%Y-%m-%d} and {after.observed_at:%Y-%m-%d} differ; closed up to {closed}",
                exposure_minor=new.total_minor - old.total_minor or old.total_minor,
                currency=old.currency,
                client=_client_of(desk, old),
                invoice=_invoice_of(desk, history),
                explanation=(
                    f"QuickBooks {history.key.kind} {_number(old) or history.key.id} of {min(days)} was changed after the books "
                    f"were closed up to {closed}: from {amount(old.total_minor, old.currency)} to "
                    f"{amount(new.total_minor, new.currency)}. Reports already given for that period are no longer right."
                ),
                records=(history,),
                versions=(before, after),
                subject=(history.key,),
                discriminator=str(after.sequence),
            )
        )
    return tuple(drafts)


def redated_or_renumbered(desk: Desk) -> tuple[Draft, ...]:
    """E9: a QuickBooks record kept its id and got another date or number. More urgent over the end of a month."""
    drafts = []
    for history, before, after, old, new in _edits(desk):
        was, now = (_day(old), _number(old)), (_day(new), _number(new))
        if was == now or (isinstance(new, Invoice | Payment | CreditMemo) and new.voided):
            continue
        crosses = (
            was[0] is not None and now[0] is not None and (was[0].year, was[0].month) != (now[0].year, now[0].month)
        )
        drafts.append(
            Draft(
                code="E9",
                proof=Proof.PROVED,
                reason="two versions of one record differ",
                exposure_minor=new.total_minor,
                currency=new.currency,
                client=_client_of(desk, new),
                invoice=_invoice_of(desk, history),
                explanation=(
                    f"QuickBooks {history.key.kind} {was[1] or history.key.id} of {was[0]} is now {now[1] or history.key.id} of "
                    f"{now[0]}. If it was meant, nothing is to be done; figures by month may have moved."
                ),
                records=(history,),
                versions=(before, after),
                subject=(history.key,),
                severity=Severity.S2 if crosses else Severity.S3,
                discriminator=str(after.sequence),
            )
        )
    return tuple(drafts)


def customer_merged(desk: Desk) -> tuple[Draft, ...]:
    """E10: a QuickBooks customer is gone or inactive and records that were his name another one: a merge.

    Information: credits and invoices moved together. A rename or an inactive customer alone is nothing, nor is a record
    that was deleted after it had moved.
    """
    moved: dict[tuple[str, str], dict[RecordKey, tuple[History, _Dated]]] = defaultdict(dict)
    for history, _, _, old, new in _edits(desk):
        if old.client_id and new.client_id and old.client_id != new.client_id and isinstance(history.content, _Dated):
            moved[old.client_id, new.client_id][history.key] = (history, history.content)
    drafts = []
    for (loser, survivor), records in sorted(moved.items()):
        histories = tuple(history for history, _ in records.values())
        contents = [content for _, content in records.values()]
        minor, currency = sum(content.total_minor for content in contents), contents[0].currency
        drafts.append(
            Draft(
                code="E10",
                proof=Proof.PROVED,
                reason="versions of the same records name two customers",
                exposure_minor=minor,
                currency=currency,
                client=desk.client_of(survivor),
                invoice=None,
                explanation=(
                    f"{len(histories)} records moved from QuickBooks customer {loser} to {survivor}, "
                    f"{amount(minor, currency)} in all: customers were merged or records reassigned."
                ),
                records=histories,
                discriminator=f"{loser}>{survivor}",
                severity=Severity.S4,
            )
        )
    return tuple(drafts)


def reapplied(desk: Desk) -> tuple[Draft, ...]:
    """E11: an application was taken off and put back, with the same amount on the same invoice. Net nothing, two events."""
    drafts = []
    for history in desk.book.of(System.QUICKBOOKS, Kind.PAYMENT):
        if len(history.versions) < _FEWEST_TO_COME_BACK:
            continue
        lines = [
            set(version.content.lines) if isinstance(version.content, Payment) else set()
            for version in history.versions
        ]
        back = {
            line
            for first in range(len(lines))
            for gap in range(first + 1, len(lines))
            for line in lines[first] - lines[gap]
            if any(line in later for later in lines[gap + 1 :])
        }
        content = history.content
        if back and isinstance(content, Payment):
            minor = max(line.amount_minor for line in back)
            drafts.append(
                Draft(
                    code="E11",
                    proof=Proof.PROVED,
                    reason="our versions show it applied, not applied, and applied again",
                    exposure_minor=minor,
                    currency=content.currency,
                    client=desk.client_of(content.client_id),
                    invoice=None,
                    explanation=(
                        f"{amount(minor, content.currency)} was un-applied in QuickBooks and applied again. Net nothing; both "
                        "events are in the gross figures of applied balance."
                    ),
                    records=(history,),
                    versions=history.versions,
                    subject=(history.key,),
                )
            )
    return tuple(drafts)


def twin_of_another_customer(desk: Desk) -> tuple[Draft, ...]:
    """D3: the invoice's QuickBooks twin belongs to a customer who is not this client, nor a job or parent of his.

    A twin that used to be under the client's customer was merged or moved, which E10 tells.
    """
    drafts = []
    clients = desk.links.clients
    for case in desk.cases.values():
        if case.twin is None or case.quickbooks is None or clients.kinship(case.invoice.client_id, case.twin.client_id):
            continue
        customers = {
            version.content.client_id for version in case.quickbooks.versions if isinstance(version.content, Invoice)
        }
        if not clients.customers_of(case.invoice.client_id):
            continue
        if not any(clients.kinship(case.invoice.client_id, customer) for customer in customers):
            drafts.append(
                on_case(
                    case,
                    code="D3",
                    proof=Proof.LIKELY,
                    reason="the client is linked to another customer",
                    exposure_minor=case.total_minor,
                    explanation=(
                        f"Invoice {case.number} is under another customer in QuickBooks than BigTime's client is linked to. "
                        "Credits of the client will not reach it. Move the invoice, or correct the link."
                    ),
                    records=(case.bigtime, case.quickbooks),
                    subject=(case.bigtime.key, case.quickbooks.key),
                )
            )
    return tuple(drafts)


def currencies_differ(desk: Desk) -> tuple[Draft, ...]:
    """D5: the totals differ and the QuickBooks invoice is not in the firm's home currency, in which BigTime bills."""
    drafts = []
    for case, items in desk.by_case(ItemKind.TOTAL):
        if case.twin is None or case.quickbooks is None or case.currency == desk.book.home_currency:
            continue
        drafts.append(
            on_case(
                case,
                code="D5",
                proof=Proof.LIKELY,
                reason="BigTime names no currency; QuickBooks has the invoice in a foreign one",
                exposure_minor=items[0].effect_minor,
                explanation=(
                    f"Invoice {case.number} is {case.money(case.twin.total_minor)} in QuickBooks and has another figure in "
                    f"BigTime, which bills in {desk.book.home_currency}. Check the client's currency."
                ),
                records=(case.bigtime, case.quickbooks),
                consumes=items,
                subject=(case.bigtime.key, case.quickbooks.key),
            )
        )
    return tuple(drafts)


def arrived_in_parts(desk: Desk) -> tuple[Draft, ...]:
    """D8: one application in one system is several in the other; the sums agree. Information."""
    return tuple(
        _parts_draft(case, pair)
        for case in desk.cases.values()
        for pair in case.pairs
        if pair.lines and len(pair.rows) + len(pair.lines) > 2
    )


def _parts_draft(case: Case, pair: Pair) -> Draft:
    minor = sum(row.amount_minor for row in pair.rows)
    records = (*(row.history for row in pair.rows), *(line.history for line in pair.lines))
    return on_case(
        case,
        code="D8",
        proof=Proof.LIKELY,
        reason="only this way of adding up exists",
        exposure_minor=minor,
        explanation=(
            f"{case.money(minor)} on invoice {case.number} is {len(pair.rows)} payment(s) in BigTime and "
            f"{len(pair.lines)} in QuickBooks. The sums agree."
        ),
        records=records,
        severity=Severity.S4,
    )


def inflated_history(desk: Desk) -> tuple[Draft, ...]:
    """F2: BigTime's own figure of what was paid is more than the invoice, while its balance does not show it.

    Example: total 500.00, paid 800.00, balance 0.00 because the invoice was marked as paid. What the balance hides is
    claimed: the payment that stands twice lowers BigTime by 300.00, and hiding that raises it again.
    """
    hidden = {item.case_id: item for item in desk.of_kind(ItemKind.BIGTIME_SHOWN) if item.effect_minor > 0}
    return tuple(
        on_case(
            case,
            code="F2",
            proof=Proof.PROVED,
            reason="BigTime shows both figures",
            exposure_minor=(case.invoice.paid_minor or 0) - case.invoice.total_minor,
            explanation=(
                f"BigTime shows {case.money(case.invoice.paid_minor or 0)} paid on invoice {case.number} of "
                f"{case.money(case.total_minor)}, and a balance that hides it. Look for a payment that stands twice."
            ),
            records=(case.bigtime, *(row.history for row in case.rows)),
            consumes=(hidden[case.id],) if case.id in hidden else (),
            subject=(case.bigtime.key,),
        )
        for case in desk.cases.values()
        if case.invoice.paid_minor is not None
        and case.invoice.paid_minor > case.invoice.total_minor >= 0
        and case.bigtime_minor >= 0
    )
