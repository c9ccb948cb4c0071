"""Which redemptions compliance approves as well."""

from __future__ import annotations

from decimal import Decimal

# Above it, not at it.
USD_MAX = Decimal(500_000)
# So many requests of one client within a day are unusual.
REQUESTS_MIN = 3


def reasons_for(
    *, asset: str, gross: Decimal, usd_price: Decimal | None, requests: int
) -> list[str]:
    """The rules that ask for compliance, in words; none where nothing is unusual.

    `usd_price` is of one `asset`, nothing where none is known: then the amount counts as too large.
    `requests` are those of the client within 24 hours, this one included.
    """
    reasons = []
    if usd_price is None:
        reasons.append(f"No price of {asset} in US dollars is known that is fresh enough")
    elif gross * usd_price > USD_MAX:
        reasons.append(f"Worth {gross * usd_price:,.2f} USD, above {USD_MAX:,} USD")
    if requests >= REQUESTS_MIN:
        reasons.append(f"Request number {requests} of this client within 24 hours")
    return reasons
