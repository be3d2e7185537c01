"""Six pictures of one product: they arrive one by one; approve at least two."""

from decimal import Decimal

from adgen.domain import IMAGES_TO_APPROVE, AdState, JobKind, View
from adgen.ui import state, widgets, words
from adgen.ui.light_table import light_table

LABELS = {slot: view.value for slot, view in enumerate(View)}

person, ad = state.require_ad()
act = state.commands()
widgets.header(ad, "images")


def clips(now: AdState, count: int) -> Decimal | None:
    """What so many clips cost, scenes and all."""
    return act.estimate(JobKind.CLIPS, now.provider, now.clip_model, count)


def decision(now: AdState, chosen: int) -> str:
    """What approving costs: the clips of those approved, and of those that nobody decided on."""
    waiting = sum(image.id not in now.marks for image in now.images)
    short = IMAGES_TO_APPROVE - chosen
    if short > 0:
        price = words.priced(f"{IMAGES_TO_APPROVE} clips", clips(now, IMAGES_TO_APPROVE))
        return f"Approve at least {IMAGES_TO_APPROVE} pictures · {price}"
    said = words.priced(f"{chosen} clips next", clips(now, chosen))
    less, more = clips(now, chosen), clips(now, chosen + waiting)
    if not waiting or not less or more is None:
        return said
    return f"{said}, {words.plain(words.money(more - less))} more with the {waiting} undecided"


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
    enough = len(chosen) >= IMAGES_TO_APPROVE
    if widgets.next_bar(
        decision(now, len(chosen)),
        f"Continue with {len(chosen)}",
        disabled=not enough or now.working,
        quiet=widgets.retry_first(now, JobKind.IMAGES),
        do=lambda: act.approve_images(person, now.id, [image.id for image in chosen]),
    ):
        state.go("storyboard", now.id)


widgets.follow(ad, table)
