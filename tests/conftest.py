"""Fixtures that any test can ask for."""

pytest_plugins = ("tests.databases", "tests.stores")
