"""The garbage collector, set for a program whose values are frozen and hardly ever form cycles.

By default Python walks all young objects after every 700 new ones, and everything again and again while a large book
is loaded. Reference counts free nearly all of ours, so that walk finds nothing. It is made rare, not switched off:
what the libraries leave in cycles is still found, also in a daemon that runs for months.
"""

import ctypes
import gc
import sys

_NEW_OBJECTS = 100_000
_YOUNG_WALKS = 20


def settle_collector() -> None:
    """Leave what has been imported out of every later walk, and walk rarely.

    Side effects: the collector of this process; call it once, after the imports.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(_NEW_OBJECTS, _YOUNG_WALKS, _YOUNG_WALKS)


def collect_leftovers() -> None:
    """Let go of what the libraries left in cycles; for the end of a turn, when little is alive and a walk is short.

    A daemon makes few objects between two turns: without this, dead connections and replies would wait for hours. What
    is free after it goes back to the system: the C library would keep the largest turn's memory, scattered, for good.
    Source: malloc_trim(3); other C libraries than glibc do without.
    """
    gc.collect()
    give_back = getattr(ctypes.CDLL(None), "malloc_trim", None) if sys.platform == "linux" else None
    if give_back is not None:
        give_back(0)
