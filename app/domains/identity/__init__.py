"""Who somebody is, what they may do, and how we know.

An *account* is one person, everywhere; a *membership* is that person within one tenant, with one
role, and is what every other table calls an actor. `permissions.py` is the one file of roles.
Ways in: a password (`operations/password_check.py`) or the tenant's identity provider
(`operations/single_sign_on.py`); both end in a *session* (a cookie's) or, over REST, in an access
token and a *refresh family*. `queries.py` looks a session or token up in one round trip, together
with role and status, so that a change of either counts at the next request.
Accounts, federated identities and sign-in attempts belong to no tenant; everything else does.
"""
