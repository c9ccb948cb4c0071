"""People on line: each reads a page or asks for something now and then, over a connection of their own.

A person who was quiet for longer than a server keeps a connection opens another, as a browser would;
that is part of what their answer takes.
"""

from __future__ import annotations

import asyncio
import random
import re
import time
from collections import defaultdict
from typing import Any
from urllib.parse import urlencode

from bench.contestants.visitors import Connection
from bench.protocol import run, serve

# Servers here close what was quiet for five seconds.
KEPT_SECONDS = 4.0
# A quote holds for a minute, to whoever sends it in time.
QUOTE_KEPT_SECONDS = 50.0
ERRORS_MAX = 20
FORM = "application/x-www-form-urlencoded"
_QUOTE = re.compile(rb'name="quote_id" value="([^"]+)"')
_TIMING = re.compile(rb"\r\nserver-timing: ([^\r]*)", re.IGNORECASE)
_PART = re.compile(r"([a-z]+);dur=([0-9.]+)")


class Person:
    """`given` says who: cookie, token, origin, subscription, destination; or nothing, for a bare page."""

    def __init__(self, number: int, port: int, given: dict[str, str]) -> None:
        self._connection = Connection("127.0.0.1", port, number)
        self._used_at = 0.0
        self._given = given
        self._quote: str | None = None
        self._quoted_at = 0.0
        self.has_asked = False

    @property
    def is_deciding(self) -> bool:
        """Has been quoted a price that still holds, and has not asked for anything yet."""
        held = time.monotonic() - self._quoted_at < QUOTE_KEPT_SECONDS
        return self._quote is not None and held and not self.has_asked

    async def read(self, path: str) -> tuple[int, bytes, bytes]:
        return await self._ask(path)

    async def write(self) -> tuple[int, bytes, bytes]:
        """What a redemption would come to; and then, once, the redemption."""
        given = self._given
        if not given:
            return await self._ask("/")
        form = {
            "csrf_token": given["csrf_token"],
            "by": "units",
            "units": "10",
            "destination_id": given["destination"],
        }
        if self.is_deciding:
            form |= {"subscription_id": given["subscription"], "quote_id": self._quote}
            form["idempotency_key"] = f"bench-{self._quote}"
            answer = await self._ask("/redemptions", form)
            self.has_asked = answer[0] == 303
            return answer
        answer = await self._ask(f"/subscriptions/{given['subscription']}/redeem", form)
        found = _QUOTE.search(answer[2])
        self._quote = found[1].decode() if found else None
        self._quoted_at = time.monotonic()
        return answer

    async def _ask(self, path: str, form: dict[str, str] | None = None) -> tuple[int, bytes, bytes]:
        now = time.monotonic()
        if now - self._used_at > KEPT_SECONDS:
            self._connection.close()
        headers = {}
        if self._given:
            headers = {"Cookie": self._given["cookie"]}
        if form is None:
            answer = await self._connection.ask(path, headers)
        else:
            headers |= {"Content-Type": FORM, "Origin": self._given["origin"]}
            body = urlencode(form).encode()
            answer = await self._connection.ask(path, headers, method="POST", body=body)
        self._used_at = time.monotonic()
        return answer


class Crowd:
    def __init__(self) -> None:
        self._people: list[Person] = []

    async def come(self, *, ports: list[int], people: list[dict[str, str]]) -> dict[str, Any]:
        self._people = [
            Person(number, ports[number % len(ports)], given) for number, given in enumerate(people)
        ]
        return {}

    async def live(
        self, *, seconds: float, every_seconds: float, paths: list[str], writes: float, seed: int
    ) -> dict[str, Any]:
        """For so long everybody does something every so often; a share of it are `writes`, and who
        was quoted a price goes on to ask for it.

        Answers milliseconds by kind, what went wrong, and how long the server said that its parts took.
        """
        self._took: dict[str, list[float]] = defaultdict(list)
        self._parts: dict[str, dict[str, list[float]]] = defaultdict(lambda: defaultdict(list))
        self._errors: list[str] = []
        until = time.monotonic() + seconds
        await asyncio.gather(
            *(
                self._one(person, until, every_seconds, paths, writes, random.Random(f"{seed}{n}"))
                for n, person in enumerate(self._people)
            )
        )
        return {
            "took_ms": self._took,
            "errors": self._errors[:ERRORS_MAX],
            "error_count": len(self._errors),
            "parts_ms": self._parts,
            "asked": sum(person.has_asked for person in self._people),
        }

    async def _one(
        self,
        person: Person,
        until: float,
        every_seconds: float,
        paths: list[str],
        writes: float,
        chance: random.Random,
    ) -> None:
        while True:
            pause = chance.expovariate(1 / every_seconds)
            if time.monotonic() + pause > until:
                return
            await asyncio.sleep(pause)
            is_write = person.is_deciding or chance.random() < writes
            path = chance.choice(paths)
            started = time.perf_counter()
            try:
                status, head, _ = await (person.write() if is_write else person.read(path))
            except (OSError, EOFError) as error:
                self._errors.append(f"{path}: {error!r}")
                continue
            kind = "write" if is_write else "read"
            self._took[kind].append((time.perf_counter() - started) * 1000)
            if status not in (200, 303):
                self._errors.append(f"{kind} {path}: {status} {head[:300]!r}")
            found = _TIMING.search(head)
            parts = _PART.findall(found[1].decode()) if found else []
            for part, took in parts:
                self._parts["write" if is_write else path][part].append(float(took))


async def main() -> None:
    crowd = Crowd()
    await serve({"come": crowd.come, "live": crowd.live})


if __name__ == "__main__":
    run(main)
