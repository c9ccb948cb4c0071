"""The pages of clients, relationship managers, traders and those who watch over them."""

from app.domains.investments.pages.balances import Balances
from app.domains.investments.pages.clients import Clients
from app.domains.investments.pages.dashboards import Dashboards
from app.domains.investments.pages.destinations import Destinations
from app.domains.investments.pages.explanations import Explanations
from app.domains.investments.pages.prices import Prices
from app.domains.investments.pages.products import Products
from app.domains.investments.pages.redeeming import Redeeming
from app.domains.investments.pages.redemption_list import RedemptionList
from app.domains.investments.pages.redemptions import Redemptions
from app.domains.investments.pages.screening import Screenings
from app.domains.investments.pages.screening_list import ScreeningList

ROUTES = [
    Balances,
    Clients,
    Dashboards,
    Destinations,
    Explanations,
    Prices,
    Products,
    Redeeming,
    RedemptionList,
    Redemptions,
    ScreeningList,
    Screenings,
]
