"""Plans to read and change before they are paid for: the six prompts, the scenes of the clips."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from decimal import Decimal
from functools import partial
from typing import NamedTuple

import streamlit as st

from adgen.domain import (
    PROMPT_MAX,
    SEED_MAX,
    SEED_MIN,
    AdState,
    AssetInfo,
    JobKind,
    Scene,
    SceneWords,
    View,
)
from adgen.prices import CLIP_S
from adgen.providers.catalogue import ModelSpec, label_of, load_model
from adgen.providers.offline import maker_of_image, without_photos
from adgen.providers.studio import orders as studio
from adgen.ui import components, state, widgets
from adgen.ui.words import about, plain, priced

SHORTEST_S, LONGEST_S = 2.0, 5.0
# What stands where a plan is still to come is as high as what comes: a text with its label, a card.
_PROMPT_HIGH, _WORDS_HIGH, _CARD_HIGH = 192, 129, 282
_PROMPT_WIDE = 320


def offer(ad: AdState, kind: JobKind, label: str, start: Callable[[], object], why: str) -> None:
    """The quiet way to read a plan before what it is for is paid for."""
    price = state.commands().estimate(kind, ad.provider, ad.image_model, 0)
    if st.button(
        priced(label, price),
        key=f"first-{kind}",
        icon=":material/edit_note:",
        disabled=ad.working or not state.may_change(),
        help=why,
    ) and state.did(start):
        st.rerun()


# ---- the prompts of the pictures


class Asked(NamedTuple):
    """The six prompts and the seed as they stand on the page; None where there are none."""

    prompts: dict[View, str] | None = None
    seed: int | None = None


def prompts_fit(ad: AdState, words: str) -> bool:
    """Whether the ad has prompts, and they were written for these words."""
    return bool(ad.prompts) and ad.product_prompt == words.strip()


def prompts(ad: AdState, words: str, model: str) -> Asked:
    """The prompts to read and change, with what goes on in the line above them."""
    written, coming = prompts_fit(ad, words), _is_coming(ad, JobKind.PLAN)
    if written or coming:
        st.subheader("What will be asked for", anchor=False)
    said = _asked_for(ad, model) if written else _other_words(ad)
    widgets.follow(ad, partial(_line, kind=JobKind.PLAN, said=said))
    if coming:
        with st.grid(min_column_width=_PROMPT_WIDE):
            for _ in View:
                st.skeleton(height=_PROMPT_HIGH)
    return _edited(ad) if written and not coming else Asked()


def _is_coming(ad: AdState, kind: JobKind) -> bool:
    return ad.working and widgets.job_of(ad, kind)


def _line(now: AdState, *, kind: JobKind, said: str) -> None:
    """What goes on with a plan, else what is said of it, in the same place."""
    widgets.status(now, kind)
    if said and not now.working:
        with st.container(key="status-plan-said"):
            st.caption(said)


def _asked_for(ad: AdState, model: str) -> str:
    """The product as it was understood, the style, the model and its price."""
    style = ", ".join(ad.style_keywords)
    made_by = maker_of_image(model, photo=bool(ad.photos))
    name = label_of(made_by).partition(" (")[0]
    facts = [ad.product, style, f"{name}, {_each(load_model(model).expected_cost, 'picture')}"]
    first, *rest = [plain(fact) for fact in facts if fact]
    return " · ".join([f"**{first}**", *rest])


def _each(price: Decimal | None, one: str) -> str:
    return about(price) if price == 0 else f"{about(price)} a {one}"


def _other_words(ad: AdState) -> str:
    if not ad.prompts:
        return ""
    return "The prompts were written for other words. They are written anew when you generate."


def _edited(ad: AdState) -> Asked:
    """The six texts and the seed."""
    with st.grid(min_column_width=_PROMPT_WIDE):
        texts = {
            asked.view: st.text_area(
                asked.view.capitalize(),
                **state.field(ad, f"prompt_{asked.view}", asked.prompt, edits=asked.prompt),
                height=_PROMPT_HIGH,
                max_chars=PROMPT_MAX,
            )
            for asked in ad.prompts
        }
    with st.container(horizontal=True, vertical_alignment="bottom", key="asked-seed"):
        present = ad.consistency_seed or SEED_MIN
        seed = st.number_input(
            "Seed",
            SEED_MIN,
            SEED_MAX,
            step=1,
            **state.field(ad, "seed", present, _seed_of, edits=present),
            width=180,
            help="All six are made with it. The same words and seed give the same pictures.",
        )
        for note in _notes(ad):
            st.caption(note, width="content")
    return Asked(texts, int(seed))


def _seed_of(draft: str) -> int:
    return min(max(int(draft), SEED_MIN), SEED_MAX)


def _notes(ad: AdState) -> list[str]:
    """Where else to change a prompt, and where it changes nothing."""
    notes = []
    if ad.images:
        notes.append("To change one picture, press E on it in Images.")
    if ad.provider == "offline":
        made = "made from your photos" if ad.photos else without_photos()
        # The studio reads them, photos and placeholders do not.
        reads = studio.in_use() and not ad.photos
        kept = "" if reads else "; the prompts are kept for hosted models"
        notes.append(f"Offline pictures are {made}{kept}.")
    return notes


# ---- the scenes of the clips


class Wanted(NamedTuple):
    """What a press makes: how many clips, how many stay, whether all are here and wanted anew.

    `seconds` are their lengths, as far as their scenes are on the page.
    """

    number: int
    kept: int
    anew: bool
    seconds: tuple[float, ...] = ()

    @property
    def label(self) -> str:
        """What the press is called."""
        return f"Make {self.number}{' new' if self.anew else ''} clip{'s' * (self.number != 1)}"

    @property
    def note(self) -> str:
        """What is left as it is, if anything."""
        if not self.kept:
            return ""
        many = self.kept > 1
        return f"{self.kept} clip{'s are' if many else ' is'} up to date and stay{'s' * (not many)}"


def scenes_fit(ad: AdState, words: str) -> bool:
    """Whether each approved picture has a scene, and it was written for these words."""
    planned = {scene.image_id for scene in ad.scenes}
    return ad.video_prompt == words.strip() and {i.id for i in ad.approved_images} <= planned


def wanted(ad: AdState, words: str, scenes: Mapping[str, SceneWords]) -> Wanted:
    """What the clips' button makes of these words and scenes, as the command decides it."""
    stays = [
        image
        for image in ad.approved_images
        if (clip := _clip_of(ad, image, words)) and not _reworded(clip, scenes.get(image.id))
    ]
    anew = len(stays) == len(ad.approved_images)
    made = [image for image in ad.approved_images if anew or image not in stays]
    seconds = tuple(scenes[i.id].duration_seconds for i in made if i.id in scenes)
    return Wanted(len(made), 0 if anew else len(stays), anew, seconds)


def _clip_of(ad: AdState, image: AssetInfo, words: str) -> AssetInfo | None:
    """The clip of a picture, if it is up to date and the words for the movement are the same."""
    if ad.video_prompt != words.strip():
        return None
    return next((c for c in ad.clips if c.slot == image.slot and not c.stale), None)


def _reworded(clip: AssetInfo, scene: SceneWords | None) -> bool:
    made = clip.details.get("description")
    return scene is not None and made is not None and scene.description.strip() != made


def scenes(ad: AdState, words: str, model: str) -> dict[str, SceneWords]:
    """A card for each approved picture, to read and change; nothing while there are no scenes."""
    if _is_coming(ad, JobKind.SCENES):
        for _ in ad.approved_images:
            st.skeleton(height=_CARD_HIGH)
        return {}
    if not words.strip():
        _offer_words(ad)
        return {}
    if not scenes_fit(ad, words):
        st.caption(_other_scenes(ad, words))
        return {}
    spec = load_model(model)
    for note in _limits(spec):
        st.caption(f":material/info: {plain(note)}")
    planned = {scene.image_id: scene for scene in ad.scenes}
    return {
        image.id: _card(ad, image, planned[image.id], spec, _clip_of(ad, image, words))
        for image in ad.approved_images
    }


def _offer_words(ad: AdState) -> None:
    """Words that do for most products, one click away."""
    st.button(
        f"Use “{state.SAMPLE_MOTION}”",
        key="use-words",
        type="tertiary",
        icon=":material/format_quote:",
        on_click=state.fill_in,
        args=(ad.id, "video_prompt", state.SAMPLE_MOTION),
        **state.barred(),
    )


def _other_scenes(ad: AdState, words: str) -> str:
    if not ad.scenes:
        return ""
    if ad.video_prompt != words.strip():
        return "The scenes were written for other words. They are written anew with the clips."
    return "Not every picture has its scene yet. What is missing is written with the clips."


def _limits(spec: ModelSpec) -> list[str]:
    """What of a scene the model does not go by."""
    name, notes = spec.label.partition(" (")[0], []
    if not spec.takes_prompt:
        notes.append(f"{name} does not read words; the motion and the length decide.")
    if spec.durations:
        notes.append(f"{name} makes clips of {_lengths(spec.durations)}; the nearest is taken.")
    if not _takes_motion(spec):
        notes.append(f"{name} takes the motion from the words.")
    return notes


def _lengths(offered: tuple[int, ...]) -> str:
    whole = [*range(offered[0], offered[-1] + 1)]
    if len(offered) > 2 and list(offered) == whole:
        return f"{offered[0]} to {offered[-1]} whole seconds"
    return " or ".join(str(seconds) for seconds in offered) + " s"


def _takes_motion(spec: ModelSpec) -> bool:
    """Whether how much it moves is said to the model by a number."""
    return spec.provider == "offline" or "motion_bucket_id" in spec.inputs.values()


def usual_seconds(model: str) -> float:
    """How long a clip of the model is, where nobody has said how long."""
    return load_model(model).length(CLIP_S)


def _card(
    ad: AdState, image: AssetInfo, scene: Scene, spec: ModelSpec, clip: AssetInfo | None
) -> SceneWords:
    """One picture and its scene."""
    view, name = str(image.details["view"]), f"scene_{image.id}"
    with st.container(border=True, key=f"scene-{image.slot}"):
        picture, said = st.columns([5, 7])
        with picture:
            tile = widgets.tile_of(image, view)
            components.board(name, [tile], layout="film", ratio="4:3")
        with said:
            text = st.text_area(
                f"How the {view} view moves",
                **state.field(ad, f"{name}_words", scene.description, edits=scene.description),
                height=_WORDS_HIGH,
                max_chars=PROMPT_MAX,
            )
        left, right = st.columns(2)
        with left:
            motion = _motion(ad, name, scene, usable=_takes_motion(spec))
        with right:
            seconds = _length(ad, name, scene)
        directed = SceneWords(
            # Without words it is the command that refuses, in words of its own.
            description=text.strip() or " ",
            motion_intensity=round(motion, 2),
            duration_seconds=round(seconds, 1),
        )
        facts = [
            f"Seed {ad.seed_of(JobKind.CLIPS, image.slot)}",
            _each(spec.cost_of(seconds), "clip"),
        ]
        if clip:
            facts.append("to be made again" if _reworded(clip, directed) else "up to date")
        st.caption(plain(" · ".join(facts)))
    return directed


def _length(ad: AdState, name: str, scene: Scene) -> float:
    planned = scene.duration_seconds
    reads = state.number(SHORTEST_S, LONGEST_S)
    field = state.field(ad, f"{name}_seconds", planned, reads, edits=planned)
    return float(st.slider("Length", SHORTEST_S, LONGEST_S, step=0.1, format="%.1f s", **field))


def _motion(ad: AdState, name: str, scene: Scene, *, usable: bool) -> float:
    """How much it moves, 0..1, and what that is called."""
    planned = scene.motion_intensity
    field = state.field(ad, f"{name}_motion", planned, state.number(0.0, 1.0), edits=planned)
    moves = state.remember(field["key"], planned)
    word = "still" if moves < 0.2 else "gentle" if moves <= 0.6 else "lively"
    return float(
        st.slider(
            f"Motion · {word}",
            0.0,
            1.0,
            step=0.05,
            format="%.2f",
            **(field if usable else field | {"disabled": True}),
            help="From still to lively. Used the next time this clip is made.",
        )
    )
