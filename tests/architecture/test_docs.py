"""docs/errors.md lists every code that the portal may answer with, and none that it does not; and
each decision has a number of its own."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
TREES = [ast.parse(path.read_text()) for path in sorted((ROOT / "app").rglob("*.py"))]
PROBLEMS, FIELDS = "## Codes of a problem", "## Codes of a field"
CODE = re.compile(r"[A-Z][A-Z_]+\Z")


def nodes() -> Iterator[ast.AST]:
    for tree in TREES:
        yield from ast.walk(tree)


def text_of(node: ast.expr) -> str:
    """What a literal says; nothing for anything else."""
    return str(node.value) if isinstance(node, ast.Constant) else ""


def problem_codes() -> set[tuple[str, str]]:
    """Code and status of every DomainError, and of what the framework itself answers."""
    classes = {node.name: node for node in nodes() if isinstance(node, ast.ClassDef)}

    def bases(name: str) -> list[str]:
        found = [base.id for base in classes[name].bases if isinstance(base, ast.Name)]
        return [base for base in found if base in classes]

    def is_error(name: str) -> bool:
        return name == "DomainError" or any(is_error(base) for base in bases(name))

    def inherited(name: str, attribute: str) -> str:
        for line in classes[name].body:
            if isinstance(line, ast.Assign) and ast.unparse(line.targets[0]) == attribute:
                return text_of(line.value)
        return next((inherited(base, attribute) for base in bases(name) if is_error(base)), "")

    errors = {
        (inherited(name, "code"), inherited(name, "status")) for name in classes if is_error(name)
    }
    return errors | set(framework_codes())


def framework_codes() -> Iterator[tuple[str, str]]:
    """`TITLES` of app/web/errors.py: status → (code, title)."""
    tree = ast.parse((ROOT / "app" / "web" / "errors.py").read_text())
    for node in tree.body:
        if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == "TITLES":
            for status, (code, _) in ast.literal_eval(node.value).items():
                yield code, str(status)


def field_codes() -> set[str]:
    """The second argument of `….of(field, CODE, message)` and of `FieldError(field, CODE, …)`."""
    calls = [node for node in nodes() if isinstance(node, ast.Call) and len(node.args) == 3]
    named = [
        call
        for call in calls
        if (isinstance(call.func, ast.Attribute) and call.func.attr == "of")
        or (isinstance(call.func, ast.Name) and call.func.id == "FieldError")
    ]
    return {text_of(call.args[1]) for call in named} - {""}


def listed(heading: str) -> list[list[str]]:
    """The cells of every row below the heading whose first cell is a code."""
    text = (ROOT / "docs" / "errors.md").read_text()
    section = text.partition(f"\n{heading}\n")[2].partition("\n## ")[0]
    rows = [line.split(" | ") for line in section.splitlines() if line.startswith("| `")]
    return [[cell.strip("|` ") for cell in row] for row in rows]


def test_there_is_something_to_compare() -> None:
    found = {code for code, _ in problem_codes()}
    assert {"NOT_FOUND", "INTERNAL", "REDEMPTION_STATE", "TENANT_REQUIRED"} <= found
    assert {"REQUIRED", "NOT_A_NUMBER", "INVALID"} <= field_codes()
    assert all(CODE.match(code) for code in found | field_codes())


def test_every_problem_is_listed_with_its_status_and_nothing_else_is() -> None:
    rows = listed(PROBLEMS)
    assert {(row[0], row[1]) for row in rows} == problem_codes()
    assert len(rows) == len({row[0] for row in rows}), "one row a code"


def test_every_code_of_a_field_is_listed_and_nothing_else_is() -> None:
    rows = [row[0] for row in listed(FIELDS)]
    assert set(rows) == field_codes()
    assert len(rows) == len(set(rows)), "one row a code"


@pytest.mark.parametrize("heading", [PROBLEMS, FIELDS])
def test_every_row_says_when_and_what_then(heading: str) -> None:
    assert [row[0] for row in listed(heading) if not all(row) or len(row) < 3] == []


def test_each_decision_has_a_number_of_its_own() -> None:
    numbers = [record.name[:4] for record in (ROOT / "docs" / "adr").glob("*.md")]
    assert sorted(set(numbers)) == sorted(numbers)
