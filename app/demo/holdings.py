"""Who the clients are and what they buy, drawn from a seeded generator; the NAV of every day."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from decimal import Decimal
from random import Random

from app.demo.names import names
from app.demo.plan import Calendar, Client, Deposit, Destination, Nav
from app.demo.products import BITCOIN, CUTOFF, GROWTH, YIELD, DemoProduct
from app.domains.investments.public import ClientTier

# Login, product, amount, months, days ago: what the demo's two clients hold today. Whoever tries
# the portal redeems these: each worth over 10,000 and under what compliance is asked about.
_OWN = (
    ("member", YIELD, "48500.00", 6, 58),
    ("member", YIELD, "120000.00", 12, 41),
    ("member", GROWTH, "75000.00", 12, 50),
    ("member2", YIELD, "26000.00", 3, 33),
    ("member2", GROWTH, "40000.00", 6, 20),
)
# Login, name, manager, tier, days for which their KYC is still good, the label and address of a
# wallet for both stable coins.
_PEOPLE = (
    ("member", "Mara Lindqvist", "rm", ClientTier.premier, 300,
     "Ledger wallet", "0x71C7656EC7ab88b098defB751B7401B5f6d8976F"),
    ("member2", "Tomás Herrera", "rm2", ClientTier.standard, 21,
     "Cold wallet", "0xAb5801a7D398351b8bE11C439e05C5B3259aeC9B"),
)  # fmt: skip
_COUNTRIES = {"member": "SE", "member2": "ES"}
_LABELS = ("Ledger wallet", "Cold wallet", "Treasury wallet", "Multisig", "Custody account")
# How the unit of NAV Growth moved, in ten-thousandths a day: up and down, and up on the whole.
_DAILY_MOVES = (14, -6, 9, 3, -11, 17, 5, -4, 8, -2, 12, -9, 6, 10, -5, 2, 7, -8, 15, 1)
# Now and then the unit of NAV Growth jumps by more than a quote may: every so many days, and at
# the latest cutoffs.
JUMP_EVERY_DAYS = 24
_JUMPS = (72, -61, 83, 66, -58, 91)
_BASIS_POINTS = 10_000
_NAV_PLACES = Decimal("0.00000001")
# One client in so many is large: compliance decides on what they redeem as well.
LARGE_EVERY = 23


def cutoff(calendar: Calendar, days_ago: int) -> datetime:
    return calendar.at(days_ago, CUTOFF.hour, CUTOFF.minute)


def own_clients(calendar: Calendar, *, days: int) -> list[Client]:
    """The demo's two clients, who sign in."""
    return [
        Client(
            key=login,
            login=login,
            name=name,
            email=f"{login}@aurora.example",
            country=_COUNTRIES[login],
            manager=manager,
            tier=tier,
            opened_at=calendar.at(days, 8, 30),
            kyc_expires_at=calendar.now + timedelta(days=kyc_days),
            destinations=[
                Destination(label=label, asset=asset, network="ethereum", address=address)
                for asset in ("USDT", "USDC")
            ],
        )
        for login, name, manager, tier, kyc_days, label, address in _PEOPLE
    ]


def own_deposits(calendar: Calendar) -> list[Deposit]:
    return [
        _deposit(
            calendar, number, login, product, Decimal(amount), months, days_ago, key=f"own-{number}"
        )
        for number, (login, product, amount, months, days_ago) in enumerate(_OWN, 1)
    ]


def generated_clients(
    random: Random, calendar: Calendar, products: Sequence[DemoProduct], *, count: int, days: int
) -> list[Client]:
    """`count` people and firms; the first tenth from the first day on, then more and more of them."""
    found = names(random)
    clients = []
    for number in range(1, count + 1):
        name, email, country = next(found)
        is_firm = email.startswith("treasury@")
        is_large = number % LARGE_EVERY == 0
        share = max(0.0, (number / count - 0.1) / 0.9)
        days_ago = days - 1 - int((days - 12) * share**0.8)
        clients.append(
            Client(
                key=f"client-{number:03}",
                name=name,
                email=email,
                country=country,
                manager="rm" if random.random() < 0.5 else "rm2",
                tier=_tier(random, is_firm=is_firm, is_large=is_large),
                is_large=is_large,
                # Of last year's renewals some are due again soon.
                kyc_expires_at=calendar.at(
                    -random.choices(
                        (random.randint(4, 28), random.randint(30, 700)), weights=(6, 94)
                    )[0],
                    23,
                    59,
                ),
                opened_at=calendar.at(
                    days_ago, random.randint(9, 15), random.randint(0, 59), random.randint(0, 59)
                ),
                destinations=_destinations(random, products),
            )
        )
    return sorted(clients, key=lambda client: client.opened_at)


def _tier(random: Random, *, is_firm: bool, is_large: bool) -> ClientTier:
    if is_firm:
        return ClientTier.institutional
    if is_large or random.random() < 0.15:
        return ClientTier.premier
    return ClientTier.standard


def _destinations(random: Random, products: Sequence[DemoProduct]) -> list[Destination]:
    """One wallet for everything on a network, and its address there."""
    label = random.choice(_LABELS)
    addresses = {
        "ethereum": f"0x{random.getrandbits(160):040x}",
        "bitcoin": "bc1q" + "".join(random.choices("acdefghjklmnpqrstuvwxyz023456789", k=38)),
    }
    return [
        Destination(
            label=label,
            asset=product.spec.asset,
            network=product.spec.network,
            address=addresses[product.spec.network],
        )
        for product in products
    ]


def generated_deposits(
    random: Random, calendar: Calendar, clients: Sequence[Client], products: Sequence[DemoProduct]
) -> list[Deposit]:
    """What they buy, in the order it arrives: one to four deposits, the first within days."""
    drawn: list[tuple[int, Client, DemoProduct, Decimal, int]] = []
    for client in clients:
        days_ago = (calendar.today - calendar.day_of(client.opened_at)).days
        for _ in range(random.choices((1, 2, 3, 4), weights=(30, 38, 22, 10))[0]):
            days_ago -= random.randint(1, 6)
            if days_ago < 1:
                break
            product = random.choices(products, weights=(34, 27, 21, 18)[: len(products)])[0]
            drawn.append(
                (
                    days_ago,
                    client,
                    product,
                    _size(random, product, is_large=client.is_large),
                    random.choice(product.spec.terms).months,
                )
            )
            days_ago -= random.randint(4, 60)
    drawn.sort(key=lambda each: -each[0])
    return [
        _deposit(
            calendar, number, client.key, product, amount, months, days_ago, key=f"d{number:04}"
        )
        for number, (days_ago, client, product, amount, months) in enumerate(drawn, 1)
    ]


def _size(random: Random, product: DemoProduct, *, is_large: bool) -> Decimal:
    usual, large = product.sizes
    if is_large:
        factor = Decimal(str(round(random.uniform(0.9, 1.2), 3)))
        amount = large * factor
    else:
        amount = usual * Decimal(str(round(random.lognormvariate(0, 0.75), 3)))
    steps = max(1, int(amount / product.step))
    return min(max(steps * product.step, product.spec.minimum), product.spec.maximum)


def _deposit(
    calendar: Calendar,
    number: int,
    client: str,
    product: DemoProduct,
    amount: Decimal,
    months: int,
    days_ago: int,
    *,
    key: str,
) -> Deposit:
    """Arrived on the morning of the day whose cutoff makes units of it."""
    return Deposit(
        key=key,
        client=client,
        product=product.name,
        amount=amount,
        months=months,
        confirmed_at=calendar.at(days_ago, 8 + number % 7, number * 7 % 60, number * 13 % 60),
        issued_at=cutoff(calendar, days_ago) + timedelta(minutes=10),
    )


def daily_navs(
    random: Random, calendar: Calendar, product: DemoProduct, *, days: int, jumps: bool
) -> list[Nav]:
    """One NAV per unit a day, at the cutoff; from 1 on the first day."""
    nav, published = Decimal(1), []
    for number, days_ago in enumerate(range(days, -1, -1)):
        as_of = cutoff(calendar, days_ago)
        if as_of > calendar.now:
            break
        if number:
            move = Decimal(_move(number, days_ago, product, jumps=jumps, random=random))
            nav = (nav * (1 + move / _BASIS_POINTS)).quantize(_NAV_PLACES)
        published.append(
            Nav(
                product=product.name,
                nav_per_unit=nav,
                as_of=as_of,
                published_at=as_of + timedelta(minutes=4),
            )
        )
    return published


def _move(
    number: int, days_ago: int, product: DemoProduct, *, jumps: bool, random: Random
) -> Decimal | int:
    """In ten-thousandths."""
    drawn = Decimal(str(round(random.gauss(0, 5), 2)))
    if product.name == BITCOIN.name:
        # A basis trade: small and mostly up.
        return Decimal("1.6") + drawn / 2
    if jumps and is_jump(days_ago):
        return _JUMPS[number % len(_JUMPS)]
    return _DAILY_MOVES[days_ago % len(_DAILY_MOVES)] + drawn


def is_jump(days_ago: int) -> bool:
    """Whether the unit of NAV Growth jumps at that day's cutoff."""
    return days_ago <= 2 or days_ago % JUMP_EVERY_DAYS == 0
