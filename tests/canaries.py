"""Secrets that nobody may see, and the search for them in whatever a program has left behind.

A secret that was encoded on its way is a secret still: it is looked for as it is, in percent and in base64 encoding, in
hexadecimal, and without its first and last characters, as a cut or a quotation would leave it.
"""

import base64
import binascii
from collections.abc import Iterable, Mapping
from urllib.parse import quote

_SHORTEST = 8


def leaks(canaries: Mapping[str, str], places: Mapping[str, bytes]) -> list[str]:
    """Which secret is in which place, as sentences; empty when none is in any."""
    found = []
    for name, secret in sorted(canaries.items()):
        assert len(secret) >= _SHORTEST, f"the canary {name} is too short to be told from other text"
        for place, content in sorted(places.items()):
            if any(form in content for form in _forms(secret)):
                found.append(f"{name} in {place}")
    return found


def _forms(secret: str) -> Iterable[bytes]:
    raw = secret.encode()
    yield raw
    yield raw[2:-2] if len(raw) >= 16 else raw
    yield quote(secret, safe="").encode()
    yield binascii.hexlify(raw)
    for shift in range(3):  # base64 of a longer text shows it in one of three ways, but for its edges
        encoded = base64.b64encode(b"\0" * shift + raw)
        inner = encoded[4 if shift else 0 : len(encoded) // 4 * 4 - 4]
        if len(inner) >= _SHORTEST:
            yield inner
            yield inner.replace(b"+", b"-").replace(b"/", b"_")
