"""An explanation: what every page, panel and answer that explains an amount shows."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from decimal import Decimal
from enum import StrEnum
from uuid import UUID

import msgspec

from app.kernel.errors import NotFound


class Unit(StrEnum):
    """What a number counts. `quantity` is of an asset other than the explanation's own."""

    money = "money"
    quantity = "quantity"
    units = "units"
    rate = "rate"
    days = "days"
    per_unit = "per_unit"


class Input(msgspec.Struct, frozen=True, kw_only=True):
    """`source` says where it comes from; `explained_at` is the address of its own explanation."""

    label: str
    value: Decimal
    unit: Unit
    source: str = ""
    explained_at: str = ""


class EntryLine(msgspec.Struct, frozen=True, kw_only=True):
    id: UUID
    narrative: str
    effective_on: date
    may_open: bool


class Explanation(msgspec.Struct, frozen=True, kw_only=True):
    """`words` is the formula in words, `figures` in figures. `amount` is what pages show and what
    was recorded; `recomputed` is what the inputs give now, none where they were not kept.

    `unit` is of the amount: money, or units; `asset` and `places` are of all money in it. `entry_count` is of all entries, of which `entries` are the latest.
    """

    title: str
    subject: str
    back: str
    asset: str
    places: int
    amount: Decimal
    recomputed: Decimal | None
    words: str
    figures: str
    rounding: str
    inputs: Sequence[Input]
    entries: Sequence[EntryLine] = ()
    entry_count: int = 0
    unit: Unit = Unit.money
    note: str = ""

    @property
    def agrees(self) -> bool:
        return self.recomputed == self.amount


def named(amount: str, known: Sequence[str]) -> str:
    """The amount asked for; raises `NotFound` for one that this thing does not have."""
    if amount not in known:
        raise NotFound
    return amount


def rounded_to(places: int) -> str:
    return f"To {places} decimals; a tie goes to the even neighbour"


EXACT_SUM = "None: it is exact"
