"""Six pictures of one product: they arrive one by one; approve at least two."""

import streamlit as st

from adgen.domain import IMAGES_TO_APPROVE, AdState, JobKind, View
from adgen.ui import state, widgets, words

LABELS = {slot: view.value for slot, view in enumerate(View)}

person, ad = state.require_ad()
act = state.commands()
widgets.header(ad, "images")


def table(now: AdState) -> None:
    """Progress, the pictures and the step after them, from the database as it is now."""
    # Always there, so that what stands below keeps its place when the bar goes.
    with st.container():
        widgets.status(now, JobKind.IMAGES)
    widgets.light_table(now, JobKind.IMAGES, now.images, LABELS, IMAGES_TO_APPROVE)
    chosen = [image for image in now.images if now.marks.get(image.id) == "approved"]
    price = act.estimate(JobKind.CLIPS, now.provider, now.clip_model, max(len(chosen), 1))
    enough = len(chosen) >= IMAGES_TO_APPROVE
    note = "" if enough else f"Approve at least {IMAGES_TO_APPROVE} pictures"
    label = f"Continue with {len(chosen)}"
    if widgets.next_bar(
        note or words.priced(f"{len(chosen)} clips next", price),
        label,
        disabled=not enough or now.working,
        quiet=widgets.retry_first(now, JobKind.IMAGES),
    ):
        ids = [image.id for image in chosen]
        if state.did(lambda: act.approve_images(person, now.id, ids)):
            state.go("storyboard", now.id)


widgets.follow(ad, table)
