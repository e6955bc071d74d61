"""Every kind of line that a scenario may have: its fixed words, its values, and its clauses.

Adding a kind is one `Form` here and one function in `playing_bigtime` or `playing_quickbooks`.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field

Clauses = Mapping[str, tuple[str, ...]]

PATTERNS = {
    "word": (re.compile(r"\S+"), "a name"),
    "text": (re.compile(r".+"), "text"),
    "amount": (re.compile(r"-?\d+(\.\d{1,2})?"), "an amount such as 200.00"),
    "date": (re.compile(r"\d{4}-\d{2}-\d{2}"), "a date such as 2026-03-05"),
    "time": (re.compile(r"\d{2}:\d{2}"), "a time such as 17:00"),
    "currency": (re.compile(r"[A-Z]{3}"), "a currency such as USD"),
    "code": (re.compile(r"[A-G]\d{1,2}b?"), "the code of a finding such as A1"),
    "switch": (re.compile(r"on|off"), "on or off"),
    "side": (re.compile(r"debit|credit"), "debit or credit"),
    "system": (re.compile(r"bigtime|quickbooks"), "bigtime or quickbooks"),
}


@dataclass(frozen=True, slots=True)
class Form:
    """One kind of line: its fixed words, the types of its values, and its clauses (keyword → types).

    A type that ends in `?` may be left out. A keyword that begins with `<` is written without a keyword.
    """

    words: str
    values: tuple[str, ...] = ()
    clauses: Mapping[str, tuple[str, ...]] = field(default_factory=dict)


_ON: Clauses = {"<on>": ("date",), "entered": ("date",)}
_EDIT: Clauses = {**_ON, "amount": ("amount",), "date": ("date",)}

FORMS = (
    Form("client", ("word", "text"), {"parent": ("word",), "only in": ("system",)}),
    Form(
        "invoice",
        ("word", "word", "amount"),
        {
            "<currency>": ("currency",),
            "tax": ("amount",),
            "issued": ("date",),
            "due": ("date",),
            "draft": (),
            "not posted": (),
            "posted": ("date",),
            "net": (),
            "as": ("word",),
        },
    ),
    Form("quickbooks invoice", ("word", "word", "amount"), {**_ON, "tax": ("amount",), "due": ("date",)}),
    Form(
        "quickbooks credit memo",
        ("word", "word", "amount"),
        {**_ON, "<currency>": ("currency",), "tax": ("amount",), "applied": ("word", "amount?")},
    ),
    Form(
        "quickbooks payment",
        ("word", "word", "amount"),
        {
            **_ON,
            "<currency>": ("currency",),
            "applied": ("word", "amount?"),
            "using": ("word", "amount"),
            "method": ("text",),
            "unreferenced": (),
        },
    ),
    Form("quickbooks apply", ("word", "word", "amount"), {**_ON, "automatically": ()}),
    Form("quickbooks unapply", ("word", "word"), _ON),
    Form("quickbooks void invoice", ("word",), _ON),
    Form("quickbooks void payment", ("word",), _ON),
    Form("quickbooks void credit memo", ("word",), _ON),
    Form("quickbooks delete invoice", ("word",), _ON),
    Form("quickbooks delete payment", ("word",), _ON),
    Form("quickbooks delete credit memo", ("word",), _ON),
    Form(
        "quickbooks edit invoice",
        ("word",),
        {**_EDIT, "number": ("word",), "due": ("date",), "memo": ("text",), "client": ("word",)},
    ),
    Form("quickbooks edit payment", ("word",), {**_EDIT, "reference": ("word",), "note": ("text",)}),
    Form("quickbooks edit credit memo", ("word",), _EDIT),
    Form("quickbooks rename client", ("word", "text"), _ON),
    Form("quickbooks merge client", ("word",), {**_ON, "into": ("word",)}),
    Form("quickbooks deactivate client", ("word",), _ON),
    Form("quickbooks auto-apply credits", ("switch",), _ON),
    Form("quickbooks close books", ("date",), _ON),
    Form("quickbooks refund", ("word", "amount"), _ON),
    Form("quickbooks pay client", ("word", "amount"), _ON),
    Form("quickbooks journal entry", ("word", "word", "side", "amount"), _ON),
    Form("bigtime payment pushed back", ("word", "amount"), {**_ON, "method": ("text",)}),
    Form(
        "bigtime payment",
        ("text", "word", "amount"),
        {**_ON, "also": ("word", "amount"), "whole": ("amount",), "number": ("word",), "applied on": ("date",)},
    ),
    Form(
        "bigtime edit payment",
        ("word", "amount"),
        {**_EDIT, "method": ("text",)},
    ),
    Form("bigtime delete payment", ("word", "amount"), _ON),
    Form("bigtime edit invoice", ("word",), {**_EDIT, "tax": ("amount",), "number": ("word",), "note": ("text",)}),
    Form("bigtime delete invoice", ("word",), _ON),
    Form("bigtime post", ("word",), {**_ON, "net": (), "as": ("word",)}),
    Form("bigtime unpost", ("word",), _ON),
    Form("bigtime send", ("word",), _ON),
    Form("bigtime mark paid", ("word",), _ON),
    Form("bigtime unmark paid", ("word",), _ON),
    Form("bigtime posted status", ("word", "text"), _ON),
    Form("bigtime rename client", ("word", "text"), _ON),
    Form("bigtime deactivate client", ("word",), _ON),
    Form("sync", (), {**_ON, "without": ("word",), "twice": ("word",)}),
    Form("day", ("date", "time?")),
    Form("worker runs", (), _ON),
    Form("expect residual", ("amount",)),
    Form("expect none"),
    Form("expect nothing"),
    Form(
        "expect",
        ("code", "word"),
        {
            "and": ("word",),
            "claim": ("amount",),
            "exposure": ("amount",),
            "proof": ("word",),
            "severity": ("word",),
        },
    ),
)
