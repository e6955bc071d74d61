"""The demonstration: a firm's story told day by day, the real worker run each evening, and what it caught."""

from collections.abc import Iterable, Iterator, Sequence
from datetime import date

import msgspec

from config.settings import CompanySettings
from connectors.sandbox.serving import ServedWorld
from connectors.sandbox.story import Story
from connectors.sandbox.story_decoys import PlantedDecoy
from connectors.sandbox.story_mistakes import PlantedMistake
from mappings.findings import Severity
from mappings.records import StoredFinding
from sync.app import Application
from sync.reporting import RunReport
from sync.work import unwatched


class Evening(msgspec.Struct, frozen=True, kw_only=True):
    """One day of the story. `happened` is what people did, `mistakes` which of it was wrong; `news` are findings
    that were not there the evening before.
    """

    day: date
    happened: tuple[str, ...]
    mistakes: tuple[PlantedMistake, ...]
    decoys: tuple[PlantedDecoy, ...]
    report: RunReport
    news: tuple[StoredFinding, ...]


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


def false_alarms(caught: Iterable[Caught], findings: Iterable[StoredFinding]) -> tuple[StoredFinding, ...]:
    """Findings above S4 that no planted mistake accounts for.

    A mistake that frees a credit puts it beside the client's overdue invoices: F4 for the same client follows from it.
    """
    named = [each.finding for each in caught if each.finding is not None]
    used = {stored.id for stored in named}
    clients = {stored.finding.client.quickbooks for stored in named}
    return tuple(
        stored
        for stored in findings
        if stored.id not in used
        and stored.finding.severity is not Severity.S4
        and not (stored.finding.code == "F4" and stored.finding.client.quickbooks in clients)
    )
