"""Where the points of a line chart stand: shares of the width and height of its plot.

For drawing alone: positions are cut to four places, and no figure is read back from them.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from decimal import ROUND_CEILING, ROUND_FLOOR, Decimal

import msgspec

# Lines across the plot stand at round values: at most five of them.
_STEPS_MAX = 5
_ROUND_STEPS = (Decimal("1"), Decimal("2"), Decimal("2.5"), Decimal("5"), Decimal("10"))
# Room above the highest value and below the lowest, as a share of what lies between them.
_ROOM = Decimal("0.08")


class Grid(msgspec.Struct, frozen=True, kw_only=True):
    """The plot reaches from `low` to `high`; `lines` are the round values within, lowest first."""

    low: Decimal
    high: Decimal
    lines: list[Decimal]
    places: int  # decimals that tell the lines apart

    def height_of(self, value: Decimal) -> Decimal:
        """Share of the height from the top: 0 at `high`, 1 at `low`."""
        return _share(self.high - value, self.high - self.low)


class Line(msgspec.Struct, frozen=True, kw_only=True):
    """`points` are (x, y) from 0 to 1, from the top left, in the order of time."""

    grid: Grid
    points: list[tuple[Decimal, Decimal]]


def grid_of(values: Sequence[Decimal]) -> Grid:
    """Around all of `values`, of which there is at least one, with some room."""
    low, high = min(values), max(values)
    room = (high - low) * _ROOM or abs(low) / 100 or Decimal(1)
    low, high = low - room, high + room
    step = _round_step((high - low) / _STEPS_MAX)
    first = (low / step).to_integral_value(ROUND_CEILING)
    last = (high / step).to_integral_value(ROUND_FLOOR)
    exponent = step.normalize().as_tuple().exponent
    assert isinstance(exponent, int), "a step is a number"
    return Grid(
        low=low,
        high=high,
        lines=[step * n for n in range(int(first), int(last) + 1)],
        places=max(0, -exponent),
    )


def line_of(series: Sequence[tuple[datetime, Decimal]]) -> Line:
    """A line through instants (at least a second apart) and values, oldest first; one alone is drawn
    from end to end."""
    grid = grid_of([value for _, value in series])
    start, end = series[0][0], series[-1][0]
    if start == end:
        height = grid.height_of(series[-1][1])
        return Line(grid=grid, points=[(Decimal(0), height), (Decimal(1), height)])
    whole = _seconds(end - start)
    return Line(
        grid=grid,
        points=[
            (_share(_seconds(at - start), whole), grid.height_of(value)) for at, value in series
        ],
    )


def _seconds(span: timedelta) -> Decimal:
    return Decimal(span // timedelta(seconds=1))


def _share(part: Decimal, whole: Decimal) -> Decimal:
    return (part / whole).quantize(Decimal("0.0001"))


def _round_step(least: Decimal) -> Decimal:
    """The smallest of 1, 2, 2.5, 5 times a power of ten that is at least `least`."""
    power = Decimal(1).scaleb(least.adjusted())
    return next(step * power for step in _ROUND_STEPS if step * power >= least)
