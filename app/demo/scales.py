"""How much of a demo there is: the two scales, and the plan of each."""

from __future__ import annotations

from datetime import datetime
from random import Random

import msgspec

from app.demo.holdings import (
    daily_navs,
    generated_clients,
    generated_deposits,
    own_clients,
    own_deposits,
)
from app.demo.open_requests import open_requests, own_past
from app.demo.plan import Calendar, Plan
from app.demo.products import ALL, GROWTH, YIELD, DemoProduct
from app.demo.stories import past_requests
from app.settings import DemoScale

# The same for everybody, so that two people who look at the demo see the same clients.
SEED = 20_260_101


class Size(msgspec.Struct, frozen=True, kw_only=True):
    """`clients` come on top of the demo's own two."""

    clients: int
    days: int
    products: tuple[DemoProduct, ...] = ALL


SIZES = {
    DemoScale.small: Size(clients=0, days=60, products=(YIELD, GROWTH)),
    DemoScale.full: Size(clients=298, days=365),
}


def make_plan(size: Size, *, now: datetime) -> Plan:
    """The plan of that size which ends at `now`: the same for the same `now`.

    Each part draws from a generator of its own: the same people, whatever the hour.
    """
    calendar = Calendar(now)
    clients = generated_clients(
        _drawing("clients"), calendar, size.products, count=size.clients, days=size.days
    )
    deposits = generated_deposits(_drawing("deposits"), calendar, clients, size.products)
    requests = []
    if size.clients:
        requests = past_requests(_drawing("requests"), calendar, deposits)
        requests += own_past(_drawing("own"), calendar)
        requests += open_requests(_drawing("today"), calendar, clients, deposits, requests)
    return Plan(
        now=now,
        days=size.days,
        products=size.products,
        clients=own_clients(calendar, days=size.days) + clients,
        deposits=own_deposits(calendar) + deposits,
        navs=[
            nav
            for product in size.products
            if product.has_nav
            for nav in daily_navs(
                _drawing(product.name), calendar, product, days=size.days, jumps=bool(size.clients)
            )
        ],
        requests=requests,
    )


def _drawing(what: str) -> Random:
    return Random(f"{SEED} {what}")
