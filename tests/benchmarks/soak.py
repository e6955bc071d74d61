"""Three months of four companies on a fast clock: `python -m tests.benchmarks.soak [--days N] [--seed N]`.

The real daemon in a process of its own, over real sockets: both systems of four firms, a mail server, a Slack webhook
and an Apprise service. Every day has faults, each system and each channel has an outage, one connection is lost.
Fails when an incident was missed or told twice, when something was told after its end, or when memory grew.
"""

import argparse
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import psutil

from tests.soak.judging import ChannelJudgement, flatness, judge
from tests.soak.office import Soaked, SoakOptions, soak

_MEMORY = Path("/dev/shm")
_MOST_ALERTS_PER_INCIDENT = 1.1
_FEW = 40  # of fewer incidents, one that changed as it should is more than a tenth
_MOST_GROWTH = 1.1  # of what the daemon holds at the end, over what it held when everything had been used once


def main() -> int:
    """Soak, print what was told against what was wrong, and answer 0 when all is as it should be."""
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks.soak", description=__doc__)
    parser.add_argument("--days", type=int, default=90, help="simulated days (%(default)s)")
    parser.add_argument("--seed", type=int, default=1, help="of the firms, their mistakes and the faults (%(default)s)")
    parser.add_argument("--beat-minutes", type=int, default=240, help="of each company, simulated (%(default)s)")
    given = parser.parse_args()
    options = SoakOptions(days=given.days, seed=given.seed, beat_minutes=given.beat_minutes, tick_minutes=30)
    began = time.monotonic()
    with tempfile.TemporaryDirectory(dir=_MEMORY if _MEMORY.is_dir() else None) as folder:
        soaked = soak(options, Path(folder), lambda line: print(line, file=sys.stderr, flush=True))
    judgements = judge(soaked)
    own = psutil.Process().cpu_times()
    cpu = own.user + own.system + soaked.burdens[-1].cpu_seconds
    print("\n".join(_report(soaked, judgements, options, wall=time.monotonic() - began, cpu=cpu)))
    wrong = [problem for judgement in judgements for problem in problems_of(judgement)]
    wrong += [] if is_flat(soaked) else ["memory grew"]
    print("\n".join(["", *(f"WRONG: {problem}" for problem in wrong)]) if wrong else "\nAll as it should be.")
    return int(bool(wrong))


def is_flat(soaked: Soaked) -> bool:
    """Whether the daemon holds no more at the end than when everything had been used once."""
    first, _, last = flatness(soaked.burdens)
    grown = last.resident_mb / first.resident_mb, last.objects / first.objects
    return max(grown) <= _MOST_GROWTH and (last.threads, last.files) <= (first.threads + 2, first.files + 5)


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


def _report(
    soaked: Soaked, judgements: tuple[ChannelJudgement, ...], options: SoakOptions, *, wall: float, cpu: float
) -> Iterator[str]:
    turns = sum(sum(results.values()) for results in soaked.account.turns.values())
    yield (
        f"{options.days} simulated days, 4 companies, seed {options.seed}, a beat of {options.beat_minutes} minutes: "
        f"{turns:,} turns, {soaked.faults:,} faults struck, {wall:.0f} s, {cpu:.0f} s of CPU"
    )
    yield f"True incidents: {len(soaked.incidents)}"
    heads = ("channel", "incidents", "alerts", "per incident", "never told", "told again", "of nothing", "after end")
    rests = ("changed", "reminders", "resolved", "digests", "messages")
    yield "".join(f"{head:>13}" for head in (*heads, *rests))
    for each in judgements:
        figures = (
            each.channel,
            each.incidents,
            each.alerts,
            f"{each.alerts_per_incident:.3f}",
            len(each.missed),
            len(each.repeated),
            len(each.unknown),
            len(each.after_end),
            each.updates,
            each.reminders,
            each.resolutions,
            each.others,
            each.delivered,
        )
        yield "".join(f"{figure:>13}" for figure in figures)
    for name, burden in zip(("start", "middle", "end"), flatness(soaked.burdens), strict=True):
        yield (
            f"Memory at the {name} ({burden.at:%Y-%m-%d}): {burden.resident_mb:.1f} MB, {burden.objects:,} objects, "
            f"{burden.threads} threads, {burden.files} files"
        )
    yield f"Nightly verifications that found a difference: {soaked.account.differences}"


if __name__ == "__main__":
    sys.exit(main())
