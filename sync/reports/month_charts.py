"""The charts of a month: credit by age, the roll-forward, twelve months of applied balance, and the two systems."""

from collections import defaultdict

from mappings.money import Money
from sync.reports.charts import WIDE, Chart, Span, column_chart
from sync.reports.credit_balances import AGES, BalanceTotal
from sync.reports.month_end import MonthPack
from sync.reports.rolling import RollTotal
from sync.reports.tying_out import FindingRow, TieOutTotal
from sync.reports.words import spoken

_AGE_LABELS = ("0-30", "31-60", "61-90", "91-180", "181-365", "> 365")
_FLOWS = (("issued", 1), ("applied", -1), ("unapplied", 1), ("refunded", -1), ("edited", 1))
_FLOW_LABELS = {"unapplied": "Un-applied"}
_MOST_CODES = 12


def charts_of(pack: MonthPack, currency: str) -> tuple[Chart, ...]:
    """The charts of one currency; one without anything in it is left out."""
    made = (_by_age(pack, currency), _waterfall(pack, currency), _year(pack, currency), _explained(pack, currency))
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


def _explained(pack: MonthPack, currency: str) -> Chart | None:
    """From nothing to the difference of the two systems, by what explains it; None where nothing differs."""
    totals = [one for report in pack.reports for one in report.totals if isinstance(one, TieOutTotal)]
    total = next((one for one in totals if one.currency == currency), None)
    if total is None or total.gross_difference.is_zero:
        return None
    claims = _claims_by_code(pack, currency)
    shown = sorted(claims, key=lambda code: (-abs(claims[code]), code))
    parts = [(code, claims[code]) for code in shown[:_MOST_CODES]]
    parts += [("Others", sum(claims[code] for code in shown[_MOST_CODES:]))] if shown[_MOST_CODES:] else []
    parts += [("Not explained", total.residual.minor)] if not total.residual.is_zero else []
    spans, level = [], 0
    for label, minor in parts:
        tone = "up" if minor >= 0 else "down"
        spans.append(
            Span(label=label, start_minor=level, end_minor=level + minor, shown=Money(minor, currency), tone=tone)
        )
        level += minor
    spans.append(
        Span(
            label="Difference",
            start_minor=0,
            end_minor=total.difference.minor,
            shown=total.difference,
            tone="level",
        )
    )
    summary = (
        f"What each type of finding explains of {spoken(total.difference)}, the largest first. Red: BigTime shows the "
        "client owing less than QuickBooks; green: more."
    )
    return column_chart("BigTime - QuickBooks, explained", summary, spans, currency, width=WIDE)


def _claims_by_code(pack: MonthPack, currency: str) -> dict[str, int]:
    """What the findings of each type claim; types that claim nothing are left out."""
    claims: defaultdict[str, int] = defaultdict(int)
    for report in pack.reports:
        for row in report.rows:
            if isinstance(row, FindingRow) and row.currency == currency:
                claims[row.code] += row.claim.minor
    return {code: minor for code, minor in claims.items() if minor != 0}
