"""Tells systemd how the daemon does, when systemd has started it. A datagram to a socket; nothing comes back.

Source: sd_notify(3), sd_watchdog_enabled(3). The packages that do this are bindings to libsystemd or unkept.
"""

import logging
import os
import socket
from collections.abc import Mapping

_LOG = logging.getLogger(__name__)


class ServiceManager:
    """The service manager named in `environ`; every method does nothing when there is none."""

    def __init__(self, environ: Mapping[str, str]) -> None:
        self._address = environ.get("NOTIFY_SOCKET", "")
        meant_for = environ.get("WATCHDOG_PID", "")
        micros = environ.get("WATCHDOG_USEC", "")
        is_ours = not meant_for or meant_for == str(os.getpid())
        self._watchdog_seconds = int(micros) / 1_000_000 if micros.isdigit() and is_ours else None

    @property
    def watchdog_seconds(self) -> float | None:
        """After how long a silence we are restarted; None: never."""
        return self._watchdog_seconds

    def ready(self, status: str) -> None:
        """We have started."""
        self._send(f"READY=1\nSTATUS={status}")

    def alive(self) -> None:
        """We work as we should; to be said twice in each `watchdog_seconds` at least."""
        self._send("WATCHDOG=1", wait_seconds=0.0)  # one that finds no room is followed by the next

    def stopping(self) -> None:
        """We are ending, in good order."""
        self._send("STOPPING=1\nSTATUS=stopping")

    def _send(self, text: str, *, wait_seconds: float = 1.0) -> None:
        if not self._address:
            return
        address = "\0" + self._address[1:] if self._address.startswith("@") else self._address
        try:
            with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC) as channel:
                channel.settimeout(wait_seconds)
                channel.sendto(text.encode(), address)
        except BlockingIOError:
            return
        except OSError as error:
            _LOG.warning(
                "the service manager cannot be told (%s)", type(error).__name__, extra={"action": "notify_failed"}
            )
