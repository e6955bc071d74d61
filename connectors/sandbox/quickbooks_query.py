"""The query language of QuickBooks Online: a parser that refuses whatever the documented grammar does not have.

    SELECT * | COUNT(*) FROM Entity [WHERE p op v [AND …]] [ORDERBY p [ASC|DESC]] [STARTPOSITION n] [MAXRESULTS n]

Operators: = < > <= >= IN LIKE. No OR, no JOIN, no GROUP BY. `Id` knows = and IN only. Key words, names and values
are compared without regard to case.
Source: facts/quickbooks.md §2 and §2.1.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass

_TOKEN = re.compile(
    r"""\s*(?:
        '(?P<text>(?:[^'\\]|\\.)*)'
      | (?P<number>-?\d+(?:\.\d+)?)(?![\w.])
      | (?P<word>[A-Za-z_][\w.]*)
      | (?P<sign><=|>=|[=<>(),*])
    )""",
    re.VERBOSE,
)
_ESCAPED = re.compile(r"\\(.)")
_OPERATORS = frozenset({"=", "<", ">", "<=", ">=", "IN", "LIKE"})
_CLAUSES = frozenset({"WHERE", "AND", "ORDERBY", "ORDER", "STARTPOSITION", "MAXRESULTS"})


class QueryRefused(ValueError):  # noqa: N818 - says what the server did
    """A statement that QuickBooks refuses with Fault 4001; the text is the Fault's Detail."""


class QueryUnmodelled(ValueError):  # noqa: N818 - says what the simulator did
    """A statement that QuickBooks may understand and the simulator does not."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Condition:
    """One comparison; `values` has one value unless the operator is IN. Names are lower case."""

    name: str
    operator: str
    values: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Query:
    """A statement. `entity` as written; `order_name` is lower case, "" for the entity's own order."""

    entity: str
    counts: bool = False
    conditions: tuple[Condition, ...] = ()
    order_name: str = ""
    descending: bool = False
    start: int = 1
    limit: int | None = None


@dataclass(frozen=True, slots=True)
class _Token:
    kind: str
    text: str


def parse_query(statement: str) -> Query:
    """Read a statement. Raises: `QueryRefused`; `QueryUnmodelled` for a projection other than *."""
    return _Parser(list(_tokens(statement))).query()


def _tokens(statement: str) -> Iterator[_Token]:
    place, end = 0, len(statement.rstrip())
    while place < end:
        found = _TOKEN.match(statement, place)
        if found is None or found.lastgroup is None:
            raise QueryRefused(f"QueryParserError: Lexical error at column {place + 1}")
        text = found.group(found.lastgroup)
        yield _Token(found.lastgroup, _ESCAPED.sub(r"\1", text) if found.lastgroup == "text" else text)
        place = found.end()


class _Parser:
    def __init__(self, tokens: list[_Token]) -> None:
        self._tokens = tokens
        self._place = 0

    def query(self) -> Query:
        self._expect("SELECT")
        counts = self._selection()
        self._expect("FROM")
        entity = self._take("word").text
        conditions = self._conditions() if self._accept("WHERE") else ()
        order_name, descending = self._order()
        start = self._position("STARTPOSITION", least=1) or 1
        limit = self._position("MAXRESULTS", least=1)
        if self._place < len(self._tokens):
            raise self._unexpected()
        return Query(
            entity=entity,
            counts=counts,
            conditions=conditions,
            order_name=order_name,
            descending=descending,
            start=start,
            limit=limit,
        )

    def _selection(self) -> bool:
        if self._accept("COUNT"):
            for sign in "(*)":
                self._expect(sign)
            return True
        if self._accept("*"):
            if self._peek() == ",":
                raise QueryUnmodelled("a selection of * with further attributes")
            return False
        if self._place < len(self._tokens) and self._tokens[self._place].kind == "word":
            raise QueryUnmodelled(f"a selection of {self._tokens[self._place].text} in place of *")
        raise self._unexpected()

    def _conditions(self) -> tuple[Condition, ...]:
        found = [self._condition()]
        while self._accept("AND"):
            found.append(self._condition())
        return tuple(found)

    def _condition(self) -> Condition:
        name = self._take("word").text
        operator = self._next().text.upper()
        if operator not in _OPERATORS or name.upper() in _CLAUSES:
            self._place -= 1
            raise self._unexpected()
        values = [self._value()] if operator != "IN" else self._list()
        return Condition(name=name.lower(), operator=operator, values=tuple(values))

    def _list(self) -> list[str]:
        self._expect("(")
        values = [self._value()]
        while self._accept(","):
            values.append(self._value())
        self._expect(")")
        return values

    def _value(self) -> str:
        token = self._next()
        if token.kind in ("text", "number") or token.text.lower() in ("true", "false"):
            return token.text
        self._place -= 1
        raise self._unexpected()

    def _order(self) -> tuple[str, bool]:
        if self._accept("ORDER"):
            self._expect("BY")
        elif not self._accept("ORDERBY"):
            return "", False
        name = self._take("word").text.lower()
        descending = self._accept("DESC")
        if not descending:
            self._accept("ASC")
        if self._peek() == ",":
            raise QueryUnmodelled("an order by several attributes")
        return name, descending

    def _position(self, clause: str, *, least: int) -> int | None:
        if not self._accept(clause):
            return None
        number = self._take("number").text
        if "." in number:
            raise QueryRefused(f"QueryParserError: {clause} needs a whole number, not {number}")
        if int(number) < least:
            raise QueryRefused(f"QueryValidationError: value {number} is too small. Min allowed value is {least}")
        return int(number)

    def _peek(self) -> str:
        return self._tokens[self._place].text.upper() if self._place < len(self._tokens) else ""

    def _next(self) -> _Token:
        if self._place >= len(self._tokens):
            raise self._unexpected()
        self._place += 1
        return self._tokens[self._place - 1]

    def _take(self, kind: str) -> _Token:
        token = self._next()
        if token.kind != kind:
            self._place -= 1
            raise self._unexpected()
        return token

    def _accept(self, word: str) -> bool:
        if self._peek() == word and self._tokens[self._place].kind != "text":
            self._place += 1
            return True
        return False

    def _expect(self, word: str) -> None:
        if not self._accept(word):
            raise self._unexpected()

    def _unexpected(self) -> QueryRefused:
        if self._place < len(self._tokens):
            return QueryRefused(f"QueryParserError: Encountered {self._tokens[self._place].text!r} unexpectedly")
        return QueryRefused("QueryParserError: Encountered the end of the statement unexpectedly")
