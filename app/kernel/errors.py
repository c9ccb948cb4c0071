"""What an operation says when it refuses. Each situation has its own class, beside the operation
that raises it; the bases here carry the HTTP status and the stable code that the API shows.
"""

from __future__ import annotations

from collections.abc import Sequence

import msgspec


class FieldError(msgspec.Struct, frozen=True):
    """One rule that one input broke. `field` is the name the caller used."""

    field: str
    code: str
    message: str


class DomainError(Exception):
    """A refusal that the caller can understand. `detail` names the rule and the way out."""

    status = 409
    code = "CONFLICT"
    title = "The state does not allow this"

    def __init__(self, detail: str | None = None, *, errors: Sequence[FieldError] = ()) -> None:
        self.detail = detail or self.title
        self.errors = tuple(errors)
        super().__init__(self.detail)


class InputInvalid(DomainError):
    status = 422
    code = "INPUT_INVALID"
    title = "Some of the input is not valid"

    @classmethod
    def of(cls, field: str, code: str, message: str) -> InputInvalid:
        return cls(message, errors=[FieldError(field, code, message)])


class NotFound(DomainError):
    """It is not there, or it is somebody else's: the caller cannot tell which."""

    status = 404
    code = "NOT_FOUND"
    title = "There is nothing here that you may see"


class NotPermitted(DomainError):
    status = 403
    code = "NOT_PERMITTED"
    title = "Your role does not permit this"


class NotAuthenticated(DomainError):
    status = 401
    code = "NOT_AUTHENTICATED"
    title = "Sign in first"


class Conflict(DomainError):
    """The state does not allow it."""


class Unavailable(DomainError):
    """Something that we depend on is down; the same call may succeed later."""

    status = 503
    code = "UNAVAILABLE"
    title = "A service that this needs is not answering; try again in a moment"
