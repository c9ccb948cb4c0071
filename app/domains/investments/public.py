"""What other parts of the portal may ask of investment products."""

from app.domains.investments.calculations.term import matures_on
from app.domains.investments.operations.client_open import open_client
from app.domains.investments.operations.custody_fund import fund_custody_account
from app.domains.investments.operations.deposit_confirm import confirm_deposit
from app.domains.investments.operations.destination_add import add_destination
from app.domains.investments.operations.nav_publish import publish_nav
from app.domains.investments.operations.price_record import record_prices
from app.domains.investments.operations.product_open import CustodySpec, ProductSpec, open_product
from app.domains.investments.operations.subscription_open import open_subscription
from app.domains.investments.operations.yield_accrue import accrue_yields
from app.domains.investments.queries.products import custody_accounts
from app.domains.investments.values import (
    ClientTier,
    CustodyKind,
    DestinationKind,
    ProductKind,
    ProductTerm,
    RedemptionState,
    TierLimit,
)

__all__ = [
    "ClientTier",
    "CustodyKind",
    "CustodySpec",
    "DestinationKind",
    "ProductKind",
    "ProductSpec",
    "ProductTerm",
    "RedemptionState",
    "TierLimit",
    "accrue_yields",
    "add_destination",
    "confirm_deposit",
    "custody_accounts",
    "fund_custody_account",
    "matures_on",
    "open_client",
    "open_product",
    "open_subscription",
    "publish_nav",
    "record_prices",
]
