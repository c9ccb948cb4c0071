"""The unit of work: the one place that opens a transaction.

Piccolo's own `transaction()` leaks a pooled connection on every failed commit, so it is banned (as
are `batch`, `run_sync` and `node=`): tests/architecture enforces it, and the engine below refuses
every query outside a unit of work.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager, suppress
from contextvars import ContextVar
from datetime import datetime
from typing import Any, Literal, ParamSpec, TypeVar
from uuid import UUID

import asyncpg
import msgspec
from piccolo.engine.postgres import PostgresEngine

from app.kernel.actors import Actor
from app.kernel.errors import Unavailable
from app.kernel.real_time import note_database_time, own_seconds
from app.kernel.trail import Trail, prepared

Isolation = Literal["read committed", "repeatable read", "serializable"]
Connection = asyncpg.Connection | asyncpg.pool.PoolConnectionProxy
P = ParamSpec("P")
R = TypeVar("R")

RETRIES_MAX = 5
ACQUIRE_TIMEOUT_SECONDS = 5
CLOSE_SECONDS_MAX = 5
# The server ends a transaction that has been open for longer: what is older than this is final.
TRANSACTION_SECONDS_MAX = 60


class Engine(PostgresEngine):
    """Piccolo's engine, but every query runs on the open unit of work or not at all."""

    async def check_version(self) -> None:
        """Importing the tables must not connect to anything."""

    async def prep_database(self) -> None:
        """Extensions belong to migrations."""

    async def _run_in_pool(self, query: str, args: Sequence[Any] | None = None) -> Any:
        raise RuntimeError("a query needs an open unit of work")

    async def _run_in_new_connection(self, query: str, args: Sequence[Any] | None = None) -> Any:
        raise RuntimeError("a query needs an open unit of work")


DB = Engine(config={})


class UnitOfWork:
    """One open transaction: its tenant, its actor, and the business time it works at.

    `connection` is also all that Piccolo asks of a transaction object. `trail` gathers what is
    written with the commit. `loads_past`: it works at a time of its own, see `unit_of_work`.
    """

    __slots__ = (
        "actor",
        "connection",
        "depth",
        "loads_past",
        "now",
        "read_only",
        "tenant_id",
        "trail",
    )

    def __init__(
        self,
        connection: Connection,
        tenant_id: UUID | None,
        actor: Actor,
        now: datetime,
        read_only: bool,
    ) -> None:
        self.connection = connection
        self.tenant_id = tenant_id
        self.actor = actor
        self.now = now
        self.read_only = read_only
        self.depth = 0
        self.loads_past = False
        self.trail = Trail()

    @property
    def tenant(self) -> UUID:
        """The tenant this works in; raises where none is set."""
        if self.tenant_id is None:
            raise RuntimeError("this unit of work has no tenant")
        return self.tenant_id

    async def enter_tenant(self, tenant_id: UUID) -> None:
        """Take the tenant of a row claimed across tenants; allowed once, from none."""
        if self.tenant_id is not None:
            raise RuntimeError("a unit of work never changes its tenant")
        await self.connection.execute(f"SET LOCAL app.tenant_id = '{tenant_id}'")
        self.tenant_id = tenant_id


_current: ContextVar[UnitOfWork | None] = ContextVar("unit_of_work", default=None)
_pool: asyncpg.Pool | None = None


async def _no_reset(connection: Any) -> None:
    """Only `SET LOCAL` is ever used, so there is nothing to reset: one round trip less."""


# What `pg_stat_activity` calls our connections; while a transaction is open, its business time follows,
# and the real one in seconds since 1970. PostgreSQL keeps 63 characters.
_APPLICATION = "stakehold"
# Several statements in one message can neither take parameters nor return rows. So this one is prepared
# on every connection, and the time comes back as a setting that the server reports to its client.
_UNIT_BEGIN = f"""
PREPARE unit_begin (text, text) AS SELECT set_config('app.tenant_id', $1, true),
  set_config('app.actor_id', $2, true),
  set_config('application_name', '{_APPLICATION} ' || app_now() || ' '
    || extract(epoch FROM clock_timestamp()), true)
"""


async def _prepare(connection: asyncpg.Connection) -> None:
    """JSONB goes in and out as Python values (so Piccolo, which writes text, must not write it)."""
    await connection.set_type_codec(
        "jsonb",
        schema="pg_catalog",
        encoder=lambda value: msgspec.json.encode(value).decode(),
        decoder=msgspec.json.decode,
    )
    # For what a process decides before its first unit of work.
    asked = own_seconds()
    told = await connection.fetchval("SELECT extract(epoch FROM clock_timestamp())::float8")
    note_database_time(told, asked=asked, answered=own_seconds())
    # Before the first migration there is nothing to prepare them for: see `_live_connection`.
    with suppress(asyncpg.UndefinedFunctionError, asyncpg.UndefinedTableError):
        await _prepare_statements(connection)


async def _prepare_statements(connection: Connection) -> None:
    """What begins and ends each unit of work, planned once a connection."""
    cluster_id = await connection.fetchval("SELECT cluster_identifier()")
    await connection.execute(";".join((_UNIT_BEGIN, *prepared(cluster_id))))


async def start_pool(url: str, *, size: int = 20) -> None:
    """Open this process's connections; the time-outs hold for every statement we ever run."""
    global _pool
    if _pool is not None:
        raise RuntimeError("the pool is already open")
    _pool = await asyncpg.create_pool(
        url,
        min_size=1,
        max_size=size,
        init=_prepare,
        reset=_no_reset,
        command_timeout=30,
        server_settings={
            "application_name": _APPLICATION,
            "statement_timeout": "20000",
            "lock_timeout": "8000",
            "idle_in_transaction_session_timeout": "30000",
            # A killed process's locks go within half a second, even in the middle of a statement.
            "client_connection_check_interval": "500",
            "transaction_timeout": str(TRANSACTION_SECONDS_MAX * 1000),
            "timezone": "UTC",
        },
    )


async def stop_pool() -> None:
    global _pool
    if _pool is not None:
        pool, _pool = _pool, None
        try:
            async with asyncio.timeout(CLOSE_SECONDS_MAX):
                await pool.close()
        except TimeoutError:
            pool.terminate()


def pool() -> asyncpg.Pool:
    """The open pool; for what must run outside any tenant's transaction (health, sign-in look-up)."""
    if _pool is None:
        raise RuntimeError("the database pool is not open")
    return _pool


def current() -> UnitOfWork:
    """The open unit of work; raises where there is none."""
    unit = _current.get()
    if unit is None:
        raise RuntimeError("this needs an open unit of work")
    return unit


@asynccontextmanager
async def unit_of_work(
    *,
    tenant: UUID | None,
    actor: Actor,
    isolation: Isolation = "read committed",
    read_only: bool = False,
    at: datetime | None = None,
) -> AsyncIterator[UnitOfWork]:
    """Open a transaction in `tenant` for `actor`; commits when the body ends, else rolls back.

    `at` sets another business time than now: for data that is loaded with a past of its own, of
    which nobody gets a mail (`loads_past`).
    Nests as a savepoint, in the same tenant, with its own actor and `at`. Raises `Unavailable` when
    no connection can be had or it breaks, and whatever the server says of a failed commit; it never
    retries: that is for `retrying`.
    """
    outer = _current.get()
    if outer is not None:
        if tenant != outer.tenant_id:
            raise RuntimeError("a nested unit of work keeps the tenant of the outer one")
        async with savepoint():
            with _acting(outer, actor, at or outer.now, outer.loads_past or at is not None):
                yield outer
        return
    async with _connection(_begin(tenant, actor, isolation, read_only)) as connection:
        try:
            now = _business_time(connection)
            unit = UnitOfWork(connection, tenant, actor, at or now, read_only)
            unit.loads_past = at is not None
            token = _current.set(unit)
            piccolo = DB.current_transaction.set(unit)  # type: ignore[arg-type]
            try:
                yield unit
            finally:
                DB.current_transaction.reset(piccolo)
                _current.reset(token)
            ended = await connection.execute(unit.trail.written(unit.tenant_id) + "COMMIT")
        except BaseException:
            # A broken connection cannot roll back, and need not: the server does.
            if not _is_gone(connection) and connection.is_in_transaction():
                await asyncio.shield(connection.execute("ROLLBACK"))
            raise
        if ended != "COMMIT":
            # The server answers ROLLBACK, without an error, where the body swallowed one.
            raise RuntimeError("a statement had failed, so nothing of this was committed")


def _begin(tenant: UUID | None, actor: Actor, isolation: Isolation, read_only: bool) -> str:
    """One message: the transaction, whose it is, and the business time it works at.

    UUIDs are the only values written into it.
    """
    mode = "READ ONLY" if read_only else "READ WRITE"
    return (
        f"BEGIN ISOLATION LEVEL {isolation.upper()} {mode};"
        f"EXECUTE unit_begin ('{tenant or ''}', '{actor.id or ''}')"
    )


def _business_time(connection: Connection) -> datetime:
    """What `unit_begin` has read."""
    return datetime.fromisoformat(_reported(connection)[0])


def _note_real_time(connection: Connection, asked: float) -> None:
    """What `unit_begin` has read of the database's clock."""
    note_database_time(float(_reported(connection)[1]), asked=asked, answered=own_seconds())


def _reported(connection: Connection) -> tuple[str, str]:
    """Business time, in ISO's words, and real time."""
    reported: str = connection.get_settings().application_name
    business, _, real = reported.removeprefix(_APPLICATION).strip().rpartition(" ")
    return business, real


@contextmanager
def acting(*, actor: Actor, at: datetime) -> Iterator[None]:
    """In the open unit of work, `actor` at the business time `at`: a step of a past that is loaded.

    Unlike a nested unit of work it costs nothing, and undoes nothing: where the body raises, let the
    whole of it be rolled back.
    """
    with _acting(current(), actor, at, loads_past=True):
        yield


@contextmanager
def _acting(unit: UnitOfWork, actor: Actor, now: datetime, loads_past: bool) -> Iterator[None]:
    before = unit.actor, unit.now, unit.loads_past
    unit.actor, unit.now, unit.loads_past = actor, now, loads_past
    try:
        yield
    finally:
        unit.actor, unit.now, unit.loads_past = before


# A commit whose answer was lost may have been carried out: only a repetition under the same key, or
# a look, can tell.
_BROKEN_OFF = (
    "The database went away in the middle of this; look whether it was done, or send it again"
    " with the same Idempotency-Key"
)


# What a connection raises that the server, or the way there, has cut off.
_CUT_OFF = (
    asyncpg.AdminShutdownError,
    asyncpg.CrashShutdownError,
    asyncpg.PostgresConnectionError,
    asyncpg.InterfaceError,
    asyncpg.InternalClientError,
    ConnectionError,
)
# A restarted server leaves every pooled connection dead: so many are tried before giving up.
_DEAD_CONNECTIONS_MAX = 25


@asynccontextmanager
async def _connection(first: str = "") -> AsyncIterator[Connection]:
    """A pooled connection on which `first` has been run. One that died idle is replaced: nothing
    had been asked of it yet."""
    connection = await _live_connection(first)
    try:
        yield connection
    except (asyncpg.AdminShutdownError, asyncpg.CrashShutdownError) as error:
        raise Unavailable(_BROKEN_OFF) from error
    except _CUT_OFF as error:
        if _is_gone(connection):
            raise Unavailable(_BROKEN_OFF) from error
        raise
    finally:
        if not _is_gone(connection) and connection.is_in_transaction():
            # A cancelled roll-back or a commit cut short: this connection's state is unknown.
            _terminate(connection)
        await _release(connection)


def _is_gone(connection: Connection) -> bool:
    """Whether nothing can be asked of it any more. The pool takes a connection back by itself when it
    breaks, and then even this question is an error.
    """
    try:
        return bool(connection.is_closed())
    except asyncpg.InterfaceError:
        return True


async def _release(connection: asyncpg.pool.PoolConnectionProxy) -> None:
    """Give it back to the pool. Where it breaks at this very moment the pool takes it itself: that
    concerns nobody any more, least of all somebody whose commit has been carried out.
    """
    with suppress(*_CUT_OFF):
        # A cancellation does not reach it: the pool sees to that.
        await pool().release(connection, timeout=ACQUIRE_TIMEOUT_SECONDS)


def _terminate(connection: Connection) -> None:
    with suppress(asyncpg.InterfaceError):
        connection.terminate()


async def _live_connection(first: str) -> asyncpg.pool.PoolConnectionProxy:
    for _ in range(_DEAD_CONNECTIONS_MAX):
        connection = await _acquired()
        try:
            if first:
                asked = own_seconds()
                await _execute_first(connection, first)
                _note_real_time(connection, asked)
            return connection
        except _CUT_OFF:
            _terminate(connection)
            await _release(connection)
        except BaseException:
            _terminate(connection)
            await _release(connection)
            raise
    raise Unavailable("The database keeps hanging up; try again in a moment")


async def _execute_first(connection: Connection, first: str) -> None:
    try:
        await connection.execute(first)
    except asyncpg.InvalidSQLStatementNameError:
        # It was opened before the database was migrated.
        await connection.execute("ROLLBACK")
        await _prepare_statements(connection)
        await connection.execute(first)


async def _acquired() -> asyncpg.pool.PoolConnectionProxy:
    try:
        # The pool's own time-out would make a task of it.
        async with asyncio.timeout(ACQUIRE_TIMEOUT_SECONDS):
            return await pool().acquire()
    except (TimeoutError, OSError, *_CUT_OFF) as error:
        raise Unavailable("The database is not answering; try again in a moment") from error
    except (asyncpg.CannotConnectNowError, asyncpg.TooManyConnectionsError) as error:
        raise Unavailable("The database is restarting; try again in a moment") from error


@asynccontextmanager
async def savepoint() -> AsyncIterator[None]:
    """What the body did is undone when it raises, without ending the unit of work."""
    unit = current()
    unit.depth += 1
    name = f"s{unit.depth}"
    mark = unit.trail.mark()
    try:
        await unit.connection.execute(f"SAVEPOINT {name}")
        try:
            yield
        except BaseException:
            unit.trail.back_to(mark)
            if not _is_gone(unit.connection):
                await unit.connection.execute(f"ROLLBACK TO {name}; RELEASE {name}")
            raise
        await unit.connection.execute(f"RELEASE {name}")
    finally:
        unit.depth -= 1


def retrying(call: Callable[P, Awaitable[R]]) -> Callable[P, Awaitable[R]]:
    """Run the whole of `call` again where the server asked for it: a serialization failure or a
    deadlock, at most five times, with jitter. `call` opens its own unit of work.
    """

    async def again(*args: P.args, **kwargs: P.kwargs) -> R:
        attempt = 0
        while True:
            try:
                return await call(*args, **kwargs)
            except (asyncpg.SerializationError, asyncpg.DeadlockDetectedError):
                attempt += 1
                if attempt >= RETRIES_MAX or _current.get() is not None:
                    raise
                await asyncio.sleep(random.uniform(0.005, 0.02) * 2**attempt)

    return again


async def ask_across_tenants(sql: str, *args: Any) -> list[asyncpg.Record]:
    """One statement outside every tenant, in a transaction and a round trip of its own: for calls of
    the dispatcher's functions that must answer before a tenant is known. Raises `Unavailable`.
    """
    async with _connection() as connection:
        return await connection.fetch(sql, *args)


async def fetch(sql: str, *args: Any) -> list[asyncpg.Record]:
    return await current().connection.fetch(sql, *args)


async def fetch_row(sql: str, *args: Any) -> asyncpg.Record | None:
    return await current().connection.fetchrow(sql, *args)


async def fetch_value(sql: str, *args: Any) -> Any:
    return await current().connection.fetchval(sql, *args)


async def matching(sql: str, *args: Any, limit: int) -> int:
    """How many rows `sql` (from its FROM on) finds; not counted beyond `limit`, so that a long list
    costs no more than a page of it."""
    found: int = await current().connection.fetchval(
        f"SELECT count(*) FROM (SELECT 1 {sql} LIMIT {limit:d}) counted", *args
    )
    return found


async def execute(sql: str, *args: Any) -> str:
    return await current().connection.execute(sql, *args)
