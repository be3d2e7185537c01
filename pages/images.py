"""Six pictures of one product: they arrive one by one; approve at least two."""

from adgen.domain import IMAGES_TO_APPROVE, AdState, JobKind, View
from adgen.ui import state, widgets, words
from adgen.ui.light_table import light_table

LABELS = {slot: view.value for slot, view in enumerate(View)}

person, ad = state.require_ad()
act = state.commands()
widgets.header(ad, "images")


def table(now: AdState) -> None:
    """Progress, the pictures and the step after them, from the database as it is now."""
    widgets.status(now, JobKind.IMAGES)
    if not now.images and not widgets.job_of(now, JobKind.IMAGES):
        widgets.not_yet(
            now,
            "No pictures yet",
            "Say what the product is, and six pictures of it appear here.",
            "Go to the brief",
            "brief",
        )
        return
    light_table(person, now, JobKind.IMAGES, now.images, LABELS, IMAGES_TO_APPROVE)
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
        do=lambda: act.approve_images(person, now.id, [image.id for image in chosen]),
    ):
        state.go("storyboard", now.id)


widgets.follow(ad, table)
