"""BigTime against QuickBooks at a month's end, through the real command line and store: told from versions alone.

The books are looked at as they had been read by then, whatever has become of them since.
"""

import csv
import io
import json
from decimal import Decimal
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from click.testing import CliRunner

from config.settings import load_settings
from mappings.findings import FindingStatus
from state.store import CompanyStore, Store
from sync.cli.program import program
from sync.clocks import SystemClock
from sync.rules.evaluate import evaluate_book
from sync.rules.moment import Moment
from sync.viewing import moment_of_run
from tests.office import Office

EXPLAINED = ("bigtime_balance", "quickbooks_balance", "difference", "explained", "residual")


def posted(office: Office, name: str, number: str, amount: str, day: str) -> str:
    """An invoice in both systems, of a client of its own; BigTime's id."""
    client = office.world.add_client(name)
    ours = office.world.bigtime.add_invoice(client, number, amount, on=office.at(day))
    office.world.post(ours)
    return ours


class Firm:
    """Two clients and three mistakes: one is put right in November, one is made then."""

    def __init__(self, office: Office) -> None:
        self.office = office
        self.ours = posted(office, "Borealis", "INV-7", "1000.00", "2026-10-05")
        self.other = posted(office, "Cobalt", "INV-8", "300.00", "2026-10-06")
        office.read()
        bigtime = office.world.bigtime
        self.credit = bigtime.apply_account_credit(self.ours, "200.00", on=office.at("2026-10-20"))
        self.twice = bigtime.apply_account_credit(self.other, "50.00", on=office.at("2026-10-21"))
        office.read()
        office.at("2026-10-31")
        office.read()
        self.october = run(office)

    def moves_on(self) -> None:
        """The first credit is taken out of BigTime, the other invoice is edited and renumbered, clients are joined."""
        office, bigtime = self.office, self.office.world.bigtime
        office.at("2026-11-03")
        bigtime.delete_payment(self.credit)
        for _ in range(2):  # a deletion is said after two complete reads
            office.read()
            office.at("2026-11-05")
        bigtime.edit_invoice(self.other, amount="360.00")
        office.read()
        one, other = (office.world.customer_of(bigtime.invoice(each).client_id) for each in (self.ours, self.other))
        lines = [("1", one, "Credit", "10"), ("1", other, "Debit", "10")]
        office.books.journal_entry(lines, on=office.at("2026-11-12"), number="J-1")
        office.read()


def run(office: Office, code: int = 1) -> dict[str, Any]:
    """What `tieout reconcile` says."""
    document: dict[str, Any] = json.loads(office.run("reconcile", "--format", "json", code=code).stdout)
    return document


def month_end(office: Office, folder: Path, *more: str, month: str = "2026-10", code: int = 0) -> dict[str, Any]:
    office.report("month-end", "--month", month, "--folder", str(folder), *more, code=code)
    manifest: dict[str, Any] = json.loads((folder / "manifest.json").read_text("utf-8"))
    return manifest


def rows(folder: Path, name: str) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO((folder / f"{name}.csv").read_text("utf-8"), newline="")))


def test_the_month_ends_with_what_the_run_of_its_last_day_said_whatever_happens_afterwards(
    office: Office, tmp_path: Path
) -> None:
    firm = Firm(office)
    firm.moves_on()
    manifest = month_end(office, tmp_path / "pack")
    (told,), (then,) = manifest["tie_out"]["totals"], firm.october["tie_out"]
    assert {name: then[name] for name in EXPLAINED} == {name: told[name] for name in EXPLAINED}
    assert ("1050.00", "1300.00", "-250.00", "-250.00", "0.00") == tuple(told[name] for name in EXPLAINED)
    assert "2026-10-31" == manifest["tie_out"]["as_of"][:10]
    assert [
        ("Borealis", "800.00", "1000.00", "-200.00", "-200.00", "0.00"),
        ("Cobalt", "250.00", "300.00", "-50.00", "-50.00", "0.00"),
    ] == [tuple(row[name] for name in ("client", *EXPLAINED)) for row in rows(tmp_path / "pack", "tie-out-by-client")]
    assert {(one["code"], one["claim"], one["exposure"], one["id"]) for one in firm.october["findings"]} == {
        (row["code"], row["claim"], row["exposure"], row["finding"]) for row in rows(tmp_path / "pack", "open-findings")
    }
    status = {row["invoice"]: row["status"] for row in rows(tmp_path / "pack", "open-findings")}
    assert {"INV-7": "resolved", "INV-8": "open"} == status
    page = (tmp_path / "pack" / "index.html").read_text("utf-8")
    assert "BigTime against QuickBooks" in page
    assert "1 of 2 had been resolved by 2026-11-12" in page


def test_a_pack_with_a_tie_out_is_made_again_byte_for_byte(office: Office, tmp_path: Path) -> None:
    firm = Firm(office)
    before = month_end(office, tmp_path / "before")
    assert "open" == {row["status"] for row in rows(tmp_path / "before", "open-findings")}.pop()
    firm.moves_on()
    again = month_end(office, tmp_path / "again", "--as-of", before["as_of"])
    for one in before["files"]:
        assert (tmp_path / "before" / one["name"]).read_bytes() == (tmp_path / "again" / one["name"]).read_bytes()
    assert before == again
    assert before != month_end(office, tmp_path / "now")


def test_a_past_tie_out_is_that_of_the_run_for_every_run_there_was(office: Office, tmp_path: Path) -> None:
    firm = Firm(office)
    said = [(firm.october["tie_out"], firm.october["findings"], as_of(office))]
    for day, act in (
        ("2026-11-02", lambda: office.world.bigtime.edit_invoice(firm.ours, amount="900.00")),
        ("2026-11-04", lambda: office.books.void_invoice(office.world.twins_of(firm.other)[0])),
        ("2026-11-06", office.world.sync),
        ("2026-11-09", lambda: office.world.bigtime.delete_payment(firm.twice)),
        ("2026-11-11", lambda: None),
        ("2026-12-30", lambda: None),
    ):
        office.at(day)
        act()
        document = run(office)
        said.append((document["tie_out"], document["findings"], as_of(office)))
    for place, (tie_out, findings, then) in enumerate(said):
        folder = tmp_path / str(place)
        manifest = month_end(office, folder, "--as-of", then, month=then[:7])
        assert [[one[name] for name in EXPLAINED] for one in tie_out] == [
            [one[name] for name in EXPLAINED] for one in manifest["tie_out"]["totals"]
        ], then
        of_books = [one for one in findings if one["client"]["name"]]  # the others say what a run could not read
        assert sorted((one["id"], one["claim"], one["exposure"], one["status"]) for one in of_books) == sorted(
            (row["finding"], row["claim"], row["exposure"], row["status"]) for row in rows(folder, "open-findings")
        ), then


def as_of(office: Office) -> str:
    """When the last run ended."""
    text: str = json.loads(office.report("payments", "--format", "json"))["as_of"]
    return text


def test_a_month_that_nobody_read_is_not_compared_and_says_so(office: Office, tmp_path: Path) -> None:
    Firm(office)
    manifest = month_end(office, tmp_path / "march", month="2026-03")
    assert [] == manifest["tie_out"]["totals"]
    assert [] == rows(tmp_path / "march", "open-findings")
    (sentence,) = manifest["tie_out"]["notes"]
    assert "not read within a month of the end of 2026-03-31" in sentence
    assert sentence in (tmp_path / "march" / "index.html").read_text("utf-8")
    september = month_end(office, tmp_path / "september", month="2026-09")
    assert "2026-10-06" == september["tie_out"]["as_of"][:10]
    assert any("nearest to the end of 2026-09-30" in note for note in september["tie_out"]["notes"])


def test_a_tie_out_of_one_client_holds_his_invoices_and_findings_alone(office: Office, tmp_path: Path) -> None:
    Firm(office)
    manifest = month_end(office, tmp_path / "pack", "--client", "cobalt")
    assert ["250.00"] == [one["bigtime_balance"] for one in manifest["tie_out"]["totals"]]
    assert ["INV-8"] == [row["invoice"] for row in rows(tmp_path / "pack", "open-findings")]
    month_end(office, tmp_path / "none", "--currency", "EUR")
    assert [] == rows(tmp_path / "none", "tie-out-by-client")


def test_what_people_said_of_a_finding_by_then_stands_beside_it(office: Office, tmp_path: Path) -> None:
    firm = Firm(office)
    before = as_of(office)
    name = next(one["id"] for one in firm.october["findings"] if one["invoice"]["number"] == "INV-8")
    office.at("2026-11-01")
    office.run("findings", "expect", name, "--reason", "agreed", "--by", "ann")
    office.read()
    month_end(office, tmp_path / "now")
    month_end(office, tmp_path / "then", "--as-of", before)
    for folder, status in (("now", "expected"), ("then", "open")):
        assert {"INV-7": "open", "INV-8": status} == {
            row["invoice"]: row["status"] for row in rows(tmp_path / folder, "open-findings")
        }


def test_an_explanation_of_the_past_is_the_one_that_was_given_then(office: Office) -> None:
    firm = Firm(office)
    asked = [
        (subject, form) for subject in ("INV-7", "Borealis", "INV-8", "Cobalt") for form in ("json", "csv", "xlsx")
    ]
    before = {(subject, form): explained(office, subject, form) for subject, form in asked}
    then = as_of(office)
    firm.moves_on()
    for subject, form in asked:
        assert before[subject, form] == explained(office, subject, form, "--as-of", then), (subject, form)
    assert then == json.loads(before["INV-7", "json"])["as_of"]
    assert all(before[subject, "json"] != explained(office, subject, "json") for subject, _ in asked)


def explained(office: Office, subject: str, form: str, *more: str) -> bytes:
    return office.run("explain", subject, "--format", form, *more).stdout_bytes


def test_an_explanation_knows_a_subject_by_what_it_was_called_then(office: Office) -> None:
    firm = Firm(office)
    then = as_of(office)
    bigtime = office.world.bigtime
    office.at("2026-11-03")
    bigtime.rename_client(bigtime.invoice(firm.ours).client_id, "Aurora")
    office.read()
    assert "was then called 'Aurora'" in office.run("explain", "Aurora", "--as-of", then, code=2).stderr
    told = json.loads(office.run("explain", "Borealis", "--as-of", then, "--format", "json").stdout)
    amounts = [Decimal(row["amount"]) for row in told["rows"] if row["section"] == "tie_out"]
    assert (Decimal("800.00"), Decimal("1000.00")) == (amounts[0], amounts[-1])
    assert sum(amounts[:-1]) == amounts[-1]


def test_an_explanation_from_before_anything_was_read_says_so_and_ends_with_code_3(office: Office) -> None:
    Firm(office)
    said = office.run("explain", "INV-7", "--as-of", "2026-08-01", "--format", "json", code=3)
    document = json.loads(said.stdout)
    assert ([], False, ["nothing had been read yet"]) == tuple(document[key] for key in ("rows", "complete", "gaps"))
    assert (
        "incomplete: nothing had been read yet"
        in office.run("explain", "INV-7", "--as-of", "2026-08-01", code=3).stdout
    )
    assert "is not a moment" in office.run("explain", "INV-7", "--as-of", "then", code=2).stderr


@pytest.mark.slow
def test_every_run_of_a_demo_is_told_again_as_it_was(tmp_path: Path) -> None:
    """Weeks of mistakes and many groups: over the versions of then, the rules find what each run had found."""
    made = CliRunner().invoke(program, ["demo", "--days", "16", "--seed", "5", "--folder", str(tmp_path / "demo")])
    assert made.exit_code in {0, 1}, made.output
    settings = load_settings(tmp_path / "demo" / "tieout.toml")
    zone = ZoneInfo(settings.company(None).timezone)
    with Store.open(f"sqlite:///{tmp_path / 'demo' / 'tieout.db'}", SystemClock()) as store:
        stored = store.known_company(settings.company(None).alias)
        runs = stored.runs.recent(most=100)
        told = [found_again(stored, moment_of_run(run, stored.runs, zone, settings.rules)) for run in runs]
    assert len(runs) > 10
    assert max(len(found) for found, _ in told) > 5
    assert [] == [(found ^ open_then) for found, open_then in told if found != open_then]


def found_again(stored: CompanyStore, moment: Moment) -> tuple[set[str], set[str]]:
    """The findings of the rules over the books of a moment, and those that were open then; gates are not of books."""
    books = stored.book_reader()
    results = (evaluate_book(book, moment) for book in books.iterate_books(books.load_all_groups(), moment.now))
    lives = stored.findings.load_lives(moment.now)
    open_then = {name for name, life in lives.items() if life.status is not FindingStatus.RESOLVED}
    gates = {name for name in open_then if lives[name].id.startswith(("G5", "G9", "G11"))}
    return {finding.fingerprint for result in results for finding in result.findings}, open_then - gates
