"""Redemptions as their client asks for them, and as everybody reads them."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from typing import Annotated
from uuid import UUID

from litestar import Controller, get, post
from litestar.params import FromPath, FromQuery, JSONBody, QueryParameter

from app.domains.investments.forms import state_filter
from app.domains.investments.operations.redemption_accept import accept_redemption
from app.domains.investments.operations.redemption_admit import (
    ClientBarred,
    DailyLimit,
    KycLapsed,
    SingleLimit,
)
from app.domains.investments.operations.redemption_cancel import cancel_redemption
from app.domains.investments.operations.redemption_quote import NothingToRedeem, quote_redemption
from app.domains.investments.operations.redemption_request import QuoteExpired, request_redemption
from app.domains.investments.operations.redemption_trail import Changed, WrongState
from app.domains.investments.queries.positions import PriceMissing
from app.domains.investments.queries.redemption_lists import REDEMPTIONS, redemptions
from app.domains.investments.queries.redemptions import redemption
from app.domains.investments.schemas.redemptions import (
    QuoteBody,
    QuoteOut,
    RedemptionOut,
    RedemptionRowOut,
    RequestBody,
    quote_out,
    redemption_out,
    row_out,
)
from app.domains.investments.values import RedemptionFilter
from app.kernel.errors import NotFound
from app.web.api import (
    LIMIT_DEFAULT,
    Cursor,
    Envelope,
    Limit,
    Sort,
    envelope,
    in_utc,
    page_in,
)
from app.web.etags import IfMatch, PreconditionFailed, version_in
from app.web.guards import requires
from app.web.transactions import transactional
from app.web.viewer import PortalRequest

_LIMITS = ["SINGLE_LIMIT", "DAILY_LIMIT"]
_AMOUNT = ["NOT_A_NUMBER", "NOT_POSITIVE", "TOO_MANY_DECIMALS", *_LIMITS]
# The rules of how much to redeem.
PORTION = {
    "by": _LIMITS,
    "fraction": [*_AMOUNT, "MORE_THAN_ALL", "TOO_SMALL"],
    "units": [*_AMOUNT, "INSUFFICIENT_UNITS", "NOTHING_LEFT", "ONLY_ONE"],
    "amount": [*_AMOUNT, "INSUFFICIENT_UNITS", "TOO_SMALL", "WRONG_CURRENCY", "ONLY_ONE"],
}


# Who may ask, and for how much.
ADMISSION = [ClientBarred, KycLapsed, SingleLimit, DailyLimit]


class Redemptions(Controller):
    path = "/investments/redemptions"
    tags = ["Redemptions"]

    @post(
        "/quote",
        status_code=200,
        guards=[requires("redemption:request")],
        refusals=[NotFound, *ADMISSION, NothingToRedeem, PriceMissing],
        rules=PORTION,
        summary="What a redemption would come to; valid for 60 seconds",
    )
    @transactional()
    async def quote(self, request: PortalRequest, data: JSONBody[QuoteBody]) -> Envelope[QuoteOut]:
        view = await quote_redemption(subscription_id=data.subscription_id, portion=data.portion())
        return envelope(request, quote_out(view))

    @post(
        "/",
        guards=[requires("redemption:request")],
        refusals=[NotFound, *ADMISSION, NothingToRedeem, PriceMissing, QuoteExpired],
        rules=PORTION
        | {
            "destination_id": [
                "NOT_YOUR_DESTINATION",
                "WRONG_ASSET",
                "WRONG_NETWORK",
                "NOT_USABLE",
            ],
            "quote_id": ["UNKNOWN_QUOTE", "OTHER_QUOTE"],
        },
        summary="Ask to redeem",
    )
    @transactional(idempotent=True, moves_money=True)
    async def request(
        self, request: PortalRequest, data: JSONBody[RequestBody]
    ) -> Envelope[RedemptionOut]:
        redemption_id = await request_redemption(
            subscription_id=data.subscription_id,
            portion=data.portion(),
            destination_id=data.destination_id,
            quote_id=data.quote_id,
        )
        return await shown(request, redemption_id)

    @get(
        "/",
        guards=[requires("redemption:read")],
        rules={
            "state": ["UNKNOWN_STATE"],
            "due_before": ["OUT_OF_RANGE"],
            "requested_from": ["OUT_OF_RANGE"],
            "requested_before": ["OUT_OF_RANGE"],
        },
        summary="Redemptions that you may see",
    )
    @transactional(read_only=True)
    async def all(
        self,
        request: PortalRequest,
        in_state: Annotated[str | None, QueryParameter(name="state")] = None,
        product_id: FromQuery[UUID | None] = None,
        client_id: FromQuery[UUID | None] = None,
        due_before: FromQuery[datetime | None] = None,
        since: Annotated[datetime | None, QueryParameter(name="requested_from")] = None,
        until: Annotated[datetime | None, QueryParameter(name="requested_before")] = None,
        sort: Sort = None,
        limit: Limit = LIMIT_DEFAULT,
        cursor: Cursor = None,
    ) -> Envelope[list[RedemptionRowOut]]:
        """`state` may hold several, with commas between them. Sorted by requested_at (the latest
        first, unless said otherwise), reference, client, product, state, gross, net or due_at."""
        rows, page = await page_in(
            REDEMPTIONS,
            redemptions,
            RedemptionFilter(
                states=state_filter(in_state),
                product_id=product_id,
                client_id=client_id,
                due_before=in_utc(due_before, field="due_before"),
                requested_from=in_utc(since, field="requested_from"),
                requested_before=in_utc(until, field="requested_before"),
            ),
            sort=sort,
            cursor=cursor,
            limit=limit,
        )
        return envelope(request, [row_out(row) for row in rows], page=page)

    @get("/{redemption_id:uuid}", guards=[requires("redemption:read")], summary="One redemption")
    @transactional(read_only=True)
    async def one(
        self, request: PortalRequest, redemption_id: FromPath[UUID]
    ) -> Envelope[RedemptionOut]:
        return await shown(request, redemption_id)

    @post(
        "/{redemption_id:uuid}/cancel",
        status_code=200,
        guards=[requires("redemption:request")],
        refusals=[WrongState],
        summary="Take a request back, before it is decided",
    )
    @transactional(idempotent=True, moves_money=True)
    async def cancel(
        self,
        request: PortalRequest,
        redemption_id: FromPath[UUID],
        if_match: IfMatch = None,
    ) -> Envelope[RedemptionOut]:
        with unchanged(if_match) as version:
            await cancel_redemption(redemption_id=redemption_id, version=version)
        return await shown(request, redemption_id)

    @post(
        "/{redemption_id:uuid}/accept",
        status_code=200,
        guards=[requires("redemption:request")],
        refusals=[WrongState, PriceMissing],
        summary="Accept what the redemption has become, while it awaits you",
    )
    @transactional(idempotent=True, moves_money=True)
    async def accept(
        self,
        request: PortalRequest,
        redemption_id: FromPath[UUID],
        if_match: IfMatch = None,
    ) -> Envelope[RedemptionOut]:
        with unchanged(if_match) as version:
            await accept_redemption(redemption_id=redemption_id, version=version)
        return await shown(request, redemption_id)


@contextmanager
def unchanged(if_match: str | None) -> Iterator[int | None]:
    """The version that `If-Match` asks for, which the operation compares under its lock.

    Raises `PreconditionFailed`.
    """
    try:
        yield version_in(if_match)
    except Changed as error:
        raise PreconditionFailed from error


async def shown(request: PortalRequest, redemption_id: UUID) -> Envelope[RedemptionOut]:
    """What has become of it: the answer of every step."""
    return envelope(request, redemption_out(await redemption(redemption_id=redemption_id)))
