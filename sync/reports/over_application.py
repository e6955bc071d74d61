"""Credit on an invoice above what was open of it: an error to be mended, never a larger figure.

Source: `domain/applied-balance.txt` ("Credits can only be applied up to the invoice amount").
"""

from collections import defaultdict
from collections.abc import Iterator
from datetime import datetime

import msgspec

from mappings.model import History, Invoice, Kind, Payment, RecordKey
from sync.reports.occasions import Occasion
from sync.reports.opened import OpenBook

# What names an occasion within its book.
Name = tuple[RecordKey, int, RecordKey, tuple[RecordKey, ...], str]


class _Event(msgspec.Struct, frozen=True, kw_only=True):
    """Credit or money that was put on an invoice (> 0) or taken back; `name` is None for money."""

    at: datetime
    minor: int
    name: Name | None


def name_of(occasion: Occasion) -> Name:
    """What names an occasion within its book."""
    return (occasion.record, occasion.sequence, occasion.source, occasion.targets, str(occasion.kind))


def over_applications(opened: OpenBook) -> dict[Name, int]:
    """How much of each application, and of each un-application, was above what the invoice had open; never < 0.

    Whoever came last is above. An un-application gives back first what was too much. Where a payment does not say
    which of several invoices it credits, nothing can be said.
    """
    excess: dict[Name, int] = {}
    events = _events_by_invoice(opened)
    for history in opened.quickbooks(Kind.INVOICE):
        mine = events.get(history.key)
        invoice = history.content
        if not mine or not isinstance(invoice, Invoice):
            continue
        if sum(event.minor for event in mine if event.minor > 0) > invoice.total_minor - invoice.deposit_minor:
            excess.update(_walk(mine, largest=_largest(history), present=invoice.total_minor - invoice.deposit_minor))
    return excess


def _events_by_invoice(opened: OpenBook) -> dict[RecordKey, list[_Event]]:
    events: defaultdict[RecordKey, list[_Event]] = defaultdict(list)
    credited: defaultdict[tuple[RecordKey, RecordKey], int] = defaultdict(int)
    for occasion in opened.occasions:
        if occasion.is_application:
            for target in occasion.targets:
                credited[occasion.record, target] -= occasion.amount_minor
            if len(occasion.targets) == 1:
                at = occasion.latest or occasion.known_at
                events[occasion.targets[0]].append(_Event(at=at, minor=-occasion.amount_minor, name=name_of(occasion)))
    for one in opened.ledger.applications:
        money = one.amount_minor - credited[one.payment, one.target]
        if money > 0 and one.target.kind is Kind.INVOICE:
            events[one.target].append(_Event(at=_made_at(opened, one.payment), minor=money, name=None))
    return events


def _made_at(opened: OpenBook, payment: RecordKey) -> datetime:
    """When money came to be there; a date in the books can be chosen, and says nothing about what came first."""
    first = opened.histories[payment].first
    made = first.content.created_at if isinstance(first.content, Payment) else None
    return made or first.observed_at


def _largest(history: History) -> int:
    """The most that an invoice ever was for: an application stood below it when the invoice was lowered later."""
    contents = (version.content for version in history.versions)
    return max(each.total_minor - each.deposit_minor for each in contents if isinstance(each, Invoice))


def _walk(events: list[_Event], *, largest: int, present: int) -> Iterator[tuple[Name, int]]:
    """The excess of each event of one invoice, in their order in time; money of the same moment comes before credit."""
    ordered = sorted(events, key=lambda event: (event.at, event.name is not None))
    level, above = 0, 0
    found: dict[Name, int] = {}
    for event in ordered:
        level += event.minor
        is_put = event.minor > 0
        part = max(0, min(event.minor, level - above - largest)) if is_put else min(above, -event.minor)
        above += part if is_put else -part
        if event.name is not None and part:
            found[event.name] = part
    rest = level - above - present
    for event in reversed(ordered):
        if rest <= 0:
            break
        part = min(rest, max(0, event.minor) - (found.get(event.name, 0) if event.name else 0))
        rest -= part
        if event.name is not None and part > 0:
            found[event.name] = found.get(event.name, 0) + part
    yield from found.items()
