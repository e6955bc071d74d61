"""Hold the findings of a history against what was planted in it.

A mistake counts as found when one finding has its code, names its invoice (or its client, or nobody for one that
concerns the company) and states its claim and its exposure. Every other finding above S4 is a false alarm, unless it
says a fact of the books that is no mistake of its own: `stated_facts`.
"""

from collections.abc import Iterable, Iterator, Sequence
from datetime import date, timedelta
from decimal import Decimal

import msgspec

from connectors.sandbox.bigtime_rows import due_cents
from connectors.sandbox.story_decoys import PlantedDecoy
from connectors.sandbox.story_mistakes import Corrected, PlantedMistake
from connectors.sandbox.world import World
from mappings.findings import Finding, Severity
from mappings.money import format_amount

_STALE, _UNCLAIMED = timedelta(days=30), timedelta(days=180)
Fact = tuple[str, str]


class Seen(msgspec.Struct, frozen=True, kw_only=True):
    """What one run of the worker said, what had been planted and put right by then, and what the books held.

    `residuals` are those of the tie-out, per currency, in minor units.
    """

    on: date
    complete: bool
    findings: tuple[Finding, ...]
    residuals: tuple[int, ...]
    mistakes: tuple[PlantedMistake, ...]
    corrected: tuple[Corrected, ...]
    facts: frozenset[Fact]


class Judgement(msgspec.Struct, frozen=True, kw_only=True):
    """How one history was judged. `false_alarms` come with the day of the first run that said them."""

    planted: tuple[PlantedMistake, ...]
    found: tuple[PlantedMistake, ...]
    missed: tuple[PlantedMistake, ...]
    false_alarms: tuple[tuple[date, Finding], ...]
    consequence_count: int
    run_count: int
    incomplete_count: int
    residual_count: int


def judge(runs: Sequence[Seen]) -> Judgement:
    """What was found and missed at the end of a history, and what any of its runs said without a reason.

    A mistake that was put right has to be found before that, and no finding may speak of it at the end.
    """
    last = runs[-1]
    gone = {id(each.mistake) for each in last.corrected}
    standing = [each for each in last.mistakes if id(each) not in gone]
    found, left = _pair(standing, last.findings)
    found += [each.mistake for each in last.corrected if _was_seen(each, runs)]
    alarms = {
        finding.fingerprint: (last.on, finding)
        for finding in left
        if finding.severity is not Severity.S4 and not _facts_of(finding) & last.facts
    }
    for run in runs[:-1]:
        for finding in run.findings:
            if not _is_explained(finding, run):
                alarms.setdefault(finding.fingerprint, (run.on, finding))
    known = {id(each) for each in found}
    return Judgement(
        planted=last.mistakes,
        found=tuple(found),
        missed=tuple(each for each in last.mistakes if id(each) not in known),
        false_alarms=tuple(alarms.values()),
        consequence_count=sum(bool(_facts_of(finding) & last.facts) for finding in left),
        run_count=len(runs),
        incomplete_count=sum(not run.complete for run in runs),
        residual_count=sum(any(run.residuals) for run in runs if run.complete),
    )


def _pair(
    mistakes: Iterable[PlantedMistake], findings: Iterable[Finding]
) -> tuple[list[PlantedMistake], list[Finding]]:
    """Mistakes that have a finding of their own, and the findings that nobody took."""
    left, found = list(findings), []
    for mistake in mistakes:
        match = next((finding for finding in left if _tells(finding, mistake)), None)
        if match is not None:
            left.remove(match)
            found.append(mistake)
    return found, left


def names(finding: Finding, mistake: PlantedMistake) -> bool:
    """Whether a finding has the mistake's code and speaks of its invoice, its client or the company."""
    if finding.code != mistake.code:
        return False
    if mistake.invoice:
        return finding.invoice is not None and finding.invoice.number in {mistake.invoice, *mistake.others}
    return finding.client.quickbooks == mistake.customer


def _tells(finding: Finding, mistake: PlantedMistake) -> bool:
    return (
        names(finding, mistake)
        and _amount(finding.claim_minor, finding) == (mistake.claim or 0)
        and _amount(finding.exposure_minor, finding) == abs(mistake.amount)
    )


def _amount(minor: int, finding: Finding) -> Decimal:
    return Decimal(format_amount(minor, finding.currency or "USD"))


def _was_seen(corrected: Corrected, runs: Sequence[Seen]) -> bool:
    return any(
        corrected.mistake in run.mistakes
        and corrected not in run.corrected
        and any(_tells(finding, corrected.mistake) for finding in run.findings)
        for run in runs
    )


def _is_explained(finding: Finding, run: Seen) -> bool:
    """Whether something that had happened by then is a reason for a finding; its figures may still move."""
    return (
        finding.severity is Severity.S4
        or any(names(finding, mistake) for mistake in run.mistakes)
        or bool(_facts_of(finding) & run.facts)
    )


def _facts_of(finding: Finding) -> frozenset[Fact]:
    """The facts that would be reason enough for a finding."""
    if finding.invoice is not None:
        return frozenset({(finding.code, finding.invoice.number)})
    return frozenset({(finding.code, finding.client.quickbooks)})


def stated_facts(world: World, today: date) -> frozenset[Fact]:
    """What is so in the books, and is a finding by its definition whoever brought it about.

    F1: BigTime shows less than nothing on an invoice. C1: what is left of a payment is open for more than 30 days; F5:
    that is so for more than 180, or a credit memo for more than 30. F4: a client has an open credit and an overdue
    invoice. All straight from the ledgers.
    """
    return frozenset({*_negative_balances(world), *_old_credits(world, today), *_credit_beside_debt(world, today)})


def _negative_balances(world: World) -> Iterator[Fact]:
    ledger = world.bigtime
    yield from (("F1", each.number) for each in ledger.invoices.values() if due_cents(each, ledger.switches) < 0)


def _open_credits(world: World) -> Iterator[tuple[str, str, date]]:
    """Kind, customer and day of each credit with something left."""
    for payment in world.quickbooks.objects("Payment"):
        if Decimal(str(payment["UnappliedAmt"])) > 0:
            yield "C1", payment["CustomerRef"]["value"], date.fromisoformat(payment["TxnDate"])
    for memo in world.quickbooks.objects("CreditMemo"):
        if Decimal(str(memo["Balance"])) > 0:
            yield "C2", memo["CustomerRef"]["value"], date.fromisoformat(memo["TxnDate"])


def _old_credits(world: World, today: date) -> Iterator[Fact]:
    for code, customer, on in _open_credits(world):
        if today - on > _STALE:
            yield ("F5" if code == "C2" else code), customer
        if today - on > _UNCLAIMED:
            yield "F5", customer


def _credit_beside_debt(world: World, today: date) -> Iterator[Fact]:
    overdue = {
        invoice["CustomerRef"]["value"]
        for invoice in world.quickbooks.objects("Invoice")
        if Decimal(str(invoice["Balance"])) > 0 and date.fromisoformat(invoice["DueDate"]) < today
    }
    yield from (("F4", customer) for _, customer, _ in _open_credits(world) if customer in overdue)


def false_alarms_on_decoys(judgement: Judgement, decoys: Iterable[PlantedDecoy]) -> tuple[Finding, ...]:
    """The false alarms that speak of an invoice on which something only looked wrong."""
    numbers = {number for decoy in decoys for number in (decoy.invoice, *decoy.others)} - {""}
    return tuple(
        finding
        for _, finding in judgement.false_alarms
        if finding.invoice is not None and finding.invoice.number in numbers
    )
