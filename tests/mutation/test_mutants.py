"""The mutation run notices what tests notice: a wrong that is planted in a function and in a constant."""

import sys
from pathlib import Path

import pytest

from tests.mutation.mutants import mutants_of
from tests.mutation.running import put_in_place

_SOURCE = '''"""A module."""

LIMIT = 3


def is_over(value: int) -> bool:
    """Whether it is over. The number 7 in this text is left alone."""
    assert value >= 0
    if value > LIMIT:
        return True
    return False


class Box:
    """A box."""

    size = 5

    def double(self, value: int) -> int:
        """Twice."""
        return value * 2
'''


@pytest.fixture
def module(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    path = tmp_path / "planted_module.py"
    path.write_text(_SOURCE)
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.delitem(sys.modules, "planted_module", raising=False)
    return path


def test_every_kind_of_change_is_made_and_texts_and_assertions_are_left_alone(module: Path) -> None:
    made = {f"{each.before} → {each.after}" for each in mutants_of(module, module.parent)}

    assert made == {
        "3 → 4",
        "value > LIMIT → value >= LIMIT",
        "value > LIMIT → value <= LIMIT",
        "True → False",
        "return True → return None",
        "False → True",
        "return False → return None",
        "value * 2 → value // 2",
        "2 → 3",
        "return value * 2 → return None",
    }


def test_a_mutant_that_is_put_in_place_is_what_runs(module: Path) -> None:
    import planted_module  # type: ignore[import-not-found]

    for mutant in mutants_of(module, module.parent):
        if f"{mutant.before} → {mutant.after}" in {"value > LIMIT → value >= LIMIT", "value * 2 → value // 2"}:
            put_in_place(mutant, module.parent)

    assert planted_module.is_over(3)
    assert planted_module.Box().double(8) == 4


def test_a_changed_constant_is_changed_for_everybody_who_imported_it(module: Path) -> None:
    import planted_module

    planted_module.LIMIT = limit = 12345  # a value that nobody else has
    module.write_text(_SOURCE.replace("LIMIT = 3", f"LIMIT = {limit}"))
    other = type(sys)("planted_importer")
    other.LIMIT = limit  # type: ignore[attr-defined]
    sys.modules["planted_importer"] = other
    try:
        put_in_place(mutants_of(module, module.parent)[0], module.parent)
        assert (planted_module.LIMIT, other.LIMIT) == (12346, 12346)
    finally:
        del sys.modules["planted_importer"]
