"""The second opinion agrees with every finding of the shipped scenarios, and with none whose amount is off."""

import json
from collections.abc import Iterator

import msgspec
import pytest

from connectors.sandbox.playing import play, shipped_scenarios, world_for
from mappings.findings import Claim, ClientRef, Evidence, Finding, Gap, Proof
from mappings.model import Kind, RecordKey, System, raw_hash
from state.errors import StoreDamaged
from sync.checker import ABOUT_THE_RUN, CHECKED, check_arithmetic
from sync.rules.catalogue import CATALOGUE
from sync.rules.gates import findings_from_gaps
from sync.verifying import verify_evidence
from tests.archive import Archive

_SCENARIOS = shipped_scenarios()


def _found(name: str) -> Iterator[tuple[Finding, dict[Evidence, bytes]]]:
    scenario = _SCENARIOS[name]
    world, archive = world_for(scenario), Archive()
    for _ in play(scenario, world):
        archive.read(world)
        for finding in archive.evaluate(world.clock.now()).findings:
            yield finding, {evidence: archive.raws[evidence.sha256] for evidence in finding.evidence}


@pytest.mark.parametrize("name", _SCENARIOS)
def test_the_amounts_of_every_finding_are_in_its_raw_records(name: str) -> None:
    for finding, raws in _found(name):
        assert [line for good, line in check_arithmetic(finding, raws) if not good] == []


@pytest.mark.parametrize("name", _SCENARIOS)
def test_a_claim_that_is_a_cent_off_is_refused(name: str) -> None:
    for finding, raws in _found(name):
        if finding.claims:
            planted = tuple(Claim(claim.invoice_id, claim.amount_minor + 1) for claim in finding.claims)
            wrong = msgspec.structs.replace(finding, claims=planted)

            assert not all(good for good, _ in check_arithmetic(wrong, raws)), finding.code


@pytest.mark.parametrize("name", _SCENARIOS)
def test_an_amount_at_stake_that_is_a_cent_off_is_refused(name: str) -> None:
    for finding, raws in _found(name):
        wrong = msgspec.structs.replace(finding, exposure_minor=finding.exposure_minor + 1)

        assert not all(good for good, _ in check_arithmetic(wrong, raws)), finding.code


@pytest.mark.parametrize("name", _SCENARIOS)
def test_a_claim_on_an_invoice_too_many_is_refused(name: str) -> None:
    for finding, raws in _found(name):
        more = (*finding.claims, Claim("999", 123_457))
        wrong = msgspec.structs.replace(finding, claims=more)

        assert not all(good for good, _ in check_arithmetic(wrong, raws)), finding.code


def test_every_type_is_checked_or_says_that_it_is_not() -> None:
    assert CHECKED | ABOUT_THE_RUN == set(CATALOGUE)
    assert not CHECKED & ABOUT_THE_RUN


def test_what_is_about_the_run_never_passes_for_checked() -> None:
    (gate,) = findings_from_gaps("acme", [Gap("G10", "quickbooks", "QuickBooks is out of reach.")])

    assert [(True, "not checked")] == [(good, line[:11]) for good, line in check_arithmetic(gate, {})]
    assert not all(good for good, _ in check_arithmetic(msgspec.structs.replace(gate, exposure_minor=1), {}))


def test_a_raw_record_with_another_amount_is_refused() -> None:
    finding, raws = next(found for found in _found("a1-credited-after-posting") if found[0].code == "A1")
    tampered = {evidence: raw.replace(b"200", b"300") for evidence, raw in raws.items()}

    assert not all(good for good, _ in check_arithmetic(finding, tampered))


@pytest.mark.parametrize("name", _SCENARIOS)
def test_a_flipped_byte_anywhere_in_the_evidence_is_seen_and_the_record_named(name: str) -> None:
    for finding, raws in _found(name):
        for touched, raw in raws.items():
            for place in range(len(raw)):
                changed = {**raws, touched: raw[:place] + bytes([raw[place] ^ 4]) + raw[place + 1 :]}
                bad = [line for good, line in verify_evidence(finding, changed.get) if not good]

                assert [True] == [line.startswith(f"{touched.key}: ") for line in bad]


def test_a_record_that_was_emptied_is_not_taken_for_a_deleted_one() -> None:
    finding, raws = next(found for found in _found("a1-credited-after-posting") if found[0].code == "A1")
    first = next(iter(raws))

    assert [False] == [
        good for good, line in verify_evidence(finding, {**raws, first: b""}.get) if str(first.key) in line
    ]


def test_a_record_that_cannot_be_read_back_fails_by_name() -> None:
    finding, _ = next(found for found in _found("a1-credited-after-posting") if found[0].code == "A1")

    def load(evidence: Evidence) -> bytes:
        raise StoreDamaged(f"the raw record of {evidence.key} cannot be read back: restore a backup")

    seen = list(verify_evidence(finding, load))

    assert [False] * len(finding.evidence) == [good for good, _ in seen]
    assert all(str(each.key) in line for each, (_, line) in zip(finding.evidence, seen, strict=True))


def _evidence(
    kind: Kind, id_: str, record: dict[str, object], system: System = System.QUICKBOOKS
) -> tuple[Evidence, bytes]:
    raw = json.dumps(record).encode()
    return Evidence(RecordKey(system, kind, id_), raw_hash(raw)), raw


def _links(**amounts: int) -> list[object]:
    kinds = {"i": "Invoice", "m": "CreditMemo", "j": "JournalEntry"}
    return [
        {"Amount": amount, "LinkedTxn": [{"TxnId": name, "TxnType": kinds[name[0]]}]}
        for name, amount in amounts.items()
    ]


_DOCTORED = {
    "F9": (
        1000,
        [
            _evidence(Kind.CREDIT_MEMO, "m1", {"Id": "m1", "TotalAmt": 500, "RemainingCredit": 380}),
            _evidence(Kind.PAYMENT, "p", {"Id": "p", "TotalAmt": 0, "Line": _links(i1=110, m1=110)}),
        ],
    ),
    "F11": (2500, [_evidence(Kind.PAYMENT, "p", {"Id": "p", "TotalAmt": 0, "Line": _links(i1=100, m1=125)})]),
    "F8": (4000, [_evidence(Kind.CREDIT_MEMO, "m1", {"Id": "m1", "TotalAmt": 100, "RemainingCredit": -40})]),
    "F5": (
        6000,
        [
            _evidence(
                Kind.JOURNAL_ENTRY,
                "j1",
                {
                    "Id": "j1",
                    "Line": [
                        {
                            "Amount": 90,
                            "JournalEntryLineDetail": {
                                "PostingType": "Credit",
                                "Entity": {"Type": "Customer", "EntityRef": {"value": "12"}},
                            },
                        }
                    ],
                },
            ),
            _evidence(Kind.PAYMENT, "p", {"Id": "p", "TotalAmt": 0, "Line": _links(i1=30, j1=30)}),
        ],
    ),
    "F2": (
        30000,
        [
            _evidence(Kind.INVOICE, "9", {"Sid": 9, "TotalAmt": 500, "PaidAmt": "$800.00"}, System.BIGTIME),
        ],
    ),
}


@pytest.mark.parametrize("code", _DOCTORED)
def test_what_honest_books_never_show_is_checked_too(code: str) -> None:
    exposure, evidence = _DOCTORED[code]
    entry = CATALOGUE[code]
    finding = Finding(
        company="acme",
        code=code,
        slug=entry.slug,
        severity=entry.severity,
        proof=Proof.PROVED,
        reason="",
        currency="USD",
        exposure_minor=exposure,
        client=ClientRef(name="Acme"),
        invoice=None,
        evidence=tuple(each for each, _ in evidence),
        explanation="",
        fingerprint="",
        incident="",
    )

    assert [True] == [good for good, _ in check_arithmetic(finding, dict(evidence))]
    wrong = msgspec.structs.replace(finding, exposure_minor=exposure + 1)
    assert [False] == [good for good, _ in check_arithmetic(wrong, dict(evidence))]
