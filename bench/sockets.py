"""P11, its first half: one hint to a thousand open pages, beside Litestar's channels and
`websockets.broadcast`. `commit_to_screen` is the other half.

Each server is one process, woken by the same publication on Redis; the next hint is published when
every socket has the one before.
"""

from __future__ import annotations

import sys
from contextlib import ExitStack

from app.domains.identity.values import TenantView
from app.kernel.actors import Actor
from app.kernel.outbox.topics import live_channel
from app.web.live_topics import sign_topics
from app.web.viewer import Viewer
from bench.contest import Contestant, contestant, interleaved, rate_of
from bench.crowd import Crowd, Visitor, gather
from bench.report import Aim, Finding, Series
from bench.serving import serving
from bench.stage import Stage
from tests.support.environment import free_port

SOCKETS = 1_000
# A person may have twenty pages open.
PEOPLE = SOCKETS // 20
HINTS = 20
MESSAGE = '{"topics":["bench"],"version":"VERSION"}'


def run(stage: Stage, *, rounds: int) -> Finding:
    """Raises AssertionError where a socket was not told each hint once."""
    crowd = gather(stage, count=PEOPLE)
    python = str(stage.peers_python)
    redis = {"BENCH_REDIS_URL": stage.environment["REDIS_URL"]}
    ports = {name: str(free_port()) for name in ("portal", "channels", "broadcast")}
    channels_command = [
        python, "-m", "uvicorn", "--factory", "bench.contestants.channels_app:create_app",
        "--port", ports["channels"], "--ws", "websockets-sansio", "--log-level", "warning",
    ]  # fmt: skip
    commands = {
        "portal": [sys.executable, "-m", "app", "web"],
        "channels": channels_command,
        "broadcast": [python, "-m", "bench.contestants.broadcaster"],
    }
    requests = {
        "portal": portal_requests(stage, crowd, count=SOCKETS),
        "channels": [["/bench"]] * SOCKETS,
        "broadcast": [["/"]] * SOCKETS,
    }
    channel = {
        "portal": live_channel(crowd.tenant_id),
        "channels": "bench",
        "broadcast": "bench-broadcast",
    }
    with ExitStack() as stack:
        listeners: dict[str, Contestant] = {}
        for name, command in commands.items():
            stack.enter_context(serving(command, stage, {**redis, "PORT": ports[name]}))
            one = stack.enter_context(contestant("listeners", folder=stage.folder))
            one.ask("open", port=int(ports[name]), requests=requests[name])
            listeners[name] = one
        said = dict.fromkeys(listeners, 0)

        def spread(name: str) -> float:
            first, said[name] = said[name], said[name] + HINTS
            return rate_of(
                [listeners[name]],
                "spread",
                channel=channel[name],
                message=MESSAGE,
                first=first,
                count=HINTS,
            )

        taken = interleaved(
            {name: lambda name=name: spread(name) for name in listeners},  # type: ignore[misc]
            rounds=rounds,
        )
        for name, one in listeners.items():
            assert one.ask("check") == {"told": said[name] * SOCKETS, "open": SOCKETS}, name
    work = Series(name="the portal's hints", unit="/s", readings=taken["portal"])
    peer = Series(name="Litestar's channels", unit="/s", readings=taken["channels"])
    limit = Series(name="websockets.broadcast", unit="/s", readings=taken["broadcast"])
    return Finding(
        name="P11",
        title=f"hints delivered to {SOCKETS:,} sockets of one process",
        series=[work, peer, limit],
        aims=[
            Aim(name="to Litestar's channels", work=work, beside=peer, least=1),
            Aim(name="to websockets.broadcast", work=work, beside=limit, least=0.5),
        ],
    )


def portal_requests(stage: Stage, crowd: Crowd, *, count: int) -> list[list[str]]:
    """Pages of the crowd, as many each, that listen to the topic of MESSAGE."""
    origin = f"Origin: {stage.environment['PUBLIC_URL']}"
    tokens = [(_token(crowd, visitor), visitor.secret) for visitor in crowd.visitors]
    return [
        [f"/live?topics={token}", origin, f"Cookie: __Host-sid={secret}"]
        for token, secret in (tokens[number % len(tokens)] for number in range(count))
    ]


def _token(crowd: Crowd, visitor: Visitor) -> str:
    viewer = Viewer(
        actor=Actor(id=visitor.membership_id, name=visitor.name, role="member"),
        tenant=TenantView(id=crowd.tenant_id, slug="", name="", time_zone="UTC", locale="en"),
        email="",
        credential_id=visitor.session_id,
        digest=b"any",
    )
    return sign_topics(viewer, ["bench"])
