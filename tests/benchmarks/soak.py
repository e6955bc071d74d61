"""Three months of four companies on a fast clock: `python -m tests.benchmarks.soak [--days N] [--seed N] [--write]`.

The real daemon in a process of its own, over real sockets: both systems of four firms, a mail server, a Slack webhook
and an Apprise service. Every day has faults, each system and each channel has an outage, one connection is lost.
Fails when an incident was missed or told twice, when something was told after its end, or when memory grew.
"""

import argparse
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil

from tests.benchmarks.soak_page import Cost, page, tables
from tests.soak.daemon import Burden
from tests.soak.judging import ChannelJudgement, growth, judge, thirds
from tests.soak.office import Soaked, SoakOptions, soak

_MEMORY = Path("/dev/shm")
_PAGE = Path(__file__).resolve().parents[2] / "docs" / "soak.md"
_FEWEST_DAYS = 3
_MOST_ALERTS_PER_INCIDENT = 1.1
_FEW = 40  # of fewer incidents, one that changed as it should is more than a tenth
# From the second to the last third of the time, by medians.
_MOST_GROWTH = 1.02


def main() -> int:
    """Soak, print what was told against what was wrong, and answer 0 when all is as it should be."""
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks.soak", description=__doc__)
    parser.add_argument("--days", type=int, default=90, help="simulated days (%(default)s)")
    parser.add_argument("--seed", type=int, default=1, help="of the firms, their mistakes and the faults (%(default)s)")
    parser.add_argument("--beat-minutes", type=int, default=240, help="of each company, simulated (%(default)s)")
    parser.add_argument("--write", action="store_true", help="write docs/soak.md")
    given = parser.parse_args()
    if given.days < _FEWEST_DAYS:
        parser.error(f"--days must be at least {_FEWEST_DAYS}: memory is compared over thirds of the time")
    options = SoakOptions(days=given.days, seed=given.seed, beat_minutes=given.beat_minutes, tick_minutes=30)
    began = time.monotonic()
    with tempfile.TemporaryDirectory(dir=_MEMORY if _MEMORY.is_dir() else None) as folder:
        soaked = soak(options, Path(folder), lambda line: print(line, file=sys.stderr, flush=True))
    judgements = judge(soaked)
    own = psutil.Process().cpu_times()
    cpu = own.user + own.system + soaked.burdens[-1].cpu_seconds
    cost = Cost(wall_seconds=time.monotonic() - began, cpu_seconds=cpu)
    wrong = [problem for judgement in judgements for problem in problems_of(judgement)]
    wrong += [] if is_flat(soaked) else ["memory grew"]
    print(tables(soaked, judgements, options, cost))
    print("\n".join(f"WRONG: {problem}" for problem in wrong) or "All as it should be.")
    if given.write:
        command = f"python -m tests.benchmarks.soak --days {given.days} --seed {given.seed} --write"
        _PAGE.write_text(page(command, tables(soaked, judgements, options, cost), wrong), "utf-8")
    return int(bool(wrong))


def is_flat(soaked: Soaked) -> bool:
    """Whether the daemon held no more in the last third of the time than in the second."""
    burdens = soaked.burdens
    measures: tuple[Callable[[Burden], float], ...] = (
        lambda each: each.resident_mb,
        lambda each: each.own_mb,
        lambda each: each.blocks,
        lambda each: each.objects,
    )
    _, middle, last = thirds(burdens)
    return (
        all(growth(burdens, measure) <= _MOST_GROWTH for measure in measures)
        and max(each.threads for each in last) <= max(each.threads for each in middle) + 2
        and max(each.files for each in last) <= max(each.files for each in middle) + 5
    )


def problems_of(judgement: ChannelJudgement) -> Iterator[str]:
    """What a channel's readers could complain of."""
    name = judgement.channel
    yield from (f"{name}: never told: {each}" for each in judgement.missed)
    yield from (f"{name}: told more than once: {each}" for each in judgement.repeated)
    yield from (f"{name}: told of nothing that was wrong: {each}" for each in judgement.unknown)
    yield from (f"{name}: told after its end: {each}" for each in judgement.after_end)
    yield from (f"{name}: its end was not told: {each}" for each in judgement.unresolved)
    if judgement.incidents >= _FEW and judgement.alerts_per_incident > _MOST_ALERTS_PER_INCIDENT:
        yield f"{name}: {judgement.alerts_per_incident:.3f} alerts per incident"
    if judgement.taken != judgement.delivered or judgement.unsent:
        yield (
            f"{name}: {judgement.taken} messages arrived, {judgement.delivered} are marked as sent, "
            f"{judgement.unsent} wait"
        )


if __name__ == "__main__":
    sys.exit(main())
