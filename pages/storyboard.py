"""The mood board of approved pictures, how they should move, and a free look at it."""

from decimal import Decimal
from functools import partial

import streamlit as st

from adgen.domain import PROMPT_MAX, AdState, Aspect, AssetInfo, JobKind
from adgen.ui import components, plans, sharing, state, widgets, words

BOARD, ANIMATIC = "Pictures", "Animatic"

person, ad = state.require_ad()
act = state.commands()
widgets.header(ad, "storyboard")

if len(ad.approved_images) < 2:
    widgets.follow(ad, widgets.status)
    widgets.not_yet(
        ad,
        "Choose pictures first",
        "Approve at least two pictures; the storyboard is made of them.",
        "Go to the pictures",
        "images",
    )
    st.stop()


def mood_board() -> None:
    """The pictures as they are, to look at and to keep."""
    components.board(
        "mood",
        [widgets.tile_of(i, i.details["view"]) for i in ad.approved_images],
        layout="board" if ad.aspect is Aspect.WIDE else "film",
        ratio=ad.aspect.value,
    )
    sharing.board_links(ad, "images")


def pictures_or(animatic: AssetInfo) -> None:
    """The pictures, or the animatic made of them; one that has just come is shown."""
    key, seen = f"look-{ad.id}", f"animatic-{ad.id}"
    if state.remember(seen, animatic.id) != animatic.id:
        state.keep(seen, animatic.id)
        state.keep(key, ANIMATIC)
    state.remember(key, BOARD)
    if (
        st.segmented_control(
            "Look at",
            [BOARD, ANIMATIC],
            key=key,
            required=True,
            label_visibility="collapsed",
        )
        == BOARD
    ):
        mood_board()
        return
    facts = animatic.details
    old = facts.get("image_ids") != list(ad.approved_image_ids) or facts.get("aspect") != ad.aspect
    components.player(
        animatic.url,
        f"Animatic of {ad.title}",
        ratio=facts.get("aspect", ad.aspect.value),
        around=356,
        note=f"{facts['duration_seconds']:.1f} s · A preview from still pictures, before any clip "
        "is paid for.",
    )
    if old:
        st.caption(
            ":material/update: It was made of other pictures than those approved now. "
            "Make it anew to see them."
        )


def going_on(now: AdState) -> None:
    """What is being made here, or what stands in the way, else how much there is."""
    widgets.status(now, JobKind.ANIMATIC, JobKind.SCENES)
    if not now.working:
        with st.container(key="status-pictures"):
            st.caption(f"{len(now.approved_images)} approved pictures")


board, side = st.columns([3, 2], gap="large")
with board, st.container(key="stays"):
    if made := ad.previews.get("animatic"):
        pictures_or(made)
    else:
        state.remember(f"animatic-{ad.id}", "")
        mood_board()
    widgets.follow(ad, going_on)
with side:
    prompt = st.text_area(
        "How should it move?",
        **state.field(ad, "video_prompt", ad.video_prompt),
        height=120,
        max_chars=PROMPT_MAX,
        placeholder=state.SAMPLE_MOTION,
        help="One sentence for the whole film. Slow and calm words move less, fast ones more.",
    )
    model = widgets.model_choice(ad, "clip", ad.clip_model, "Model for the clips")
    scenes = plans.scenes(ad, prompt, model)


def offer_animatic() -> None:
    """The quiet way to see the film before it costs anything."""
    if st.button(
        words.priced("Animatic", Decimal(0)),
        key="animatic",
        icon=":material/play_circle:",
        disabled=ad.working or not person.may_change,
        help="The pictures with camera moves, cards and music: how the film will feel, before "
        "any clip is paid for.",
    ) and state.did(lambda: act.start_animatic(person, ad.id)):
        st.rerun()


def offers() -> None:
    """What can be looked at or read first."""
    offer_animatic()
    if not scenes:
        plans.offer(
            ad,
            JobKind.SCENES,
            "Write the scenes first",
            lambda: act.start_scenes(person, ad.id, prompt),
            "How each picture moves, to read and change before any clip is made.",
        )


wanted = plans.wanted(ad, prompt, scenes)
price = act.estimate(
    JobKind.CLIPS, ad.provider, model, wanted.number, plan=not scenes, seconds=wanted.seconds
)
usual = "" if scenes else f"About {plans.usual_seconds(model):.0f} seconds each"
if widgets.next_bar(
    wanted.note or usual,
    words.priced(wanted.label, price),
    disabled=ad.working,
    quiet=widgets.retry_first(ad),
    beside=offers,
    do=partial(act.start_clips, person, ad.id, prompt, model=model, scenes=scenes),
):
    state.go("clips", ad.id)
