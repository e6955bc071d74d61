"""G4 while QuickBooks cannot be read: what BigTime has shown since is not judged against an older QuickBooks."""

from collections import defaultdict

from mappings.findings import Proof
from mappings.model import History, Kind, Method, Payment, System
from sync.rules.desk import Case, Desk, Item, ItemKind
from sync.rules.draft import Draft, on_case


def quickbooks_not_read_since(desk: Desk) -> tuple[Draft, ...]:
    """G4: BigTime changed on this invoice after QuickBooks was last read, so the other half may merely be unread.

    A client credit needs no other half: it is BigTime's own, and is judged as always.
    Source: DESIGN §3, C: an incomplete run tells nothing that a complete one would not.
    """
    since = desk.moment.quickbooks_read_at
    if since is None:
        return ()
    news: dict[str, list[History]] = defaultdict(list)
    for history in desk.book.histories:
        if history.key.system is System.BIGTIME and history.latest.observed_at > since:
            for invoice_id in _invoices_of(history):
                news[invoice_id].append(history)
    left: dict[str, list[Item]] = defaultdict(list)
    for item in desk.items:
        if item.case_id in news and not _is_client_credit(item):
            left[item.case_id].append(item)
    return tuple(_draft(desk.cases[id_], tuple(items), news[id_]) for id_, items in left.items())


def _invoices_of(history: History) -> frozenset[str]:
    """The invoices that a BigTime record is, or has ever been put on."""
    if history.key.kind is Kind.INVOICE:
        return frozenset([history.key.id])
    payments = [version.content for version in history.versions if isinstance(version.content, Payment)]
    return frozenset(line.target_id for payment in payments for line in payment.lines)


def _is_client_credit(item: Item) -> bool:
    return item.kind is ItemKind.ROW and item.row is not None and item.row.payment.method is Method.ACCOUNT_CREDIT


def _draft(case: Case, items: tuple[Item, ...], news: list[History]) -> Draft:
    minor = abs(sum(item.effect_minor for item in items))
    credited = tuple(row.history for row in case.rows if row.payment.method is Method.ACCOUNT_CREDIT)
    records = {each.key: each for each in (*news, *credited) if each.content is not None}
    return on_case(
        case,
        code="G4",
        proof=Proof.CANNOT_TELL,
        reason="QuickBooks could not be read since BigTime showed this",
        exposure_minor=minor,
        explanation=(
            f"BigTime changed on invoice {case.number} since QuickBooks was last read: {case.money(minor)} is not "
            "compared until QuickBooks can be read again."
        ),
        records=(
            case.bigtime,
            *((case.quickbooks,) if case.quickbooks else ()),
            *(records[key] for key in sorted(records)),
        ),
        consumes=items,
        subject=(case.bigtime.key,),
    )
