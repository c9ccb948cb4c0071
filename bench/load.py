"""P8: a thousand people on line, five hundred pages open, two web processes, two minutes of work.

The bare page (`contestants/bare_page.py`) serves the same people at the same pace in turns with the
portal, from two processes as well. Everybody has an address of their own, so every limit holds as it is.
"""

from __future__ import annotations

import socket
import sys
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from statistics import median, quantiles
from typing import Any

from app.kernel.crypto import digest_of
from app.web.authentication import csrf_token_of
from bench.contest import Contestant, contestant, contestants
from bench.crowd import Crowd, gather
from bench.dashboard import bare_environment
from bench.report import Aim, Finding, Series
from bench.serving import serving
from bench.sockets import portal_requests
from bench.stage import Stage
from tests.support.environment import free_port

PEOPLE = 1_000
SOCKETS = 500
PROCESSES = 2
EVERY_SECONDS = 20.0
WRITES = 0.1
# Two minutes of each in six turns.
TURNS = 6
TURN_SECONDS = 20.0
PATHS = ["/holdings", "/holdings", "/redemptions", "/destinations", "/notifications"]
GROWTH_MAX = 1.05


def run(stage: Stage, *, rounds: int) -> Finding:
    """`rounds` are turns. Raises AssertionError for an answer that was an error."""
    crowd = gather(stage, count=PEOPLE, payable=True)
    port = free_port()
    bare_ports = [str(free_port()) for _ in range(PROCESSES)]
    with ExitStack() as stack:
        start = stack.enter_context
        web = start(_portal(stage, port))
        for bare_port in bare_ports:
            environment = {**bare_environment(crowd), "BENCH_PORT": bare_port}
            start(contestant("bare_page", folder=stage.folder, environment=environment))
        listeners = start(contestant("listeners", folder=stage.folder))
        ours, bare = start(contestants("people", count=2, folder=stage.folder))
        listeners.ask("open", port=port, requests=portal_requests(stage, crowd, count=SOCKETS))
        ours.ask("come", ports=[port], people=people_of(stage, crowd))
        bare.ask("come", ports=[int(one) for one in bare_ports], people=[{}] * PEOPLE)
        stage.analyze()
        # A turn that does not count: templates are compiled, connections opened.
        for one in (ours, bare):
            _turn(one, paths=PATHS if one is ours else ["/"], seed=0)
        turns, bare_turns, memory = [], [], []
        for number in range(1, rounds + 1):
            turns.append(_turn(ours, paths=PATHS, seed=number))
            memory.append(sum(map(_resident_mb, web)))
            bare_turns.append(_turn(bare, paths=["/"], seed=number))
        assert listeners.ask("check")["open"] == SOCKETS, "every page stayed open"
    for turn in (*turns, *bare_turns):
        assert turn["error_count"] == 0, turn["errors"]
    assert turns[-1]["asked"] > 0, "redemptions were asked for"
    _print_parts(turns)
    return _finding(turns, bare_turns, memory)


def _finding(
    turns: Sequence[dict[str, Any]], bare_turns: Sequence[dict[str, Any]], memory: list[float]
) -> Finding:
    reads = _p99("reads, 99th percentile", turns, "read")
    writes = _p99("writes, 99th percentile", turns, "write")
    bare = _p99("the bare page, 99th percentile", bare_turns, "read")
    half = len(memory) // 2
    first = Series(name="memory of both, first half", unit="MB", readings=memory[:half])
    last = Series(name="memory of both, second half", unit="MB", readings=memory[half:])
    return Finding(
        name="P8",
        title=f"{PEOPLE:,} people on line, {SOCKETS} pages open, {PROCESSES} web processes",
        series=[reads, writes, bare, first, last],
        aims=[
            Aim(name="reads, to the bare page", work=reads, beside=bare, most=3),
            Aim(name="writes, to the bare page", work=writes, beside=bare, most=8),
            Aim(
                name="memory, second half to first",
                work=last,
                beside=first,
                most=GROWTH_MAX,
                rounds_min=1,
            ),
        ],
    )


def _turn(crowd: Contestant, *, paths: list[str], seed: int) -> dict[str, Any]:
    return crowd.ask(
        "live",
        seconds=TURN_SECONDS,
        every_seconds=EVERY_SECONDS,
        paths=paths,
        writes=WRITES,
        seed=seed,
    )


def _p99(name: str, turns: Sequence[dict[str, Any]], kind: str) -> Series:
    return Series(
        name=name,
        unit="ms",
        readings=[quantiles(turn["took_ms"][kind], n=100)[98] for turn in turns],
    )


def people_of(stage: Stage, crowd: Crowd) -> list[dict[str, str]]:
    """The crowd as `contestants/people.py` is told of it."""
    return [
        {
            "cookie": f"__Host-sid={visitor.secret}",
            "csrf_token": csrf_token_of(digest_of(visitor.secret)),
            "origin": stage.environment["PUBLIC_URL"],
            "subscription": str(visitor.subscription_id),
            "destination": str(visitor.destination_id),
        }
        for visitor in crowd.visitors
    ]


@contextmanager
def _portal(stage: Stage, port: int) -> Iterator[list[int]]:
    """Two web processes on one socket, the worker and the relay; gives the web processes' ids."""
    with socket.socket() as listener, ExitStack() as stack:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(("127.0.0.1", port))
        listener.listen(511)
        descriptor = listener.fileno()
        app = [sys.executable, "-m", "app"]
        for part in ("worker", "relay"):
            stack.enter_context(serving([*app, part], stage, {}))
        web = [
            stack.enter_context(
                serving(
                    [*app, "web", f"--fd={descriptor}"],
                    stage,
                    {"PORT": str(port)},
                    pass_fds=[descriptor],
                )
            )
            for _ in range(PROCESSES)
        ]
        yield [process.pid for process in web]


def _resident_mb(process_id: int) -> float:
    for line in Path(f"/proc/{process_id}/status").read_text().splitlines():
        if line.startswith("VmRSS:"):
            return int(line.split()[1]) / 1024
    raise AssertionError(f"process {process_id} has no memory")


def _print_parts(turns: Sequence[dict[str, Any]]) -> None:
    """What the server said in Server-Timing, by page."""
    print("\nServer-Timing, median and 99th percentile in ms:")
    for page in sorted({page for turn in turns for page in turn["parts_ms"]}):
        parts: dict[str, list[float]] = {}
        for turn in turns:
            for part, took in turn["parts_ms"].get(page, {}).items():
                parts.setdefault(part, []).extend(took)
        said = ", ".join(
            f"{part} {median(took):.1f}/{quantiles(took, n=100)[98]:.1f}"
            for part, took in parts.items()
            if len(took) > 1
        )
        print(f"  {page:<16}{said}")
