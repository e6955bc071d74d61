"""What can go wrong outside, as one exception class per reaction of the caller.

A class says what to do next, never which vendor code was met; the vendor's code, HTTP status and request id are
kept as fields for support. `str(error)` is one sentence for a person: which system, what was asked, what to do.
Neither the sentence nor the fields ever hold a body, a token or a name from the books.
"""

# ruff: noqa: N818 - the classes are named after what has happened, as the reactions to them are

from enum import StrEnum
from typing import ClassVar

import msgspec


class Reaction(StrEnum):
    """What the caller does about an error."""

    RETRY_LATER = "retry_later"  # the same call may work in a while: wait, then try again a few times
    SLOW_DOWN = "slow_down"  # too many calls: wait as long as the system asks
    REFRESH_ACCESS = "refresh_access"  # one new access token or session, one replay
    ASK_A_PERSON = "ask_a_person"  # only a person can connect the system again
    READ_AGAIN = "read_again"  # the record has moved on: read it and decide anew
    FIX_THE_REQUEST = "fix_the_request"  # the system understood and refused: repeating it cannot help
    TREAT_AS_GONE = "treat_as_gone"  # the record is not there
    FIND_OUT = "find_out"  # something was sent and no answer came: look before sending again
    STOP_AND_REPORT = "stop_and_report"  # the answer breaks our understanding of the API
    WAIT_FOR_NEXT_MONTH = "wait_for_next_month"  # the monthly budget of calls is spent


class ConnectorError(Exception):
    """A call to a system that did not give what was asked for.

    `system` is a `System`, or the name of an alert channel. `operation` names the call in our words ("invoice page",
    "token refresh"). `http_status` is None when no answer arrived, `code` is the vendor's own, `request_id` is what
    the vendor's support asks for (`intuit_tid`), `retry_after_seconds` is the wait the system asked for, if it did.
    """

    def __init__(
        self,
        system: str,
        operation: str,
        sentence: str,
        *,
        http_status: int | None = None,
        code: str | None = None,
        request_id: str | None = None,
        retry_after_seconds: float | None = None,
    ) -> None:
        super().__init__(system, operation, sentence)
        self.system = system
        self.operation = operation
        self.sentence = sentence
        self.http_status = http_status
        self.code = code
        self.request_id = request_id
        self.retry_after_seconds = retry_after_seconds

    def __str__(self) -> str:
        known = [
            f"HTTP {self.http_status}" if self.http_status is not None else "",
            f"code {self.code}" if self.code else "",
            f"request {self.request_id}" if self.request_id else "",
        ]
        details = ", ".join(part for part in known if part)
        return f"{self.system}: {self.operation}: {self.sentence}" + (f" ({details})" if details else "")


class Unavailable(ConnectorError):
    """The system could not be reached or could not answer now."""


class Throttled(ConnectorError):
    """The system asks us to send less."""


class AccessExpired(ConnectorError):
    """The access token or session is no longer good; a new one can be had without a person."""


class AccessRevoked(ConnectorError):
    """The connection is gone, or was made for another company: a person must connect again."""


class Conflict(ConnectorError):
    """The record has changed since we read it."""


class Rejected(ConnectorError):
    """The system understood the request and refuses it."""


class NotFound(ConnectorError):
    """The record or address is not there."""


class OutcomeUnknown(ConnectorError):
    """A request that changes something was sent, and no answer says whether it took effect."""


class ContractBroken(ConnectorError):
    """The answer is not what the API promises: reading on would be guessing."""


class BudgetSpent(ConnectorError):
    """The monthly budget of metered calls is spent, by our count or by the system's."""


class Handling(msgspec.Struct, frozen=True):
    """The reaction to a class of errors, and the exit code of a command that ends with one."""

    reaction: Reaction
    exit_code: int

    INCOMPLETE: ClassVar[int] = 3
    RECONNECT: ClassVar[int] = 4
    NOT_UNDERSTOOD: ClassVar[int] = 5


HANDLING: dict[type[ConnectorError], Handling] = {
    Unavailable: Handling(Reaction.RETRY_LATER, Handling.INCOMPLETE),
    Throttled: Handling(Reaction.SLOW_DOWN, Handling.INCOMPLETE),
    AccessExpired: Handling(Reaction.REFRESH_ACCESS, Handling.INCOMPLETE),
    AccessRevoked: Handling(Reaction.ASK_A_PERSON, Handling.RECONNECT),
    Conflict: Handling(Reaction.READ_AGAIN, Handling.INCOMPLETE),
    Rejected: Handling(Reaction.FIX_THE_REQUEST, Handling.NOT_UNDERSTOOD),
    NotFound: Handling(Reaction.TREAT_AS_GONE, Handling.NOT_UNDERSTOOD),
    OutcomeUnknown: Handling(Reaction.FIND_OUT, Handling.INCOMPLETE),
    ContractBroken: Handling(Reaction.STOP_AND_REPORT, Handling.NOT_UNDERSTOOD),
    BudgetSpent: Handling(Reaction.WAIT_FOR_NEXT_MONTH, Handling.INCOMPLETE),
}


def handling_of(error: ConnectorError) -> Handling:
    """What to do about this error; every concrete class has exactly one answer."""
    return HANDLING[type(error)]
