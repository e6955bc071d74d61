"""Pulls one firm's invoices, payments and clients out of BigTime, which tells of no change and of no deletion.

A cycle reads the drafts, the hot months of invoices, the hot months of payments, in this order; then whatever is due:
months that were not read for long, and months that a change points at. Everything that must outlast a crash (what was
read when, what still has to be read) is in one cursor, written with the rows it stands for.
Source: facts/bigtime.md §1.5, §1.6, §2.1, §2.2, §2.8.
"""

from collections.abc import Iterable
from datetime import date, datetime, timedelta
from typing import Protocol

import msgspec

from connectors.errors import AccessExpired, BudgetSpent, ConnectorError, Throttled, Unavailable
from mappings.model import Invoice, Kind, Payment, RecordKey, System
from mappings.records import PullOutcome, StoredRecord
from mappings.vocabulary import Vocabulary
from sync.ports import Clock, RecordStore
from sync.pulling.bigtime_clients import may_be_cut_off, read_client_details, read_clients_if_due, read_unknown_clients
from sync.pulling.cycle import CURSOR_FEED, BigTimeReader, Cycle, ListName, invoice_of_payment
from sync.pulling.list_reading import read_list
from sync.pulling.replies import Dialect, read_drafts
from sync.pulling.spans import due_months, hot_from
from sync.pulling.windows import MARGIN_DAYS, Cursor, Window, decode_cursor, month_of, new_cursor
from sync.work import ProgressSink, unwatched

# A change found in one round may point at further months; more rounds wait for the next run
_MOST_ROUNDS = 3


class PullSettings(Protocol):
    """What a pull needs of a company's settings."""

    @property
    def history_start(self) -> date:
        """Nothing before this day is read."""
        ...

    @property
    def reread_hours(self) -> int:
        """Every month is read again within this time."""
        ...


def pull_bigtime(
    reader: BigTimeReader,
    store: RecordStore,
    *,
    run_id: str,
    clock: Clock,
    settings: PullSettings,
    vocabulary: Vocabulary,
    currency: str,
    full: bool = False,
    progress: ProgressSink | None = None,
    witness: bool = False,
    accept_losses: bool = False,
) -> PullOutcome:
    """Bring the store up to what BigTime shows now; without gaps in the outcome, it holds what BigTime says.

    A row is called deleted in the second run that does not show it, if that run begins at a later time of the clock.
    `full` reads every month whether due or not. `witness` says that something changed in the other system in this
    run: the times of these reads are then kept, so that the order of the two can be proved later. `accept_losses` is
    a person's word that a sudden loss of many records is real.

    Raises: `AccessRevoked`, `ContractBroken`, `Rejected` or `NotFound`, with everything kept that was read before. A
    system that is unreachable or throttles is a gap in the outcome instead.
    """
    started_at, sent_before = clock.now(), reader.sent
    cursor = _load_cursor(store, settings.history_start, started_at.date())
    cycle = Cycle(
        reader=reader,
        store=store,
        clock=clock,
        dialect=Dialect(vocabulary, currency),
        run_id=run_id,
        started_at=started_at,
        today=started_at.date(),
        reread_hours=settings.reread_hours,
        cursor=cursor,
        saved=cursor,
        progress=progress if progress is not None else unwatched,
        is_full=full,
        is_witness=witness,
        accepts_losses=accept_losses,
    )
    try:
        _run(cycle)
        cycle.release_others()
    except AccessExpired as error:
        cycle.add_gap("G3", f"BigTime's session ended and could not be renewed ({error}): run it again")
    except (Unavailable, Throttled, BudgetSpent) as error:
        cycle.add_gap("G10", _interruption(error))
    cycle.add_set_aside()
    return PullOutcome(
        system=System.BIGTIME,
        read={kind.value: len(ids) for kind, ids in sorted(cycle.seen.items())},
        changed=tuple(cycle.changed),
        gaps=tuple(sorted(cycle.gaps)),
        sent=reader.sent - sent_before,
    )


def _interruption(error: ConnectorError) -> str:
    return f"BigTime was not read to the end ({error}); the next run goes on from there"


def _load_cursor(store: RecordStore, history_start: date, today: date) -> Cursor:
    start, end = month_of(history_start), month_of(today)
    text = store.load_cursor(CURSOR_FEED)
    known = decode_cursor(text) if text is not None else None
    if known is None:
        return new_cursor(start, end)
    return msgspec.structs.replace(
        known, invoices=known.invoices.extended(start, end), payments=known.payments.extended(start, end)
    )


def _run(cycle: Cycle) -> None:
    read_clients_if_due(cycle)
    opened = cycle.store.load_records(System.BIGTIME, Kind.INVOICE, only_open=True)
    open_months = {month_of(record.dated_on) for record in opened if record.dated_on is not None}
    _read_drafts(cycle)
    _mark_sent_drafts(cycle, opened, open_months)
    for name in ListName:
        feed = cycle.feed(name)
        hot = hot_from(feed, today=cycle.today, open_months=open_months)
        due = due_months(feed, now=cycle.started_at, reread_hours=cycle.reread_hours)
        months = feed.months if cycle.is_full else due | frozenset(range(hot, feed.end + 1))
        read_list(cycle, name, months=frozenset(months), hot=hot)
    read_unknown_clients(cycle)
    for _ in range(_MOST_ROUNDS):
        _settle(cycle)
        if not _read_marked(cycle):
            break
    read_client_details(cycle)
    cycle.save()


def _read_marked(cycle: Cycle) -> bool:
    """Read the months that a change points at; answers whether there were any."""
    marked = False
    for name in ListName:
        feed = cycle.feed(name)
        months = frozenset(month for month in feed.months if _is_marked(feed.window(month), cycle.started_at))
        if months:
            marked = True
            read_list(cycle, name, months=months, hot=feed.end)
    return marked


def _is_marked(window: Window, started_at: datetime) -> bool:
    """Whether a window is due in this run; what this run has read and could not understand is due in the next."""
    return window.is_due and (window.read_at is None or window.read_at < started_at)


def _read_drafts(cycle: Cycle) -> None:
    """Read the drafts first of all: one that is sent meanwhile then shows up in the history."""
    asked_at = cycle.clock.now()
    raws = cycle.reader.fetch_drafts()
    batch = read_drafts(raws, cycle.dialect, cycle.arrival(cycle.cursor.invoices.absent_bound))
    cycle.record_batch(Kind.INVOICE, batch, cycle.cursor)
    cycle.drafts_asked_at = asked_at
    if may_be_cut_off(len(raws)):
        cycle.add_gap(
            "G1", f"BigTime lists exactly {len(raws)} drafts: there may be more; send or delete old drafts in BigTime"
        )
        return
    cycle.drafts = batch.seen.ids


def _mark_sent_drafts(cycle: Cycle, opened: Iterable[StoredRecord], open_months: set[int]) -> None:
    """Mark the cold months of invoices that were drafts and are not any more.

    An invoice that leaves the drafts keeps its date, so it may enter the history in a month that is not hot.
    """
    if cycle.drafts is None:
        return
    feed = cycle.cursor.invoices
    hot = hot_from(feed, today=cycle.today, open_months=open_months)
    cold = {
        record.key: month_of(record.dated_on)
        for record in opened
        if record.dated_on is not None and month_of(record.dated_on) < hot and record.key.id not in cycle.drafts
    }
    contents = cycle.store.load_contents(cold) if cold else {}
    sent = [cold[key] for key, content in contents.items() if isinstance(content, Invoice) and content.is_draft]
    cycle.set_feed(ListName.INVOICES, feed.with_due(sent, read_before=cycle.started_at))


def _settle(cycle: Cycle) -> None:
    """Look at each changed invoice together with its payments, and mark the months that do not fit.

    When a payment changed, the month of its invoice is marked; when the invoice then says something else than its
    payment rows, the payments since its date. Whatever was read in this run already is not marked again, so a
    difference that stays costs nothing.
    """
    if not cycle.cursor.unsettled:
        return
    keys = [RecordKey(System.BIGTIME, Kind.INVOICE, id_) for id_ in cycle.cursor.unsettled]
    invoices = {
        key.id: content for key, content in cycle.store.load_contents(keys).items() if isinstance(content, Invoice)
    }
    stale = {id_: month for id_, invoice in invoices.items() if (month := _stale_month(cycle, invoice)) is not None}
    fresh = {id_: invoice for id_, invoice in invoices.items() if id_ not in stale}
    applied = _applied(cycle, fresh)
    months: set[int] = set()
    for id_, invoice in fresh.items():
        if invoice.issued_on is not None and not _agrees(invoice, applied.get(id_, 0)):
            first = month_of(invoice.issued_on - timedelta(days=MARGIN_DAYS))
            months.update(range(first, cycle.cursor.payments.end + 1))
    cycle.cursor = msgspec.structs.replace(
        cycle.cursor,
        invoices=cycle.cursor.invoices.with_due(stale.values(), read_before=cycle.started_at),
        payments=cycle.cursor.payments.with_due(months, read_before=cycle.started_at),
        unsettled=tuple(sorted(stale)),
    )
    cycle.save()


def _stale_month(cycle: Cycle, invoice: Invoice) -> int | None:
    """The month of an invoice that was not read in this run; None when it was, or cannot be."""
    feed = cycle.cursor.invoices
    if invoice.issued_on is None or month_of(invoice.issued_on) < feed.start:
        return None
    month = min(month_of(invoice.issued_on), feed.end)
    read_at = feed.window(month).read_at
    return month if read_at is None or read_at < cycle.started_at else None


def _applied(cycle: Cycle, invoices: dict[str, Invoice]) -> dict[str, int]:
    """What the stored payment rows put on each of these invoices."""
    issued = [invoice.issued_on for invoice in invoices.values() if invoice.issued_on is not None]
    if not issued:
        return {}
    first = min(issued) - timedelta(days=MARGIN_DAYS)
    rows = cycle.store.load_records(System.BIGTIME, Kind.PAYMENT, first=first)
    keys = [row.key for row in rows if invoice_of_payment(row.key.id) in invoices]
    applied: dict[str, int] = {}
    for content in cycle.store.load_contents(keys).values():
        if isinstance(content, Payment) and not content.voided:
            for line in content.lines:
                applied[line.target_id] = applied.get(line.target_id, 0) + line.amount_minor
    return applied


def _agrees(invoice: Invoice, applied_minor: int) -> bool:
    """Whether the invoice's own figures can be made of its payment rows.

    Either figure will do: what counts as paid is not documented, and an invoice that was marked as paid shows nothing
    due without a payment. Source: facts/bigtime.md §5, line 9.
    """
    if invoice.balance_minor is None and invoice.paid_minor is None:
        return True
    return invoice.paid_minor == applied_minor or invoice.balance_minor == invoice.total_minor - applied_minor
