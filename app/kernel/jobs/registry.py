"""Which function runs which kind of job."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

from app.kernel.jobs.values import Lane

if TYPE_CHECKING:
    from app.kernel.jobs.outside import OutsideCall

ATTEMPTS_MAX = 12
TIMEOUT_SECONDS = 30.0


class InsideFunction(Protocol):
    async def __call__(self, *, payload: dict[str, Any]) -> None: ...


KeptWhile = Callable[[dict[str, Any]], Awaitable[str]]
OutsideFunction = Callable[["OutsideCall"], Awaitable[None]]


class RetryLater(Exception):
    """Raised by a job that has to wait for something: it is undone and runs again later.

    A wait that was planned is no failure: it may be repeated without end.
    """

    def __init__(self, delay_seconds: float, reason: str) -> None:
        super().__init__(reason)
        self.delay_seconds = delay_seconds
        self.reason = reason


class FailedForGood(Exception):
    """Raised by a job that no further attempt can help: it becomes a dead letter at once."""


class UnknownJob(Exception):
    """A row of a kind that this process does not know: an older version, during a deploy."""


@dataclass(frozen=True, kw_only=True)
class JobSpec:
    """`function` for a job within one transaction, or `outside` for one that calls the outside.

    `undone` says what stays undone when a dead one is discarded; `kept_while` says why one must not
    be, nothing where it may: it is asked in the unit of work that would discard it.
    """

    kind: str
    function: InsideFunction | None = None
    outside: OutsideFunction | None = None
    lane: Lane = Lane.inside
    attempts_max: int = ATTEMPTS_MAX
    timeout_seconds: float = TIMEOUT_SECONDS
    undone: str = ""
    kept_while: KeptWhile | None = None
    together: bool = False


_specs: dict[str, JobSpec] = {}
_sealed = False


def job(
    kind: str,
    *,
    attempts_max: int = ATTEMPTS_MAX,
    timeout_seconds: float = TIMEOUT_SECONDS,
    undone: str = "",
    together: bool = False,
) -> Callable[[InsideFunction], InsideFunction]:
    """Declare `async def f(*, payload)` as what runs jobs of `kind`.

    It runs inside a unit of work of the job's tenant, as the portal itself, which also marks the
    job done: whatever it wrote happens once, however often it is started. It must not wait for
    the outside; that is for `@outside_job`. `together`: it only adds rows and locks nothing that
    people wait for, so that several may share a transaction.
    """

    def declare(function: InsideFunction) -> InsideFunction:
        register(
            JobSpec(
                kind=kind,
                function=function,
                attempts_max=attempts_max,
                timeout_seconds=timeout_seconds,
                undone=undone,
                together=together,
            )
        )
        return function

    return declare


def outside_job(
    kind: str,
    *,
    lane: Lane = Lane.outside,
    attempts_max: int = ATTEMPTS_MAX,
    timeout_seconds: float = TIMEOUT_SECONDS,
    undone: str = "",
    kept_while: KeptWhile | None = None,
) -> Callable[[OutsideFunction], OutsideFunction]:
    """Declare `async def f(call: OutsideCall)` as what runs jobs of `kind` that call the outside.

    No transaction is open while it waits; it works in short ones, `call.unit_of_work()`, and ends
    in `call.completing()`. What it says to the outside may be said twice: name it by the job's id.
    """

    def declare(function: OutsideFunction) -> OutsideFunction:
        register(
            JobSpec(
                kind=kind,
                outside=function,
                lane=lane,
                attempts_max=attempts_max,
                timeout_seconds=timeout_seconds,
                undone=undone,
                kept_while=kept_while,
            )
        )
        return function

    return declare


def register(spec: JobSpec) -> None:
    if spec.kind in _specs:
        raise RuntimeError(f"two functions for jobs of kind {spec.kind!r}")
    _specs[spec.kind] = spec


def spec_of(kind: str) -> JobSpec:
    try:
        return _specs[kind]
    except KeyError:
        raise UnknownJob(f"no function runs jobs of kind {kind!r}") from None


def is_known(kind: str) -> bool:
    return kind in _specs


def may_share(kind: str) -> bool:
    """Whether jobs of `kind` may run in one transaction with others of their tenant."""
    spec = _specs.get(kind)
    return spec is not None and spec.together


def lane_of(kind: str) -> Lane:
    """Where jobs of `kind` wait; a kind that nobody declared costs one look into the database."""
    spec = _specs.get(kind)
    return Lane.inside if spec is None else spec.lane


def known_kinds() -> list[str]:
    return sorted(_specs)


def kinds_of(lane: Lane) -> list[str]:
    return [kind for kind, spec in _specs.items() if spec.lane is lane]


def seal() -> None:
    """Every declaration has been imported; said once by `app.registry.load()`."""
    global _sealed
    _sealed = True


def is_sealed() -> bool:
    return _sealed
