"""The HTTP shell around the domains: who asks, what they may, one unit of work, and what goes back.

A request passes `shell.py` (request id, security headers, access log, flood guard), then
`authentication.py` (session or token, same origin, CSRF, rate limit), the guard of its route
(`guards.py`), and `transactions.py`, which opens the unit of work, runs the handler, commits, and
only then renders (`rendering.py`). `routes.py` lists where the handlers are.
"""
