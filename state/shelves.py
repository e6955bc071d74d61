"""One number for (company, system, kind): every record of that kind stands on that shelf.

The number is part of the busiest keys of the database. The codes are stored: they are never changed or
used again for something else. What can be the same thing in the other system is 32 codes away: invoices with
invoices, customers with clients.
"""

from types import MappingProxyType

from mappings.model import Kind, System
from state.companies import Company

_SHELVES_PER_COMPANY = 64

_CODES = MappingProxyType(
    {
        (System.QUICKBOOKS, Kind.INVOICE): 1,
        (System.QUICKBOOKS, Kind.PAYMENT): 2,
        (System.QUICKBOOKS, Kind.CREDIT_MEMO): 3,
        (System.QUICKBOOKS, Kind.JOURNAL_ENTRY): 4,
        (System.QUICKBOOKS, Kind.PURCHASE): 5,
        (System.QUICKBOOKS, Kind.REFUND_RECEIPT): 6,
        (System.QUICKBOOKS, Kind.DEPOSIT): 7,
        (System.QUICKBOOKS, Kind.CUSTOMER): 8,
        (System.QUICKBOOKS, Kind.CLIENT): 9,
        (System.QUICKBOOKS, Kind.PREFERENCES): 10,
        (System.QUICKBOOKS, Kind.ACCOUNT): 11,
        (System.BIGTIME, Kind.INVOICE): 33,
        (System.BIGTIME, Kind.PAYMENT): 34,
        (System.BIGTIME, Kind.CREDIT_MEMO): 35,
        (System.BIGTIME, Kind.JOURNAL_ENTRY): 36,
        (System.BIGTIME, Kind.PURCHASE): 37,
        (System.BIGTIME, Kind.REFUND_RECEIPT): 38,
        (System.BIGTIME, Kind.DEPOSIT): 39,
        (System.BIGTIME, Kind.CLIENT): 40,
        (System.BIGTIME, Kind.CUSTOMER): 41,
        (System.BIGTIME, Kind.PREFERENCES): 42,
        (System.BIGTIME, Kind.ACCOUNT): 43,
    }
)
_NAMES = MappingProxyType({code: name for name, code in _CODES.items()})


def shelf_number(company: Company, system: System, kind: Kind) -> int:
    """The shelf of a company's records of one kind."""
    return company.id * _SHELVES_PER_COMPANY + _CODES[system, kind]


def shelf_range(company: Company) -> tuple[int, int]:
    """The first and the last shelf of a company."""
    first = company.id * _SHELVES_PER_COMPANY
    return first, first + _SHELVES_PER_COMPANY - 1


def twin_shelf(column: str) -> str:
    """SQL for the other system's shelf of the same company, of a column that holds a shelf."""
    return f"CASE WHEN ({column} & 32) = 0 THEN {column} + 32 ELSE {column} - 32 END"


def shelf_name(number: int) -> tuple[System, Kind]:
    """The system and kind of a shelf."""
    return _NAMES[number % _SHELVES_PER_COMPANY]
