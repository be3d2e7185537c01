"""The document of a replay: one page with its words as data, its script and its style inside.

It is shown from the app, from a share link, or from a file that carries all it shows.
"""

from __future__ import annotations

import hashlib
import html
import json
from base64 import b64encode
from collections.abc import Iterator, Mapping, Sequence
from functools import lru_cache
from importlib.resources import files
from pathlib import Path
from string import Template

from adgen.decks.story import Deck
from adgen.domain import Value

_HERE = files(__package__)
_LOOKS = files("adgen.ui")
# Which of our two font files has which letters, as in the app's own theme.
_FONTS = {
    "inter-latin.woff2": "U+0000-00FF, U+0131, U+0152-0153, U+02BB-02BC, U+02C6, U+02DA, U+02DC, "
    "U+0304, U+0308, U+0329, U+2000-206F, U+20AC, U+2122, U+2191, U+2193, U+2212, U+2215, U+FEFF, "
    "U+FFFD",
    "inter-latin-ext.woff2": "U+0100-02BA, U+1E00-1E9F, U+1EF2-1EFF, U+2020, U+20A0-20AB, "
    "U+20AD-20C0, U+2113, U+2C60-2C7F, U+A720-A7FF",
}
# Base64 turns three bytes into four letters, so that parts of such a size can be joined.
_PART = 3 * 2**16


class Door(Value):
    """Where a replay is shown: the address its files stand below, and where leaving it goes.

    Without `files` they are in the document itself; without `back` there is nowhere to go.
    """

    files: str = ""
    back: str = ""


class Embedded(Value):
    """A file that goes into the document."""

    path: Path
    content_type: str


def write(deck: Deck, door: Door) -> str:
    """The replay as a page of this server; it goes out with `headers`."""
    return "".join(_parts(deck, door, _fonts(inline=False), policy=""))


def embed(deck: Deck, kept: Mapping[str, Embedded]) -> Iterator[bytes]:
    """The replay as one file that needs nothing else, a part at a time; `kept` by file id."""
    fonts = _fonts(inline=True)
    policy = f"{_policy(fonts, 'data: blob:')}; font-src data:"
    before, after = _parts(deck, Door(), fonts, policy)
    yield before.encode()
    for file_id in deck.file_ids:
        file = kept[file_id]
        kind = html.escape(file.content_type)
        yield f'<script type="text/plain" id="file-{html.escape(file_id)}">'.encode()
        yield f"data:{kind};base64,".encode()
        yield from _base64(file.path)
        yield b"</script>\n"
    yield after.encode()


def headers(files: str | None = None) -> dict[str, str]:
    """What a browser is told with a page of `write`: run our script only, show our files only.

    `files` is where files are, if not here only.
    """
    media = " ".join(filter(None, ["'self' data:", files]))
    policy = f"{_policy(_fonts(inline=False), media)}; font-src 'self'"
    return {
        "Content-Security-Policy": f"{policy}; frame-ancestors 'none'",
        "Cache-Control": "private, no-store",
        "Referrer-Policy": "no-referrer",
        "X-Frame-Options": "DENY",
        "X-Robots-Tag": "noindex",
    }


def notice(title: str, words: str, link: tuple[str, str] | None = None) -> str:
    """A page that says one thing, in our words only; `link` is (label, address) of the way on."""
    label, address = link or ("", "")
    return Template(_text("notice.html")).substitute(
        title=title,
        words=words,
        link=f'<p><a href="{html.escape(address)}">{label}</a></p>' if link else "",
        fonts=_fonts(inline=False),
        style=_text("deck.css"),
        icon=_icon(),
    )


# ---- parts


def _parts(deck: Deck, door: Door, fonts: str, policy: str) -> Sequence[str]:
    """The document before and after the files that go into it."""
    meta = f'<meta http-equiv="Content-Security-Policy" content="{html.escape(policy)}">'
    whole = Template(_text("deck.html")).substitute(
        policy=meta if policy else "",
        fonts=fonts,
        style=_text("deck.css"),
        icon=_icon(),
        data=_as_data({**deck.model_dump(mode="json"), "door": door.model_dump()}),
        script=_text("deck.js"),
        files=_FILES,
    )
    before, _, after = whole.partition(_FILES)
    return before, after


_FILES = "<!--files-->"


def _as_data(value: object) -> str:
    """JSON that may stand in a script element: nothing in it can end that."""
    return json.dumps(value).replace("<", "\\u003c")


def _policy(fonts: str, media: str) -> str:
    """What the document may do: run and wear what is written in it, and show its files."""
    script, styles = _digest(_text("deck.js")), [_digest(fonts), _digest(_text("deck.css"))]
    return (
        f"default-src 'none'; script-src {script}; style-src {' '.join(styles)}; "
        f"img-src {media}; media-src {media}; base-uri 'none'; form-action 'none'"
    )


def _digest(text: str) -> str:
    return f"'sha256-{b64encode(hashlib.sha256(text.encode()).digest()).decode()}'"


@lru_cache(maxsize=2)
def _fonts(*, inline: bool) -> str:
    return "".join(
        "@font-face { font-family: Inter; font-weight: 100 900; font-display: swap; "
        f"src: url({_font(name, inline)}) format('woff2'); unicode-range: {letters}; }}\n"
        for name, letters in _FONTS.items()
    )


def _font(name: str, inline: bool) -> str:
    if not inline:
        return f"/api/static/{name}"
    data = (_LOOKS / "fonts" / name).read_bytes()
    return f"data:font/woff2;base64,{b64encode(data).decode()}"


@lru_cache(maxsize=1)
def _icon() -> str:
    data = (_LOOKS / "icon.png").read_bytes()
    return f"data:image/png;base64,{b64encode(data).decode()}"


@lru_cache(maxsize=8)
def _text(name: str) -> str:
    return (_HERE / name).read_text("utf-8")


def _base64(path: Path) -> Iterator[bytes]:
    with path.open("rb") as file:
        while part := file.read(_PART):
            yield b64encode(part)
