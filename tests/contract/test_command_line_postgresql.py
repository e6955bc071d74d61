"""The same commands on PostgreSQL: what is found, verified and audited does not depend on the database."""

import pytest

from tests.contract.test_command_line import Firm, faults, firm

__all__ = ["faults", "firm"]  # fixtures


def test_a_finding_is_the_same_on_postgresql(firm: Firm, postgres_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TIEOUT_STORE__URL", postgres_url)
    firm.credit_after_posting()
    code, document = firm.reconcile()
    found = document["findings"][0]
    assert (1, "A1", "-200.00") == (code, found["code"], found["claim"])
    assert 0 == firm.run("findings", "verify", found["id"]).exit_code
    assert 0 == firm.run("audit", "verify").exit_code
    assert 0 == firm.run("check").exit_code
    _, again = firm.reconcile("--full")
    assert document["findings"] == again["findings"]
    assert not (firm.folder / "tieout.db").exists()
