"""What a step costs before it begins, the most it may come to, and cheaper ways to go on.

Prices and units are those that calls are settled by: one catalogue serves both.
"""

from __future__ import annotations

from collections.abc import Collection
from decimal import Decimal

from adgen.domain import IMAGES_TO_APPROVE, AdState, Budget, JobKind, Scope, Value
from adgen.errors import BudgetExceeded
from adgen.providers import catalogue
from adgen.providers.catalogue import ModelSpec, StageWord

_PLANNED_BY: dict[JobKind, StageWord] = {
    JobKind.IMAGES: "brief",
    JobKind.PLAN: "brief",
    JobKind.CLIPS: "storyboard",
    JobKind.SCENES: "storyboard",
}
# How long a clip is meant to be where nobody has said.
CLIP_S = 3.0
_NOUNS = {JobKind.IMAGES: "picture", JobKind.CLIPS: "clip", JobKind.VIDEO: "film"}


class Step(Value):
    """What is to be made: so many of a kind by a model, planned first or not.

    `seconds` are the lengths of clips, as far as their scenes are known.
    """

    kind: JobKind
    provider: str
    model: str
    count: int
    plan: bool = True
    seconds: tuple[float, ...] = ()

    @property
    def planners(self) -> list[ModelSpec]:
        """The language model that plans it, if it is planned."""
        word = _PLANNED_BY.get(self.kind)
        return [catalogue.default_model(word, self.provider)] if self.plan and word else []

    @property
    def lengths(self) -> list[float | None]:
        """A length for each that is made, None for one that nobody has said."""
        known = self.seconds[: self.count]
        return [*known, *[None] * (self.count - len(known))]

    def estimate(self) -> Decimal | None:
        """What it will cost, US dollars; None when a price is unknown."""
        spec = catalogue.find_model(self.model)
        prices = [planner.expected_cost for planner in self.planners]
        prices += [spec.cost_of(seconds or CLIP_S) if spec else None for seconds in self.lengths]
        if any(price is None for price in prices):
            return None
        return sum((price for price in prices if price is not None), Decimal(0))

    def most(self) -> Decimal:
        """The most it may come to: a plan asked for twice, and the dearest stand-ins.

        What has no known price cannot be promised.
        """
        spec = catalogue.load_model(self.model)
        plans = [dearest(planner) for planner in self.planners] * 2
        return sum([*plans, *(dearest(spec, seconds) for seconds in self.lengths)], Decimal(0))

    def among(self, count: int) -> Step:
        """The same with fewer."""
        return self.model_copy(update={"count": count})


def next_step(ad: AdState, kind: JobKind, slots: Collection[int]) -> Step:
    """What making these slots of an ad takes, as it stands; as the commands decide it."""
    scenes = {scene.image_id: scene for scene in ad.scenes}
    by_slot = {image.slot: scenes.get(image.id) for image in ad.approved_images}
    known = [by_slot.get(slot) for slot in slots]
    clips = kind is JobKind.CLIPS
    return Step(
        kind=kind,
        provider=ad.provider,
        model={
            JobKind.IMAGES: ad.image_model,
            JobKind.CLIPS: ad.clip_model,
        }.get(kind)
        or catalogue.default_model("video", ad.provider).ref,
        count=len(slots),
        plan=not all(by_slot.values()) if clips else not ad.prompts,
        seconds=[scene.duration_seconds for scene in known if scene] if all(known) else (),
    )


def dearest(spec: ModelSpec, seconds: float | None = None) -> Decimal:
    """The most a call may cost, by whichever model of its chain it is made in the end."""
    chain = [spec, *map(catalogue.load_model, spec.fallbacks)]
    return max(one.most_cost(seconds) or Decimal(0) for one in chain)


# ---- a refusal, in words


def refusal(step: Step, crossed: Budget) -> BudgetExceeded:
    """Why a step may not begin, and what could be done instead.

    `crossed` is the budget as it would stand with the step promised.
    """
    most = step.most()
    before = crossed.model_copy(update={"held": crossed.held - most})
    left = before.left
    held = f" (${before.held:.2f} is held by what runs)" if before.held > 0 else ""
    return BudgetExceeded(
        f"{_what(step)} may come to {_dollars(most)}, and of the ${crossed.amount:.2f} "
        f"{_whose(crossed)} only {_dollars(left)} is left{held}. Nothing was spent. "
        f"{_instead(step, left)}An admin can raise the budget in Settings."
    )


def _dollars(amount: Decimal) -> str:
    """To the cent; sums of less than one with what counts of them."""
    return f"${amount:.2f}" if amount == 0 or amount >= Decimal("0.01") else f"${amount:.4f}"


def _whose(budget: Budget) -> str:
    return {
        Scope.AD: "for this ad",
        Scope.TEAM: f"for the team {budget.name}",
        Scope.ALL: "for all ads together",
    }[budget.scope]


def _what(step: Step) -> str:
    if step.kind.is_plan:
        return "The plan"
    name = catalogue.label_of(step.model).partition(" (")[0]
    by = "" if step.kind is JobKind.VIDEO else f" with {name}"
    return f"{_count(step.count, _NOUNS.get(step.kind, 'preview'))}{by}"


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}" + ("" if number == 1 else "s")


def _instead(step: Step, left: Decimal) -> str:
    """The cheaper plans that fit, dearest first, as one sentence; "" when there is none."""
    ways = [_fewer(step, left), _cheaper_model(step, left), _free(step)]
    told = [way for way in ways if way]
    if not told:
        return ""
    said = ", or ".join(told)
    return f"{said[0].upper()}{said[1:]}. "


def _fewer(step: Step, left: Decimal) -> str:
    """So many as fit, where fewer can be asked for."""
    if step.kind not in (JobKind.CLIPS, JobKind.VIDEO):
        return ""
    least = IMAGES_TO_APPROVE if step.kind is JobKind.CLIPS else 1
    fits = [n for n in range(least, step.count) if step.among(n).most() <= left]
    if not fits:
        return ""
    some = step.among(fits[-1])
    how = "approve fewer pictures: " if step.kind is JobKind.CLIPS else "choose fewer shapes: "
    return f"{how}{_count(some.count, _NOUNS[step.kind])} ~{_dollars(some.estimate() or left)}"


def _cheaper_model(step: Step, left: Decimal) -> str:
    """The best model that fits, by its price."""
    word: StageWord | None = {JobKind.IMAGES: "image", JobKind.CLIPS: "clip"}.get(step.kind)  # type: ignore[assignment]
    if word is None:
        return ""
    offers = [
        step.model_copy(update={"model": spec.ref})
        for spec in catalogue.list_models(word, step.provider)
        if spec.price is not None and spec.ref != step.model
    ]
    fitting = [other for other in offers if other.most() <= left]
    if not fitting:
        return ""
    best = max(fitting, key=lambda other: (other.estimate() or Decimal(0), other.model))
    name = catalogue.label_of(best.model).partition(" (")[0]
    every = "it" if step.count == 1 else f"all {step.count}"
    return f"make {every} with {name} for ~{_dollars(best.estimate() or Decimal(0))}"


def _free(step: Step) -> str:
    """What can be looked at for nothing, or done without."""
    if step.count == 1 and step.kind in (JobKind.IMAGES, JobKind.CLIPS):
        return "go on without it"
    if step.kind is JobKind.CLIPS:
        return "look at the animatic, which is free"
    return "look at the draft, which is free" if step.kind is JobKind.VIDEO else ""
