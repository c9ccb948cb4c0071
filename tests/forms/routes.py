"""Which walk sends the form of which route, and what cannot be sent wrong. A test fails for a route
that is in none of them."""

from __future__ import annotations


def _on(path: str, *steps: str) -> frozenset[str]:
    return frozenset(f"{path}/{step}" for step in steps)


REDEMPTION = "/redemptions/{redemption_id}"
CLIENT = "/clients/{client_id}"
ASKING = frozenset(
    {
        "/subscriptions/{subscription_id}/redeem",
        "/redemptions",
        "/destinations",
        "/destinations/{destination_id}/revoke",
    }
) | _on(REDEMPTION, "cancel", "accept")
DECIDING = _on(
    REDEMPTION, "approve", "reject", "clear", "decline", "hold", "resume", "cancel-held", "reassign"
)
SETTLING = _on(REDEMPTION, "ready", "retry-payout")
CLOCKS = _on(
    "/deadlines/{deadline_id}", "extend", "extensions", "pause", "resume", "approve", "reject"
)
CLIENTS = _on(CLIENT, "kyc", "standing", "tier", "tier/approve", "tier/reject")
OFFICES = _on("/users/{membership_id}", "role", "deactivate", "reactivate") | _on(
    "/jobs/{job_id}", "rerun", "discard"
)
OWN = frozenset(
    {
        "/auth/sign-in",
        "/auth/sign-out",
        "/preferences/theme",
        "/notifications/read",
        "/notifications/preferences",
    }
)
# Whose list it is, and by which links they come to it.
FILES: dict[str, tuple[str, ...]] = {
    "/approval-records/export": ("rm", "/approval-records"),
    "/audit/export": ("compliance", "/audit"),
    "/clients/export": ("rm", "/clients"),
    "/deadlines/export": ("ops", "/deadlines"),
    "/jobs/export": ("ops", "/jobs"),
    "/kyc/export": ("rm", "/kyc"),
    "/ledger/accounts/export": ("ops", "/ledger/accounts"),
    "/ledger/accounts/{account_id}/export": (
        "ops",
        "/ledger/accounts",
        "/ledger/accounts/{account_id}",
    ),
    "/ledger/entries/export": ("ops", "/ledger/accounts", "/ledger/entries"),
    "/prices/export": ("trader", "/prices"),
    "/redemptions/export": ("rm", "/redemptions"),
    "/settlement/balances/export": ("trader", "/settlement"),
    "/users/export": ("admin", "/users"),
}

WALKS = (ASKING, DECIDING, SETTLING, CLOCKS, CLIENTS, OFFICES, OWN, frozenset(FILES))

# No page has a form for these.
NO_FORMS = {"/csp-reports": "browsers send it by themselves, as JSON"}

# A person who was shown the form cannot send it wrong.
NOTHING_TO_REFUSE = frozenset(
    {
        "/auth/sign-out",  # a button
        "/preferences/theme",  # three buttons
        "/notifications/read",  # a button; what is read already stays read
        "/notifications/preferences",  # boxes: each may be ticked or not
        "/destinations/{destination_id}/revoke",  # a button; what is revoked already stays so
        "/users/{membership_id}/role",  # one of the roles; the one they have changes nothing
        "/users/{membership_id}/deactivate",  # a button; who is deactivated already stays so
        "/users/{membership_id}/reactivate",  # the same
        *FILES,  # two buttons, and the filter of a list that the page has shown
    }
)
