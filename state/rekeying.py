"""Which keys still stand between us and what is stored encrypted. Needs no key: a ciphertext names its own."""

from collections import Counter
from collections.abc import Mapping

from sqlalchemy import Engine, select

from state.engine import read
from state.keyring import key_id_of
from state.tables import OAUTH_TOKEN, SECRET

_SEALED = ("realm", "access", "refresh", "previous_refresh")


def count_by_key(engine: Engine) -> Mapping[str, int]:
    """How many stored ciphertexts of all companies each key has written, by the key's id."""
    counts: Counter[str] = Counter()
    with read(engine) as connection:
        for row in connection.execute(select(*(OAUTH_TOKEN.c[name] for name in _SEALED))):
            counts.update(key_id_of(ciphertext) for ciphertext in row if ciphertext is not None)
        counts.update(key_id_of(value) for value in connection.execute(select(SECRET.c.value)).scalars())
    return dict(counts)
