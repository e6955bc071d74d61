"""The three charts of a month: credit by age, the roll-forward, and twelve months of applied balance."""

from mappings.money import Money
from sync.reports.charts import WIDE, Chart, Span, column_chart
from sync.reports.credit_balances import AGES, BalanceTotal
from sync.reports.month_end import MonthPack
from sync.reports.rolling import RollTotal
from sync.reports.words import spoken

_AGE_LABELS = ("0-30", "31-60", "61-90", "91-180", "181-365", "> 365")
_FLOWS = (("issued", 1), ("applied", -1), ("unapplied", 1), ("refunded", -1), ("edited", 1))
_FLOW_LABELS = {"unapplied": "Un-applied"}


def charts_of(pack: MonthPack, currency: str) -> tuple[Chart, ...]:
    """The charts of one currency; one without anything in it is left out."""
    made = (_by_age(pack, currency), _waterfall(pack, currency), _year(pack, currency))
    return tuple(chart for chart in made if chart is not None)


def _by_age(pack: MonthPack, currency: str) -> Chart | None:
    totals = [one for one in pack.named("credit-balances").totals if isinstance(one, BalanceTotal)]
    total = next((one for one in totals if one.currency == currency), None)
    if total is None or total.credit_balance.is_zero:
        return None
    amounts: list[Money] = [getattr(total, age) for age in AGES]
    spans = [
        Span(label=label, start_minor=0, end_minor=amount.minor, shown=amount, tone=f"age{place}")
        for place, (label, amount) in enumerate(zip(_AGE_LABELS, amounts, strict=True))
    ]
    summary = (
        f"Credit that clients have, by the days since the occasion that gave it; {spoken(total.credit_balance)} in all."
    )
    return column_chart("Credit by age in days", summary, spans, currency)


def _waterfall(pack: MonthPack, currency: str) -> Chart | None:
    totals = [one for one in pack.named("roll-forward").totals if isinstance(one, RollTotal)]
    total = next((one for one in totals if one.currency == currency), None)
    if total is None:
        return None
    level = total.opening.minor
    spans = [Span(label="Opening", start_minor=0, end_minor=level, shown=total.opening, tone="level")]
    for name, sign in _FLOWS:
        amount: Money = getattr(total, name)
        change = sign * amount.minor
        tone = "up" if change >= 0 else "down"
        label = _FLOW_LABELS.get(name, name.capitalize())
        shown = Money(change, currency)
        spans.append(Span(label=label, start_minor=level, end_minor=level + change, shown=shown, tone=tone))
        level += change
    spans.append(Span(label="Closing", start_minor=0, end_minor=level, shown=total.closing, tone="level"))
    summary = (
        f"How client credit went from {spoken(total.opening)} to {spoken(total.closing)}. Blue: what there was; green: "
        "more credit; red: less."
    )
    return column_chart("Roll-forward of client credit", summary, spans, currency)


def _year(pack: MonthPack, currency: str) -> Chart | None:
    figures = [one for one in pack.figures if one.currency == currency]
    if not figures:
        return None
    spans = []
    for one in figures:
        net = Money(one.unapplied.minor - one.applied.minor, currency)
        label = one.month.strftime("%b %y")
        spans.append(Span(label=label, start_minor=0, end_minor=net.minor, shown=net, tone="down"))
    summary = "Applied less un-applied credit of each month; negative, because clients' credit and receivables fall."
    return column_chart("Applied balance, twelve months", summary, spans, currency, width=WIDE)
