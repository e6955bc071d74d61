"""Credit on an invoice above what was open of it: an error to be mended, never a larger figure.

Source: `domain/applied-balance.txt` ("Credits can only be applied up to the invoice amount").
"""

from collections import defaultdict
from collections.abc import Iterator
from datetime import datetime, timedelta

import msgspec

from mappings.model import History, Invoice, Kind, Payment, RecordKey
from sync.reports.occasions import Occasion
from sync.reports.opened import OpenBook

_NEXT = timedelta.resolution
# What names an occasion within its book.
Name = tuple[RecordKey, int, RecordKey, tuple[RecordKey, ...], str]


class _Event(msgspec.Struct, frozen=True, kw_only=True):
    """Credit that was put on an invoice (> 0) or taken back, or money that stands on it.

    `name` is None for money, and for what was taken back from one of several invoices.
    """

    at: datetime
    minor: int
    is_money: bool = False
    name: Name | None = None


class _Placed(msgspec.Struct, kw_only=True):
    """What happened on one invoice, and what stands on it now, money included."""

    events: list[_Event]
    standing_minor: int = 0


def name_of(occasion: Occasion) -> Name:
    """What names an occasion within its book."""
    return (occasion.record, occasion.sequence, occasion.source, occasion.targets, str(occasion.kind))


def over_applications(opened: OpenBook) -> dict[Name, int]:
    """How much of each application, and of each un-application, was above what the invoice had open; never < 0.

    Whoever came last is above. An un-application gives back first what was too much. Only what is certain is said: an
    application is taken to be as late, an un-application as early as it can have been, and where a payment does not
    say which of several invoices it credits, it says nothing here.
    """
    excess: dict[Name, int] = {}
    placed = _placed_on_invoices(opened)
    for history in opened.quickbooks(Kind.INVOICE):
        mine = placed.get(history.key)
        invoice = history.content
        if mine is None or not isinstance(invoice, Invoice):
            continue
        present = invoice.total_minor - invoice.deposit_minor
        if sum(event.minor for event in mine.events if event.minor > 0) > present:
            excess.update(_walk(mine, largest=_largest(history), present=present))
    return excess


def _placed_on_invoices(opened: OpenBook) -> dict[RecordKey, _Placed]:
    placed: defaultdict[RecordKey, _Placed] = defaultdict(lambda: _Placed(events=[]))
    credited: defaultdict[tuple[RecordKey, RecordKey], int] = defaultdict(int)
    for occasion in opened.occasions:
        if not occasion.is_application:
            continue
        is_clear, is_back = len(occasion.targets) == 1, occasion.amount_minor > 0
        latest = occasion.latest or occasion.known_at
        at = occasion.earliest + _NEXT if is_back and occasion.earliest else latest  # it came after `earliest`
        for target in occasion.targets:
            credited[occasion.record, target] -= occasion.amount_minor
            if is_clear or is_back:
                name = name_of(occasion) if is_clear else None
                placed[target].events.append(_Event(at=at, minor=-occasion.amount_minor, name=name))
    for one in opened.ledger.applications:
        if one.target.kind is Kind.INVOICE:
            placed[one.target].standing_minor += one.amount_minor
            money = one.amount_minor - credited[one.payment, one.target]
            if money > 0:
                at = _made_at(opened, one.payment)
                placed[one.target].events.append(_Event(at=at, minor=money, is_money=True))
    return placed


def _made_at(opened: OpenBook, payment: RecordKey) -> datetime:
    """When money came to be there; a date in the books can be chosen, and says nothing about what came first."""
    first = opened.histories[payment].first
    made = first.content.created_at if isinstance(first.content, Payment) else None
    return made or first.observed_at


def _largest(history: History) -> int:
    """The most that an invoice ever was for: an application stood below it when the invoice was lowered later."""
    contents = (version.content for version in history.versions)
    return max(each.total_minor - each.deposit_minor for each in contents if isinstance(each, Invoice))


def _walk(placed: _Placed, *, largest: int, present: int) -> Iterator[tuple[Name, int]]:
    """The excess of each event of one invoice.

    Credits alone are followed through time, against the most that the invoice ever was for. Money is known as it
    stands now: it counts against what stands now, where the latest are above.
    """
    ordered = sorted(placed.events, key=lambda event: (event.at, event.minor > 0, not event.is_money))
    level, above = 0, 0
    found: defaultdict[Name, int] = defaultdict(int)
    for event in ordered:
        if event.is_money:
            continue
        level = max(0, level + event.minor)
        is_put = event.minor > 0
        part = max(0, min(event.minor, level - above - largest)) if is_put else min(above, -event.minor)
        above += part if is_put else -part
        if event.name:
            found[event.name] += part
    _blame_the_latest(ordered, placed.standing_minor - above - present, found)
    yield from ((name, part) for name, part in found.items() if part)


def _blame_the_latest(ordered: list[_Event], rest: int, found: defaultdict[Name, int]) -> None:
    """Lay what stands above the invoice now on what came last and still stands."""
    returned: defaultdict[RecordKey, int] = defaultdict(int)
    for event in reversed(ordered):
        if rest <= 0:
            return
        standing = event.minor
        if event.name:
            record = event.name[0]
            if event.minor < 0:
                returned[record] -= event.minor
                continue
            gone = min(standing, returned[record])
            returned[record] -= gone
            standing -= gone + found[event.name]
        part = max(0, min(rest, standing))
        rest -= part
        if event.name:
            found[event.name] += part
