"""Takes an answer apart into its records without decoding them, for when one record spoils the whole.

A lone surrogate, a control character, a NaN or an absurd depth in one record makes the JSON decoder refuse the page
around it. Here only strings and brackets are looked at, so the neighbours of such a record are saved.
"""

import re
from collections.abc import Callable

from msgspec import Raw

_STRING_OR_BRACKET = re.compile(rb'"[^"\\]*+(?:\\.[^"\\]*+)*+"|[\[\]{}]', re.DOTALL)
_MARK = re.compile(rb'"#([0-9]+)#"')
_ID_VALUE = re.compile(rb'\s*:\s*"([A-Za-z0-9._+-]{1,64})"')
_QUOTE, _OPENING, _OBJECT_END = ord('"'), b"{[", ord("}")


def slice_records(body: bytes, level: int) -> tuple[bytes, Callable[[Raw], bytes]] | None:
    """The body with a mark in place of each record, and what turns a mark into the record's text again.

    Records are the objects that stand inside `level` open brackets. None when the brackets do not match, which is
    how a body looks that was cut off.
    """
    records: list[bytes] = []
    kept: list[bytes] = []
    depth, copied, begun = 0, 0, None
    for token in _STRING_OR_BRACKET.finditer(body):
        sign = body[token.start()]
        if sign == _QUOTE:
            continue
        if sign in _OPENING:
            if depth == level and sign == _OPENING[0]:
                begun = token.start()
            depth += 1
            continue
        depth -= 1
        if depth < 0:
            return None
        if depth == level and sign == _OBJECT_END and begun is not None:
            kept += [body[copied:begun], b'"#%d#"' % len(records)]
            records.append(body[begun : token.end()])
            copied, begun = token.end(), None
    if depth != 0:
        return None

    def restore(raw: Raw) -> bytes:
        mark = _MARK.fullmatch(raw)
        return records[int(mark.group(1))] if mark is not None else bytes(raw)

    return b"".join([*kept, body[copied:]]), restore


def find_id(raw: bytes) -> str:
    """The id of a record that cannot be decoded, as far as it can be seen; "" otherwise."""
    depth = 0
    for token in _STRING_OR_BRACKET.finditer(raw):
        text = token.group()
        if text in {b"{", b"["}:
            depth += 1
        elif text in {b"}", b"]"}:
            depth -= 1
        elif depth == 1 and text == b'"Id"':
            value = _ID_VALUE.match(raw, token.end())
            return value.group(1).decode() if value is not None else ""
    return ""
