"""The generated pages say what the code says, and nothing in the catalogue is without a rule."""

from pathlib import Path

import pytest

from sync.rules.catalogue import CATALOGUE
from sync.rules.reference import detection_of
from tests.documents.__main__ import PAGES


@pytest.mark.parametrize("path", PAGES, ids=lambda path: path.name)
def test_the_page_is_what_the_code_would_write_today(path: Path) -> None:
    assert path.read_text("utf-8") == PAGES[path](), "run python -m tests.documents"


@pytest.mark.parametrize("code", CATALOGUE)
def test_every_type_is_found_by_a_rule_that_says_how(code: str) -> None:
    assert detection_of(code) != ""
