"""What stands in the columns of a list that is taken out as a file; one declaration for both kinds.

REDEMPTIONS = Sheet(
    name="redemptions",
    title="Redemptions",
    columns=[
        text("reference", lambda row: row.reference),
        amount("net", lambda row: row.amounts.net, places=lambda row: row.amounts.places),
        instant("requested_at", lambda row: row.requested_at),
    ],
)
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import date, datetime
from decimal import Decimal
from enum import StrEnum
from typing import Any, Literal, TypeAlias
from uuid import UUID

import msgspec

from app.kernel.money import round_half_even

Text: TypeAlias = str | UUID | StrEnum | None
# What a row comes to, cell by cell: text, figures with the decimals that they are shown with, times.
Figure: TypeAlias = tuple[Decimal, int]
Cell: TypeAlias = str | Figure | datetime | date | None
Kind = Literal["text", "amount", "instant", "day"]


class Column(msgspec.Struct, frozen=True, kw_only=True):
    """`name` is the field's own, for programs; `heading` is for people."""

    name: str
    heading: str
    kind: Kind
    cell: Callable[[Any], Cell]


class Sheet(msgspec.Struct, frozen=True, kw_only=True):
    """A list as a file. `name` stands in the file's name, and on the audit record."""

    name: str
    title: str
    columns: Sequence[Column]

    def cells(self, row: Any) -> list[Cell]:
        return [column.cell(row) for column in self.columns]


def text(name: str, value: Callable[[Any], Text], heading: str = "") -> Column:
    def cell(row: Any) -> Cell:
        found = value(row)
        return None if found is None else str(found)

    return _column(name, heading, "text", cell)


def amount(
    name: str,
    value: Callable[[Any], Decimal | int | None],
    heading: str = "",
    *,
    places: Callable[[Any], int] | None = None,
) -> Column:
    """A figure with at least so many decimals, and never fewer than it has: a digit is never lost."""

    def cell(row: Any) -> Cell:
        found = value(row)
        return None if found is None else figure(Decimal(found), places(row) if places else 0)

    return _column(name, heading, "amount", cell)


def instant(name: str, value: Callable[[Any], datetime | None], heading: str = "") -> Column:
    return _column(name, heading, "instant", value)


def day(name: str, value: Callable[[Any], date | None], heading: str = "") -> Column:
    return _column(name, heading, "day", value)


def figure(value: Decimal, places: int) -> Figure:
    own = value.normalize().as_tuple().exponent
    assert isinstance(own, int), "an amount is a number"
    shown = max(places, -own)
    return round_half_even(value, places=shown), shown


def _column(name: str, heading: str, kind: Kind, cell: Callable[[Any], Cell]) -> Column:
    return Column(
        name=name,
        heading=heading or name.replace("_", " ").capitalize(),
        kind=kind,
        cell=cell,
    )
