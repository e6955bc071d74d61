"""Connecting QuickBooks in a browser: the person agrees, the page gets no code, and only the right company is taken."""

import os
import re
import socket
import subprocess
import sys
import threading
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pytest

from connectors.sandbox.clock import SimulatedClock
from connectors.sandbox.serving import ServedWorld, serve_world
from connectors.sandbox.world import World
from sync.clocks import SystemClock
from sync.simulation import settings_text

ROOT = Path(__file__).parents[2]


@pytest.fixture
def served() -> Iterator[ServedWorld]:
    with serve_world(World(SimulatedClock(SystemClock().now()))) as found:
        yield found


def free_port() -> int:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        return int(taken.getsockname()[1])


class Connecting:
    """A `tieout connect quickbooks` that waits for its browser."""

    def __init__(self, folder: Path, served: ServedWorld, *arguments: str, realm_id: str = "") -> None:
        text = settings_text(served, history_start="2026-01-01").replace(
            'environment = "sandbox"',
            f'environment = "sandbox"\nredirect_url = "http://localhost:{free_port()}/callback"',
        )
        path = folder / "tieout.toml"
        path.write_text(text.replace(f'"{served.realm_id}"', f'"{realm_id or served.realm_id}"'))
        self.process = subprocess.Popen(
            [sys.executable, "-m", "sync", "connect", "quickbooks", *arguments, "--config", str(path)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            cwd=ROOT,
            env={**os.environ, "TIEOUT_QUICKBOOKS_CLIENT_SECRET": served.quickbooks_client[1]},
        )
        self.shown = ""
        self.address = self._read_address()

    def _read_address(self) -> str:
        assert self.process.stderr is not None
        giving_up = threading.Timer(60, self.process.kill)
        giving_up.start()
        try:
            for line in self.process.stderr:
                self.shown += line
                if line.startswith("http"):
                    return line.strip()
        finally:
            giving_up.cancel()
        raise AssertionError(self.shown)

    def end(self, given: str = "") -> tuple[int, str]:
        """Exit code, and everything that was printed."""
        out, err = self.process.communicate(given, timeout=60)
        return self.process.returncode, self.shown + out + err


def test_a_person_agrees_in_the_browser(tmp_path: Path, served: ServedWorld) -> None:
    connecting = Connecting(tmp_path, served, "--no-browser")
    with urllib.request.urlopen(connecting.address, timeout=30) as page:
        assert page.url.endswith("/done")
        assert "code" not in page.url
    code, printed = connecting.end()
    assert 0 == code, printed
    assert "is connected" in printed
    assert served.connect().access_token not in printed


def test_the_state_of_each_attempt_is_another(tmp_path: Path, served: ServedWorld) -> None:
    states = set()
    for number in range(2):
        folder = tmp_path / str(number)
        folder.mkdir()
        connecting = Connecting(folder, served, "--no-browser")
        states.add(re.search(r"state=([\w-]+)", connecting.address)[1])  # type: ignore[index]
        connecting.process.kill()
        connecting.end()
    assert 2 == len(states)
    assert all(len(state) >= 43 for state in states)


def test_another_company_than_the_configured_one_is_not_taken(tmp_path: Path, served: ServedWorld) -> None:
    connecting = Connecting(tmp_path, served, "--no-browser", realm_id="777")
    urllib.request.urlopen(connecting.address, timeout=30).close()
    code, printed = connecting.end()
    assert 2 == code
    assert "the configuration says 777" in printed
    assert served.realm_id in printed


def test_the_address_can_be_pasted_on_a_machine_without_a_browser(tmp_path: Path, served: ServedWorld) -> None:
    connecting = Connecting(tmp_path, served, "--paste")

    class NoRedirect(urllib.request.HTTPRedirectHandler):
        def redirect_request(self, *_: object) -> None:
            return None

    opener = urllib.request.build_opener(NoRedirect)
    with pytest.raises(urllib.error.HTTPError) as redirected:
        opener.open(connecting.address, timeout=30)
    location = redirected.value.headers["Location"]
    redirected.value.close()
    code, printed = connecting.end(location + "\n")
    assert 0 == code, printed
    assert location not in printed


def asked_for(connecting: Connecting) -> tuple[str, str]:
    """Where the browser is to come back, and the state that it is to bring."""
    asked = parse_qs(urlsplit(connecting.address).query)
    return asked["redirect_uri"][0], asked["state"][0]


def test_a_person_who_does_not_agree_is_not_connected(tmp_path: Path, served: ServedWorld) -> None:
    connecting = Connecting(tmp_path, served, "--no-browser")
    redirect, state = asked_for(connecting)
    with urllib.request.urlopen(f"{redirect}?error=access_denied&state={state}", timeout=30) as page:
        assert b"was not connected" in page.read()
    code, printed = connecting.end()
    assert 2 == code
    assert "was not connected (access_denied)" in printed


def test_a_visit_with_another_state_is_refused_and_the_right_one_still_works(
    tmp_path: Path, served: ServedWorld
) -> None:
    connecting = Connecting(tmp_path, served, "--no-browser")
    redirect, _ = asked_for(connecting)
    with pytest.raises(urllib.error.HTTPError) as refused:
        urllib.request.urlopen(f"{redirect}?code=forged&realmId={served.realm_id}&state=forged", timeout=30)
    assert 400 == refused.value.code
    refused.value.close()
    urllib.request.urlopen(connecting.address, timeout=30).close()
    code, printed = connecting.end()
    assert 0 == code, printed
