"""Why the store could not do what was asked: one class per reaction, one sentence per message.

A message never holds a row's values, a statement's parameters or a password.
"""


class StoreError(Exception):
    """The store could not do it; nothing of the transaction was kept."""


class InvalidStoreUrl(StoreError):  # noqa: N818 (named by what happened)
    """The database URL cannot be used: correct the configuration."""


class StoreUnreachable(StoreError):  # noqa: N818 (named by what happened)
    """The database does not answer: start it, or wait, and run again."""


class StoreNotWritable(StoreError):  # noqa: N818 (named by what happened)
    """The database file or its folder cannot be written by this user."""


class StoreTooNew(StoreError):  # noqa: N818 (named by what happened)
    """A newer Tieout has upgraded the database: run that version."""


class StoreDamaged(StoreError):  # noqa: N818 (named by what happened)
    """What is stored cannot be read back: restore a backup."""


class StoreBusy(StoreError):  # noqa: N818 (named by what happened)
    """Another process kept the database locked, or the two got in each other's way: run again."""


class StoreFull(StoreError):  # noqa: N818 (named by what happened)
    """The disk is full: make room and run again."""


class StoreRefused(StoreError):  # noqa: N818 (named by what happened)
    """The database refused a statement of ours: a fault of the program, to be reported."""


class UnknownCompany(StoreError):  # noqa: N818 (named by what happened)
    """No company of this alias is stored."""


class CompanyBusy(StoreError):  # noqa: N818 (named by what happened)
    """Another worker holds the company: come back when it is done."""


class LeaseLost(StoreError):  # noqa: N818 (named by what happened)
    """Another worker has taken the company since: stop, everything uncommitted is gone."""


class UnknownFinding(StoreError):  # noqa: N818 (named by what happened)
    """No finding, or more than one, goes by the name that was given."""


class UnknownSilence(StoreError):  # noqa: N818 (named by what happened)
    """No silence of that number is in force."""


class KeyUnusable(StoreError):  # noqa: N818 (named by what happened)
    """The encryption key is missing, malformed or not the one that a secret was written with."""
