"""Whatever the REST interface refuses with stands in its document: each answer that a test sees is
compared with what its route declares.
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Any

import httpx

from app.kernel.errors import DomainError
from app.web.openapi import document
from app.web.refusals import ANYWHERE

HOW = "CONTRIBUTING.md says how, under “an API route”"


class Undeclared(AssertionError):
    """An operation answered what its route does not say it may."""


def check_declared(answer: httpx.Response) -> None:
    """Raise `Undeclared` where the answer's code, or a field's, is not declared on its route."""
    request = answer.request
    operation = _operation(request.method, request.url.path)
    if operation is None or not 400 <= answer.status_code < 500 or answer.status_code == 405:
        return
    name = f"{request.method} {request.url.path}"
    problem = answer.json()
    code = problem["code"]
    if code not in codes_of(operation, answer.status_code):
        raise Undeclared(
            f"{name} answered {answer.status_code} {code}, which its route does not declare:"
            f" add {_class_of(code)} to its `refusals=[…]`; {HOW}"
        )
    rules = operation.get("x-rules", {})
    for error in problem["errors"]:
        field, rule = error["field"], error["code"]
        if rule not in ANYWHERE and rule not in rules.get(field, ()):
            raise Undeclared(
                f"{name} answered that {field!r} is {rule}, which its route does not declare:"
                f' add it to its `rules={{"{field}": ["{rule}"]}}`; {HOW}'
            )


def codes_of(operation: dict[str, Any], status: int) -> list[str]:
    answer = operation["responses"].get(str(status))
    if answer is None:
        return []
    schema = answer["content"]["application/problem+json"]["schema"]
    found: list[str] = schema["allOf"][1]["properties"]["code"]["enum"]
    return found


def _operation(method: str, path: str) -> dict[str, Any] | None:
    """What the document says of it; nothing for pages, and for what no route answers."""
    if not path.startswith("/api/v1/"):
        return None
    for pattern, operations in _patterns():
        if pattern.fullmatch(path) and method.lower() in operations:
            found: dict[str, Any] = operations[method.lower()]
            return found
    return None


@lru_cache(maxsize=1)
def _patterns() -> list[tuple[re.Pattern[str], dict[str, Any]]]:
    """Of each path; those without an id in them come first."""
    paths = sorted(document()["paths"].items(), key=lambda item: "{" in item[0])
    return [(re.compile(re.sub(r"\{\w+\}", "[^/]+", path)), found) for path, found in paths]


def _class_of(code: str) -> str:
    """The name of the error with this code."""
    waiting: list[type[DomainError]] = [DomainError]
    while waiting:
        error = waiting.pop()
        if error.code == code and error is not DomainError:
            return error.__name__
        waiting += error.__subclasses__()
    return "its error"
