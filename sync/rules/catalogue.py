"""The finding types: their names, how urgent they are, what they mean and what to do.

The order is that of the reference in `docs/findings.md`, which is generated from this table.
"""

from sync.rules.types_of_books import TYPES_OF_BOOKS
from sync.rules.types_of_credits import TYPES_OF_CREDITS

CATALOGUE = {entry.code: entry for entry in (*TYPES_OF_CREDITS, *TYPES_OF_BOOKS)}
