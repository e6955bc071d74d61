"""The `[daemon]` section: how often `tieout run` works, and where it can be asked how it is doing."""

import ipaddress
from datetime import time
from typing import Annotated, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

Weekday = Literal["monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday"]


def split_address(text: str) -> tuple[str, int]:
    """Host and port of `HOST:PORT` or `[IPv6]:PORT`. Raises: `ValueError` with what to write instead."""
    host, separator, port = text.rpartition(":")
    host = host.removeprefix("[").removesuffix("]")
    if not separator or not host or not port.isascii() or not port.isdigit() or int(port) > 65_535:
        raise ValueError("is not an address: write HOST:PORT, for example 127.0.0.1:8486")
    return host, int(port)


def is_loopback(host: str) -> bool:
    """Whether only this machine can reach the host."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _check_health(text: str) -> str:
    if text and not is_loopback(split_address(text)[0]):
        raise ValueError("must be an address of this machine only, like 127.0.0.1:8486: it asks for no password")
    return text


def _check_webhooks(text: str) -> str:
    if text:
        split_address(text)
    return text


class DaemonSettings(BaseModel):
    """How `tieout run` works. Times of day are those of the company's own zone."""

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)

    beat_minutes: Annotated[int, Field(ge=1, le=24 * 60)] = 15
    slowest_beat_minutes: Annotated[int, Field(ge=1, le=24 * 60)] = 360
    nightly_at: time = time(2, 30)
    sweep_on: Weekday = "sunday"
    health: Annotated[str, AfterValidator(_check_health)] = "127.0.0.1:8486"
    webhooks: Annotated[str, AfterValidator(_check_webhooks)] = ""
