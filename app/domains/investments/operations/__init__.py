"""Writes, one verb a file. Each runs in the caller's unit of work and at its business time."""
