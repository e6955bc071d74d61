"""Workers in several processes share one rotating refresh token; Intuit revokes it when two refresh at once."""

import pytest

from tests.token_races import run_races


@pytest.mark.slow
def test_processes_that_race_refresh_once_per_race_and_send_nobody_to_connect(store_url: str) -> None:
    done = run_races(store_url, races=15)
    assert (done.errors, done.reconnects, done.disagreements) == ((), 0, 0)
    assert (done.refreshes, done.refused) == (15, 0)


@pytest.mark.slow
def test_a_token_endpoint_that_fails_in_the_middle_of_races_sends_nobody_to_connect(store_url: str) -> None:
    done = run_races(store_url, races=12, strike_every=3)
    assert (done.errors, done.reconnects, done.disagreements) == ((), 0, 0)
    assert done.struck == 3


@pytest.mark.slow
def test_a_race_without_the_lease_ends_the_connection(sqlite_url: str) -> None:
    done = run_races(sqlite_url, races=15, is_guarded=False)
    assert done.reconnects > 0, "the races show nothing: workers that all refresh at once have to lose the connection"
