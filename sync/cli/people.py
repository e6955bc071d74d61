"""Who is at the keyboard: every decision is kept with a name."""

import getpass

import click

by_option = click.option("--by", "who", default="", help="Who decides. Default: the user of this machine.")


def who_or_user(given: str) -> str:
    """The name that was given, else that of the machine's user."""
    if given.strip():
        return given.strip()
    try:
        return getpass.getuser()
    except (OSError, KeyError):
        return "unknown"
