"""The identities of the credit ledger over random histories, with how often each was held against the figures.

`python -m tests.benchmarks.ledger_histories [--histories N] [--seed N] [--write]`; `--write` writes docs/ledger.md.
"""

import argparse
import sys
from collections import Counter
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

from tests.benchmarks.figures import machine
from tests.restless import History, Tally, check_history

_PAGE = Path(__file__).resolve().parents[2] / "docs" / "ledger.md"
_PER_TASK = 25
_MOST_SHOWN = 20
_HEAD = """# The credit ledger on random histories

Written by `{command}`. Each history is played in the simulated QuickBooks and BigTime (`tests/restless.py`): three
clients in USD, JPY and KWD, about thirty acts over months, both systems read after some of them. Credit memos,
prepayments, overpayments, journal credits and deposits are issued, applied, un-applied, re-dated, lowered, refunded,
voided and deleted. After it, every month's pack is made, and every figure that must equal another is compared with it;
what QuickBooks says remains is taken from the simulator's own books. What the simulator refuses is no act.

| | |
| --- | --- |
| histories | {histories:,} |
| acts that happened | {acts:,} |
| comparisons | {comparisons:,} |
| comparisons that failed | {broken:,} |

| what must hold | compared | failed |
| --- | --- | --- |
{rows}
"""


def examine(first: int, count: int) -> tuple[int, dict[str, int], list[str]]:
    """How many acts happened in these histories, how often each identity was compared, and what failed."""
    tally, acts = Tally(), 0
    for seed in range(first, first + count):
        history = History(seed)
        acts += history.done
        check_history(history, tally, f"history {seed}")
    return acts, dict(tally.checked), tally.broken


def examine_all(first: int, count: int) -> tuple[int, Counter[str], list[str]]:
    """The same for many histories, spread over processes; the order of the answers does not matter."""
    starts = range(first, first + count, _PER_TASK)
    sizes = [min(_PER_TASK, first + count - start) for start in starts]
    acts, checked, broken = 0, Counter[str](), list[str]()
    with ProcessPoolExecutor() as pool:
        for some, counts, failed in pool.map(examine, starts, sizes):
            acts += some
            checked.update(counts)
            broken += failed
    return acts, checked, broken


def page(command: str, histories: int, acts: int, checked: Counter[str], broken: list[str]) -> str:
    """What was found, as a page."""
    failed = Counter(line.split(": ")[1] for line in broken)
    rows = "\n".join(f"| {name} | {count:,} | {failed[name]:,} |" for name, count in sorted(checked.items()))
    text = _HEAD.format(
        command=command, histories=histories, acts=acts, comparisons=checked.total(), broken=len(broken), rows=rows
    )
    return f"{text}\n{machine()}\n"


def main() -> int:
    """The command; answers 1 when anything failed."""
    description = (__doc__ or "").splitlines()[0]
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks.ledger_histories", description=description)
    parser.add_argument("--histories", type=int, default=3_000, help="how many (%(default)s)")
    parser.add_argument("--seed", type=int, default=0, help="the first one (%(default)s)")
    parser.add_argument("--write", action="store_true", help="write docs/ledger.md")
    options = parser.parse_args()
    acts, checked, broken = examine_all(options.seed, options.histories)
    command = f"python -m tests.benchmarks.ledger_histories --histories {options.histories} --seed {options.seed}"
    text = page(f"{command} --write", options.histories, acts, checked, broken)
    print(text)
    for line in broken[:_MOST_SHOWN]:
        print(line)
    if options.write:
        _PAGE.write_text(text, "utf-8")
    return 1 if broken else 0


if __name__ == "__main__":
    sys.exit(main())
