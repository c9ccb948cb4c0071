"""ETags: every GET of the REST interface answers one, and does not send again what somebody has.

A tag names `data`, and where its page ended: not `meta`, which is of the one answer, and no
countdown, which would be another each second. What has a version is tagged `"7-…"` after it, and a
write to it may send that tag as `If-Match`: then it takes effect only while the version is the same.
"""

from __future__ import annotations

import hashlib
import re
from typing import Annotated, Any

import msgspec
from litestar import Response
from litestar.enums import MediaType
from litestar.params import HeaderParameter

from app.kernel.errors import DomainError
from app.web.api import Envelope
from app.web.viewer import PortalRequest

IfMatch = Annotated[
    str | None,
    HeaderParameter(
        name="If-Match",
        max_length=200,
        description="The `ETag` that a GET of it gave, or `*`: refused with 412 if it changed since",
    ),
]
_COUNTDOWN = re.compile(rb'"remaining_seconds":-?[0-9]+')
_TAG = re.compile(r'(?:W/)?("[^"]*")')
_VERSIONED = re.compile(r'"([0-9]{1,9})-[0-9a-f]+"\Z', re.ASCII)


class PreconditionFailed(DomainError):
    status = 412
    code = "PRECONDITION_FAILED"
    title = "This changed since you read it; read it again, and decide again"


def etag_of(result: Any) -> str:
    """The tag of an answer's body. Weak where nothing is ever written against it."""
    version = None
    if isinstance(result, Envelope):
        version = getattr(result.data, "version", None)
        result = (result.data, result.meta.page)
    named = _COUNTDOWN.sub(b"", msgspec.json.encode(result))
    digest = hashlib.blake2b(named, digest_size=12).hexdigest()
    return f'W/"{digest}"' if version is None else f'"{version}-{digest}"'


def tagged(request: PortalRequest, result: Any, *, status: int = 200) -> Response[Any]:
    """`result` as JSON under its ETag; 304 and nothing where the caller has it already."""
    headers = {"ETag": etag_of(result)}
    if request.method == "GET" and _has(request.headers.get("if-none-match", ""), headers["ETag"]):
        return Response(b"", status_code=304, headers=headers, media_type=MediaType.JSON)
    return Response(
        msgspec.json.encode(result),
        status_code=status,
        headers=headers,
        media_type=MediaType.JSON,
    )


def version_in(if_match: str | None) -> int | None:
    """The version that `If-Match` asks for; none where any will do.

    Raises `PreconditionFailed` for what is no tag of ours: it cannot be the one of now.
    """
    if if_match is None or if_match.strip() == "*":
        return None
    # What stands between may have weakened the tag on its way (nginx does, where it compresses).
    found = _VERSIONED.match(if_match.strip().removeprefix("W/"))
    if found is None:
        raise PreconditionFailed
    return int(found.group(1))


def _has(if_none_match: str, etag: str) -> bool:
    """Compared weakly, as RFC 9110 (13.1.2) has it for reading."""
    if if_none_match.strip() == "*":
        return True
    return etag.removeprefix("W/") in _TAG.findall(if_none_match)
