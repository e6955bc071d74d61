"""The benchmarks run, on small books, and what they count is right. Nothing is said about time."""

import pytest

from tests.benchmarks import cycle, load, month_end, reconcile, webhooks
from tests.benchmarks.__main__ import with_section
from tests.benchmarks.figures import Section, as_markdown

pytestmark = pytest.mark.slow


def _values(section: Section) -> dict[str, str]:
    return {each.name: each.value for each in section.figures}


def test_a_load_that_is_edited_meanwhile_ends_with_nothing_missing_or_stale() -> None:
    values = _values(load.measure(records=3_800, runs=1))

    assert (values["records missing after the cycle"], values["records stale after the cycle"]) == ("0", "0")
    assert values["invoices edited during the load"] != "0"


def test_a_quiet_cycle_asks_little_and_writes_nothing_but_its_own_rows() -> None:
    section = cycle.measure(invoices=61, cycles=2)
    values = _values(section)

    assert (values["QuickBooks calls"], values["BigTime calls"]) == ("1", "3")
    assert values["rows written beside the run's own"] == "0"
    assert f"## {section.title}\n" in as_markdown(section)


def test_a_reconcile_finds_every_planted_mistake_and_nothing_else() -> None:
    section = reconcile.measure(invoices=401, runs=1)
    values = _values(section)

    assert values["planted mistakes found"] == "9"
    assert values["other invoices named"] == "0"
    assert values["residual"] == "0 cents"


def test_a_month_end_of_both_systems_agrees_with_itself_and_is_the_same_each_time() -> None:
    values = _values(month_end.measure(invoices=400, clients=20, runs=2))

    assert values["pairs of figures that must agree, and do"] == "6"
    assert values["different packs among the runs"] == "1"
    assert int(values["rows in the CSV files"]) > 50


def test_every_webhook_that_is_delivered_is_taken_in() -> None:
    values = _values(webhooks.measure(deliveries=5))

    assert values["events taken in"] == "40"


def test_a_section_that_is_measured_by_itself_takes_the_place_of_the_old_one_and_leaves_the_others() -> None:
    section = Section(title="Two", command="two", what="What.", figures=())
    page = "# Benchmarks\n\nHead.\n\n## One\n\nfirst\n\n## Two\n\nold\n\n## Three\n\nthird\n"
    again = with_section(page, section)
    assert "old" not in again
    assert "first\n## Two\n\n`two`\n\nWhat." in again.replace("\n\n## Two", "\n## Two")
    assert again.endswith("## Three\n\nthird\n")
    with pytest.raises(AssertionError):
        with_section(page, Section(title="Four", command="", what="", figures=()))
