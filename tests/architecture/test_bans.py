"""What nobody writes here, and why: each ban is a way around something that the kernel keeps."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
SOURCES = sorted(
    path for folder in ("app", "workers", "migrations") for path in (ROOT / folder).rglob("*.py")
)
# Money is counted here; a float anywhere near is a mistake.
MONEY = ("app/domains/", "app/kernel/money.py", "app/kernel/ledger/")
# Real time is read by the database, business time by the unit of work.
TIMELESS = (
    "app/domains/",
    "app/kernel/",
    "app/web/",
    # These speak to others; a sandbox is another's machine.
    "app/integrations/oidc/",
    "app/integrations/custody/hex_safe.py",
)
ARQ = ("app/kernel/jobs/", "workers/")
REAL_TIME = (
    # It knows how far a process's own clock is from the database's.
    "app/kernel/real_time.py",
    # The library says by this same clock when a count expires: the difference is what is left.
    "app/web/limits.py",
)
# `Engine` itself, and the migration run, which has no tenant to set.
ENGINE = ("app/kernel/database.py", "app/kernel/migrate.py")


def test_there_is_something_to_look_at() -> None:
    assert len(SOURCES) > 50


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: str(path.relative_to(ROOT)))
def test_keeps_to_the_bans(path: Path) -> None:
    name = str(path.relative_to(ROOT))
    assert list(broken_bans(name, path.read_text())) == []


def broken_bans(name: str, source: str) -> Iterator[str]:
    for node in ast.walk(ast.parse(source)):
        line = getattr(node, "lineno", 0)
        if isinstance(node, ast.Call):
            yield from (f"{name}:{line}: {ban}" for ban in _banned_call(name, node))
        elif "arq" in _imported(node) and not name.startswith(ARQ):
            yield f"{name}:{line}: arq belongs to app/kernel/jobs and workers alone"


def _banned_call(name: str, call: ast.Call) -> Iterator[str]:
    called, owner = _called(call)
    keywords = {keyword.arg for keyword in call.keywords}
    if called in {"transaction", "atomic"} and owner in {"DB", "engine"} and name not in ENGINE:
        yield f"{owner}.{called}() leaks connections: use unit_of_work"
    if called in {"batch", "run_sync"}:
        yield f".{called}() runs outside the unit of work"
    if "node" in keywords and called in {"run", "run_sync", "batch"}:
        yield "node= runs outside the unit of work"
    if called == "wait_for" and owner == "asyncio":
        yield "asyncio.wait_for() swallows a cancellation before Python 3.12: use asyncio.timeout()"
    if called == "float" and owner == "" and name.startswith(MONEY):
        yield "float() near money: use Decimal"
    reads_clock = called in {"now", "utcnow", "today"} and owner in {"datetime", "date"}
    reads_clock |= called == "time" and owner == "time"
    if reads_clock and name.startswith(TIMELESS) and name not in REAL_TIME:
        yield (
            f"{owner}.{called}(): business time is current().now, real time clock_timestamp(), or"
            " away from the database app/kernel/real_time.py"
        )
    if called in {"get", "post", "put", "delete", "patch", "route", "Router", "Litestar"} and (
        "cache" in keywords or "response_cache_config" in keywords
    ):
        yield "cache=: Litestar's key leaves out the tenant"


def _called(call: ast.Call) -> tuple[str, str]:
    """The name of what is called, and of what it is called on."""
    if isinstance(call.func, ast.Name):
        return call.func.id, ""
    if isinstance(call.func, ast.Attribute):
        value = call.func.value
        owner = value.attr if isinstance(value, ast.Attribute) else getattr(value, "id", "")
        return call.func.attr, owner
    return "", ""


def _imported(node: ast.AST) -> set[str]:
    """The packages that an import names; none for anything else."""
    if not isinstance(node, ast.Import | ast.ImportFrom):
        return set()
    names = (
        [node.module or ""] if isinstance(node, ast.ImportFrom) else [a.name for a in node.names]
    )
    return {name.split(".")[0] for name in names}


@pytest.mark.parametrize(
    ("name", "source"),
    [
        ("app/web/x.py", "async with DB.transaction(): ..."),
        ("app/web/x.py", "Band.select().batch()"),
        ("app/web/x.py", "Band.select().run_sync()"),
        ("app/web/x.py", "Band.select().run(node='read')"),
        ("app/web/x.py", "asyncio.wait_for(event.wait(), 1)"),
        ("app/domains/x.py", "float(amount)"),
        ("app/kernel/ledger/x.py", "float(amount)"),
        ("app/domains/x.py", "datetime.now(UTC)"),
        ("app/domains/x.py", "datetime.datetime.utcnow()"),
        ("app/kernel/x.py", "date.today()"),
        ("app/domains/x.py", "time.time()"),
        ("app/kernel/jobs/x.py", "time.time()"),
        ("app/web/x.py", "time.time()"),
        ("app/web/x.py", "@get('/', cache=60)\nasync def page(): ..."),
        ("app/web/x.py", "import arq"),
        ("app/domains/x.py", "from arq.connections import ArqRedis"),
    ],
)
def test_finds_what_is_banned(name: str, source: str) -> None:
    if source.startswith("async with"):
        source = f"async def f():\n    {source}"
    assert list(broken_bans(name, source))
