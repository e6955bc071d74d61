"""What is open of each invoice and journal charge in the evening of a day."""

from collections import defaultdict
from collections.abc import Iterator
from datetime import date

from mappings.model import History, Invoice, Kind, LineTarget, Payment, RecordKey, System
from sync.reports.occasions import booked_date
from sync.reports.opened import OpenBook

# Client, currency, amount in minor units.
Open = tuple[str, str, int]


def open_receivables(opened: OpenBook) -> dict[RecordKey, Open]:
    """What each invoice and charge had open in the evening of the period's last day; nothing that was settled.

    It is QuickBooks' own balance, rolled back over the changes that are dated after the period.
    """
    last_day = opened.scope.last
    later = {} if last_day is None else _changes_after(opened, last_day)
    found: dict[RecordKey, Open] = {}
    for history in opened.quickbooks(Kind.INVOICE):
        last = next((v.content for v in reversed(history.versions) if isinstance(v.content, Invoice)), None)
        if last is None:
            continue
        now = history.content.balance_minor or 0 if isinstance(history.content, Invoice) else 0
        minor = now - later.get(history.key, 0)
        if minor != 0:
            found[history.key] = (last.client_id, last.currency, minor)
    for charge in opened.ledger.charges:
        is_there = last_day is None or charge.charged_on is None or charge.charged_on <= last_day
        if charge.open_minor != 0 and is_there:
            found[charge.key] = (charge.client_id, charge.currency, charge.open_minor)
    return found


def _changes_after(opened: OpenBook, day: date) -> dict[RecordKey, int]:
    """How much each invoice's open amount has changed since the evening of a day."""
    changes: defaultdict[RecordKey, int] = defaultdict(int)
    for kind in (Kind.INVOICE, Kind.PAYMENT):
        for history in opened.quickbooks(kind):
            for key, on, minor in _changes(history, opened):
                if on is not None and on > day:
                    changes[key] += minor
    return changes


def _changes(history: History, opened: OpenBook) -> Iterator[tuple[RecordKey, date | None, int]]:
    """Each version's change of open amounts; the first is dated by the books, later ones by the day of the change."""
    before: dict[RecordKey, int] = {}
    booked_on = booked_date(history)
    for version in history.versions:
        after = _effects(history.key, version.content)
        changed_on = opened.scope.day_of(version.modified_at or version.observed_at)
        on = booked_on if version.sequence == 1 else changed_on
        for key in {*before, *after}:
            minor = after.get(key, 0) - before.get(key, 0)
            if minor != 0:
                yield key, on, minor
        before = after


def _effects(key: RecordKey, content: object) -> dict[RecordKey, int]:
    effects: defaultdict[RecordKey, int] = defaultdict(int)
    if isinstance(content, Invoice):
        effects[key] += content.total_minor - content.deposit_minor
    elif isinstance(content, Payment) and not content.voided:
        for line in content.lines:
            if line.target is LineTarget.INVOICE:
                effects[RecordKey(System.QUICKBOOKS, Kind.INVOICE, line.target_id)] -= line.amount_minor
    return dict(effects)
