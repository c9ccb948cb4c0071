"""Business time: it goes forward only, and no further than a demo can want."""

from __future__ import annotations

import pytest

from app.kernel.actors import SYSTEM
from app.kernel.clock import ADVANCE_SECONDS_MAX, advance_clock
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
