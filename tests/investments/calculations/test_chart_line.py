"""A line chart shows where values lie between round lines, and never outside of its plot."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.domains.investments.calculations.chart_line import grid_of, line_of

START = datetime(2026, 1, 1, tzinfo=UTC)
VALUES = st.lists(st.decimals("0.00000001", 10**9, places=8), min_size=1, max_size=20)


@pytest.mark.parametrize(
    ("values", "lines", "places"),
    [
        (["1.00", "1.28"], ["1.0", "1.1", "1.2", "1.3"], 1),
        (["1.05263158"], ["1.045", "1.050", "1.055", "1.060"], 3),
        (["0.98", "1.03"], ["0.98", "1.00", "1.02"], 2),
        (["900", "2100"], ["1000", "1500", "2000"], 0),
    ],
)
def test_lines_stand_at_round_values(values: list[str], lines: list[str], places: int) -> None:
    grid = grid_of([Decimal(value) for value in values])
    assert grid.lines == [Decimal(line) for line in lines]
    assert grid.places == places


@given(VALUES)
def test_lines_and_values_are_within_the_plot(values: list[Decimal]) -> None:
    grid = grid_of(values)
    assert 2 <= len(grid.lines) <= 6
    for value in [*values, *grid.lines]:
        assert 0 <= grid.height_of(value) <= 1
    assert all(line == round(line, grid.places) for line in grid.lines)


@given(VALUES)
def test_a_higher_value_never_stands_lower(values: list[Decimal]) -> None:
    grid = grid_of(values)
    heights = [grid.height_of(value) for value in sorted(values)]
    assert heights == sorted(heights, reverse=True)


def test_time_runs_from_end_to_end_by_its_own_measure() -> None:
    days = [0, 1, 4]
    line = line_of([(START + timedelta(days=day), Decimal(day + 1)) for day in days])
    assert [x for x, _ in line.points] == [Decimal(0), Decimal("0.25"), Decimal(1)]


def test_one_value_is_drawn_from_end_to_end() -> None:
    line = line_of([(START, Decimal("1.05"))])
    assert line.points == [(Decimal(0), Decimal("0.5")), (Decimal(1), Decimal("0.5"))]
