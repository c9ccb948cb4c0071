"""What everything that comes in and goes out has in common, and how figures are written."""

from __future__ import annotations

from uuid import UUID

import msgspec


class Body(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What a client sends: a field that we do not know is a mistake, and said to be one."""


class Out(msgspec.Struct, frozen=True, kw_only=True):
    """What we answer with."""


class Identified(Out, frozen=True, kw_only=True):
    id: UUID


def fixed(amount: object, places: int) -> str:
    """With the asset's own decimals: what is stored has eighteen."""
    return f"{amount:.{places}f}"


def units(amount: object) -> str:
    return f"{amount:.8f}"


def short(rate: object) -> str:
    """A rate without the zeros behind it."""
    text = f"{rate:f}"
    return text.rstrip("0").rstrip(".") if "." in text else text
