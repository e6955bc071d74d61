"""Text from the two systems, made safe to show. A client may be called anything.

A name can hold terminal commands, marks that reverse the reading direction, or a spreadsheet formula. What is
shown here is what is there: every such character becomes a visible escape, none is dropped.
"""

import unicodedata

# What a spreadsheet takes for the beginning of a formula. Source: OWASP, CSV injection, and its full-width forms.
_FORMULA_STARTS = frozenset("=+-@|%＝＋－＠\t\r\n")


def visible(text: str) -> str:
    r"""The text with every control, format and bidirectional character as an escape such as `\x1b` or `\u202e`."""
    if text.isascii() and text.isprintable():
        return text
    return "".join(_escape(character) if _is_unseen(character) else character for character in text)


def spreadsheet_text(text: str) -> str:
    """Visible text that no spreadsheet takes for a formula: an apostrophe stands before a dangerous beginning."""
    shown = visible(text)
    start = shown.lstrip(" \u00a0\u3000")[:1]
    return f"'{shown}" if start in _FORMULA_STARTS and start else shown


def visible_json(text: str) -> str:
    r"""JSON text with unseen characters inside its strings written as `\uXXXX`, which means the same to a parser."""
    if text.isascii() and "\x7f" not in text:  # the one character of ASCII that JSON leaves as it is
        return text
    return "".join(
        _json_escape(character) if character != "\n" and _is_unseen(character) else character for character in text
    )


def _is_unseen(character: str) -> bool:
    return not character.isprintable() and unicodedata.category(character) != "Zs"


def _escape(character: str) -> str:
    code = ord(character)
    return f"\\x{code:02x}" if code < 0x100 else f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"


def _json_escape(character: str) -> str:
    units = character.encode("utf-16-be", "surrogatepass")
    return "".join(f"\\u{units[index]:02x}{units[index + 1]:02x}" for index in range(0, len(units), 2))
