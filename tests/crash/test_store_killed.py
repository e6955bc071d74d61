"""A worker is killed in the middle of a load, again and again: what it acknowledged is there, and nothing half."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from random import Random

import pytest
from sqlalchemy import text

from mappings.model import Kind
from state.engine import read
from state.errors import CompanyBusy
from state.store import CompanyStore, HeldLease, Store
from tests.stores import QB, START, SetClock, engine_of

_ROOT = Path(__file__).parents[2]
_WORKER = """
import sys
from tests.crash.test_store_killed import load
load(sys.argv[1])
"""


def load(url: str) -> None:
    """Write pages of ten invoices and a cursor without end; say each page's number once it is committed."""
    from tests.stores import invoice, key, seen

    store = Store.open(url, SetClock())
    with _taken_over(store.company("acme")) as held:
        records = store.company("acme").records(held)
        page = int(records.load_cursor("page") or "0")
        while True:
            page += 1
            ids = range(page * 10, page * 10 + 10)
            with records.pull_unit("run-1") as unit:
                unit.record([seen(key(QB, Kind.INVOICE, str(n)), invoice(str(n % 7), f"INV-{n}")) for n in ids])
                unit.save_cursor("page", str(page))
            print(page, flush=True)


@contextmanager
def _taken_over(company: CompanyStore) -> Iterator[HeldLease]:
    """The lease, although the clock stands still and the holder before was killed."""
    while True:
        try:
            with company.hold(owner=str(os.getpid()), lasting=timedelta(seconds=-1)) as held:
                yield held
                return
        except CompanyBusy:
            time.sleep(0.01)


@pytest.mark.slow
def test_a_killed_load_loses_nothing_that_it_acknowledged_and_goes_on(store_url: str) -> None:
    random = Random(7)
    acknowledged = 0
    for _ in range(8):
        worker = subprocess.Popen(
            [sys.executable, "-c", _WORKER, store_url],
            cwd=_ROOT,
            env={**os.environ, "PYTHONPATH": str(_ROOT)},
            stdout=subprocess.PIPE,
            text=True,
        )
        assert worker.stdout is not None
        first = int(worker.stdout.readline())
        time.sleep(random.uniform(0.0, 0.15))
        worker.send_signal(signal.SIGKILL)
        rest = worker.stdout.read().split("\n")
        worker.stdout.close()
        worker.wait()
        acknowledged = max([acknowledged, first, *(int(line) for line in rest[:-1] if line)])
        _check(store_url, acknowledged)
    assert acknowledged >= 8


def _check(url: str, acknowledged: int) -> None:
    with Store.open(url, SetClock()) as store:
        reader = store.company("acme").record_reader()
        pages = int(reader.load_cursor("page") or "0")
        assert pages >= acknowledged
        expected = {str(number) for number in range(10, pages * 10 + 10)}
        assert reader.load_ids(QB, Kind.INVOICE) == expected
        with read(engine_of(store)) as connection:
            counts = [
                connection.execute(text(query)).scalar_one()
                for query in (
                    "SELECT count(*) FROM version",
                    "SELECT count(*) FROM version v JOIN record r ON r.id = v.record_id AND r.sequence = v.sequence",
                )
            ]
            if connection.dialect.name == "sqlite":
                assert connection.execute(text("PRAGMA integrity_check")).scalar() == "ok"
        assert counts == [len(expected)] * 2
        books = store.company("acme").book_reader()
        histories = [history for book in books.iterate_books(books.load_all_groups()) for history in book.histories]
        assert len(histories) == len(expected)
        for history in histories[:5]:
            assert reader.load_raw(history.key, history.latest.sha256) is not None
            assert history.latest.observed_at == START
