"""The layers hold, and the check that says so can fail."""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.architecture.sources import PACKAGES, ROOT

_LINT_IMPORTS = str(Path(sys.executable).parent / "lint-imports")


def _lint(folder: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [_LINT_IMPORTS, "--no-cache"], cwd=folder, check=False, capture_output=True, text=True, timeout=120
    )


@pytest.fixture
def copy_of_the_sources(tmp_path: Path) -> Path:
    for package in PACKAGES:
        shutil.copytree(ROOT / package, tmp_path / package, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(ROOT / "pyproject.toml", tmp_path)
    return tmp_path


def test_the_layers_hold(copy_of_the_sources: Path) -> None:
    result = _lint(copy_of_the_sources)

    assert result.returncode == 0, result.stdout


@pytest.mark.parametrize(
    ("module", "violation"),
    [
        ("mappings/money.py", "import sync.ports"),
        ("mappings/model.py", "import sqlalchemy"),
        ("state/errors.py", "import connectors.errors"),
        ("connectors/errors.py", "import config.settings"),
        ("sync/rules/desk.py", "import logging"),
    ],
)
def test_a_planted_import_across_the_layers_is_caught(copy_of_the_sources: Path, module: str, violation: str) -> None:
    path = copy_of_the_sources / module
    path.write_text(path.read_text("utf-8") + f"\n{violation}\n", "utf-8")

    result = _lint(copy_of_the_sources)

    assert result.returncode != 0
    assert "BROKEN" in result.stdout
