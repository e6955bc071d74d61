"""The page `docs/soak.md`, from a soak: every figure on it comes from one run."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from itertools import chain
from statistics import median

from tests.benchmarks.figures import machine
from tests.soak.daemon import Burden
from tests.soak.judging import ChannelJudgement, growth, thirds
from tests.soak.office import Soaked, SoakOptions

_HEAD = """# Three months on a fast clock

Whether everything that goes wrong is told once, and nothing else is. Written by `{command}`; nothing on this page is
typed by hand.

The real daemon runs in a process of its own against both simulated systems of four firms, over sockets, with a mail
server, a Slack webhook and an Apprise service to tell; only the clock is simulated. People work, make a mistake every
few days and put it right, or say that it is as it should be. Every day has faults in both systems and refusals by the
channels; each system and each channel is away once for hours, and one connection to QuickBooks is lost for a day.
The judge knows what was really wrong and which messages arrived, and nothing of the rules.

"""
_MEMORY = """
Memory is judged from the second to the last third of the time. `of it SQLite` is what SQLite holds by its own count:
pages of the database, most of which the daemon lets go of after each turn. The whole, the rest beside SQLite, and what
Python holds must each be the same to 2 %.
"""
_MEASURES: tuple[tuple[str, str, Callable[[Burden], float]], ...] = (
    ("resident, MB", "{:,.1f}", lambda each: each.resident_mb),
    ("of it SQLite, MB", "{:,.1f}", lambda each: each.store_mb),
    ("the rest, MB", "{:,.1f}", lambda each: each.own_mb),
    ("pieces of memory of Python", "{:,.0f}", lambda each: each.blocks),
    ("objects", "{:,.0f}", lambda each: each.objects),
    ("threads", "{:,.0f}", lambda each: each.threads),
    ("files", "{:,.0f}", lambda each: each.files),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Cost:
    """What the soak took."""

    wall_seconds: float
    cpu_seconds: float


def page(command: str, figures: str, wrong: Sequence[str]) -> str:
    """The whole page; `wrong` is what was not as it should be."""
    verdict = (
        "\n".join(f"- {problem}" for problem in wrong)
        or "Nothing: each incident was told once, and its end once; memory did not grow."
    )
    return f"{_HEAD.format(command=command)}{figures}\n\n## What was not as it should be\n\n{verdict}\n\n{machine()}\n"


def tables(soaked: Soaked, judgements: Iterable[ChannelJudgement], options: SoakOptions, cost: Cost) -> str:
    """The figures of a soak, as tables."""
    turns = sum(sum(results.values()) for results in soaked.account.turns.values())
    facts = (
        ("simulated days", f"{options.days:,}"),
        ("seed", f"{options.seed}"),
        ("beat of a company", f"{options.beat_minutes} minutes"),
        ("turns of the daemon", f"{turns:,}"),
        ("faults that struck", f"{soaked.faults:,}"),
        ("true incidents", f"{len(soaked.incidents):,}"),
        ("nightly verifications that found a difference", f"{soaked.account.differences:,}"),
        ("time, CPU", f"{cost.wall_seconds:,.0f} s, {cost.cpu_seconds:,.0f} s"),
    )
    parts = (_table(("", ""), facts), [""], _channels(tuple(judgements)), [_MEMORY], _memory(soaked.burdens))
    return "\n".join(chain.from_iterable(parts))


def _channels(judgements: Sequence[ChannelJudgement]) -> list[str]:
    names = ("incidents", "alerts", "alerts per incident", "never told", "told again", "told of nothing")
    rests = ("told after the end", "end not told", "changes", "reminders", "ends", "digests", "messages that arrived")
    columns = [
        (
            each.incidents,
            each.alerts,
            f"**{each.alerts_per_incident:.3f}**",
            *(len(some) for some in (each.missed, each.repeated, each.unknown, each.after_end, each.unresolved)),
            *(each.updates, each.reminders, each.resolutions, each.others, each.taken),
        )
        for each in judgements
    ]
    rows = zip((*names, *rests), *columns, strict=True)
    return _table(("", *(each.channel for each in judgements)), rows)


def _memory(burdens: Sequence[Burden]) -> list[str]:
    rows = (
        (
            name,
            *(shape.format(median(measure(each) for each in part)) for part in thirds(burdens)),
            f"{growth(burdens, measure):.3f}",
        )
        for name, shape, measure in _MEASURES
    )
    return _table(("median of", "first third", "second third", "last third", "last / second"), rows)


def _table(heads: Sequence[str], rows: Iterable[Sequence[object]]) -> list[str]:
    return [f"| {' | '.join(str(cell) for cell in row)} |" for row in (heads, ["---"] * len(heads), *rows)]
