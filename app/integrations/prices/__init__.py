"""Prices in US dollars, for limits that are set in dollars; nothing is valued or paid by them.

`port.py` is what the portal needs of a price service; `coingecko.py` the client of one vendor;
`sandbox.py` that vendor's protocol served on loopback, for `make demo` and the tests.
"""

from __future__ import annotations

from app.integrations.prices.coingecko import CoinGecko
from app.integrations.prices.port import Prices
from app.settings import settings


def prices() -> Prices | None:
    """A client of the price service; nothing where none is set."""
    given = settings()
    if not given.prices_url:
        return None
    return CoinGecko(url=given.prices_url, api_key=given.prices_api_key)
