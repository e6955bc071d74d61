"""The name of what the lines of a QuickBooks record say, by which an edit is seen that leaves the total alone."""

import hashlib
import re

import msgspec

from mappings.quickbooks_wire import EntryLine, SalesLine

# A number in JSON text with zeros at the end of its decimals; a quotation mark inside a text is written `\\"`.
_TRAILING_ZEROS = re.compile(rb'(?<!\\)(":-?\d+(?:\.\d*[1-9](?=0)|(?=\.0)))\.?0+(?=[,}])')
_MAYBE_TRAILING_ZEROS = re.compile(rb"\.\d*0[,}]")  # ten times as fast, and QuickBooks hardly ever sends any
_ENCODER = msgspec.json.Encoder(decimal_format="number")


def digest_lines(lines: tuple[SalesLine, ...] | tuple[EntryLine, ...]) -> str:
    """The name of the lines' material fields: amounts, items, accounts, tax codes, descriptions; no names, no ids.

    One number in two spellings (275, 275.00) gives one digest. "" for no lines.
    """
    if not lines:
        return ""
    text = _ENCODER.encode(lines)
    if _MAYBE_TRAILING_ZEROS.search(text) is not None:
        text = _TRAILING_ZEROS.sub(rb"\1", text)
    return hashlib.blake2b(text, digest_size=16).hexdigest()
