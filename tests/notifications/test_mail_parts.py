"""Both parts of every mail: they say the same, load nothing, and are fit for a dark screen."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

from app.domains.investments.jobs.notices import NOTICES
from app.kernel.notifications.mail import TEMPLATES, render

FOLDERS = sorted(path.name for path in TEMPLATES.iterdir() if path.is_dir())
CONTEXT: dict[str, Any] = {
    "title": "Redemption approved",
    "reference": "R-2026-000017",
    "body": "R-2026-000017: 1,234.50 USDT from <Yield> & more. It is paid within 36 hours.",
    "link": "/redemptions/1",
    "tenant_name": "Aurora <Digital>",
    "figures": [("Early exit penalty", "12.00 USDT"), ("Net", "1,234.50 USDT")],
    "lines": ["Ann <Lee> paid in 5.00 USDT"],
    "more": 3,
}


@pytest.fixture(params=FOLDERS)
def parts(request: pytest.FixtureRequest) -> tuple[str, str, str]:
    return render(request.param, CONTEXT)


def test_there_is_something_to_look_at() -> None:
    assert {"notification", "digest"} <= set(FOLDERS)
    for folder in FOLDERS:
        names = {path.name for path in (Path(TEMPLATES) / folder).iterdir()}
        assert names == {"subject.txt", "body.txt", "body.html"}, folder


def test_the_subject_carries_a_reference_and_no_amount(parts: tuple[str, str, str]) -> None:
    assert parts[0] == "Redemption approved: R-2026-000017"


def test_without_a_reference_the_subject_is_the_title() -> None:
    subject, text, html = render("notification", CONTEXT | {"reference": "", "figures": []})
    assert subject == "Redemption approved"
    assert "\n\n\n" not in text
    assert "<th" not in html


def test_the_text_is_plain_and_readable(parts: tuple[str, str, str]) -> None:
    text = parts[1]
    assert text.startswith("Redemption approved\nR-2026-000017\n\n")
    assert "https://portal.test/redemptions/1\n" in text
    assert "Aurora <Digital>" in text, "nothing is escaped where nothing is marked up"
    assert not re.search(r"&(amp|lt|gt|#\d+);|</?[a-z]+>|\{[{%]", text)
    assert "\n\n\n" not in text
    assert all(len(line) <= 100 for line in text.splitlines())


def test_both_parts_say_the_same(parts: tuple[str, str, str]) -> None:
    _, text, html = parts
    words = re.sub(r"<style>.*?</style>|<[^>]+>", " ", html, flags=re.S)
    words = words.replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&")
    shown = " ".join(words.split())
    for line in text.splitlines():
        said = " ".join(line.removeprefix("- ").split())
        if said and said != "--" and "https://" not in said and not said.endswith("Stakehold:"):
            for part in re.split(r":\s", said):
                assert part in shown, line
    for address in re.findall(r"https://\S+", text):
        assert f'href="{address}"' in html


def test_nothing_is_loaded_and_every_link_is_ours(parts: tuple[str, str, str]) -> None:
    html = parts[2]
    assert not re.search(r"<(img|link|script|iframe|object|video|audio|form|input)\b", html)
    assert not re.search(r"\bsrc=|\burl\(|@import|\bon[a-z]+=", html)
    links = re.findall(r'href="([^"]*)"', html)
    assert links
    assert all(link.startswith("https://portal.test/") for link in links)


def test_what_people_wrote_is_escaped(parts: tuple[str, str, str]) -> None:
    assert "Aurora &lt;Digital&gt;" in parts[2]
    assert "<Lee>" not in parts[2]
    assert "<Yield>" not in parts[2]


def test_it_says_what_a_dark_screen_does(parts: tuple[str, str, str]) -> None:
    html = parts[2]
    assert '<meta name="color-scheme" content="light dark">' in html
    dark = html[html.index("@media (prefers-color-scheme: dark)") : html.index("</style>")]
    # Whatever has a colour of its own has one for the dark as well.
    for classes in re.findall(r'class="([^"]+)" [^>]*style="[^"]*color:', html):
        assert any(f".{name}" in dark for name in classes.split()), classes


@pytest.mark.parametrize("event", sorted(NOTICES))
def test_every_notice_can_be_a_subject(event: str) -> None:
    subject, _, _ = render("notification", CONTEXT | {"title": NOTICES[event].title})
    assert subject == f"{NOTICES[event].title}: R-2026-000017"
    assert len(subject) <= 78
