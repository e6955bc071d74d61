"""The credit ledger's part of an explanation: why a client has a credit, and what paid an invoice.

Both come from the same occasions and applications as the reports, so an explanation cannot say something else.
Source: `domain/client-credit-balances.txt` ("Why does the client have a credit balance?").
"""

from collections.abc import Iterable, Iterator

from mappings.findings import Evidence
from mappings.indexing import normalise_number
from mappings.ledger import Application, Origin
from mappings.model import History, Invoice, Kind, Payment, RecordKey
from mappings.money import Money
from mappings.splitting import Bounds
from sync.explaining import Step
from sync.reports.credit_activity import ActivityRow, ActivityTotal, CreditActivity
from sync.reports.occasions import Occasion, OccasionKind
from sync.reports.opened import OpenBook
from sync.reports.scope import Scope
from sync.reports.words import ORIGIN_NAMES, grouped

_VERBS = {
    OccasionKind.ISSUED: "gave credit",
    OccasionKind.APPLIED: "was used on",
    OccasionKind.UNAPPLIED: "was taken back from",
    OccasionKind.REFUNDED: "was refunded with",
    OccasionKind.EDITED: "was changed",
    OccasionKind.VOIDED: "was voided or deleted",
}


def explain_credit(opened: Iterable[OpenBook], scope: Scope) -> tuple[tuple[Step, ...], tuple[str, ...]]:
    """Every occasion of a client's credit as a step, and the answer in sentences; nothing when there was never any.

    `scope` names the client. In each currency the steps before the last add up to it: what he has to his credit.
    """
    activity = CreditActivity(scope)
    for each in opened:
        activity.add(each)
    report = activity.report()
    rows = [row for row in report.rows if isinstance(row, ActivityRow)]
    steps: list[Step] = []
    answer: list[str] = []
    for total in report.totals:
        assert isinstance(total, ActivityTotal)
        mine = [row for row in rows if (row.client, row.currency) == (total.client, total.currency)]
        steps += [_occasion_step(row) for row in mine]
        steps.append(_step(f"Credit of {total.client} in QuickBooks", total.credit_balance))
        answer += total.answer
    return tuple(steps), tuple(answer)


def _occasion_step(row: ActivityRow) -> Step:
    kind, origin = OccasionKind(row.occasion), Origin(row.origin)
    source = f"{ORIGIN_NAMES[origin]} {row.source}"
    is_given = kind is OccasionKind.ISSUED
    where = f"{', taken off' if is_given else ''} {row.invoice}" if row.invoice else ""
    is_returned = kind is OccasionKind.REFUNDED and not row.original.is_negative
    verb = "came back from the refund with" if is_returned else _VERBS[kind]
    return Step(
        label=f"{row.date.isoformat() if row.date else 'No date'}: {source} {verb}{where}",
        amount_minor=row.original.minor,
        currency=row.currency,
        records=row.records,
        origin=str(origin),
        current_minor=row.current.minor if is_given else None,
    )


def _step(label: str, amount: Money, records: tuple[Evidence, ...] = ()) -> Step:
    return Step(label=label, amount_minor=amount.minor, currency=amount.currency, records=records)


def explain_invoice(opened: OpenBook, key: RecordKey) -> tuple[Step, ...]:
    """From what a QuickBooks invoice is for to what is open on it: each credit and each payment is a step."""
    history = opened.histories[key]
    invoice = history.content
    if not isinstance(invoice, Invoice):
        return ()
    currency = invoice.currency
    steps = [_step(f"Invoice {invoice.number or key.id}", Money(invoice.total_minor, currency), _seen(opened, key))]
    from_credit: dict[RecordKey, int] = {}
    for occasion in opened.occasions:
        if occasion.is_application and occasion.targets == (key,):
            from_credit[occasion.record] = from_credit.get(occasion.record, 0) - occasion.amount_minor
            steps.append(_credit_step(opened, occasion))
    for application in opened.ledger.applications:
        if application.target == key:
            rest = application.amount_minor - from_credit.pop(application.payment, 0)
            if rest != 0:
                steps.append(_payment_step(opened, application, rest))
    if invoice.deposit_minor:
        steps.append(_step("Deposit on the invoice", Money(-invoice.deposit_minor, currency)))
    shown = invoice.balance_minor or 0
    missing = shown - sum(step.amount_minor for step in steps)
    if missing:
        steps.append(_step("Not explained", Money(missing, currency)))
    return (*steps, _step("Open in QuickBooks", Money(shown, currency), _seen(opened, key)))


def _seen(opened: OpenBook, *keys: RecordKey) -> tuple[Evidence, ...]:
    return tuple(opened.evidence(key) for key in keys if key in opened.histories)


def _credit_step(opened: OpenBook, occasion: Occasion) -> Step:
    on = occasion.came_on.isoformat() if occasion.came_on else "No date"
    is_used = occasion.kind is OccasionKind.APPLIED
    return Step(
        label=f"{on}: {ORIGIN_NAMES[occasion.origin]} {opened.label(occasion.source)} "
        f"{'was used' if is_used else 'was taken back'}",
        amount_minor=occasion.amount_minor,
        currency=occasion.currency,
        records=opened.evidence_of(occasion),
        origin=str(occasion.origin),
    )


def _payment_step(opened: OpenBook, application: Application, minor: int) -> Step:
    """What a payment put on the invoice beside the credits that have steps of their own."""
    payment = opened.histories[application.payment].content
    assert isinstance(payment, Payment)
    on = payment.paid_on.isoformat() if payment.paid_on else "No date"
    parts = ""
    if not application.credit_minor.is_exact:
        cash, credit = (
            _bounded(each, application.currency) for each in (application.cash_minor, application.credit_minor)
        )
        parts = f" (money {cash}, credit {credit})"
    return _step(
        f"{on}: payment {opened.label(application.payment)}{parts}",
        Money(-minor, application.currency),
        _seen(opened, application.payment, *application.sources),
    )


def _bounded(bounds: Bounds, currency: str) -> str:
    return f"{grouped(Money(bounds.least_minor, currency))} to {grouped(Money(bounds.most_minor, currency))}"


def invoices_called(opened: OpenBook, wanted: str) -> Iterator[History]:
    """The living QuickBooks invoices that a reader calls so: by number as the matching compares them, or by id."""
    number = normalise_number(wanted)
    for history in opened.quickbooks(Kind.INVOICE):
        content = history.content
        if isinstance(content, Invoice) and (
            wanted == history.key.id or (number and number == normalise_number(content.number))
        ):
            yield history
