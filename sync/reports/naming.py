"""The clients that a reader may have meant by a name that no client has."""

import difflib
from collections.abc import Iterable

from mappings.indexing import normalise_name
from mappings.model import Book, Client

_MOST = 3
_LIKENESS = 0.6


def near_names(books: Iterable[Book], asked: str) -> tuple[str, ...]:
    """At most three names of clients, of either system: those that contain what was asked, then those spelled alike."""
    names: dict[str, str] = {}
    for book in books:
        for history in book.histories:
            for version in history.versions:
                if isinstance(version.content, Client) and version.content.name:
                    names.setdefault(normalise_name(version.content.name), version.content.name)
    wanted = normalise_name(asked)
    containing = sorted(name for name in names if wanted and wanted in name)
    alike = difflib.get_close_matches(wanted, sorted(names), n=_MOST, cutoff=_LIKENESS)
    return tuple(names[name] for name in dict.fromkeys((*containing, *alike)))[:_MOST]
