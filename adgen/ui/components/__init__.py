"""Components where Streamlit has no widget: each is its html, css and js file in this folder.

A large one has a folder of its own, whose files of a kind are one file.

Registered once at import. Markup only comes from our files; people's words reach the page as text.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Literal

import streamlit as st

from adgen import statics
from adgen.domain import TITLE_MAX

_BASE = statics.component_file("base", "css")
# A large component's files come from our own route, once and not with every drawing. The page's
# address is not that of a module made in the browser, so it has to be said. A server that is just
# being started anew is asked again; by another address, since a failure may be remembered.
_LOADER = """const sheet = new CSSStyleSheet();
const files = async (turn) => {
  const at = (name) => `${location.origin}/api/static/${name}${turn ? `?turn=${turn}` : ""}`;
  const [script, style] = await Promise.all([import(at("<js>")), fetch(at("<css>"))]);
  if (!style.ok) throw new Error(style.statusText);
  sheet.replaceSync(await style.text());
  return script.default;
};
let draw;
for (let turn = 0; !draw; turn += 1) {
  draw = await files(turn).catch(() => new Promise((go) => setTimeout(go, 500)));
}
export default (given) => {
  const root = given.parentElement.getRootNode();
  if (!root.adoptedStyleSheets.includes(sheet)) root.adoptedStyleSheets.push(sheet);
  return draw(given);
};
"""
_UNTIL_THEN = ":host { visibility: hidden }"


def _component(name: str, *, isolate: bool = True) -> Callable[..., Any]:
    if name in statics.LARGE:
        css, js = _UNTIL_THEN, _LOADER
        for kind in statics.SERVED:
            js = js.replace(f"<{kind}>", statics.file_name(name, kind))
    else:
        css, js = (statics.component_file(name, kind) for kind in statics.SERVED)
    mount: Callable[..., Any] = st.components.v2.component(
        f"adgen_{name}",
        html=statics.component_file(name, "html"),
        css=_BASE + css,
        js=js,
        isolate_styles=isolate,
    )
    return mount


# The login form stays in the page's own tree, where password managers look for it.
_login = _component("login", isolate=False)
_stepper = _component("stepper")
_review = _component("review")
_wall = _component("wall")
_board = _component("board")
_player = _component("player")
_monitor = _component("monitor")
_music = _component("music")
_signout = _component("signout")
_links = _component("links")
_copy = _component("copy")
_pictures = _component("pictures")


def _nothing() -> None:
    """Components need a callback for each value they may send."""


def login(note: str = "", go: str = "") -> None:
    """The sign-in form, with a word on it; or the way on, at once, to the address `go`."""
    _login(key="login", data={"note": note, "go": go})


def sign_out() -> None:
    """A button that ends the login and starts afresh."""
    _signout(key="signout", data={})


def stepper(steps: Sequence[Mapping[str, Any]], title: str, money: str) -> str | None:
    """The way through an ad; gives the page a person chose."""
    data = {"steps": list(steps), "title": title, "money": money}
    chosen = _stepper(key="stepper", data=data, on_go_change=_nothing).go
    return str(chosen) if chosen else None


def review(
    key: str,
    data: Mapping[str, Any],
    *,
    on_review: Callable[[], None],
    on_regenerate: Callable[[], None],
    on_take: Callable[[], None],
) -> None:
    """The light table.

    Sends `review` after each press, with all that `data["seq"]` does not acknowledge yet (see
    `light_table.Sent`); `regenerate` {slot, text?, seed?} and `take`, an asset id, once.
    """
    _review(
        key=key,
        data=dict(data),
        on_review_change=on_review,
        on_regenerate_change=on_regenerate,
        on_take_change=on_take,
    )


def wall(ads: Sequence[Mapping[str, Any]], page: int, *, may_change: bool) -> None:
    """The library's films. Sends `act`: {id, what}, rename (with the title), archive and so on."""
    data = {"ads": list(ads), "page": page, "may_change": may_change, "title_max": TITLE_MAX}
    _wall(key="wall", data=data, on_act_change=_nothing)


def board(
    key: str,
    items: Sequence[Mapping[str, Any]],
    *,
    layout: Literal["board", "film", "kit", "strip"] = "board",
    ratio: str = "16:9",
    removable: bool = False,
) -> str | None:
    """Pictures or clips side by side; gives the id of one a person removed."""
    data = {"items": list(items), "layout": layout, "ratio": ratio, "removable": removable}
    removed = _board(key=key, data=data, on_remove_change=_nothing).remove
    return str(removed) if removed else None


def player(
    url: str,
    title: str,
    *,
    ratio: str,
    around: int,
    facts: Sequence[tuple[str, str]] = (),
    note: str = "",
    warn: str = "",
    name: str = "",
    receipt: bool = False,
) -> None:
    """A film that plays. With a `name` for its file it can be kept, with `receipt` that too.

    `around` is how much of the window's height is for other things, in pixels.
    """
    data = {"url": url, "title": title, "ratio": ratio, "around": around, "note": note}
    more = {"facts": [list(fact) for fact in facts], "warn": warn, "name": name}
    _player(key="player", data={**data, **more, "receipt": receipt})


def monitor(
    key: str, items: Sequence[Mapping[str, Any]], *, ratio: str, fill: str, show: Mapping[str, str]
) -> None:
    """The parts of a film, one of them large; `show` points at one, once for each `rev`."""
    data = {"items": list(items), "ratio": ratio, "fill": fill, "show": dict(show)}
    _monitor(key=key, data=data)


def music(key: str, data: Mapping[str, Any], on_choice: Callable[[], None]) -> None:
    """Pieces to hear and to choose from. Sends `choice`: {seq, id} after each choice."""
    _music(key=key, data=dict(data), on_choice_change=on_choice)


def links(
    key: str,
    items: Sequence[Mapping[str, Any]],
    *,
    look: Literal["", "stacked", "quiet"] = "",
    lead: str = "",
) -> None:
    """Links in this tab: {label, url}, with `file` one to keep, with `note` words below it."""
    data = {"links": [dict(item) for item in items], "look": look, "lead": lead}
    _links(key=key, data=data, width="stretch" if look == "stacked" else "content")


def chart_pictures(
    charts: Sequence[tuple[str, str]], *, lead: str, said: str, text: str, ground: str
) -> None:
    """Buttons that save charts of this page as PNG files: (name, label) each.

    `name` is the middle of the chart's key, `chart-NAME-...`; `said` goes into its title; colours
    are those of the title and of the ground.
    """
    named = [{"name": name, "label": label} for name, label in charts]
    colours = {"text": text, "ground": ground}
    data = {"charts": named, "lead": lead, "said": said, **colours}
    _pictures(key="pictures", data=data, width="content")


def copy_link(path: str) -> None:
    """An address of this server, whole, with a button that copies it."""
    _copy(key="copy", data={"path": path, "label": "Link"})


def copy_words(key: str, label: str, words: str) -> None:
    """Words that are told once, with a button that copies them."""
    _copy(key=key, data={"words": words, "label": label})
