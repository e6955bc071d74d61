"""Promises of the linking of clients and invoices over the two systems."""

import random
from collections.abc import Sequence

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mappings.client_linking import AmbiguousClient, ClientLink, LinkedBy, link_clients
from mappings.linking import Links, TwinStatus, link
from mappings.model import Book, History, Kind
from tests.unit.book_building import bigtime, book, client, invoice, quickbooks

ACME = (bigtime(Kind.CLIENT, "301", client("Acme, Inc.")), quickbooks(Kind.CUSTOMER, "12", client("ACME Inc")))
BETA = (bigtime(Kind.CLIENT, "302", client("Beta")), quickbooks(Kind.CUSTOMER, "13", client("Beta")))


def bt(id_: str, number: str, total: int = 100, client_id: str = "301") -> History:
    return bigtime(Kind.INVOICE, id_, invoice(number, total, client_id))


def qb(id_: str, number: str, total: int = 100, client_id: str = "12") -> History:
    return quickbooks(Kind.INVOICE, id_, invoice(number, total, client_id))


def pairs(links: Links) -> dict[str, str]:
    return {twin.bigtime.key.id: twin.quickbooks.key.id for twin in links.twins if twin.quickbooks is not None}


def status(links: Links, id_: str) -> TwinStatus:
    twin = links.of_bigtime(id_)
    assert twin is not None
    return twin.status


def test_number_and_client_make_a_twin_whatever_the_total() -> None:
    links = link(book(*ACME, bt("1", "INV-0101", 500), qb("71", "inv-101", 600)))
    assert {"1": "71"} == pairs(links)
    twin = links.of_quickbooks("71")
    assert twin is not None
    assert TwinStatus.LINKED is twin.status


def test_an_empty_number_never_matches() -> None:
    links = link(book(*ACME, bt("1", ""), bt("2", " - "), qb("71", ""), qb("72", "-")))
    assert {} == pairs(links)
    assert ["1", "2"] == [one.key.id for one in links.unmatched_bigtime]
    assert ["71", "72"] == [one.key.id for one in links.unmatched_quickbooks]


def test_9_and_9_1_are_two_numbers() -> None:
    assert {} == pairs(link(book(*ACME, bt("1", "9"), qb("71", "9.1"))))


@pytest.mark.parametrize(
    ("ours", "theirs"), [("501", "INV-501"), ("INV501", "00501"), ("INV 501", "inv-501"), ("#501", "501")]
)
def test_a_number_with_and_without_its_prefix_is_one_number(ours: str, theirs: str) -> None:
    links = link(book(*ACME, bt("1", ours), qb("71", theirs)))
    assert ({"1": "71"}, ()) == (pairs(links), links.unmatched_quickbooks)


def test_without_its_prefix_a_number_needs_client_and_total_and_leaves_no_choice() -> None:
    assert {} == pairs(link(book(*ACME, bt("1", "501", 500), qb("71", "INV-501", 600))))
    assert {} == pairs(link(book(*ACME, *BETA, bt("1", "501"), qb("71", "INV-501", client_id="13"))))
    assert {} == pairs(link(book(*ACME, bt("1", "A-12"), qb("71", "B-12"))))
    two = link(book(*ACME, bt("1", "501"), qb("71", "INV-501"), qb("72", "A-501")))
    assert {} == pairs(two)
    assert TwinStatus.UNMATCHED is status(two, "1")


def test_the_whole_number_comes_before_the_number_without_its_prefix() -> None:
    links = link(book(*ACME, bt("1", "7"), bt("2", "INV-7"), qb("71", "INV-7"), qb("72", "007")))
    assert {"1": "72", "2": "71"} == pairs(links)


def test_one_number_at_two_clients_is_resolved_by_the_client() -> None:
    links = link(book(*ACME, *BETA, bt("1", "7"), bt("2", "7", client_id="302"), qb("71", "7", client_id="13"),
                      qb("72", "7")))  # fmt: skip
    assert {"1": "72", "2": "71"} == pairs(links)


def test_an_invoice_of_another_client_is_no_twin_even_with_number_and_total_equal() -> None:
    links = link(book(*ACME, *BETA, bt("1", "7"), qb("71", "7", client_id="13")))
    assert {} == pairs(links)


def test_of_two_with_one_number_the_one_with_the_same_total_is_the_twin() -> None:
    links = link(book(*ACME, bt("1", "7", 500), qb("71", "7", 500), qb("72", "7", 700)))
    assert {"1": "71"} == pairs(links)
    assert ["72"] == [one.key.id for one in links.unmatched_quickbooks]


def test_of_two_that_fit_equally_none_is_taken() -> None:
    links = link(book(*ACME, bt("1", "7"), qb("71", "7"), qb("72", "7")))
    (twin,) = links.ambiguous
    assert (None, ["71", "72"]) == (twin.quickbooks, [one.key.id for one in twin.candidates])
    assert () == links.unmatched_quickbooks
    assert () == links.unmatched_bigtime


def test_a_living_invoice_goes_before_a_voided_or_deleted_one_which_is_reported_as_dead() -> None:
    voided = quickbooks(Kind.INVOICE, "71", invoice("7", 100, "12"), invoice("7", 0, "12", voided=True))
    deleted = quickbooks(Kind.INVOICE, "72", invoice("7", 100, "12"), None)
    links = link(book(*ACME, bt("1", "7"), voided, deleted, qb("73", "7", 90)))
    assert {"1": "73"} == pairs(links)
    assert ["71", "72"] == [one.key.id for one in links.twins[0].dead]


def test_a_twin_that_was_voided_leaves_a_dead_twin() -> None:
    voided = quickbooks(Kind.INVOICE, "71", invoice("7", 100, "12"), invoice("7", 0, "12", voided=True))
    links = link(book(*ACME, bt("1", "7"), voided))
    assert TwinStatus.DEAD is status(links, "1")
    assert ["1"] == [one.key.id for one in links.unmatched_bigtime]
    assert () == links.unmatched_quickbooks


def test_a_dead_twin_belongs_to_the_invoice_of_its_own_total() -> None:
    deleted = quickbooks(Kind.INVOICE, "71", invoice("7", 100, "12"), None)
    links = link(book(*ACME, bt("1", "7", 100), bt("2", "7", 300), deleted))
    assert [TwinStatus.DEAD, TwinStatus.UNMATCHED] == [status(links, "1"), status(links, "2")]


def test_the_0_that_a_void_leaves_is_not_the_total_the_invoice_is_known_by() -> None:
    voided = quickbooks(Kind.INVOICE, "71", invoice("7", 100, "12"), invoice("7", 0, "12", voided=True))
    links = link(book(*ACME, bt("1", "7", 100), bt("2", "7", 0), voided))
    assert [TwinStatus.DEAD, TwinStatus.UNMATCHED] == [status(links, "1"), status(links, "2")]


def test_a_renumbered_invoice_keeps_its_twin() -> None:
    renumbered = quickbooks(Kind.INVOICE, "71", invoice("101", 500, "12"), invoice("101-A", 500, "12"))
    links = link(book(*ACME, bt("1", "101", 500), renumbered, qb("72", "101", 700)))
    assert {"1": "71"} == pairs(links)


def test_two_invoices_that_swapped_numbers_go_by_what_they_say_now() -> None:
    first = quickbooks(Kind.INVOICE, "71", invoice("1", 500, "12"), invoice("2", 500, "12"))
    second = quickbooks(Kind.INVOICE, "72", invoice("2", 500, "12"), invoice("1", 500, "12"))
    links = link(book(*ACME, bt("1", "1", 500), bt("2", "2", 500), first, second))
    assert {"1": "72", "2": "71"} == pairs(links)


def test_an_invoice_deleted_in_bigtime_keeps_its_twin_unless_a_living_one_takes_it() -> None:
    deleted = bigtime(Kind.INVOICE, "1", invoice("7", 100, "301"), None)
    alone = link(book(*ACME, deleted, qb("71", "7")))
    assert TwinStatus.BIGTIME_GONE is status(alone, "1")
    assert {"1": "71"} == pairs(alone)
    assert () == alone.unmatched_quickbooks
    reimported = link(book(*ACME, deleted, bt("2", "7"), qb("71", "7")))
    assert {"2": "71"} == pairs(reimported)
    assert TwinStatus.UNMATCHED is status(reimported, "1")


def test_an_invoice_on_a_job_is_the_twin_of_one_on_the_parent() -> None:
    job = quickbooks(Kind.CUSTOMER, "20", client("Website", parent="12"))
    links = link(book(*ACME, job, bt("1", "7", 100), qb("71", "7", 150, client_id="20")))
    assert {"1": "71"} == pairs(links)
    parent_billed = (bigtime(Kind.CLIENT, "303", client("ACME Inc:Website")), bt("2", "8", 1, "303"), qb("72", "8", 2))
    assert "72" == pairs(link(book(*ACME, job, *parent_billed)))["2"]


def test_a_merged_customer_still_holds_the_twin_by_its_earlier_versions() -> None:
    moved = quickbooks(Kind.INVOICE, "71", invoice("7", 100, "12"), invoice("7", 120, "99"))
    survivor = quickbooks(Kind.CUSTOMER, "99", client("Globex"))
    assert {"1": "71"} == pairs(link(book(*ACME, survivor, bt("1", "7"), moved)))


def test_a_customer_of_nobody_is_accepted_when_number_and_total_agree() -> None:
    stray = quickbooks(Kind.CUSTOMER, "99", client("Globex"))
    assert {"1": "71"} == pairs(link(book(*ACME, stray, bt("1", "7"), qb("71", "7", client_id="99"))))
    assert {} == pairs(link(book(*ACME, stray, bt("1", "7"), qb("71", "7", 99, client_id="99"))))


def test_clients_without_a_common_name_are_linked_by_an_invoice_beyond_doubt() -> None:
    strangers = (bigtime(Kind.CLIENT, "301", client("A. C. M. E.")), quickbooks(Kind.CUSTOMER, "12", client("Coyote")))
    links = link(book(*strangers[1:], bt("1", "7"), qb("71", "7"), bt("2", "8", 50), qb("72", "8", 60)))
    assert (ClientLink("301", "12", LinkedBy.INVOICES),) == links.clients.links
    assert {"1": "71", "2": "72"} == pairs(links)


def test_two_invoices_of_bigtime_never_share_one_twin() -> None:
    links = link(book(*ACME, bt("1", "7"), bt("2", "7"), qb("71", "7")))
    assert {} == pairs(links)
    assert [TwinStatus.AMBIGUOUS, TwinStatus.AMBIGUOUS] == [status(links, "1"), status(links, "2")]


def test_invoices_without_a_number_are_no_evidence_for_a_client() -> None:
    assert () == link(book(bt("1", ""), qb("71", ""))).clients.links


def test_a_client_without_a_name_is_not_the_customer_without_a_name() -> None:
    nameless = [bigtime(Kind.CLIENT, "1", client("-")), quickbooks(Kind.CUSTOMER, "2", client("..."))]
    links = link_clients(nameless)
    assert ((), ()) == (links.links, links.ambiguous)


def test_an_invoice_of_0_is_no_evidence_for_a_client() -> None:
    assert () == link(book(bt("1", "7", 0), qb("71", "7", 0))).clients.links


@pytest.mark.parametrize("quickbooks_id", ["20", "Website", "ACME Inc:Website"])
def test_the_stored_quickbooks_id_may_be_an_id_or_a_name_and_goes_before_the_clients_name(quickbooks_id: str) -> None:
    job = quickbooks(Kind.CUSTOMER, "20", client("Website", parent="12"))
    mine = bigtime(Kind.CLIENT, "301", client("Acme, Inc.", quickbooks_id=quickbooks_id))
    assert (ClientLink("301", "20", LinkedBy.ID),) == link_clients([mine, ACME[1], job]).links


def test_a_name_that_several_customers_have_links_none_of_them() -> None:
    twice = [quickbooks(Kind.CUSTOMER, id_, client("Acme  inc")) for id_ in ("12", "13")]
    links = link_clients([ACME[0], *twice])
    assert () == links.links
    assert (AmbiguousClient("301", ("12", "13")),) == links.ambiguous
    resolved = link_clients([ACME[0], *twice], [("301", "13")])
    assert (ClientLink("301", "13", LinkedBy.INVOICES),) == resolved.links
    assert () == resolved.ambiguous


def test_an_active_customer_goes_before_an_inactive_one_of_the_same_name() -> None:
    old = quickbooks(Kind.CUSTOMER, "11", client("Acme Inc", active=False))
    assert (ClientLink("301", "12", LinkedBy.NAME),) == link_clients([*ACME, old]).links


def test_a_renamed_customer_is_found_by_his_earlier_name() -> None:
    renamed = quickbooks(Kind.CUSTOMER, "12", client("Acme Inc"), client("Apex Group"))
    assert (ClientLink("301", "12", LinkedBy.NAME),) == link_clients([ACME[0], renamed]).links


def test_an_empty_name_links_nobody_and_a_circle_of_parents_ends() -> None:
    nameless = [bigtime(Kind.CLIENT, "1", client(" . ")), quickbooks(Kind.CUSTOMER, "2", client("", parent="3")),
                quickbooks(Kind.CUSTOMER, "3", client("-", parent="2"))]  # fmt: skip
    links = link_clients(nameless)
    assert () == links.links
    assert ("2", "3") == links.line_of("2")


def test_two_clients_may_be_one_customer() -> None:
    second = bigtime(Kind.CLIENT, "302", client("ACME inc."))
    links = link_clients([*ACME, second])
    assert ("301", "302") == links.clients_of("12")
    assert ("12",) == links.customers_of("301")


NUMBERS = st.sampled_from(["", "1", "01", "2"])
CUSTOMERS = ("12", "13", "14")
CLIENTS = ("301", "302", "303")


@st.composite
def crowded_books(draw: st.DrawFn) -> Book:
    """Few numbers, totals and clients, so that everything collides."""

    def contents(owners: Sequence[str]) -> list[list[object]]:
        said = st.tuples(NUMBERS, st.sampled_from([0, 100, 100]), st.sampled_from(owners), st.booleans())
        return draw(st.lists(st.lists(said, min_size=1, max_size=2), max_size=6))

    histories: list[History] = []
    for place, versions in enumerate(contents(CLIENTS[:2] * 2 + CLIENTS)):
        said = [invoice(*one[:3]) for one in versions]  # type: ignore[index]
        histories.append(bigtime(Kind.INVOICE, str(place), *said, *([None] if draw(st.booleans()) else [])))
    for place, versions in enumerate(contents(CUSTOMERS[:2] * 2 + CUSTOMERS)):
        said = [invoice(*one[:3], voided=one[3]) for one in versions]  # type: ignore[index]
        histories.append(quickbooks(Kind.INVOICE, str(place), *said, *([None] if draw(st.booleans()) else [])))
    histories += [bigtime(Kind.CLIENT, id_, client(f"Name {id_[-1]}")) for id_ in CLIENTS[:2]]
    histories += [quickbooks(Kind.CUSTOMER, id_, client(f"Name {int(id_) - 11}")) for id_ in CUSTOMERS]
    return book(*histories)


@settings(max_examples=300)
@given(crowded_books(), st.randoms(use_true_random=False))
def test_linking_does_not_depend_on_the_order_of_records(crowded: Book, shuffler: random.Random) -> None:
    shuffled = list(crowded.histories)
    shuffler.shuffle(shuffled)
    reordered = Book(company="acme", home_currency="USD", histories=tuple(shuffled))
    assert link(crowded) == link(reordered)


@settings(max_examples=300)
@given(crowded_books())
def test_every_invoice_is_used_at_most_once_and_accounted_for_exactly_once(crowded: Book) -> None:
    links = link(crowded)
    twins = [twin.quickbooks.key for twin in links.twins if twin.quickbooks is not None]
    assert len(set(twins)) == len(twins)
    candidates = {one.key for twin in links.twins for one in twin.candidates}
    dead = [one.key for twin in links.twins for one in twin.dead]
    alone = {one.key for one in links.unmatched_quickbooks}
    assert len(set(dead)) == len(dead)
    assert not candidates & set(twins)
    assert not alone & (candidates | set(twins) | set(dead))
    for twin in links.twins:
        assert (twin.quickbooks is not None) == (twin.status in {TwinStatus.LINKED, TwinStatus.BIGTIME_GONE})
        if twin.quickbooks is not None:
            mine = {v.content.number for v in twin.bigtime.versions if v.content is not None}  # type: ignore[union-attr]
            assert mine != {""}


@settings(max_examples=100)
@given(crowded_books())
def test_a_record_of_a_stranger_changes_no_twin(crowded: Book) -> None:
    """Adding a client with numbers of his own must leave all other twins as they are."""
    before = pairs(link(crowded))
    added = (bt("90", "A-1", client_id="399"), qb("90", "A-1", client_id="99"))
    after = pairs(link(book(*crowded.histories, *added)))
    assert {**before, "90": "90"} == after


def test_the_customer_of_any_version_may_hold_the_twin_and_the_closest_of_two_goes_first() -> None:
    """A job's invoice and the parent's carry one number: the client himself goes before his job."""
    both = book(
        bigtime(Kind.CLIENT, "1", client("Acme")),
        quickbooks(Kind.CUSTOMER, "2", client("Acme")),
        quickbooks(Kind.CUSTOMER, "3", client("Lab", parent="2")),
        bigtime(Kind.INVOICE, "10", invoice("INV-1", 500, "1")),
        quickbooks(Kind.INVOICE, "20", invoice("INV-1", 500, "3")),
        quickbooks(Kind.INVOICE, "21", invoice("INV-1", 500, "2")),
    )
    twin = link(both).of_bigtime("10")
    assert twin is not None
    assert twin.quickbooks is not None
    assert "21" == twin.quickbooks.key.id


def test_a_dead_invoice_that_fits_two_equally_belongs_to_neither() -> None:
    two = book(
        bigtime(Kind.CLIENT, "1", client("Acme")),
        quickbooks(Kind.CUSTOMER, "2", client("Acme")),
        bigtime(Kind.INVOICE, "10", invoice("INV-1", 500, "1")),
        bigtime(Kind.INVOICE, "11", invoice("INV-1", 500, "1")),
        quickbooks(Kind.INVOICE, "20", invoice("INV-1", 500, "2", voided=True)),
    )
    links = link(two)
    assert [(), ()] == [twin.dead for twin in links.twins]


def test_a_dead_invoice_belongs_to_the_better_of_two() -> None:
    for order in ((500, 400), (400, 500)):
        two = book(
            bigtime(Kind.CLIENT, "1", client("Acme")),
            quickbooks(Kind.CUSTOMER, "2", client("Acme")),
            bigtime(Kind.INVOICE, "10", invoice("INV-1", order[0], "1")),
            bigtime(Kind.INVOICE, "11", invoice("INV-1", order[1], "1")),
            quickbooks(Kind.INVOICE, "20", invoice("INV-1", 500, "2"), invoice("INV-1", 0, "2", voided=True)),
        )
        owners = [twin.bigtime.key.id for twin in link(two).twins if twin.dead]
        assert ["10" if order[0] == 500 else "11"] == owners


def test_a_total_that_agrees_now_goes_before_one_that_once_did() -> None:
    two = book(
        bigtime(Kind.CLIENT, "1", client("Acme")),
        quickbooks(Kind.CUSTOMER, "2", client("Acme")),
        bigtime(Kind.INVOICE, "10", invoice("INV-1", 500, "1")),
        quickbooks(Kind.INVOICE, "20", invoice("INV-1", 500, "2"), invoice("INV-1", 400, "2")),
        quickbooks(Kind.INVOICE, "21", invoice("INV-1", 400, "2"), invoice("INV-1", 500, "2")),
    )
    twin = link(two).of_bigtime("10")
    assert twin is not None
    assert twin.quickbooks is not None
    assert "21" == twin.quickbooks.key.id


def test_a_linked_customer_goes_before_an_unlinked_one_with_the_same_figures() -> None:
    two = book(
        bigtime(Kind.CLIENT, "1", client("Acme")),
        quickbooks(Kind.CUSTOMER, "2", client("Acme")),
        quickbooks(Kind.CUSTOMER, "9", client("Nobody we know")),
        bigtime(Kind.INVOICE, "10", invoice("INV-1", 500, "1")),
        quickbooks(Kind.INVOICE, "20", invoice("INV-1", 500, "9")),
        quickbooks(Kind.INVOICE, "21", invoice("INV-1", 700, "2")),
    )
    twin = link(two).of_bigtime("10")
    assert twin is not None
    assert twin.quickbooks is not None
    assert "21" == twin.quickbooks.key.id


def test_an_invoice_that_has_its_twin_is_no_twin_for_a_number_without_the_prefix() -> None:
    links = link(book(*ACME, bt("1", "INV-501"), bt("2", "501"), qb("71", "INV-501")))
    assert {"1": "71"} == pairs(links)
    assert TwinStatus.UNMATCHED is status(links, "2")


def test_an_invoice_that_was_renumbered_twice_is_known_by_its_last_number() -> None:
    """Under a customer of nobody only the number of today and the total can tell."""
    stray = quickbooks(Kind.CUSTOMER, "99", client("Globex"))
    renumbered = quickbooks(Kind.INVOICE, "71", *(invoice(number, 100, "99") for number in ("5", "6", "7")))
    assert {"1": "71"} == pairs(link(book(*ACME, stray, bt("1", "7"), renumbered)))
    assert {} == pairs(link(book(*ACME, stray, bt("1", "6"), renumbered)))
