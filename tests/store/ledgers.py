"""Ledgers for the tests of spending: calls at given moments, by given people, of given prices."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from decimal import Decimal
from random import Random
from uuid import uuid4

from sqlalchemy import update

from adgen.domain import AssetType, Person, Role
from adgen.store import assets, costs, predictions, sessions
from adgen.store.assets import NewAsset
from adgen.store.database import Database
from adgen.store.predictions import Call, call_key
from adgen.store.tables import AdSession, GenerationCost, now
from tests.conftest import add_person

STAGES = {
    "prompt_parser": ("brief", "meta/meta-llama-3.1-70b-instruct", "0.001"),
    "image_generator": ("image", "black-forest-labs/flux-pro", "0.05"),
    "scene_planner": ("storyboard", "meta/meta-llama-3.1-70b-instruct", "0.001"),
    "video_generator": ("clip", "wan-video/wan-2.2-i2v-fast", "0.11"),
    "compositor": ("video", "adgen/cut", "0.50"),
}


@dataclass
class Ledger:
    """Writes calls as the worker does, and dates them as it is told."""

    database: Database
    calls: int = 0
    ads: list[str] = field(default_factory=list)

    def ad(
        self, person: Person, at: datetime, title: str = "Oak chair", *, demo: bool = False
    ) -> str:
        """An ad begun at that moment."""
        ad_id = str(uuid4())
        with self.database.begin() as db:
            db.add(
                AdSession(
                    id=ad_id, user_id=person.id, team_id=person.team_id, title=title,
                    product_prompt=title, provider="replicate", image_model="m", clip_model="m",
                    created_at=at, demo=demo,
                )
            )  # fmt: skip
        self.ads.append(ad_id)
        return ad_id

    def open(self, ad: str, agent: str, at: datetime, price: str | None = "", **of: str) -> str:
        """A call that runs; `price` of a unit, empty for its stage's, None for unknown."""
        self.calls += 1
        stage, model, usual = STAGES[agent]
        model = of.get("model", model)
        key = call_key(ad, stage, self.calls, 1)
        call = Call(key=key, session_id=ad, job_id="j", agent=agent, model=model, inputs={})
        price = usual if price == "" else price
        with self.database.begin() as db:
            predictions.add_intent(db, call)
            costs.open_entry(
                db, session_id=ad, key=key, agent=agent, model=model, unit="run",
                unit_price=None if price is None else Decimal(price), price_since="2026-11-24",
                estimated=None if price is None else Decimal(price),
            )  # fmt: skip
            dated = update(GenerationCost).where(GenerationCost.prediction_key == key)
            db.execute(dated.values(created_at=at))
        return key

    def settle(
        self, key: str, *, success: bool = True, error: str | None = None,
        reported: Decimal | None = None,
    ) -> Decimal:  # fmt: skip
        """The call has ended; gives what it cost."""
        with self.database.begin() as db:
            settled = costs.settle_entry(
                db, key, success=success, quantity=Decimal(1), seconds=Decimal("4.2"), error=error,
                reported=reported,
            )  # fmt: skip
            costs.charge(db, sessions.lock_ad(db, key.partition("/")[0]), None, settled)
            return settled.due

    def call(self, ad: str, agent: str, at: datetime, **of: str) -> str:
        """A call that has ended well."""
        key = self.open(ad, agent, at, **of)
        self.settle(key)
        return key

    def asset(self, ad: str, kind: AssetType, key: str, cost: str) -> str:
        """What a call made."""
        with self.database.begin() as db:
            return assets.add_asset(
                db, ad,
                NewAsset(
                    asset_type=kind, storage_key="aa/x", content_type="image/jpeg", size_bytes=1,
                    slot=0, details={"duration_seconds": 3.0}, cost=Decimal(cost), model_used="m",
                    prediction_key=key,
                ),
            )  # fmt: skip


def busy(database: Database, seed: int = 1, ads: int = 30, until: datetime | None = None) -> Ledger:
    """Ads of four people in two teams over half a year, with failures, unknown prices, and runs."""
    luck, ledger = Random(seed), Ledger(database)  # noqa: S311
    people = [
        add_person(database, f"{name}@example.com", Role.EDITOR, team)
        for name, team in (("ann", "North"), ("bo", "North"), ("cy", "South"), ("di", "South"))
    ]
    last = until or now()
    for number in range(ads):
        begun = last - timedelta(minutes=luck.randrange(60 * 24 * 180))
        ad = ledger.ad(luck.choice(people), begun, f"Ad {number}", demo=number % 7 == 0)
        for step in range(luck.randrange(1, 9)):
            agent = luck.choice(list(STAGES))
            price = None if luck.random() < 0.1 else ""
            key = ledger.open(ad, agent, begun + timedelta(minutes=step), price)
            if luck.random() < 0.95:
                told = Decimal(luck.randrange(3)) if luck.random() < 0.7 else None
                ledger.settle(key, success=luck.random() < 0.9, reported=told)
    return ledger
