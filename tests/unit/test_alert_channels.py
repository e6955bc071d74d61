"""Messages are whole and harmless in every form, and a channel that fails says why without saying anything secret."""

import json
import logging
import re
import socket
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from html.parser import HTMLParser

import pytest

from connectors.alerts.anywhere import AppriseChannel, unmentioning
from connectors.alerts.email import EmailChannel, MailServer, SmtpSecurity
from connectors.alerts.rendering import html_of, text_of
from connectors.alerts.slack import SlackChannel, payload_of
from connectors.errors import (
    AccessRevoked,
    ConnectorError,
    OutcomeUnknown,
    Rejected,
    Throttled,
    Unavailable,
)
from connectors.transport import Transport
from mappings.alerts import AlertKind, Notice
from mappings.findings import ClientRef, InvoiceRef
from sync.alert_words import NoticeContext, incident_notice, joined, subject_of
from tests.alert_building import NOW, finding, watched
from tests.hook_server import Hook, hook_server
from tests.mail_server import Mailbox, mail_server

HOSTILE = (
    "<script>alert(1)</script>",
    '"><img src=x onerror=alert(1)>',
    "<!channel> <@U1> @everyone",
    "Acme\r\nBcc: thief@example.com\r\n\r\nhello",
    "\x1b[31mred\u202egnp.exe",
    "{{ 7*7 }}{% raw %}",
    "x" * 20_000,
    "=cmd|' /C calc'!A0",
    "\x00\ud800",
)
PASSWORD = "canary-password-4402"


def notice_about(name: str, kind: AlertKind = AlertKind.RAISED) -> Notice:
    found = finding(
        client=ClientRef(name=name, bigtime="301"),
        invoice=InvoiceRef(number=name, bigtime="9001"),
        explanation=f"About {name}.",
    )
    context = NoticeContext(company="acme", incident="I-1", now=NOW)
    return incident_notice(kind, context, (watched(found),), {"USD": 1_234_567_00})


class _Tags(HTMLParser):
    """The tags and attributes of a page."""

    def __init__(self) -> None:
        super().__init__()
        self.seen: list[tuple[str, str]] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.seen += [(tag, name) for name, _ in attrs] or [(tag, "")]


def _tags(page: str) -> set[tuple[str, str]]:
    parser = _Tags()
    parser.feed(page)
    return set(parser.seen)


@pytest.mark.parametrize("name", HOSTILE)
def test_no_name_adds_a_tag_or_an_attribute_to_the_page(name: str) -> None:
    plain, hostile = notice_about("Acme"), notice_about(name)
    assert _tags(html_of(plain, subject_of(plain))) == _tags(html_of(hostile, subject_of(hostile)))


@pytest.mark.parametrize("name", HOSTILE)
def test_no_name_calls_anybody_or_breaks_a_limit_in_slack(name: str) -> None:
    notice = notice_about(name)
    text = json.dumps(payload_of(notice, subject_of(notice)))
    assert "<" not in text
    assert ">" not in text
    payload = json.loads(text)
    assert len(payload["blocks"]) <= 50
    for block in payload["blocks"]:
        for part in [block.get("text"), *block.get("elements", [])]:
            if part is not None:
                assert "plain_text" == part["type"]
                assert 0 < len(part["text"]) <= (150 if block["type"] == "header" else 3_000)


@pytest.mark.parametrize("name", HOSTILE)
def test_no_name_adds_a_header_to_a_mail(name: str) -> None:
    with mail_server() as mailbox:
        notice = notice_about(name)
        mail_channel(mailbox).send(notice, subject=subject_of(notice), message_id="m1", at=NOW)
    (message,) = mailbox.messages
    assert None is message["Bcc"]
    assert 1 == len(message.get_all("Subject", []))
    assert "\n" not in message["Subject"]
    assert [["books@example.com", "ann@example.com"]] == mailbox.recipients


@pytest.mark.parametrize("name", HOSTILE)
def test_what_acts_on_a_terminal_is_shown_and_does_not_act(name: str) -> None:
    text = text_of(notice_about(name))
    assert all(character.isprintable() or character == "\n" for character in text)


def test_a_mail_says_the_same_as_text_and_as_html() -> None:
    with mail_server() as mailbox:
        notice = notice_about("Acme & Söhne")
        mail_channel(mailbox).send(notice, subject=subject_of(notice), message_id="abc123", at=NOW)
    (message,) = mailbox.messages
    assert "<abc123@example.com>" == message["Message-ID"]
    assert "auto-generated" == message["Auto-Submitted"]
    plain, page = message.get_body(("plain",)), message.get_body(("html",))
    assert plain is not None
    assert page is not None
    for words in ("1,234,567.00 USD", "Acme", "tieout findings show"):
        assert words in plain.get_content()
        assert words in page.get_content()
    assert "Acme &amp; Söhne" in page.get_content()
    assert re.search(r"(src|href)=", page.get_content()) is None


def test_many_messages_are_one_with_the_worst_first_and_every_incident_named() -> None:
    notices = [notice_about(f"Client {number}") for number in range(60)]
    together = joined(notices)
    assert "acme: 60 incidents, the worst S1" == together.subject
    assert 40 == len(together.sections[0].items)
    assert "And 20 more" == together.sections[-1].heading
    assert 20 == together.sections[-1].lines[0].count("I-1")


def mail_channel(mailbox: Mailbox, *, username: str = "", port: int | None = None) -> EmailChannel:
    return EmailChannel(
        "books",
        MailServer(
            host="127.0.0.1",
            port=mailbox.port if port is None else port,
            security=SmtpSecurity.NONE,
            username=username,
            timeout_seconds=2,
        ),
        sender="Tieout <tieout@example.com>",
        recipients=("books@example.com", "ann@example.com"),
        read_password=lambda: PASSWORD,
    )


@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        ("451 later", Unavailable),
        ("552 too large", Rejected),
        ("drop", OutcomeUnknown),
    ],
)
def test_each_refusal_of_a_mail_server_is_its_own_error(answer: str, expected: type[ConnectorError]) -> None:
    with mail_server() as mailbox:
        mailbox.answers.append(answer)
        with pytest.raises(expected) as caught:
            mail_channel(mailbox).send(notice_about("Acme"), subject="s", message_id="m", at=NOW)
    assert "example.com" not in str(caught.value)
    assert None is caught.value.__context__


def test_a_recipient_that_is_refused_is_told_and_the_others_get_the_mail() -> None:
    with mail_server() as mailbox:
        mailbox.refused.add("ann@example.com")
        note = mail_channel(mailbox).send(notice_about("Acme"), subject="s", message_id="m", at=NOW)
        assert "1 of 2 recipients were refused" == note
        assert [["books@example.com"]] == mailbox.recipients
        mailbox.refused.add("books@example.com")
        with pytest.raises(Rejected):
            mail_channel(mailbox).send(notice_about("Acme"), subject="s", message_id="m", at=NOW)


def test_a_mail_server_that_is_not_there_is_unavailable() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        with pytest.raises(Unavailable, match="does not answer"):
            mail_channel(Mailbox(), port=taken.getsockname()[1]).send(
                notice_about("Acme"), subject="s", message_id="m", at=NOW
            )


def test_a_mail_server_without_encryption_gets_no_password() -> None:
    with mail_server() as mailbox:
        server = MailServer(host="127.0.0.1", port=mailbox.port, security=SmtpSecurity.STARTTLS, username="tieout")
        channel = EmailChannel("books", server, sender="a@b", recipients=("c@d",), read_password=lambda: PASSWORD)
        with pytest.raises(Rejected, match="encryption"):
            channel.send(notice_about("Acme"), subject="s", message_id="m", at=NOW)
    assert [] == mailbox.logins


@pytest.fixture
def hook() -> Iterator[Hook]:
    with hook_server() as running:
        yield running


def slack_channel(read_url: Callable[[], str]) -> SlackChannel:
    return SlackChannel("team", read_url, Transport("team"))


@pytest.mark.parametrize(
    ("status", "expected"),
    [
        (400, Rejected),
        (404, AccessRevoked),
        (410, AccessRevoked),
        (500, Unavailable),
        (429, Throttled),
        (0, OutcomeUnknown),
    ],
)
def test_each_answer_of_slack_is_its_own_error(
    hook: Hook, status: int, expected: type[ConnectorError], caplog: pytest.LogCaptureFixture
) -> None:
    hook.answers.append((status, {"Retry-After": "30"}))
    with caplog.at_level(logging.DEBUG), pytest.raises(expected) as caught:
        slack_channel(lambda: hook.url).send(notice_about("Acme"), subject="s", message_id="m", at=NOW)
    assert "canary" not in f"{caught.value!r} {caught.value} {caplog.text}"
    assert (30 if expected is Throttled else None) == caught.value.retry_after_seconds


def test_slack_gets_plain_text(hook: Hook) -> None:
    context = NoticeContext(company="acme", incident="I-1", now=NOW)
    notice = incident_notice(AlertKind.RAISED, context, (watched(finding()),), {"USD": 200_00})
    assert "" == slack_channel(lambda: hook.url).send(notice, subject=subject_of(notice), message_id="m", at=NOW)
    (post,) = hook.posts
    header, text, facts, _ = post["blocks"]
    assert "acme: S1 · Credited in BigTime after posting, INV-71 · 200.00 USD" == header["text"]["text"]
    assert text["text"]["text"].startswith("A credit was applied")
    assert "Client: Acme &amp; Söhne" in facts["elements"][0]["text"]
    assert post["mrkdwn"] is False


def test_apprise_sends_to_what_it_knows_and_calls_nobody(hook: Hook, caplog: pytest.LogCaptureFixture) -> None:
    address = hook.url.replace("http://", "json://user:canary-apprise-9@")
    channel = AppriseChannel("phone", lambda: address)
    hook.answers.append((500, {}))
    with caplog.at_level(logging.DEBUG), pytest.raises(Unavailable) as caught:
        channel.send(notice_about("@everyone"), subject="@here now", message_id="m", at=NOW)
    with pytest.raises(Rejected, match="Apprise understands"):
        AppriseChannel("phone", lambda: "canary-apprise-9").send(
            notice_about("Acme"), subject="s", message_id="m", at=NOW
        )
    assert "canary" not in f"{caught.value} {caplog.text}"
    assert "(at)everyone (at)here (!channel> a@b.com" == unmentioning("@everyone @here <!channel> a@b.com")


def test_the_password_goes_to_the_mail_server_and_nowhere_else(caplog: pytest.LogCaptureFixture) -> None:
    with mail_server() as mailbox, caplog.at_level(logging.DEBUG):
        channel = mail_channel(mailbox, username="tieout")
        channel.send(notice_about("Acme"), subject="s", message_id="m", at=datetime(2026, 3, 1, tzinfo=UTC))
    assert 1 == len(mailbox.logins)
    assert PASSWORD not in caplog.text + mailbox.messages[0].as_string()
