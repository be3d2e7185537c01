"""The clips arrive and play; approve at least one, and put them in order."""

from adgen.domain import CLIPS_TO_APPROVE, AdState, JobKind
from adgen.ui import state, widgets
from adgen.ui.light_table import light_table

person, ad = state.require_ad()
act = state.commands()
widgets.header(ad, "clips")


def table(now: AdState) -> None:
    """Progress, the clips, their order and the step after them."""
    labels = {image.slot: image.details["view"] for image in now.approved_images}
    labels |= {clip.slot: labels.get(clip.slot, "older clip") for clip in now.clips}
    widgets.status(now, JobKind.CLIPS)
    begun = now.clip_takes or widgets.job_of(now, JobKind.CLIPS)
    if not labels or not begun:
        widgets.not_yet(
            now,
            "No clips yet",
            "Say how the pictures should move, and the clips appear here.",
            "Go to the storyboard",
            "storyboard",
        )
        return
    light_table(person, now, JobKind.CLIPS, now.clips, labels, CLIPS_TO_APPROVE)
    chosen = [clip.id for clip in now.ordered_clips]
    enough = len(chosen) >= CLIPS_TO_APPROVE
    note = "" if enough else "Approve at least one clip"
    if widgets.next_bar(
        note,
        f"Continue with {len(chosen)}",
        disabled=not enough or now.working,
        quiet=widgets.retry_first(now, JobKind.CLIPS),
        do=lambda: act.approve_clips(person, now.id, chosen, chosen),
    ):
        state.go("finish", now.id)


widgets.follow(ad, table)
