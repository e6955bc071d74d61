"""Every occasion of a client's credit, and the answer to "why does this client have a credit of 390.00?".

A row that gives credit carries what it gave and what is left of it; a row that uses or changes credit carries what it
moved, and leaves nothing. So the originals add up to the client's credit, and so do the current amounts.
Source: `domain/client-credit-balances.txt` (each occasion that resulted in a credit balance; the dynamic value).
"""

from collections import defaultdict
from collections.abc import Iterator
from datetime import date, datetime

import msgspec

from mappings.findings import Evidence
from mappings.ledger import Origin
from mappings.model import History, Kind, Method, Payment, RecordKey, System
from mappings.money import Money
from sync.reports.occasions import Occasion, OccasionKind, remaining_by_issue
from sync.reports.opened import OpenBook, client_of_bigtime
from sync.reports.report import Report
from sync.reports.scope import Scope
from sync.reports.words import spoken
from sync.rules.desk import Desk, Funding
from sync.rules.moment import Moment
from sync.rules.opening import open_desk

_Day = date  # the name is that of a column below


class ActivityRow(msgspec.Struct, frozen=True, kw_only=True):
    """One occasion; `original` is signed, `current` is what it leaves available. `source` is the credit concerned."""

    date: _Day | None
    client: str
    occasion: str
    origin: str
    source: str
    invoice: str
    original: Money
    current: Money
    currency: str
    booked_on: _Day | None
    known_at: datetime
    earliest: datetime | None
    latest: datetime | None
    automatic: bool
    records: tuple[Evidence, ...]


class ActivityTotal(msgspec.Struct, frozen=True, kw_only=True):
    """The credit that a client has in one currency, and why, in words that can be shown to him."""

    client: str
    currency: str
    credit_balance: Money
    answer: tuple[str, ...]


class _Source(msgspec.Struct, kw_only=True):
    """One credit of a client: its rows in order, and what is left of it."""

    key: RecordKey
    client_id: str
    rows: list[ActivityRow]
    left: Money


class CreditActivity:
    """Gathers the occasions of the client asked for, or of all."""

    def __init__(self, scope: Scope) -> None:
        self._scope = scope
        self._sources: list[_Source] = []

    def add(self, opened: OpenBook) -> None:
        """Take the occasions of a book."""
        occasions: defaultdict[tuple[RecordKey, str, str], list[Occasion]] = defaultdict(list)
        for occasion in opened.occasions:
            occasions[occasion.source, occasion.client_id, occasion.currency].append(occasion)
        remaining = opened.remaining()
        for name in dict.fromkeys((*occasions, *remaining)):
            source, client, currency = name
            if opened.shows(client, currency):
                rows = list(_rows(opened, occasions[name], remaining.get(name, 0)))
                left = Money(remaining.get(name, 0), currency)
                self._sources.append(_Source(key=source, client_id=client, rows=rows, left=left))
        self._sources.extend(_of_bigtime(opened))

    def report(self) -> Report:
        """The rows by client and date."""
        rows = [row for source in self._sources for row in source.rows if self._scope.covers(row.date)]
        rows.sort(
            key=lambda row: (
                row.client.casefold(),
                row.client,
                row.date or date.min,
                row.source,
                _ORDER[row.occasion],
                row.records,
            )
        )
        by_client: defaultdict[tuple[str, str, str], list[_Source]] = defaultdict(list)
        for source in self._sources:
            name = source.rows[0].client if source.rows else source.client_id
            by_client[name, source.client_id, source.left.currency].append(source)
        totals = [_total(name, sources) for (name, _, _), sources in sorted(by_client.items())]
        return Report(
            name="credit-activity",
            title="Credit activity",
            scope=self._scope,
            row_type=ActivityRow,
            rows=tuple(rows),
            totals=tuple(totals),
            lines=tuple(line for total in totals for line in total.answer) if self._scope.client else (),
        )


_ORDER = {str(kind): place for place, kind in enumerate(OccasionKind)}


def _rows(opened: OpenBook, occasions: list[Occasion], remaining_minor: int) -> Iterator[ActivityRow]:
    issues = tuple(occasion for occasion in occasions if occasion.kind is OccasionKind.ISSUED)
    left = dict(zip((id(one) for one in issues), remaining_by_issue(issues, remaining_minor), strict=True))
    for occasion in occasions:
        yield ActivityRow(
            date=occasion.on(opened.scope),
            client=opened.client_name(occasion.client_id),
            occasion=str(occasion.kind),
            origin=str(occasion.origin),
            source=opened.label(occasion.source),
            invoice=opened.labels(occasion.targets),
            original=Money(occasion.amount_minor, occasion.currency),
            current=Money(left.get(id(occasion), 0), occasion.currency),
            currency=occasion.currency,
            booked_on=occasion.booked_on,
            known_at=occasion.known_at,
            earliest=occasion.earliest,
            latest=occasion.latest,
            automatic=occasion.auto_linked,
            records=opened.evidence_of(occasion),
        )


def _of_bigtime(opened: OpenBook) -> Iterator[_Source]:
    """Client credits of BigTime, which are known by their use only: each is given and used in one.

    Every version of a row counts: what it shows less later was taken off, and what is gone was voided. A row that is a
    credit of QuickBooks which came back is none: some firms' BigTime calls those by the same name.
    Source: `domain/bigtime-client-credits.txt`; the interface has no record of the credit itself.
    """
    found = [
        (history, said)
        for history in opened.book.histories
        if history.key.system is System.BIGTIME
        and isinstance(said := _last_payment(history), Payment)
        and said.method is Method.ACCOUNT_CREDIT
    ]
    desk = open_desk(opened.book, Moment(now=opened.scope.as_of, timezone=opened.scope.timezone)) if found else None
    came_back = _came_back(desk) if desk else frozenset()
    for history, payment in found:
        assert desk is not None
        client = client_of_bigtime(payment.client_id, desk.links.clients.customers_of(payment.client_id))
        if opened.shows(client, payment.currency) and history.key not in came_back:
            rows = list(_bigtime_rows(opened, history, client))
            yield _Source(key=history.key, client_id=client, rows=rows, left=Money(0, payment.currency))


def _came_back(desk: Desk) -> frozenset[RecordKey]:
    """The BigTime rows that the rules hold for a credit which QuickBooks put on the same invoice."""
    pairs = (pair for case in desk.cases.values() for pair in case.pairs)
    return frozenset(
        row.history.key
        for pair in pairs
        if any(line.funding is not Funding.CASH for line in pair.lines)
        for row in pair.rows
    )


def _last_payment(history: History) -> Payment | None:
    contents = (version.content for version in reversed(history.versions))
    return next((content for content in contents if isinstance(content, Payment)), None)


def _bigtime_rows(opened: OpenBook, history: History, client: str) -> Iterator[ActivityRow]:
    """Two rows for each change of what a BigTime row puts on its invoice: what gave or took it, and its use."""
    before, said = 0, _last_payment(history)
    for version in history.versions:
        content = version.content if isinstance(version.content, Payment) else None
        said = content or said
        after = sum(line.amount_minor for line in content.lines) if content and not content.voided else 0
        change, before = after - before, after
        if change == 0 or said is None:
            continue
        is_first = version.sequence == 1
        given = OccasionKind.ISSUED if is_first else OccasionKind.EDITED if content else OccasionKind.VOIDED
        booked_on = said.applied_on or said.paid_on
        row = ActivityRow(
            date=booked_on if is_first else opened.scope.day_of(version.observed_at),
            client=opened.client_name(client),
            occasion=str(given),
            origin=str(Origin.BIGTIME_CLIENT_CREDIT),
            source=f"payment {said.payment_id or history.key.id}",
            invoice="",
            original=Money(change, said.currency),
            current=Money(0, said.currency),
            currency=said.currency,
            booked_on=booked_on,
            known_at=version.observed_at,
            earliest=version.absent_before,
            latest=version.observed_at,
            automatic=False,
            records=(Evidence(history.key, version.sha256),),
        )
        used = OccasionKind.APPLIED if change > 0 else OccasionKind.UNAPPLIED
        targets = [RecordKey(System.BIGTIME, Kind.INVOICE, line.target_id) for line in said.lines]
        yield row
        yield msgspec.structs.replace(
            row, occasion=str(used), invoice=opened.labels(targets), original=Money(-change, said.currency)
        )


_GIVERS = {
    Origin.CREDIT_MEMO: "a credit memo",
    Origin.OVERPAYMENT: "an overpayment",
    Origin.PREPAYMENT: "a prepayment",
    Origin.JOURNAL_ENTRY: "a journal entry",
    Origin.ADJUSTMENT: "an adjustment",
    Origin.BIGTIME_CLIENT_CREDIT: "a BigTime client credit",
    Origin.LINE_REMOVED_AFTER_PAYMENT: "a line that was taken off a paid invoice",
    Origin.DISCOUNT_AFTER_PAYMENT: "a discount on a paid invoice",
    Origin.UNKNOWN: "an unknown occasion",
}
_USES = {
    OccasionKind.APPLIED: "was used on",
    OccasionKind.UNAPPLIED: "was taken back from",
    OccasionKind.REFUNDED: "was refunded with",
}


def _total(client: str, sources: list[_Source]) -> ActivityTotal:
    currency = sources[0].left.currency
    balance = Money(sum(source.left.minor for source in sources), currency)
    return ActivityTotal(
        currency=currency, client=client, credit_balance=balance, answer=tuple(_answer(client, balance, sources))
    )


def _answer(client: str, balance: Money, sources: list[_Source]) -> Iterator[str]:
    """The occasions of what is left, each in a sentence; without ids, so that it can be shown to the client."""
    open_ones = [source for source in sources if not source.left.is_zero]
    if not open_ones:
        yield f"{client} has no credit in {balance.currency}."
        return
    yield f"{client} has a credit of {spoken(balance)}, because:"
    for source in sorted(open_ones, key=lambda one: (one.rows[0].date or date.min if one.rows else date.min, one.key)):
        given = [row for row in source.rows if row.occasion == OccasionKind.ISSUED]
        yield f"- {'; '.join([*map(_gave, given), *_uses(source)])}. Of it {spoken(source.left)} is left."


def _gave(row: ActivityRow) -> str:
    on = f"On {row.date.isoformat()}" if row.date else "At an unknown date"
    off = f", taken off {row.invoice}," if row.invoice else ""
    return f"{on}, {_GIVERS[Origin(row.origin)]} ({row.source}){off} gave {spoken(row.original)}"


def _uses(source: _Source) -> Iterator[str]:
    for row in source.rows:
        kind = OccasionKind(row.occasion)
        on = f" on {row.date.isoformat()}" if row.date else ""
        if kind is OccasionKind.REFUNDED and not row.original.is_negative:
            yield f"the refund of {spoken(row.original)} with {row.invoice} was taken back{on}"
        elif kind in _USES:
            yield f"{spoken(abs(row.original))} {_USES[kind]} {row.invoice or 'another charge'}{on}"
        elif kind is not OccasionKind.ISSUED:
            less = "less" if row.original.is_negative else "more"
            what = "voided" if kind is OccasionKind.VOIDED else "changed"
            yield f"it was {what}{on}: {spoken(abs(row.original))} {less}"
