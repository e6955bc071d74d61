"""BigTime against QuickBooks: what each says is open, client by client, what the findings explain, and the findings.

The rules look at the books as they were read at one moment, and never at results that were stored later. Pure.
"""

from collections import defaultdict
from collections.abc import Iterator, Mapping
from datetime import datetime

import msgspec

from mappings.findings import ClientRef, Evidence, Finding, FindingStatus, TieLine
from mappings.model import Book, Client, Invoice, Kind, System
from mappings.money import Money
from mappings.records import FindingLife
from sync.reports.opened import ONLY_BIGTIME, wanted_customers
from sync.reports.report import Report
from sync.reports.scope import Scope
from sync.reports.words import spoken
from sync.rules.evaluate import evaluate_book
from sync.rules.moment import Moment

_NAMES = {System.BIGTIME: "BigTime", System.QUICKBOOKS: "QuickBooks"}
AMOUNTS = ("bigtime_balance", "quickbooks_balance", "difference", "explained", "residual", "gross_difference")


class TieOutRow(msgspec.Struct, frozen=True, kw_only=True):
    """The invoices of one client that both systems have, in one currency: difference = explained + residual.

    `gross_difference` adds the sizes of the single differences, so that +1,000 and -1,000 do not pass for nothing.
    """

    client: str
    invoices: int
    bigtime_balance: Money
    quickbooks_balance: Money
    difference: Money
    explained: Money
    residual: Money
    currency: str
    gross_difference: Money
    bigtime: str
    quickbooks: str


class TieOutTotal(msgspec.Struct, frozen=True, kw_only=True):
    """All clients in one currency."""

    currency: str
    invoices: int
    bigtime_balance: Money
    quickbooks_balance: Money
    difference: Money
    explained: Money
    residual: Money
    gross_difference: Money


class FindingRow(msgspec.Struct, frozen=True, kw_only=True):
    """A finding that was open; `status` and `since` are as known when the report is told.

    `claim` is its part of BigTime - QuickBooks, `exposure` the money at stake. `finding` is its id, "" when no run had
    judged it yet.
    """

    severity: str
    code: str
    what: str
    client: str
    invoice: str
    claim: Money
    exposure: Money
    currency: str
    status: str
    since: datetime | None
    finding: str
    proof: str
    incident: str
    explanation: str
    records: tuple[Evidence, ...]


class FindingTotal(msgspec.Struct, frozen=True, kw_only=True):
    """What the findings explain in one currency."""

    currency: str
    claim: Money


class PastReading(msgspec.Struct, frozen=True, kw_only=True):
    """When the books that are compared had been read, and what could not be read then."""

    moment: Moment
    gaps: tuple[str, ...] = ()


class TyingOut:
    """Gathers the tie-out of the scope's last moment, book by book, each as it had been read.

    `reading` None: none is near enough, and there is nothing to say. `lives` are what people call the findings
    and what had become of them by `scope.as_of`, by fingerprint.
    """

    def __init__(self, scope: Scope, reading: PastReading | None, lives: Mapping[str, FindingLife]) -> None:
        self._asked = scope
        self._moment = reading.moment if reading else None
        self._gaps = reading.gaps if reading else ()
        self._lives = lives
        self._lines: defaultdict[tuple[ClientRef, str], list[TieLine]] = defaultdict(list)
        self._findings: list[Finding] = []
        self._customers: dict[str, str] = {}
        self._alone: defaultdict[tuple[System, str], list[int]] = defaultdict(list)

    def add(self, book: Book) -> None:
        """Take what the rules say of a book."""
        assert self._moment is not None
        wanted = wanted_customers(book, self._asked.client) if self._asked.client else None
        if wanted is not None and not wanted:
            return
        result = evaluate_book(book, self._moment)
        for line in result.tie_lines:
            if self._shows(line.client, line.currency, wanted):
                self._lines[line.client, line.currency].append(line)
        self._findings += [each for each in result.findings if self._shows(each.client, each.currency, wanted)]
        both = {(System.BIGTIME, line.invoice.bigtime) for line in result.tie_lines}
        both |= {(System.QUICKBOOKS, line.invoice.quickbooks) for line in result.tie_lines}
        for history in book.histories:
            key, content = history.key, history.content
            if key.kind is Kind.CUSTOMER and isinstance(content, Client):
                self._customers[key.id] = content.name
            elif isinstance(content, Invoice) and (key.system, key.id) not in both:
                self._add_alone(key.system, content)

    def _add_alone(self, system: System, invoice: Invoice) -> None:
        """Remember what is open on an invoice that the other system does not have."""
        minor = invoice.balance_minor or 0
        if minor != 0 and not invoice.is_draft and self._asked.wants(invoice.currency):
            self._alone[system, invoice.currency].append(minor)

    def _name(self, client: ClientRef) -> str:
        """The client as the other reports of the pack call him: as QuickBooks does."""
        name = self._customers.get(client.quickbooks) or client.name
        return name or (f"client {client.bigtime}" if client.bigtime else f"customer {client.quickbooks}")

    def _shows(self, client: ClientRef, currency: str, wanted: frozenset[str] | None) -> bool:
        ids = {client.quickbooks, f"{ONLY_BIGTIME}{client.bigtime}"}
        return self._asked.wants(currency) and (wanted is None or not ids.isdisjoint(wanted))

    def reports(self) -> tuple[Report, Report]:
        """The tie-out by client, and the findings, the most urgent first."""
        return self._tie_out(), self._open_findings()

    @property
    def _scope(self) -> Scope:
        return msgspec.structs.replace(self._asked, as_of=self._moment.now) if self._moment else self._asked

    def _tie_out(self) -> Report:
        rows = sorted(
            (_row(self._name(client), client, currency, lines) for (client, currency), lines in self._lines.items()),
            key=lambda row: (row.client.casefold(), row.client, row.bigtime, row.quickbooks, row.currency),
        )
        totals = tuple(_total(rows, currency) for currency in sorted({row.currency for row in rows}))
        shown = tuple(row for row in rows if any(getattr(row, name).minor != 0 for name in AMOUNTS))
        return Report(
            name="tie-out-by-client",
            title="BigTime against QuickBooks",
            scope=self._scope,
            row_type=TieOutRow,
            rows=shown,
            totals=totals,
            lines=(
                *self._told_when(),
                *_told_residual(totals),
                *self._told_alone(),
                *_told_settled(len(rows) - len(shown)),
            ),
        )

    def _told_when(self) -> Iterator[str]:
        """As of which reading this is, and what cannot be known where that is another moment than was asked for."""
        asked, moment = self._asked, self._moment
        if moment is None:
            yield (
                f"Nothing is compared: the two systems were not read within a month of {self._end}, and neither tells "
                "what it showed at a moment of the past."
            )
            return
        yield f"The invoices that both systems had when they were last read, by {_minute(moment.now)}."
        yield from (f"That reading was incomplete: {gap}" for gap in self._gaps)
        if moment.quickbooks_read_at is not None:
            yield "QuickBooks could not be read then: what BigTime had shown since is not compared (G4)."
        if moment.now > asked.ends_at or moment.today < asked.day:
            yield (
                f"This is the reading nearest to {self._end}: nothing was read on that day, and neither system tells "
                "what it showed at a moment of the past."
            )

    def _told_alone(self) -> Iterator[str]:
        """What is open on invoices that only one system has, unless one client is asked for."""
        parts = [
            f"{spoken(Money(sum(amounts), currency))} on {len(amounts)} {_NAMES[system]} "
            f"invoice{'' if len(amounts) == 1 else 's'}"
            for (system, currency), amounts in sorted(self._alone.items())
        ]
        if parts and not self._asked.client:
            yield f"Open and not compared, because only one system has it: {'; '.join(parts)}."

    @property
    def _end(self) -> str:
        """The moment that was asked for, as people say it."""
        asked = self._asked
        return f"the end of {asked.last}" if asked.is_over else _minute(asked.as_of)

    def _open_findings(self) -> Report:
        findings = sorted(self._findings, key=lambda each: (each.severity, -each.exposure_minor, each.fingerprint))
        currencies = sorted({finding.currency for finding in findings})
        rows = tuple(self._finding_row(finding) for finding in findings)
        return Report(
            name="open-findings",
            title="Findings that were open",
            scope=self._scope,
            row_type=FindingRow,
            rows=rows,
            totals=tuple(_claimed(rows, currency) for currency in currencies),
            lines=self._told_gone(rows),
        )

    def _told_gone(self, rows: tuple[FindingRow, ...]) -> tuple[str, ...]:
        gone = sum(row.status == FindingStatus.RESOLVED for row in rows)
        if not gone:
            return ()
        return (f"{gone} of {len(rows)} had been resolved by {_minute(self._asked.as_of)}.",)

    def _finding_row(self, finding: Finding) -> FindingRow:
        assert self._moment is not None
        life = self._lives.get(finding.fingerprint)
        is_earlier = life is not None and life.status is FindingStatus.RESOLVED and life.since <= self._moment.now
        return FindingRow(
            severity=str(finding.severity),
            code=finding.code,
            what=finding.title,
            client=self._name(finding.client) if finding.client.bigtime or finding.client.quickbooks else "",
            invoice=finding.invoice.number if finding.invoice else "",
            claim=Money(finding.claim_minor, finding.currency),
            exposure=Money(finding.exposure_minor, finding.currency),
            currency=finding.currency,
            status=str(FindingStatus.OPEN if life is None or is_earlier else life.status),
            since=None if life is None or is_earlier else life.since,
            finding=life.id if life else "",
            proof=str(finding.proof),
            incident=finding.incident,
            explanation=finding.explanation,
            records=tuple(dict.fromkeys(finding.evidence)),
        )


def _row(name: str, client: ClientRef, currency: str, lines: list[TieLine]) -> TieOutRow:
    def added(name: str) -> Money:
        return Money(sum(getattr(line, name) for line in lines), currency)

    return TieOutRow(
        client=name,
        invoices=len(lines),
        bigtime_balance=added("bigtime_minor"),
        quickbooks_balance=added("quickbooks_minor"),
        difference=added("difference_minor"),
        explained=added("claimed_minor"),
        residual=added("residual_minor"),
        currency=currency,
        gross_difference=Money(sum(abs(line.difference_minor) for line in lines), currency),
        bigtime=client.bigtime,
        quickbooks=client.quickbooks,
    )


def _total(rows: list[TieOutRow], currency: str) -> TieOutTotal:
    mine = [row for row in rows if row.currency == currency]
    sums = {name: Money(sum(getattr(row, name).minor for row in mine), currency) for name in AMOUNTS}
    return TieOutTotal(currency=currency, invoices=sum(row.invoices for row in mine), **sums)


def _claimed(rows: tuple[FindingRow, ...], currency: str) -> FindingTotal:
    minor = sum(row.claim.minor for row in rows if row.currency == currency)
    return FindingTotal(currency=currency, claim=Money(minor, currency))


def _told_residual(totals: tuple[TieOutTotal, ...]) -> tuple[str, ...]:
    return tuple(
        f"{spoken(total.residual)} of the difference is explained by no finding."
        for total in totals
        if total.residual.minor != 0
    )


def _told_settled(count: int) -> tuple[str, ...]:
    if not count:
        return ()
    whose = "One client" if count == 1 else f"{count} clients"
    return (f"{whose} with nothing open in either system {'is' if count == 1 else 'are'} left out.",)


def _minute(moment: datetime) -> str:
    return f"{moment:%Y-%m-%d %H:%M} UTC"
