"""The light table: pictures or clips in review, and what is decided, said and asked of each."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from decimal import Decimal
from functools import partial
from typing import Any

import streamlit as st
from pydantic import ValidationError

from adgen.commands import REMARK_MAX
from adgen.domain import (
    PROMPT_MAX,
    PROMPT_MIN,
    SEED_MAX,
    SEED_MIN,
    AdState,
    AssetInfo,
    JobKind,
    Person,
    RejectReason,
    Transition,
    Value,
)
from adgen.prices import next_step
from adgen.providers.catalogue import catalogue, label_of
from adgen.providers.offline import maker_of_image
from adgen.ui import components, state, widgets
from adgen.ui.words import UNKNOWN, about, money, plain

_BUSY = "Something is being made already. Wait for it, or stop it first."
_LIMITS = {
    "remark": REMARK_MAX,
    "words": [PROMPT_MIN, PROMPT_MAX],
    "seed": [SEED_MIN, SEED_MAX],
}
_UNMADE = {
    "failed": "This one failed and is not here.",
    "missing": "This one was not made.",
}
# What the two cards add to the length of the film, seconds.
_CARDS_S = 2.0


class Words(Value):
    """What a person has typed for one more take; without a seed it is an automatic one."""

    text: str
    seed: str = ""


class Sent(Value):
    """What the table sends: all that is not acknowledged yet, the newest last.

    `changes`, `reasons` and `remarks` go by asset id, `drafts` by slot; None forgets a draft.
    `order` is given when clips were moved.
    """

    seq: int
    changes: dict[str, str] = {}  # noqa: RUF012 -- pydantic copies defaults
    reasons: dict[str, str] = {}  # noqa: RUF012
    order: list[str] | None = None
    remarks: dict[str, str] = {}  # noqa: RUF012
    drafts: dict[int, Words | None] = {}  # noqa: RUF012


class Asked(Value):
    """One more take of a slot, with a person's own words and seed if they gave any."""

    slot: int
    text: str | None = None
    seed: int | None = None


def light_table(
    person: Person,
    ad: AdState,
    kind: JobKind,
    assets: Sequence[AssetInfo],
    labels: dict[int, str],
    need: int,
) -> None:
    """The review of pictures or clips; each press is written to the database at once."""
    key = f"review-{kind}-{ad.id}"
    answers = {
        "key": key,
        "seq": state.remember(f"{key}-seq", 0),
        "asked": state.remember(f"{key}-asked", 0),
        "refused": _say_refusal(key),
    }
    # Most polls find the very same ad as the one before.
    seen, known = state.remember(f"{key}-data", (None, {}))
    if seen is not ad:
        known = _data(ad, kind, assets, labels)
        state.keep(f"{key}-data", (ad, known))
    data = known | {"need": need} | answers
    components.review(
        key,
        data if person.may_change else data | {"barred": state.LOOK},
        on_review=partial(_keep, key, ad.id, kind),
        on_regenerate=partial(_regenerate, key, ad.id, kind),
        on_take=partial(_bring_back, key, ad.id),
    )


# What the table sends


def _keep(key: str, ad_id: str, kind: JobKind) -> None:
    """Write what was decided and typed, then acknowledge it."""
    sent = Sent.model_validate(state.component_value(key, "review"))
    act, person = state.commands(), state.require_person()
    if sent.changes or sent.order is not None:
        order = sent.order if kind is JobKind.CLIPS else None
        decide = partial(act.set_marks, person, ad_id, sent.changes, order, reasons=sent.reasons)
        _try(key, decide)
    for asset_id, text in sent.remarks.items():
        _try(key, partial(act.write_remark, person, ad_id, asset_id, text))
    for slot, words in sent.drafts.items():
        value = words.model_dump_json() if words else None
        _try(key, partial(act.save_draft, person, ad_id, _draft_name(kind, slot), value))
    state.keep(f"{key}-seq", sent.seq)


def _regenerate(key: str, ad_id: str, kind: JobKind) -> None:
    """Have one more take made; words that were used are a draft no more, refused ones are one."""
    asked = Asked.model_validate(state.component_value(key, "regenerate"))
    act, person = state.commands(), state.require_person()
    begin = partial(
        act.regenerate, person, ad_id, kind, asked.slot, text=asked.text, seed=asked.seed
    )
    taken = _try(key, begin)
    if asked.text is not None:
        typed = Words(text=asked.text, seed=str(asked.seed or ""))
        draft = None if taken else typed.model_dump_json()
        _try(key, partial(act.save_draft, person, ad_id, _draft_name(kind, asked.slot), draft))
    state.keep(f"{key}-asked", state.remember(f"{key}-asked", 0) + 1)


def _bring_back(key: str, ad_id: str) -> None:
    """Put an earlier take back into its slot."""
    take = str(state.component_value(key, "take"))
    act, person = state.commands(), state.require_person()
    _try(key, partial(act.bring_back, person, ad_id, take))


def _try(key: str, act: Callable[[], object]) -> bool:
    """Do something before the page is drawn; a refusal is said when it is."""
    refused = state.tried(act)
    if refused:
        state.keep(f"{key}-refused", refused)
    return not refused


def _say_refusal(key: str) -> bool:
    """Say what was refused since the page was drawn, if anything was; no tile moves for it."""
    refused = str(state.remember(f"{key}-refused", ""))
    if refused:
        st.toast(plain(refused), icon=":material/error:", duration="long")
        state.keep(f"{key}-refused", "")
    return bool(refused)


def _draft_name(kind: JobKind, slot: int) -> str:
    return f"edit_{'image' if kind is JobKind.IMAGES else 'clip'}_{slot}"


# What the table shows


def _data(
    ad: AdState, kind: JobKind, assets: Sequence[AssetInfo], labels: dict[int, str]
) -> dict[str, Any]:
    own = {asset.id for asset in assets}
    model = _model(ad, kind)
    # The next take of any slot: what is still to be planned first is in its price.
    price = max((_price(ad, kind, slot) for slot in labels), key=_dearness, default=None)
    fade = 0.0 if ad.cut.transition is Transition.CUT else ad.cut.transition_seconds
    return {
        "kind": "clip" if kind is JobKind.CLIPS else "image",
        "items": review_items(ad, kind, assets, labels),
        "marks": {i: mark for i, mark in ad.marks.items() if i in own},
        "reasons": {i: reason for i, reason in ad.reject_reasons.items() if i in own},
        "order": [i for i in ad.clip_order if i in own],
        "reject": [[reason.name[0], reason.value] for reason in RejectReason],
        "ratio": ad.aspect.value,
        "film": {"cards": _CARDS_S, "joint": fade},
        "model": label_of(model),
        "price": about(price),
        "busy": _BUSY if ad.working else "",
        "barred": "",
        "limits": _LIMITS,
        "notes": _notes(ad),
    }


def review_items(
    ad: AdState, kind: JobKind, assets: Sequence[AssetInfo], labels: dict[int, str]
) -> list[dict[str, Any]]:
    """What stands on the table: a tile a slot, made, still to come, or not made."""
    by_slot = {asset.slot: asset for asset in assets}
    takes = ad.image_takes if kind is JobKind.IMAGES else ad.clip_takes
    if not takes and not widgets.job_of(ad, kind):
        return []
    why, kept = widgets.failures(ad, kind), widgets.kept_slots(ad, kind)
    return [
        {
            "slot": slot,
            "label": label,
            "words": _words(ad, kind, slot),
            "draft": _draft(ad, kind, slot),
            "barred": _barred(ad, kind, slot),
            "why": why.get(slot, ""),
        }
        | (
            _made(ad, kind, by_slot[slot]) | {"kept": slot in kept}
            if slot in by_slot
            else _unmade(ad, kind, slot)
        )
        for slot, label in sorted(labels.items())
    ]


def _made(ad: AdState, kind: JobKind, asset: AssetInfo) -> dict[str, Any]:
    """A tile with something to see; `making` says how far its next take is."""
    at = _place(ad, kind, asset.slot)
    return {
        "state": "ready",
        **_shown(ad, asset),
        "changes": list(asset.changes),
        "making": "" if at in ("", "done", "failed") or not ad.working else at,
        "remark": ad.remarks.get(asset.id, ""),
        "placeholder": bool(asset.details.get("placeholder")),
        "mockup": bool(asset.details.get("mockup")),
        "takes": _takes(ad, kind, asset),
    }


def _unmade(ad: AdState, kind: JobKind, slot: int) -> dict[str, Any]:
    """A tile that waits, or whose picture or clip is not there."""
    at = _place(ad, kind, slot)
    # When the run is over, what has not failed was never begun, or was stopped. On hold nothing
    # is to blame but the account.
    known = at not in ("", "done") and (ad.working or (at == "failed" and not ad.hold))
    gone = "" if known else _gone(ad, kind, slot)
    word = at if known else "removed" if gone else "missing"
    model = _model(ad, kind)
    price = _price(ad, kind, slot)
    return {
        "id": None,
        "state": word,
        "about": gone or _UNMADE.get(word, ""),
        "text": _words(ad, kind, slot),
        "facts": [("Model", label_of(model)), ("Price", about(price))],
    }


def _gone(ad: AdState, kind: JobKind, slot: int) -> str:
    """Why what was made for a slot is gone, when the retention rule took it."""
    every = ad.image_takes if kind is JobKind.IMAGES else ad.clip_takes
    return next((take.removed for take in every if take.slot == slot and take.removed), "")


def _place(ad: AdState, kind: JobKind, slot: int) -> str:
    """Where the slot is in the newest run, "" when that is about others."""
    return ad.job.slots.get(str(slot), "") if ad.job and widgets.job_of(ad, kind) else ""


def _takes(ad: AdState, kind: JobKind, shown: AssetInfo) -> list[dict[str, Any]]:
    """All takes of a slot, oldest first, when there are several."""
    every = ad.image_takes if kind is JobKind.IMAGES else ad.clip_takes
    takes = [take for take in every if take.slot == shown.slot]
    if len(takes) < 2:
        return []
    return [
        {"number": number, "current": take.id == shown.id, **_shown(ad, take)}
        for number, take in enumerate(takes, 1)
    ]


def _shown(ad: AdState, asset: AssetInfo) -> dict[str, Any]:
    """A take as it looks, and how it came to be."""
    details, film = asset.details, asset.content_type == "video/mp4"
    seconds = details.get("duration_seconds", 0) if film else 0
    picture = next((i for i in ad.image_takes if i.id == details.get("image_id")), None)
    return {
        "id": asset.id,
        "url": "" if asset.removed else asset.url,
        "removed": asset.removed,
        "poster": picture.url if picture and not picture.removed else "",
        "focus": details.get("focus", [0.5, 0.5]),
        "seconds": seconds,
        "note": f"{seconds:.1f} s" if film else "",
        "text": details.get("description") or details.get("prompt") or "",
        "facts": list(_facts(ad, asset)),
    }


def _facts(ad: AdState, asset: AssetInfo) -> Iterable[tuple[str, str]]:
    """What made it, and what that took."""
    details, spec = asset.details, catalogue().get(asset.model_used)
    source = {"photo": "your photo", "crop": "crop of your photo"}.get(details.get("source", ""))
    yield ("Made from", source) if source else ("Model", label_of(asset.model_used))
    if asset.content_type == "video/mp4":
        yield "Length", f"{details.get('duration_seconds', 0):.1f} s"
        yield "Motion", f"{details.get('motion_intensity', 0):.2f}"
    seed = details.get("seed", ad.consistency_seed)
    # Not every hosted model takes one; a seed that had no part in it is no fact.
    if seed and (spec is None or not spec.inputs or "seed" in spec.inputs.values()):
        yield "Seed", str(seed)
    # A call of a model that has a price, or one we do not know, is never free.
    unpriced = not asset.cost and (spec is None or spec.price != 0)
    yield "Cost", UNKNOWN if unpriced else money(asset.cost)
    if asset.generation_time:
        yield "Took", f"{asset.generation_time:.1f} s"


def _model(ad: AdState, kind: JobKind) -> str:
    if kind is JobKind.IMAGES:
        return maker_of_image(ad.image_model, photo=bool(ad.photos))
    return ad.clip_model


def _price(ad: AdState, kind: JobKind, slot: int) -> Decimal | None:
    return next_step(ad, kind, [slot]).estimate()


def _dearness(price: Decimal | None) -> tuple[bool, Decimal]:
    """The dearest last; what is unknown may be dearer than all."""
    return price is None, price or Decimal(0)


def _words(ad: AdState, kind: JobKind, slot: int) -> str:
    """What the next take of a slot is made from."""
    if kind is JobKind.IMAGES:
        return ad.prompts[slot].prompt if ad.prompts else ""
    picture = next((image.id for image in ad.approved_images if image.slot == slot), None)
    return next((scene.description for scene in ad.scenes if scene.image_id == picture), "")


def _draft(ad: AdState, kind: JobKind, slot: int) -> dict[str, str] | None:
    """New words for a slot that were typed but not used yet."""
    try:
        return Words.model_validate_json(ad.drafts.get(_draft_name(kind, slot), "")).model_dump()
    except ValidationError:
        return None


def _barred(ad: AdState, kind: JobKind, slot: int) -> str:
    """Why one more take of a slot cannot be made now; "" when it can."""
    if ad.working:
        return _BUSY
    if kind is JobKind.IMAGES:
        return "" if ad.prompts else "Generate the pictures first."
    approved = slot in [image.slot for image in ad.approved_images]
    return "" if approved else "Approve its picture first, then make its clip."


def _notes(ad: AdState) -> list[str]:
    """What went another way than asked for, oldest first, each thing once."""
    told = Counter(ad.notes)
    return [note + (f" ({times} times)" if times > 1 else "") for note, times in told.items()]
