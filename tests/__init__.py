"""The test suite; `tests/support` is what it stands on."""
