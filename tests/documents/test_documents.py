"""The generated pages say what the code says, and nothing in the catalogue is without a rule."""

import re
from pathlib import Path

import pytest

from mappings.findings import title_from_slug
from sync.rules.catalogue import CATALOGUE
from sync.rules.reference import detection_of, reference_page
from sync.rules.reference_notes import NOTES, WITHOUT_A_FINDING
from tests.documents.__main__ import PAGES


@pytest.mark.parametrize("path", PAGES, ids=lambda path: path.name)
def test_the_page_is_what_the_code_would_write_today(path: Path) -> None:
    assert path.read_text("utf-8") == PAGES[path](), "run python -m tests.documents"


# Source: facts/field.md §8.3.
_FIELD = {
    *(
        f"{group}{number}"
        for group, last in zip("ABCDEFG", (7, 8, 8, 9, 11, 11, 12), strict=True)
        for number in range(1, last + 1)
    ),
    "C6b",
}


def test_every_type_of_the_fields_catalogue_is_in_the_reference_with_its_state() -> None:
    assert 55 + 12 == len(_FIELD)
    assert _FIELD == CATALOGUE.keys() | WITHOUT_A_FINDING.keys()
    assert not CATALOGUE.keys() & WITHOUT_A_FINDING.keys()
    assert CATALOGUE.keys() == NOTES.keys()
    page = reference_page()
    assert [] == [code for code in _FIELD if not re.search(rf"^### {code}\b", page, re.MULTILINE)]


@pytest.mark.parametrize("code", CATALOGUE)
def test_every_type_is_found_by_a_rule_that_says_how(code: str) -> None:
    assert detection_of(code) != ""


def test_a_type_is_called_by_its_slug_with_the_marks_that_it_needs() -> None:
    titles = {each.slug: title_from_slug(each.slug) for each in CATALOGUE.values()}
    assert [s for s, title in titles.items() if re.sub("[^a-z0-9]", "", title.lower()) != s.replace("-", "")] == []
    assert "in BigTime, gone in QuickBooks" == titles["in-bigtime-gone-in-quickbooks"]
    assert "push-back echo" == titles["push-back-echo"]
