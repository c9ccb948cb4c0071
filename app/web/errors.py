"""What goes wrong, in the form that was asked for: a page, a fragment, or problem+json (RFC 9457).

Never a trace; the request id finds it in the log.
"""

from __future__ import annotations

import re
from html import escape
from typing import Any, cast
from urllib.parse import urlencode

import asyncpg
import msgspec
import structlog
from litestar import Request, Response
from litestar.enums import MediaType
from litestar.exceptions import HTTPException, ValidationException
from litestar.types import ExceptionHandlersMap

from app.kernel.errors import DomainError, FieldError
from app.web.limits import TooManyRequests
from app.web.rendering import render_alone, theme_of
from app.web.trace import trace_of

_log = structlog.get_logger(__name__)
API = "/api/v1"
# A field that is missing or unknown is named in msgspec's message alone.
_INNER_FIELD = re.compile(r"Object (?:missing required|contains unknown) field `([^`]+)`")
RETRY_AFTER_SECONDS = 2

# The code and title of each status that the framework answers with.
TITLES = {
    400: ("MALFORMED", "The request cannot be read"),
    401: ("NOT_AUTHENTICATED", "Sign in first"),
    403: ("NOT_PERMITTED", "Your role does not permit this"),
    404: ("NOT_FOUND", "There is nothing here that you may see"),
    405: ("METHOD_NOT_ALLOWED", "This address does not take that method"),
    413: ("TOO_LARGE", "The request is too large"),
    415: ("UNSUPPORTED_MEDIA_TYPE", "The request has the wrong content type"),
    422: ("INPUT_INVALID", "Some of the input is not valid"),
    500: ("INTERNAL", "Something went wrong on our side"),
    503: ("UNAVAILABLE", "A service that this needs is not answering; try again in a moment"),
}


class Problem(msgspec.Struct, frozen=True, kw_only=True):
    """The body of every error answer of the API."""

    type: str
    title: str
    status: int
    detail: str
    code: str
    errors: list[FieldError]
    request_id: str


def _problem(
    request: Request[Any, Any, Any],
    status: int,
    *,
    code: str | None = None,
    title: str | None = None,
    detail: str = "",
    errors: tuple[FieldError, ...] = (),
) -> Problem:
    default_code, default_title = TITLES.get(status, (f"HTTP_{status}", "The request failed"))
    code, title = code or default_code, title or default_title
    return Problem(
        type=f"urn:stakehold:problem:{code.lower().replace('_', '-')}",
        title=title,
        status=status,
        detail=detail or title,
        code=code,
        errors=list(errors),
        request_id=trace_of(request).request_id,
    )


def answer(
    request: Request[Any, Any, Any], problem: Problem, headers: dict[str, str] | None = None
) -> Response[bytes]:
    """`problem` as what the caller asked for."""
    headers = dict(headers or {})
    if problem.status in (429, 503):
        headers.setdefault("Retry-After", str(RETRY_AFTER_SECONDS))
    if _wants_json(request):
        if problem.status == 401:
            headers["WWW-Authenticate"] = 'Bearer realm="stakehold"'
        return Response(
            msgspec.json.encode(problem),
            status_code=problem.status,
            headers=headers,
            media_type="application/problem+json",
        )
    is_fragment = request.headers.get("hx-request") == "true" or "x-block" in request.headers
    if problem.status == 401:
        return _to_sign_in(request, is_fragment=is_fragment, headers=headers)
    html = _html(request, problem, is_fragment=is_fragment)
    return Response(
        html.encode(), status_code=problem.status, headers=headers, media_type=MediaType.HTML
    )


def _html(request: Request[Any, Any, Any], problem: Problem, *, is_fragment: bool) -> str:
    context = {
        "status": problem.status,
        "title": problem.title,
        "detail": "" if problem.detail == problem.title else problem.detail,
        "request_id": problem.request_id,
        "theme": theme_of(request),
    }
    try:
        return render_alone("errors/error.html", "error" if is_fragment else None, context)
    except Exception as error:  # whatever is wrong with the page, there must be an answer
        _log.error("the error page failed", request_id=problem.request_id, exc_info=error)
        return (
            f"<!doctype html><title>{escape(problem.title)}</title><h1>{escape(problem.title)}</h1>"
        )


def _to_sign_in(
    request: Request[Any, Any, Any], *, is_fragment: bool, headers: dict[str, str]
) -> Response[bytes]:
    # Only an address that can be shown again is worth coming back to.
    query: dict[str, str] = {}
    if request.method == "GET" and not is_fragment:
        path = request.url.path
        query["next"] = f"{path}?{request.url.query}" if request.url.query else path
    url = f"/auth/sign-in?{urlencode(query)}" if query else "/auth/sign-in"
    if is_fragment:
        # A redirect would be followed and the sign-in page swapped into a corner of this one.
        return Response(
            b"", status_code=401, headers={**headers, "HX-Redirect": url}, media_type="text/html"
        )
    return Response(
        b"", status_code=303, headers={**headers, "Location": url}, media_type="text/html"
    )


def _wants_json(request: Request[Any, Any, Any]) -> bool:
    if request.url.path.startswith(f"{API}/") or request.url.path == API:
        return True
    accept = request.headers.get("accept", "")
    return "json" in accept and "text/html" not in accept


def on_domain_error(request: Request[Any, Any, Any], error: DomainError) -> Response[bytes]:
    headers = {}
    if isinstance(error, TooManyRequests):
        headers["Retry-After"] = str(error.retry_after_seconds)
    problem = _problem(
        request,
        error.status,
        code=error.code,
        title=error.title,
        detail=error.detail,
        errors=error.errors,
    )
    return answer(request, problem, headers)


def on_http_exception(request: Request[Any, Any, Any], error: HTTPException) -> Response[bytes]:
    if error.status_code >= 500:
        return on_unexpected(request, error)
    headers = {
        name: value for name, value in (error.headers or {}).items() if name.lower() == "allow"
    }
    # Litestar's own words for what is not there are addressed to programmers.
    detail = "" if error.status_code in (401, 403, 404) else str(error.detail)
    return answer(request, _problem(request, error.status_code, detail=detail), headers)


def on_validation_exception(
    request: Request[Any, Any, Any], error: ValidationException
) -> Response[bytes]:
    """Well formed but not valid; in the path, it names nothing that is there."""
    found = [item for item in cast(list[Any], error.extra or []) if isinstance(item, dict)]
    if any(item.get("source") == "path" for item in found):
        return answer(request, _problem(request, 404))
    errors = tuple(
        FieldError(_field_of(request, item), "INVALID", str(item.get("message", "Not valid")))
        for item in found
    )
    return answer(request, _problem(request, 422, errors=errors))


def _field_of(request: Request[Any, Any, Any], item: dict[str, Any]) -> str:
    """As the caller wrote it: a query parameter may have another name in our code."""
    key = str(item.get("key", ""))
    if item.get("source") == "query":
        parameter = request.scope["route_handler"].parsed_fn_signature.parameters.get(key)
        return getattr(parameter and parameter.kwarg_definition, "name", None) or key
    inner = _INNER_FIELD.match(str(item.get("message", "")))
    path = [*key.split("."), *(inner.groups() if inner else ())]
    return ".".join(path[1:] if path[0] == "data" else path)


def on_database_away(request: Request[Any, Any, Any], error: Exception) -> Response[bytes]:
    _log.warning(
        "database unavailable",
        reason=type(error).__name__,
        request_id=trace_of(request).request_id,
    )
    return answer(request, _problem(request, 503))


def on_contention(request: Request[Any, Any, Any], error: Exception) -> Response[bytes]:
    """Waited too long for somebody else's lock, or collided too often: the same call may succeed."""
    _log.warning("contention", reason=type(error).__name__, request_id=trace_of(request).request_id)
    return answer(request, _problem(request, 503, detail="Too busy; try again in a moment"))


def on_data_error(request: Request[Any, Any, Any], error: asyncpg.DataError) -> Response[bytes]:
    """A value that the database cannot hold got past validation: refused all the same, and noted."""
    _log.error(
        "unvalidated input reached the database",
        reason=type(error).__name__,
        request_id=trace_of(request).request_id,
        route=request.scope.get("path_template", ""),
    )
    return answer(request, _problem(request, 422))


def on_unexpected(request: Request[Any, Any, Any], error: Exception) -> Response[bytes]:
    _log.error("unexpected error", request_id=trace_of(request).request_id, exc_info=error)
    return answer(request, _problem(request, 500))


def on_impossible_path(request: Request[Any, Any, Any], _: ValueError) -> Response[bytes]:
    """No file has such a name: the file system would not even look (a NUL in it)."""
    return answer(request, _problem(request, 404))


HANDLERS: ExceptionHandlersMap = {
    DomainError: on_domain_error,
    ValidationException: on_validation_exception,
    HTTPException: on_http_exception,
    asyncpg.PostgresConnectionError: on_database_away,
    asyncpg.CannotConnectNowError: on_database_away,
    asyncpg.AdminShutdownError: on_database_away,
    asyncpg.CrashShutdownError: on_database_away,
    # No room on its disk or in its memory, or too many connections: what was begun is undone.
    asyncpg.InsufficientResourcesError: on_database_away,
    asyncpg.LockNotAvailableError: on_contention,
    asyncpg.QueryCanceledError: on_contention,
    asyncpg.SerializationError: on_contention,
    asyncpg.DeadlockDetectedError: on_contention,
    asyncpg.DataError: on_data_error,
    Exception: on_unexpected,
}
