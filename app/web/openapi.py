"""The OpenAPI document of the REST interface: generated from its routes alone, served by us."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import lru_cache
from typing import Any

import msgspec
from litestar import Litestar, Response, Router, get
from litestar.handlers import HTTPRouteHandler
from litestar.openapi.config import OpenAPIConfig
from litestar.openapi.plugins import JsonRenderPlugin
from litestar.openapi.spec import Components, SecurityScheme

from app.web.guards import Requires, public

API = "/api/v1"
_ERRORS = {
    "400": "Malformed",
    "401": "No or bad credentials",
    "403": "Not permitted",
    "404": "Not there, or not yours",
    "409": "The state does not allow it",
    "415": "Wrong content type",
    "422": "Well formed but not valid",
    "428": "An Idempotency-Key is required",
    "429": "Too much in too short a time",
    "503": "A dependency is down",
}
_PROBLEM = {
    "type": "object",
    "required": ["type", "title", "status", "detail", "code", "errors", "request_id"],
    "properties": {
        "type": {"type": "string"},
        "title": {"type": "string"},
        "status": {"type": "integer"},
        "detail": {"type": "string"},
        "code": {"type": "string"},
        "errors": {
            "type": "array",
            "items": {
                "type": "object",
                "required": ["field", "code", "message"],
                "properties": {
                    "field": {"type": "string"},
                    "code": {"type": "string"},
                    "message": {"type": "string"},
                },
            },
        },
        "request_id": {"type": "string"},
    },
    "example": {
        "type": "urn:stakehold:problem:not-found",
        "title": "There is nothing here that you may see",
        "status": 404,
        "detail": "There is nothing here that you may see",
        "code": "NOT_FOUND",
        "errors": [],
        "request_id": "019abf6b2c1e7d0f8f3d3a2b1c0d9e8f",
    },
}
_KEY_PARAMETER = {
    "name": "Idempotency-Key",
    "in": "header",
    "required": False,
    "description": "1 to 255 characters; required where money or units move. The same key with "
    "the same body gives the same answer.",
    "schema": {"type": "string", "minLength": 1, "maxLength": 255},
}


@get("/openapi.json", guards=[public], include_in_schema=False)
async def openapi() -> Response[bytes]:
    return Response(
        _document(),
        media_type="application/json",
        headers={"Cache-Control": "public, max-age=300"},
    )


@lru_cache(maxsize=1)
def _document() -> bytes:
    from app.web.routes import API_ROUTES

    return msgspec.json.encode(_described(API_ROUTES))


def _described(routes: Sequence[Any]) -> dict[str, Any]:
    """The routes as Litestar describes them, with what holds for all of them added."""
    app = Litestar(
        [Router(API, route_handlers=list(routes))],
        openapi_config=OpenAPIConfig(
            title="Stakehold",
            version="1",
            description="Every page of the portal has its twin here. Sign in with POST "
            "/api/v1/auth/login; send the access token as a bearer.",
            components=Components(
                security_schemes={
                    "bearer": SecurityScheme(type="http", scheme="bearer", bearer_format="JWT")
                }
            ),
            render_plugins=[JsonRenderPlugin()],
        ),
        logging_config=None,
    )
    document: dict[str, Any] = app.openapi_schema.to_schema()
    document["components"].setdefault("schemas", {})["Problem"] = _PROBLEM
    for path, method, handler in _handlers(app):
        operation = document["paths"].get(path, {}).get(method.lower())
        if operation is not None:
            _complete(operation, path, method, handler)
    return document


def _handlers(app: Litestar) -> Iterator[tuple[str, str, HTTPRouteHandler]]:
    for route in app.routes:
        for handler in getattr(route, "route_handlers", []):
            for method in getattr(handler, "http_methods", []):
                yield route.path_format, method, handler


def _complete(operation: dict[str, Any], path: str, method: str, handler: HTTPRouteHandler) -> None:
    guards = [guard for guard in handler.resolve_guards() if isinstance(guard, Requires)]
    permissions = [permission for guard in guards for permission in guard.permissions]
    if permissions:
        operation["security"] = [{"bearer": []}]
        operation["x-permissions"] = permissions
        said = f"Permission: {' or '.join(f'`{permission}`' for permission in permissions)}."
        operation["description"] = f"{operation.get('description') or ''}\n\n{said}".strip()
    if method == "POST" and "/auth/" not in path and permissions:
        operation.setdefault("parameters", []).append(_KEY_PARAMETER)
    reference = {"$ref": "#/components/schemas/Problem"}
    for status, meaning in _ERRORS.items():
        operation["responses"][status] = {
            "description": meaning,
            "content": {"application/problem+json": {"schema": reference}},
        }
