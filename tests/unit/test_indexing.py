"""Numbers and names are found again however they are spelt."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mappings.indexing import normalise_number

_FULL_WIDTH = str.maketrans({chr(code): chr(code + 0xFEE0) for code in range(0x21, 0x7F)})


@pytest.mark.parametrize(
    ("number", "expected"),
    [
        ("INV-000123", "inv-123"),
        (" inv - 123 ", "inv-123"),
        ("000", "0"),
        ("9", "9"),
        ("9.10", "9.10"),
        ("09.010", "9.10"),
        ("10", "10"),
        ("A0B00", "a0b0"),
        ("#-", ""),
        ("", ""),
        ("Ⅷ-００7", "viii-7"),
    ],
)
def test_a_number_has_one_form(number: str, expected: str) -> None:
    assert normalise_number(number) == expected


@given(st.text(st.characters(min_codepoint=0x21, max_codepoint=0x7E)))
def test_the_form_does_not_depend_on_the_way_in_which_it_is_found(number: str) -> None:
    assert normalise_number(number) == normalise_number(number.translate(_FULL_WIDTH))
