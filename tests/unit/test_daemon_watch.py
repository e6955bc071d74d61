"""A scheduler that dies or hangs is noticed within two beats; systemd is told of a life, and only of a life."""

import os
import socket
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from sync.clocks import SystemClock
from sync.daemon import Daemon, Heartbeat
from sync.dispatching import Dispatcher
from sync.exit_codes import ExitCode
from sync.service_manager import ServiceManager
from sync.ticking import SchedulerTicker

BEAT_SECONDS = 0.5


class Listener:
    """What systemd would hear; it listens all the time unless it is told to be deaf."""

    def __init__(self, path: Path, *, is_deaf: bool = False) -> None:
        self.address = str(path)
        self.heard: list[str] = []
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self._socket.bind(self.address)
        self._thread = threading.Thread(target=self._listen, daemon=True)
        if not is_deaf:
            self._thread.start()

    def _listen(self) -> None:
        while message := self._socket.recv(4096).decode():
            self.heard.append(message)

    def close(self) -> None:
        if self._thread.is_alive():
            with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as last:
                last.sendto(b"", self.address)
            self._thread.join()
        self._socket.close()


@pytest.fixture
def listener(tmp_path: Path) -> Iterator[Listener]:
    made = Listener(tmp_path / "notify")
    yield made
    made.close()


def new_daemon(environ: dict[str, str], dispatcher: Dispatcher | None = None) -> Daemon:
    clock = SystemClock()
    return Daemon(
        dispatcher or Dispatcher([], clock),
        Heartbeat(clock, beat_seconds=BEAT_SECONDS),
        manager=ServiceManager(environ),
        release=lambda: None,
    )


def test_a_living_scheduler_is_told_of_until_the_end(listener: Listener) -> None:
    daemon, stop = new_daemon({"NOTIFY_SOCKET": listener.address}), threading.Event()
    threading.Timer(1.2, stop.set).start()
    code = daemon.run(SchedulerTicker(daemon.tick, seconds=BEAT_SECONDS), stop, status="works on acme")
    listener.close()
    heard = listener.heard
    assert ExitCode.CLEAN is code
    assert "READY=1\nSTATUS=works on acme" == heard[0]
    assert "STOPPING=1" == heard[-1].partition("\n")[0]
    assert {"WATCHDOG=1"} == set(heard[1:-1])
    assert len(heard) >= 4


class Dying:
    """A ticker whose thread ends after some rounds, although it says that it runs."""

    def __init__(self, work: Callable[[], None], *, rounds: int) -> None:
        self._thread = threading.Thread(target=self._run, args=(work, rounds), daemon=True)
        self.died_at = 0.0

    def _run(self, work: Callable[[], None], rounds: int) -> None:
        for _ in range(rounds):
            time.sleep(BEAT_SECONDS)
            work()
        self.died_at = time.monotonic()

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        self._thread.join()


def test_a_dead_scheduler_is_noticed_within_two_beats(
    listener: Listener, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr("sync.daemon._LOOK_SECONDS", 0.05)
    daemon = new_daemon({"NOTIFY_SOCKET": listener.address})
    ticker = Dying(daemon.tick, rounds=2)
    code = daemon.run(ticker, threading.Event(), status="")
    assert ExitCode.DEFECT is code
    assert time.monotonic() - ticker.died_at < 2 * BEAT_SECONDS + 0.5
    assert "has not come round" in caplog.text


def test_a_real_scheduler_whose_thread_dies_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    """APScheduler goes on to say `running` when its thread has ended. Source: facts/libraries.md."""
    monkeypatch.setattr("sync.daemon._LOOK_SECONDS", 0.05)
    daemon = new_daemon({})
    ticker = SchedulerTicker(daemon.tick, seconds=BEAT_SECONDS)
    monkeypatch.setattr("apscheduler.schedulers.background.BackgroundScheduler._main_loop", lambda self: None)
    began = time.monotonic()
    assert ExitCode.DEFECT is daemon.run(ticker, threading.Event(), status="")
    assert time.monotonic() - began < 2 * BEAT_SECONDS + 0.5


def test_a_round_that_hangs_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sync.daemon._LOOK_SECONDS", 0.05)
    release = threading.Event()
    daemon = new_daemon({})
    ticker = SchedulerTicker(lambda: void(release.wait(20)), seconds=BEAT_SECONDS)
    began = time.monotonic()
    assert ExitCode.DEFECT is daemon.run(ticker, threading.Event(), status="")
    assert time.monotonic() - began < 2 * BEAT_SECONDS + 0.5
    release.set()


def test_a_late_tick_is_not_left_out() -> None:
    ticks: list[float] = []

    def slow() -> None:
        ticks.append(time.monotonic())
        if len(ticks) == 1:
            time.sleep(1.6)  # more than APScheduler's own grace of a second

    ticker = SchedulerTicker(slow, seconds=0.2)
    ticker.start()
    time.sleep(2.4)
    ticker.stop()
    assert len(ticks) >= 3


@pytest.mark.parametrize(
    ("environ", "seconds"),
    [
        ({}, None),
        ({"WATCHDOG_USEC": "30000000"}, 30.0),
        ({"WATCHDOG_USEC": "30000000", "WATCHDOG_PID": str(os.getpid())}, 30.0),
        ({"WATCHDOG_USEC": "30000000", "WATCHDOG_PID": "1"}, None),
        ({"WATCHDOG_USEC": "soon"}, None),
    ],
)
def test_the_watchdog_is_ours_or_not(environ: dict[str, str], seconds: float | None) -> None:
    assert seconds == ServiceManager(environ).watchdog_seconds


def test_a_service_manager_that_does_not_read_holds_nobody_up(tmp_path: Path) -> None:
    deaf = Listener(tmp_path / "notify", is_deaf=True)
    manager = ServiceManager({"NOTIFY_SOCKET": deaf.address})
    began = time.monotonic()
    for _ in range(1000):
        manager.alive()
    assert time.monotonic() - began < 1
    deaf.close()


def test_an_abstract_address_is_reached_and_a_missing_one_does_no_harm() -> None:
    name = f"tieout-test-{os.getpid()}"
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as heard:
        heard.bind("\0" + name)
        heard.settimeout(1)
        ServiceManager({"NOTIFY_SOCKET": f"@{name}"}).alive()
        assert b"WATCHDOG=1" == heard.recv(100)
    ServiceManager({"NOTIFY_SOCKET": "/nowhere/at/all"}).alive()
    ServiceManager({}).alive()


def void(_: object) -> None:
    """What a tick does whose answer nobody wants."""
