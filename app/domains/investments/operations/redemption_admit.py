"""Whether a client may ask for a redemption at all, and for so much: KYC, standing, limits."""

from __future__ import annotations

from decimal import Decimal

from app.domains.investments.queries.allowance import Asking
from app.domains.investments.values import Allowance, KycState, Standing
from app.kernel.clock import local_date
from app.kernel.errors import Conflict, DomainError, FieldError, InputInvalid


class KycLapsed(Conflict):
    code = "KYC_LAPSED"
    title = "Your identity check is not passed; renew it with your relationship manager first"


class ClientBarred(Conflict):
    """Says no more: of a sanctions hit its subject is not told."""

    code = "CLIENT_BARRED"
    title = "Nothing can be redeemed from this account at present; ask your relationship manager"


class SingleLimit(InputInvalid):
    code = "SINGLE_LIMIT"
    title = "More than one request may ask for"


class DailyLimit(Conflict):
    code = "DAILY_LIMIT"
    title = "More than the requests of one day may ask for"


def check_may_ask(asking: Asking) -> None:
    """Raise `ClientBarred` or `KycLapsed`, which names the way out."""
    if asking.standing is not Standing.good:
        raise ClientBarred
    if asking.kyc is KycState.passed:
        return
    found = "has not been passed yet"
    if asking.kyc is KycState.refused:
        found = "was refused"
    elif asking.kyc is KycState.lapsed:
        found = "has lapsed"
        if asking.kyc_expires_at is not None:
            day = local_date(asking.kyc_expires_at, asking.allowance.time_zone)
            found = f"lapsed on {day.day} {day:%B %Y}"
    raise KycLapsed(
        f"Your identity check (KYC) {found}. Renew it with your relationship manager; once"
        " compliance has recorded it, you can redeem again"
    )


def barred(asking: Asking) -> str:
    """What `check_may_ask` would say; nothing where the client may ask."""
    try:
        check_may_ask(asking)
    except DomainError as refusal:
        return refusal.detail
    return ""


def check_limits(allowance: Allowance, *, gross: Decimal, field: str) -> None:
    """Raise `SingleLimit` or `DailyLimit` where `gross` is more than the tier allows today."""
    if allowance.single is not None and gross > allowance.single:
        detail = (
            f"{_shown(gross, allowance)} exceeds your limit of"
            f" {_shown(allowance.single, allowance)} for one request; ask for less at a time,"
            " or have your relationship manager ask for another tier"
        )
        raise SingleLimit(detail, errors=[FieldError(field, "SINGLE_LIMIT", detail)])
    left = allowance.left_today
    if left is not None and allowance.daily is not None and gross > left:
        limit = f"your daily limit of {_shown(allowance.daily, allowance)}"
        what = f"the {_shown(left, allowance)} left of {limit}" if allowance.used else limit
        detail = (
            f"{_shown(gross, allowance)} exceeds {what}; the limit resets at {allowance.resets}"
        )
        raise DailyLimit(detail, errors=[FieldError(field, "DAILY_LIMIT", detail)])


def _shown(amount: Decimal, allowance: Allowance) -> str:
    return f"{amount:,.{allowance.places}f}"
