"""What the tests' own process logs, kept in a file as a process of the portal would have written it."""

from __future__ import annotations

import json
import logging
from collections.abc import MutableMapping
from pathlib import Path
from typing import Any, TextIO

import structlog

from app.logging import formatter, mask_unlisted, without_locals


class KeptLogs:
    """Structlog's lines and the libraries', both masked; what pytest captures stays as it was."""

    def __init__(self, path: Path) -> None:
        self._file: TextIO = path.open("a", buffering=1)
        self._handler = logging.StreamHandler(self._file)
        self._handler.setFormatter(formatter())
        self._before = structlog.get_config()

    def start(self) -> None:
        logging.getLogger().addHandler(self._handler)
        processors = [*self._before["processors"]]
        # Before the last, which makes text of it.
        processors.insert(len(processors) - 1, self._keep)
        structlog.configure(processors=processors)

    def stop(self) -> None:
        logging.getLogger().removeHandler(self._handler)
        structlog.configure(**self._before)
        self._file.close()

    def _keep(
        self, logger: Any, method: str, line: MutableMapping[str, Any]
    ) -> MutableMapping[str, Any]:
        masked = mask_unlisted(logger, method, without_locals(logger, method, dict(line)))
        self._file.write(json.dumps(masked) + "\n")
        return line
