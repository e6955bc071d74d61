"""How fast records are mapped and books are linked; the figures are printed, the floor only catches a collapse.

Run with `pytest tests/benchmarks/test_mapping_speed.py -s`.
"""

import json
import time
from collections.abc import Callable

import pytest

from mappings.ledger import derive_ledger
from mappings.linking import link
from mappings.model import Kind, LineTarget
from mappings.problems import Problem
from mappings.quickbooks import content_from_quickbooks
from tests.unit.book_building import bigtime, book, client, credit_memo, invoice, payment, quickbooks
from tests.unit.test_quickbooks_mapping import INVOICE, LINK_PAYMENT

PADDING = {"BillAddr": {f"Line{n}": "5647 Cypress Hill Ave., Middlefield, CA 94303" for n in range(1, 6)}}


def best_per_second(work: Callable[[], object], count: int) -> float:
    """Items a second of processor time, in the best of five rounds: the others were disturbed."""
    rounds = []
    for _ in range(5):
        start = time.process_time()
        work()
        rounds.append(time.process_time() - start)
    return count / min(rounds)


@pytest.mark.slow
@pytest.mark.parametrize(("kind", "record"), [(Kind.INVOICE, INVOICE), (Kind.PAYMENT, LINK_PAYMENT)])
def test_a_core_maps_tens_of_thousands_of_records_a_second(kind: Kind, record: dict[str, object]) -> None:
    filled = dict(record)
    place = 0
    while len(json.dumps(filled)) < 2500:
        filled[f"Unread{place}"] = PADDING
        place += 1
    raw = json.dumps(filled).encode()

    def work() -> None:
        for _ in range(20_000):
            assert not isinstance(content_from_quickbooks(kind, raw), Problem)

    speed = best_per_second(work, 20_000)
    print(f"{kind}: {len(raw)} bytes, {speed:,.0f} records/s")
    assert speed > 5_000


@pytest.mark.slow
def test_a_book_of_ten_thousand_invoices_is_linked_and_derived_in_seconds() -> None:
    count = 10_000
    histories = [bigtime(Kind.CLIENT, "301", client("Acme")), quickbooks(Kind.CUSTOMER, "12", client("Acme"))]
    for place in range(count):
        number = str(place)
        histories.append(bigtime(Kind.INVOICE, number, invoice(number, 1000, "301")))
        histories.append(quickbooks(Kind.INVOICE, number, invoice(number, 1000, "12", balance=0)))
        histories.append(quickbooks(Kind.CREDIT_MEMO, number, credit_memo(400, 0, "12")))
        lines = ((LineTarget.INVOICE, number, 1000), (LineTarget.CREDIT_MEMO, number, 400))
        histories.append(quickbooks(Kind.PAYMENT, number, payment(600, *lines, client="12")))
    one = book(*histories)
    linked = best_per_second(lambda: link(one), count)
    derived = best_per_second(lambda: derive_ledger(one), count)
    print(f"link: {linked:,.0f} invoices/s, derive_ledger: {derived:,.0f} payments/s")
    assert min(linked, derived) > 1_000
