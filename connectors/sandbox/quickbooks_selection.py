"""Which rows a parsed query means, in which order: the filterable attributes of each entity.

Attributes that QuickBooks does not let a query filter on are refused with 4001, like there; those that it does
and the simulator does not are refused as unmodelled.
Source: facts/quickbooks.md §2.
"""

import operator
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime
from decimal import Decimal, InvalidOperation
from enum import StrEnum
from typing import Any

from connectors.sandbox.quickbooks_books import Books, Shelf
from connectors.sandbox.quickbooks_query import Condition, Query, QueryRefused, QueryUnmodelled
from connectors.sandbox.quickbooks_rendering import PACIFIC, display_name, number
from connectors.sandbox.quickbooks_rows import Customer, Entity, Row
from connectors.sandbox.quickbooks_switches import QuickBooksSwitches, TooManyAsked

DEFAULT_LIMIT = 100
LARGEST_LIMIT = 1000
UPDATED = "metadata.lastupdatedtime"
_LISTS = (Entity.CUSTOMER, Entity.ACCOUNT)
_SIGNS: Mapping[str, Callable[[Any, Any], bool]] = {
    "=": operator.eq,
    "<": operator.lt,
    ">": operator.gt,
    "<=": operator.le,
    ">=": operator.ge,
}
# Entities that QuickBooks has and the simulator does not: refused as unmodelled, not as unknown.
_ELSEWHERE_WORDS = """
    attachable bill billpayment budget class companycurrency creditcardpayment customertype department employee
    estimate exchangerate item journalcode paymentmethod purchaseorder recurringtransaction salesreceipt taxagency
    taxcode taxrate term timeactivity transfer vendor vendorcredit
"""
_ELSEWHERE = frozenset(_ELSEWHERE_WORDS.split())
_FILTERABLE_ELSEWHERE_WORDS = """
    salestermref projectref paymentmethodref departmentref classref
    fullyqualifiedname companyname givenname familyname printoncheckname
"""
_FILTERABLE_ELSEWHERE = frozenset(_FILTERABLE_ELSEWHERE_WORDS.split())


class Sort(StrEnum):
    """How the values of an attribute compare."""

    ID = "id"  # = and IN only
    TEXT = "text"
    DATE = "date"
    TIME = "time"
    AMOUNT = "amount"
    FLAG = "flag"


@dataclass(frozen=True, slots=True)
class Attribute:
    """A filterable attribute: how it compares, and its value on a row (None when the row has none)."""

    sort: Sort
    of: Callable[[Any], Any]


_COMMON = {
    "id": Attribute(Sort.ID, lambda row: row.id),
    "metadata.createtime": Attribute(Sort.TIME, lambda row: row.created_at),
    UPDATED: Attribute(Sort.TIME, lambda row: row.updated_at),
}
_CUSTOMER_REF = {"customerref": Attribute(Sort.ID, lambda row: row.customer_id)}
_ON = {"txndate": Attribute(Sort.DATE, lambda row: row.on)}
_NUMBER = {"docnumber": Attribute(Sort.TEXT, lambda row: row.number or None)}
_TOTAL = {"totalamt": Attribute(Sort.AMOUNT, lambda row: number(row.total, row.currency))}
_BALANCE = {"balance": Attribute(Sort.AMOUNT, lambda row: number(row.open_amount, row.currency))}
_ACTIVE = {"active": Attribute(Sort.FLAG, lambda row: row.active)}

ATTRIBUTES: Mapping[Entity, Mapping[str, Attribute]] = {
    Entity.INVOICE: _COMMON
    | _CUSTOMER_REF
    | _ON
    | _NUMBER
    | _TOTAL
    | _BALANCE
    | {"duedate": Attribute(Sort.DATE, lambda row: row.due)},
    Entity.CREDIT_MEMO: _COMMON | _CUSTOMER_REF | _ON | _NUMBER | _TOTAL | _BALANCE,
    Entity.PAYMENT: _COMMON
    | _CUSTOMER_REF
    | _ON
    | _TOTAL
    | {"paymentrefnum": Attribute(Sort.TEXT, lambda row: row.reference or None)},
    Entity.REFUND_RECEIPT: _COMMON | _CUSTOMER_REF | _ON | _NUMBER,
    Entity.JOURNAL_ENTRY: _COMMON | _ON | _NUMBER,
    Entity.PURCHASE: _COMMON | _ON | _TOTAL | {"paymenttype": Attribute(Sort.TEXT, lambda row: row.method)},
    Entity.DEPOSIT: _COMMON | _ON | _TOTAL,
    Entity.CUSTOMER: _COMMON
    | _ACTIVE
    | {
        "displayname": Attribute(Sort.TEXT, display_name),
        "balance": Attribute(Sort.AMOUNT, lambda row: number(row.balance, row.currency)),
    },
    Entity.ACCOUNT: _COMMON
    | _ACTIVE
    | {
        "name": Attribute(Sort.TEXT, lambda row: row.name),
        "accounttype": Attribute(Sort.TEXT, lambda row: row.type),
    },
    Entity.PREFERENCES: _COMMON,
    Entity.COMPANY_INFO: _COMMON,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Selected:
    """The rows of the page, and how many match in all."""

    entity: Entity
    rows: tuple[Row, ...]
    total: int


_BY_NAME = Attribute(Sort.TEXT, lambda row: display_name(row) if isinstance(row, Customer) else row.name)


def entity_of(name: str) -> Entity:
    """The entity of that name, in any case. Raises: `QueryUnmodelled`, `QueryRefused`."""
    for entity in Entity:
        if entity.value.lower() == name.lower():
            return entity
    if name.lower() in _ELSEWHERE:
        raise QueryUnmodelled(f"the entity {name}")
    raise QueryRefused(f"QueryValidationError: {name} is not a valid entity name")


def parse_time(text: str, switches: QuickBooksSwitches) -> float:
    """Seconds since 1970 of a time literal; without an offset by the switch. Raises: `QueryRefused`."""
    try:
        moment = datetime.fromisoformat(text)
    except ValueError as problem:
        raise QueryRefused(f"QueryValidationError: value {text} is not a time") from problem
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=PACIFIC if switches.naive_time_is_pacific else UTC)
    return moment.timestamp()


def select(books: Books, query: Query, switches: QuickBooksSwitches) -> Selected:
    """Answer a query from the books. Raises: `QueryRefused`, `QueryUnmodelled`."""
    entity = entity_of(query.entity)
    shelf, attributes = books.shelves[entity], ATTRIBUTES[entity]
    tests = [_test(entity, attributes, condition, switches) for condition in query.conditions]
    order = _attribute(entity, attributes, query.order_name) if query.order_name else None
    if entity in _LISTS:
        order = order or _BY_NAME
        if all(condition.name != "active" for condition in query.conditions):
            tests.append(lambda row: row.active)
    descending = query.descending or order is None
    by_time = order is None or query.order_name == UPDATED
    skip, limit = query.start - 1, 0 if query.counts else _limit(query, switches)
    found = _indexed(books, shelf, query)
    if found is None and by_time:
        first, last, tests = _window(shelf, query, tests, switches)
        if not tests:
            return _slice(entity, shelf, (first, last), skip=skip, limit=limit, descending=descending)
        found = [row for _, _, row in shelf.order[first:last]]
    elif found is None:
        found = [row for _, _, row in shelf.order]
    rows = [row for row in found if all(test(row) for test in tests)]
    rows.sort(key=shelf.place if by_time or order is None else _rank(order), reverse=descending)
    return Selected(entity=entity, rows=tuple(rows[skip : skip + limit]), total=len(rows))


def _slice(
    entity: Entity, shelf: Shelf, window: tuple[int, int], *, skip: int, limit: int, descending: bool
) -> Selected:
    """A page cut straight out of the order of last changes: what a scan of everything costs per page."""
    first, last = window
    total = max(0, last - first)
    if descending:
        low, high = max(first, last - skip - limit), max(first, last - skip)
    else:
        low, high = min(last, first + skip), min(last, first + skip + limit)
    rows = [row for _, _, row in shelf.order[low:high]]
    return Selected(entity=entity, rows=tuple(reversed(rows) if descending else rows), total=total)


def _window(
    shelf: Shelf, query: Query, tests: list[Callable[[Any], bool]], switches: QuickBooksSwitches
) -> tuple[int, int, list[Callable[[Any], bool]]]:
    """The part of the order of last changes that the conditions on it leave, and the other tests."""
    first, last = 0, len(shelf.order)
    rest = tests[len(query.conditions) :]
    for condition, test in zip(query.conditions, tests, strict=False):
        if condition.name != UPDATED or condition.operator == "IN":
            rest.append(test)
            continue
        moment = parse_time(condition.values[0], switches)
        before, after = shelf.first_at(moment), shelf.first_after(moment)
        if condition.operator in ("=", ">=", ">"):
            first = max(first, after if condition.operator == ">" else before)
        if condition.operator in ("=", "<=", "<"):
            last = min(last, before if condition.operator == "<" else after)
    return first, max(first, last), rest


def _indexed(books: Books, shelf: Shelf, query: Query) -> list[Any] | None:
    """A superset of the rows that match, where an index finds one; None where all rows have to be looked at."""
    for condition in query.conditions:
        if condition.name == "id":
            return [shelf.rows[row_id] for row_id in dict.fromkeys(condition.values) if row_id in shelf.rows]
        if condition.name == "customerref" and condition.operator == "=":
            return [shelf.rows[row_id] for row_id in books.of_customer[condition.values[0]] if row_id in shelf.rows]
    return None


def _attribute(entity: Entity, attributes: Mapping[str, Attribute], name: str) -> Attribute:
    if name in attributes:
        return attributes[name]
    if name in _FILTERABLE_ELSEWHERE:
        raise QueryUnmodelled(f"the attribute {name} of {entity}")
    raise QueryRefused(f"QueryValidationError: Property {name} not found for Entity {entity}")


def _test(
    entity: Entity, attributes: Mapping[str, Attribute], condition: Condition, switches: QuickBooksSwitches
) -> Callable[[Any], bool]:
    attribute = _attribute(entity, attributes, condition.name)
    of = attribute.of
    if attribute.sort is Sort.ID and condition.operator not in ("=", "IN"):
        raise QueryRefused(f"QueryValidationError: Operator {condition.operator} is not supported for {condition.name}")
    if condition.operator == "LIKE":
        if attribute.sort is not Sort.TEXT:
            raise QueryRefused(f"QueryValidationError: LIKE is not supported for {condition.name}")
        pattern = re.compile(".*".join(map(re.escape, condition.values[0].casefold().split("%"))), re.DOTALL)
        return lambda row: of(row) is not None and pattern.fullmatch(of(row).casefold()) is not None
    values = [_value(attribute.sort, text, switches) for text in condition.values]
    fold = str.casefold if attribute.sort is Sort.TEXT else (lambda value: value)
    if condition.operator == "IN":
        members = frozenset(values)
        return lambda row: of(row) is not None and fold(of(row)) in members
    compare, value = _SIGNS[condition.operator], values[0]
    return lambda row: of(row) is not None and compare(fold(of(row)), value)


def _value(sort: Sort, text: str, switches: QuickBooksSwitches) -> Any:
    try:
        match sort:
            case Sort.TIME:
                return parse_time(text, switches)
            case Sort.DATE:
                return date.fromisoformat(text)
            case Sort.AMOUNT:
                return Decimal(text)
            case Sort.FLAG:
                return {"true": True, "false": False}[text.lower()]
            case Sort.TEXT:
                return text.casefold()
            case Sort.ID:
                return text
    except (ValueError, InvalidOperation, KeyError) as problem:
        raise QueryRefused(f"QueryValidationError: value {text} is not a {sort}") from problem


def _limit(query: Query, switches: QuickBooksSwitches) -> int:
    limit = DEFAULT_LIMIT if query.limit is None else query.limit
    if limit > LARGEST_LIMIT and switches.too_many_asked is TooManyAsked.REFUSE:
        raise QueryRefused(f"QueryValidationError: value {limit} is too large. Max allowed value is {LARGEST_LIMIT}")
    return min(limit, LARGEST_LIMIT)


def _rank(attribute: Attribute) -> Callable[[Any], tuple[bool, Any]]:
    def rank(row: Any) -> tuple[bool, Any]:
        value = attribute.of(row)
        if attribute.sort is Sort.ID:
            value = int(value or 0)
        return value is not None, value.casefold() if isinstance(value, str) else value

    return rank
