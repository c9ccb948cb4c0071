"""Custody: the vaults that hold a product's assets, and the payouts that leave them.

`port.py` is what the portal needs of a custodian; `hex_safe.py` the client of one vendor;
`sandbox.py` that vendor's protocol served on loopback, for `make demo` and the tests.
"""

from __future__ import annotations

import asyncio
from weakref import WeakKeyDictionary

from app.integrations.custody.hex_safe import HexSafe
from app.integrations.custody.port import Custody
from app.settings import settings

# A client's connections belong to the event loop they were opened in.
_clients: WeakKeyDictionary[asyncio.AbstractEventLoop, Custody] = WeakKeyDictionary()


def custody() -> Custody:
    """This process's client of the custodian, with its breaker. Needs a running event loop."""
    loop = asyncio.get_running_loop()
    client = _clients.get(loop)
    if client is None:
        client = HexSafe(url=settings().custody_url, api_key=settings().custody_api_key)
        _clients[loop] = client
    return client


def use_custody(client: Custody) -> None:
    """Let `client` stand for the custodian in this event loop, until `close_custody`: for a past
    that is loaded, whose payouts no custodian is asked for any more."""
    _clients[asyncio.get_running_loop()] = client


async def close_custody() -> None:
    """Close what `custody` opened in this event loop; the next call opens it anew."""
    client = _clients.pop(asyncio.get_running_loop(), None)
    if client is not None:
        await client.close()
