"""What every alert channel promises."""

from datetime import datetime
from typing import Protocol

from mappings.alerts import Notice


class Channel(Protocol):
    """Delivers messages to people. Never logs a message, an address or a secret, nor puts one into an error."""

    def send(self, notice: Notice, *, subject: str, message_id: str, at: datetime) -> str:
        """Deliver one message; answers what could not be done all the same, "" when nothing is left to say.

        `message_id` is the same when the same message is sent again, so that a recipient can tell.

        Raises: a `ConnectorError` when the channel has not accepted it, or may not have.
        """
        ...
