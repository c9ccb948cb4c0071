"""What stands around the portal when it runs on one machine with nothing installed.

`services.py` starts PostgreSQL, Redis, the identity provider, the mail catcher and the sandboxes
of outside services; the test suite and `stakehold demo` both stand on it. `supervisor.py` adds the
portal's own processes and keeps all of them alive. Nothing here is imported in production, and
nothing here imports the portal: the two meet through environment variables alone.
"""
