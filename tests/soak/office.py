"""The world of the soak: four firms, both their systems, the channels' servers, and the days on which things fail."""

import contextlib
import json
import multiprocessing
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from functools import partial
from pathlib import Path
from random import Random
from typing import Any

from config.secret_lookup import new_encryption_key, write_secret
from connectors.quickbooks.webhooks import sign
from connectors.sandbox.faults import (
    Fault,
    FaultTable,
    Match,
    bad_gateway,
    empty_body,
    fault_in_ok,
    lost_reply,
    reset,
    throttled,
    truncated,
    unauthorized,
)
from connectors.sandbox.serving import ServedWorld, serve_world
from tests.hook_server import Hook, hook_server
from tests.mail_server import Mailbox, mail_server
from tests.soak.clock import SharedClock
from tests.soak.daemon import Account, Burden, serve
from tests.soak.firm import HISTORY_DAYS, SoakFirm, TrueIncident, moment

FIRST_DAY = date(2026, 2, 2)  # a Monday; the clocks in New York go forward on 8 March
_COMPANIES = ("alder", "birch", "cedar", "dogwood")
_OF_BOTH: tuple[Fault, ...] = (bad_gateway(), bad_gateway(503), empty_body(), lost_reply(), reset(), truncated(60))
_OF_QUICKBOOKS = (*_OF_BOTH, throttled(), throttled("20"), unauthorized(), fault_in_ok())
_OF_BIGTIME = (*_OF_BOTH, throttled("15"))
_PATHS = {"quickbooks": "/v3/", "bigtime": ""}
_OUTAGE = timedelta(hours=10)
_SILENCE = timedelta(hours=40)
_DISCONNECTED = timedelta(hours=26)


@dataclass(frozen=True, slots=True, kw_only=True)
class SoakOptions:
    """How long and how dense a soak is."""

    days: int = 90
    seed: int = 1
    beat_minutes: int = 120
    tick_minutes: int = 15


@dataclass(frozen=True, slots=True, kw_only=True)
class Soaked:
    """What came of a soak: what was really wrong, what the daemon told, and what the servers took."""

    incidents: tuple[TrueIncident, ...]
    account: Account
    burdens: tuple[Burden, ...]
    mails: tuple[str, ...]  # Message-IDs as they arrived
    posts: dict[str, int]
    faults: int
    log: str
    ended_at: datetime


def soak(options: SoakOptions, folder: Path, say: Callable[[str], None]) -> Soaked:
    """Live through it. Raises: `AssertionError` when the simulators were used as they cannot be, or broke."""
    with ExitStack() as opened:
        office = _Office(options, folder, opened, say)
        office.live()
        return office.soaked()


class _Channel:
    """A server of a channel that can go away and come back at the same port."""

    def __init__(self, open_: Callable[[], AbstractContextManager[Any]], opened: ExitStack) -> None:
        self._open = open_
        self._running: ExitStack | None = None
        opened.callback(self.go)
        self.come()

    def come(self) -> None:
        if self._running is None:
            self._running = ExitStack()
            self._running.enter_context(self._open())

    def go(self) -> None:
        if self._running is not None:
            self._running.close()
            self._running = None


class _Office:
    def __init__(self, options: SoakOptions, folder: Path, opened: ExitStack, say: Callable[[str], None]) -> None:
        self._options, self._folder, self._say = options, folder, say
        self._chance = Random(options.seed)
        context = multiprocessing.get_context("spawn")
        passed = context.Value("q", 0)
        start = datetime.combine(FIRST_DAY - timedelta(days=HISTORY_DAYS), time(8), UTC)
        self.clock = SharedClock(start, passed)
        self._last_day = FIRST_DAY + timedelta(days=options.days - 1)
        self.firms = [
            SoakFirm(
                alias=alias,
                number=number,
                clock=self.clock,
                chance=Random(f"{options.seed}/{alias}"),
                last_day=self._last_day,
            )
            for number, alias in enumerate(_COMPANIES, 1)
        ]
        self._tables = {
            (firm.alias, system): FaultTable() for firm in self.firms for system in ("quickbooks", "bigtime")
        }
        self.served: dict[str, ServedWorld] = {
            firm.alias: opened.enter_context(
                serve_world(
                    firm.world,
                    quickbooks_faults=self._tables[firm.alias, "quickbooks"],
                    bigtime_faults=self._tables[firm.alias, "bigtime"],
                )
            )
            for firm in self.firms
        }
        self.mailbox, self.hook, self.phone = Mailbox(), Hook(), Hook()
        self._channels = {
            "mail": _Channel(lambda: mail_server(self.mailbox), opened),
            "team": _Channel(lambda: hook_server(self.hook), opened),
            "phone": _Channel(lambda: hook_server(self.phone), opened),
        }
        self.incidents: list[TrueIncident] = []
        self.burdens: list[Burden] = []
        self._plan = sorted(self._events(), key=lambda each: each[0])
        self._tell_history()
        self._write_installation()
        self._pipe, there = context.Pipe()
        arguments = (there, str(folder), start, passed, {"tick_minutes": options.tick_minutes})
        self._process = context.Process(target=serve, args=arguments)
        self._process.start()
        there.close()
        opened.callback(self._end)
        self._health, self._webhooks = self._pipe.recv()
        for firm in self.firms:
            self._ask("connect", firm.alias, self.served[firm.alias].connect())

    # The days

    def live(self) -> None:
        """All days, and the week after them in which nothing new goes wrong."""
        for number in range(self._options.days):
            day = FIRST_DAY + timedelta(days=number)
            self._daily_faults()
            self._live_until(moment(day, 14, 30))
            for firm in self.firms:
                firm.open(day)
                self._send_webhook(firm)
                self._settle(firm)
                self._live_until(self.clock.now())
            self._live_until(moment(day, 20, 45))
            for firm in self.firms:
                firm.close()
            self._live_until(moment(day, 22, 30))
            if number % 5 == 4 or self._options.days <= 15:
                self.burdens.append(self._ask("burden"))
                self._say(f"{day}: {self.burdens[-1].resident_mb:.0f} MB, {len(self._truth())} true incidents")
        for table in self._tables.values():
            table.clear()
        self._live_until(self.clock.now() + timedelta(days=4))

    def soaked(self) -> Soaked:
        """What came of it."""
        account: Account = self._ask("account")
        for alias, served in self.served.items():
            assert served.complaints == (), (alias, served.complaints)
            problems = served.world.check_identities()
            assert problems == [], (alias, problems)
        return Soaked(
            incidents=tuple(self._truth()),
            account=account,
            burdens=tuple(self.burdens),
            mails=tuple(str(message["Message-ID"]) for message in self.mailbox.messages),
            posts={"team": len(self.hook.posts), "phone": len(self.phone.posts)},
            faults=sum(len(table.struck) for table in self._tables.values()),
            log=Path(self._folder, "daemon.log").read_text("utf-8"),
            ended_at=self.clock.now(),
        )

    def _truth(self) -> list[TrueIncident]:
        return [*self.incidents, *(incident for firm in self.firms for incident in firm.incidents)]

    def _live_until(self, until: datetime) -> None:
        while self._plan and self._plan[0][0] <= until:
            at, happening = self._plan.pop(0)
            self._ask("live", at)
            happening()
        self._ask("live", until)

    def _ask(self, *request: Any) -> Any:
        self._pipe.send(request)
        try:
            return self._pipe.recv()
        except EOFError:
            raise AssertionError(
                "the daemon has died: " + Path(self._folder, "daemon.log").read_text("utf-8")
            ) from None

    def _end(self) -> None:
        with contextlib.suppress(OSError, EOFError):
            self._pipe.send(None)
            self._pipe.recv()
        self._process.join(30)
        self._process.kill()

    # What goes wrong

    def _daily_faults(self) -> None:
        """A few faults in each system, and one in each channel, that a patient program gets over."""
        for (_, system), table in self._tables.items():
            kinds = _OF_QUICKBOOKS if system == "quickbooks" else _OF_BIGTIME
            for _ in range(2):
                nth, times = self._chance.randint(1, 40), self._chance.randint(1, 2)
                # an answer with a new refresh token that is lost ends a connection for good: no fault to get over
                table.add(self._chance.choice(kinds), on=Match(path=_PATHS[system]), nth=nth, times=times)
        self.mailbox.answers += self._chance.choice((["451 come back later"], ["421 closing"], []))
        self.hook.answers += self._chance.choice(([(429, {"Retry-After": "30"})], [(503, {})], []))
        self.phone.answers += self._chance.choice(([(500, {})], []))

    def _events(self) -> Iterator[tuple[datetime, Callable[[], None]]]:
        """What is planned: an outage of each system and each channel, short ones that are no news, one lost consent."""
        for share, system in ((0.2, "quickbooks"), (0.5, "bigtime")):
            yield from self._outage(system, self._at(share, 13))
        for share, name in ((0.35, "mail"), (0.65, "team"), (0.8, "phone")):
            began = self._at(share, 6)
            yield began, partial(self._channel_gone, name)
            yield began + _SILENCE, self._channels_come(name)
        lost = self._at(0.6, 16)
        yield lost, self._lose_consent
        yield lost + _DISCONNECTED, self._consent_again
        for number in range(0, self._options.days, 9):
            began = moment(FIRST_DAY + timedelta(days=number), 4, 10)
            system = self._chance.choice(("quickbooks", "bigtime"))
            yield began, partial(self._out, system)
            yield began + timedelta(minutes=25), partial(self._back, system)

    def _at(self, share: float, hour: int) -> datetime:
        return moment(FIRST_DAY + timedelta(days=int(self._options.days * share)), hour)

    def _outage(self, system: str, began: datetime) -> Iterator[tuple[datetime, Callable[[], None]]]:
        incident = TrueIncident(company="", code="G10", subject=f"outage {system}", opened_at=began)

        def out() -> None:
            self._out(system)
            self.incidents.append(incident)

        def back() -> None:
            self._back(system)
            incident.ended_at = self.clock.now()

        yield began, out
        yield began + _OUTAGE, back

    def _out(self, system: str) -> None:
        for (_, of), table in self._tables.items():
            if of == system:
                table.clear()
                table.add(bad_gateway(503), times=None)

    def _back(self, system: str) -> None:
        for (_, of), table in self._tables.items():
            if of == system:
                table.clear()

    def _channel_gone(self, name: str) -> None:
        self._channels[name].go()
        incident = TrueIncident(company="", code="channel", subject=f"channel {name}", opened_at=self.clock.now())
        self.incidents.append(incident)

    def _channels_come(self, name: str) -> Callable[[], None]:
        def come() -> None:
            self._channels[name].come()
            for incident in self.incidents:
                if incident.subject == f"channel {name}":
                    incident.ended_at = self.clock.now()

        return come

    def _lose_consent(self) -> None:
        firm = self.firms[2]
        self.served[firm.alias].quickbooks.tokens.revoke_all()
        self.incidents.append(
            TrueIncident(company=firm.alias, code="G3", subject="reconnect", opened_at=self.clock.now())
        )

    def _consent_again(self) -> None:
        firm = self.firms[2]
        self._ask("connect", firm.alias, self.served[firm.alias].connect())
        for incident in self.incidents:
            if incident.subject == "reconnect":
                incident.ended_at = self.clock.now()

    # What people and Intuit do

    def _settle(self, firm: SoakFirm) -> None:
        """Somebody says of a mistake that it is as it should be."""
        firm.to_settle = [invoice for invoice in firm.to_settle if not self._ask("settle", firm.alias, invoice)]

    def _send_webhook(self, firm: SoakFirm) -> None:
        """Intuit says that something has changed."""
        event = {
            "specversion": "1.0",
            "id": f"{firm.alias}-{self.clock.now():%Y%m%d%H%M%S%f}",
            "type": "qbo.payment.created.v1",
            "intuitaccountid": firm.world.quickbooks.realm_id,
        }
        body = json.dumps([event]).encode()
        request = urllib.request.Request(
            f"{self._webhooks}/webhooks/quickbooks",
            data=body,
            headers={"intuit-signature": sign(body, "verifier"), "Content-Type": "application/json"},
        )
        with urllib.request.urlopen(request, timeout=10) as answer:
            assert answer.status == 200

    # The installation

    def _tell_history(self) -> None:
        for number in range(HISTORY_DAYS, 0, -1):
            day = FIRST_DAY - timedelta(days=number)
            for firm in self.firms:
                firm.open(day, makes_mistakes=False)
            for firm in self.firms:
                firm.close()

    def _write_installation(self) -> None:
        first = self.served[_COMPANIES[0]]
        text = [
            f'[store]\nurl = "sqlite:///{self._folder / "tieout.db"}"',
            f'[daemon]\nbeat_minutes = {self._options.beat_minutes}\nhealth = "127.0.0.1:0"\n[logging]\nlevel = "info"',
            *(_company(alias, served) for alias, served in self.served.items()),
            '[[channels]]\nname = "mail"\nkind = "email"\nhost = "127.0.0.1"\nsecurity = "none"',
            f'port = {self.mailbox.port}\nsender = "Tieout <tieout@example.com>"\nrecipients = ["books@example.com"]',
            '[[channels]]\nname = "team"\nkind = "slack"',
            '[[channels]]\nname = "phone"\nkind = "apprise"',
        ]
        Path(self._folder, "tieout.toml").write_text("\n".join(text), "utf-8")
        for name, value in {
            "TIEOUT_ENCRYPTION_KEY": new_encryption_key(),
            "TIEOUT_QUICKBOOKS_CLIENT_SECRET": first.quickbooks_client[1],
            "TIEOUT_BIGTIME_API_TOKEN": first.bigtime_api_token,
            "TIEOUT_QUICKBOOKS_WEBHOOK_TOKEN": "verifier",
            "TIEOUT_SLACK_WEBHOOK_URL_TEAM": self.hook.url,
            "TIEOUT_APPRISE_URL_PHONE": self.phone.url.replace("http://", "json://"),
        }.items():
            write_secret(self._folder / "secrets" / name, value)


def _company(alias: str, served: ServedWorld) -> str:
    return f"""
[[companies]]
alias = "{alias}"
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
history_start = {FIRST_DAY - timedelta(days=HISTORY_DAYS + 1)}
"""
