"""Findings with one cause are one incident, whose sentence names the cause and how many invoices it touches."""

import pytest

from connectors.sandbox.playing import play, world_for
from connectors.sandbox.scenario import parse
from mappings.findings import Finding
from tests.archive import Archive

_TWO = """
invoice     INV-101  acme  1000.00 USD  posted 2026-03-01
invoice     INV-102  acme  1000.00 USD  posted 2026-03-01
worker runs 2026-03-02
"""


def told(story: str) -> list[Finding]:
    """What is found at the end of a story, S4 that is no cause left out."""
    scenario = parse(story)
    world, archive = world_for(scenario), Archive()
    result = None
    for _ in play(scenario, world):
        archive.read(world)
        result = archive.evaluate(world.clock.now())
    assert result is not None
    return [each for each in result.findings if each.cause]


_CAUSES = {
    "automatic application": (
        f"""{_TWO}
quickbooks  credit memo  CM-7  acme  600.00  2026-03-03
quickbooks  apply  CM-7  INV-101  250.00  automatically  2026-03-04
quickbooks  apply  CM-7  INV-102  350.00  automatically  2026-03-04
invoice     INV-103  acme  1000.00 USD  posted 2026-03-04
invoice     INV-104  acme  1000.00 USD  posted 2026-03-04
bigtime     payment  "Credit Memo"  INV-103  250.00  2026-03-04
bigtime     payment  "Credit Memo"  INV-104  350.00  2026-03-04
worker runs 2026-03-08
""",
        {"D2"},
        "QuickBooks applied a credit by itself to another invoice (automatic application); 4 invoices affected.",
    ),
    "push-back echo": (
        f"""{_TWO}
quickbooks  payment  CHK-12  acme  700.00  applied INV-101 300.00  applied INV-102 400.00  2026-03-05
sync        2026-03-05  twice INV-101  twice INV-102
worker runs 2026-03-08
""",
        {"B2"},
        "The sync pushed one payment back to BigTime more than once; 2 invoices affected.",
    ),
    "double click on a client credit": (
        """
invoice     INV-101  acme  200.00 USD  issued 2026-03-01  not posted
worker runs 2026-03-02
bigtime     payment  AccountCredit  INV-101  150.00  2026-03-05
bigtime     payment  AccountCredit  INV-101  150.00  2026-03-05
worker runs 2026-03-08
""",
        {"B1", "F1"},
        "A client credit was applied twice, as by a double click; 1 invoice affected.",
    ),
    "double click on a credit memo": (
        f"""{_TWO}
quickbooks  credit memo  CM-55  acme  450.00  2026-03-05
quickbooks  credit memo  CM-56  acme  450.00  2026-03-05
worker runs 2026-03-08
""",
        {"B3", "C2"},
        "A credit memo was entered twice, as by a double click.",
    ),
    "posted again, import twin": (
        """
invoice     INV-9  acme  1000.00 USD  posted 2026-03-01
quickbooks  invoice  INV-9.1  acme  1000.00  2026-03-02
worker runs 2026-03-08
""",
        {"B6"},
        "The invoice was posted or imported more than once; 1 invoice affected.",
    ),
    "merge": (
        """
invoice     INV-101  acme  1000.00 USD  posted 2026-03-01
invoice     INV-201  acme-west  700.00 USD  posted 2026-03-01
invoice     INV-202  acme-west  800.00 USD  posted 2026-03-01
worker runs 2026-03-04
quickbooks  merge client  acme-west  into acme  2026-03-05
quickbooks  edit invoice  INV-201  memo "Thank you"  2026-03-05
quickbooks  edit invoice  INV-202  memo "Thank you"  2026-03-05
worker runs 2026-03-08
""",
        {"E10"},
        "Customers were merged in QuickBooks; 2 invoices affected.",
    ),
    "keyed in both systems": (
        f"""{_TWO}
bigtime     payment  Check  INV-101  300.00  also INV-102 400.00  number 12  2026-03-05
quickbooks  payment  CHK-12  acme  700.00  applied INV-101 300.00  applied INV-102 400.00  2026-03-05
sync        2026-03-05
worker runs 2026-03-08
""",
        {"B5"},
        "One payment was keyed in both systems; 2 invoices affected.",
    ),
}


@pytest.mark.parametrize("cause", _CAUSES)
def test_one_cause_is_one_incident_with_a_sentence(cause: str) -> None:
    story, codes, sentence = _CAUSES[cause]

    findings = told(story)

    assert codes == {each.code for each in findings}
    assert [sentence] == list({each.cause for each in findings})
    assert 1 == len({each.incident for each in findings})


def test_two_causes_on_one_invoice_are_two_incidents() -> None:
    findings = told(f"""{_TWO}
        bigtime     payment  AccountCredit  INV-101  150.00  2026-03-05
        quickbooks  payment  CHK-12  acme  300.00  applied INV-101 300.00  2026-03-05
        worker runs 2026-03-08
    """)

    assert {"A1", "C3"} == {each.code for each in findings}
    assert 2 == len({each.incident for each in findings})


def test_records_that_only_prove_an_amount_join_nothing() -> None:
    findings = told("""
        invoice     INV-101  acme  1000.00 USD  posted 2026-03-01
        worker runs 2026-03-02
        bigtime     payment  AccountCredit  INV-101  150.00  2026-03-05
        bigtime     mark paid  INV-101  2026-03-06
        worker runs 2026-03-08
    """)

    assert {"A1", "A5"} == {each.code for each in findings}
    assert 2 == len({each.incident for each in findings})


def test_an_incident_keeps_its_name_while_its_cause_stays() -> None:
    story = _CAUSES["push-back echo"][0]
    before, after = told(story), told(f"{story}\nworker runs 2026-03-15\n")

    assert [each.incident for each in before] == [each.incident for each in after]
