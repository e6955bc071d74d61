"""Whether a run heard what QuickBooks had to say, and when that last was so; read from the runs' own certificates."""

from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Any

import msgspec

from mappings.findings import Gap
from mappings.model import System
from mappings.records import RunRecord
from state.runs import COMPARE

RUNS_LOOKED_AT = 1_000  # ten days of cycles
# Gaps that say that not all of a system's changes were heard; the others name records, settings or rights.
_UNREAD = frozenset({"G1", "G3", "G10"})
_NEVER = datetime.min.replace(tzinfo=UTC)


def gaps_of(run: RunRecord) -> tuple[Gap, ...]:
    """What a finished run could not read."""
    document: dict[str, Any] = msgspec.json.decode(run.certificate)
    return tuple(Gap(gap["code"], gap["system"], gap["sentence"]) for gap in document["gaps"])


def was_read(gaps: Iterable[Gap]) -> bool:
    """Whether a run with these gaps heard all of QuickBooks, records that it could not understand included."""
    return not any(gap.system == System.QUICKBOOKS and gap.code in _UNREAD for gap in gaps)


def last_read_at(runs: Iterable[RunRecord]) -> datetime:
    """When the newest of these finished runs began that read QuickBooks; the beginning of time when none did.

    `runs` are the newest first.
    """
    return next((run.started_at for run in runs if run.kind != COMPARE and was_read(gaps_of(run))), _NEVER)
