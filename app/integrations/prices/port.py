"""What the portal needs of a price service, whoever it is."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from decimal import Decimal
from typing import Protocol

import msgspec


class UsdPrice(msgspec.Struct, frozen=True, kw_only=True):
    """`usd` for one whole `asset`, positive; `as_of` is the service's own time."""

    asset: str
    usd: Decimal
    as_of: datetime


class PricesUnavailable(Exception):
    """The service did not answer, or with something that nobody should trust."""


class Prices(Protocol):
    """`source` is the service's name, which pages show beside its prices."""

    source: str

    async def usd_prices(self, *, assets: Sequence[str]) -> list[UsdPrice]:
        """Of those assets that the service knows; raises `PricesUnavailable`."""
        ...
