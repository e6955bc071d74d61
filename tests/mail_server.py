"""A mail server on loopback that does what a test tells it: take a message, refuse it, go silent, break off."""

import email
import socketserver
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from email import policy
from email.message import EmailMessage


@dataclass(slots=True)
class Mailbox:
    """What has arrived, and how the server behaves: `answers` are replies to the next messages, then 250.

    The answer "drop" breaks the connection after the message was taken.
    """

    port: int = 0
    messages: list[EmailMessage] = field(default_factory=list)
    recipients: list[list[str]] = field(default_factory=list)
    logins: list[str] = field(default_factory=list)
    answers: list[str] = field(default_factory=list)
    refused: set[str] = field(default_factory=set)

    def subjects(self) -> list[str]:
        """The subjects, oldest first."""
        return [str(message["Subject"]) for message in self.messages]


class _Handler(socketserver.StreamRequestHandler):
    mailbox: Mailbox

    def handle(self) -> None:
        self._say("220 mail.test")
        recipients: list[str] = []
        while line := self.rfile.readline().decode("utf-8", "replace").strip():
            word = line.split(" ")[0].upper()
            if word == "EHLO":
                self.wfile.write(b"250-mail.test\r\n250-AUTH PLAIN\r\n250 SMTPUTF8\r\n")
            elif word == "AUTH":
                self.mailbox.logins.append(line.split(" ")[-1])
                self._say("235 in")
            elif word == "RCPT":
                address = line.partition("<")[2].partition(">")[0]
                if address in self.mailbox.refused:
                    self._say("550 nobody here")
                else:
                    recipients.append(address)
                    self._say("250 ok")
            elif word == "DATA":
                if not self._take(recipients):
                    return
                recipients = []
            elif word == "QUIT":
                self._say("221 bye")
                return
            else:
                self._say("250 ok")

    def _take(self, recipients: list[str]) -> bool:
        self._say("354 go on")
        lines: list[bytes] = []
        while (line := self.rfile.readline()) not in (b".\r\n", b""):
            lines.append(line[1:] if line.startswith(b"..") else line)
        answer = self.mailbox.answers.pop(0) if self.mailbox.answers else "250 taken"
        if answer == "drop" or answer.startswith("2"):
            parsed = email.message_from_bytes(b"".join(lines), policy=policy.default)
            self.mailbox.messages.append(parsed)
            self.mailbox.recipients.append(recipients)
        if answer == "drop":
            return False
        self._say(answer)
        return True

    def _say(self, text: str) -> None:
        self.wfile.write(f"{text}\r\n".encode())


class _Server(socketserver.ThreadingTCPServer):
    daemon_threads = True
    allow_reuse_address = True


@contextmanager
def mail_server(mailbox: Mailbox | None = None) -> Iterator[Mailbox]:
    """A running mail server; its mailbox says on which port. One that was given comes back where it was."""
    mailbox = Mailbox() if mailbox is None else mailbox
    handler = type("_BoundHandler", (_Handler,), {"mailbox": mailbox})
    with _Server(("127.0.0.1", mailbox.port), handler) as server:
        mailbox.port = server.server_address[1]
        thread = threading.Thread(target=server.serve_forever, args=(0.02,))
        thread.start()
        try:
            yield mailbox
        finally:
            server.shutdown()
            thread.join()
