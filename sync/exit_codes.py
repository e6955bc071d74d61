"""What a command answers to the program that started it."""

from enum import IntEnum


class ExitCode(IntEnum):
    """The exit codes of `tieout`; the numbers are a contract with scripts and service managers."""

    CLEAN = 0  # nothing is wrong
    FINDINGS = 1  # findings are open
    USAGE = 2  # the command line or the configuration cannot be used
    INCOMPLETE = 3  # a system was unreachable, throttled or truncated: nothing is said to be clean
    RECONNECT = 4  # a person must connect a system again
    NOT_UNDERSTOOD = 5  # the data breaks our understanding of an API
    BUSY = 6  # another worker holds the company
    DEFECT = 70  # a fault of this program (EX_SOFTWARE of sysexits.h), so that it is never taken for findings
    INTERRUPTED = 130  # stopped from the keyboard, as shells report it
