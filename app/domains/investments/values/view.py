"""What every struct that is shown derives from."""

from __future__ import annotations

import msgspec


class View(msgspec.Struct, frozen=True, kw_only=True):
    """What one page or answer shows."""
