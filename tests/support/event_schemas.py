"""Check the payloads of events against their schemas in docs/events."""

from __future__ import annotations

import json
import re
from functools import lru_cache
from pathlib import Path
from typing import Any
from uuid import UUID

FOLDER = Path(__file__).resolve().parents[2] / "docs" / "events"

_TYPES: dict[str, tuple[type, ...]] = {
    "object": (dict,),
    "array": (list,),
    "string": (str,),
    "integer": (int,),
    "number": (int, float),
    "boolean": (bool,),
    "null": (type(None),),
}
# All that our schemas use; a keyword that this checker does not know must not pass unnoticed.
_KNOWN = {
    "$schema", "$id", "title", "description", "type", "properties", "required",
    "additionalProperties", "items", "enum", "const", "format", "pattern", "minLength",
    "maxLength", "minimum", "maximum", "minItems", "maxItems", "examples",
}  # fmt: skip


@lru_cache
def schema_of(event_type: str, version: int) -> dict[str, Any]:
    path = FOLDER / f"{event_type}.v{version}.json"
    assert path.exists(), f"{event_type} v{version} has no schema: write {path}"
    loaded: dict[str, Any] = json.loads(path.read_text())
    return loaded


def breaches(schema: dict[str, Any], value: Any, at: str = "payload") -> list[str]:
    """What in `value` breaks `schema`, in words; empty when nothing does."""
    assert set(schema) <= _KNOWN, f"{at}: unknown keywords {set(schema) - _KNOWN}"
    found: list[str] = []
    types = schema.get("type", list(_TYPES))
    allowed = tuple(
        t for name in ([types] if isinstance(types, str) else types) for t in _TYPES[name]
    )
    if not isinstance(value, allowed) or (isinstance(value, bool) and bool not in allowed):
        return [f"{at}: {value!r} is no {types}"]
    if "enum" in schema and value not in schema["enum"]:
        found.append(f"{at}: {value!r} is none of {schema['enum']}")
    if "const" in schema and value != schema["const"]:
        found.append(f"{at}: {value!r} is not {schema['const']!r}")
    if isinstance(value, str):
        found += _breaches_of_text(schema, value, at)
    elif isinstance(value, dict):
        properties = schema.get("properties", {})
        found += [
            f"{at}: {name} is missing" for name in schema.get("required", []) if name not in value
        ]
        for name, inner in value.items():
            if name in properties:
                found += breaches(properties[name], inner, f"{at}.{name}")
            elif schema.get("additionalProperties") is False:
                found.append(f"{at}: {name} is not in the schema")
    elif isinstance(value, list):
        if not schema.get("minItems", 0) <= len(value) <= schema.get("maxItems", len(value)):
            found.append(f"{at}: has {len(value)} items")
        for number, inner in enumerate(value):
            found += breaches(schema.get("items", {}), inner, f"{at}[{number}]")
    elif isinstance(value, int | float) and not (
        schema.get("minimum", value) <= value <= schema.get("maximum", value)
    ):
        found.append(f"{at}: {value} is out of range")
    return found


def _breaches_of_text(schema: dict[str, Any], value: str, at: str) -> list[str]:
    found = []
    if not schema.get("minLength", 0) <= len(value) <= schema.get("maxLength", len(value)):
        found.append(f"{at}: {value!r} has the wrong length")
    if "pattern" in schema and not re.search(schema["pattern"], value):
        found.append(f"{at}: {value!r} does not match {schema['pattern']}")
    if schema.get("format") == "uuid":
        try:
            UUID(value)
        except ValueError:
            found.append(f"{at}: {value!r} is no UUID")
    return found
