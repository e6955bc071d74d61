"""Which BigTime invoice is which QuickBooks invoice, and which client is which customer.

Neither system stores the other's invoice id, so a twin is found by number and client, then by total; what is left, by
the number without its prefix. Matching consumes: an invoice has at most one living twin. It does not depend on the
order of records, an empty number never matches, and where two invoices fit equally well none is taken: the choice is
kept as a value.
Source: fact sheet `bigtime.md` §2.1, §5 (11, 20); `field.md` §8 (B6, E6, E9).
"""

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from enum import StrEnum
from functools import cached_property
from operator import attrgetter

import msgspec

from mappings.client_linking import ClientLinks, link_clients
from mappings.indexing import are_one_number, normalise_number, number_without_prefix
from mappings.model import Book, History, Invoice, Kind, RecordKey, System


class TwinStatus(StrEnum):
    """How a BigTime invoice stands to its twin."""

    LINKED = "linked"  # one living invoice on each side
    AMBIGUOUS = "ambiguous"  # several living invoices fit equally well; none is taken
    DEAD = "dead"  # only voided or deleted QuickBooks invoices fit
    BIGTIME_GONE = "bigtime_gone"  # the BigTime invoice is deleted, its twin lives
    UNMATCHED = "unmatched"  # nothing in QuickBooks fits


class Twin(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """A BigTime invoice and what it is in QuickBooks.

    `quickbooks` is set for `LINKED` and `BIGTIME_GONE`. `candidates` are the invoices of an ambiguity, sorted by key.
    `dead` are voided or deleted QuickBooks invoices of this number and client, sorted by key: the twin of earlier
    days, beside a living one or alone.
    """

    bigtime: History
    quickbooks: History | None
    status: TwinStatus
    candidates: tuple[History, ...] = ()
    dead: tuple[History, ...] = ()


class Links(msgspec.Struct, frozen=True, kw_only=True, dict=True):
    """The twins and client links of a book.

    `twins` has one entry per BigTime invoice, deleted ones included, sorted by key. `unmatched_quickbooks` are the
    living QuickBooks invoices that are nobody's twin and in no ambiguity, sorted by key.
    """

    twins: tuple[Twin, ...]
    unmatched_quickbooks: tuple[History, ...]
    clients: ClientLinks

    @property
    def ambiguous(self) -> tuple[Twin, ...]:
        """The invoices for which a person has to choose."""
        return tuple(twin for twin in self.twins if twin.status is TwinStatus.AMBIGUOUS)

    @property
    def unmatched_bigtime(self) -> tuple[History, ...]:
        """The living BigTime invoices without a living twin and without a choice of one."""
        alone = {TwinStatus.UNMATCHED, TwinStatus.DEAD}
        return tuple(t.bigtime for t in self.twins if t.status in alone and t.bigtime.content is not None)

    @cached_property
    def _by_bigtime(self) -> dict[str, Twin]:
        return {twin.bigtime.key.id: twin for twin in self.twins}

    @cached_property
    def _by_quickbooks(self) -> dict[str, Twin]:
        return {twin.quickbooks.key.id: twin for twin in self.twins if twin.quickbooks is not None}

    def of_bigtime(self, invoice_id: str) -> Twin | None:
        """The twin of a BigTime invoice by its Sid; None when the book has no such invoice."""
        return self._by_bigtime.get(invoice_id)

    def of_quickbooks(self, invoice_id: str) -> Twin | None:
        """The twin of a QuickBooks invoice by its id; None when it has none."""
        return self._by_quickbooks.get(invoice_id)


class _Side(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """An invoice as the matching sees it: what it says now or last said, and what it ever said."""

    key: RecordKey
    history: History
    is_living: bool
    number: str
    total: tuple[str, int]
    client: str
    numbers: frozenset[str]
    totals: frozenset[tuple[str, int]]
    clients: frozenset[str]


# How well two invoices fit, best first: the client is linked; the totals are or were ever equal; the number is equal
# now and not only earlier; the totals are equal now; the closeness of the customer.
_Fit = tuple[bool, bool, bool, bool, int]


def link(book: Book) -> Links:
    """The twins and client links of a book.

    Living invoices are matched first; what is deleted in BigTime may then take what is left, and voided or deleted
    QuickBooks invoices are added as the dead twins they are. The order of the book's histories makes no difference.
    """
    invoices = [history for system in System for history in book.of(system, Kind.INVOICE)]
    invoices.sort(key=attrgetter("key"))
    sides = [side for history in invoices if (side := _side(history)) is not None]
    bigtime = [side for side in sides if side.key.system is System.BIGTIME]
    quickbooks = [side for side in sides if side.key.system is System.QUICKBOOKS]
    living = [side for side in quickbooks if side.is_living]
    present = [side for side in bigtime if side.is_living]
    gone = [side for side in bigtime if not side.is_living]
    clients = link_clients(
        book.of(System.BIGTIME, Kind.CLIENT) + book.of(System.QUICKBOOKS, Kind.CUSTOMER), _evidence(present, living)
    )

    matched, ambiguous = _match(present, living, clients)
    taken = set(matched.values()) | {key for keys in ambiguous.values() for key in keys}
    left = [side for side in living if side.key not in taken]
    alone = [side for side in present if side.key not in matched and side.key not in ambiguous]
    matched |= _match_by_core(alone, left, clients)
    taken |= set(matched.values())
    left = [side for side in left if side.key not in taken]
    matched_gone, _ = _match(gone, left, clients)
    taken |= set(matched_gone.values())

    by_key = {side.key: side.history for side in sides}
    dead = _dead_twins(bigtime, [side for side in quickbooks if not side.is_living], clients)
    matched |= matched_gone
    twins = [
        _twin(
            history,
            by_key[matched[key]] if key in matched else None,
            candidates=tuple(by_key[each] for each in sorted(ambiguous[key])) if key in ambiguous else (),
            dead=tuple(by_key[each] for each in sorted(dead[key])) if key in dead else (),
        )
        for history in invoices
        if (key := history.versions[0].key).system is System.BIGTIME
    ]
    unmatched = tuple(side.history for side in living if side.key not in taken)
    return Links(twins=tuple(twins), unmatched_quickbooks=unmatched, clients=clients)


def is_living(history: History) -> bool:
    """Whether the invoice is there and not voided."""
    return isinstance(history.content, Invoice) and not history.content.voided


def _twin(
    bigtime: History, quickbooks: History | None, *, candidates: tuple[History, ...], dead: tuple[History, ...]
) -> Twin:
    status = TwinStatus.UNMATCHED
    if quickbooks is not None:
        status = TwinStatus.LINKED if is_living(bigtime) else TwinStatus.BIGTIME_GONE
    elif candidates:
        status = TwinStatus.AMBIGUOUS
    elif dead:
        status = TwinStatus.DEAD
    return Twin(bigtime=bigtime, quickbooks=quickbooks, status=status, candidates=candidates, dead=dead)


def _side(history: History) -> _Side | None:
    """None for an invoice that we never saw alive: there is nothing to match it by."""
    contents = [version.content for version in history.versions if isinstance(version.content, Invoice)]
    if not contents:
        return None
    if len(contents) == 1:  # nearly all of a large book
        return _side_of_one(history, contents[0])
    # A void wipes the amounts: what the invoice was before is what it is known by.
    valued = [content for content in contents if not content.voided] or contents
    numbers = [normalise_number(content.number) for content in contents]
    return _Side(
        key=history.key,
        history=history,
        is_living=is_living(history),
        number=numbers[-1],
        total=(valued[-1].currency, valued[-1].total_minor),
        client=contents[-1].client_id,
        numbers=frozenset(numbers) - {""},
        totals=frozenset([(content.currency, content.total_minor) for content in valued]),
        clients=frozenset([content.client_id for content in contents if content.client_id]),
    )


def _side_of_one(history: History, content: Invoice) -> _Side:
    number, total = normalise_number(content.number), (content.currency, content.total_minor)
    return _Side(
        key=history.versions[0].key,
        history=history,
        is_living=history.versions[-1].content is content and not content.voided,
        number=number,
        total=total,
        client=content.client_id,
        numbers=frozenset((number,)) if number else frozenset(),
        totals=frozenset((total,)),
        clients=frozenset((content.client_id,)) if content.client_id else frozenset(),
    )


def _by_current_number(sides: Iterable[_Side]) -> dict[str, list[_Side]]:
    groups: defaultdict[str, list[_Side]] = defaultdict(list)
    for side in sides:
        if side.number:
            groups[side.number].append(side)
    return groups


def _evidence(bigtime: Sequence[_Side], quickbooks: Sequence[_Side]) -> list[tuple[str, str]]:
    """Clients and customers that share an invoice whose number exists once on each side, with one non-zero total."""
    theirs = _by_current_number(quickbooks)
    return [
        (mine[0].client, theirs[number][0].client)
        for number, mine in _by_current_number(bigtime).items()
        if len(mine) == 1 and len(theirs.get(number, ())) == 1 and _is_one_total(mine[0], theirs[number][0])
    ]


def _is_one_total(first: _Side, second: _Side) -> bool:
    return any(minor != 0 for _, minor in first.totals & second.totals)


def _fit(bigtime: _Side, quickbooks: _Side, clients: ClientLinks) -> _Fit | None:
    """How well two invoices that share a number fit; None when they cannot be twins."""
    closest = kinship = clients.kinship(bigtime.client, quickbooks.client)
    if bigtime.clients != {bigtime.client} or quickbooks.clients != {quickbooks.client}:
        kinship = max(
            (clients.kinship(mine, theirs) for mine in bigtime.clients for theirs in quickbooks.clients), default=0
        )
    number_now = bigtime.number == quickbooks.number
    total_now = bigtime.total == quickbooks.total
    if kinship > 0:
        return (True, bool(bigtime.totals & quickbooks.totals), number_now, total_now, closest)
    if number_now and _is_one_total(bigtime, quickbooks):
        if clients.are_strangers(bigtime.client, quickbooks.client):
            return None
        return (False, True, True, total_now, 0)
    return None


def _fits(
    bigtime: Iterable[_Side], quickbooks: Iterable[_Side], clients: ClientLinks
) -> dict[tuple[RecordKey, RecordKey], _Fit]:
    by_number: defaultdict[str, list[_Side]] = defaultdict(list)
    for side in quickbooks:
        for number in side.numbers:
            by_number[number].append(side)
    fits: dict[tuple[RecordKey, RecordKey], _Fit] = {}
    for mine in bigtime:
        for number in mine.numbers:
            for theirs in by_number.get(number, ()):
                fit = _fit(mine, theirs, clients)
                if fit is not None:
                    fits[mine.key, theirs.key] = fit
    return fits


_Matches = tuple[dict[RecordKey, RecordKey], dict[RecordKey, set[RecordKey]]]


def _match(bigtime: Iterable[_Side], quickbooks: Iterable[_Side], clients: ClientLinks) -> _Matches:
    """The best fits first; among equal fits only those that leave neither side a choice.

    What is left with a choice is ambiguous and takes no part in weaker fits, nor do the invoices it may be.
    """
    levels: defaultdict[_Fit, list[tuple[RecordKey, RecordKey]]] = defaultdict(list)
    for pair, fit in _fits(bigtime, quickbooks, clients).items():
        levels[fit].append(pair)
    matched: dict[RecordKey, RecordKey] = {}
    ambiguous: dict[RecordKey, set[RecordKey]] = {}
    used: set[RecordKey] = set()
    for fit in sorted(levels, reverse=True):
        pairs = [pair for pair in levels[fit] if not used.intersection(pair)]
        degree: defaultdict[RecordKey, int] = defaultdict(int)
        for pair in pairs:
            for key in pair:
                degree[key] += 1
        for mine, theirs in pairs:
            used.update((mine, theirs))
            if degree[mine] == degree[theirs] == 1:
                matched[mine] = theirs
            else:
                ambiguous.setdefault(mine, set()).add(theirs)
    return matched, ambiguous


def _match_by_core(
    bigtime: Iterable[_Side], quickbooks: Iterable[_Side], clients: ClientLinks
) -> dict[RecordKey, RecordKey]:
    """Twins whose numbers are equal but for a prefix ("INV-501" and "501"), of one client and with one total.

    Only where neither side leaves a choice: a number without its prefix says less than the whole.
    """
    by_core: defaultdict[str, list[_Side]] = defaultdict(list)
    for theirs in quickbooks:
        by_core[number_without_prefix(theirs.number)[1]].append(theirs)
    pairs = [
        (mine.key, theirs.key)
        for mine in bigtime
        for theirs in by_core.get(number_without_prefix(mine.number)[1], ())
        if are_one_number(mine.number, theirs.number)
        and mine.total == theirs.total
        and clients.kinship(mine.client, theirs.client) > 0
    ]
    degree = Counter(key for pair in pairs for key in pair)
    return {mine: theirs for mine, theirs in pairs if degree[mine] == degree[theirs] == 1}


def _dead_twins(
    bigtime: Iterable[_Side], dead: Sequence[_Side], clients: ClientLinks
) -> Mapping[RecordKey, set[RecordKey]]:
    """The dead QuickBooks invoices of each BigTime invoice; each belongs to the one it fits best, if there is one."""
    best: dict[RecordKey, tuple[_Fit, list[RecordKey]]] = {}
    for (mine, theirs), fit in _fits(bigtime, dead, clients).items():
        known = best.get(theirs)
        if known is None or fit > known[0]:
            best[theirs] = (fit, [mine])
        elif fit == known[0]:
            known[1].append(mine)
    twins: defaultdict[RecordKey, set[RecordKey]] = defaultdict(set)
    for theirs, (_, owners) in best.items():
        if len(owners) == 1:
            twins[owners[0]].add(theirs)
    return twins
