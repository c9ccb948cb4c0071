"""Investment products over REST: the same operations as the pages."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated
from uuid import UUID

from litestar import Controller, get, post
from litestar.params import FromPath, FromQuery, JSONBody, QueryParameter

from app.domains.investments.forms import required_id, state_filter
from app.domains.investments.operations.deposit_confirm import confirm_deposit
from app.domains.investments.operations.destination_add import add_destination
from app.domains.investments.operations.destination_revoke import revoke_destination
from app.domains.investments.operations.payout_retry import retry_payout
from app.domains.investments.operations.redemption_accept import accept_redemption
from app.domains.investments.operations.redemption_approve import (
    clear_redemption,
    decide_redemption,
)
from app.domains.investments.operations.redemption_cancel import cancel_redemption
from app.domains.investments.operations.redemption_hold import (
    cancel_held_redemption,
    hold_redemption,
    resume_redemption,
)
from app.domains.investments.operations.redemption_quote import quote_redemption
from app.domains.investments.operations.redemption_ready import mark_ready
from app.domains.investments.operations.redemption_reassign import reassign_redemption
from app.domains.investments.operations.redemption_request import request_redemption
from app.domains.investments.operations.subscription_open import open_subscription
from app.domains.investments.queries.products import custody_accounts, nav_history, products
from app.domains.investments.queries.redemptions import redemption, redemptions
from app.domains.investments.queries.subscriptions import own_destinations, subscriptions
from app.domains.investments.schemas import (
    AccountOut,
    DepositBody,
    DestinationBody,
    DestinationOut,
    Identified,
    NavOut,
    NoteBody,
    ProductOut,
    QuoteBody,
    QuoteOut,
    ReadyBody,
    ReassignBody,
    RedemptionOut,
    RedemptionRowOut,
    RequestBody,
    SubscriptionBody,
    SubscriptionOut,
    account_out,
    destination_out,
    nav_out,
    product_out,
    quote_out,
    redemption_out,
    row_out,
    subscription_out,
)
from app.domains.investments.values import DestinationKind
from app.kernel.approvals.values import Decision
from app.kernel.errors import InputInvalid
from app.kernel.money import parse_amount
from app.web.api import (
    LIMIT_DEFAULT,
    Cursor,
    Envelope,
    Limit,
    PageInfo,
    cursor_id,
    envelope,
    in_utc,
)
from app.web.guards import requires
from app.web.transactions import transactional
from app.web.viewer import PortalRequest


class Products(Controller):
    path = "/investments"
    tags = ["Investments"]

    @get("/products", guards=[requires("product:read")], summary="Products with terms and NAV")
    @transactional(read_only=True)
    async def all(self, request: PortalRequest) -> Envelope[list[ProductOut]]:
        return envelope(request, [product_out(view) for view in await products()])

    @get("/products/{product_id:str}", guards=[requires("product:read")], summary="One product")
    @transactional(read_only=True)
    async def one(self, request: PortalRequest, product_id: FromPath[str]) -> Envelope[ProductOut]:
        found = await products(product_id=required_id(product_id))
        return envelope(request, product_out(found[0]))

    @get(
        "/products/{product_id:str}/nav",
        guards=[requires("product:read")],
        summary="Published NAV per unit, oldest first",
    )
    @transactional(read_only=True)
    async def nav(
        self,
        request: PortalRequest,
        product_id: FromPath[str],
        since: Annotated[datetime | None, QueryParameter(name="from")] = None,
        until: Annotated[datetime | None, QueryParameter(name="to")] = None,
    ) -> Envelope[list[NavOut]]:
        points = await nav_history(
            product_id=required_id(product_id),
            since=in_utc(since, field="from"),
            until=in_utc(until, field="to"),
        )
        return envelope(request, [nav_out(point) for point in points])

    @get(
        "/accounts",
        guards=[requires("custody:read")],
        summary="Vaults and venues: read, expected, reserved and free",
    )
    @transactional(read_only=True)
    async def accounts(
        self, request: PortalRequest, product_id: FromQuery[UUID | None] = None
    ) -> Envelope[list[AccountOut]]:
        found = await custody_accounts(product_id=product_id)
        return envelope(request, [account_out(view) for view in found])


class Holdings(Controller):
    path = "/investments"
    tags = ["Investments"]

    @get(
        "/subscriptions",
        guards=[requires("subscription:read")],
        summary="A member's own subscriptions; for staff those they serve",
    )
    @transactional(read_only=True)
    async def subscriptions(
        self, request: PortalRequest, limit: Limit = LIMIT_DEFAULT, cursor: Cursor = None
    ) -> Envelope[list[SubscriptionOut]]:
        found = await subscriptions(after=cursor_id(cursor), limit=limit + 1)
        page = PageInfo(
            limit=limit, next_cursor=str(found[limit - 1].id) if len(found) > limit else None
        )
        return envelope(request, [subscription_out(view) for view in found[:limit]], page=page)

    @post(
        "/subscriptions",
        guards=[requires("deposit:write")],
        summary="Open a subscription from a confirmed deposit",
    )
    @transactional(idempotent=True, moves_money=True)
    async def open(
        self, request: PortalRequest, data: JSONBody[SubscriptionBody]
    ) -> Envelope[Identified]:
        opened = await open_subscription(deposit_id=data.deposit_id, term_months=data.term_months)
        return envelope(request, Identified(id=opened))

    @post("/deposits", guards=[requires("deposit:write")], summary="Confirm a client's deposit")
    @transactional(idempotent=True, moves_money=True)
    async def deposit(
        self, request: PortalRequest, data: JSONBody[DepositBody]
    ) -> Envelope[Identified]:
        confirmed = await confirm_deposit(
            client_id=data.client_id,
            staging_account_id=data.staging_account_id,
            amount=parse_amount(data.amount, field="amount"),
            transaction_reference=data.transaction_reference,
        )
        return envelope(request, Identified(id=confirmed))

    @get(
        "/destinations",
        guards=[requires("destination:read")],
        summary="Where the client can be paid to",
    )
    @transactional(read_only=True)
    async def destinations(self, request: PortalRequest) -> Envelope[list[DestinationOut]]:
        return envelope(request, [destination_out(view) for view in await own_destinations()])

    @post(
        "/destinations",
        guards=[requires("destination:write")],
        summary="Add a destination; usable 24 hours later",
    )
    @transactional(idempotent=True)
    async def add_destination(
        self, request: PortalRequest, data: JSONBody[DestinationBody]
    ) -> Envelope[DestinationOut]:
        try:
            kind = DestinationKind(data.kind)
        except ValueError as error:
            raise InputInvalid.of("kind", "UNKNOWN_KIND", "wallet or bank") from error
        added = await add_destination(
            label=data.label,
            kind=kind,
            asset=data.asset,
            network=data.network,
            address=data.address,
        )
        views = await own_destinations()
        return envelope(request, next(destination_out(view) for view in views if view.id == added))

    @post(
        "/destinations/{destination_id:str}/revoke",
        status_code=200,
        guards=[requires("destination:write")],
        summary="Revoke a destination for good; what is on its way there is held",
    )
    @transactional(idempotent=True)
    async def revoke_destination(
        self, request: PortalRequest, destination_id: FromPath[str]
    ) -> Envelope[list[DestinationOut]]:
        await revoke_destination(destination_id=required_id(destination_id))
        return envelope(request, [destination_out(view) for view in await own_destinations()])


class Redemptions(Controller):
    path = "/investments/redemptions"
    tags = ["Redemptions"]

    @post(
        "/quote",
        status_code=200,
        guards=[requires("redemption:request")],
        summary="What a redemption would come to; valid for 60 seconds",
    )
    @transactional()
    async def quote(self, request: PortalRequest, data: JSONBody[QuoteBody]) -> Envelope[QuoteOut]:
        view = await quote_redemption(subscription_id=data.subscription_id, portion=data.portion())
        return envelope(request, quote_out(view))

    @post("/", guards=[requires("redemption:request")], summary="Ask to redeem")
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
        return await _shown(request, redemption_id)

    @get("/", guards=[requires("redemption:read")], summary="Redemptions that you may see")
    @transactional(read_only=True)
    async def all(
        self,
        request: PortalRequest,
        in_state: Annotated[str | None, QueryParameter(name="state")] = None,
        product_id: FromQuery[UUID | None] = None,
        due_before: FromQuery[datetime | None] = None,
        limit: Limit = LIMIT_DEFAULT,
        cursor: Cursor = None,
    ) -> Envelope[list[RedemptionRowOut]]:
        rows = await redemptions(
            states=state_filter(in_state),
            product_id=product_id,
            due_before=in_utc(due_before, field="due_before"),
            after=cursor_id(cursor),
            limit=limit + 1,
        )
        page = PageInfo(
            limit=limit, next_cursor=str(rows[limit - 1].id) if len(rows) > limit else None
        )
        return envelope(request, [row_out(row) for row in rows[:limit]], page=page)

    @get("/{redemption_id:str}", guards=[requires("redemption:read")], summary="One redemption")
    @transactional(read_only=True)
    async def one(
        self, request: PortalRequest, redemption_id: FromPath[str]
    ) -> Envelope[RedemptionOut]:
        return await _shown(request, required_id(redemption_id))

    @post(
        "/{redemption_id:str}/cancel",
        status_code=200,
        guards=[requires("redemption:request")],
        summary="Take a request back, before it is decided",
    )
    @transactional(idempotent=True, moves_money=True)
    async def cancel(
        self, request: PortalRequest, redemption_id: FromPath[str]
    ) -> Envelope[RedemptionOut]:
        found = required_id(redemption_id)
        await cancel_redemption(redemption_id=found)
        return await _shown(request, found)

    @post(
        "/{redemption_id:str}/approve",
        status_code=200,
        guards=[requires("redemption:approve")],
        summary="Approve; the 36 hours begin",
    )
    @transactional(idempotent=True, moves_money=True)
    async def approve(
        self,
        request: PortalRequest,
        redemption_id: FromPath[str],
        data: JSONBody[NoteBody | None] = None,
    ) -> Envelope[RedemptionOut]:
        note = data.note if data else ""
        return await _decided(request, redemption_id, Decision.approve, note)

    @post(
        "/{redemption_id:str}/reject",
        status_code=200,
        guards=[requires("redemption:approve")],
        summary="Reject, with a note",
    )
    @transactional(idempotent=True, moves_money=True)
    async def reject(
        self, request: PortalRequest, redemption_id: FromPath[str], data: JSONBody[NoteBody]
    ) -> Envelope[RedemptionOut]:
        return await _decided(request, redemption_id, Decision.reject, data.note)

    @post(
        "/{redemption_id:str}/clear",
        status_code=200,
        guards=[requires("redemption:clear")],
        summary="Compliance clears it, after the manager's approval; the 36 hours begin",
    )
    @transactional(idempotent=True, moves_money=True)
    async def clear(
        self,
        request: PortalRequest,
        redemption_id: FromPath[str],
        data: JSONBody[NoteBody | None] = None,
    ) -> Envelope[RedemptionOut]:
        found = required_id(redemption_id)
        await clear_redemption(
            redemption_id=found, decision=Decision.approve, note=data.note if data else ""
        )
        return await _shown(request, found)

    @post(
        "/{redemption_id:str}/decline",
        status_code=200,
        guards=[requires("redemption:clear")],
        summary="Compliance declines it, with a note; the units come back",
    )
    @transactional(idempotent=True, moves_money=True)
    async def decline(
        self, request: PortalRequest, redemption_id: FromPath[str], data: JSONBody[NoteBody]
    ) -> Envelope[RedemptionOut]:
        found = required_id(redemption_id)
        await clear_redemption(redemption_id=found, decision=Decision.reject, note=data.note)
        return await _shown(request, found)

    @post(
        "/{redemption_id:str}/ready",
        status_code=200,
        guards=[requires("redemption:settle")],
        summary="The assets are in the staging vault; the payout follows",
    )
    @transactional(idempotent=True, moves_money=True)
    async def ready(
        self, request: PortalRequest, redemption_id: FromPath[str], data: JSONBody[ReadyBody]
    ) -> Envelope[RedemptionOut]:
        found = required_id(redemption_id)
        await mark_ready(
            redemption_id=found, source_account_id=data.source_account_id, note=data.note
        )
        return await _shown(request, found)

    @post(
        "/{redemption_id:str}/retry-payout",
        status_code=200,
        guards=[requires("redemption:retry")],
        summary="Send a refused payout again",
    )
    @transactional(idempotent=True, moves_money=True)
    async def retry(
        self, request: PortalRequest, redemption_id: FromPath[str]
    ) -> Envelope[RedemptionOut]:
        found = required_id(redemption_id)
        await retry_payout(redemption_id=found)
        return await _shown(request, found)

    @post(
        "/{redemption_id:str}/accept",
        status_code=200,
        guards=[requires("redemption:request")],
        summary="Accept what the redemption has become, while it awaits you",
    )
    @transactional(idempotent=True, moves_money=True)
    async def accept(
        self, request: PortalRequest, redemption_id: FromPath[str]
    ) -> Envelope[RedemptionOut]:
        found = required_id(redemption_id)
        await accept_redemption(redemption_id=found)
        return await _shown(request, found)

    @post(
        "/{redemption_id:str}/hold",
        status_code=200,
        guards=[requires("redemption:hold")],
        summary="Hold it until it is resumed or cancelled; its clocks run on",
    )
    @transactional(idempotent=True, moves_money=True)
    async def hold(
        self, request: PortalRequest, redemption_id: FromPath[str], data: JSONBody[NoteBody]
    ) -> Envelope[RedemptionOut]:
        found = required_id(redemption_id)
        await hold_redemption(redemption_id=found, note=data.note)
        return await _shown(request, found)

    @post(
        "/{redemption_id:str}/resume",
        status_code=200,
        guards=[requires("redemption:hold")],
        summary="Let a held redemption go on from where it was",
    )
    @transactional(idempotent=True, moves_money=True)
    async def resume(
        self, request: PortalRequest, redemption_id: FromPath[str], data: JSONBody[NoteBody]
    ) -> Envelope[RedemptionOut]:
        found = required_id(redemption_id)
        await resume_redemption(redemption_id=found, note=data.note)
        return await _shown(request, found)

    @post(
        "/{redemption_id:str}/cancel-held",
        status_code=200,
        guards=[requires("redemption:hold")],
        summary="Give a held redemption up; the units come back",
    )
    @transactional(idempotent=True, moves_money=True)
    async def cancel_held(
        self, request: PortalRequest, redemption_id: FromPath[str], data: JSONBody[NoteBody]
    ) -> Envelope[RedemptionOut]:
        found = required_id(redemption_id)
        await cancel_held_redemption(redemption_id=found, note=data.note)
        return await _shown(request, found)

    @post(
        "/{redemption_id:str}/reassign",
        status_code=200,
        guards=[requires("approval:reassign")],
        summary="Give the request to another relationship manager",
    )
    @transactional(idempotent=True, moves_money=True)
    async def reassign(
        self, request: PortalRequest, redemption_id: FromPath[str], data: JSONBody[ReassignBody]
    ) -> Envelope[RedemptionOut]:
        found = required_id(redemption_id)
        await reassign_redemption(
            redemption_id=found, to_membership_id=data.to_membership_id, note=data.note
        )
        return await _shown(request, found)


async def _decided(
    request: PortalRequest, redemption_id: str, decision: Decision, note: str
) -> Envelope[RedemptionOut]:
    found = required_id(redemption_id)
    await decide_redemption(redemption_id=found, decision=decision, note=note)
    return await _shown(request, found)


async def _shown(request: PortalRequest, redemption_id: UUID) -> Envelope[RedemptionOut]:
    return envelope(request, redemption_out(await redemption(redemption_id=redemption_id)))


ROUTES = [Products, Holdings, Redemptions]
