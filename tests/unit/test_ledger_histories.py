"""The identities of the credit ledger hold on random histories, and a tally that could not fail would be noticed.

Thousands of them are examined by `python -m tests.benchmarks.ledger_histories`; these are the first.
"""

from collections import Counter

import msgspec
import pytest

from mappings.model import History as RecordHistory
from mappings.model import Payment
from tests.benchmarks.ledger_histories import page
from tests.restless import History, Tally, check_history

SEEDS = (*range(56), 670, 1158, 1417, 1740, 2127, 2693)  # the last ones once were told wrongly


@pytest.fixture(scope="module")
def tally() -> Tally:
    found = Tally()
    for seed in SEEDS:
        check_history(History(seed), found, f"history {seed}")
    return found


def test_every_identity_of_the_ledger_holds_on_random_histories(tally: Tally) -> None:
    assert [] == tally.broken


def test_every_identity_was_held_against_many_figures(tally: Tally) -> None:
    assert len(tally.checked) >= 15
    assert [] == [name for name, count in tally.checked.items() if count < len(SEEDS)]
    assert sum(tally.checked.values()) > 5_000


def test_the_same_seed_is_the_same_history() -> None:
    assert History(7).book == History(7).book
    assert History(7).book != History(8).book


@pytest.mark.parametrize("seed", [1, 5, 9])
def test_a_payment_that_is_not_read_breaks_the_identities(seed: int) -> None:
    """The planted fault: the newest version of one payment says a cent more than QuickBooks keeps."""
    history = History(seed)
    for place, each in enumerate(history.book.histories):
        content = each.content
        if isinstance(content, Payment) and content.unapplied_minor > 0:
            wrong = msgspec.structs.replace(content, unapplied_minor=content.unapplied_minor + 1)
            version = msgspec.structs.replace(each.latest, content=wrong)
            spoilt = RecordHistory((*each.versions[:-1], version))
            histories = (*history.book.histories[:place], spoilt, *history.book.histories[place + 1 :])
            history.book = msgspec.structs.replace(history.book, histories=histories)
            break
    found = Tally()
    check_history(history, found, "spoilt")
    assert any("what QuickBooks says remains" in line for line in found.broken)


def test_the_page_counts_what_failed() -> None:
    text = page("…", 1, 2, Counter({"a": 3}), ["history 1: a: 1 is not 2"])
    assert "| comparisons that failed | 1 |" in text
    assert "| a | 3 | 1 |" in text
