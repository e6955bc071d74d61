"""The worker is killed at every commit and at every call, one after the other, and started again.

Whatever the point, the store ends up saying what it says when nothing went wrong. Both systems stand still meanwhile.
Source: facts/reliability.md A3 L2, A4 F01.
"""

from collections.abc import Iterator
from itertools import count, product
from pathlib import Path

import pytest
from sqlalchemy import URL

from tests.crash.copies import Copies, PostgresCopies, SqliteCopies
from tests.crash.logical import differences
from tests.crash.rehearsal import Phase, Rehearsal, rehearse
from tests.crash.victim import Point, What, When

_MODES: tuple[tuple[What, When], ...] = tuple(product(list(What), list(When)))
# A sample takes every so many-th point of each mode, beginning at another one in each.
_SAMPLE_STEP = 24


@pytest.fixture
def sqlite_copies(tmp_path: Path, sqlite_template: Path) -> SqliteCopies:
    return SqliteCopies(tmp_path, sqlite_template)


@pytest.fixture
def postgres_copies(postgres_server: URL, postgres_template: str) -> Iterator[PostgresCopies]:
    with PostgresCopies(postgres_server, postgres_template) as copies:
        yield copies


@pytest.fixture(params=["sqlite", "postgresql"])
def copies(request: pytest.FixtureRequest) -> Copies:
    chosen: Copies = request.getfixturevalue("sqlite_copies" if request.param == "sqlite" else "postgres_copies")
    return chosen


def _crash_everywhere(rehearsal: Rehearsal, *, step: int) -> int:
    """Kill a worker at each `step`-th point of each mode, until one comes through; answers how many were killed."""
    killed = 0
    for index, (what, when) in enumerate(_MODES):
        for number in count(1 + index * step // len(_MODES), step):
            state = rehearsal.crash_at(Point(what, when, number))
            if state is None:
                break
            assert differences(rehearsal.expected, state) == [], f"killed {when} {what} {number}"
            killed += 1
    return killed


@pytest.mark.slow
@pytest.mark.parametrize("phase", Phase)
def test_a_crash_anywhere_leaves_no_trace(phase: Phase, copies: Copies, tmp_path: Path) -> None:
    with rehearse(tmp_path / "firm", copies, phase) as rehearsal:
        killed = _crash_everywhere(rehearsal, step=1)
    print(f"{killed} workers were killed")
    assert killed >= 60


@pytest.mark.parametrize("phase", Phase)
def test_a_crash_leaves_no_trace_in_a_sample(phase: Phase, sqlite_copies: SqliteCopies, tmp_path: Path) -> None:
    with rehearse(tmp_path / "firm", sqlite_copies, phase) as rehearsal:
        assert _crash_everywhere(rehearsal, step=_SAMPLE_STEP) >= 3


def test_a_cursor_stored_apart_from_its_rows_is_caught(sqlite_copies: SqliteCopies, tmp_path: Path) -> None:
    with rehearse(tmp_path / "firm", sqlite_copies, Phase.CYCLE) as rehearsal:
        for number in range(1, 200):
            state = rehearsal.crash_at(Point(What.COMMIT, When.AFTER, number), loose_cursor=True)
            assert state is not None, "no crash did any harm"
            lost = differences(rehearsal.expected, state)
            if lost:
                assert any(line.startswith("records quickbooks") for line in lost)
                return
