"""Finds a Chromium for the browser journeys, and gets one where there is none.

Rather its headless shell, the same browser without what draws windows: a journey costs the processor
three fifths of what it costs with the whole, and Playwright takes it for headless work itself.
`python -m tests.support.chromium` installs one at set-up; the journeys then ask `ensure_chromium()`.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

_SHELLS = ("chromium-headless-shell", "chrome-headless-shell")
_WHOLE = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")


class NoChromium(Exception):
    """There is none and none could be installed; the message says what to do."""


def find_chromium() -> Path | None:
    """The browser named by CHROMIUM, else a headless shell, else the system's, else Playwright's own;
    each one tried."""
    return next((browser for browser in _candidates() if _runs(browser)), None)


def ensure_chromium() -> Path:
    """A browser that runs, installed if need be. Raises `NoChromium`."""
    if browser := find_chromium():
        return browser
    for install in (_install_with_playwright, _install_with_apt):
        install()
        if browser := find_chromium():
            return browser
    raise NoChromium(
        "no Chromium was found, and neither Playwright nor apt could install one: "
        "install it by hand, or name one in CHROMIUM"
    )


def _candidates() -> Iterator[Path]:
    if named := os.environ.get("CHROMIUM"):
        yield Path(named)
    for name in (*_SHELLS, *_WHOLE):
        if found := shutil.which(name):
            yield Path(found)
    yield from _playwrights_own()


def _playwrights_own() -> Iterator[Path]:
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        whole = Path(playwright.chromium.executable_path)
    yield from sorted(whole.parents[2].glob("chromium_headless_shell-*/*/*headless*shell"))
    if whole.exists():
        yield whole


def _runs(browser: Path) -> bool:
    """Whether it starts at all: a download may lack the libraries that it needs."""
    try:
        answer = subprocess.run(
            [str(browser), "--version"], capture_output=True, timeout=60, check=False
        )
    except (OSError, subprocess.TimeoutExpired):
        return False
    return answer.returncode == 0


def _install_with_playwright() -> None:
    print("no Chromium here; asking Playwright for its own …", flush=True)
    _try([sys.executable, "-m", "playwright", "install", "--only-shell", "chromium"])


def _install_with_apt() -> None:
    if os.geteuid() != 0 or shutil.which("apt-get") is None:
        return
    print("asking apt for Chromium's headless shell …", flush=True)
    quiet = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    _try(["apt-get", "update", "-qq"], quiet)
    # Older releases of Debian have the whole alone.
    for package in ("chromium-headless-shell", "chromium"):
        _try(["apt-get", "install", "-y", "-qq", "--no-install-recommends", package], quiet)
        if find_chromium():
            return


def _try(command: list[str], environment: dict[str, str] | None = None) -> None:
    """Runs a command that may fail: whether it helped is seen by looking for the browser again."""
    try:
        subprocess.run(
            command,
            env=environment,
            check=False,
            timeout=600,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        print(f"  {command[0]} did not help: {error}", flush=True)


def _prefer_a_shell() -> None:
    """Where the whole browser is there, apt may have its shell as well."""
    found = find_chromium()
    if found and not os.environ.get("CHROMIUM") and "shell" not in found.name:
        _install_with_apt()


if __name__ == "__main__":
    try:
        _prefer_a_shell()
        print(f"Chromium: {ensure_chromium()}")
    except NoChromium as reason:
        sys.exit(str(reason))
