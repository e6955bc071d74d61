"""Alerts by command, with a real store, mail server and webhook: told once, shown, kept quiet, settled."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from config.secret_lookup import write_secret
from config.settings import load_settings
from mappings.findings import ClientRef, Finding
from mappings.model import Kind
from state.store import Store
from sync.alert_channels import alert_policy
from sync.alert_rules import plan_alerts
from sync.cli.program import program
from sync.clocks import SystemClock
from tests.alert_building import finding, settings_text
from tests.hook_server import Hook, hook_server
from tests.mail_server import Mailbox, mail_server
from tests.stores import BT, invoice, key, outcome, put, seen

AT_ONCE = {"group_seconds": 0, "digest_days": [], "digest_hour": 23, "quiet_day": "sun"}


@dataclass
class Office:
    """A folder with settings, and the two places that alerts go to."""

    folder: Path
    mailbox: Mailbox
    hook: Hook

    @property
    def path(self) -> Path:
        return self.folder / "tieout.toml"

    def run(self, *arguments: str, expect: int = 0) -> Result:
        result = CliRunner().invoke(program, [*arguments, "--config", str(self.path)])
        assert expect == result.exit_code, result.output
        assert "canary" not in result.output
        return result

    def find(self, *findings: Finding) -> None:
        """Reconcile acme; the program's own plan decides what is told, as in a run."""
        clock = SystemClock()
        policy = alert_policy(load_settings(self.path))
        with Store.open(load_settings(self.path).store.url, clock) as store, store.company("acme").hold() as held:
            company = store.company("acme")
            put(company.records(held), seen(key(BT, Kind.INVOICE, "1"), invoice("301", "INV-1"), at=clock.now()))
            books = company.books(held)
            groups = books.load_all_groups()
            with books.reconcile_unit("run") as unit:
                unit.set_complete(True)
                for group in groups:
                    unit.replace(group, outcome(*findings))
                unit.plan_alerts(lambda situation: plan_alerts(situation, policy, clock.now()))

    def name(self, record: str = "71") -> str:
        """The name of the finding about a record."""
        document = json.loads(self.run("findings", "list", "--format", "json", expect=1).stdout)
        return next(str(each["id"]) for each in document["findings"] if each["invoice"]["bigtime"] == record)


@pytest.fixture
def office(tmp_path: Path) -> Iterator[Office]:
    with mail_server() as mailbox, hook_server() as hook:
        made = Office(tmp_path, mailbox, hook)
        made.path.write_text(settings_text(mail_port=mailbox.port, with_hook=True, alerts=AT_ONCE))
        write_secret(tmp_path / "secrets" / "TIEOUT_SLACK_WEBHOOK_URL_TEAM", hook.url)
        yield made


def test_each_incident_is_told_once_on_each_channel_and_so_is_its_end(office: Office) -> None:
    office.find(finding(record="71"), finding("B1", "72"))
    assert "4 messages sent" in office.run("alerts", "send").stdout
    for _ in range(3):
        office.find(finding(record="71"), finding("B1", "72"))
        assert "0 messages sent" in office.run("alerts", "send").stdout
    for told in (office.mailbox.subjects(), office.hook.headers()):
        assert 1 == sum("INV-71" in each for each in told)
        assert 1 == sum("INV-72" in each for each in told)
    office.find(finding("B1", "72"))
    office.run("alerts", "send")
    office.run("alerts", "send")
    assert ["[Tieout] Resolved: acme: Credited in BigTime after posting, INV-71"] == office.mailbox.subjects()[2:]
    assert 3 == len(office.hook.posts)


def test_nothing_is_told_after_a_person_has_settled_it_unless_it_changes(office: Office) -> None:
    office.find(finding())
    office.run("alerts", "send")
    office.run("findings", "resolve", office.name(), "--reason", "ours", "--by", "ann")
    office.run("alerts", "send")
    assert 2 == len(office.mailbox.messages)
    office.find(finding())  # the cause is still there, and the finding is open again
    assert 1 == CliRunner().invoke(program, ["findings", "list", "--config", str(office.path)]).exit_code
    office.run("alerts", "send")
    assert 2 == len(office.mailbox.messages)
    office.find(finding(exposure_minor=500_00))
    office.run("alerts", "send")
    assert "500.00 USD" in office.mailbox.subjects()[-1]


def test_a_channel_that_is_down_holds_its_messages_and_the_others_tell_of_it(office: Office) -> None:
    office.hook.answers += [(404, {})] * 10
    office.find(finding())
    sent = office.run("alerts", "send", expect=3)
    assert "1 message sent" in sent.stdout
    assert "the webhook is gone" in sent.output
    for _ in range(2):
        office.run("alerts", "send", "--again", expect=3)
    office.run("alerts", "send")  # the third failure has been told to the other channel by now
    assert "[Tieout] the channel team does not deliver" in office.mailbox.subjects()
    listed = json.loads(office.run("alerts", "list", "--format", "json").stdout)
    waiting = [each for each in listed["messages"] if each["channel"] == "team"]
    assert [("pending", 3)] == [(each["state"], each["attempts"]) for each in waiting]
    checked = CliRunner().invoke(program, ["check", "--format", "json", "--config", str(office.path)])
    parts = {each["part"]: each for each in json.loads(checked.stdout)["checks"]}
    assert "the webhook is gone" in parts["channel team"]["detail"]
    assert parts["channel books"]["works"]
    office.hook.answers.clear()
    office.run("alerts", "send", "--again", "--channel", "team")
    assert 1 == len(office.hook.posts)


def test_a_missing_secret_loses_nothing(office: Office) -> None:
    secret = office.folder / "secrets" / "TIEOUT_SLACK_WEBHOOK_URL_TEAM"
    address = secret.read_text()
    secret.unlink()
    office.find(finding())
    assert "TIEOUT_SLACK_WEBHOOK_URL_TEAM" in office.run("alerts", "send", expect=3).output
    write_secret(secret, address.strip())
    office.run("alerts", "send", "--again")
    assert 1 == len(office.hook.posts)


def test_a_silence_keeps_quiet_until_somebody_ends_it(office: Office) -> None:
    office.run(
        "alerts", "silence", "--client", "acme & söhne", "--for", "3d", "--reason", "moving house", "--by", "ann"
    )
    office.find(finding())
    office.run("alerts", "send")
    assert [] == office.mailbox.messages
    listed = json.loads(office.run("alerts", "list", "--format", "json").stdout)
    assert "held" == listed["alerts"][0]["state"]
    assert "moving house" in listed["alerts"][0]["held_by"]
    office.run("alerts", "list")
    office.run("alerts", "unsilence", "1")
    office.run("alerts", "send")
    assert 1 == len(office.mailbox.messages)
    office.run("alerts", "unsilence", "1", expect=2)
    office.run("audit", "verify")


@pytest.mark.parametrize(
    "arguments",
    [
        ["--for", "3d"],
        ["--code", "A1", "--everything", "--for", "3d"],
        ["--code", "A1"],
        ["--code", "A1", "--for", "soon"],
        ["--code", "A1", "--until", "2020-01-01"],
    ],
)
def test_a_silence_says_what_and_how_long(office: Office, arguments: list[str]) -> None:
    office.run("alerts", "silence", *arguments, "--reason", "x", expect=2)


def test_a_test_message_shows_whether_a_channel_works(office: Office) -> None:
    office.run("alerts", "test")
    assert ["[Tieout] a test message for the channel books"] == office.mailbox.subjects()
    office.hook.answers.append((500, {}))
    assert "could not take" in office.run("alerts", "test", "team", expect=3).stdout
    office.run("alerts", "test", "nobody", expect=2)


def test_what_is_expected_assigned_and_remarked_is_kept(office: Office) -> None:
    office.find(finding(), finding(record="72"))
    name = office.name()
    office.run("findings", "assign", name, "ann", "--by", "bob")
    office.run("findings", "comment", name, "asked\x1b[31m the client")
    today = datetime.now(UTC).date()
    until = (today + timedelta(days=3)).isoformat()
    office.run("findings", "expect", name, "--scope", "client", "--until", until, "--reason", "barter")
    shown = office.run("findings", "show", name).stdout
    assert "Assigned:   ann" in shown
    assert "expected" in shown
    assert "\x1b" not in shown
    assert (
        "expected" == json.loads(office.run("findings", "show", name, "--format", "json").stdout)["finding"]["status"]
    )
    listed = json.loads(office.run("findings", "list", "--status", "open", "--format", "json").stdout)
    assert [] == listed["findings"]
    office.run("alerts", "send")
    assert [] == office.mailbox.messages
    office.run("findings", "reopen", name)
    office.run("alerts", "send")
    assert 1 == len(office.mailbox.messages)
    past = (today - timedelta(days=3)).isoformat()
    office.run("findings", "expect", name, "--until", past, "--reason", "x", expect=2)
    office.run("findings", "assign", name, expect=2)
    office.run("findings", "comment", name, " ", expect=2)
    office.run("audit", "verify")


def test_a_storm_is_one_message(office: Office) -> None:
    office.find(*(finding(record=str(number)) for number in range(100, 160)))
    assert "2 messages sent" in office.run("alerts", "send").stdout
    (message,) = office.mailbox.messages
    body = message.get_body(("plain",))
    assert body is not None
    assert all(f"I-{number}" in body.get_content() for number in range(100, 160))


def test_hostile_names_and_secrets_reach_neither_the_outbox_nor_the_log(office: Office) -> None:
    office.hook.answers += [(500, {}), (0, {})]
    office.find(finding(client=ClientRef(name="\r\nBcc: x@y.z <!channel> \x1b[31m\u202e" * 50, bigtime="301")))
    office.run("alerts", "send", "--debug", "--log-format", "json", expect=3)
    office.run("alerts", "send", "--again", "--debug", expect=3)
    office.run("alerts", "list")
    office.run("alerts", "send", "--again")
    assert b"canary" not in b"".join(path.read_bytes() for path in office.folder.glob("*.db*"))
    (message,) = office.mailbox.messages
    assert None is message["Bcc"]
    assert "<!channel>" not in json.dumps(office.hook.posts)
