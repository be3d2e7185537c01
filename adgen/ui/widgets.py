"""Pieces several pages share: the way around an ad, what goes on, what stands in the way."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import streamlit as st

from adgen.domain import AdState, AssetInfo, JobInfo, JobKind, JobStatus, Stage, View
from adgen.prices import next_step
from adgen.providers.catalogue import StageWord, list_models
from adgen.ui import components, reruns, state
from adgen.ui.words import about, money, plain

STEPS = [
    ("brief", "Brief"),
    ("images", "Images"),
    ("storyboard", "Storyboard"),
    ("clips", "Clips"),
    ("finish", "Finish"),
    ("final", "Final"),
]
POLL_S = 0.7
_STAGES = {
    JobKind.IMAGES: Stage.IMAGE_GENERATION,
    JobKind.CLIPS: Stage.CLIP_GENERATION,
    JobKind.VIDEO: Stage.FINAL_COMPOSITION,
}
# Where the words stand that a model may have refused.
_WORDS_OF = {
    JobKind.IMAGES: ("Edit the brief", "brief"),
    JobKind.CLIPS: ("Edit the storyboard", "storyboard"),
}
_NOUNS = {JobKind.IMAGES: "picture", JobKind.CLIPS: "clip", JobKind.VIDEO: "film"}
_PAGES = {
    JobKind.IMAGES: "images",
    JobKind.CLIPS: "clips",
    JobKind.VIDEO: "final",
    JobKind.DRAFT: "finish",
    JobKind.ANIMATIC: "storyboard",
    JobKind.PLAN: "brief",
    JobKind.SCENES: "storyboard",
}
# What is said of a run on pages that show something else.
_GOES_ON = {
    JobKind.IMAGES: "The pictures are being made.",
    JobKind.CLIPS: "The clips are being made.",
    JobKind.VIDEO: "The film is being cut.",
    JobKind.DRAFT: "A draft is being cut.",
    JobKind.ANIMATIC: "An animatic is being made.",
    JobKind.PLAN: "The prompts are being written.",
    JobKind.SCENES: "The scenes are being written.",
}
_COULD_NOT = {
    JobKind.DRAFT: "The draft could not be made",
    JobKind.ANIMATIC: "The animatic could not be made",
    JobKind.PLAN: "The prompts could not be written",
    JobKind.SCENES: "The scenes could not be written",
}
STAGE_WORDS = {
    Stage.CREATED: "brief",
    Stage.PROMPT_PARSING: "planning",
    Stage.IMAGE_GENERATION: "making pictures",
    Stage.IMAGE_SELECTION: "choose pictures",
    Stage.CLIP_GENERATION: "making clips",
    Stage.CLIP_SELECTION: "choose clips",
    Stage.FINAL_COMPOSITION: "cutting",
    Stage.COMPLETE: "finished",
    Stage.FAILED: "needs you",
}


def muted() -> str:
    """The theme's quiet text colour, for charts; Streamlit's own is too faint on the light page."""
    return "#98A1AD" if st.context.theme.type == "dark" else "#5C6570"


def header(ad: AdState, here: str) -> None:
    """The stepper, the ad's name and what it cost so far."""
    reached = _reached(ad)
    steps = [
        {
            "page": name,
            "label": label,
            "here": name == here,
            "open": number <= reached,
            "done": _done(ad, name),
        }
        for number, (name, label) in enumerate(STEPS)
    ]
    spent = f"{money(ad.total_cost)} of {money(ad.budget)}"
    chosen = components.stepper(steps, ad.title, spent)
    if chosen and chosen != here:
        state.go(chosen, ad.id)
    if ad.demo:
        with st.container(key="demo", horizontal=True, vertical_alignment="center", gap="small"):
            st.badge("Demo", icon=":material/science:", color="gray")
            st.caption("Made up, to look at: nothing of it was ordered or paid.")
    if ad.archived_at:
        _archived(ad)


def _archived(ad: AdState) -> None:
    """That the library does not show the ad, and the way back."""
    with _notice("archived"):
        st.info("This ad is archived.", icon=":material/inventory_2:")
        if st.button("Restore", key="restore", type="tertiary", **state.barred()) and state.did(
            lambda: state.commands().restore_ad(state.require_person(), ad.id)
        ):
            st.rerun()


def _done(ad: AdState, name: str) -> bool:
    return {
        "brief": bool(ad.product_prompt),
        "images": len(ad.approved_image_ids) > 1,
        "storyboard": bool(ad.scenes),
        "clips": bool(ad.approved_clip_ids),
        "finish": ad.final_video is not None,
        "final": ad.final_video is not None,
    }[name]


def _reached(ad: AdState) -> int:
    """The furthest step that has something to show."""
    if ad.final_video or ad.stage is Stage.FINAL_COMPOSITION:
        return 5
    if ad.approved_clip_ids:
        return 4
    if ad.clips or ad.stage is Stage.CLIP_GENERATION:
        return 3
    if len(ad.approved_image_ids) > 1:
        return 2
    return 1 if ad.images or ad.product_prompt else 0


def job_of(ad: AdState, kind: JobKind | None) -> bool:
    """Whether the ad's newest run is of this kind."""
    return ad.job is not None and ad.job.kind is kind


def status(ad: AdState, *kinds: JobKind) -> None:
    """What goes on, or what stands in the way, in one place; `kinds` are what the page shows.

    Always one box, so that what stands below keeps its place when the bar goes.
    """
    if ad.working and ad.job and not ad.hold and kinds == (ad.job.kind,):
        # Drawn again all the time, so it is the box itself.
        _bar(ad, ad.job)
        return
    with st.container():
        if ad.hold:
            _hold(ad, kinds[0] if kinds else None)
        else:
            for kind in kinds:
                _trouble(ad, kind)
        if ad.working and ad.job:
            if ad.job.kind in kinds:
                _bar(ad, ad.job)
            else:
                _elsewhere(ad, ad.job.kind)


def _trouble(ad: AdState, kind: JobKind) -> None:
    """Why there is less of a kind than was asked for."""
    if kind.is_aside:
        _aside_failure(ad, kind)
    elif not ad.working:
        _shortfall(ad, kind)


def _elsewhere(ad: AdState, running: JobKind) -> None:
    """A run whose page is another one: that it goes on, and the way there."""
    with st.container(key="goes-on", horizontal=True, vertical_alignment="center", gap="small"):
        st.caption(f"{_GOES_ON[running]} The next step waits for it.", width="content")
        if st.button("See it", key="elsewhere", type="tertiary"):
            state.go(_PAGES[running], ad.id)


def _aside_failure(ad: AdState, kind: JobKind) -> None:
    """Why the newest draft, animatic or plan is not here, until another one is begun."""
    why = ad.preview_failures.get(kind)
    if why and not job_of(ad, kind):
        again = "" if "again" in why.lower() else " Your ad is as it was; try again."
        with _notice("failed"):
            st.error(plain(f"{_COULD_NOT[kind]}: {why}{again}"), icon=":material/error:")


def _bar(ad: AdState, job: JobInfo) -> None:
    """One thin bar, what is being made, its cost so far, and a way to stop it."""
    spent = "free" if job.kind.is_preview else f"{money(ad.total_cost)} so far"
    words = plain(f"{_doing(job)} · {spent}")
    with st.container(
        key=f"status-{job.kind}", horizontal=True, wrap=False, vertical_alignment="center"
    ):
        st.progress(job.percent / 100, text=words)
        stop = st.button(
            "Stop", key=f"stop-{job.kind}", icon=":material/stop_circle:", **state.barred()
        )
    if stop:
        state.did(lambda: state.commands().cancel(state.require_person(), ad.id))
        st.rerun()


def _doing(job: JobInfo) -> str:
    if job.status is JobStatus.QUEUED:
        return "Waiting for a free place..."
    at = set(job.slots.values())
    if "starting" in at and not at & {"running", "retrying"}:
        return "Waiting for a machine; a cold start can take some minutes..."
    return _GOES_ON[job.kind].rstrip(".") if job.kind.is_plan else job.message


def _hold(ad: AdState, kind: JobKind | None) -> None:
    """The supplier takes no orders: what happened, what is kept, and the one way to go on."""
    words = [ad.hold or ""]
    # Mostly a run failed because of the hold and says the same; other reasons are said too.
    if ad.failure and words[0].rstrip(".") not in ad.failure:
        words.insert(0, _without_retry(ad.failure))
    elif kind and (kept := kept_slots(ad, kind)) and not ad.working:
        words.insert(0, _kept(kept))
    elif ad.missing and ad.missing[0] is not JobKind.VIDEO:
        words.append(_tally(ad, *ad.missing))
    with _notice("hold"):
        st.warning(
            plain(" ".join(words)),
            title="Paused: nothing can be ordered",
            icon=":material/pause_circle:",
        )
        if _offers_retry(ad, kind):
            _retry(ad, kind)


def _shortfall(ad: AdState, kind: JobKind) -> None:
    """What the last run left out: why, what is here, and making the rest with its price."""
    offered = _offers_retry(ad, kind)
    if ad.failure and ad.failed_stage is _STAGES[kind]:
        why = _without_retry(ad.failure) if offered else ad.failure
        with _notice("failed"):
            st.error(plain(why), icon=":material/error:")
            if kind in _WORDS_OF:
                label, page = _WORDS_OF[kind]
                if st.button(label, key="words", type="tertiary", icon=":material/edit:"):
                    state.go(page, ad.id)
            if offered:
                _retry(ad, kind)
    elif words := _left_out(ad, kind):
        with _notice("short"):
            st.info(words, icon=":material/info:")
            if offered:
                _retry(ad, kind)
    elif made := {JobKind.IMAGES: ad.images, JobKind.CLIPS: ad.clips}.get(kind):
        with st.container(key=f"status-{kind}"):
            st.caption(f"{_count(len(made), _NOUNS[kind])} to choose from")


def _without_retry(failure: str) -> str:
    """A failure without its last sentence, which the button beside it says."""
    return failure.partition(" Retry the missing ")[0]


def _left_out(ad: AdState, kind: JobKind) -> str:
    """That a run was stopped, or made less than it should, and why."""
    job = ad.job if job_of(ad, kind) else None
    words = []
    if job and job.status is JobStatus.CANCELLED:
        words.append(job.message)
    reason, kept = next(reversed(failures(ad, kind).values()), ""), kept_slots(ad, kind)
    if kept:
        words.append(_kept(kept, reason))
    missing = [slot for slot in ad.missing[1] if slot not in kept] if ad.missing else []
    if _offers_retry(ad, kind) and missing and kind is not JobKind.VIDEO:
        words.append(_tally(ad, kind, missing))
        if job and job.status is not JobStatus.CANCELLED and not kept:
            words.append(reason)
    return plain(" ".join(words))


def _notice(tone: str) -> st.delta_generator.DeltaGenerator:
    return st.container(key=f"notice-{tone}", horizontal=True, vertical_alignment="center")


def _tally(ad: AdState, kind: JobKind, slots: Sequence[int]) -> str:
    total = len(View) if kind is JobKind.IMAGES else len(ad.approved_images)
    return f"{total - len(slots)} of {total} {_NOUNS[kind]}s are here."


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}" + ("" if number == 1 else "s")


def _kept(slots: Sequence[int], why: str = "") -> str:
    """That these got no new take, and that nothing is lost by it."""
    views = [view.value for view in View]
    which = " and ".join(views[slot] for slot in slots)
    one = len(slots) == 1
    reason = f": {why.rstrip('.')}." if why else "."
    return (
        f"{'A new take' if one else 'New takes'} of {which} could not be made{reason} "
        f"The earlier {'one is' if one else 'ones are'} kept."
    )


def _failed_slots(ad: AdState, kind: JobKind) -> list[int]:
    """The pictures or clips that the newest run, if it is of this kind, could not make."""
    slots = ad.job.slots if ad.job and job_of(ad, kind) and kind in _WORDS_OF else {}
    return sorted(int(slot) for slot, at in slots.items() if at == "failed")


def kept_slots(ad: AdState, kind: JobKind) -> list[int]:
    """Those that still have an earlier take."""
    made = {asset.slot for asset in (ad.images if kind is JobKind.IMAGES else ad.clips)}
    return [slot for slot in _failed_slots(ad, kind) if slot in made]


def failures(ad: AdState, kind: JobKind) -> dict[int, str]:
    """Why they could not be made, by slot, the newest reason last; asked for once."""
    slots = _failed_slots(ad, kind)
    if not slots or ad.job is None:
        return {}
    key = f"failures-{ad.job.id}"
    known, why = state.remember(key, ([], {}))
    if known != slots:
        why = state.commands().why_failed(state.require_person(), ad.id, kind)
        state.keep(key, (slots, why))
    return {slot: words for slot, words in why.items() if slot in slots}


def _offers_retry(ad: AdState, kind: JobKind | None) -> bool:
    """Whether the page that shows `kind` has the button for what is missing."""
    if ad.missing is None:
        return False
    here = ad.missing[0] is kind and job_of(ad, kind)
    # A run that was stopped by a hold is gone on with from every page.
    return here or (ad.hold is not None and ad.stage is Stage.FAILED)


def retry_first(ad: AdState, kind: JobKind | None = None) -> bool:
    """Whether the retry is the way on, so that the page's own button steps back."""
    return ad.stage is Stage.FAILED and _offers_retry(ad, kind)


def _retry(ad: AdState, here: JobKind | None) -> None:
    """The one button that makes what is missing, and only that."""
    if ad.missing is None:
        return
    kind, slots = ad.missing
    label, price = "Cut again", next_step(ad, kind, slots).estimate()
    if kind is not JobKind.VIDEO:
        count = str(len(slots)) if kind is here else _count(len(slots), _NOUNS[kind])
        label = f"Retry the missing {count}"
    label += "" if price == 0 else f" ({about(price)})"
    if st.button(
        plain(label),
        key="retry",
        icon=":material/refresh:",
        type="primary" if retry_first(ad, here) else "secondary",
        **state.barred(),
    ) and state.did(lambda: state.commands().retry(state.require_person(), ad.id)):
        if kind is here:
            st.rerun()
        state.go(_PAGES[kind], ad.id)


def follow(ad: AdState, draw: Callable[[AdState], None]) -> None:
    """Draw from the database now, and again while a run goes on.

    When one has begun or ended since, by whatever tab, the page is drawn in full.
    """
    person, session_id, was_working = state.require_person(), ad.id, ad.working
    drawn = False

    @st.fragment(run_every=POLL_S if was_working else None)
    def live() -> None:
        nonlocal drawn
        now = state.commands().watch_ad(person, session_id)
        if drawn and now.working != was_working:
            st.rerun()
        drawn = True
        with reruns.until_news(lambda: state.commands().is_latest(now)):
            draw(now)

    live()


def tile_of(asset: AssetInfo, label: str) -> dict[str, Any]:
    """A picture or clip for a board."""
    return {
        "id": asset.id,
        "url": asset.url,
        "label": label,
        "focus": asset.details.get("focus", [0.5, 0.5]),
        "video": asset.content_type == "video/mp4",
    }


def model_choice(ad: AdState, stage: StageWord, chosen: str, label: str) -> str:
    """Which model makes it, with its price; nothing to choose from shows nothing."""
    offers = {spec.ref: spec for spec in list_models(stage, ad.provider)}
    # The catalogue may have changed since.
    chosen = chosen if chosen in offers else next(iter(offers))
    if len(offers) < 2:
        return chosen
    if state.drafted(ad, f"{stage}_model", chosen) not in offers:
        state.keep(f"{stage}_model-{ad.id}", chosen)
    one = "picture" if stage == "image" else "clip"

    def offer(ref: str) -> str:
        # The price first: on a phone a long remark is cut off.
        name, _, remark = offers[ref].label.partition(" (")
        price = f"{about(offers[ref].expected_cost)} a {one}"
        return " · ".join(filter(None, (name, price, remark.rstrip(")"))))

    picked = st.selectbox(
        label,
        list(offers),
        **state.field(ad, f"{stage}_model", chosen),
        format_func=offer,
        help="Prices are estimates; Replicate's bill decides.",
    )
    return str(picked or chosen)


def not_yet(ad: AdState, title: str, words: str, label: str, page: str) -> None:
    """A page whose step comes later: what it waits for, and the way there."""
    st.subheader(title)
    st.write(words)
    if st.button(label, type="secondary" if retry_first(ad) else "primary"):
        state.go(page, ad.id)


def next_bar(
    words: str,
    label: str,
    *,
    disabled: bool = False,
    quiet: bool = False,
    key: str = "next",
    beside: Callable[[], None] | None = None,
    do: Callable[[], object] | None = None,
) -> bool:
    """The page's one way on, always in the same corner, with why beside it; whether it was taken.

    `quiet` when another button is the page's primary one; `beside` draws what stands before it.
    `do` is what a press does: when it is refused, the bar says why, wherever the page is scrolled
    to, and nothing was taken. Who may only look reads that instead of `words`.
    """
    if not state.may_change():
        words, disabled = state.LOOK, True
    with st.container(
        key=f"bar-{key}", horizontal=True, vertical_alignment="center", horizontal_alignment="right"
    ):
        if words:
            st.caption(words, width="content")
        if beside:
            beside()
        pressed = st.button(
            label,
            type="secondary" if quiet else "primary",
            key=key,
            disabled=disabled,
            icon=":material/arrow_forward:",
            icon_position="right",
        )
        return pressed and (do is None or state.did(do))
