"""One HTTP request and one reply, as the simulators see them."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from types import MappingProxyType
from urllib.parse import parse_qsl, unquote, urlsplit

import msgspec


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """A request as it came in.

    `path` is percent-decoded and has no query string; `params` are the decoded query parameters, the last of
    equal names wins; header names are lower case.
    """

    method: str
    path: str
    params: Mapping[str, str] = field(default_factory=dict)
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""

    @classmethod
    def from_target(cls, method: str, target: str, headers: Mapping[str, str], body: bytes) -> "Request":
        """Read a request from the target of its request line, for instance `/v3/company/1/query?query=…`."""
        parts = urlsplit(target)
        return cls(
            method=method,
            path=unquote(parts.path),
            params=MappingProxyType(dict(parse_qsl(parts.query, keep_blank_values=True))),
            headers=MappingProxyType({name.lower(): value for name, value in headers.items()}),
            body=body,
        )

    @property
    def text(self) -> str:
        """Everything a rule may look for: parameters and body, decoded leniently."""
        return "&".join(f"{name}={value}" for name, value in self.params.items()) + self.body.decode("utf-8", "replace")


@dataclass(frozen=True, slots=True, kw_only=True)
class Reply:
    """A reply to send. `unmodelled` names what the simulator does not know; the server keeps a list of it."""

    status: int = 200
    body: bytes = b""
    content_type: str = "application/json"
    headers: Mapping[str, str] = field(default_factory=dict)
    unmodelled: str = ""

    def with_headers(self, headers: Mapping[str, str]) -> "Reply":
        """The same reply with more headers; one that it has already keeps its value."""
        return replace(self, headers=MappingProxyType({**headers, **self.headers}))


def json_reply(content: object, *, status: int = 200) -> Reply:
    """A reply of JSON text; decimals are written as JSON numbers."""
    return Reply(status=status, body=JSON.encode(content))


def unmodelled(what: str) -> Reply:
    """Refuse, loudly, what the simulator does not model: 501 and a body that names it."""
    return Reply(
        status=501,
        body=JSON.encode({"unmodelled": what, "advice": "model it in the simulator, or do not call it"}),
        unmodelled=what,
    )


JSON = msgspec.json.Encoder(decimal_format="number")
