"""Charts as plain geometry: what to draw where. Whole numbers only, and nothing that knows of a page or a colour."""

from collections.abc import Sequence

import msgspec

from mappings.money import Money, format_amount, minor_digits
from sync.reports.words import grouped

WIDTH, WIDE, HEIGHT = 640, 1310, 260
_LEFT, _RIGHT, _TOP, _BOTTOM = 64, 8, 24, 40
_TICKS = 4
_DIGIT = 7  # the width of a digit of the text above a column


class Span(msgspec.Struct, frozen=True, kw_only=True):
    """One amount to draw: a column from `start` to `end` in minor units, named `label`; `tone` says what it is."""

    label: str
    start_minor: int
    end_minor: int
    shown: Money
    tone: str


class Column(msgspec.Struct, frozen=True, kw_only=True):
    """A drawn column: its rectangle, and the texts that stand below it, above it and in its tooltip."""

    x: int
    y: int
    width: int
    height: int
    label: str
    compact: str
    exact: str
    tone: str

    @property
    def middle(self) -> int:
        """The horizontal middle."""
        return self.x + self.width // 2

    @property
    def text_y(self) -> int:
        """Where the text above the column stands."""
        return max(self.y - 5, 12)


class Tick(msgspec.Struct, frozen=True, kw_only=True):
    """A line of the scale."""

    y: int
    text: str
    is_zero: bool


class Chart(msgspec.Struct, frozen=True, kw_only=True):
    """A drawn chart; `summary` says in words what it shows."""

    title: str
    summary: str
    columns: tuple[Column, ...]
    ticks: tuple[Tick, ...]
    width: int = WIDTH
    height: int = HEIGHT
    left: int = _LEFT


def column_chart(title: str, summary: str, spans: Sequence[Span], currency: str, *, width: int = WIDTH) -> Chart:
    """A chart with one column for each span, on a scale that holds zero and all of them."""
    lowest = min([0, *(min(span.start_minor, span.end_minor) for span in spans)])
    highest = max([0, *(max(span.start_minor, span.end_minor) for span in spans)])
    step = _step(highest - lowest)
    lowest, highest = -(-lowest // step) * step if lowest > 0 else lowest // step * step, -(-highest // step) * step
    if lowest == highest:
        highest = lowest + step
    room = HEIGHT - _TOP - _BOTTOM

    def y_of(minor: int) -> int:
        return _TOP + (highest - minor) * room // (highest - lowest)

    slot = (width - _LEFT - _RIGHT) // max(1, len(spans))
    thickness = max(4, slot * 7 // 10)
    columns = []
    for place, span in enumerate(spans):
        top, bottom = max(span.start_minor, span.end_minor), min(span.start_minor, span.end_minor)
        columns.append(
            Column(
                x=_LEFT + place * slot + (slot - thickness) // 2,
                y=y_of(top),
                width=thickness,
                height=max(1, y_of(bottom) - y_of(top)),
                label=span.label,
                compact=_fitting(span.shown, slot),
                exact=f"{span.label}: {span.shown}",
                tone=span.tone,
            )
        )
    values = range(lowest, highest + 1, step)
    ticks = tuple(Tick(y=y_of(value), text=compact(Money(value, currency)), is_zero=value == 0) for value in values)
    return Chart(title=title, summary=summary, columns=tuple(columns), ticks=ticks, width=width)


def _fitting(amount: Money, slot: int) -> str:
    """The whole amount where it has room above a column, else the compact one."""
    whole = grouped(amount)
    return whole if len(whole) * _DIGIT <= slot else compact(amount)


def _step(span_minor: int) -> int:
    """A round distance between the lines of a scale: 1, 2 or 5 times a power of ten."""
    least = max(1, -(-span_minor // _TICKS))
    power = int(10 ** (len(str(least)) - 1))
    return next(factor * power for factor in (1, 2, 5, 10) if factor * power >= least)


def compact(amount: Money) -> str:
    """An amount in few characters: 950, 1.3k, 2.5M; cents are dropped, and nothing is rounded up."""
    whole = abs(amount.minor) // int(10 ** minor_digits(amount.currency))
    sign = "-" if amount.minor < 0 else ""
    for size, unit in ((10**9, "B"), (10**6, "M"), (10**3, "k")):
        if whole >= size:
            tenths = whole * 10 // size
            return f"{sign}{tenths // 10}{f'.{tenths % 10}' if tenths < 1000 and tenths % 10 else ''}{unit}"
    if whole == 0 and amount.minor != 0:
        return format_amount(amount.minor, amount.currency)
    return f"{sign}{whole}"
