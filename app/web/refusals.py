"""With what an operation of the REST interface may refuse, as its route declares it.

    @post(
        "/{redemption_id:uuid}/ready",
        guards=[requires("redemption:settle")],
        refusals=[WrongState, ApproverSettles, StagingTooLow],
        rules={"source_account_id": ["NOT_A_STAGING_VAULT"], "note": ["TOO_LONG"]},
        …

`refusals` are the errors that its operation raises; `rules` the codes of each field in a 422. What
follows from the route's shape (its guard, the ids in its path, its parameters, its body, its
idempotency) is added here, and not declared. Every write declares `refusals`, be it `[]`.

The OpenAPI document shows them, and whatever a test sees answered is compared with it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import msgspec
from litestar.handlers import HTTPRouteHandler

from app.domains.identity.access_token import TokenInvalid
from app.kernel.errors import (
    DomainError,
    InputInvalid,
    NotAuthenticated,
    NotFound,
    NotPermitted,
    Unavailable,
)
from app.kernel.idempotency import IdempotencyKeyInUse, IdempotencyMismatch
from app.web.errors import TITLES
from app.web.etags import PreconditionFailed
from app.web.guards import Requires
from app.web.limits import TooManyRequests
from app.web.transactions import IdempotencyKeyRequired

Rules = Mapping[str, Sequence[str]]
WRITES = frozenset({"POST", "PUT", "PATCH", "DELETE"})
# Rules that hold for any parameter and any body, whatever they are called.
ANYWHERE = frozenset({"INVALID", "CONTROL_CHARACTER"})


class Refusal(msgspec.Struct, frozen=True, order=True):
    status: int
    code: str
    title: str


def refusals_of(
    handler: HTTPRouteHandler, method: str, parameters: Sequence[Mapping[str, Any]]
) -> list[Refusal]:
    """Everything that the operation may refuse with, by status. `parameters` as in its document."""
    errors = [*_by_shape(handler, parameters), *handler.opt.get("refusals", [])]
    if rules_of(handler, parameters):
        errors.append(InputInvalid)
    found = {_refusal(error) for error in errors}
    if method in WRITES:
        # Any body is read as JSON, also where none is wanted.
        found |= {Refusal(status, *TITLES[status]) for status in (400, 413, 415, 422)}
    return sorted(found)


def rules_of(handler: HTTPRouteHandler, parameters: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """The codes that each field may be refused with, beside those of `ANYWHERE`."""
    found: dict[str, list[str]] = {
        field: list(codes) for field, codes in handler.opt.get("rules", {}).items()
    }
    names = {parameter["name"] for parameter in parameters}
    if "cursor" in names:
        found.setdefault("cursor", []).append("NOT_A_CURSOR")
    if "sort" in names:
        found.setdefault("sort", []).append("UNKNOWN_SORT")
    if getattr(handler.fn, "is_idempotent", False):
        found["idempotency_key"] = ["LENGTH"]
    return found


def is_undeclared(handler: HTTPRouteHandler, method: str) -> bool:
    return method in WRITES and "refusals" not in handler.opt


def _by_shape(
    handler: HTTPRouteHandler, parameters: Sequence[Mapping[str, Any]]
) -> Iterator[type[DomainError]]:
    yield from (TooManyRequests, Unavailable)
    if any(isinstance(guard, Requires) for guard in handler.resolve_guards()):
        yield from (NotAuthenticated, TokenInvalid, NotPermitted)
    places = {parameter["in"] for parameter in parameters}
    if "path" in places:
        yield NotFound
    if "query" in places:
        yield InputInvalid
    if any(parameter["name"] == "If-Match" for parameter in parameters):
        yield PreconditionFailed
    if getattr(handler.fn, "is_idempotent", False):
        yield from (IdempotencyMismatch, IdempotencyKeyInUse, InputInvalid)
    if getattr(handler.fn, "moves_money", False):
        yield IdempotencyKeyRequired


def _refusal(error: type[DomainError]) -> Refusal:
    return Refusal(error.status, error.code, error.title)
