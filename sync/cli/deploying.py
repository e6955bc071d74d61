"""`tieout deploy`: the files with which something else keeps `tieout run` running."""

import shutil
import sys
from importlib import resources
from pathlib import Path

import click

from sync.cli.invocation import common_options, example

_FILES = {"systemd": "tieout.service", "compose": "compose.yaml"}
_SHIPPED_PROGRAM = "/usr/local/bin/tieout"


@click.command(
    epilog=example("tieout deploy systemd | sudo tee /etc/systemd/system/tieout.service", "tieout deploy compose")
)
@common_options
@click.argument("kind", type=click.Choice(sorted(_FILES)))
def deploy(kind: str) -> None:
    """Print a unit of systemd, or a compose file with PostgreSQL. How to use it stands at its top."""
    text = resources.files("config.deploy").joinpath(_FILES[kind]).read_text(encoding="utf-8")
    click.echo(text.replace(_SHIPPED_PROGRAM, _program()), nl=False)


def _program() -> str:
    """Where this very program lies, as a unit of systemd has to name it."""
    beside = Path(sys.executable).with_name("tieout")
    if beside.is_file():
        return str(beside)
    return shutil.which("tieout") or _SHIPPED_PROGRAM
