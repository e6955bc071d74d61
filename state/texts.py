"""Text that came from outside, in a form that every database takes.

PostgreSQL refuses NUL, neither database has lone surrogates, and an index entry has a largest size; SQLite
would keep some of it and give back something else. Source: facts/reliability.md F27.
"""

LONGEST_NAME = 220  # characters; the ids of both systems are numbers: anything longer is no id


def is_storable(name: str) -> bool:
    """Whether an id can be kept, and found again, in every database."""
    if len(name) > LONGEST_NAME or "\x00" in name:
        return False
    return name.isascii() or not any("\ud800" <= character <= "\udfff" for character in name)


def storable(text: str, longest: int = 2_000) -> str:
    """The text without what cannot be kept, cut to `longest` characters."""
    return text[:longest].replace("\x00", "\ufffd").encode("utf-8", "replace").decode()
