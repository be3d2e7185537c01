"""How an ad is told: slide by slide, with what was decided and what it had cost by then."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from decimal import Decimal
from typing import Literal

from adgen.agents import STEPS
from adgen.domain import AdState, AssetInfo, CostEntry, CostSummary, Value

Kind = Literal["title", "brief", "pictures", "picks", "picture", "clip", "film", "cost"]

# How far into the steps each slide is.
_REACHED = {"title": 0, "brief": 0, "pictures": 2, "picks": 2, "picture": 2, "clip": 4, "film": 5}
_NUMBERS = ("No", "One", "Two", "Three", "Four", "Five", "Six")
_OLDER = "Cut before the last changes"


class Item(Value):
    """A picture, clip or film on a slide; `ratio` is its width by its height.

    `mark` is approved, rejected or open. `poster` is the id of a picture to show until it plays.
    """

    id: str
    label: str
    ratio: float
    focus: tuple[float, float] = (0.5, 0.5)
    mark: str = "open"
    reason: str = ""
    note: str = ""
    poster: str = ""


class Step(Value):
    """What one step cost, in US dollars; `unpriced` of its calls have no known price."""

    name: str
    calls: int
    cost: Decimal
    unpriced: int


class Slide(Value):
    """One thing at a time. `spent` is what the ad had cost by then, None where it is not told."""

    kind: Kind
    heading: str
    words: str = ""
    aside: str = ""
    items: tuple[Item, ...] = ()
    tags: tuple[str, ...] = ()
    steps: tuple[Step, ...] = ()
    spent: Step | None = None


class Deck(Value):
    """The whole replay of an ad; `ratio` is the shape of its pictures, width by height."""

    title: str
    ratio: float
    slides: tuple[Slide, ...]

    @property
    def file_ids(self) -> tuple[str, ...]:
        """The files that it shows, each once, in the order they are needed."""
        items = [item for slide in self.slides for item in slide.items]
        ids = [i for item in items for i in (item.poster, item.id) if i]
        return tuple(dict.fromkeys(ids))


def tell(ad: AdState, costs: CostSummary | None, *, notes: bool = True) -> Deck:
    """The replay of an ad. Without `costs` no sum is in it; `notes` are people's remarks."""
    wide, high = ad.aspect.size
    slides = [*_beginning(ad), *_pictures(ad, notes), *_clips(ad, notes), *_films(ad)]
    if costs and costs.entries:
        slides = [_with_spent(slide, costs.entries) for slide in slides]
        slides.append(_cost(ad, costs))
    return Deck(title=ad.title, ratio=wide / high, slides=tuple(slides))


# ---- the slides


def _beginning(ad: AdState) -> Iterator[Slide]:
    words = ad.product_prompt if ad.product_prompt != ad.title else ""
    made = f"{ad.created_at.day} {ad.created_at:%B %Y}"
    yield Slide(kind="title", heading=ad.title, words=words, aside=made)
    if ad.product_prompt:
        yield Slide(
            kind="brief",
            heading="The brief",
            words=ad.product_prompt,
            tags=ad.style_keywords,
            items=tuple(_item(ad, photo, "") for photo in ad.photos),
        )


def _pictures(ad: AdState, notes: bool) -> Iterator[Slide]:
    """All of them as they came, what was chosen, and each in large while there are no clips."""
    if not ad.images:
        return
    items = tuple(_item(ad, image, _view(image)) for image in ad.images)
    yield Slide(kind="pictures", heading=_count(len(items), "picture"), items=items)
    picks = tuple(_judged(ad, item, notes) for item in items)
    approved = [item for item in picks if item.mark == "approved"]
    if any(item.mark != "open" for item in picks):
        yield Slide(
            kind="picks",
            heading=f"{len(approved)} of {len(picks)} chosen",
            aside=_tally(picks),
            items=picks,
        )
    if not ad.clips:
        for item in approved or items:
            yield Slide(kind="picture", heading=item.label.capitalize(), items=(item,))


def _clips(ad: AdState, notes: bool) -> Iterator[Slide]:
    pictures = {image.id: image for image in ad.image_takes}
    for number, clip in enumerate(ad.clips, 1):
        picture = pictures.get(clip.details.get("image_id", ""))
        item = _judged(ad, _item(ad, clip, _view(picture) if picture else ""), notes)
        if picture and not picture.removed:
            item = item.model_copy(update={"poster": picture.id})
        yield Slide(
            kind="clip",
            heading=f"Clip {number} of {len(ad.clips)}",
            words=str(clip.details.get("description", "")),
            aside=item.label,
            items=(item,),
        )


def _films(ad: AdState) -> Iterator[Slide]:
    films = ad.videos or ((ad.final_video,) if ad.final_video else ())
    for film in films:
        shape = film.details.get("aspect", ad.aspect.value)
        length = f"{film.details['duration_seconds']:.1f} s"
        told = [shape, length, *([_OLDER] if film.stale else [])]
        yield Slide(
            kind="film",
            heading="The film",
            aside=" · ".join(told),
            items=(_item(ad, film, f"{ad.title}, {shape}"),),
        )


def _cost(ad: AdState, costs: CostSummary) -> Slide:
    steps = [_step(name, _of(costs.entries, agent)) for agent, name in STEPS.items()]
    return Slide(
        kind="cost",
        heading="What it cost",
        words=" ".join(_remarks(ad, costs)),
        aside=_calls(len(costs.entries)),
        steps=tuple(step for step in steps if step.calls),
        spent=_step("Total", costs.entries).model_copy(update={"cost": costs.total_cost}),
    )


def _remarks(ad: AdState, costs: CostSummary) -> Iterator[str]:
    """What the sum does not say by itself."""
    failed = sum(entry.success is False for entry in costs.entries)
    running = sum(entry.success is None for entry in costs.entries)
    copied = any("copied_from" in made.details for made in (*ad.images, *ad.clips))
    if failed:
        yield f"{_calls(failed)} failed."
    if running:
        yield f"{_calls(running)} still {'runs' if running == 1 else 'run'}."
    if costs.unpriced:
        yield f"The price of {_calls(costs.unpriced)} is unknown and in no sum."
    if copied:
        yield "What was copied from another ad was paid for there."


# ---- parts of a slide


def _item(ad: AdState, asset: AssetInfo, label: str) -> Item:
    wide, high = ad.aspect.size
    facts = asset.details
    return Item(
        id=asset.id,
        label=label,
        ratio=(facts.get("width") or wide) / (facts.get("height") or high),
        focus=facts.get("focus") or (0.5, 0.5),
    )


def _judged(ad: AdState, item: Item, notes: bool) -> Item:
    """The same with what people decided and wrote about it."""
    return item.model_copy(
        update={
            "mark": ad.marks.get(item.id, "open"),
            "reason": ad.reject_reasons.get(item.id, ""),
            "note": ad.remarks.get(item.id, "") if notes else "",
        }
    )


def _view(image: AssetInfo) -> str:
    return str(image.details.get("view", ""))


def _tally(picks: Sequence[Item]) -> str:
    counts = {
        "rejected": sum(item.mark == "rejected" for item in picks),
        "undecided": sum(item.mark == "open" for item in picks),
    }
    return " · ".join(f"{count} {word}" for word, count in counts.items() if count)


def _count(number: int, noun: str) -> str:
    return f"{_NUMBERS[number]} {noun}" + ("" if number == 1 else "s")


def _calls(number: int) -> str:
    return f"{number:,} call" + ("" if number == 1 else "s")


# ---- money


def _with_spent(slide: Slide, entries: Sequence[CostEntry]) -> Slide:
    agents = [*STEPS][: _REACHED[slide.kind]]
    spent = _step("", _of(entries, *agents))
    return slide.model_copy(update={"spent": spent})


def _of(entries: Sequence[CostEntry], *agents: str) -> list[CostEntry]:
    return [entry for entry in entries if entry.agent_name in agents]


def _step(name: str, entries: Sequence[CostEntry]) -> Step:
    priced = [entry.cost_usd for entry in entries if entry.cost_usd is not None]
    return Step(
        name=name,
        calls=len(entries),
        cost=sum(priced, Decimal(0)),
        # One that still runs will have its price when it is done.
        unpriced=sum(e.cost_usd is None and e.success is not None for e in entries),
    )
