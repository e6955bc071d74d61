"""What a benchmark hands back, and how it is shown: medians with the machine and the versions they were taken on.

Nothing here asserts anything about time: a figure is printed beside its target, and the reader judges.
"""

import json
import os
import platform
import resource
import sqlite3
import subprocess
import sys
from collections.abc import Iterable, Sequence
from importlib.metadata import version
from pathlib import Path
from statistics import median
from typing import Any

import msgspec

_LIBRARIES = ("msgspec", "SQLAlchemy", "psycopg", "python-quickbooks", "requests", "zstandard")
_ROOT = Path(__file__).resolve().parents[2]


class Figure(msgspec.Struct, frozen=True, kw_only=True):
    """One line of a table. `runs` are the values of the single runs as text; `target` is "" when none was set."""

    name: str
    value: str
    target: str = ""
    runs: tuple[str, ...] = ()


class Section(msgspec.Struct, frozen=True, kw_only=True):
    """What one benchmark found: its command, what it did in one paragraph, and its figures."""

    title: str
    command: str
    what: str
    figures: tuple[Figure, ...]


class Unfinished(Exception):  # noqa: N818 - says what happened
    """A process of the benchmark ended without an answer; its own messages are on stderr."""


def figure(name: str, values: Sequence[float], shape: str, *, target: str = "") -> Figure:
    """The median of the runs' values; `shape` is how a value is written, `{:,.0f} records/s`."""
    runs = tuple(shape.format(value) for value in values)
    return Figure(name=name, value=shape.format(median(values)), target=target, runs=runs if len(set(runs)) > 1 else ())


def peak_memory_mb() -> float:
    """The most memory that this process has held so far, in MB of 1,000,000 bytes."""
    described = Path("/proc/self/status")
    if described.exists():  # `getrusage` begins with what the parent held when it forked
        for line in described.read_text("utf-8").splitlines():
            if line.startswith("VmHWM:"):
                return int(line.split()[1]) * 1024 / 1e6
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak / 1e6 if sys.platform == "darwin" else peak * 1024 / 1e6


def answer_of(module: str, *arguments: str) -> dict[str, Any]:
    """The JSON object that a process of its own prints last, so that its memory and time are its own.

    Raises: `Unfinished`.
    """
    done = subprocess.run(
        [sys.executable, "-m", f"tests.benchmarks.{module}", *arguments],
        cwd=_ROOT,
        stdout=subprocess.PIPE,
        text=True,
        check=False,
    )
    if done.returncode != 0 or not done.stdout.strip():
        raise Unfinished(f"{module} ended with {done.returncode} and no answer")
    answer: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return answer


def machine() -> str:
    """The machine and the versions, in one paragraph, with how busy it was besides."""
    loads = " ".join(f"{load:.1f}" for load in os.getloadavg())
    libraries = ", ".join(f"{name} {version(name)}" for name in _LIBRARIES)
    return (
        f"{_processor()}, {os.cpu_count()} cores, {platform.system()}; Python {platform.python_version()}, "
        f"SQLite {sqlite3.sqlite_version}, {libraries}. Load of the machine at the end (1, 5, 15 minutes): {loads}."
    )


def _processor() -> str:
    described = Path("/proc/cpuinfo")
    if described.exists():
        for line in described.read_text("utf-8").splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.processor() or platform.machine()


def as_markdown(section: Section) -> str:
    """A section of the page."""
    rows = [f"| {each.name} | {each.value} | {each.target} | {', '.join(each.runs)} |" for each in section.figures]
    return "\n".join(
        [
            f"## {section.title}",
            "",
            f"`{section.command}`",
            "",
            section.what,
            "",
            "| | median | target | single runs |",
            "| --- | --- | --- | --- |",
            *rows,
            "",
        ]
    )


def show(sections: Iterable[Section]) -> None:
    """Print the sections and the machine they were taken on."""
    for section in sections:
        print(as_markdown(section))
    print(machine())
