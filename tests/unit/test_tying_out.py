"""BigTime against QuickBooks, as a report over one book: what is shown, what is said, and what does not tie out."""

from datetime import date, timedelta

import msgspec
import pytest

from mappings.findings import FindingStatus
from mappings.model import Book, Kind, LineTarget
from mappings.money import Money
from mappings.records import FindingLife
from sync.reports.charts import Chart
from sync.reports.month_charts import charts_of
from sync.reports.month_end import MonthEnd, MonthPack
from sync.reports.report import Report
from sync.reports.scope import Scope
from sync.reports.tying_out import FindingRow, PastReading, TieOutRow, TieOutTotal, TyingOut
from sync.rules.moment import Moment
from tests.reporting import NEW_YORK
from tests.unit.book_building import START, bigtime, book, client, invoice, payment, quickbooks

NOW = START + timedelta(days=10)
SCOPE = Scope(company="acme", as_of=NOW, timezone=NEW_YORK, first=date(2026, 3, 1), last=date(2026, 3, 31))
READING = PastReading(moment=Moment(now=NOW, timezone=NEW_YORK))


def a_book(*, name: str = "Acme (NY)") -> Book:
    """Two invoices in both systems: one is 100.00 lower in BigTime, one 100.00 higher."""
    return book(
        bigtime(Kind.CLIENT, "301", client("Acme", quickbooks_id="7")),
        quickbooks(Kind.CUSTOMER, "7", client(name)),
        bigtime(Kind.INVOICE, "9001", invoice("INV-1", 100_000, "301", balance=90_000)),
        quickbooks(Kind.INVOICE, "71", invoice("INV-1", 100_000, "7")),
        bigtime(Kind.PAYMENT, "5:9001", payment(10_000, (LineTarget.INVOICE, "9001", 10_000), client="301")),
        bigtime(Kind.INVOICE, "9002", invoice("INV-2", 60_000, "301")),
        quickbooks(Kind.INVOICE, "72", invoice("INV-2", 50_000, "7")),
    )


def reports_of(
    of: Book,
    *,
    scope: Scope = SCOPE,
    reading: PastReading | None = READING,
    lives: dict[str, FindingLife] | None = None,
) -> tuple[Report, Report]:
    tying = TyingOut(scope, reading, lives or {})
    if reading is not None:
        tying.add(of)
    return tying.reports()


def test_differences_that_cancel_out_are_shown_by_their_size() -> None:
    compared, findings = reports_of(a_book())
    (row,) = compared.rows
    assert isinstance(row, TieOutRow)
    assert ("Acme (NY)", 2, "301", "7") == (row.client, row.invoices, row.bigtime, row.quickbooks)
    minor = {name: getattr(row, name).minor for name in ("difference", "explained", "residual", "gross_difference")}
    assert {"difference": 0, "explained": 0, "residual": 0, "gross_difference": 20_000} == minor
    assert [10_000, -10_000] == sorted((each.claim.minor for each in _rows(findings) if each.claim.minor), reverse=True)
    assert {"Acme (NY)"} == {each.client for each in _rows(findings)}


def _rows(findings: Report) -> list[FindingRow]:
    return [row for row in findings.rows if isinstance(row, FindingRow)]


def test_a_client_without_a_name_is_called_by_his_id() -> None:
    compared, _ = reports_of(a_book(name=""))
    assert ["Acme"] == [row.client for row in compared.rows if isinstance(row, TieOutRow)]
    nameless = book(*(each for each in a_book().histories if each.key.kind not in {Kind.CLIENT, Kind.CUSTOMER}))
    assert {"client 301"} == {row.client for row in reports_of(nameless)[0].rows if isinstance(row, TieOutRow)}


@pytest.mark.parametrize(
    ("status", "days", "told"),
    [
        (FindingStatus.RESOLVED, 2, "resolved"),
        (FindingStatus.RESOLVED, -2, "open"),  # it came back: what the rules see counts
        (FindingStatus.ACKNOWLEDGED, -2, "acknowledged"),
        (FindingStatus.EXPECTED, 1, "expected"),
    ],
)
def test_what_became_of_a_finding_is_told_when_it_happened_after_the_reading(
    status: FindingStatus, days: int, told: str
) -> None:
    tying = TyingOut(SCOPE, READING, _Lives(FindingLife(id="X-1", status=status, since=NOW + timedelta(days=days))))
    tying.add(a_book())
    assert {("X-1", told)} == {(row.finding, row.status) for row in _rows(tying.reports()[1])}


class _Lives(dict[str, FindingLife]):
    """The same life for every finding."""

    def __init__(self, life: FindingLife) -> None:
        super().__init__()
        self._life = life

    def get(self, *_: object) -> FindingLife:
        return self._life


def test_a_difference_that_no_finding_explains_does_not_tie_out() -> None:
    compared, findings = reports_of(a_book())
    (total,) = compared.totals
    assert isinstance(total, TieOutTotal)
    short = msgspec.structs.replace(total, explained=Money(1, "USD"), residual=Money(-1, "USD"))
    pack = MonthEnd(SCOPE).pack(msgspec.structs.replace(compared, totals=(short,)), findings)
    assert [False, False] == [check.holds for check in pack.checks]
    assert all(check.holds for check in MonthEnd(SCOPE).pack(compared, findings).checks)


def test_what_a_reading_lacked_and_which_it_is_are_said() -> None:
    later = msgspec.structs.replace(SCOPE, as_of=NOW + timedelta(days=60))
    lacking = msgspec.structs.replace(READING, gaps=("G8 bigtime: one record cannot be read",))
    told = reports_of(a_book(), scope=later, reading=lacking)[0].lines
    assert [
        "The invoices that both systems had when they were last read, by 2026-03-11 09:00 UTC.",
        "That reading was incomplete: G8 bigtime: one record cannot be read",
        (
            "This is the reading nearest to the end of 2026-03-31: nothing was read on that day, and neither system "
            "tells what it showed at a moment of the past."
        ),
    ] == list(told)
    compared, findings = reports_of(a_book(), reading=None)
    assert ((), ()) == (compared.rows, findings.rows)
    assert "Nothing is compared" in compared.lines[0]
    now = msgspec.structs.replace(SCOPE, as_of=NOW)
    assert 1 == len(reports_of(a_book(), scope=now)[0].lines)


def test_what_only_one_system_has_is_not_compared_and_said() -> None:
    more = (
        quickbooks(Kind.INVOICE, "73", invoice("INV-3", 198_000, "7")),
        quickbooks(Kind.INVOICE, "74", invoice("INV-4", 5_000, "7", balance=0)),
        bigtime(Kind.INVOICE, "9005", invoice("INV-5", 30_000, "301")),
        bigtime(Kind.INVOICE, "9006", invoice("INV-6", 20_000, "301")),
        bigtime(Kind.INVOICE, "9007", msgspec.structs.replace(invoice("INV-7", 70_000, "301"), is_draft=True)),
    )
    compared, _ = reports_of(book(*a_book().histories, *more))
    sentence = "500.00 USD on 2 BigTime invoices; 1,980.00 USD on 1 QuickBooks invoice."
    assert f"Open and not compared, because only one system has it: {sentence}" == compared.lines[-1]
    assert 2 == sum(row.invoices for row in compared.rows if isinstance(row, TieOutRow))
    acme = reports_of(book(*a_book().histories, *more), scope=msgspec.structs.replace(SCOPE, client="acme"))[0]
    assert not any("only one system" in line for line in acme.lines)


def test_the_chart_runs_from_nothing_to_the_difference_with_what_nobody_explains() -> None:
    of = a_book()
    lower = quickbooks(Kind.INVOICE, "72", invoice("INV-2", 20_000, "7"))  # now 400.00 higher in BigTime
    of = book(*(each for each in of.histories if each.key != lower.key), lower)
    compared, findings = reports_of(of)
    (total,) = compared.totals
    assert isinstance(total, TieOutTotal)
    pack = MonthEnd(SCOPE).pack(compared, findings)
    *parts, last = _chart(pack).columns
    claims = {row.code: row.claim for row in _rows(findings) if row.claim.minor}
    assert [f"{code}: {claims[code]}" for code in sorted(claims, key=lambda code: -abs(claims[code].minor))] == [
        each.exact for each in parts
    ]
    assert f"Difference: {total.difference}" == last.exact
    short = msgspec.structs.replace(total, explained=Money(0, "USD"), residual=total.difference)
    alone = MonthEnd(SCOPE).pack(
        msgspec.structs.replace(compared, totals=(short,)), msgspec.structs.replace(findings, rows=())
    )
    assert ["Not explained", "Difference"] == [each.label for each in _chart(alone).columns]


def test_the_smallest_of_many_types_share_one_column_of_the_chart() -> None:
    compared, findings = reports_of(a_book())
    row = _rows(findings)[0]
    many = tuple(msgspec.structs.replace(row, code=f"X{place}", claim=Money(place, "USD")) for place in range(1, 16))
    pack = MonthEnd(SCOPE).pack(compared, msgspec.structs.replace(findings, rows=many))
    *_, least, others, last = _chart(pack).columns
    assert ("X4", f"Others: {Money(1 + 2 + 3, 'USD')}", "Difference") == (least.label, others.exact, last.label)


def _chart(pack: MonthPack) -> Chart:
    return next(chart for chart in charts_of(pack, "USD") if chart.title.startswith("BigTime"))
