"""Searching logs for what must not be in them: secrets, and what says who somebody is.

What is known to be secret (settings, passwords, names) is searched for as it is; what is not known,
by its form. Found things are told without being repeated.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from urllib.parse import urlsplit

from app.demo.people import AURORA
from app.embedded.demo_accounts import DEMO_PASSWORD

# Of the tests' own people and accounts; see tests/support/client.py, desk.py and database.py.
PASSWORDS = ("Correct-horse-7", "Correct-horse-1", DEMO_PASSWORD)
NAMES = ("Ada Lovelace", *(person.name for person in AURORA))
_SECRET_SETTING = re.compile(r"KEY$|SECRET|PASSWORD|TOKEN$")
FORMS = {
    "an e-mail address": re.compile(r"[\w.+-]+@[\w-]+(\.[\w-]+)*\.[a-z]{2,}"),
    "a JSON web token": re.compile(r"\beyJ[\w-]{8,}\.[\w-]{8,}"),
    "a cookie of ours": re.compile(r"__Host-[\w-]+=\S"),
    # 256 bits as base64url: sessions, refresh tokens, states of a sign-in, CSRF tokens.
    "a random secret": re.compile(
        r"(?<![\w-])(?=[\w-]*[a-z])(?=[\w-]*[A-Z])(?=[\w-]*\d)[\w-]{43}(?![\w-])"
    ),
    "a wallet's address": re.compile(r"\b0x[0-9a-fA-F]{40}\b"),
    "an IBAN": re.compile(r"\b[A-Z]{2}\d{2} ?(?:[A-Z0-9]{4} ?){3,7}[A-Z0-9]{1,4}\b"),
    "a private key": re.compile(r"-----BEGIN [A-Z ]*PRIVATE KEY-----"),
}
# Its own product, and third parties' logs of it are theirs; it runs for demo and tests alone.
NOT_OURS = frozenset({"identity-provider.log"})


def secrets_of(environment: Mapping[str, str]) -> dict[str, str]:
    """What the settings hold that nobody may read, by what it is: keys, and passwords in addresses."""
    found = {}
    for name, value in environment.items():
        if _SECRET_SETTING.search(name) and len(value) >= 8:
            found[value] = f"the setting {name}"
        elif "://" in value and (password := urlsplit(value).password):
            found[password] = f"the password in {name}"
    return found


def leaks(text: str, *, secrets: Mapping[str, str]) -> Iterator[tuple[int, str]]:
    """Line and kind of everything in `text` that must not be there."""
    known = {**dict.fromkeys(PASSWORDS, "a password"), **dict.fromkeys(NAMES, "a person's name")}
    known |= secrets
    for number, line in enumerate(text.splitlines(), start=1):
        yield from ((number, what) for value, what in known.items() if value in line)
        yield from ((number, what) for what, form in FORMS.items() if form.search(line))


def leaks_in(files: Iterable[Path], *, secrets: Mapping[str, str]) -> list[str]:
    """`file:line: kind` of each; a file that was written by somebody else's program is left out."""
    return [
        f"{file}:{number}: {what}"
        for file in sorted(files)
        if file.name not in NOT_OURS
        for number, what in leaks(file.read_text(errors="replace"), secrets=secrets)
    ]
