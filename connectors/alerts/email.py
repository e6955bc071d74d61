"""Alerts by e-mail, over SMTP. The standard library writes the message, so that no name can add a header."""

import smtplib
import ssl
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from datetime import datetime
from email.message import EmailMessage
from email.utils import format_datetime
from enum import StrEnum

import msgspec

from connectors.alerts.rendering import html_of, text_of
from connectors.errors import AccessRevoked, ConnectorError, OutcomeUnknown, Rejected, Unavailable
from mappings.alerts import AlertKind, Notice

_SEND = "sending an e-mail"
_LONGEST_SUBJECT = 200


class SmtpSecurity(StrEnum):
    """How the connection to the mail server is protected."""

    STARTTLS = "starttls"  # plain at first, encrypted before anything is said; usually port 587
    TLS = "tls"  # encrypted from the first byte; usually port 465
    NONE = "none"  # for a server on this machine


class MailServer(msgspec.Struct, frozen=True, kw_only=True):
    """Where mail is handed over. `username` "" means without logging in."""

    host: str
    port: int
    security: SmtpSecurity
    username: str = ""
    timeout_seconds: int = 30


class EmailChannel:
    """Hands messages to a mail server. `read_password` is asked each time, so that a replaced one is used."""

    def __init__(
        self,
        name: str,
        server: MailServer,
        *,
        sender: str,
        recipients: tuple[str, ...],
        read_password: Callable[[], str] | None,
    ) -> None:
        self._name = name
        self._server = server
        self._sender = sender
        self._recipients = recipients
        self._read_password = read_password

    def send(self, notice: Notice, *, subject: str, message_id: str, at: datetime) -> str:
        """See `Channel.send`. The Message-ID of the mail is that of the message in the outbox."""
        password = self._read_password() if self._server.username and self._read_password else ""
        message = self.message(notice, subject=subject, message_id=message_id, at=at)
        handed_over = False
        failure: ConnectorError
        try:
            with _closing(self._connect()) as connection:
                if self._server.username:
                    connection.login(self._server.username, password)
                handed_over = True
                refused = connection.send_message(message, self._sender, list(self._recipients))
        except smtplib.SMTPRecipientsRefused as error:
            failure = self._refusal(min(code for code, _ in error.recipients.values()), "every recipient")
        except smtplib.SMTPAuthenticationError as error:
            failure = AccessRevoked(
                self._name, _SEND, "the mail server does not accept the user or password", code=str(error.smtp_code)
            )
        except smtplib.SMTPResponseException as error:
            failure = self._refusal(error.smtp_code, "the message")
        except smtplib.SMTPNotSupportedError:
            failure = Rejected(self._name, _SEND, "the mail server offers no encryption or login: check `security`")
        except (smtplib.SMTPException, OSError) as error:
            failure = self._broken(error, handed_over=handed_over)
        else:
            return f"{len(refused)} of {len(self._recipients)} recipients were refused" if refused else ""
        raise failure  # outside of the handlers: the library's exceptions carry addresses

    def message(self, notice: Notice, *, subject: str, message_id: str, at: datetime) -> EmailMessage:
        """The mail, with a text and an HTML part that say the same."""
        mail = EmailMessage()
        one_line = "".join(c if c.isprintable() else " " for c in subject)[:_LONGEST_SUBJECT]
        mail["Subject"] = f"[Tieout] {one_line}"
        mail["From"] = self._sender
        mail["To"] = ", ".join(self._recipients)
        mail["Date"] = format_datetime(at)
        mail["Message-ID"] = f"<{message_id}@{self._domain()}>"
        mail["Auto-Submitted"] = "auto-generated"  # RFC 3834: no out-of-office replies
        if notice.kind is AlertKind.RAISED and notice.severity == "S1":
            mail["Importance"] = "high"
        mail.set_content(text_of(notice), cte="quoted-printable")
        mail.add_alternative(html_of(notice, one_line), subtype="html", cte="quoted-printable")
        return mail

    def _domain(self) -> str:
        return self._sender.rstrip(">").rpartition("@")[2] or "tieout.invalid"

    def _connect(self) -> smtplib.SMTP:
        server = self._server
        if server.security is SmtpSecurity.TLS:
            context = ssl.create_default_context()
            return smtplib.SMTP_SSL(server.host, server.port, timeout=server.timeout_seconds, context=context)
        connection = smtplib.SMTP(server.host, server.port, timeout=server.timeout_seconds)
        if server.security is SmtpSecurity.STARTTLS:
            try:
                connection.starttls(context=ssl.create_default_context())
            except BaseException:
                connection.close()
                raise
        return connection

    def _refusal(self, code: int, what: str) -> ConnectorError:
        if 400 <= code < 500:
            return Unavailable(self._name, _SEND, f"the mail server does not take {what} now", code=str(code))
        return Rejected(
            self._name, _SEND, f"the mail server refuses {what}: check the sender and the recipients", code=str(code)
        )

    def _broken(self, error: Exception, *, handed_over: bool) -> ConnectorError:
        if isinstance(error, ssl.SSLError):
            return Unavailable(self._name, _SEND, "no encrypted connection: check `security` and the certificates")
        if handed_over:
            return OutcomeUnknown(self._name, _SEND, "the connection broke before the mail server had answered")
        return Unavailable(self._name, _SEND, "the mail server does not answer: check `host` and `port`")


@contextmanager
def _closing(connection: smtplib.SMTP) -> Iterator[smtplib.SMTP]:
    """The connection, ended politely; how it ends says nothing about a message that was accepted before."""
    try:
        yield connection
    finally:
        with suppress(smtplib.SMTPException, OSError):
            connection.quit()
        connection.close()
