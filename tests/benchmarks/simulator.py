"""The simulated QuickBooks of a large company in a process of its own, edited while it is being read.

`start_simulator` starts it and gives the handle; the process itself is `python -m tests.benchmarks.simulator`.
It takes one command a line: `edit COUNT EVERY`, `truth PATH`.
"""

import json
import random
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any

import msgspec

from connectors.sandbox.bulk import Volume, load_bulk
from connectors.sandbox.faults import Match, during
from connectors.sandbox.quickbooks import QuickBooksServer, serve
from connectors.sandbox.quickbooks_ledger import QuickBooksLedger
from connectors.sandbox.quickbooks_rows import Entity
from sync.clocks import SystemClock
from tests.benchmarks.figures import Unfinished

_ROOT = Path(__file__).resolve().parents[2]
_HISTORY = timedelta(days=660)
SHOWN = (Entity.INVOICE, Entity.PAYMENT, Entity.CREDIT_MEMO)


class Address(msgspec.Struct, frozen=True, kw_only=True):
    """Where the simulator is, and how to get in."""

    url: str
    realm_id: str
    access_token: str


Records = dict[str, tuple[str, int]]


class Truth(msgspec.Struct, frozen=True, kw_only=True):
    """The books as they are: of each entity and id the SyncToken and the total in cents."""

    edit_count: int
    records: dict[Entity, Records]


class Simulator:
    """The running process. Every command is done when its method returns."""

    def __init__(self, process: "subprocess.Popen[str]") -> None:
        self._process = process
        self.address = msgspec.convert(self._answer(), Address)

    def edit_while_read(self, count: int, *, every: int) -> None:
        """From now on change one invoice at every `every`-th page of whatever is read, `count` times."""
        self._ask(f"edit {count} {every}")

    def truth(self, path: Path) -> Truth:
        """What the books say now, and how many edits were made since the last time. `path` is written over."""
        edit_count = self._ask(f"truth {path}")["edited"]
        return Truth(edit_count=edit_count, records=msgspec.json.decode(path.read_bytes(), type=dict[Entity, Records]))

    def _ask(self, command: str) -> Any:
        assert self._process.stdin is not None
        self._process.stdin.write(command + "\n")
        self._process.stdin.flush()
        return self._answer()

    def _answer(self) -> Any:
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        if not line:
            raise Unfinished("the simulator has ended")
        return json.loads(line)


@contextmanager
def start_simulator(volume: Volume) -> Iterator[Simulator]:
    """A simulator of so large a company, until the end of the block."""
    sizes = [str(size) for size in (volume.invoices, volume.payments, volume.credit_memos, volume.customers)]
    with subprocess.Popen(
        [sys.executable, "-m", "tests.benchmarks.simulator", *sizes],
        cwd=_ROOT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        try:
            yield Simulator(process)
        finally:
            process.terminate()


def volume_of(records: int) -> Volume:
    """A company of that many transactions: invoices, payments and credit memos as 100 to 80 to 10."""
    memos = records * 10 // 190
    payments = records * 80 // 190
    return Volume(
        invoices=records - payments - memos,
        payments=payments,
        credit_memos=memos,
        customers=max(1, records * 2 // 190),
    )


class _Served:
    """The inside of the process."""

    def __init__(self, server: QuickBooksServer) -> None:
        self._server = server
        self._ledger = server.ledger
        self._chance = random.Random(1)
        self._edited = 0

    def edit(self, count: str, every: str) -> object:
        """Plan edits; the n-th one strikes the (n * every)-th page of the reading that follows."""
        for number in range(int(count)):
            self._server.faults.add(
                during(self._edit_one, "edited meanwhile"), on=Match(path="query"), nth=1 + number * int(every)
            )
        return {}

    def _edit_one(self) -> None:
        """A higher total and another memo for some invoice."""
        rows = self._ledger.books.shelves[Entity.INVOICE].rows
        with self._ledger.lock:
            ids = list(rows)
            row = rows[ids[self._chance.randrange(len(ids))]]
        self._edited += 1
        self._ledger.edit_invoice(row.id, amount=row.total // 100 + 1, memo=f"edited {self._edited}")

    def truth(self, path: str) -> object:
        """Write down what the books say, and that every edit was made."""
        with self._ledger.lock:
            found = {
                entity.value: {row.id: (str(row.sync_token), row.total) for row in shelf.rows.values()}
                for entity, shelf in self._ledger.books.shelves.items()
                if entity in SHOWN
            }
        Path(path).write_bytes(msgspec.json.encode(found))
        assert not self._server.unmodelled, self._server.unmodelled
        assert not self._server.crashes, self._server.crashes
        self._server.calls.clear()
        edited, self._edited = self._edited, 0
        return {"edited": edited}


def main(sizes: list[str]) -> None:
    """Fill the books, say where they are served, and do what is asked until the input ends."""
    invoices, payments, credit_memos, customers = map(int, sizes)
    clock = SystemClock()
    volume = Volume(
        invoices=invoices,
        payments=payments,
        credit_memos=credit_memos,
        customers=customers,
        first=(clock.now() - _HISTORY).replace(microsecond=0),
        last=(clock.now() - timedelta(days=1)).replace(microsecond=0),
    )
    ledger = QuickBooksLedger(clock)
    load_bulk(ledger, volume)
    with serve(ledger) as server:
        served = _Served(server)
        commands: dict[str, Callable[..., object]] = {"edit": served.edit, "truth": served.truth}
        access = server.tokens.connect().access_token
        address = Address(url=server.url, realm_id=ledger.realm_id, access_token=access)
        print(msgspec.json.encode(address).decode(), flush=True)
        for line in sys.stdin:
            name, *arguments = line.split()
            print(msgspec.json.encode(commands[name](*arguments)).decode(), flush=True)


if __name__ == "__main__":
    main(sys.argv[1:])
