"""Pieces several pages share: the way around an ad, what goes on, what stands in the way."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from typing import Any

import streamlit as st

from adgen.config import settings
from adgen.domain import AdState, AssetInfo, JobInfo, JobKind, JobStatus, Stage, View
from adgen.providers.catalogue import StageWord, catalogue, label_of, list_models
from adgen.ui import components, state
from adgen.ui.words import UNKNOWN, about, money, plain

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
_UNMADE = {
    "failed": "This one failed and is not here. Retry makes it again, and only what is missing.",
    "missing": "This one was not made. Retry makes it, and only what is missing.",
}
_NOUNS = {JobKind.IMAGES: "picture", JobKind.CLIPS: "clip", JobKind.VIDEO: "film"}
_PAGES = {
    JobKind.IMAGES: "images",
    JobKind.CLIPS: "clips",
    JobKind.VIDEO: "final",
    JobKind.DRAFT: "finish",
    JobKind.ANIMATIC: "storyboard",
}
# What is said of a run on pages that show something else.
_GOES_ON = {
    JobKind.IMAGES: "The pictures are being made.",
    JobKind.CLIPS: "The clips are being made.",
    JobKind.VIDEO: "The film is being cut.",
    JobKind.DRAFT: "A draft is being cut.",
    JobKind.ANIMATIC: "An animatic is being made.",
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
    cap = settings().session_budget_usd
    chosen = components.stepper(steps, ad.title, f"{money(ad.total_cost)} of {money(cap)}")
    if chosen and chosen != here:
        state.go(chosen, ad.id)


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


def status(ad: AdState, kind: JobKind | None = None) -> None:
    """What goes on, or what stands in the way, in one place; `kind` is what the page shows."""
    live = ad.job if ad.working and job_of(ad, kind) else None
    if ad.hold:
        _hold(ad, kind)
    elif kind and kind.is_preview:
        _preview_failure(ad, kind)
    elif kind and not ad.working:
        _shortfall(ad, kind)
    if live:
        _bar(ad, live)
    elif ad.working and ad.job:
        _elsewhere(ad, ad.job.kind)


def _elsewhere(ad: AdState, running: JobKind) -> None:
    """A run whose page is another one: that it goes on, and the way there."""
    with st.container(key="goes-on", horizontal=True, vertical_alignment="center", gap="small"):
        st.caption(f"{_GOES_ON[running]} The next step waits for it.", width="content")
        if st.button("See it", key="elsewhere", type="tertiary"):
            state.go(_PAGES[running], ad.id)


def _preview_failure(ad: AdState, kind: JobKind) -> None:
    """Why the newest draft or animatic is not here, until another one is begun."""
    why = ad.preview_failures.get(kind)
    if why and not job_of(ad, kind):
        again = "" if "again" in why.lower() else " Your ad is as it was; try again."
        with _notice("failed"):
            words = f"The {kind} could not be made: {why}{again}"
            st.error(plain(words), icon=":material/error:")


def _bar(ad: AdState, job: JobInfo) -> None:
    """One thin bar, what is being made, its cost so far, and a way to stop it."""
    spent = "free" if job.kind.is_preview else f"{money(ad.total_cost)} so far"
    words = plain(f"{_doing(job)} · {spent}")
    with st.container(
        key=f"status-{job.kind}", horizontal=True, wrap=False, vertical_alignment="center"
    ):
        st.progress(job.percent / 100, text=words)
        stop = st.button("Stop", key=f"stop-{job.kind}", icon=":material/stop_circle:")
    if stop:
        state.did(lambda: state.commands().cancel(state.require_person(), ad.id))
        st.rerun()


def _doing(job: JobInfo) -> str:
    if job.status is JobStatus.QUEUED:
        return "Waiting for a free place..."
    at = set(job.slots.values())
    if "starting" in at and not at & {"running", "retrying"}:
        return "Waiting for a machine; a cold start can take some minutes..."
    return job.message


def _hold(ad: AdState, kind: JobKind | None) -> None:
    """The supplier takes no orders: what happened, what is kept, and the one way to go on."""
    words = [ad.hold or ""]
    # Mostly a run failed because of the hold and says the same; other reasons are said too.
    if ad.failure and words[0].rstrip(".") not in ad.failure:
        words.insert(0, _without_retry(ad.failure))
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
    if _offers_retry(ad, kind) and ad.missing and kind is not JobKind.VIDEO:
        words.append(_tally(ad, *ad.missing))
        if job and job.status is not JobStatus.CANCELLED:
            words.append(_reason(ad, kind))
    return plain(" ".join(words))


def _notice(tone: str) -> st.delta_generator.DeltaGenerator:
    return st.container(key=f"notice-{tone}", horizontal=True, vertical_alignment="center")


def _tally(ad: AdState, kind: JobKind, slots: Sequence[int]) -> str:
    total = len(View) if kind is JobKind.IMAGES else len(ad.approved_images)
    return f"{total - len(slots)} of {total} {_NOUNS[kind]}s are here."


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}" + ("" if number == 1 else "s")


def _reason(ad: AdState, kind: JobKind) -> str:
    """Why the newest failed one failed."""
    agent = "image_generator" if kind is JobKind.IMAGES else "video_generator"
    entries = state.commands().load_costs(state.require_person(), ad.id).entries
    failed = [e for e in entries if e.agent_name == agent and e.success is False]
    return max(failed, key=lambda e: e.id).error_message or "" if failed else ""


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
    label = "Cut again"
    if kind is not JobKind.VIDEO:
        model = ad.image_model if kind is JobKind.IMAGES else ad.clip_model
        planned = ad.prompts if kind is JobKind.IMAGES else ad.scenes
        price = state.commands().estimate(kind, ad.provider, model, len(slots), plan=not planned)
        count = str(len(slots)) if kind is here else _count(len(slots), _NOUNS[kind])
        label = f"Retry the missing {count}" + ("" if price == 0 else f" ({about(price)})")
    if st.button(
        plain(label),
        key="retry",
        icon=":material/refresh:",
        type="primary" if retry_first(ad, here) else "secondary",
    ) and state.did(lambda: state.commands().retry(state.require_person(), ad.id)):
        if kind is here:
            st.rerun()
        state.go(_PAGES[kind], ad.id)


def follow(ad: AdState, draw: Callable[[AdState], None]) -> None:
    """Draw from the database now, and again while a run goes on; then once more in full."""
    person, session_id, was_working = state.require_person(), ad.id, ad.working

    @st.fragment(run_every=POLL_S if was_working else None)
    def live() -> None:
        now = state.commands().load_ad(person, session_id)
        draw(now)
        if was_working and not now.working:
            st.rerun()

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
    if len(offers) < 2:
        return chosen
    if state.drafted(ad, f"{stage}_model", chosen) not in offers:
        # The catalogue has changed since.
        chosen = next(iter(offers))
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
) -> bool:
    """The page's one way on, always in the same corner, with why beside it.

    `quiet` when another button is the page's primary one; `beside` draws what stands before it.
    """
    with st.container(
        key=f"bar-{key}", horizontal=True, vertical_alignment="center", horizontal_alignment="right"
    ):
        if words:
            st.caption(words, width="content")
        if beside:
            beside()
        return st.button(
            label,
            type="secondary" if quiet else "primary",
            key=key,
            disabled=disabled,
            icon=":material/arrow_forward:",
            icon_position="right",
        )


def review_items(
    ad: AdState, assets: Sequence[AssetInfo], labels: dict[int, str], kind: JobKind
) -> list[dict[str, Any]]:
    """What the light table shows: a tile a slot, made, still to come, or not made."""
    by_slot = {asset.slot: asset for asset in assets}
    job = ad.job if job_of(ad, kind) else None
    items = []
    for slot, label in sorted(labels.items()):
        at = job.slots.get(str(slot)) if job else None
        asset = by_slot.get(slot)
        if asset is not None and (at in (None, "done") or not ad.working):
            items.append({"slot": slot, "state": "ready", "label": label, **_tile_facts(ad, asset)})
        elif at:
            # When the run is over, what has not failed was never begun, or was stopped. On hold
            # nothing is to blame but the account.
            word = at if ad.working or (at == "failed" and not ad.hold) else "missing"
            items.append(
                {
                    "slot": slot,
                    "id": None,
                    "label": label,
                    "state": word,
                    "text": _UNMADE.get(word, ""),
                }
            )
    return items


def _tile_facts(ad: AdState, asset: AssetInfo) -> dict[str, Any]:
    details, spec = asset.details, catalogue().get(asset.model_used)
    source = {"photo": "your photo", "crop": "crop of your photo"}.get(details.get("source", ""))
    film, seconds = asset.content_type == "video/mp4", details.get("duration_seconds")
    facts = [("Made from", source) if source else ("Model", label_of(asset.model_used))]
    if film:
        facts.append(("Length", f"{seconds:.1f} s"))
        facts.append(("Motion", f"{details.get('motion_intensity', 0):.2f}"))
    seed = details.get("seed", ad.consistency_seed)
    # Not every hosted model takes one; a seed that had no part in it is no fact.
    if seed and (spec is None or not spec.inputs or "seed" in spec.inputs.values()):
        facts.append(("Seed", str(seed)))
    # A call of a model that has a price, or one we do not know, is never free.
    unpriced = not asset.cost and (spec is None or spec.price != 0)
    facts.append(("Cost", UNKNOWN if unpriced else money(asset.cost)))
    if asset.generation_time:
        facts.append(("Took", f"{asset.generation_time:.1f} s"))
    image = ad.image(details.get("image_id", ""))
    return {
        "id": asset.id,
        "url": asset.url,
        "text": details.get("description") or details.get("prompt") or "",
        "facts": facts,
        "focus": details.get("focus", [0.5, 0.5]),
        "note": f"{seconds:.1f} s" if film else "",
        "seconds": seconds if film else 0,
        "poster": image.url if image else "",
        "stale": asset.stale,
        "placeholder": bool(details.get("placeholder")),
    }


def _notes(ad: AdState) -> list[str]:
    """What went another way than asked for, oldest first, each thing once."""
    told = Counter(ad.notes)
    return [note + (f" ({times} times)" if times > 1 else "") for note, times in told.items()]


def light_table(
    ad: AdState, kind: JobKind, assets: Sequence[AssetInfo], labels: dict[int, str], need: int
) -> None:
    """The review of pictures or clips; each press is written to the database at once."""
    key = f"review-{kind}-{ad.id}"

    def keep() -> None:
        sent = state.component_value(key, "review")
        order = sent["order"] if kind is JobKind.CLIPS else None
        others = {i: m for i, m in ad.marks.items() if i not in {a.id for a in assets}}
        marks = {**others, **sent["marks"]}
        state.commands().set_marks(state.require_person(), ad.id, marks, order)

    sent = state.component_value(key, "review") or {"seq": 0}
    own = {asset.id for asset in assets}
    components.review(
        key,
        {
            "kind": "clip" if kind is JobKind.CLIPS else "image",
            "items": review_items(ad, assets, labels, kind),
            "marks": {i: m for i, m in ad.marks.items() if i in own},
            "order": [i for i in ad.clip_order if i in own],
            "need": need,
            "ratio": ad.aspect.value,
            "notes": _notes(ad),
            "seq": sent["seq"],
            "locked": False,
        },
        keep,
    )
