"""A month of made-up ads to look at: people, calls, failures and choices as a team makes them.

Nothing of it was ordered or paid, and no budget or total counts it. The same seed and hour give
the same month.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from decimal import Decimal
from random import Random
from typing import Any
from uuid import UUID

from adgen.agents import AGENTS
from adgen.domain import AssetType, JobKind, RejectReason, Role, Stage, View
from adgen.prices import Step
from adgen.providers import catalogue
from adgen.providers.catalogue import ModelSpec
from adgen.providers.looks import Look
from adgen.store.demo import Month, Row

DAYS = 30
PEOPLE = {
    "Northlight (demo)": ("mara.lind", "jonas.weber", "priya.nair"),
    "Harbour Goods (demo)": ("tomas.silva", "ines.moreau", "kofi.mensah"),
    "Atelier Vale (demo)": ("yuki.tanaka", "lea.brandt"),
}
# Who makes more ads than others, in the order of PEOPLE.
_BUSY = (5, 3, 2, 4, 3, 1, 3, 2)
PRODUCTS = (
    ("Pink tennis shoes", "warm"),
    ("Oak lounge chair", "calm"),
    ("Navy wool coat", "cool"),
    ("Copper pour-over kettle", "warm"),
    ("Sage linen bedding", "calm"),
    ("Red trail backpack", "bold"),
    ("Turquoise surfboard", "fresh"),
    ("Black espresso machine", "sleek"),
    ("Amber glass lamp", "warm"),
    ("Olive hiking boots", "rugged"),
    ("Lavender hand cream", "soft"),
    ("Silver wrist watch", "sleek"),
)
_OCCASIONS = ("spring launch", "summer sale", "for stories", "gift guide", "relaunch", "teaser")
_MOTIONS = ("slow push-in, soft light", "gentle orbit", "quick, lively cuts", "calm drift")
# Models as people choose them, with how often; the cheap ones more often.
_IMAGES = {"flux-schnell": 5, "flux-1.1-pro": 8, "flux-pro": 5, "stability-ai/sdxl": 2}
_CLIPS = {"wan-2.2": 12, "seedance-1-lite": 4, "kling": 2, "hailuo": 1, "stability-ai/stable": 1}
# Usual seconds of a call.
_TOOK = {"brief": 3, "storyboard": 3, "image": 8, "clip": 70, "video": 14, "draft": 4}
_WHY = {
    "image": ("The model refused the prompt.", "The model gave an unusable picture."),
    "clip": ("The model ended without a clip.", "The model took too long and was stopped."),
}
# How far ads come: the share of those that go on after each step.
_GOES_ON = {"images": 0.95, "approved": 0.86, "clips": 0.9, "film": 0.85}
_FAILS, _RIDDLE, _UNPRICED = 0.05, 0.012, 0.008
# Of every so many calls one is told nothing about.
_SILENT = 50


def make_month(seed: int, until: datetime, looks: Sequence[Look], days: int = DAYS) -> Month:
    """The whole month, ended by `until`; `looks` are those of the PRODUCTS."""
    return _Maker(Random(seed), until, looks, days).month()  # noqa: S311 -- nothing secret


@dataclass
class _Ad:
    """An ad as it grows; `at` is the moment it has come to."""

    row: Row
    look: Look
    at: datetime
    # How many files there were before it.
    first: int
    attempts: dict[tuple[str, int], int] = field(default_factory=dict)
    runs: int = 0


class _Maker:
    """Makes one month; every choice comes from one seed."""

    def __init__(self, random: Random, until: datetime, looks: Sequence[Look], days: int) -> None:
        self.random, self.until, self.days = random, until, days
        self.made = Month()
        self.looks = looks

    def month(self) -> Month:
        """People first, then the ads day by day."""
        first = self.until - timedelta(days=self.days + 20)
        for team, names in PEOPLE.items():
            self.made.teams.append({"name": team, "created_at": first})
            for place, name in enumerate(names):
                role = Role.ANALYST if place == 2 else Role.EDITOR
                self.made.users.append(
                    {"email": f"{name}@demo.example", "role": role.value, "team": team,
                     "created_at": first}
                )  # fmt: skip
        for begins in sorted(self._beginnings()):
            self._ad(begins)
        return self.made

    def _beginnings(self) -> Iterator[datetime]:
        """When ads are begun: on weekdays, in office hours, more every week."""
        midnight = self.until.replace(hour=0, minute=0, second=0, microsecond=0)
        for day in range(self.days):
            date = midnight - timedelta(days=self.days - 1 - day)
            wanted = 5.5 + 6.5 * day / self.days
            if date.weekday() >= 5:
                wanted *= 0.2
            for _ in range(self._about(wanted)):
                hour = min(max(self.random.gauss(self.random.choice((10.5, 15.0)), 1.6), 6.5), 21)
                begins = date + timedelta(hours=hour, seconds=self.random.randint(0, 59))
                if begins < self.until - timedelta(hours=1):
                    yield begins

    def _about(self, wanted: float) -> int:
        return max(0, round(self.random.gauss(wanted, math.sqrt(wanted) * 0.6)))

    # ---- an ad

    def _ad(self, begins: datetime) -> None:
        random = self.random
        place = random.randrange(len(PRODUCTS))
        product, style = PRODUCTS[place]
        occasion = random.choice(_OCCASIONS)
        users = [user for user in self.made.users if user["role"] == Role.EDITOR.value]
        user = random.choices(users, _BUSY[: len(users)])[0]
        row: Row = {
            "id": self._id(), "email": user["email"], "team": user["team"],
            "title": f"{product}, {occasion}", "product": product.lower(),
            "product_prompt": f"{product}, {style} mood, {occasion}", "provider": "replicate",
            "image_model": self._model("image", _IMAGES), "clip_model": self._model("clip", _CLIPS),
            "aspect": random.choices(("16:9", "9:16", "1:1"), (6, 3, 1))[0],
            "consistency_seed": random.randint(100_000, 999_999), "stage": Stage.CREATED.value,
            "style_keywords": [style, "studio light"], "created_at": begins,
            "video_prompt": "", "prompts": [], "scenes": [], "marks": {}, "reject_reasons": {},
            "generated_image_ids": [], "approved_image_ids": [], "generated_clip_ids": [],
            "approved_clip_ids": [], "clip_order": [], "shapes": [], "video_ids": [],
            "final_video_id": None, "text_overlay": {}, "failed_stage": None, "failure": None,
            "total_cost": Decimal(0),
        }  # fmt: skip
        self.made.sessions.append(row)
        begun = begins + timedelta(seconds=random.randint(40, 400))
        ad = _Ad(row, self.looks[place], begun, len(self.made.assets))
        self._story(ad)
        row["updated_at"] = min(ad.at, self.until)

    def _story(self, ad: _Ad) -> None:
        """Step after step, as far as this one comes."""
        if not self._goes_on("images"):
            return
        self._pictures(ad)
        if ad.row["stage"] == Stage.FAILED.value or not self._goes_on("approved"):
            return
        self._approve(ad)
        if not self._goes_on("clips"):
            return
        self._clips(ad)
        if ad.row["stage"] == Stage.FAILED.value or not self._goes_on("film"):
            return
        self._film(ad)

    def _goes_on(self, step: str) -> bool:
        return self.random.random() < _GOES_ON[step]

    def _pictures(self, ad: _Ad) -> None:
        prompt = ad.row["product_prompt"]
        ad.row["prompts"] = [
            {"view": v.value, "prompt": f"{v.value} view of {prompt}"} for v in View
        ]
        made = self._run(ad, JobKind.IMAGES, list(range(len(View))), "brief")
        ad.row["generated_image_ids"] = [made[slot] for slot in sorted(made)]
        if len(made) < 4:
            self._fail(ad, Stage.IMAGE_GENERATION, f"{6 - len(made)} of 6 pictures failed.")
            return
        ad.row["stage"] = Stage.IMAGE_SELECTION.value
        for _ in range(self.random.choices((0, 1, 2, 3), (3, 4, 3, 2))[0]):
            made |= self._run(ad, JobKind.IMAGES, [self.random.choice(list(made))])
        ad.row["generated_image_ids"] = [made[slot] for slot in sorted(made)]
        self._reject(ad, ad.row["generated_image_ids"])

    def _reject(self, ad: _Ad, shown: Sequence[str]) -> None:
        for asset_id in shown:
            if self.random.random() < 0.22:
                ad.row["marks"][asset_id] = "rejected"
                ad.row["reject_reasons"][asset_id] = self.random.choice(list(RejectReason)).value

    def _approve(self, ad: _Ad) -> None:
        ad.at += timedelta(seconds=self.random.randint(60, 1500))
        marks, shown = ad.row["marks"], ad.row["generated_image_ids"]
        open_ones = [i for i in shown if i not in marks] or shown
        wanted = self.random.choices((2, 3, 4, 5), (4, 5, 3, 1))[0]
        chosen = [i for i in shown if i in open_ones[: max(wanted, 2)]]
        for other in shown:
            if len(chosen) < 2 and other not in chosen:
                chosen.append(other)
        marks.update(dict.fromkeys(chosen, "approved"))
        ad.row["reject_reasons"] = {
            i: why for i, why in ad.row["reject_reasons"].items() if marks.get(i) == "rejected"
        }
        ad.row["approved_image_ids"] = [i for i in shown if i in chosen]

    def _clips(self, ad: _Ad) -> None:
        ad.row["video_prompt"] = self.random.choice(_MOTIONS)
        slots = {asset["id"]: asset["slot"] for asset in self.made.assets[ad.first :]}
        pictures = {slots[i]: i for i in ad.row["approved_image_ids"]}
        ad.row["scenes"] = [
            {"image": number, "image_id": picture, "description": ad.row["video_prompt"],
             "motion_intensity": 0.4, "duration_seconds": 3.0}
            for number, picture in enumerate(ad.row["approved_image_ids"], 1)
        ]  # fmt: skip
        made = self._run(ad, JobKind.CLIPS, sorted(pictures), "storyboard", pictures)
        ad.row["generated_clip_ids"] = [made[slot] for slot in sorted(made)]
        if len(made) < 2:
            self._fail(ad, Stage.CLIP_GENERATION, "Too few clips came out.")
            return
        ad.row["stage"] = Stage.CLIP_SELECTION.value
        if self.random.random() < 0.3:
            made |= self._run(ad, JobKind.CLIPS, [self.random.choice(list(made))], "", pictures)
        ad.row["generated_clip_ids"] = [made[slot] for slot in sorted(made)]
        chosen = [c for c in ad.row["generated_clip_ids"] if self.random.random() < 0.82]
        ad.row["clip_order"] = chosen or ad.row["generated_clip_ids"][:1]
        ad.row["marks"].update(dict.fromkeys(ad.row["clip_order"], "approved"))

    def _film(self, ad: _Ad) -> None:
        ad.at += timedelta(seconds=self.random.randint(60, 900))
        ad.row["approved_clip_ids"] = list(ad.row["clip_order"])
        ad.row["shapes"] = [ad.row["aspect"]]
        ad.row["text_overlay"] = {"product_name": ad.row["product"].title(), "cta": "Shop now"}
        if self.random.random() < 0.5:
            self._run(ad, JobKind.DRAFT, [0])
        made = self._run(ad, JobKind.VIDEO, [0])
        if made:
            ad.row["video_ids"] = [made[0]]
            ad.row["final_video_id"] = made[0]
            ad.row["stage"] = Stage.COMPLETE.value

    def _fail(self, ad: _Ad, stage: Stage, why: str) -> None:
        self.made.jobs[-1] |= {"status": "failed", "error": why, "message": why}
        ad.row["stage"], ad.row["failed_stage"] = Stage.FAILED.value, stage.value
        ad.row["failure"] = f"{why} What was made is kept."

    # ---- a run and its calls

    def _run(
        self,
        ad: _Ad,
        kind: JobKind,
        slots: Sequence[int],
        planner: str = "",
        pictures: dict[int, str] | None = None,
    ) -> dict[int, str]:
        """One run; gives the assets it made by slot."""
        ad.runs += 1
        job_id, began = f"{ad.row['id']}:{kind}:{ad.runs}", ad.at
        stage = {JobKind.IMAGES: "image", JobKind.CLIPS: "clip"}.get(kind, kind.value)
        spec = self._spec(ad, stage)
        if planner:
            ad.at += self._call(ad, job_id, planner, 0, self._spec(ad, planner))[1]
        made, slowest = {}, timedelta()
        for slot in slots:
            asset_id, took = self._slot(ad, job_id, stage, slot, spec, pictures)
            slowest = max(slowest, took)
            if asset_id:
                made[slot] = asset_id
        ad.at += slowest
        step = Step(kind=kind, provider="replicate", model=spec.ref, count=len(slots),
                    plan=bool(planner))  # fmt: skip
        self.made.jobs.append(
            {
                "id": job_id, "session_id": ad.row["id"], "kind": kind.value,
                "status": "done" if made else "failed", "done": len(made), "total": len(slots),
                "percent": 100, "message": "Ready.", "error": None if made else "It failed.",
                "slots": {str(s): "done" if s in made else "failed" for s in slots},
                "estimated_cost": step.estimate(), "reserved": Decimal(0),
                "created_at": began, "started_at": began + timedelta(seconds=0.3),
                "finished_at": ad.at,
            }
        )  # fmt: skip
        ad.at += timedelta(seconds=self.random.randint(20, 240))
        return made

    def _slot(
        self, ad: _Ad, job_id: str, stage: str, slot: int, spec: ModelSpec,
        pictures: dict[int, str] | None,
    ) -> tuple[str | None, timedelta]:  # fmt: skip
        """A call, and a second one after a failure that cost nothing."""
        waited = timedelta()
        for _ in range(2):
            key, took, outcome = self._call(ad, job_id, stage, slot, spec, waited)
            waited += took
            if outcome == "made":
                return self._asset(ad, stage, slot, spec, key, took, pictures), waited
            if outcome == "paid":
                break
            waited += timedelta(seconds=5)
        return None, waited

    def _call(
        self, ad: _Ad, job_id: str, stage: str, slot: int, spec: ModelSpec,
        after: timedelta = timedelta(),
    ) -> tuple[str, timedelta, str]:  # fmt: skip
        """One row of the ledger and its prediction; key, how long, and made, free or paid."""
        random, place = self.random, (stage, slot)
        ad.attempts[place] = ad.attempts.get(place, 0) + 1
        key = f"{ad.row['id']}/{stage}/{slot}/{ad.attempts[place]}"
        took = max(0.8, random.lognormvariate(math.log(_TOOK[stage]), 0.35))
        fails = stage in _WHY and random.random() < _FAILS
        outcome = "made" if not fails else random.choice(("free", "free", "paid"))
        quantity: Decimal | None = self._units(spec, took) if outcome != "free" else Decimal(0)
        price = spec.price
        if spec.price and random.random() < _RIDDLE:
            quantity = None
        elif spec.price and random.random() < _UNPRICED:
            price = None
        cost = None if quantity is None or (price is None and quantity) else (price or 0) * quantity
        reported = self._told(spec, quantity) if outcome != "free" else Decimal(0)
        began = ad.at + after
        ended, why = began + timedelta(seconds=took), random.choice(_WHY[stage]) if fails else None
        self.made.predictions.append(
            {
                "key": key, "session_id": ad.row["id"], "job_id": job_id,
                "agent": AGENTS[stage], "model": spec.ref, "inputs": {"model": spec.ref},
                "provider_id": self._word(26), "status": "failed" if fails else "succeeded",
                "error": why, "created_at": began, "sent_at": began, "finished_at": ended,
                "reported": self._report(spec, took, reported, outcome),
            }
        )  # fmt: skip
        self.made.costs.append(
            {
                "session_id": ad.row["id"], "agent_name": AGENTS[stage], "model_used": spec.ref,
                "cost_usd": None if cost is None else Decimal(cost).quantize(Decimal("0.000001")),
                "duration_seconds": Decimal(f"{took:.3f}"), "success": not fails,
                "error_message": why, "created_at": began, "prediction_key": key,
                "unit": spec.unit, "quantity": quantity, "unit_price": price,
                "price_since": spec.since.isoformat(), "settled_at": ended,
                "estimated_usd": None if price is None else spec.cost_of(3.0),
                "reported_quantity": reported,
            }
        )  # fmt: skip
        ad.row["total_cost"] += self.made.costs[-1]["cost_usd"] or 0
        return key, timedelta(seconds=took), outcome

    @staticmethod
    def _units(spec: ModelSpec, took: float) -> Decimal:
        if spec.unit == "hardware-second":
            return Decimal(f"{took * 0.8:.2f}")
        return Decimal(str(spec.length(3.0))) if spec.unit == "second" else Decimal(1)

    def _told(self, spec: ModelSpec, charged: Decimal | None) -> Decimal | None:
        """What the provider says that it made: as a rule what was charged, or nothing at all."""
        silent = len(self.made.costs) % _SILENT == 0
        if spec.door == "offline" or charged is None or silent:
            return None
        if spec.unit == "second":
            # Clips come some frames longer than they were ordered.
            return charged + Decimal("0.04")
        return charged

    @staticmethod
    def _report(
        spec: ModelSpec, took: float, reported: Decimal | None, outcome: str
    ) -> dict[str, Any] | None:
        if reported is None:
            return None
        figures: dict[str, Any] = {
            "predict_time": round(took * 0.8, 3),
            "total_time": round(took, 3),
        }
        if spec.unit == "image":
            figures["image_count"] = int(reported)
        if spec.unit == "second":
            figures["video_output_duration_seconds"] = float(reported)
        return {"status": "failed" if outcome == "free" else "succeeded", **figures}

    def _asset(
        self, ad: _Ad, stage: str, slot: int, spec: ModelSpec, key: str, took: timedelta,
        pictures: dict[int, str] | None,
    ) -> str:  # fmt: skip
        film, asset_id = stage != "image", self._id()
        stored = ad.look.clip if film else ad.look.views[slot]
        view = list(View)[slot].value
        details: dict[str, Any] = {"view": view, "seed": ad.row["consistency_seed"]}
        if stage == "image":
            product = ad.row["product_prompt"]
            details |= {"prompt": f"{view} view of {product}", "product_prompt": product,
                        "width": 640, "height": 360}  # fmt: skip
        else:
            details |= {"duration_seconds": 2.0, "width": 320, "height": 180,
                        "size_bytes": stored.size_bytes, "aspect": ad.row["aspect"]}  # fmt: skip
        if pictures:
            details |= {"image_id": pictures[slot], "description": ad.row["video_prompt"],
                        "video_prompt": ad.row["video_prompt"]}  # fmt: skip
        if stage in ("video", "draft"):
            details |= {"clip_ids": list(ad.row["clip_order"]), "kind": stage,
                        "text_overlay": ad.row["text_overlay"]}  # fmt: skip
        kind = {"image": AssetType.IMAGE, "clip": AssetType.CLIP, "video": AssetType.VIDEO}
        self.made.assets.append(
            {
                "id": asset_id, "session_id": ad.row["id"], "url": f"/api/files/{asset_id}",
                "asset_type": kind.get(stage, AssetType.PREVIEW).value, "details": details,
                "cost": self.made.costs[-1]["cost_usd"] or Decimal(0), "model_used": spec.ref,
                "generation_time": Decimal(f"{took.total_seconds():.3f}"),
                "created_at": ad.at + took, "storage_key": stored.key,
                "content_type": stored.content_type, "size_bytes": stored.size_bytes,
                "slot": slot, "prediction_key": key,
            }
        )  # fmt: skip
        return asset_id

    # ---- small choices

    def _id(self) -> str:
        return str(UUID(int=self.random.getrandbits(128), version=4))

    def _word(self, length: int) -> str:
        return "".join(self.random.choices("0123456789abcdefghjkmnpqrstvwxyz", k=length))

    def _model(self, stage: catalogue.StageWord, liked: dict[str, int]) -> str:
        specs = catalogue.list_models(stage, "replicate")
        weights = [next((w for n, w in liked.items() if n in s.ref), 0) for s in specs]
        return self.random.choices(specs, weights)[0].ref

    @staticmethod
    def _spec(ad: _Ad, stage: str) -> ModelSpec:
        if stage in ("image", "clip"):
            return catalogue.load_model(ad.row[f"{stage}_model"])
        return catalogue.default_model(stage, "replicate")  # type: ignore[arg-type]
