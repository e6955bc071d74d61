"""What the libraries leave in cycles is let go of at the end of a turn, however rarely the collector walks itself."""

import gc
import weakref
from collections.abc import Iterator

import pytest

from sync.collecting import collect_leftovers, settle_collector


class Reply:
    """Something that a library keeps in a circle with itself."""

    def __init__(self) -> None:
        self.request = self


@pytest.fixture(autouse=True)
def collector() -> Iterator[None]:
    thresholds = gc.get_threshold()
    yield
    gc.set_threshold(*thresholds)
    gc.unfreeze()


def test_a_reply_in_a_circle_outlives_its_use_but_not_the_turn() -> None:
    settle_collector()
    seen = weakref.ref(Reply())
    assert seen() is not None
    collect_leftovers()
    assert seen() is None
