"""`python -m app` is the `stakehold` command."""

from app.cli import main

raise SystemExit(main())
