"""Errors are classed by what the caller does next."""

import pytest

from connectors.errors import HANDLING, ConnectorError, Handling, Reaction, Unavailable, handling_of
from mappings.model import System


def subclasses(parent: type[ConnectorError]) -> set[type[ConnectorError]]:
    direct = set(parent.__subclasses__())
    return direct.union(*(subclasses(child) for child in direct))


def test_every_error_class_has_exactly_one_handling() -> None:
    assert subclasses(ConnectorError) == set(HANDLING)


def test_every_reaction_belongs_to_exactly_one_class() -> None:
    assert sorted(Reaction) == sorted(handling.reaction for handling in HANDLING.values())


def test_exit_codes_are_those_of_the_command_line_contract() -> None:
    assert {handling.exit_code for handling in HANDLING.values()} == {3, 4, 5}


@pytest.mark.parametrize("kind", list(HANDLING))
def test_an_error_says_which_system_what_was_asked_and_how_to_find_it_again(kind: type[ConnectorError]) -> None:
    error = kind(System.QUICKBOOKS, "invoice page", "it did not work", http_status=503, code="3001", request_id="1-abc")
    assert str(error) == "quickbooks: invoice page: it did not work (HTTP 503, code 3001, request 1-abc)"
    assert isinstance(handling_of(error), Handling)


def test_an_error_without_details_has_no_empty_brackets() -> None:
    assert str(Unavailable(System.BIGTIME, "invoices", "no answer")) == "bigtime: invoices: no answer"
