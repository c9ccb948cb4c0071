"""The limit of a page: an ASGI function with the portal's own query and template, and nothing else.

One transaction that sees the client's rows, the page's reads, the whole page rendered. No framework,
session, permission, token, limit, header or log.
"""

from __future__ import annotations

import asyncio
import json
import os
from typing import Any
from uuid import UUID

import uvicorn

from app.domains.identity.public import Role, TenantView, permissions_of
from app.domains.investments.queries.dashboards import holdings_page
from app.kernel.actors import Actor
from app.kernel.database import current, start_pool, stop_pool, unit_of_work
from app.kernel.ids import new_id
from app.web.filters import Look, looking
from app.web.navigation import navigation
from app.web.rendering import environment
from app.web.viewer import Viewer
from bench.protocol import run, serve


class BarePage:
    def __init__(self, tenant_id: UUID, membership_id: UUID, name: str) -> None:
        actor = Actor(
            id=membership_id,
            name=name,
            role=Role.member.value,
            permissions=permissions_of(Role.member),
        )
        tenant = TenantView(id=tenant_id, slug="bench", name="Bench", time_zone="UTC", locale="en")
        self._viewer = Viewer(actor=actor, tenant=tenant, email="", credential_id=new_id())
        self._frame = {
            "viewer": self._viewer,
            "request_path": "/holdings",
            "unread": 0,
            "theme": "auto",
            "demo": False,
            "csrf_token": "",
            "nav": navigation(actor),
            "live": "",
            "may_search": False,
        }

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] != "http":
            return
        viewer = self._viewer
        async with unit_of_work(tenant=viewer.tenant.id, actor=viewer.actor, read_only=True):
            page, now = await holdings_page(), current().now
        with looking(Look("en", "UTC", now)):
            template = environment().get_template("investments/holdings.html")
            body = template.render({**self._frame, "now": now, "page": page}).encode()
        headers = [
            (b"content-type", b"text/html; charset=utf-8"),
            (b"content-length", str(len(body)).encode()),
        ]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await send({"type": "http.response.body", "body": body})


async def main() -> None:
    person = json.loads(os.environ["BENCH_PERSON"])
    page = BarePage(UUID(person["tenant_id"]), UUID(person["membership_id"]), person["name"])
    await start_pool(os.environ["DATABASE_URL"], size=20)
    config = uvicorn.Config(
        page, port=int(os.environ["BENCH_PORT"]), http="httptools", access_log=False, lifespan="off"
    )
    server = uvicorn.Server(config)
    serving = asyncio.create_task(server._serve())
    while not server.started:
        await asyncio.sleep(0.02)
    await serve({})
    server.should_exit = True
    await serving
    await stop_pool()


if __name__ == "__main__":
    run(main)
