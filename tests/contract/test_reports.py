"""Reports through the real command line and the real store, on SQLite and on PostgreSQL.

Any past report can be made again, byte for byte.
"""

import hashlib
import json
from datetime import date
from pathlib import Path

import pytest

from tests.office import History, Office, the_world_moves_on

NAMES = ("applied-balance", "credit-balances", "credit-activity", "payments", "roll-forward", "restatements")
FORMS = ("table", "json", "csv", "xlsx")


def arguments_of(name: str, form: str) -> list[str]:
    subject = ["Acme"] if name == "credit-activity" else ["--month", "2026-10"]
    return [name, *subject, "--format", form]


def test_every_past_report_is_made_again_byte_for_byte(office: Office) -> None:
    known = History(office)
    reports = {(name, form): office.report(*arguments_of(name, form)) for name in NAMES for form in FORMS}
    as_of = json.loads(reports["applied-balance", "json"])["as_of"]

    the_world_moves_on(office, known)

    for (name, form), before in reports.items():
        assert before == office.report(*arguments_of(name, form), "--as-of", as_of), (name, form)
    changed = {name for name in NAMES if office.report(*arguments_of(name, "json")) != reports[name, "json"]}
    assert {"applied-balance", "credit-balances", "credit-activity", "payments", "restatements"} <= changed


def test_a_month_end_pack_is_made_again_with_the_same_hashes(office: Office, tmp_path: Path) -> None:
    known = History(office)
    office.report("month-end", "--month", "2026-10", "--folder", str(tmp_path / "first"))
    manifest = (tmp_path / "first" / "manifest.json").read_bytes()

    the_world_moves_on(office, known)

    as_of = json.loads(manifest)["as_of"]
    days = ["--from", "2026-10-01", "--to", "2026-10-31"]  # another way to say the month
    again = ["month-end", *days, "--folder", str(tmp_path / "again"), "--as-of", as_of]
    office.report(*again)
    assert manifest == (tmp_path / "again" / "manifest.json").read_bytes()
    for file in json.loads(manifest)["files"]:
        content = (tmp_path / "again" / file["name"]).read_bytes()
        assert (file["bytes"], file["sha256"]) == (len(content), hashlib.sha256(content).hexdigest())
    assert json.loads(manifest)["complete"]
    assert all(check["holds"] for check in json.loads(manifest)["checks"])


def test_the_restatements_name_each_event_that_changed_october(office: Office) -> None:
    known = History(office)
    the_world_moves_on(office, known)
    rows = json.loads(office.report("restatements", "--month", "2026-10", "--format", "json"))["rows"]
    told = {(row["month"], row["amount"], row["event"]) for row in rows}
    assert {
        ("2026-10", "60.00", "payment 7 took credit memo CM-1 back from 1002"),
        ("2026-10", "-80.00", "credit memo CM-1 was voided or deleted"),
    } == {(month, amount, event.replace(f"payment {known.link}", "payment 7")) for month, amount, event in told}
    september = json.loads(office.report("restatements", "--month", "2026-09", "--format", "json"))["rows"]
    assert ["-110.00", "-40.00", "110.00"] == sorted(row["amount"] for row in september)


def test_the_report_document_is_the_documented_one(office: Office) -> None:
    History(office)
    document = json.loads(office.report("applied-balance", "--month", "2026-10", "--format", "json"))
    assert [
        "schema", "report", "company", "as_of", "parameters", "rows", "totals", "breakdown", "complete",
        "gaps", "notes"
    ] == list(document)  # fmt: skip
    assert ("tieout.report/1", "applied-balance", "demo", {"month": "2026-10"}) == tuple(
        document[key] for key in ("schema", "report", "company", "parameters")
    )
    first = document["rows"][0]
    # fmt: off
    assert {
        "date": "2026-10-05", "client": "Acme", "invoice": "1001", "source": "4711", "type": "applied",
        "customer_balance": "-110.00", "accounts_receivable": "-110.00", "running_total": "-110.00", "currency": "USD",
        "earliest": "2026-10-05T17:00:00Z", "latest": "2026-10-05T17:00:00Z",
    } == {key: value for key, value in first.items() if key not in {"origin", "account", "problem", "records"}}
    assert [{
        "currency": "USD", "gross_applied": "170.00", "gross_unapplied": "0.00", "customer_balance": "-170.00",
        "accounts_receivable": "-170.00", "payments_received": "15.00", "not_on_invoices": "0.00",
    }] == document["totals"]
    # fmt: on


@pytest.mark.parametrize("name", NAMES)
def test_a_table_fits_into_100_columns(office: Office, name: str) -> None:
    known = History(office)
    the_world_moves_on(office, known)
    lines = office.report(*arguments_of(name, "table")).decode().splitlines()
    assert max(map(len, lines)) <= 100


@pytest.mark.parametrize("name", [*NAMES, "month-end"])
def test_a_question_that_cannot_be_answered_ends_with_code_2_and_one_sentence(office: Office, name: str) -> None:
    office.books.add_customer("Acme")
    office.read()
    month = [] if name != "month-end" else ["--month", "2026-09"]
    for arguments, sentence in (
        (["--month", "October"], "--month: 'October' is not a month: write it as 2026-10"),
        (["--month", "2026-13"], "--month: '2026-13' is not a month: write it as 2026-10"),
        (["--month", "2026-09", "--to", "2026-10-01"], "--month: stands alone: leave out --from and --to"),
        (
            [*month, "--as-of", "yesterday"],
            "--as-of: 'yesterday' is not a moment: write it as 2026-11-02 or 2026-11-02",
        ),
        ([*month, "--currency", "dollars"], "--currency: 'dollars' is not a currency: write its code, as USD"),
        ([*month, "--client", "Acmee"], "--client: no client is called 'Acmee': did you mean 'Acme'?"),
        ([*month, "--client", "Zzyzx"], "--client: no client is called 'Zzyzx': write it as a system shows it"),
    ):
        said = office.run("report", name, *arguments, code=2)
        assert b"" == said.stdout_bytes
        assert sentence in said.stderr
        assert 1 == len(said.stderr.splitlines()), said.stderr
    if name != "month-end":
        said = office.run("report", name, "--from", "2026-10-31", "--to", "2026-10-01", code=2)
        assert "--to: 2026-10-01 is before --from 2026-10-31" in said.stderr
        assert "is not a day" in office.run("report", name, "--from", "1 May", code=2).stderr
    else:
        assert "--month: is missing" in office.run("report", name, code=2).stderr


def test_a_client_whom_nobody_knows_is_answered_with_names_that_are_near(office: Office) -> None:
    for name in ("Granite State Robotics", "Granite Ridge", "O'Neill & Sato LLP"):
        office.books.add_customer(name)
    office.read()
    said = office.run("report", "credit-activity", "granite", code=2).stderr
    assert "did you mean 'Granite Ridge', 'Granite State Robotics'?" in said
    assert (
        'did you mean "O\'Neill & Sato LLP"?'
        in office.run("report", "payments", "--client", "Oneil Sato", code=2).stderr
    )


def test_a_report_of_books_that_were_not_read_whole_says_so_and_ends_with_code_3(office: Office) -> None:
    """Nothing had been read by then: that is no empty company."""
    History(office)
    for name in NAMES:
        said = office.run("report", name, "--as-of", "2026-08-01", "--format", "json", code=3)
        document = json.loads(said.stdout)
        assert (False, ["nothing had been read yet"]) == (document["complete"], document["gaps"])
        assert (
            "incomplete: nothing had been read yet"
            in office.run("report", name, "--as-of", "2026-08-01", code=3).stdout
        )
        for form in ("csv", "json"):
            said = office.run("report", name, "--as-of", "2026-08-01", "--format", form, code=3)
            assert "incomplete: nothing had been read yet" in said.stderr


def test_a_month_that_is_not_over_is_told_as_one(office: Office) -> None:
    History(office)
    said = office.run("report", "applied-balance", "--month", "2026-11").stdout
    assert "! The period ends on 2026-11-30 and is told as of 2026-11-02" in said
    assert [] == json.loads(office.report("applied-balance", "--month", "2026-10", "--format", "json"))["notes"]
    assert "There is nothing in EUR: the books have USD" in office.run("report", "payments", "--currency", "eur").stdout


def test_a_folder_with_something_else_in_it_is_left_alone(office: Office, tmp_path: Path) -> None:
    History(office)
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "letter.txt").write_text("dear client")
    office.report("month-end", "--month", "2026-10", "--folder", str(tmp_path / "mine"), code=2)
    assert ["letter.txt"] == [path.name for path in (tmp_path / "mine").iterdir()]


def test_the_receivable_account_is_told_asked_for_and_kept_in_versions(office: Office) -> None:
    """A renamed account has its old name in every report of the past."""
    retainers = office.books.add_account("A/R - Retainers", "Accounts Receivable")
    known = History(office)
    office.books.book_on(known.link, retainers)
    office.books.book_on(known.prepaid, "1")
    office.at("2026-11-03")
    office.read()
    month = ["applied-balance", "--month", "2026-10", "--format", "json"]
    before = office.report(*month)
    document = json.loads(before)
    assert [("2026-10", "A/R - Retainers", "-60.00"), ("2026-10", "Accounts Receivable (A/R)", "-110.00")] == [
        (row["month"], row["account"], row["accounts_receivable"])
        for row in document["breakdown"]
        if row["accounts_receivable"] != "0.00"
    ]
    asked = json.loads(office.report(*month, "--account", "a/r - retainers"))
    assert ["-60.00"] == [row["customer_balance"] for row in asked["totals"]]
    office.books.rename_account(retainers, "Retainers")
    office.at("2026-11-05")
    office.read()
    assert "Retainers" in office.run("report", "applied-balance", "--month", "2026-10").stdout
    assert before == office.report(*month, "--as-of", document["as_of"])
    said = office.run("report", "applied-balance", "--account", "A/R - Retainers", code=2).stderr
    assert "no receivable account is called 'A/R - Retainers'" in said
    assert "there are 'Accounts Receivable (A/R)', 'Retainers'" in said


def test_clients_that_one_payment_joins_later_do_not_change_a_report_of_the_past(office: Office) -> None:
    """A parent pays an invoice of a job, a memo is re-dated, a client is renamed: October stays as it was told."""
    known = History(office)
    job = office.books.add_customer("Acme Tower", parent_id=known.acme)
    other = office.books.create_invoice(job, "2001", "300", on=office.at("2026-11-03"))
    memo = office.books.create_credit_memo(job, "CM-9", "30", on=office.at("2026-11-03"))
    office.read()
    asked = [[name, "--format", form] for name in NAMES for form in FORMS]
    asked += [["credit-activity", "Acme Tower", "--format", "json"], ["credit-balances", "--client", "Acme"]]
    reports = [office.report(*arguments) for arguments in asked]
    as_of = json.loads(reports[1])["as_of"]

    office.books.receive_payment(known.acme, "100", on=office.at("2026-11-10"), apply={other: "100"})
    office.read()
    office.books.edit_credit_memo(memo, on=date(2026, 10, 15))
    office.books.rename_customer(known.acme, "Acme International")
    office.at("2026-11-12")
    office.read()

    assert reports == [office.report(*arguments, "--as-of", as_of) for arguments in asked]
    assert reports[1] != office.report(*asked[1])
    assert "2026-10-15" in office.run("report", "credit-activity", "Acme Tower").stdout


def test_a_month_end_of_books_that_were_not_read_whole_says_so_in_the_pack_and_beside_it(
    office: Office, tmp_path: Path
) -> None:
    History(office)
    folder = ["--folder", str(tmp_path / "early"), "--as-of", "2026-08-01", "--month", "2026-07"]
    said = office.run("report", "month-end", *folder, "--format", "json", code=3)
    assert "incomplete: nothing had been read yet" in said.stderr
    assert (False, ["nothing had been read yet"]) == (
        json.loads(said.stdout)["complete"],
        json.loads(said.stdout)["gaps"],
    )
    assert "Incomplete: nothing had been read yet" in (tmp_path / "early" / "index.html").read_text("utf-8")
    manifest = json.loads((tmp_path / "early" / "manifest.json").read_text("utf-8"))
    assert (False, ["nothing had been read yet"]) == (manifest["complete"], manifest["gaps"])
