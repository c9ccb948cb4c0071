"""The OpenAPI document of the REST interface: generated from its routes alone, served by us."""

from __future__ import annotations

import json
import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from functools import lru_cache
from itertools import groupby
from typing import Any

import msgspec
from litestar import Litestar, Response, Router, get
from litestar.handlers import HTTPRouteHandler
from litestar.openapi.config import OpenAPIConfig
from litestar.openapi.plugins import JsonRenderPlugin
from litestar.openapi.spec import Components, SecurityScheme

from app.web.etags import tagged
from app.web.guards import Requires, public
from app.web.refusals import ANYWHERE, Refusal, refusals_of, rules_of
from app.web.viewer import PortalRequest

API = "/api/v1"
_MEANINGS = {
    400: "Malformed",
    401: "No or bad credentials",
    403: "Not permitted",
    404: "Not there, or not yours",
    409: "The state does not allow it",
    412: "It changed since you read it",
    413: "Too large",
    415: "Wrong content type",
    422: "Well formed but not valid",
    428: "A header is missing",
    429: "Too much in too short a time",
    503: "A dependency is down",
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
}
_KEY_PARAMETER = {
    "name": "Idempotency-Key",
    "in": "header",
    "description": "1 to 255 characters; required where money or units move. The same key with "
    "the same body gives the same answer.",
    "schema": {"type": "string", "minLength": 1, "maxLength": 255},
}
_NONE_MATCH_PARAMETER = {
    "name": "If-None-Match",
    "in": "header",
    "required": False,
    "description": "`ETag`s of what you have: 304 and nothing if one of them is what there is.",
    "schema": {"type": "string"},
}
_ETAG = {
    "description": "Of `data`: not of `meta`, and of no `remaining_seconds`",
    "required": True,
    "schema": {"type": "string", "pattern": '^(W/)?"[^"]+"$'},
}


@get("/openapi.json", guards=[public], include_in_schema=False)
async def openapi(request: PortalRequest) -> Response[Any]:
    answer = tagged(request, _document())
    answer.headers["Cache-Control"] = "public, max-age=300"
    return answer


@lru_cache(maxsize=1)
def _document() -> msgspec.Raw:
    return msgspec.Raw(msgspec.json.encode(document()))


@lru_cache(maxsize=1)
def document() -> dict[str, Any]:
    """The document as the portal serves it; not to be changed."""
    from app.web.routes import API_ROUTES

    return _described(API_ROUTES)


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
    for path, method, handler in handlers(app):
        operation = document["paths"].get(path, {}).get(method.lower())
        if operation is not None:
            _complete(operation, method, handler)
            _close(document["components"]["schemas"], operation, handler)
    return document


def handlers(app: Litestar) -> Iterator[tuple[str, str, HTTPRouteHandler]]:
    """Path, method and handler of each operation."""
    for route in app.routes:
        for handler in getattr(route, "route_handlers", []):
            for method in getattr(handler, "http_methods", []):
                yield route.path_format, method, handler


def _complete(operation: dict[str, Any], method: str, handler: HTTPRouteHandler) -> None:
    guards = [guard for guard in handler.resolve_guards() if isinstance(guard, Requires)]
    permissions = [permission for guard in guards for permission in guard.permissions]
    if permissions:
        operation["security"] = [{"bearer": []}]
        operation["x-permissions"] = permissions
        said = f"Permission: {' or '.join(f'`{permission}`' for permission in permissions)}."
        operation["description"] = f"{operation.get('description') or ''}\n\n{said}".strip()
    if getattr(handler.fn, "is_idempotent", False):
        required = handler.fn.moves_money  # type: ignore[attr-defined]
        operation.setdefault("parameters", []).append(_KEY_PARAMETER | {"required": required})
    if method == "GET":
        operation.setdefault("parameters", []).append(_NONE_MATCH_PARAMETER)
        operation["responses"]["200"]["headers"] = {"ETag": _ETAG}
        operation["responses"]["304"] = {
            "description": "What you have is what there is",
            "headers": {"ETag": _ETAG},
        }
    parameters = operation.get("parameters", [])
    for parameter in parameters:
        parameter["schema"] = _without_null(parameter["schema"])
    rules = rules_of(handler, parameters)
    if rules:
        operation["x-rules"] = rules
    # What Litestar documents itself is one 400 for all; ours are told apart.
    operation["responses"].pop("400", None)
    refusals = refusals_of(handler, method, parameters)
    own = {error.code for error in handler.opt.get("refusals", [])}
    for status, same in groupby(refusals, key=lambda refusal: refusal.status):
        operation["responses"][str(status)] = _error(status, list(same), rules, own)


def _close(schemas: dict[str, Any], operation: dict[str, Any], handler: HTTPRouteHandler) -> None:
    """A body says whether it must be there, and whether it refuses fields which it does not know:
    Litestar leaves both out.
    """
    body = handler.parsed_fn_signature.parameters.get("data")
    if body is None:
        return
    operation["requestBody"]["required"] = not body.is_optional
    kinds = [body, *body.inner_types]
    structs = [kind.annotation for kind in kinds if kind.is_subclass_of(msgspec.Struct)]
    if all(struct.__struct_config__.forbid_unknown_fields for struct in structs):
        text = json.dumps(operation["requestBody"])
        for name in re.findall(r"#/components/schemas/([\w.\[\]]+)", text):
            schemas[name]["additionalProperties"] = False


def _without_null(schema: dict[str, Any]) -> dict[str, Any]:
    """A parameter that is not there is left out; none can be written as JSON's null."""
    given = [option for option in schema.get("oneOf", []) if option != {"type": "null"}]
    if len(given) != 1:
        return schema
    rest = {name: value for name, value in schema.items() if name != "oneOf"}
    return {**given[0], **rest}


def _error(
    status: int, refusals: Sequence[Refusal], rules: Mapping[str, Any], own: Collection[str]
) -> dict[str, Any]:
    """An error answer of the document: its codes, and one of them, by choice of `own`, in full."""
    codes: dict[str, Any] = {"code": {"enum": [refusal.code for refusal in refusals]}}
    errors: list[dict[str, str]] = []
    said = [f"{_MEANINGS[status]}."]
    said += [f"- `{refusal.code}`: {refusal.title}" for refusal in refusals]
    if status == 422:
        known = sorted(ANYWHERE.union(*rules.values()))
        field = {"type": "object", "properties": {"code": {"enum": known}}}
        codes["errors"] = {"type": "array", "items": field}
        said += [f"- `errors` of `{name}`: {', '.join(rules[name])}" for name in sorted(rules)]
        name = next(iter(rules), "")
        if name:
            errors = [{"field": name, "code": rules[name][0], "message": "Says the rule"}]
    first = next((refusal for refusal in refusals if refusal.code in own), refusals[0])
    example = {
        "type": f"urn:stakehold:problem:{first.code.lower().replace('_', '-')}",
        "title": first.title,
        "status": status,
        "detail": first.title,
        "code": first.code,
        "errors": errors,
        "request_id": "019abf6b2c1e7d0f8f3d3a2b1c0d9e8f",
    }
    reference = {"$ref": "#/components/schemas/Problem"}
    schema = {"allOf": [reference, {"type": "object", "properties": codes}]}
    answer: dict[str, Any] = {
        "description": "\n".join(said),
        "content": {"application/problem+json": {"schema": schema, "example": example}},
    }
    if status in (429, 503):
        answer["headers"] = {
            "Retry-After": {
                "description": "Seconds to wait",
                "required": True,
                "schema": {"type": "integer", "minimum": 0},
            }
        }
    return answer
