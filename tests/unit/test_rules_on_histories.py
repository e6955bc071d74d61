"""The rules alone over random histories of a firm: every planted mistake is told to the cent, and nothing else.

The benchmark of accuracy says the same of the whole worker over thousands of histories. Here the books are read
straight from the ledgers, so what only a run of the worker can see (unknown words, settings, a record missing from one
read) is not judged.
"""

from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from zoneinfo import ZoneInfo

import pytest

from mappings.findings import BookResult
from mappings.model import Book
from sync.checker import check_arithmetic
from sync.rules.evaluate import evaluate_book
from sync.rules.moment import Moment
from tests.archive import Archive
from tests.benchmarks.accuracy_history import FirmHistory
from tests.benchmarks.accuracy_judging import Seen, judge, stated_facts

SEEDS = range(2_000_000, 2_000_024)
_OF_A_RUN = frozenset({"G5", "G9", "G11"})
_NEW_YORK = ZoneInfo("America/New_York")


@dataclass(frozen=True)
class Lived:
    """What the books said on each evening, and what was known to be wrong by then."""

    books: tuple[Book, ...]
    seen: tuple[Seen, ...]
    moments: tuple[Moment, ...]
    raws: dict[str, bytes]


@lru_cache(maxsize=64)
def lived(seed: int) -> Lived:
    """One history, told to its end; the rules are not asked."""
    history, archive = FirmHistory(seed), Archive()
    books, seen, moments = [], [], []
    for now in history.tell():
        archive.read(history.world)
        books.append(archive.book())
        moments.append(Moment(now=now, timezone=_NEW_YORK))
        seen.append(_seen(history, now))
    return Lived(tuple(books), tuple(seen), tuple(moments), archive.raws)


def _seen(history: FirmHistory, now: datetime) -> Seen:
    return Seen(
        on=now.date(),
        complete=True,
        findings=(),
        residuals=(),
        mistakes=tuple(history.mistakes),
        corrected=tuple(history.corrected),
        facts=stated_facts(history.world, now.date()),
    )


@pytest.mark.parametrize("seed", SEEDS)
def test_every_planted_mistake_is_told_to_the_cent_and_nothing_else(seed: int) -> None:
    history = lived(seed)
    results = [evaluate_book(book, moment) for book, moment in zip(history.books, history.moments, strict=True)]

    judgement = judge([_with(seen, result) for seen, result in zip(history.seen, results, strict=True)])

    unread = " ".join(mistake.words for mistake in history.seen[-1].mistakes if mistake.code == "G11")
    assert [] == [mistake for mistake in judgement.missed if mistake.code not in _OF_A_RUN]
    assert [] == [
        (finding.code, finding.explanation)
        for _, finding in judgement.false_alarms
        if finding.invoice is None or finding.invoice.number not in unread
    ]
    assert 0 == judgement.residual_count
    for result in results:
        assert len(result.findings) == len({finding.fingerprint for finding in result.findings})
        assert {each.invoice.bigtime for each in result.tie_lines} >= {
            claim.invoice_id for finding in result.findings for claim in finding.claims if claim.amount_minor
        }
    for finding in results[-1].findings:
        raws = {evidence: history.raws[evidence.sha256] for evidence in finding.evidence}
        assert [] == [line for good, line in check_arithmetic(finding, raws) if not good], finding.code


def _with(seen: Seen, result: BookResult) -> Seen:
    return Seen(
        on=seen.on,
        complete=True,
        findings=result.findings,
        residuals=tuple(line.residual_minor for line in result.tie_lines),
        mistakes=seen.mistakes,
        corrected=seen.corrected,
        facts=seen.facts,
    )


def test_the_histories_plant_nearly_every_type() -> None:
    planted = {mistake.code for seed in SEEDS for mistake in lived(seed).seen[-1].mistakes}

    assert len(planted - _OF_A_RUN) > 40
