"""Investment products over REST: the same operations as the pages, a module a noun."""

from app.domains.investments.api.clients import Clients
from app.domains.investments.api.explanations import Explanations
from app.domains.investments.api.holdings import Holdings
from app.domains.investments.api.prices import Prices
from app.domains.investments.api.products import Products
from app.domains.investments.api.redemption_steps import RedemptionSteps
from app.domains.investments.api.redemptions import Redemptions
from app.domains.investments.api.screening import Screening

ROUTES = [
    Prices,
    Products,
    Clients,
    Explanations,
    Holdings,
    Redemptions,
    RedemptionSteps,
    Screening,
]
