"""What is done with a request of the REST interface before its handler: OPTIONS is answered, and the
query is read to the letter.
"""

from __future__ import annotations

import re
from datetime import datetime
from enum import Enum
from functools import lru_cache
from typing import Any

from litestar import Litestar, Response
from litestar.enums import MediaType
from litestar.handlers import HTTPRouteHandler
from litestar.routes import HTTPRoute

from app.kernel.errors import InputInvalid
from app.web.viewer import PortalRequest

_INSTANT = re.compile(r"[0-9]{4}-")


async def prepare(request: PortalRequest) -> Response[bytes] | None:
    if request.method == "OPTIONS":
        # Litestar's own answer names the methods of one handler where an address has several.
        methods = _methods_of(request.app, request.scope["path_template"])
        headers = {"Allow": ", ".join(methods)}
        return Response(b"", status_code=204, headers=headers, media_type=MediaType.TEXT)
    if request.url.query:
        _read_strictly(request)
    return None


@lru_cache(maxsize=1000)
def _methods_of(app: Litestar, path: str) -> list[str]:
    routes = [route for route in app.routes if isinstance(route, HTTPRoute)]
    return sorted({name for route in routes if route.path_format == path for name in route.methods})


def _read_strictly(request: PortalRequest) -> None:
    """Raise `InputInvalid` for a query that its handler would read more into than it says.

    Decoding is lenient where all there is is text: `null` would be nothing (and a filter by it no
    filter), `0.5` an instant in 1970, and of a parameter that is given twice the last would count.
    """
    types = _types_of(request.scope["route_handler"])
    for name, texts in request.query_params.dict().items():
        kinds = types.get(name, {str})
        if name in types and len(texts) > 1:
            raise InputInvalid.of(name, "INVALID", "Give it once")
        text = str(texts[0])
        if text.lower() == "null" and str not in kinds:
            raise InputInvalid.of(name, "INVALID", "Leave it out where there is none")
        if datetime in kinds and not _INSTANT.match(text):
            raise InputInvalid.of(name, "INVALID", "Write an instant as RFC 3339 does")


@lru_cache(maxsize=1000)
def _types_of(handler: HTTPRouteHandler) -> dict[str, set[Any]]:
    """Of each query parameter, what it may be; `str` for text alone, and for no enumeration."""
    found = {}
    for field in handler.parsed_fn_signature.parameters.values():
        name = getattr(field.kwarg_definition, "name", None) or field.name
        inner = {one.annotation for one in field.inner_types} if field.is_union else set()
        found[name] = {
            kind
            for kind in inner | {field.annotation}
            if not (isinstance(kind, type) and issubclass(kind, Enum))
        }
    return found
