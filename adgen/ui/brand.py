"""The brand section of the settings: a team's look, and how it comes out."""

from __future__ import annotations

from typing import Any, NamedTuple

import streamlit as st

from adgen.domain import TITLE_MAX, Aspect, Brand, Font, Person
from adgen.providers import cards
from adgen.ui import components, state, stills
from adgen.ui.words import plain

FONTS = {
    Font.NOTO_SANS: "Noto Sans",
    Font.MANROPE: "Manrope",
    Font.LATO: "Lato",
    Font.PLAYFAIR: "Playfair Display",
    Font.OSWALD: "Oswald",
}
SAMPLE_NAME, SAMPLE_WORDS = "Oak & Clay", "Made by hand in small numbers"
_FIELDS = ("background", "ink", "font", "cta")


class Logo(NamedTuple):
    """A logo just chosen: as it came, and as it will be drawn."""

    file: tuple[bytes, str]
    png: bytes


def section(person: Person) -> None:
    """Colours, typeface, words and logo; beside them what they make."""
    saved = state.commands().load_brand(person)
    saved = saved.model_copy(
        update={"background": saved.background.upper(), "ink": saved.ink.upper()}
    )
    _begin(saved)
    may = person.role not in ("viewer", "analyst")
    st.subheader("Brand")
    st.caption("How cards and lower thirds look, in every film from the next one on.")
    form, shown = st.columns(2, gap="large")
    with form:
        brand, logo = _form(saved, may)
        drawn = logo.png if logo else stills.logo_of(brand)
        _say(brand, drawn)
        if not may:
            st.caption("You may look at it; an editor can change it.")
        elif st.button(
            "Save the brand",
            type="primary",
            key="save-brand",
            disabled=brand == saved and logo is None,
        ):
            _save(person, brand, logo)
    with shown:
        _preview(brand, drawn)


def _begin(saved: Brand) -> None:
    """Fill the form with what is saved; anew when that has changed, here or elsewhere."""
    fresh = state.remember("brand-seen", saved) != saved
    state.keep("brand-seen", saved)
    for name in _FIELDS:
        (state.keep if fresh else state.remember)(f"brand-{name}", getattr(saved, name))


def _form(saved: Brand, may: bool) -> tuple[Brand, Logo | None]:
    """The brand as it would be saved, and a new logo."""
    with st.container(horizontal=True, gap="large", key="brand-colours"):
        background = st.color_picker("Background", key="brand-background", disabled=not may)
        ink = st.color_picker("Text", key="brand-ink", disabled=not may)
    font = st.selectbox(
        "Typeface",
        list(FONTS),
        key="brand-font",
        format_func=lambda font: FONTS[Font(font)],
        disabled=not may,
    )
    cta = st.text_input(
        "Usual call to action", key="brand-cta", max_chars=TITLE_MAX, disabled=not may
    )
    logo = _logo() if may else None
    gone = may and saved.logo_key and not logo and st.toggle("Remove the logo", key="brand-no-logo")
    brand = Brand(
        background=background.upper(),
        ink=ink.upper(),
        font=Font(font),
        cta=cta,
        logo_key="" if gone else saved.logo_key,
    )
    return brand, logo


def _logo() -> Logo | None:
    """A logo that was just chosen; a file that is none is said."""
    file = st.file_uploader(
        "Logo (optional)",
        type=["png", "jpg", "jpeg", "webp"],
        key=f"brand-file-{state.remember('brand-round', 0)}",
        help="Best is a PNG or WebP with a see-through background. It stands above the words.",
    )
    found: list[Logo] = []
    if file is not None:
        data, name = file.getvalue(), file.name
        state.did(lambda: found.append(Logo((data, name), cards.read_logo(data, name))))
    return found[0] if found else None


def _say(brand: Brand, logo: bytes) -> None:
    """How the colours read, in plain words."""
    if remarks := stills.remarks(brand, logo):
        st.caption(f":material/info: {plain(remarks)}")
        return
    # Down, never up: 4.49 is not 4.5.
    apart = int(cards.contrast(brand.ink, brand.background) * 10) / 10
    st.caption(f":material/check: The text reads well on its background ({apart}:1).")


def _preview(brand: Brand, logo: bytes) -> None:
    def card(label: str, words: str) -> dict[str, Any]:
        return _tile(label, stills.card(words, Aspect.WIDE, brand, logo))

    components.board(
        "brand",
        [
            card("Opening card", SAMPLE_NAME),
            card("Closing card", brand.cta),
            _tile("", stills.over_sample(SAMPLE_WORDS, brand, logo)) | {"alt": "Lower third"},
        ],
        layout="kit",
    )


def _tile(label: str, url: str) -> dict[str, Any]:
    return {"id": label, "url": url, "label": label, "focus": [0.5, 0.5], "video": False}


def _save(person: Person, brand: Brand, logo: Logo | None) -> None:
    file = logo.file if logo else None
    if state.did(lambda: state.commands().save_brand(person, brand, file)):
        # A fresh uploader: the logo is ours now.
        state.keep("brand-round", state.remember("brand-round", 0) + 1)
        st.toast("Saved. Films cut from now on look like this.", icon=":material/check:")
        st.rerun()
