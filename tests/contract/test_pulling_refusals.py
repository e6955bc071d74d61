"""What QuickBooks refuses to show does not keep us from what it does show."""

from connectors.sandbox.faults import Match, answer
from mappings.model import Kind, System
from tests.quickbooks_bench import Bench, a_bench

_REFUSED = answer(501, '{"message": "not here"}')


def _with_an_invoice(one: Bench) -> None:
    customer = one.ledger.add_customer("Acme")
    one.ledger.create_invoice(customer, "INV-1", "100", on=one.clock.now().date())


def test_settings_that_cannot_be_queried_are_read_by_their_own_address() -> None:
    with a_bench() as one:
        _with_an_invoice(one)
        one.server.faults.add(_REFUSED, on=Match(contains="FROM Preferences"), times=100)

        outcome = one.pull()

        assert outcome.read[str(Kind.PREFERENCES)] == 1
        assert outcome.gaps == ()


def test_a_company_that_shows_no_settings_at_all_is_read_without_them() -> None:
    with a_bench() as one:
        _with_an_invoice(one)
        one.server.faults.add(_REFUSED, on=Match(contains="FROM Preferences"), times=100)
        one.server.faults.add(_REFUSED, on=Match(path="/preferences"), times=100)

        outcome = one.pull()

        assert len(one.store.load_ids(System.QUICKBOOKS, Kind.INVOICE)) == 1
        assert outcome.gaps == ()


def test_a_company_that_does_not_show_its_record_by_query_still_says_its_name() -> None:
    with a_bench() as one:
        one.server.faults.add(_REFUSED, on=Match(contains="FROM CompanyInfo"), times=100)

        assert one.reader.fetch_company_name().name != ""
