"""The mood board of approved pictures, and how they should move."""

import streamlit as st

from adgen.domain import PROMPT_MAX, Aspect, JobKind
from adgen.ui import components, state, widgets

person, ad = state.require_ad()
act = state.commands()
widgets.header(ad, "storyboard")

if len(ad.approved_images) < 2:
    st.subheader("Choose pictures first")
    st.write("Approve at least two pictures; the storyboard is made of them.")
    if st.button("Go to the pictures", type="primary"):
        state.go("images", ad.id)
    st.stop()

board, words = st.columns([3, 2], gap="large")
with board:
    components.board(
        "mood",
        [widgets.tile_of(i, i.details["view"]) for i in ad.approved_images],
        layout="board" if ad.aspect is Aspect.WIDE else "film",
        ratio=ad.aspect.value,
    )
with words:
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
                f"**{view.details['view'].capitalize()}** · {scene.description} · "
                f"{scene.duration_seconds:.1f} s"
            )

count = len(ad.approved_images)
price = act.estimate(JobKind.CLIPS, ad.provider, model, count)
label = widgets.priced(f"Make {count} clips", price)
if widgets.next_bar("About three seconds each", label, disabled=ad.working) and state.did(
    lambda: act.start_clips(person, ad.id, prompt, model=model)
):
    state.go("clips", ad.id)
