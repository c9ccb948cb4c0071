"""The schemas in docs/events."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.support.event_schemas import FOLDER, breaches

SCHEMAS = sorted(FOLDER.glob("*.json"))


@pytest.mark.parametrize("path", SCHEMAS, ids=lambda path: path.name)
def test_a_schema_is_named_after_its_event_and_closed(path: Path) -> None:
    schema = json.loads(path.read_text())
    event, version, _ = path.name.rsplit(".", 2)
    assert schema["$id"] == f"{event}.{version}"
    assert version.startswith("v")
    assert schema["title"]
    assert schema["type"] == "object"
    assert schema["additionalProperties"] is False
    assert set(schema.get("required", [])) <= set(schema["properties"])


def test_the_checker_finds_what_is_wrong() -> None:
    schema = {
        "type": "object",
        "properties": {
            "id": {"type": "string", "format": "uuid"},
            "count": {"type": "integer", "minimum": 1},
            "names": {"type": "array", "items": {"type": "string"}, "minItems": 1},
        },
        "required": ["id"],
        "additionalProperties": False,
    }
    good = {"id": "0194d3c1-7b1e-7000-8000-000000000001", "count": 1, "names": ["a"]}
    assert breaches(schema, good) == []
    for change in (
        {"id": "x"}, {"count": 0}, {"count": True}, {"names": []}, {"names": [1]}, {"more": 1},
    ):  # fmt: skip
        assert breaches(schema, good | change), change
    assert breaches(schema, {"count": 1})
