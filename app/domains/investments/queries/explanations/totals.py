"""The sums that dashboards begin with: which parts they are made of, and each part's address."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from decimal import Decimal

import msgspec

from app.domains.investments.queries.client_book import book_totals, subscriptions_of_book
from app.domains.investments.queries.dashboards import SETTLING, net_totals
from app.domains.investments.queries.explanations.explanation import (
    EXACT_SUM,
    Explanation,
    Input,
    Unit,
)
from app.domains.investments.queries.redemption_lists import queue
from app.domains.investments.queries.subscriptions import own_subscriptions, totals_of
from app.domains.investments.values import (
    AssetTotal,
    RedemptionRow,
    RedemptionState,
    SubscriptionView,
)
from app.kernel.database import current
from app.kernel.errors import NotFound
from app.kernel.money import ZERO, plain

# More than anybody reads; the sum is of all of them.
PARTS_MAX = 200


class _Part(msgspec.Struct, frozen=True, kw_only=True):
    label: str
    asset: str
    value: Decimal
    explained_at: str


class _Total(msgspec.Struct, frozen=True, kw_only=True):
    """`permission` is that of the dashboard on which the total stands."""

    name: str
    title: str
    subject: str
    words: str
    back: str
    permission: str
    read: Callable[[], Awaitable[tuple[list[AssetTotal], list[_Part]]]]


async def explain_totals(*, total: str = "", asset: str = "") -> list[Explanation]:
    """Every total of the viewer's own dashboard, or those named; each in one asset.

    Raises `NotFound` where something is named, and the viewer has no such total.
    """
    actor = current().actor
    found = [
        explanation
        for kind in _TOTALS
        if actor.may(kind.permission) and total in ("", kind.name)
        for explanation in await _explanations(kind)
        if asset in ("", explanation.asset)
    ]
    if not found and (total or asset):
        raise NotFound
    return found


async def _explanations(kind: _Total) -> list[Explanation]:
    totals, parts = await kind.read()
    return [
        _explanation(kind, total, [part for part in parts if part.asset == total.asset])
        for total in totals
    ]


def _explanation(kind: _Total, total: AssetTotal, parts: Sequence[_Part]) -> Explanation:
    figures = " + ".join(plain(part.value) for part in parts[:PARTS_MAX])
    left_out = len(parts) - PARTS_MAX
    if left_out > 0:
        figures += " + …"
    return Explanation(
        title=f"{kind.title} in {total.asset}",
        subject=kind.subject,
        back=kind.back,
        asset=total.asset,
        places=total.places,
        amount=total.gained if kind.name == "gained" else total.value,
        recomputed=sum((part.value for part in parts), ZERO),
        words=kind.words,
        figures=figures,
        rounding=EXACT_SUM,
        inputs=[
            Input(
                label=part.label,
                value=part.value,
                unit=Unit.money,
                explained_at=part.explained_at,
            )
            for part in parts[:PARTS_MAX]
        ],
        note=f"{left_out} more parts are in the sum and not listed." if left_out > 0 else "",
    )


def _of_holding(view: SubscriptionView, amount: str, *, named: bool = False) -> _Part:
    label = f"{view.product_name}, {view.term_months} months"
    return _Part(
        label=f"{view.client_name}, {label}" if named else label,
        asset=view.asset,
        value=view.gained if amount == "gained" else view.value,
        explained_at=f"/explain/holdings/{view.id}?amount={amount}",
    )


def _of_redemption(row: RedemptionRow) -> _Part:
    return _Part(
        label=f"Net of {row.reference}, {row.client_name}",
        asset=row.amounts.asset,
        value=row.amounts.net,
        explained_at=f"/explain/redemptions/{row.id}?amount=net",
    )


async def _worth() -> tuple[list[AssetTotal], list[_Part]]:
    held = await own_subscriptions()
    return totals_of(held), [_of_holding(view, "value") for view in held]


async def _gained() -> tuple[list[AssetTotal], list[_Part]]:
    held = await own_subscriptions()
    return totals_of(held), [_of_holding(view, "gained") for view in held]


async def _book() -> tuple[list[AssetTotal], list[_Part]]:
    held = await subscriptions_of_book()
    return await book_totals(), [_of_holding(view, "value", named=True) for view in held]


async def _waiting() -> tuple[list[AssetTotal], list[_Part]]:
    state = RedemptionState.pending_approval
    if current().actor.may("redemption:clear"):
        state = RedemptionState.pending_compliance
    rows = await queue(states=[state])
    return net_totals(rows), [_of_redemption(row) for row in rows]


async def _due() -> tuple[list[AssetTotal], list[_Part]]:
    rows = await queue(states=SETTLING)
    return net_totals(rows), [_of_redemption(row) for row in rows]


_TOTALS = (
    _Total(
        name="worth",
        title="Worth today",
        subject="Your holdings",
        words="Sum of what each holding is worth today",
        back="/holdings",
        permission="redemption:request",
        read=_worth,
    ),
    _Total(
        name="gained",
        title="Gained since the start",
        subject="Your holdings",
        words="Sum of what each holding has gained",
        back="/holdings",
        permission="redemption:request",
        read=_gained,
    ),
    _Total(
        name="book",
        title="Your clients' total",
        subject="Your client book",
        words="Sum of what each of your clients' holdings is worth today",
        back="/approvals",
        permission="redemption:approve",
        read=_book,
    ),
    _Total(
        name="waiting",
        title="Value waiting",
        subject="What waits for a decision",
        words="Sum of the nets of the requests that wait",
        back="/approvals",
        permission="redemption:approve",
        read=_waiting,
    ),
    _Total(
        name="waiting",
        title="Value waiting",
        subject="What waits for compliance",
        words="Sum of the nets of the requests that wait",
        back="/approvals",
        permission="redemption:clear",
        read=_waiting,
    ),
    _Total(
        name="due",
        title="Due to clients",
        subject="The settlement queue",
        words="Sum of the nets that are approved and not yet paid",
        back="/settlement",
        permission="redemption:settle",
        read=_due,
    ),
)
