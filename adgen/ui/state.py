"""The browser's memory: who is signed in, which ad is open. A cache of what Postgres says."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, NoReturn, TypeVar

import streamlit as st

from adgen.commands import Commands
from adgen.domain import AdState, Aspect, Person, Stage
from adgen.errors import AdgenError, NotFound
from adgen.launch import running
from adgen.ui.words import plain

PAGES = Path(__file__).resolve().parents[2] / "pages"
COOKIE = "adgen_session"
T = TypeVar("T")
SAMPLE = "Oak chair and stoneware cups in a quiet kitchen, warm morning light"
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
    return person


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
    try:
        act()
    except AdgenError as error:
        st.error(plain(error.user_message), icon=":material/error:")
        return False
    return True


def remember(key: str, default: Any) -> Any:
    """A value of this browser tab, made once."""
    return st.session_state.setdefault(key, default)


def keep(key: str, value: Any) -> None:
    """Change what `remember` gives."""
    st.session_state[key] = value


def field(
    ad: AdState, name: str, otherwise: T, read: Callable[[str], T] | None = None
) -> dict[str, Any]:
    """Arguments of a widget whose value is kept as a draft of the ad, whatever happens next.

    It begins with the draft, else with `otherwise`. `read` makes a draft's words a value again
    when it is no text; a ValueError of it counts as no draft.
    """
    key = f"{name}-{ad.id}"
    remember(key, drafted(ad, name, otherwise, read))
    return {"key": key, "on_change": _save_draft, "args": (ad.id, name, key)}


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
    keep(f"changed-{session_id}", (name, remember(f"changed-{session_id}", ("", 0))[1] + 1))
    kept = None if value is None else text
    did(lambda: commands().save_draft(require_person(), session_id, name, kept))


def last_changed(session_id: str) -> tuple[str, int]:
    """The field of this ad that was changed last in this tab, and the how manieth change it was."""
    name, times = remember(f"changed-{session_id}", ("", 0))
    return str(name), int(times)


def add_sample(session_id: str) -> None:
    """Put the sample product into a brief: its photos, and its words where there are none."""
    person, key = require_person(), f"product_prompt-{session_id}"
    if did(lambda: commands().add_sample_photos(person, session_id)):
        st.session_state[key] = st.session_state.get(key) or SAMPLE
        _save_draft(session_id, "product_prompt", key)


def component_value(key: str, name: str) -> Any:
    """What a component last sent under `name`."""
    return st.session_state.get(key, {}).get(name)
