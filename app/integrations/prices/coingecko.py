"""The HTTP client of CoinGecko's simple prices. It only reads, so that it may ask again."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from decimal import Decimal

import httpx
import msgspec
import stamina

from app.integrations.certificates import certificates
from app.integrations.prices.port import PricesUnavailable, UsdPrice

PATH = "/api/v3/simple/price"
KEY_HEADER = "x-cg-pro-api-key"
# The vendor's name of each asset that we know. What is not here has no price.
IDS = {
    "BTC": "bitcoin",
    "DAI": "dai",
    "ETH": "ethereum",
    "USDC": "usd-coin",
    "USDT": "tether",
}
TIMEOUTS = httpx.Timeout(connect=1.0, read=3.0, write=3.0, pool=1.0)
ATTEMPTS_MAX = 3
# What is in numeric(38,18), with room for any price that there ever was.
USD_MAX = Decimal(10) ** 12
USD_MIN = Decimal(1).scaleb(-18)


class WirePrice(msgspec.Struct, frozen=True):
    usd: Decimal
    last_updated_at: int


class CoinGecko:
    """Implements `port.Prices`. Opens a connection a call: it is asked once a minute."""

    source = "CoinGecko"

    def __init__(self, *, url: str, api_key: str = "") -> None:
        self._url = url.rstrip("/")
        self._headers = {KEY_HEADER: api_key} if api_key else {}

    async def usd_prices(self, *, assets: Sequence[str]) -> list[UsdPrice]:
        ids = {IDS[asset]: asset for asset in sorted(assets) if asset in IDS}
        if not ids:
            return []
        try:
            answer = await self._ask(",".join(ids))
            # To `Decimal` from the digits as they came: never through a float.
            found = msgspec.json.decode(answer.content, type=dict[str, WirePrice])
            return [
                UsdPrice(
                    asset=ids[id_],
                    usd=_sane(price.usd),
                    as_of=datetime.fromtimestamp(price.last_updated_at, UTC),
                )
                for id_, price in found.items()
                if id_ in ids
            ]
        except (httpx.HTTPError, msgspec.MsgspecError, ValueError, OverflowError, OSError) as error:
            raise PricesUnavailable(repr(error)) from error

    @stamina.retry(on=httpx.TransportError, attempts=ATTEMPTS_MAX, wait_initial=0.1, wait_max=1.0)
    async def _ask(self, ids: str) -> httpx.Response:
        async with httpx.AsyncClient(
            base_url=self._url,
            timeout=TIMEOUTS,
            follow_redirects=False,
            trust_env=False,
            verify=certificates(),
        ) as http:
            answer = await http.get(
                PATH,
                params={"ids": ids, "vs_currencies": "usd", "include_last_updated_at": "true"},
                headers=self._headers,
            )
        answer.raise_for_status()
        if answer.status_code != 200:
            raise ValueError(f"status {answer.status_code}")
        return answer


def _sane(usd: Decimal) -> Decimal:
    if not usd.is_finite() or not USD_MIN <= usd <= USD_MAX:
        raise ValueError(f"{usd} is no price")
    return usd
