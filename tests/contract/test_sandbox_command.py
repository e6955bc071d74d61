"""`tieout sandbox` serves a firm by hand, prints the settings for it, and ends when it is told to."""

import json
import os
import signal
import subprocess
import sys
import threading
from pathlib import Path

ROOT = Path(__file__).parents[2]


def test_the_sandbox_can_be_used_with_what_it_prints(tmp_path: Path) -> None:
    settings = tmp_path / "tieout.toml"
    with settings.open("w") as file:
        sandbox = subprocess.Popen(
            [sys.executable, "-m", "sync", "sandbox", "--days", "3"],
            stdout=file,
            stderr=subprocess.PIPE,
            text=True,
            cwd=ROOT,
        )
    giving_up = threading.Timer(120, sandbox.kill)
    giving_up.start()
    try:
        secrets, token = _read_secrets(sandbox)
        connected = _tieout(settings, secrets, "connect", "quickbooks", "--refresh-token", "-", given=token)
        assert 0 == connected.returncode, connected.stderr
        judged = _tieout(settings, secrets, "reconcile", "--format", "json")
        assert judged.returncode in (0, 1), judged.stderr
        assert json.loads(judged.stdout)["certificate"]["complete"]
        sandbox.send_signal(signal.SIGINT)
        _, rest = sandbox.communicate(timeout=60)
        assert (0, "") == (sandbox.returncode, rest)
    finally:
        giving_up.cancel()
        sandbox.kill()
        sandbox.communicate()


def _read_secrets(sandbox: subprocess.Popen[str]) -> tuple[dict[str, str], str]:
    """What the sandbox says on standard error: variables, and a refresh token."""
    secrets: dict[str, str] = {}
    token = ""
    assert sandbox.stderr is not None
    for line in sandbox.stderr:
        if line.startswith("TIEOUT_"):
            name, _, value = line.strip().partition("=")
            secrets[name] = value
        elif "refresh token" in line:
            token = line.rpartition(": ")[2].strip()
        elif line.startswith("Stop"):
            return secrets, token
    raise AssertionError("the sandbox ended without serving")


def _tieout(
    settings: Path, secrets: dict[str, str], *arguments: str, given: str = ""
) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "sync", *arguments, "--config", str(settings)],
        input=given,
        capture_output=True,
        text=True,
        timeout=120,
        cwd=ROOT,
        env={**os.environ, **secrets},
        check=False,
    )
