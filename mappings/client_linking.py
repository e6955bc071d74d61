"""Which BigTime client is which QuickBooks customer.

By BigTime's `QBCustomerId`, else by name, else by invoices whose number exists once on each side with one total.
Links are not one to one: a client may be billed to several jobs, and two clients to one customer. Nothing depends on
the order of records, and an empty name never links anything.
Source: fact sheet `bigtime.md` §5 (11, 12): `QBCustomerId` may be an id or a name, of a customer or of a job.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from enum import StrEnum
from functools import cached_property

import msgspec

from mappings.indexing import normalise_name
from mappings.model import Client, History, Kind


class LinkedBy(StrEnum):
    """What joins a client and a customer, strongest first."""

    ID = "id"  # BigTime's `QBCustomerId` names the customer
    NAME = "name"  # one customer has the client's name
    INVOICES = "invoices"  # an invoice number exists once on each side, with one total


class ClientLink(msgspec.Struct, frozen=True, order=True, array_like=True):
    """A BigTime client and a QuickBooks customer that are the same party."""

    bigtime_id: str
    quickbooks_id: str
    by: LinkedBy


class AmbiguousClient(msgspec.Struct, frozen=True, order=True, array_like=True):
    """A BigTime client whose name several customers have; none of them is taken."""

    bigtime_id: str
    candidates: tuple[str, ...]


class ClientLinks(msgspec.Struct, frozen=True, kw_only=True, dict=True):
    """All links of a book, sorted. `parents` is the customers' family tree, from job to parent."""

    links: tuple[ClientLink, ...]
    ambiguous: tuple[AmbiguousClient, ...] = ()
    parents: tuple[tuple[str, str], ...] = ()

    @cached_property
    def _customers(self) -> dict[str, tuple[str, ...]]:
        return _grouped((link.bigtime_id, link.quickbooks_id) for link in self.links)

    @cached_property
    def _clients(self) -> dict[str, tuple[str, ...]]:
        return _grouped((link.quickbooks_id, link.bigtime_id) for link in self.links)

    @cached_property
    def _parents(self) -> dict[str, str]:
        return dict(self.parents)

    def customers_of(self, bigtime_id: str) -> tuple[str, ...]:
        """The QuickBooks customers of a BigTime client, sorted; empty when none is known."""
        return self._customers.get(bigtime_id, ())

    def clients_of(self, quickbooks_id: str) -> tuple[str, ...]:
        """The BigTime clients of a QuickBooks customer, sorted; those of its parents are not added."""
        return self._clients.get(quickbooks_id, ())

    def line_of(self, quickbooks_id: str) -> tuple[str, ...]:
        """The customer and its parents, nearest first; a circle in the data ends the line."""
        line = [quickbooks_id]
        while (parent := self._parents.get(line[-1], "")) and parent not in line:
            line.append(parent)
        return tuple(line)

    def kinship(self, bigtime_id: str, quickbooks_id: str) -> int:
        """How close a customer is to a client: 3 the same, 2 a job of his, 1 a parent of his, 0 not known to be."""
        linked = self.customers_of(bigtime_id)
        if quickbooks_id in linked:
            return 3
        if any(member in linked for member in self.line_of(quickbooks_id)):
            return 2
        return 1 if any(quickbooks_id in self.line_of(customer) for customer in linked) else 0

    def are_strangers(self, bigtime_id: str, quickbooks_id: str) -> bool:
        """Whether the customer is known to be another client's, and not this one's."""
        if not bigtime_id or self.kinship(bigtime_id, quickbooks_id) > 0:
            return False
        return any(self.clients_of(member) for member in self.line_of(quickbooks_id))


def link_clients(histories: Iterable[History], evidence: Iterable[tuple[str, str]] = ()) -> ClientLinks:
    """The links between the clients and customers among these records.

    `evidence` are pairs of client and customer that share an invoice beyond doubt; they count where neither has a
    link by id or name (to a customer that is still active).
    """
    clients: dict[str, History] = {}
    customers: dict[str, History] = {}
    for history in histories:
        if history.key.kind is Kind.CLIENT:
            clients[history.key.id] = history
        elif history.key.kind is Kind.CUSTOMER:
            customers[history.key.id] = history
    parents = _parents_of(customers)
    tiers = _name_tiers(customers, parents)
    links: set[ClientLink] = set()
    ambiguous: dict[str, tuple[str, ...]] = {}
    for id_, history in clients.items():
        by, found = _find(history, customers, tiers)
        if len(found) == 1:
            links.add(ClientLink(id_, found[0], by))
        elif found:
            ambiguous[id_] = found
    by_invoices = _evident(links, evidence, customers)
    settled = {link.bigtime_id for link in by_invoices}
    return ClientLinks(
        links=tuple(sorted(links | by_invoices)),
        ambiguous=tuple(AmbiguousClient(id_, found) for id_, found in sorted(ambiguous.items()) if id_ not in settled),
        parents=tuple(sorted(parents.items())),
    )


def _grouped(pairs: Iterable[tuple[str, str]]) -> dict[str, tuple[str, ...]]:
    groups: defaultdict[str, set[str]] = defaultdict(set)
    for key, value in pairs:
        groups[key].add(value)
    return {key: tuple(sorted(values)) for key, values in groups.items()}


def _last(history: History) -> Client | None:
    """The client as last seen, also when the record is gone since."""
    return next((v.content for v in reversed(history.versions) if isinstance(v.content, Client)), None)


def _is_active(history: History | None) -> bool:
    return history is not None and isinstance(history.content, Client) and history.content.active


def _parents_of(customers: Mapping[str, History]) -> dict[str, str]:
    last = {id_: _last(history) for id_, history in customers.items()}
    return {id_: client.parent_id for id_, client in last.items() if client is not None and client.parent_id}


def _qualified(id_: str, customers: Mapping[str, History], parents: Mapping[str, str]) -> str:
    """The names of the parents and of the customer in one, as QuickBooks writes `Parent:Child`."""
    names: list[str] = []
    seen: set[str] = set()
    while id_ and id_ not in seen:
        seen.add(id_)
        client = _last(customers[id_]) if id_ in customers else None
        names.append(client.name if client else "")
        id_ = parents.get(id_, "")
    return normalise_name("".join(reversed(names)))


_Tier = dict[str, set[str]]


def _name_tiers(customers: Mapping[str, History], parents: Mapping[str, str]) -> tuple[_Tier, ...]:
    """Names to customers, in the order in which they are tried: full names, inactive ones, job names, old names."""
    tiers: tuple[_Tier, ...] = tuple(defaultdict(set) for _ in range(4))
    for id_, history in customers.items():
        tiers[0 if _is_active(history) else 1][_qualified(id_, customers, parents)].add(id_)
        last = _last(history)
        if last is not None:
            tiers[2][normalise_name(last.name)].add(id_)
        for version in history.versions:
            if isinstance(version.content, Client):
                tiers[3][normalise_name(version.content.name)].add(id_)
    return tiers


def _named(name: str, tiers: Iterable[_Tier]) -> tuple[str, ...]:
    key = normalise_name(name)
    if not key:
        return ()
    return next((tuple(sorted(tier[key])) for tier in tiers if key in tier), ())


def _find(
    history: History, customers: Mapping[str, History], tiers: Iterable[_Tier]
) -> tuple[LinkedBy, tuple[str, ...]]:
    client = _last(history)
    if client is None:
        return LinkedBy.NAME, ()
    if client.quickbooks_id in customers:
        return LinkedBy.ID, (client.quickbooks_id,)
    if found := _named(client.quickbooks_id, tiers):
        return LinkedBy.ID, found
    for version in reversed(history.versions):
        if isinstance(version.content, Client) and (found := _named(version.content.name, tiers)):
            return LinkedBy.NAME, found
    return LinkedBy.NAME, ()


def _evident(
    links: set[ClientLink], evidence: Iterable[tuple[str, str]], customers: Mapping[str, History]
) -> set[ClientLink]:
    firm = [link for link in links if _is_active(customers.get(link.quickbooks_id))]
    linked_clients = {link.bigtime_id for link in firm}
    linked_customers = {link.quickbooks_id for link in firm}
    return {
        ClientLink(client, customer, LinkedBy.INVOICES)
        for client, customer in evidence
        if client and customer and client not in linked_clients and customer not in linked_customers
    }
