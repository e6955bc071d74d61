"""Both simulators on loopback: one world, two servers, and what a worker has to know to use them.

    with serve_world(world) as pair:
        pair.quickbooks_url, pair.bigtime_url        # origins; the worker adds its own paths
        pair.connect()                               # tokens as if somebody had consented in the browser

The clock of the world is also the clock of the servers: limits per minute, tokens and sessions follow it, so
somebody has to move it.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from types import TracebackType
from typing import Self

from connectors.sandbox import bigtime, quickbooks
from connectors.sandbox.bigtime import API_TOKEN, Staffer
from connectors.sandbox.faults import FaultTable
from connectors.sandbox.http_server import RunningServer
from connectors.sandbox.quickbooks_tokens import CLIENT_ID, CLIENT_SECRET, Tokens
from connectors.sandbox.world import World


@dataclass(frozen=True, slots=True, kw_only=True)
class ServedWorld:
    """A world that is being served; leave the `with` block or call `stop` and both ports are free again."""

    world: World
    quickbooks: quickbooks.QuickBooksServer
    bigtime: RunningServer

    @property
    def quickbooks_url(self) -> str:
        """The origin of the QuickBooks API; `/v3/company/…` is added by the worker."""
        return self.quickbooks.url

    @property
    def discovery_url(self) -> str:
        """Intuit's OAuth discovery document."""
        return self.quickbooks.discovery_url

    @property
    def bigtime_url(self) -> str:
        """The base URL of BigTime's API, with its prefix, as it stands in the worker's configuration."""
        return f"{self.bigtime.url}/BigtimeData/api/v2"

    @property
    def realm_id(self) -> str:
        """The QuickBooks company."""
        return self.world.quickbooks.realm_id

    @property
    def firm(self) -> str:
        """The BigTime firm."""
        return self.world.bigtime.firm

    @property
    def quickbooks_client(self) -> tuple[str, str]:
        """Id and secret of the app that QuickBooks knows; they open nothing but this simulator."""
        return CLIENT_ID, CLIENT_SECRET

    @property
    def bigtime_api_token(self) -> str:
        """The API key of a staffer who may see everything; it opens nothing but this simulator."""
        return API_TOKEN

    def connect(self) -> Tokens:
        """Tokens for QuickBooks, as if an administrator had just consented."""
        return self.quickbooks.tokens.connect()

    @property
    def complaints(self) -> tuple[str, ...]:
        """What was called though it is not modelled, and crashes of the simulators; a test expects it to be empty."""
        servers = (self.quickbooks, self.bigtime)
        return tuple(line for server in servers for line in (*server.unmodelled, *server.crashes))

    def stop(self) -> None:
        """Close both servers. Calling it again does nothing."""
        self.quickbooks.stop()
        self.bigtime.stop()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()


def serve_world(
    world: World,
    *,
    host: str = "127.0.0.1",
    quickbooks_port: int = 0,
    bigtime_port: int = 0,
    quickbooks_faults: FaultTable | None = None,
    bigtime_faults: FaultTable | None = None,
    staffers: Iterable[Staffer] = (),
) -> ServedWorld:
    """Serve both systems of a world; port 0 takes a free one.

    Raises: OSError when a port is taken; nothing is left running then.
    """
    books = quickbooks.serve(world.quickbooks, quickbooks_faults, host=host, port=quickbooks_port)
    try:
        firm = bigtime.serve(world.bigtime, bigtime_faults, host=host, port=bigtime_port, staffers=staffers)
    except OSError:
        books.stop()
        raise
    return ServedWorld(world=world, quickbooks=books, bigtime=firm)
