"""Files as LibreOffice understands them: which cells are computed, which are links, which are numbers."""

from __future__ import annotations

import shutil
import subprocess
import tempfile
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from lxml import etree

_SECONDS_MAX = 200
# Comma, quotes, UTF-8, from the first line; formulas are computed, which somebody may have ticked.
_CSV = "CSV:44,34,76,1,,0,false,true,false,false,false,0,true"
_NAMES = {
    "office": "urn:oasis:names:tc:opendocument:xmlns:office:1.0",
    "table": "urn:oasis:names:tc:opendocument:xmlns:table:1.0",
    "text": "urn:oasis:names:tc:opendocument:xmlns:text:1.0",
}


@dataclass(frozen=True)
class Opened:
    """`figures` are the values of cells that are numbers."""

    stem: str
    formulas: list[str]
    links: list[str]
    figures: list[float]


def find_libreoffice() -> str | None:
    return shutil.which("soffice") or shutil.which("libreoffice")


def opened_by_libreoffice(files: Iterable[Path]) -> list[Opened]:
    """Each file as it is once it has been opened; all of them CSV, or all of them workbooks."""
    paths = sorted(files)
    office = find_libreoffice()
    assert office is not None
    with tempfile.TemporaryDirectory() as folder:
        subprocess.run(
            [
                office,
                f"-env:UserInstallation={Path(folder).as_uri()}/profile",
                "--headless",
                *([f"--infilter={_CSV}"] if paths[0].suffix == ".csv" else []),
                *("--convert-to", "fods", "--outdir", folder),
                *map(str, paths),
            ],
            check=True,
            capture_output=True,
            timeout=_SECONDS_MAX,
        )
        return [_opened(Path(folder) / f"{path.stem}.fods") for path in paths]


def _opened(path: Path) -> Opened:
    document = etree.parse(path)

    def found(expression: str) -> list[str]:
        return [str(one) for one in document.xpath(expression, namespaces=_NAMES)]

    return Opened(
        stem=path.stem,
        formulas=found("//@table:formula"),
        links=found("//text:a/@*"),
        figures=[float(figure) for figure in found("//@office:value")],
    )
