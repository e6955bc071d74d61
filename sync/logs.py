"""Log records on standard error: text for people or one JSON object a line for machines. Never a secret.

Each record has a stable `action`. The libraries below us log requests with their headers at debug level; they
are kept silent, and known secrets are masked in whatever still gets through.
"""

import json
import logging
import sys
import threading
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime

# Loggers that would write tokens, bodies or statements. Source: facts/libraries.md.
_TALKATIVE = (
    "urllib3",
    "requests",
    "requests_oauthlib",
    "oauthlib",
    "intuitlib",
    "quickbooks",
    "sqlalchemy",
    "alembic",
    "apscheduler",
)
_MASK = "[secret]"
_SHORTEST_SECRET = 6


class SecretMask(logging.Filter):
    """Replaces known secrets in a record's text; `learn` adds one."""

    def __init__(self) -> None:
        super().__init__()
        self._lock = threading.Lock()
        self._secrets: frozenset[str] = frozenset()  # replaced, never changed: other threads are logging

    def learn(self, secrets: Iterable[str]) -> None:
        """Mask these from now on; very short ones are left out, they would mask ordinary words."""
        with self._lock:
            self._secrets |= {secret for secret in secrets if len(secret) >= _SHORTEST_SECRET}

    def mask(self, text: str) -> str:
        """The text without any known secret."""
        for secret in self._secrets:
            text = text.replace(secret, _MASK)
        return text

    def filter(self, record: logging.LogRecord) -> bool:
        """Every record passes, with its message settled and masked."""
        record.msg, record.args = self.mask(record.getMessage()), None
        return True


class JsonLines(logging.Formatter):
    """One JSON object a line: at, level, logger, action, message, and the exception's class if there was one."""

    def format(self, record: logging.LogRecord) -> str:
        """The record without traceback texts, which could hold values."""
        line = {
            "at": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "logger": record.name,
            "action": getattr(record, "action", ""),
            "message": record.getMessage(),
        }
        for name in ("company", "run"):
            if hasattr(record, name):
                line[name] = str(getattr(record, name))
        if record.exc_info and record.exc_info[0] is not None:
            line["exception"] = record.exc_info[0].__name__
        return json.dumps(line)


class TextLines(logging.Formatter):
    """One line for a person: time, level, message."""

    def format(self, record: logging.LogRecord) -> str:
        """The record in one printable line, without traceback texts."""
        at = datetime.fromtimestamp(record.created, UTC).strftime("%H:%M:%S")
        message = "".join(c if c.isprintable() else "?" for c in record.getMessage())
        return f"{at} {record.levelname.lower()} {message}"


def place_of(error: BaseException) -> str:
    """Where an exception was raised: file and line, and nothing of what it was about."""
    trace = error.__traceback__
    while trace is not None and trace.tb_next is not None:
        trace = trace.tb_next
    return "?" if trace is None else f"{trace.tb_frame.f_code.co_filename.rpartition('/')[2]}:{trace.tb_lineno}"


@contextmanager
def logging_to_stderr(*, level: str, as_json: bool) -> Iterator[SecretMask]:
    """Send all log records to standard error for the block. Answers the mask that secrets are to be told to.

    Side effects: replaces the handlers of the root logger, and puts the earlier ones back at the end.
    """
    mask = SecretMask()
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(JsonLines() if as_json else TextLines())
    handler.addFilter(mask)
    root = logging.getLogger()
    earlier, earlier_level = list(root.handlers), root.level
    root.handlers[:] = [handler]
    root.setLevel(level.upper())
    for name in _TALKATIVE:
        logging.getLogger(name).setLevel(logging.WARNING)
    try:
        yield mask
    finally:
        root.handlers[:] = earlier
        root.setLevel(earlier_level)
