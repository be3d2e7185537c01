"""What a person chooses for a film, and what it will show, part by part."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import streamlit as st

from adgen.domain import (
    TITLE_MAX,
    AdState,
    Aspect,
    AssetInfo,
    AudioChoice,
    Brand,
    CutChoices,
    Fill,
    TextOverlay,
    Transition,
)
from adgen.providers import cards, timeline
from adgen.providers.ffmpeg import FPS
from adgen.ui import soundtrack, state, stills
from adgen.ui.words import plain

# How each transition is called, and how several of it are.
TRANSITIONS = {
    Transition.FADE: ("Crossfade", "crossfades"),
    Transition.DISSOLVE: ("Dissolve", "dissolves"),
    Transition.BLACK: ("Through black", "fades through black"),
    Transition.WIPE: ("Wipe", "wipes"),
    Transition.SLIDE: ("Slide", "slides"),
    Transition.SMOOTH: ("Smooth slide", "smooth slides"),
    Transition.ZOOM: ("Zoom", "zooms"),
    Transition.CUT: ("Hard cut", "hard cuts"),
}
FILLS = {Fill.PAD: "Black bars", Fill.BLUR: "Blurred picture"}
LOWER_LATEST, LOWER_LEAST, LOWER_MOST = 120.0, 0.5, 60.0
FADE_LEAST, FADE_MOST = 0.2, 1.0
# Shapes nearer than this are the same: what is left over is not seen.
SAME_SHAPE = 0.02


class Choices(NamedTuple):
    """A film as a person wants it. `missing` says what has to be chosen first."""

    overlay: TextOverlay
    audio: AudioChoice
    shapes: list[Aspect]
    cut: CutChoices
    missing: str

    @property
    def main(self) -> Aspect:
        """The shape that is shown."""
        return self.shapes[0]


# ---- the form


def form(ad: AdState, brand: Brand) -> Choices:
    """Words, music, shapes and how it is cut; each is kept as it is typed or chosen."""
    overlay = _words(ad, brand)
    audio, volume, missing = soundtrack.form(ad)
    shapes: list[Aspect] = st.pills(
        "Shapes",
        list(Aspect),
        **state.field(ad, "shapes", list(ad.shapes), state.shapes_of),
        selection_mode="multi",
        help="A film of each. 16:9 for the web and television, 9:16 for stories, "
        "1:1 and 4:5 for feeds. The one chosen first is shown here.",
    )
    # In words of its own: what a page knows by value may come from another load of the module.
    shapes = [Aspect(shape) for shape in shapes]
    cut = _more(ad, volume, shapes or [ad.aspect])
    return Choices(
        overlay, audio, shapes or [ad.aspect], cut, missing if shapes else "Choose a shape"
    )


def _words(ad: AdState, brand: Brand) -> TextOverlay:
    used = ad.text_overlay
    if used == TextOverlay():
        used = TextOverlay(product_name=ad.product[:60].capitalize(), cta=brand.cta)
    name = st.text_input(
        "Name on the opening card",
        **state.field(ad, "product_name", used.product_name),
        max_chars=TITLE_MAX,
    )
    cta = st.text_input(
        "Call to action on the closing card", **state.field(ad, "cta", used.cta),
        max_chars=TITLE_MAX,
    )  # fmt: skip
    lower = st.text_input(
        "Lower third (optional)",
        **state.field(ad, "lower_third", used.lower_third),
        max_chars=TITLE_MAX,
        placeholder="Words that lie over the clips for a moment",
    )
    start, seconds = used.lower_start, used.lower_seconds
    if lower.strip():
        with st.container(horizontal=True, key="lower-times"):
            start = st.number_input(
                "Comes after, s",
                min_value=0.0,
                max_value=LOWER_LATEST,
                step=0.5,
                format="%.1f",
                **state.field(ad, "lower_start", start, state.number(0.0, LOWER_LATEST)),
                help="Counted from the end of the opening card.",
            )
            seconds = st.number_input(
                "Stays for, s",
                min_value=LOWER_LEAST,
                max_value=LOWER_MOST,
                step=0.5,
                format="%.1f",
                **state.field(ad, "lower_seconds", seconds, state.number(LOWER_LEAST, LOWER_MOST)),
            )
    overlay = TextOverlay(
        product_name=name, cta=cta, lower_third=lower, lower_start=start, lower_seconds=seconds
    )
    for remark in _remarks(overlay, brand):
        st.caption(f":material/info: {plain(remark)}")
    return overlay


def _remarks(overlay: TextOverlay, brand: Brand) -> list[str]:
    """What will be hard to read, or not there at all."""
    lost = cards.undrawable(f"{overlay.product_name} {overlay.cta} {overlay.lower_third}")
    none = f"No typeface here has {' '.join(lost[:12])}, so the film leaves it out." if lost else ""
    return [words for words in (none, stills.remarks(brand, stills.logo_of(brand))) if words]


def _more(ad: AdState, volume: float, shapes: Sequence[Aspect]) -> CutChoices:
    saved = ad.cut
    with st.expander("More"):
        transition = Transition(
            st.selectbox(
                "Between the clips",
                list(TRANSITIONS),
                **state.field(ad, "transition", saved.transition, Transition),
                format_func=lambda kind: TRANSITIONS[Transition(kind)][0],
            )
        )
        seconds = saved.transition_seconds
        if transition is not Transition.CUT:
            reads = state.number(FADE_LEAST, FADE_MOST)
            seconds = st.slider(
                "How long",
                FADE_LEAST,
                FADE_MOST,
                step=0.1,
                format="%.1f s",
                **state.field(ad, "transition_seconds", reads(str(seconds)), reads),
            )
        fill = saved.fill
        if _another_shape(ad, shapes):
            fill = Fill(
                st.segmented_control(
                    "Beside clips of another shape",
                    list(FILLS),
                    **state.field(ad, "fill", fill, Fill),
                    format_func=lambda kind: FILLS[Fill(kind)],
                    required=True,
                )
            )
        loudness = st.toggle(
            "Even loudness (-14 LUFS)",
            **state.field(ad, "loudness", saved.loudness, state.is_on),
            help="As loud as most platforms play a film. The volume above then only weighs the "
            "music against the clips' own sound.",
        )
        own_sound = st.toggle(
            "Keep the clips' own sound",
            **state.field(ad, "clip_audio", saved.clip_audio, state.is_on),
            help="Where a clip has sound, it is heard under the music.",
        )
        smooth = st.toggle(
            "Smooth the motion",
            **state.field(ad, "smooth", saved.smooth, state.is_on),
            help="Draws the frames between those of a clip that has few. It takes longer.",
        )
    return CutChoices(
        transition=transition,
        transition_seconds=round(seconds, 2),
        music_volume=volume,
        loudness=loudness,
        clip_audio=own_sound,
        smooth=smooth,
        fill=fill,
    )


def _another_shape(ad: AdState, shapes: Sequence[Aspect]) -> bool:
    """Whether a clip does not fill a film of one of these shapes."""
    return not all(_fits(clip, shape, ad) for clip in ad.ordered_clips for shape in shapes)


def _fits(clip: AssetInfo, shape: Aspect, ad: AdState) -> bool:
    otherwise = ad.aspect.size
    wide = float(clip.details.get("width", otherwise[0]))
    high = float(clip.details.get("height", otherwise[1]))
    return abs(wide / high * shape.size[1] / shape.size[0] - 1) <= SAME_SHAPE


# ---- what it will show


def length(ad: AdState, cut: CutChoices) -> str:
    """How long the film will be, and of what."""
    seconds = _timing(ad, cut).total / FPS
    if len(ad.ordered_clips) == 1:
        return f"1 clip with cards: {seconds:.1f} s"
    _, joints = TRANSITIONS[cut.transition]
    return f"{len(ad.ordered_clips)} clips with cards and {joints}: {seconds:.1f} s"


def _timing(ad: AdState, cut: CutChoices) -> timeline.Timing:
    fade = 0.0 if cut.transition is Transition.CUT else cut.transition_seconds
    seconds = [float(clip.details["duration_seconds"]) for clip in ad.ordered_clips]
    return timeline.plan(seconds, crossfade=fade)


def parts(ad: AdState, chosen: Choices, brand: Brand) -> tuple[list[dict[str, Any]], str]:
    """The film for the monitor: its cards, its clips, its draft; and which clip has the words."""
    logo = stills.logo_of(brand)
    with_words = _clip_with_words(ad, chosen)
    band = stills.band(chosen.overlay.lower_third, chosen.main, brand, logo)
    if band:
        band["alt"] = f"Lower third: {chosen.overlay.lower_third}"
    items = [_card("intro", "Opening card", "Opening", chosen.overlay.product_name, chosen, brand)]
    for number, clip in enumerate(ad.ordered_clips, 1):
        picture = ad.image(clip.details.get("image_id", ""))
        items.append(
            {
                "id": clip.id,
                "kind": "clip",
                "title": f"Clip {number}",
                "label": str(number),
                "url": clip.url,
                "thumb": picture.url if picture else "",
                "note": f"{float(clip.details['duration_seconds']):.1f} s",
                "fits": _fits(clip, chosen.main, ad),
                "over": band if clip.id == with_words else None,
            }
        )
    items.append(_card("outro", "Closing card", "Closing", chosen.overlay.cta, chosen, brand))
    if draft := ad.previews.get("draft"):
        items.append(_draft(draft, is_current(draft, ad, chosen, brand)))
    return items, with_words


def _card(
    part: str, title: str, label: str, text: str, chosen: Choices, brand: Brand
) -> dict[str, Any]:
    picture = stills.card(text, chosen.main, brand, stills.logo_of(brand))
    return {
        "id": part,
        "kind": "card",
        "title": title,
        "label": label,
        "url": picture,
        "thumb": picture,
        "note": "1.0 s",
    }


def _draft(draft: AssetInfo, current: bool) -> dict[str, Any]:
    facts = draft.details
    return {
        "id": draft.id,
        "kind": "film",
        "title": "Draft",
        "label": "Draft",
        "url": draft.url,
        "thumb": "",
        "note": f"{facts['duration_seconds']:.1f} s · {facts['width']}×{facts['height']} ·",
        "remark": "made with these choices" if current else "made before your last changes",
        "old": not current,
    }


def is_current(draft: AssetInfo, ad: AdState, chosen: Choices, brand: Brand) -> bool:
    """Whether a draft was made of what is chosen now."""
    wanted = {
        "text_overlay": chosen.overlay.model_dump(mode="json"),
        "cut": chosen.cut.model_dump(mode="json"),
        "brand": brand.model_dump(mode="json"),
        "clip_ids": list(ad.clip_order),
        "aspect": chosen.main.value,
    }
    # A draft of before pieces could be chosen keeps none.
    heard = AudioChoice.model_validate(draft.details.get("audio") or {})
    return heard == chosen.audio and all(
        draft.details.get(name) == value for name, value in wanted.items()
    )


def _clip_with_words(ad: AdState, chosen: Choices) -> str:
    timing = _timing(ad, chosen.cut)
    overlay = chosen.overlay
    first, _ = timeline.strip_frames(timing, overlay.lower_start, overlay.lower_seconds)
    under = [
        clip.id
        for clip, start in zip(ad.ordered_clips, timing.starts, strict=True)
        if start <= first
    ]
    return under[-1]


def pointed_at(ad: AdState, with_words: str) -> dict[str, str]:
    """Which part to show, and since when: the draft that has just come, or what was edited."""
    draft = ad.previews.get("draft")
    newest = draft.id if draft else ""
    shown: dict[str, str] = state.remember(f"shown-{ad.id}", {"id": with_words, "rev": ""})
    name, times = state.last_changed(ad.id)
    part = {"product_name": "intro", "cta": "outro"}.get(name)
    part = part or (with_words if name.startswith("lower_") else "")
    if newest != state.remember(f"draft-{ad.id}", newest):
        shown = {"id": newest, "rev": newest}
    elif part and state.remember(f"edits-{ad.id}", 0) != times:
        shown = {"id": part, "rev": f"{name} {times}"}
    # What to show comes first: this run may be cut off at any of these lines by the next one,
    # which then does it again and does not miss it.
    state.keep(f"shown-{ad.id}", shown)
    state.keep(f"draft-{ad.id}", newest)
    state.keep(f"edits-{ad.id}", times)
    return shown
