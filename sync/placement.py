"""A start-up check: the five packages must come from one installation.

They have plain names (`config`, `state`, …), so a directory of the same name that stands earlier on the import
path would silently replace a part of the program.
"""

import importlib.util
from pathlib import Path

PACKAGES = ("config", "connectors", "mappings", "state", "sync")


def misplaced_packages() -> str:
    """One sentence naming packages that resolve elsewhere than `sync` does; empty when all is well."""
    home = _folder("sync")
    wrong = [f"{name} ({_folder(name) or 'not found'})" for name in PACKAGES if _folder(name) != home]
    if not wrong:
        return ""
    return (
        f"these parts of Tieout do not come from {home}: {', '.join(wrong)}; "
        "start it from another directory or remove what shadows them from the import path"
    )


def _folder(name: str) -> Path | None:
    found = importlib.util.find_spec(name)
    places = list(found.submodule_search_locations or ()) if found is not None else []
    return Path(places[0]).resolve().parent if places else None
