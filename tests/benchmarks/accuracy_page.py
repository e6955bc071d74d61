"""The page `docs/accuracy.md`, from a tally: every figure on it comes from a run."""

from collections.abc import Iterator

from mappings.findings import title_from_slug
from sync.rules.catalogue import CATALOGUE
from tests.benchmarks.accuracy_baselines import Method
from tests.benchmarks.accuracy_tally import Tally
from tests.benchmarks.figures import machine

# Types of the catalogue that no act in the two books brings about, with the reason.
OUT_OF_REACH = {
    "A6": "BigTime's API shows no client credit that is only held; what a payment leaves over is B7 or C5.",
    "F3": "a sum by definition: the client's difference is told as C1, C2, C5, B7 and the rest, never on its own.",
    "F8": "QuickBooks takes applications back when a credit becomes too small, so nothing stays overspent; see E3.",
    "F9": "QuickBooks' own sums would have to break; the simulated one keeps them. Held by unit tests.",
    "F10": "a system's own sums would have to break; the simulated ones keep them. Held by unit tests.",
    "F11": "QuickBooks' own sums would have to break; the simulated one keeps them. Held by unit tests.",
    "G1": "a fault of the connection, not of the books. Held by the tests of the pulls and of faults.",
    "G2": "a fault of the connection, not of the books. Held by the tests of the pulls and of faults.",
    "G3": "a fault of the connection, not of the books. Held by the tests of the pulls and of faults.",
    "G6": "a fault of the connection, not of the books. Held by the tests of the pulls and of faults.",
    "G8": "a fault of the connection, not of the books. Held by the tests of the pulls and of faults.",
    "G10": "a fault of the connection, not of the books. Held by the tests of the pulls and of faults.",
}
_HEAD = """# Accuracy

How much of what goes wrong Tieout finds, and how often it speaks without a reason. Written by
`{command}`; nothing on this page is typed by hand.

## How it is measured

A random history of one firm is told in two simulated systems that are served over HTTP on loopback: people write, post,
credit and pay invoices; some of what they and the sync do is wrong; some of it only looks wrong. The real worker runs
between the events: its connectors, pullers, SQLite store and rules; only the clock is simulated. The generator knows
causes, never rules. Every mistake of a history happens at random beside the others, often on one client, and by intent
in about every third case on an invoice that has one already. Half of the histories happen in systems that behave as the
fact sheets assume; in the others every question that public material leaves open is answered by chance: how BigTime
spells words, dates and amounts, how it names a pushed credit, whether it keeps the row of a deleted payment, by which
date it filters, whether a QuickBooks memo's own time moves when it is used, and more.

- **Found**: one finding has the code, names the invoice (or the client), and states claim and exposure to the cent.
- **Put right**: of a mistake that somebody corrects, a run before has to tell it and the last run must not.
- **False alarm**: a finding above S4, in *any* run, that no mistake explains. What the ledgers themselves show to be so
  (F1 below zero, C1 left of a payment for more than 30 days, F5 a memo for more than 30 or a payment for more than 180,
  F4 credit beside an overdue invoice) is counted as a consequence, not as an alarm.
- **Residual**: the part of BigTime − QuickBooks that no finding claims, at the end of every complete run.
- **Balances**, the first baseline: compare both systems' open balances invoice by invoice. **Fuzzy**, the second: match
  payments and credits by client, amount and date within three days. Both see all data and are judged leniently: to
  point at the invoice is enough, without type or amount.

Amounts of mistakes on one firm are distinct. With equal amounts some mistakes cannot be told from others by anybody: a
client credit of 100.00 in BigTime on one invoice and a lost credit of 100.00 in QuickBooks on another *is* the picture
of one credit on two invoices. For the same reason an invoice's total is changed by one mistake at most.
"""


def page(tally: Tally, *, command: str, seed: int, seconds: float) -> str:
    """The whole page."""
    return "\n".join(
        [
            _HEAD.format(command=command),
            *_summary(tally, seed=seed, seconds=seconds),
            *_types(tally),
            *_decoys(tally),
            *_out_of_reach(tally),
            *_failures(tally),
        ]
    )


def _summary(tally: Tally, *, seed: int, seconds: float) -> Iterator[str]:
    complete = tally.run_count - tally.incomplete_count
    rows = (
        ("histories", f"{tally.history_count:,}"),
        ("of these in systems as assumed", f"{tally.usual_count:,}"),
        ("planted mistakes", f"{tally.planted.total():,}"),
        ("found", f"{tally.found.total():,}"),
        ("**recall**", f"**{tally.recall:.4f}**"),
        ("false alarms", f"{tally.alarmed.total():,}"),
        ("**precision**", f"**{tally.precision:.4f}**"),
        ("decoys", f"{tally.decoys.total():,}"),
        ("false alarms on decoys", f"{tally.alarmed_decoys.total():,}"),
        ("invoices with several mistakes", f"{tally.shared_count:,}"),
        ("consequences told", f"{tally.consequence_count:,}"),
        ("runs of the worker", f"{tally.run_count:,}"),
        ("incomplete runs", f"{tally.incomplete_count:,}"),
        ("**complete runs with residual 0.00**", f"**{complete - tally.residual_count:,} of {complete:,}**"),
        ("calls to the two APIs", f"{tally.call_count:,}"),
        ("first seed", str(seed)),
        ("time", f"{seconds / 60:.1f} minutes"),
    )
    yield from ("## Result", "", "| | |", "| --- | --- |")
    yield from (f"| {name} | {value} |" for name, value in rows)
    yield from ("", machine(), "")


def _types(tally: Tally) -> Iterator[str]:
    yield from (
        "## By type",
        "",
        "Baselines: the part of the planted mistakes at whose invoice they point.",
        "",
        "| type | | planted | found | recall | false alarms | precision | balances | fuzzy |",
        "| --- | --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: |",
    )
    for code, entry in CATALOGUE.items():
        if tally.planted[code] or tally.alarmed[code]:
            yield _row(tally, code, f"{title_from_slug(entry.slug)} ({entry.severity})", (code,))
    yield _row(tally, "all", "", tuple(tally.planted | tally.alarmed))
    yield from (
        "",
        *(
            f"{method.value.capitalize()} points at {pointed.invoice_count:,} invoices, of which "
            f"{pointed.right_count:,} carry a mistake: precision {pointed.precision:.4f}."
            for method, pointed in tally.baselines.items()
        ),
        "",
    )


def _row(tally: Tally, code: str, name: str, codes: tuple[str, ...]) -> str:
    planted, found, alarmed = (
        sum(counter[each] for each in codes) for counter in (tally.planted, tally.found, tally.alarmed)
    )
    told = [sum(tally.baselines[method].told[each] for each in codes) for method in Method]
    return (
        f"| {code} | {name} | {planted:,} | {found:,} | {_share(found, planted)} | {alarmed:,} "
        f"| {_share(found, found + alarmed)} | {_share(told[0], planted)} | {_share(told[1], planted)} |"
    )


def _share(some: int, whole: int) -> str:
    return f"{some / whole:.4f}" if whole else ""


def _decoys(tally: Tally) -> Iterator[str]:
    yield from ("## Decoys", "", "| what only looks wrong | planted | with a false alarm |", "| --- | ---: | ---: |")
    for name, count in sorted(tally.decoys.items()):
        yield f"| {name} | {count:,} | {tally.alarmed_decoys[name]:,} |"
    yield ""


def _out_of_reach(tally: Tally) -> Iterator[str]:
    yield from ("## Not planted", "")
    yield from (f"- **{code}**: {reason}" for code, reason in OUT_OF_REACH.items() if not tally.planted[code])
    yield (
        "- **E10** in a QuickBooks whose merges leave the times of transactions alone: change lists do not show it, "
        "the next full reading does. Which of the two QuickBooks does is not known; here merges move them."
    )
    left = [code for code in CATALOGUE if not tally.planted[code] and code not in OUT_OF_REACH]
    yield from (f"- **{code}**: did not come up in these histories." for code in left)
    yield ""


def _failures(tally: Tally) -> Iterator[str]:
    yield from ("## What was missed, and what was said without a reason", "")
    yield from (f"- {line}" for line in tally.shown_failures)
    hidden = len(tally.misses) + len(tally.alarms) - len(tally.shown_failures)
    if hidden:
        yield f"- and {hidden:,} more"
    if not tally.shown_failures:
        yield "Nothing."
    yield from (f"- gap in {count:,} runs: {gap}" for gap, count in tally.gaps.most_common(5))
    yield ""
