"""A client's way from a holding to a request: choose, see what it comes to, confirm."""

from __future__ import annotations

from uuid import UUID

from litestar import Controller, get, post
from litestar.params import FromPath

from app.domains.investments.desk_values import RedeemPage
from app.domains.investments.forms import portion_of, required_id, shown_fields
from app.domains.investments.operations.redemption_admit import barred
from app.domains.investments.operations.redemption_quote import quote_redemption
from app.domains.investments.queries.allowance import read_asking
from app.domains.investments.queries.destinations import own_destinations
from app.domains.investments.queries.subscriptions import own_subscription
from app.domains.investments.values import QuoteView
from app.kernel.database import savepoint
from app.kernel.errors import DomainError, FieldError, InputInvalid, NotFound
from app.web.forms import new_idempotency_key, read_form, refused
from app.web.guards import requires
from app.web.rendering import Page
from app.web.transactions import transactional
from app.web.viewer import PortalRequest


class Redeeming(Controller):
    """A client's way from a holding to a request: choose, see what it comes to, confirm."""

    @get("/subscriptions/{subscription_id:str}/redeem", guards=[requires("redemption:request")])
    @transactional(read_only=True)
    async def form(self, request: PortalRequest, subscription_id: FromPath[str]) -> Page:
        return await redeem_form(required_id(subscription_id), form={}, errors=[])

    @post(
        "/subscriptions/{subscription_id:str}/redeem",
        status_code=200,
        guards=[requires("redemption:request")],
    )
    @transactional()
    async def quote(self, request: PortalRequest, subscription_id: FromPath[str]) -> Page:
        """What it comes to: the same page, with the quote and the button that confirms it."""
        form = await read_form(request)
        return await quoted_form(required_id(subscription_id), form)


async def redeem_form(
    subscription_id: UUID,
    *,
    form: dict[str, str],
    errors: list[FieldError],
    quote: QuoteView | None = None,
    status: int = 200,
) -> Page:
    subscription = await own_subscription(subscription_id=subscription_id)
    asking = await read_asking(client_id=subscription.client_id, product_id=subscription.product_id)
    page = RedeemPage(
        subscription=subscription,
        destinations=await own_destinations(asset=subscription.asset),
        allowance=asking.allowance,
        barred=barred(asking),
        quote=quote,
    )
    context = {
        "page": page,
        "form": shown_fields(form),
        "errors": errors,
        "idempotency_key": new_idempotency_key(),
    }
    return Page("investments/redeem.html", context, status=status)


async def quoted_form(subscription_id: UUID, form: dict[str, str]) -> Page:
    """The form with a quote for what it asks; where that is refused, with the refusal."""
    try:
        async with savepoint():
            portion = portion_of(form, await asset_of(subscription_id))
            quote = await quote_redemption(subscription_id=subscription_id, portion=portion)
            destination_of(form)
    except NotFound:
        raise
    except DomainError as refusal:
        return await redeem_form(
            subscription_id, form=form, errors=refused(refusal), status=refusal.status
        )
    return await redeem_form(subscription_id, form=form, errors=[], quote=quote)


async def asset_of(subscription_id: UUID) -> str:
    return (await own_subscription(subscription_id=subscription_id)).asset


def destination_of(form: dict[str, str]) -> UUID:
    try:
        return UUID(form.get("destination_id", ""))
    except ValueError:
        raise InputInvalid.of("destination_id", "REQUIRED", "Choose where the money goes") from None
