"""Fixtures that any test can ask for, and which tests the fast run leaves out."""

from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

# How fast a machine makes examples says nothing about the program: no law is broken by a busy neighbour.
settings.register_profile("steady", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("steady")

pytest_plugins = ("tests.databases", "tests.office", "tests.stores")

_HERE = Path(__file__).parent
# Whole systems over real sockets, processes and databases: minutes, not seconds. Every run but `--fast` has them.
_SLOW = (
    "contract",
    "crash",
    "faults",
    "scenarios/test_worker_on_scenarios.py",
    "soak",
    "unit/test_laws.py",
    "unit/test_ledger_histories.py",
    "unit/test_quickbooks_ledger.py",
    "unit/test_report_laws.py",
    "unit/test_state_",
    "unit/test_story.py",
    "unit/test_world.py",
)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark as slow what lies in a slow place, so that no test has to remember to say so."""
    for item in items:
        place = item.path.relative_to(_HERE).as_posix() if item.path.is_relative_to(_HERE) else ""
        if place.startswith(_SLOW):
            item.add_marker(pytest.mark.slow)
