"""Numbers from numbers: pure and synchronous; no clock, no database."""
