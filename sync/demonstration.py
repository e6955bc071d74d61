"""The demonstration: a firm's story told day by day, the real worker run each evening, and what it caught."""

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from datetime import date
from decimal import Decimal
from typing import Any

import msgspec

from config.settings import CompanySettings
from connectors.sandbox.serving import ServedWorld
from connectors.sandbox.story import Story
from connectors.sandbox.story_decoys import PlantedDecoy
from connectors.sandbox.story_mistakes import PlantedMistake
from connectors.sandbox.world import World
from mappings.model import System
from mappings.records import StoredFinding
from sync.app import Application
from sync.reporting import RunReport
from sync.work import unwatched


class Evening(msgspec.Struct, frozen=True, kw_only=True):
    """One day of the story. `happened` is what people did, `mistakes` which of it was wrong; `news` are findings
    that were not there on any evening before. `borne_out` are those of them that only say that a credit is open, and
    the simulated books say the same, to the cent.
    """

    day: date
    happened: tuple[str, ...]
    mistakes: tuple[PlantedMistake, ...]
    decoys: tuple[PlantedDecoy, ...]
    report: RunReport
    news: tuple[StoredFinding, ...]
    borne_out: tuple[StoredFinding, ...]


class Caught(msgspec.Struct, frozen=True, kw_only=True):
    """A planted mistake and the finding that names it; None when there is none."""

    mistake: PlantedMistake
    finding: StoredFinding | None
    first_seen: date | None


def connect(application: Application, company: CompanySettings, served: ServedWorld) -> None:
    """Connect the simulated QuickBooks as `tieout connect quickbooks --refresh-token -` does."""
    access = application.access(company)
    access.save_quickbooks_tokens(access.authority().refresh(served.connect().refresh_token))


def live_through(story: Story, served: ServedWorld, application: Application) -> Iterator[Evening]:
    """Tell the story and run the worker each evening; it is connected after the history, and then runs first."""
    company = application.settings.company(None)
    known: frozenset[str] = frozenset()
    while not story.is_finished:
        is_first = story.days_told < 0
        before, decoys_before = len(story.planted), len(story.decoys)
        happened = story.advance(served.world)
        if is_first:
            connect(application, company, served)
        with application.hold(company, unwatched) as worker:
            report = worker.reconcile()
        news = tuple(stored for stored in report.findings if stored.finding.fingerprint not in known)
        known |= {stored.finding.fingerprint for stored in report.findings}
        yield Evening(
            day=served.world.clock.now().date(),
            happened=tuple(happened),
            mistakes=tuple(story.planted[before:]),
            decoys=tuple(story.decoys[decoys_before:]),
            report=report,
            news=news,
            borne_out=borne_out(news, served.world),
        )


def match_mistakes(planted: Sequence[PlantedMistake], findings: Sequence[StoredFinding]) -> tuple[Caught, ...]:
    """Each planted mistake with a finding of its code on one of its invoices; a finding is used once."""
    left = list(findings)
    caught = []
    for mistake in planted:
        numbers = {mistake.invoice, *mistake.others}
        found = next((stored for stored in left if _names(stored, mistake.code, numbers)), None)
        if found is not None:
            left.remove(found)
        caught.append(
            Caught(mistake=mistake, finding=found, first_seen=found.first_seen.date() if found is not None else None)
        )
    return tuple(caught)


def _names(stored: StoredFinding, code: str, numbers: set[str]) -> bool:
    finding = stored.finding
    return finding.code == code and finding.invoice is not None and finding.invoice.number in numbers


def false_alarms(caught: Iterable[Caught], evenings: Iterable[Evening]) -> tuple[StoredFinding, ...]:
    """Whatever was found on any evening, of any severity, that no planted mistake accounts for and that is not borne
    out by the simulated books.

    That an application is on its way to BigTime (G4) is accounted for by the mistake that keeps it from arriving.
    """
    named = [each.finding.id for each in caught if each.finding is not None]
    invoices = {number for each in caught for number in (each.mistake.invoice, *each.mistake.others)}
    return tuple(
        stored
        for evening in evenings
        for stored in evening.news
        if stored.id not in named and stored not in evening.borne_out and not _names(stored, "G4", invoices)
    )


def borne_out(findings: Sequence[StoredFinding], world: World) -> tuple[StoredFinding, ...]:
    """The findings that say that a credit is open, where the simulated books say so, too."""
    if not findings:
        return ()
    books, today = world.quickbooks, world.clock.now().date().isoformat()
    payments = {row["Id"]: row for row in books.objects("Payment")}
    memos = {row["Id"]: row for row in books.objects("CreditMemo")}
    unapplied, left = _by_customer(payments.values(), "UnappliedAmt"), _by_customer(memos.values(), "RemainingCredit")
    overdue = _by_customer([row for row in books.objects("Invoice") if row["DueDate"] < today], "Balance")

    def is_so(stored: StoredFinding) -> bool:
        finding = stored.finding
        exposure = Decimal(finding.exposure_minor).scaleb(-2)
        if finding.code == "F4":
            customer = finding.client.quickbooks
            return exposure == min(unapplied[customer] + left[customer], overdue[customer])
        named = {"C1": (payments, "UnappliedAmt"), "C2": (memos, "RemainingCredit")}.get(finding.code)
        if named is None:
            return False
        rows, field = named
        ids = [each.key.id for each in finding.evidence if each.key.system is System.QUICKBOOKS]
        return any(exposure == rows[id_][field] for id_ in ids if id_ in rows)

    return tuple(stored for stored in findings if is_so(stored))


def _by_customer(rows: Iterable[dict[str, Any]], field: str) -> Counter[str]:
    sums: Counter[str] = Counter()
    for row in rows:
        sums[row["CustomerRef"]["value"]] += row[field]
    return sums
