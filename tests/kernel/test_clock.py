"""Business time: it goes forward only, and no further than a demo can want."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from app.kernel.actors import SYSTEM
from app.kernel.clock import ADVANCE_SECONDS_MAX, advance_clock, day_began, utc
from app.kernel.database import fetch_value, unit_of_work
from app.kernel.errors import InputInvalid

pytestmark = pytest.mark.usefixtures("database")


@pytest.mark.parametrize("seconds", [-3_600, 0, ADVANCE_SECONDS_MAX + 1])
async def test_time_never_goes_back_nor_leaps(seconds: int) -> None:
    offset = "SELECT offset_seconds FROM clock"
    async with unit_of_work(tenant=None, actor=SYSTEM):
        before = await fetch_value(offset)
        with pytest.raises(InputInvalid) as refusal:
            await advance_clock(seconds=seconds)
        assert refusal.value.errors[0].code == "OUT_OF_RANGE"
        assert await fetch_value(offset) == before


@pytest.mark.parametrize(
    ("instant", "zone", "began"),
    [
        # On the day on which clocks go forward, and where it is another day already.
        (datetime(2026, 3, 29, 12, tzinfo=UTC), "Europe/Zurich", "2026-03-28T23:00:00Z"),
        (datetime(2026, 11, 26, 20, tzinfo=UTC), "Asia/Hong_Kong", "2026-11-26T16:00:00Z"),
        (datetime(2026, 11, 26, tzinfo=UTC), "UTC", "2026-11-26T00:00:00Z"),
    ],
)
def test_a_day_begins_at_midnight_where_it_is(instant: datetime, zone: str, began: str) -> None:
    assert utc(day_began(instant, zone)) == began
