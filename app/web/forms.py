"""Forms: urlencoded, read into a plain dict, and shown again with what was typed.

A handler that shows a form again catches the refusal around a savepoint and returns a page with the
refusal's status; `transactional` then undoes the whole unit of work:

    form = await read_form(request)
    try:
        async with savepoint():
            redemption_id = await request_redemption(…)
    except DomainError as refusal:
        return Page("investments/redeem.html", {"form": form, "errors": refused(refusal), …},
                    status=refusal.status)
    return See(f"/redemptions/{redemption_id}")
"""

from __future__ import annotations

from datetime import UTC, datetime
from urllib.parse import parse_qsl
from zoneinfo import ZoneInfo

from litestar.exceptions import ClientException, HTTPException

from app.kernel.errors import DomainError, FieldError, InputInvalid
from app.kernel.ids import new_id
from app.web.viewer import PortalRequest

FORM_TYPE = "application/x-www-form-urlencoded"
FIELDS_MAX = 100
CSRF_FIELD = "csrf_token"
IDEMPOTENCY_FIELD = "idempotency_key"
# Spaces at either end are part of a password.
AS_TYPED = frozenset({"password"})


class WrongContentType(HTTPException):
    status_code = 415


async def read_form(request: PortalRequest) -> dict[str, str]:
    """The fields of the form, trimmed but for passwords; of a field given twice, the last.

    Raises 415 for anything but a urlencoded form, 400 where it cannot be read, and `InputInvalid`
    for characters that no field may hold.
    """
    if content_type_of(request) != FORM_TYPE:
        raise WrongContentType(f"Send {FORM_TYPE}")
    body = await request.body()
    try:
        pairs = parse_qsl(
            body.decode("ascii"),
            keep_blank_values=True,
            strict_parsing=bool(body),
            errors="strict",
            max_num_fields=FIELDS_MAX,
        )
    except ValueError as error:
        raise ClientException("The form cannot be read") from error
    form = {}
    for name, value in pairs:
        refuse_control_characters(value, field=name)
        form[name] = value if name in AS_TYPED else value.strip()
    return form


def refuse_control_characters(text: str, *, field: str) -> None:
    """PostgreSQL stores no NUL; say so before it does. Raises `InputInvalid`."""
    if "\0" in text:
        raise InputInvalid.of(field, "CONTROL_CHARACTER", "Must not contain control characters")


def typed_instant(form: dict[str, str], field: str, *, time_zone: str) -> datetime:
    """Day and time as a browser sends them, in `time_zone` unless they name their own offset.

    Raises `InputInvalid` where there is none, or it is no such time.
    """
    text = form.get(field, "")
    if not text:
        raise InputInvalid.of(field, "REQUIRED", "Give a day and a time")
    try:
        local = datetime.fromisoformat(text)
        zoned = local if local.tzinfo else local.replace(tzinfo=ZoneInfo(time_zone))
        return zoned.astimezone(UTC)
    except (ValueError, OverflowError):
        raise InputInvalid.of(
            field, "NOT_AN_INSTANT", "Write day and time, such as 2026-01-31T18:00"
        ) from None


def content_type_of(request: PortalRequest) -> str:
    return request.headers.get("content-type", "").partition(";")[0].strip().lower()


def refused(refusal: DomainError) -> list[FieldError]:
    """What stands in the error summary of the form: the fields' errors, or the refusal itself."""
    return list(refusal.errors) or [FieldError("", refusal.code, refusal.detail)]


def new_idempotency_key() -> str:
    """For the hidden field of a form: a double click sends the same key."""
    return new_id().hex


def safe_next(path: str) -> str:
    """`path` where it stays on this portal, else the start: no open redirect."""
    is_local = (
        path.startswith("/")
        and not path.startswith(("//", "/\\"))
        and path.isprintable()
        and "\\" not in path
        and len(path) <= 500
    )
    return path if is_local else "/"
