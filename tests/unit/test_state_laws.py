"""Laws of the store that must hold whatever is read, in whatever order: on SQLite and on PostgreSQL."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from itertools import count, pairwise

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from msgspec import structs

from mappings.indexing import index_content
from mappings.model import Client, Content, CreditMemo, Entry, Kind, Observation, ReceivableLine, RecordKey, System
from mappings.records import Group, Party
from state.books import BookStore
from state.store import CompanyStore, Store
from state.versions import RecordStore
from tests.stores import (
    BT,
    QB,
    START,
    SetClock,
    engine_of,
    everything,
    finding,
    invoice,
    key,
    outcome,
    payment,
    put,
    reconcile,
    seen,
    tie_line,
)

_ALIASES = count(1)
_LAW = settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
_CLIENTS = st.sampled_from(["1", "2", "3", "4", "5"])
_NUMBERS = st.sampled_from(["A-1", "a-01", "A-2", "A-3", ""])
_IDS = st.sampled_from(["10", "11", "12", "13", "14", "15"])
_KINDS = st.sampled_from(
    [
        (QB, Kind.INVOICE),
        (BT, Kind.INVOICE),
        (QB, Kind.PAYMENT),
        (BT, Kind.PAYMENT),
        (QB, Kind.CREDIT_MEMO),
        (QB, Kind.JOURNAL_ENTRY),
        (QB, Kind.CUSTOMER),
        (BT, Kind.CLIENT),
    ]
)


@st.composite
def contents(draw: st.DrawFn, kind: Kind, step: str) -> Content:
    """Any content of a kind, small enough that records meet; of another `step`, another content."""
    client, number, total = draw(_CLIENTS), draw(_NUMBERS), draw(st.integers(1, 3))
    match kind:
        case Kind.INVOICE:
            return invoice(client, number, total, revision=step)
        case Kind.PAYMENT:
            paid = payment(draw(st.sampled_from(["", client])), *draw(st.lists(_IDS, max_size=2)), total=total)
            return structs.replace(paid, revision=step)
        case Kind.CREDIT_MEMO:
            return CreditMemo(
                client_id=client, number=number, currency="USD", total_minor=1, remaining_minor=total, revision=step
            )
        case Kind.JOURNAL_ENTRY:
            lines = tuple(
                ReceivableLine(str(place), name, "84", total)
                for place, name in enumerate(draw(st.lists(st.sampled_from(["", "1", "2", "3"]), max_size=3)))
            )
            return Entry(number=number, currency="USD", lines=lines, revision=step)
        case _:
            parent = draw(st.sampled_from(["", "1", "2"])) if kind is Kind.CUSTOMER else ""
            linked = draw(st.sampled_from(["", "3"])) if kind is Kind.CLIENT else ""
            name = draw(st.sampled_from(["Ann", "Bob", ""]))
            return Client(name=name, parent_id=parent, quickbooks_id=linked, code=step)


@st.composite
def timeline(draw: st.DrawFn, record: RecordKey) -> list[Observation]:
    """The contents of one record, oldest first; the last may be its deletion.

    A content does not come back later: were an unchanged content to move the stored time, every look at a
    record would be a write.
    """
    length = draw(st.integers(1, 4))
    observations = []
    for step in range(length):
        moment = START + timedelta(minutes=step)
        is_deletion = step == length - 1 and draw(st.booleans())
        content = None if is_deletion else draw(contents(record.kind, str(step)))
        observations.append(seen(record, content, at=moment, modified=moment))
    return observations


def _short(observation: Observation) -> str:
    return f"{observation.key}@{observation.observed_at:%M} {observation.content}"


class Timelines(list[list[Observation]]):
    """What happened to a few records: of each, its contents in the order of the system's own clock."""

    def __repr__(self) -> str:
        return "\n".join(_short(observation)[:300] for line in self for observation in line)


@dataclass(frozen=True)
class Arrivals:
    """Timelines, and one order and division into pages in which they arrive."""

    timelines: Timelines
    pages: list[list[Observation]]

    def __repr__(self) -> str:
        return "\n--\n".join("\n".join(_short(found)[:300] for found in page) for page in self.pages)


@st.composite
def timelines(draw: st.DrawFn) -> Timelines:
    """What happened to a few records: of each, its contents in the order of the system's own clock."""
    names = draw(st.lists(st.tuples(_KINDS, _IDS), min_size=1, max_size=6, unique=True))
    return Timelines(draw(timeline(key(system, kind, record_id))) for (system, kind), record_id in names)


@st.composite
def arrivals(draw: st.DrawFn) -> Arrivals:
    """Observations in any order, some of them more than once."""
    lines = draw(timelines())
    flat = [observation for line in lines for observation in line]
    again = draw(st.lists(st.sampled_from(flat), max_size=4))
    shuffled = draw(st.permutations(flat + again))
    size = draw(st.integers(1, len(shuffled)))
    return Arrivals(lines, [list(shuffled[start : start + size]) for start in range(0, len(shuffled), size)])


def _fresh(store: Store) -> CompanyStore:
    return store.company(f"company-{next(_ALIASES)}")


def _load(company: CompanyStore, pages: Sequence[Sequence[Observation]]) -> None:
    with company.hold() as held:
        records = company.records(held)
        for page in pages:
            put(records, *page)


@_LAW
@given(arrivals())
def test_the_final_state_does_not_depend_on_the_order_of_arrival(store: Store, arrived: Arrivals) -> None:
    company = _fresh(store)
    _load(company, arrived.pages)
    reader = company.record_reader()
    for line in arrived.timelines:
        history = reader.load_history(line[0].key)
        assert history is not None
        assert history.content == line[-1].content


@_LAW
@given(timelines())
def test_no_version_is_lost_when_all_arrive_in_order(store: Store, lines: Timelines) -> None:
    company = _fresh(store)
    _load(company, [[observation] for line in lines for observation in line])
    for line in lines:
        history = company.record_reader().load_history(line[0].key)
        assert history is not None
        assert [version.sequence for version in history.versions] == list(range(1, len(history.versions) + 1))
        assert [version.content for version in history.versions] == [observation.content for observation in line]


@_LAW
@given(arrivals())
def test_everything_twice_is_everything_once(store: Store, arrived: Arrivals) -> None:
    company = _fresh(store)
    _load(company, arrived.pages)
    before = everything(engine_of(store))
    with company.hold() as held:
        records = company.records(held)
        assert [put(records, *page) for page in arrived.pages] == [()] * len(arrived.pages)
    after = everything(engine_of(store))
    assert {name for name in before if before[name] != after[name]} <= {"lease"}


@_LAW
@given(arrivals())
def test_every_version_gives_back_its_raw_record(store: Store, arrived: Arrivals) -> None:
    company = _fresh(store)
    _load(company, arrived.pages)
    reader = company.record_reader()
    raws = {observation.raw for page in arrived.pages for observation in page}
    for line in arrived.timelines:
        history = reader.load_history(line[0].key)
        assert history is not None
        for version in history.versions:
            assert reader.load_raw(version.key, version.sha256) in raws


def _joined(system: System, content: Content, record: RecordKey) -> set[Party]:
    """The clients that a content names, as the sentence of the contract has it."""
    entry = index_content(system, content)
    named = {Party(system, entry.client_id)} if entry.client_id else set()
    named |= {Party(ref.system, ref.id) for ref in entry.references if ref.kind in (Kind.CUSTOMER, Kind.CLIENT)}
    if record.kind in (Kind.CUSTOMER, Kind.CLIENT):
        named.add(Party(system, record.id))
    return named


def _expected_partition(lines: Timelines) -> set[frozenset[Party]]:
    """Components by brute force: a graph of records, clients and match keys, walked until nothing is added."""
    edges: dict[object, set[object]] = {}

    def join(one: object, other: object) -> None:
        edges.setdefault(one, set()).add(other)
        edges.setdefault(other, set()).add(one)

    numbers: dict[tuple[str, str], dict[System, set[RecordKey]]] = {}
    known = {line[0].key for line in lines}
    for line in lines:
        for observation in line:
            record = observation.key
            if record.kind in (Kind.CUSTOMER, Kind.CLIENT):
                join(record, Party(record.system, record.id))
            if observation.content is None:
                continue
            entry = index_content(record.system, observation.content)
            for party in _joined(record.system, observation.content, record):
                join(record, party)
            for reference in entry.references:
                if reference.kind not in (Kind.CUSTOMER, Kind.CLIENT) and reference in known:
                    join(record, reference)
            if entry.match_key:
                subject = "invoice" if record.kind is Kind.INVOICE else "client"
                numbers.setdefault((subject, entry.match_key), {}).setdefault(record.system, set()).add(record)
    for by_system in numbers.values():
        for one in by_system.get(QB, ()):
            for other in by_system.get(BT, ()):
                join(one, other)
    return {parties for parties in _components(edges) if parties}


def _components(edges: dict[object, set[object]]) -> list[frozenset[Party]]:
    found, seen_nodes = [], set()
    for start in edges:
        if start in seen_nodes:
            continue
        component, todo = set(), [start]
        while todo:
            node = todo.pop()
            if node not in component:
                component.add(node)
                todo.extend(edges[node])
        seen_nodes |= component
        found.append(frozenset(node for node in component if isinstance(node, Party)))
    return found


def _real_parties(groups: Sequence[Group]) -> set[frozenset[Party]]:
    """The groups without the stand-ins of records that name no client."""
    real = (frozenset(party for party in group.parties if "/" not in party.client_id) for group in groups)
    return {parties for parties in real if parties}


@settings(_LAW, max_examples=60)
@given(timelines())
def test_groups_are_the_components_of_everything_ever_said(store: Store, lines: Timelines) -> None:
    company = _fresh(store)
    _load(company, [[observation] for line in lines for observation in line])
    groups = company.book_reader().load_all_groups()
    assert _real_parties(groups) == _expected_partition(lines)


@_LAW
@given(timelines(), st.data())
def test_changed_groups_are_the_whole_groups_of_what_changed(
    store: Store, lines: Timelines, data: st.DataObject
) -> None:
    """However many reconciles there were before: each knows the groups of all of them."""
    company = _fresh(store)
    flat = [observation for line in lines for observation in line]
    splits = sorted(data.draw(st.lists(st.integers(0, len(flat)), min_size=1, max_size=4)))
    clock = SetClock()
    with company.hold() as held:
        records, books = company.records(held), company.books(held)
        for observation in flat[: splits[0]]:
            put(records, observation)
        reconcile(books, clock, outcome(), full=data.draw(st.booleans()))
        for first, last in pairwise((*splits, len(flat))):
            changed = {name for observation in flat[first:last] for name in put(records, observation)}
            everyone = books.load_all_groups()
            touched = set(books.load_changed_groups(START))
            for group, book in zip(everyone, books.iterate_books(everyone), strict=True):
                assert (group in touched) is any(history.key in changed for history in book.histories)
            reconcile(books, clock, outcome())


@_LAW
@given(arrivals())
def test_every_record_with_a_client_is_in_exactly_one_book(store: Store, arrived: Arrivals) -> None:
    company = _fresh(store)
    _load(company, arrived.pages)
    reader = company.book_reader()
    books = list(reader.iterate_books(reader.load_all_groups()))
    held = [history.key for book in books for history in book.histories]
    assert len(held) == len(set(held))
    for line in arrived.timelines:
        history = company.record_reader().load_history(line[0].key)
        assert history is not None
        named = [version.content for version in history.versions if version.content is not None]
        if any(_joined(line[0].key.system, content, line[0].key) for content in named):
            assert [history] == [found for book in books for found in book.histories if found.key == history.key]


@_LAW
@given(arrivals(), st.integers(0, 5))
def test_an_earlier_moment_stays_as_it_was(store: Store, arrived: Arrivals, step: int) -> None:
    company = _fresh(store)
    moment = START + timedelta(minutes=step)
    early = [[seen_then for seen_then in page if seen_then.observed_at <= moment] for page in arrived.pages]
    late = [[seen_then for seen_then in page if seen_then.observed_at > moment] for page in arrived.pages]
    _load(company, early)
    reader = company.book_reader()
    before = {history for book in reader.iterate_books(reader.load_all_groups()) for history in book.histories}
    _load(company, late)
    groups = reader.load_all_groups()
    after = {history for book in reader.iterate_books(groups, as_of=moment) for history in book.histories}
    assert before == after


def _fail_in_pull(records: RecordStore, pages: Sequence[Sequence[Observation]]) -> None:
    with records.pull_unit("run-2") as unit:
        for page in pages:
            unit.record(page)
        unit.save_cursor("changes", "1")
        _ = 1 // 0


def _fail_in_reconcile(books: BookStore) -> None:
    groups = books.load_all_groups()
    with books.reconcile_unit("run-2") as unit:
        for group in groups:
            unit.replace(group, outcome(finding(), lines=(tie_line("9001", 1, 2),)))
        _ = 1 // 0


@_LAW
@given(arrivals())
def test_an_exception_in_a_unit_leaves_nothing(store: Store, arrived: Arrivals) -> None:
    company = _fresh(store)
    with company.hold() as held:
        records, books = company.records(held), company.books(held)
        put(records, *arrived.pages[0])
        before = everything(engine_of(store))
        with pytest.raises(ZeroDivisionError):
            _fail_in_pull(records, arrived.pages[1:])
        with pytest.raises(ZeroDivisionError):
            _fail_in_reconcile(books)
        assert everything(engine_of(store)) == before
        for page in arrived.pages[1:]:
            put(records, *page)
    for line in arrived.timelines:
        history = company.record_reader().load_history(line[0].key)
        assert history is not None
        assert history.content == line[-1].content


@settings(_LAW, max_examples=30)
@given(arrivals())
def test_both_databases_keep_the_same(sqlite_url: str, postgres_url: str, arrived: Arrivals) -> None:
    alias = f"company-{next(_ALIASES)}"
    kept = []
    for url in (sqlite_url, postgres_url):
        with Store.open(url, SetClock()) as store:
            company = store.company(alias)
            _load(company, arrived.pages)
            reader = company.book_reader()
            groups = reader.load_all_groups()
            histories = [company.record_reader().load_history(line[0].key) for line in arrived.timelines]
            kept.append((groups, list(reader.iterate_books(groups)), histories))
    assert kept[0] == kept[1]
