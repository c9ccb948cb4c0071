"""From the fields of a form to what an operation takes."""

from __future__ import annotations

from datetime import date
from enum import StrEnum
from typing import TypeVar
from uuid import UUID

from app.domains.investments.operations.redemption_quote import Portion
from app.domains.investments.values import DestinationKind, RedemptionState
from app.kernel.errors import InputInvalid, NotFound
from app.kernel.money import Money

Choice = TypeVar("Choice", bound=StrEnum)

_PORTIONS = ("all", "fraction", "units", "amount")
_REDEEM_FIELDS = ("by", "fraction", "units", "amount", "destination_id")


def required_id(
    text: str, *, field: str | None = None, message: str = "Choose one of the list"
) -> UUID:
    """The identifier in a path, or in `field` of a form.

    In a path a malformed one is simply not there (`NotFound`); in a form it names its field.
    """
    try:
        return UUID(text)
    except ValueError:
        if field is None:
            raise NotFound from None
        raise InputInvalid.of(field, "REQUIRED", message) from None


def portion_of(form: dict[str, str], asset: str) -> Portion:
    """How much to redeem. `by` says which field counts; without it, the one that is filled."""
    by = form.get("by") or next((name for name in _PORTIONS[1:] if form.get(name)), "all")
    if by not in _PORTIONS:
        raise InputInvalid.of("by", "UNKNOWN", f"One of {', '.join(_PORTIONS)}")
    if by == "fraction":
        return Portion(fraction=form.get("fraction", ""))
    if by == "units":
        return Portion(units=form.get("units", ""))
    if by == "amount":
        return Portion(amount=Money(form.get("amount", ""), asset))
    return Portion()


def shown_fields(form: dict[str, str]) -> dict[str, str]:
    """What was typed, with every field of the redeem form there."""
    return {"by": "all"} | {name: form.get(name, "") for name in _REDEEM_FIELDS if form.get(name)}


def version_of(form: dict[str, str]) -> int | None:
    """The version of the redemption, or client, that the form was shown for."""
    text = form.get("version", "")
    if not text:
        return None
    if not text.isascii() or not text.isdigit() or len(text) > 9:
        raise InputInvalid.of("version", "NOT_A_NUMBER", "Reload the page and try again")
    return int(text)


def state_filter(states: str | None) -> tuple[RedemptionState, ...]:
    """The states to list, with commas between them; none for all. Raises `InputInvalid` for one that
    does not exist."""
    if not states:
        return ()
    try:
        return tuple(RedemptionState(state) for state in states.split(","))
    except ValueError:
        raise InputInvalid.of(
            "state", "UNKNOWN_STATE", f"One of {', '.join(RedemptionState)}"
        ) from None


def chosen(kind: type[Choice], text: str, *, field: str) -> Choice:
    """The one of `kind` that was chosen in `field`; raises `InputInvalid` for anything else."""
    try:
        return kind(text)
    except ValueError:
        raise InputInvalid.of(field, "UNKNOWN", f"One of {', '.join(kind)}") from None


def day_in(text: str | None, *, field: str) -> date | None:
    """A day as forms and REST write it, none where it is left empty."""
    if not text:
        return None
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise InputInvalid.of(field, "NOT_A_DAY", "Write a day as 2026-03-02") from None


def destination_kind(kind: str) -> DestinationKind:
    """Raises `InputInvalid` for one that does not exist."""
    try:
        return DestinationKind(kind)
    except ValueError:
        raise InputInvalid.of("kind", "UNKNOWN_KIND", "wallet or bank") from None
