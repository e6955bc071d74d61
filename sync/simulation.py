"""An installation for a simulated firm: the settings and secrets with which every command reads it.

The worker that is run against it is the real one; only the other ends of the wires are ours.
"""

from pathlib import Path

from config.secret_lookup import new_encryption_key, write_secret
from connectors.sandbox.clock import SimulatedClock
from connectors.sandbox.serving import ServedWorld
from connectors.sandbox.world import World
from sync.ports import Clock

ALIAS = "demo"
FIRST_LINE = "# A simulated firm, made by Tieout: nothing in here opens anything but the simulators."


def settings_text(served: ServedWorld, *, history_start: str) -> str:
    """A `tieout.toml` for a served world."""
    return f"""{FIRST_LINE}
[store]
url = "sqlite:///tieout.db"

[[companies]]
alias = "{ALIAS}"
timezone = "America/New_York"

[companies.quickbooks]
realm_id = "{served.realm_id}"
environment = "sandbox"
client_id = "{served.quickbooks_client[0]}"
base_url = "{served.quickbooks_url}"
discovery_url = "{served.discovery_url}"

[companies.bigtime]
firm = "{served.firm}"
base_url = "{served.bigtime_url}"
history_start = {history_start}
"""


def write_installation(folder: Path, served: ServedWorld, *, history_start: str) -> Path:
    """A folder with settings and secrets for the firm, ready for every command; answers the settings file.

    Side effects: makes the folder and files in it; secrets are readable by their owner only.
    """
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    path = folder / "tieout.toml"
    path.write_text(settings_text(served, history_start=history_start), encoding="utf-8")
    for name, value in (
        ("TIEOUT_ENCRYPTION_KEY", new_encryption_key()),
        ("TIEOUT_QUICKBOOKS_CLIENT_SECRET", served.quickbooks_client[1]),
        ("TIEOUT_BIGTIME_API_TOKEN", served.bigtime_api_token),
    ):
        write_secret(folder / "secrets" / name, value)
    return path


def keep_time(world: World, real: Clock) -> None:
    """Let the world's time pass as the real one does; returns when the keyboard interrupts.

    A world that is ahead of the real time stands still until that has caught up.
    """
    if not isinstance(world.clock, SimulatedClock):
        raise TypeError("only a simulated clock can be set: give the world a SimulatedClock")
    try:
        while True:
            world.clock.advance_to(real.now())
            real.sleep_seconds(0.5)
    except KeyboardInterrupt:
        return
