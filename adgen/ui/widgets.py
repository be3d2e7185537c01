"""Pieces several pages share: the way around an ad, live progress, money in words."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import streamlit as st

from adgen.config import settings
from adgen.domain import AdState, AssetInfo, JobKind, JobStatus, Stage
from adgen.providers.catalogue import StageWord, label_of, list_models
from adgen.ui import components, state

STEPS = [
    ("brief", "Brief"),
    ("images", "Images"),
    ("storyboard", "Storyboard"),
    ("clips", "Clips"),
    ("finish", "Finish"),
    ("final", "Final"),
]
POLL_S = 0.7
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


def money(amount: Decimal | None) -> str:
    """US dollars to the cent; tiny sums keep the digits that count; unknown is said."""
    if amount is None:
        return "price unknown"
    if 0 < amount < Decimal("0.01"):
        return f"${amount:.4f}".rstrip("0")
    return f"${amount:,.2f}"


def priced(label: str, amount: Decimal | None) -> str:
    """A button's words with what the click costs."""
    if amount is None:
        return f"{label} · price unknown"
    # A bare dollar sign would open a formula in the button's markdown.
    return f"{label} · " + ("free" if amount == 0 else f"~{money(amount)}").replace("$", r"\$")


def _about(amount: Decimal | None) -> str:
    return "price unknown" if amount is None else f"~{money(amount)}".replace("$", r"\$")


def muted() -> str:
    """The theme's quiet text colour, for charts; Streamlit's own is too faint on the light page."""
    return "#98A1AD" if st.context.theme.type == "dark" else "#5C6570"


def ago(moment: datetime) -> str:
    """How long ago, in words."""
    seconds = (datetime.now(UTC) - moment).total_seconds()
    for size, word in ((86400, "d"), (3600, "h"), (60, "min")):
        if seconds >= size:
            return f"{int(seconds // size)} {word} ago"
    return "just now"


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


def job_of(ad: AdState, kind: JobKind) -> bool:
    """Whether the ad's newest run is of this kind."""
    return ad.job is not None and ad.job.kind is kind


def progress(ad: AdState, kind: JobKind, label: str) -> None:
    """One thin bar, what is being made, its cost so far, and a way to stop it."""
    job = ad.job
    if job is None or job.kind is not kind:
        return
    if job.live:
        if ad.hold:
            st.error(ad.hold.replace("$", r"\$"), icon=":material/credit_card_off:")
        bar, stop = st.columns([6, 1], vertical_alignment="center")
        words = "Waiting for a free place..." if job.status is JobStatus.QUEUED else job.message
        bar.progress(
            job.percent / 100, text=f"{words}  ·  {money(ad.total_cost)} so far".replace("$", r"\$")
        )
        if stop.button("Stop", key=f"stop-{label}", icon=":material/stop_circle:", width="stretch"):
            state.did(lambda: state.commands().cancel(state.require_person(), ad.id))
            st.rerun()
    elif job.status is JobStatus.CANCELLED:
        st.info(job.message, icon=":material/info:")


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


def shortfall(ad: AdState, kind: JobKind, stage: Stage) -> None:
    """What a run left out: why, what was kept, and making the rest with its price."""
    failed = ad.stage is Stage.FAILED and ad.failed_stage is stage
    missing = ad.missing
    if failed and ad.failure:
        st.error(ad.failure.replace("$", r"\$"), icon=":material/error:")
    elif missing and missing[0] is kind and job_of(ad, kind):
        noun = "pictures" if kind is JobKind.IMAGES else "clips"
        total = 6 if kind is JobKind.IMAGES else len(ad.approved_image_ids)
        st.warning(
            f"{total - len(missing[1])} of {total} {noun} are here. Go on with them, or make "
            "the missing ones.",
            icon=":material/warning:",
        )
    if missing is None or missing[0] is not kind or not job_of(ad, kind):
        return
    label = "Cut again"
    if kind is not JobKind.VIDEO:
        model = ad.image_model if kind is JobKind.IMAGES else ad.clip_model
        count, planned = len(missing[1]), ad.prompts if kind is JobKind.IMAGES else ad.scenes
        price = state.commands().estimate(kind, ad.provider, model, count, plan=not planned)
        label = f"Retry the missing {count}" + ("" if price == 0 else f" ({_about(price)})")
    if st.button(label, key="retry", icon=":material/refresh:") and state.did(
        lambda: state.commands().retry(state.require_person(), ad.id)
    ):
        st.rerun()


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
    picked = st.selectbox(
        label,
        list(offers),
        **state.field(ad, f"{stage}_model", chosen),
        format_func=lambda ref: (
            f"{offers[ref].label} · {_about(offers[ref].expected_cost)} a {one}"
        ),
        help="Prices are estimates; Replicate's bill decides.",
    )
    return str(picked or chosen)


def next_bar(words: str, label: str, *, disabled: bool = False, key: str = "next") -> bool:
    """The page's one primary button, always in the same corner, with why beside it."""
    with st.container(
        key=f"bar-{key}", horizontal=True, vertical_alignment="center", horizontal_alignment="right"
    ):
        if words:
            st.caption(words, width="content")
        return st.button(
            label,
            type="primary",
            key=key,
            disabled=disabled,
            icon=":material/arrow_forward:",
            icon_position="right",
        )


def review_items(
    ad: AdState, assets: Sequence[AssetInfo], labels: dict[int, str], kind: JobKind
) -> list[dict[str, Any]]:
    """What the light table shows: a tile a slot, made or still to come."""
    by_slot = {asset.slot: asset for asset in assets}
    live = ad.job.slots if ad.job and ad.job.kind is kind and ad.working else {}
    failed = ad.job.slots if ad.job and ad.job.kind is kind else {}
    items = []
    for slot, label in sorted(labels.items()):
        state_word = live.get(str(slot))
        asset = by_slot.get(slot)
        if asset is not None and state_word in (None, "done"):
            items.append({"slot": slot, "state": "ready", "label": label, **_tile_facts(ad, asset)})
        elif state_word or failed.get(str(slot)) == "failed":
            items.append(
                {
                    "slot": slot,
                    "id": None,
                    "label": label,
                    "state": state_word or "failed",
                    "text": "",
                }
            )
    return items


def _tile_facts(ad: AdState, asset: AssetInfo) -> dict[str, Any]:
    details = asset.details
    source = {"photo": "your photo", "crop": "crop of your photo"}.get(details.get("source", ""))
    facts = [
        ("Seed", str(ad.consistency_seed or "")),
        ("Made from", source) if source else ("Model", label_of(asset.model_used)),
        ("Cost", money(asset.cost)),
        ("Took", f"{asset.generation_time:.1f} s"),
    ]
    seconds = details.get("duration_seconds")
    if asset.content_type == "video/mp4":
        facts.insert(0, ("Length", f"{seconds:.1f} s"))
        facts.insert(1, ("Motion", f"{details.get('motion_intensity', 0):.2f}"))
    image = ad.image(details.get("image_id", ""))
    return {
        "id": asset.id,
        "url": asset.url,
        "text": details.get("description") or details.get("prompt") or "",
        "facts": facts,
        "focus": details.get("focus", [0.5, 0.5]),
        "note": f"{seconds:.1f} s" if asset.content_type == "video/mp4" else "",
        "seconds": seconds if asset.content_type == "video/mp4" else 0,
        "poster": image.url if image else "",
        "stale": asset.stale,
        "placeholder": bool(details.get("placeholder")),
    }


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
            "seq": sent["seq"],
            "locked": False,
        },
        keep,
    )
