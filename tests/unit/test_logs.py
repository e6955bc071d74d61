"""Logs are for machines and people, and hold no secret."""

import json
import logging

import pytest

from sync.logs import logging_to_stderr


def test_a_json_line_has_the_action_and_the_run(capsys: pytest.CaptureFixture[str]) -> None:
    with logging_to_stderr(level="info", as_json=True):
        logging.getLogger("sync.x").info("done", extra={"action": "run_finished", "company": "acme", "run": "r1"})
    text = capsys.readouterr().err
    line = json.loads(text)
    assert ("info", "sync.x", "run_finished", "done", "acme", "r1") == tuple(
        line[key] for key in ("level", "logger", "action", "message", "company", "run")
    )
    assert line["at"].endswith("+00:00")


@pytest.mark.parametrize("as_json", [True, False])
def test_a_known_secret_is_masked_in_messages_and_arguments(
    capsys: pytest.CaptureFixture[str], *, as_json: bool
) -> None:
    with logging_to_stderr(level="debug", as_json=as_json) as mask:
        mask.learn(["CANARY-secret", "", "abc"])
        logging.getLogger("sync.x").warning("got %s and CANARY-secret abc", {"token": "CANARY-secret"})
    text = capsys.readouterr().err
    assert "CANARY" not in text
    assert "abc" in text


def test_an_exception_is_logged_by_its_class_only(capsys: pytest.CaptureFixture[str]) -> None:
    with logging_to_stderr(level="info", as_json=True):
        try:
            int("CANARY of a customer's name")
        except ValueError:
            logging.getLogger("sync.x").exception("failed")
    text = capsys.readouterr().err
    assert "CANARY" not in text
    assert "ValueError" == json.loads(text)["exception"]


def test_a_line_for_people_is_one_printable_line(capsys: pytest.CaptureFixture[str]) -> None:
    with logging_to_stderr(level="info", as_json=False):
        logging.getLogger("sync.x").info("name \x1b[31m\nforged line")
    text = capsys.readouterr().err
    assert 1 == text.count("\n")
    assert "\x1b" not in text


def test_libraries_that_would_log_requests_stay_silent(capsys: pytest.CaptureFixture[str]) -> None:
    with logging_to_stderr(level="debug", as_json=False):
        logging.getLogger("urllib3.connectionpool").debug("GET /token?code=CANARY")
        logging.getLogger("requests_oauthlib.oauth2_session").debug("CANARY")
    text = capsys.readouterr().err
    assert "" == text


def test_the_earlier_handlers_come_back() -> None:
    before = list(logging.getLogger().handlers)
    with logging_to_stderr(level="info", as_json=True):
        assert before != logging.getLogger().handlers
    assert before == logging.getLogger().handlers
