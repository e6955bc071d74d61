"""Encryption of what must not be read from a copy of the database: AES-256-GCM with keys kept elsewhere.

The first key of the ring encrypts, all of them decrypt, so that a key can be replaced without a gap. Each
ciphertext is bound to the place it was written for and cannot be moved to another company or column.
Source: facts/reliability.md B3.
"""

import base64
import binascii
import hmac
import secrets
from hashlib import sha256
from pathlib import Path

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from state.errors import KeyUnusable

_FORMAT = b"\x01"
_KEY_BYTES = 32
_ID_BYTES = 4
_NONCE_BYTES = 12


class KeyRing:
    """The keys of one installation. Never shows a key, not even in its `repr`."""

    __slots__ = ("_keys",)

    def __init__(self, keys: tuple[bytes, ...]) -> None:
        if not keys or any(len(key) != _KEY_BYTES for key in keys):
            raise KeyUnusable("the encryption key must be 32 bytes in base64: `tieout init` makes one")
        self._keys = {_key_id(key): key for key in keys}

    def __repr__(self) -> str:
        return f"KeyRing({', '.join(self.key_ids)})"

    @classmethod
    def from_text(cls, text: str) -> "KeyRing":
        """The ring of base64 keys separated by spaces, commas or new lines, the newest first.

        Raises: `KeyUnusable` when one of them is not 32 bytes in base64.
        """
        keys = []
        for word in text.replace(",", " ").split():
            try:
                keys.append(base64.b64decode(word.replace("-", "+").replace("_", "/"), validate=True))
            except (binascii.Error, ValueError):
                raise KeyUnusable("the encryption key is not base64: `tieout init` makes one") from None
        return cls(tuple(keys))

    @classmethod
    def from_file(cls, path: Path) -> "KeyRing":
        """The ring in a file that only its owner can read. Raises: `KeyUnusable`."""
        try:
            if path.stat().st_mode & 0o077:
                raise KeyUnusable(f"the key file {path} can be read by others: chmod 600 it, and make a new key")
            return cls.from_text(path.read_text(encoding="ascii"))
        except (OSError, UnicodeDecodeError) as error:
            raise KeyUnusable(f"the key file {path} cannot be read ({type(error).__name__})") from None

    @property
    def key_ids(self) -> tuple[str, ...]:
        """Names of the keys, the newest first; they tell nothing about the keys."""
        return tuple(key_id.hex() for key_id in self._keys)

    def encrypt(self, secret: str, *, place: str) -> bytes:
        """The secret, readable only with this ring and for the same `place`."""
        key_id, key = next(iter(self._keys.items()))
        nonce = secrets.token_bytes(_NONCE_BYTES)
        return _FORMAT + key_id + nonce + AESGCM(key).encrypt(nonce, secret.encode(), place.encode())

    def decrypt(self, ciphertext: bytes, *, place: str) -> str:
        """The secret. Raises: `KeyUnusable` when the key is gone, or the ciphertext is not of this place."""
        key = self._keys.get(ciphertext[1 : 1 + _ID_BYTES])
        if ciphertext[:1] != _FORMAT or key is None:
            raise KeyUnusable(
                "a stored secret was written with a key that is not in the ring: write the earlier key after the "
                "present one into TIEOUT_ENCRYPTION_KEY, or connect again"
            )
        nonce, body = (
            ciphertext[1 + _ID_BYTES : 1 + _ID_BYTES + _NONCE_BYTES],
            ciphertext[1 + _ID_BYTES + _NONCE_BYTES :],
        )
        try:
            return AESGCM(key).decrypt(nonce, body, place.encode()).decode()
        except InvalidTag:
            raise KeyUnusable("a stored secret was changed or moved to another place: connect again") from None

    def is_newest(self, ciphertext: bytes) -> bool:
        """Whether the newest key wrote it."""
        return ciphertext[1 : 1 + _ID_BYTES] == next(iter(self._keys))

    def lookups(self, text: str) -> tuple[bytes, ...]:
        """Values by which an encrypted text can be found, the newest key's first; they do not reveal it."""
        return tuple(
            hmac.new(hmac.new(key, b"tieout lookup", sha256).digest(), text.encode(), sha256).digest()
            for key in self._keys.values()
        )


def key_id_of(ciphertext: bytes) -> str:
    """The id of the key that wrote the ciphertext, as in `KeyRing.key_ids`."""
    return ciphertext[1 : 1 + _ID_BYTES].hex()


def new_key() -> str:
    """A fresh random key in base64."""
    return base64.b64encode(secrets.token_bytes(_KEY_BYTES)).decode()


def _key_id(key: bytes) -> bytes:
    return sha256(b"tieout key id" + key).digest()[:_ID_BYTES]
