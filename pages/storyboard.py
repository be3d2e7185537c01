"""The mood board of approved pictures, and how they should move."""

import streamlit as st

from adgen.domain import PROMPT_MAX, Aspect, JobKind
from adgen.providers.catalogue import load_model
from adgen.ui import components, state, widgets, words

# How long a clip is meant to last, where the model lets us choose.
USUAL_S = 3

person, ad = state.require_ad()
act = state.commands()
widgets.header(ad, "storyboard")
widgets.status(ad)

if len(ad.approved_images) < 2:
    widgets.not_yet(
        ad,
        "Choose pictures first",
        "Approve at least two pictures; the storyboard is made of them.",
        "Go to the pictures",
        "images",
    )
    st.stop()

board, side = st.columns([3, 2], gap="large")
with board:
    components.board(
        "mood",
        [widgets.tile_of(i, i.details["view"]) for i in ad.approved_images],
        layout="board" if ad.aspect is Aspect.WIDE else "film",
        ratio=ad.aspect.value,
    )
with side:
    prompt = st.text_area(
        "How should it move?",
        **state.field(ad, "video_prompt", ad.video_prompt),
        height=120,
        max_chars=PROMPT_MAX,
        placeholder="Slow morning light, gentle push-in",
        help="One sentence for the whole film. Slow and calm words move less, fast ones more.",
    )
    model = widgets.model_choice(ad, "clip", ad.clip_model, "Model for the clips")
    for scene in ad.scenes:
        view = ad.image(scene.image_id)
        if view:
            st.caption(
                f"**{view.details['view'].capitalize()}** · {words.plain(scene.description)} · "
                f"{scene.duration_seconds:.1f} s"
            )

count = len(ad.approved_images)
price = act.estimate(JobKind.CLIPS, ad.provider, model, count)
lengths = load_model(model).durations
seconds = min(lengths, key=lambda offer: abs(offer - USUAL_S), default=USUAL_S)
if widgets.next_bar(
    f"About {seconds} seconds each",
    words.priced(f"Make {count} clips", price),
    disabled=ad.working,
    quiet=widgets.retry_first(ad),
) and state.did(lambda: act.start_clips(person, ad.id, prompt, model=model)):
    state.go("clips", ad.id)
