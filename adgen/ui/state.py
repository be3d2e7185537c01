"""The browser's memory: who is signed in, which ad is open. A cache of what Postgres says."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, NoReturn, TypeVar
from zlib import crc32

import streamlit as st

from adgen.commands import Commands
from adgen.domain import AdState, Aspect, Person, Stage
from adgen.errors import AdgenError, NotFound
from adgen.launch import running
from adgen.ui.words import plain

PAGES = Path(__file__).resolve().parents[2] / "pages"
COOKIE = "adgen_session"
T = TypeVar("T")
LOOK = "You may look at this ad, but not change it."
SAMPLE = "Oak chair and stoneware cups in a quiet kitchen, warm morning light"
SAMPLE_MOTION = "Slow morning light, gentle push-in"
# Where an ad is picked up again, by its stage.
_RESUME = {
    Stage.CREATED: "brief",
    Stage.PROMPT_PARSING: "images",
    Stage.IMAGE_GENERATION: "images",
    Stage.IMAGE_SELECTION: "images",
    Stage.CLIP_GENERATION: "clips",
    Stage.CLIP_SELECTION: "clips",
    Stage.FINAL_COMPOSITION: "final",
    Stage.COMPLETE: "final",
}


def commands() -> Commands:
    """The commands of this process."""
    return running().commands


def find_person() -> Person | None:
    """Who is signed in; asked of the database on every run, so that a logout counts at once."""
    return commands().who(st.context.cookies.get(COOKIE))


def require_person() -> Person:
    """As `find_person`; stops the page when nobody is. Every page calls it first."""
    person = find_person()
    if person is None:
        st.stop()
    keep("may-change", person.may_change)
    return person


def may_change() -> bool:
    """Whether whoever `require_person` found may do more than look; for the page's controls."""
    return bool(remember("may-change", False))


def barred() -> dict[str, Any]:
    """Arguments of a control that a person who may only look cannot use, with why; else none."""
    return {} if may_change() else {"disabled": True, "help": LOOK}


def require_ad() -> tuple[Person, AdState]:
    """The ad named in the address; without one, says so and stops the page."""
    person = require_person()
    try:
        # Postgres refuses a NUL in a text; an address may hold one.
        return person, commands().load_ad(person, st.query_params.get("ad", "").replace("\0", ""))
    except NotFound:
        st.subheader("This ad is not here")
        st.write("It may have been made by somebody else, or the address is incomplete.")
        if st.button("Go to your ads", type="primary"):
            st.switch_page(page("ads"))
        st.stop()


def page(name: str) -> Path:
    """The script of a page, as `st.switch_page` wants it."""
    return PAGES / f"{name}.py"


def go(name: str, session_id: str) -> NoReturn:
    """Open a step of an ad; both are in the address."""
    st.switch_page(page(name), query_params={"ad": session_id})


def resume_page(stage: Stage, failed_stage: Stage | None = None) -> str:
    """The page where an ad in this stage goes on."""
    return _RESUME.get(failed_stage or stage, "brief")


def did(act: Callable[[], object]) -> bool:
    """Do something that may be refused; when it was, say so on the page and give False."""
    if refused := tried(act):
        st.error(plain(refused), icon=":material/error:")
    return not refused


def tried(act: Callable[[], object]) -> str:
    """As `did`, where nothing can be said yet; gives the words of a refusal."""
    try:
        act()
    except AdgenError as error:
        return error.user_message
    return ""


def remember(key: str, default: Any) -> Any:
    """A value of this browser tab, made once."""
    return st.session_state.setdefault(key, default)


def keep(key: str, value: Any) -> None:
    """Change what `remember` gives."""
    st.session_state[key] = value


def value(key: str, otherwise: Any) -> Any:
    """What is kept, or what a control holds even before it is drawn."""
    return st.session_state.get(key, otherwise)


def field(
    ad: AdState,
    name: str,
    otherwise: T,
    read: Callable[[str], T] | None = None,
    *,
    edits: object = None,
) -> dict[str, Any]:
    """Arguments of a widget whose value is kept as a draft of the ad, whatever happens next.

    It begins with the draft, else with `otherwise`. `read` makes a draft's words a value again
    when it is no text; a ValueError of it counts as no draft. `edits` is what the field is an
    edit of: it begins anew when that becomes another.
    """
    key = f"{name}-{ad.id}"
    if edits is not None:
        key += f"-{crc32(str(edits).encode()):08x}"
    remember(key, drafted(ad, name, otherwise, read))
    locked = {} if may_change() else {"disabled": True}
    return {"key": key, "on_change": _save_draft, "args": (ad.id, name, key), **locked}


def drafted(ad: AdState, name: str, otherwise: T, read: Callable[[str], T] | None = None) -> Any:
    """What a field begins with: its draft, else what the ad says."""
    draft = ad.drafts.get(name)
    if draft is None:
        return otherwise if read else str(otherwise)
    try:
        return read(str(draft)) if read else str(draft)
    except ValueError:
        return otherwise


def is_on(draft: str) -> bool:
    """A switch out of its draft."""
    return draft == str(True)


def shapes_of(draft: str) -> list[Aspect]:
    """Shapes out of their draft, in the order they were chosen."""
    return [Aspect(word) for word in draft.split(",") if word]


def number(least: float, most: float) -> Callable[[str], float]:
    """What reads a number out of its draft; one that is out of bounds is the nearest in them."""
    return lambda draft: min(max(float(draft), least), most)


def _save_draft(session_id: str, name: str, key: str) -> None:
    value = st.session_state.get(key)
    text = ",".join(map(str, value)) if isinstance(value, list) else str(value)
    save(session_id, name, None if value is None else text)


def save(session_id: str, name: str, draft: str | None) -> None:
    """Keep the draft of a field that was just changed in this tab; None forgets it."""
    keep(f"changed-{session_id}", (name, last_changed(session_id)[1] + 1))
    did(lambda: commands().save_draft(require_person(), session_id, name, draft))


def fill_in(session_id: str, name: str, words: str) -> None:
    """Put words into a field, as if a person had typed them."""
    keep(f"{name}-{session_id}", words)
    save(session_id, name, words)


def last_changed(session_id: str) -> tuple[str, int]:
    """The field of this ad that was changed last in this tab, and the how manieth change it was."""
    name, times = remember(f"changed-{session_id}", ("", 0))
    return str(name), int(times)


def add_sample(session_id: str) -> None:
    """Put the sample product into an ad: its photos, and its words where there are none."""
    person = require_person()
    if did(lambda: commands().add_sample_photos(person, session_id)):
        ad = commands().load_ad(person, session_id)
        for name, words in (("product_prompt", SAMPLE), ("video_prompt", SAMPLE_MOTION)):
            typed = st.session_state.get(f"{name}-{session_id}")
            fill_in(session_id, name, typed or drafted(ad, name, getattr(ad, name)) or words)


def component_value(key: str, name: str) -> Any:
    """What a component last sent under `name`."""
    return st.session_state.get(key, {}).get(name)
