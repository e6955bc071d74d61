"""What the libraries leave in cycles is let go of at the end of a turn, however rarely the collector walks itself."""

import gc
import platform
import weakref
from collections.abc import Iterator

import psutil
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


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="another C library gives memory back as it likes")
def test_what_a_large_turn_used_is_given_back_to_the_system_at_its_end() -> None:
    turn = [bytes([number % 250]) * 3_000 for number in range(30_000)]
    kept = turn[::40]
    turn.clear()
    before = psutil.Process().memory_info().rss
    collect_leftovers()
    assert before - psutil.Process().memory_info().rss > 50e6
    assert 750 == len(kept)
