"""Our sandbox of CoinGecko's simple prices: over HTTP on loopback, for demo and tests alone.

`/api/v3` is the vendor's; `/control` is ours: it sets a price, or takes one away. It has no
authentication, so the sandbox binds to loopback.
"""

from __future__ import annotations

import time
from decimal import Decimal
from typing import Any

import msgspec
import uvicorn
from litestar import Litestar, Response, get, post
from litestar.params import FromQuery, JSONBody

from app.integrations.prices.coingecko import PATH

HOST = "127.0.0.1"
PRICES = {
    "bitcoin": "64000.00",
    "dai": "1.00",
    "ethereum": "3200.00",
    "tether": "1.00",
    "usd-coin": "1.00",
}


class Set(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """`usd` left out: the service no longer knows it. `age_seconds`: how old its price is."""

    id: str
    usd: str | None = None
    age_seconds: int = 0


def create_sandbox() -> Litestar:
    """The sandbox as an ASGI app, with prices of its own."""
    known: dict[str, tuple[str, int]] = {id_: (usd, 0) for id_, usd in PRICES.items()}

    @get(PATH)
    async def simple_price(ids: FromQuery[str], vs_currencies: FromQuery[str]) -> Response[bytes]:
        found: dict[str, Any] = {}
        for id_ in ids.split(","):
            if id_ in known and vs_currencies == "usd":
                usd, age_seconds = known[id_]
                found[id_] = {
                    # Digits as they are, as a JSON number.
                    "usd": msgspec.Raw(format(Decimal(usd), "f").encode()),
                    "last_updated_at": int(time.time()) - age_seconds,
                }
        return Response(msgspec.json.encode(found), media_type="application/json")

    @post("/control/prices", status_code=204)
    async def set_price(data: JSONBody[Set]) -> None:
        known.pop(data.id, None)
        if data.usd is not None:
            known[data.id] = (data.usd, data.age_seconds)

    return Litestar([simple_price, set_price], openapi_config=None)


def main(port: int) -> None:
    """Serve the sandbox on loopback until it is told to stop."""
    uvicorn.run(
        create_sandbox(),
        host=HOST,
        port=port,
        log_level="warning",
        access_log=False,
        timeout_graceful_shutdown=2,
    )
