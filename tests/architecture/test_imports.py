"""Who may import whom: the contracts of `.importlinter` hold."""

from __future__ import annotations

from pathlib import Path

from importlinter.cli import EXIT_STATUS_SUCCESS, lint_imports

ROOT = Path(__file__).resolve().parents[2]


def test_every_import_contract_is_kept() -> None:
    result = lint_imports(config_filename=str(ROOT / ".importlinter"), no_cache=True)
    assert result == EXIT_STATUS_SUCCESS
