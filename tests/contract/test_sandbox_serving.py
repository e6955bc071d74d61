"""Both simulators run side by side over one world, and leave nothing behind."""

import socket
from datetime import UTC, date, datetime

import pytest
import requests

from connectors.sandbox.clock import SimulatedClock
from connectors.sandbox.playing import play, world_for
from connectors.sandbox.scenario import parse
from connectors.sandbox.serving import ServedWorld, serve_world
from connectors.sandbox.world import World

SCENARIO = """\
invoice     INV-101  acme  1000.00 USD  posted 2026-03-01
quickbooks  credit memo  CM-7  acme  200.00  applied INV-101  2026-03-05
sync        2026-03-06
worker runs 2026-03-08
"""


def bigtime_balance(pair: ServedWorld, http: requests.Session) -> float:
    headers = {"Accept": "application/json", "X-Auth-ApiToken": pair.bigtime_api_token, "X-Auth-Realm": pair.firm}
    window = {"startDt": "2026-03-01", "endDt": "2026-03-31"}
    rows = http.get(f"{pair.bigtime_url}/invoice/history", params=window, headers=headers, timeout=5).json()
    return float(rows[0]["TotalAmtDue"])


def quickbooks_balance(pair: ServedWorld, http: requests.Session) -> float:
    headers = {"Accept": "application/json", "Authorization": f"Bearer {pair.connect().access_token}"}
    address = f"{pair.quickbooks_url}/v3/company/{pair.realm_id}/query"
    reply = http.get(address, params={"query": "SELECT * FROM Invoice"}, headers=headers, timeout=5)
    assert 200 == reply.status_code, reply.text
    return float(reply.json()["QueryResponse"]["Invoice"][0]["Balance"])


def test_what_happens_in_the_world_is_seen_through_both_apis() -> None:
    scenario = parse(SCENARIO)
    world = world_for(scenario)
    with serve_world(world) as pair, requests.Session() as http:
        http.trust_env = False
        list(play(scenario, world))
        assert (800.0, 800.0) == (bigtime_balance(pair, http), quickbooks_balance(pair, http))
        world.bigtime.apply_account_credit(next(iter(world.bigtime.invoices)), 200, on=date(2026, 3, 9))
        assert (600.0, 800.0) == (bigtime_balance(pair, http), quickbooks_balance(pair, http))
        assert () == pair.complaints


def test_a_call_that_is_not_modelled_is_a_complaint() -> None:
    with serve_world(World(SimulatedClock(datetime(2026, 3, 1, tzinfo=UTC)))) as pair, requests.Session() as http:
        http.trust_env = False
        headers = {"X-Auth-ApiToken": pair.bigtime_api_token, "X-Auth-Realm": pair.firm}
        http.get(f"{pair.bigtime_url}/staff", headers=headers, timeout=5)
        assert ("GET /BigtimeData/api/v2/staff",) == pair.complaints


def test_stopping_frees_both_ports_and_may_be_repeated() -> None:
    pair = serve_world(World(SimulatedClock(datetime(2026, 3, 1, tzinfo=UTC))))
    ports = [int(server.url.rsplit(":", 1)[1]) for server in (pair.quickbooks, pair.bigtime)]
    pair.stop()
    pair.stop()
    for port in ports:
        with socket.socket() as free:
            assert 0 != free.connect_ex(("127.0.0.1", port))


def test_a_taken_port_leaves_nothing_running() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        with pytest.raises(OSError, match="in use"):
            serve_world(World(SimulatedClock(datetime(2026, 3, 1, tzinfo=UTC))), bigtime_port=taken.getsockname()[1])
