"""Ads, people and a vendor with prices for tests of money: every call's price is set here."""

from __future__ import annotations

import itertools
import threading
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import event, exists, func, select, text
from sqlalchemy.orm import Session

from adgen import orders, pipeline
from adgen.commands import Commands
from adgen.config import settings
from adgen.domain import (
    AssetType,
    ImagePrompt,
    JobKind,
    Person,
    Role,
    Scope,
    Stage,
    View,
)
from adgen.errors import AdgenError, BudgetExceeded, ResultWaiting, WrongStage
from adgen.providers import catalogue
from adgen.providers.catalogue import ModelSpec
from adgen.providers.models import Result
from adgen.store import assets, budgets, jobs, predictions, sessions
from adgen.store.assets import NewAsset
from adgen.store.database import Database
from adgen.store.tables import AdSession, Budget, GenerationCost, Job, Prediction, Purse
from tests.conftest import add_person

# Budgets, in dollars: two of the dear runs cross the ad's.
AD, TEAM, ALL = "2.40", "3.60", "5.00"
PLAIN, DEAR = "offline/photos", "offline/dear"
PRICES = {PLAIN: "0.05", "offline/stand-in": "0.07", DEAR: "0.31"}


PROMPTS = [ImagePrompt(view=view, prompt="a chair").model_dump(mode="json") for view in View]


class Killed(BaseException):
    """The process died here."""


@contextmanager
def dying(database: Database, statement: int) -> Iterator[None]:
    """Whatever is done in here dies before its nth statement; what was not committed is lost."""
    count = itertools.count(1)

    def die(*_: object) -> None:
        if next(count) == statement:
            raise Killed

    event.listen(database.engine, "before_cursor_execute", die)
    try:
        yield
    except Killed:
        pass
    finally:
        event.remove(database.engine, "before_cursor_execute", die)


def priced(monkeypatch: pytest.MonkeyPatch) -> None:
    """Budgets, and the offline models at prices, one of them with a dearer stand-in."""
    for name, amount in (("SESSION", AD), ("TEAM", TEAM), ("TOTAL", ALL)):
        monkeypatch.setenv(f"ADGEN_{name}_BUDGET_USD", amount)
    settings.cache_clear()
    rows = dict(catalogue.catalogue())
    for ref, price in PRICES.items():
        like = rows[PLAIN].model_copy(update={"ref": ref, "price": Decimal(price)})
        rows[ref] = like.model_copy(update={"offered": ref != "offline/stand-in"})
    rows[PLAIN] = rows[PLAIN].model_copy(update={"fallbacks": ("offline/stand-in",)})
    for ref in ("offline/prompt-parser", "offline/scene-planner"):
        rows[ref] = rows[ref].model_copy(update={"price": Decimal("0.001")})
    monkeypatch.setattr(catalogue, "catalogue", lambda: rows)


class Vendor:
    """A supplier that keeps its own books: what it took, and what it bills for it.

    `next_order` and `next_result` say how the next call ends: an error to raise, or None for
    success. `bill` is by order id, None where it does not say.
    """

    grace_s = 0.0

    def __init__(self) -> None:
        self.taken: dict[str, tuple[str, dict[str, Any]]] = {}
        self.bill: dict[str, Decimal | None] = {}
        self.next_order: AdgenError | None = None
        self.next_result: AdgenError | None = None
        self._number = itertools.count(1)

    def prepare(self, _: ModelSpec, inputs: Mapping[str, Any], *__: object) -> dict[str, Any]:
        return {"slot": inputs.get("slot"), "seed": inputs.get("seed")}

    def order(self, _: ModelSpec, wire: Mapping[str, Any], key: str) -> str:
        if self.next_order:
            error, self.next_order = self.next_order, None
            raise error
        order_id = f"order-{next(self._number)}"
        self.taken[order_id] = (key, dict(wire))
        return order_id

    def find(self, _: ModelSpec, wire: Mapping[str, Any], *__: object) -> list[str]:
        return [order for order, (_, sent) in self.taken.items() if sent == wire]

    def collect(
        self, spec: ModelSpec, order_id: str, _: object, __: object, work: Path, *___: object
    ) -> Result:
        assert spec.price is not None
        if self.next_result:
            error, self.next_result = self.next_result, None
            if not isinstance(error, ResultWaiting):
                units = error.charged
                self.bill[order_id] = None if units is None else spec.price * units
            raise error
        self.bill[order_id] = spec.price
        if "prompt-parser" in spec.ref:
            return Result(text="a plan")
        file = work / "made.jpg"
        file.write_bytes(order_id.encode())
        return Result(file=file, content_type="image/jpeg", metadata={"view": "front"})


class Till:
    """Two teams with two ads each, a worker that does as it is told, and the books."""

    def __init__(self, database: Database, commands: Commands) -> None:
        self.database, self.commands, self.vendor = database, commands, Vendor()
        teams = ("North", "South")
        self.boss = add_person(database, "boss@example.com", Role.ADMIN, "Office")
        people = [add_person(database, f"{team}@example.com", team=team) for team in teams]
        self.owner = {self._ad(person): person for person in people for _ in range(2)}
        self.ads = list(self.owner)
        # What each budget may have come to at most, by what was decided so far.
        self.limits: dict[tuple[str, str], Decimal] = {}
        self.calls: list[tuple[str, str, int, int]] = []

    def _ad(self, person: Person) -> str:
        """An ad whose pictures were planned and approved before."""
        ad = self.commands.create_ad(person).id
        with self.database.begin() as db:
            row = sessions.lock_ad(db, ad)
            row.product_prompt, row.consistency_seed = "oak chair", 123456
            row.prompts = PROMPTS
            row.stage = Stage.IMAGE_SELECTION.value
            row.generated_image_ids = [
                assets.add_asset(
                    db,
                    ad,
                    NewAsset(
                        asset_type=AssetType.IMAGE, storage_key="aa/x", content_type="image/jpeg",
                        size_bytes=1, slot=slot, details={"view": "front"},
                    ),
                )
                for slot in range(6)
            ]  # fmt: skip
        return ad

    # ---- people

    def start(self, ad: str, model: str, plan: bool) -> str:
        """All six pictures anew; how it went."""
        words = None if plan else dict.fromkeys(View, "another chair")
        return self._tried(
            lambda: self.commands.start_images(
                self.owner[ad], ad, "oak chair", model=model, prompts=words
            )
        )

    def start_at_once(self, asked: Sequence[tuple[str, str]]) -> list[str]:
        """Starts of several ads at the same moment."""
        told: list[str] = []
        ready = threading.Barrier(len(asked))

        def one(ad: str, model: str) -> None:
            ready.wait()
            told.append(self.start(ad, model, plan=True))

        threads = [threading.Thread(target=one, args=pair) for pair in asked]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        return told

    def retake(self, ad: str, slot: int) -> str:
        kind = JobKind.IMAGES
        return self._tried(lambda: self.commands.regenerate(self.owner[ad], ad, kind, slot))

    def retry(self, ad: str) -> str:
        return self._tried(lambda: self.commands.retry(self.owner[ad], ad))

    def cancel(self, ad: str) -> str:
        return self._tried(lambda: self.commands.cancel(self.owner[ad], ad))

    @staticmethod
    def _tried(act: Any) -> str:
        try:
            act()
        except BudgetExceeded:
            return "too dear"
        except WrongStage:
            return "busy"
        return "done"

    def set_budget(self, scope: Scope, ad: str, amount: Decimal) -> None:
        """One of the budgets over an ad; what was spent and promised before stays."""
        with self.database.begin() as db:
            over = budgets.standing(db, db.get_one(AdSession, ad))
        [budget] = [b for b in over if b.scope is scope]
        self.limits[scope, budget.subject] = budget.spent + budget.held
        self.commands.set_budget(self.boss, scope, budget.subject, amount)

    # ---- the worker

    def order(self, ad: str, slot: int) -> None:
        """The newest run of an ad has a picture ordered, whether it is still wanted or not."""
        job = self.newest(ad)
        if job is None or str(slot) not in job.slots:
            return
        with self.database.begin() as db:
            planned = bool(db.get_one(AdSession, ad).prompts)
        if not planned:
            self._call(job.id, "brief", 0)
            self.collect(-1)
            with self.database.begin() as db:
                sessions.lock_ad(db, ad).prompts = PROMPTS
        self._call(job.id, "image", slot)

    def _call(self, job_id: str, stage: str, slot: int) -> None:
        ad = job_id.partition(":")[0]
        with self.database.begin() as db:
            attempt = predictions.count_attempts(db, ad, stage).get(slot, 0) + 1
            paid = exists().where(
                Prediction.job_id == job_id,
                Prediction.key.like(f"%/{stage}/{slot}/%"),
                GenerationCost.prediction_key == Prediction.key,
                GenerationCost.settled_at.is_not(None),
                GenerationCost.cost_usd.is_distinct_from(0),
            )
            if db.scalar(select(paid)):
                # What was paid for, or may have been, is not tried again in the same run.
                return
        self.calls.append((job_id, stage, slot, attempt))
        pipeline._order(job_id, stage, slot, attempt, 1)

    def collect(self, which: int) -> None:
        """The result of one of the calls made so far, perhaps not for the first time."""
        if not self.calls:
            return
        job_id, stage, slot, attempt = self.calls[which % len(self.calls)]
        with self.database.begin() as db:
            key = predictions.call_key(job_id.partition(":")[0], stage, slot, attempt)
            row = predictions.find_prediction(db, key)
            if row is None or not row.provider_id:
                return
        pipeline._collect(job_id, stage, slot, attempt)

    def end(self, ad: str, *, well: bool) -> None:
        """The newest run ends, whatever became of its calls."""
        job = self.newest(ad)
        if job is None or job.status not in jobs.LIVE:
            return
        with self.database.begin() as db:
            run, row = pipeline._job_and_ad(db, job.id)
            if well:
                pipeline._rest(db, run, row, Stage.IMAGE_SELECTION, "done")
            else:
                pipeline._stop(db, run, row, Stage.IMAGE_GENERATION, "gone")

    def newest(self, ad: str) -> Job | None:
        with self.database.begin() as db:
            return jobs.latest_job(db, ad)

    def settle_all(self) -> None:
        """Everything comes to its end."""
        self.vendor.next_order = self.vendor.next_result = None
        for which, (job_id, stage, slot, attempt) in enumerate(self.calls):
            with self.database.begin() as db:
                key = predictions.call_key(job_id.partition(":")[0], stage, slot, attempt)
                opened = predictions.find_prediction(db, key)
            if opened:
                pipeline._order(job_id, stage, slot, attempt, 1)
                self.collect(which)
        for ad in self.ads:
            self.end(ad, well=True)

    # ---- the books

    def check(self) -> None:
        """What must be true at any moment, by sums of its own."""
        with self.database.begin() as db:
            ads = db.execute(select(AdSession.id, AdSession.team_id, AdSession.total_cost)).all()
            ledger = _sums(db, GenerationCost.session_id, GenerationCost.cost_usd)
            purses = _sums(db, Purse.team_id, Purse.spent)
            live = Job.status.in_(jobs.LIVE)
            promised = _sums(db, Job.session_id, Job.reserved, live)
            held = _sums(db, GenerationCost.session_id, GenerationCost.held, _OUTLIVED)
            rows = db.execute(select(Budget.scope, Budget.subject, Budget.amount)).all()
        amounts = {(scope, subject): amount for scope, subject, amount in rows}
        spent: defaultdict[tuple[str, str], Decimal] = defaultdict(Decimal)
        taken = spent.copy()
        for ad, team, total in ads:
            assert total == ledger[ad], f"{ad}: sum and ledger differ"
            for key in ((Scope.AD, ad), (Scope.TEAM, str(team)), (Scope.ALL, "")):
                spent[key] += total
                taken[key] += total + promised[ad] + held[ad]
        for (scope, subject), sum_ in taken.items():
            usual = {Scope.AD: AD, Scope.TEAM: TEAM, Scope.ALL: ALL}[Scope(scope)]
            amount = amounts.get((scope, subject), Decimal(usual))
            line = max(amount, self.limits.get((scope, subject), amount))
            assert sum_ <= line, f"{scope}: {sum_} of {amount}"
            if scope == Scope.TEAM:
                assert spent[scope, subject] == purses[int(subject)], "running totals differ"

    def check_bill(self) -> None:
        """The ledger says of each call what the vendor says, and none was bought twice."""
        keys = [key for key, _ in self.vendor.taken.values()]
        assert len(keys) == len(set(keys)), "bought twice"
        riddle = GenerationCost.settled_at.is_not(None) & GenerationCost.cost_usd.is_(None)
        with self.database.begin() as db:
            rows = db.execute(
                select(Prediction.provider_id, GenerationCost.cost_usd)
                .join(GenerationCost, GenerationCost.prediction_key == Prediction.key)
                .where(Prediction.provider_id.is_not(None))
            )
            bill = {row.provider_id: row.cost_usd for row in rows}
            held = _sums(db, GenerationCost.session_id, GenerationCost.held, ~riddle)
            promised = _sums(db, Job.session_id, Job.reserved, Job.status.in_(jobs.LIVE))
        assert bill == self.vendor.bill
        assert not any([*held.values(), *promised.values()]), "something is kept for nothing"


_OUTLIVED = (
    exists()
    .where(Prediction.key == GenerationCost.prediction_key, Job.id == Prediction.job_id)
    .where(Job.status.not_in(jobs.LIVE) | GenerationCost.settled_at.is_not(None))
)


def _sums(db: Session, by: Any, amount: Any, *where: Any) -> defaultdict[Any, Decimal]:
    rows = db.execute(select(by, func.coalesce(func.sum(amount), 0)).where(*where).group_by(by))
    found: defaultdict[Any, Decimal] = defaultdict(Decimal)
    for key, total in rows:
        found[key] = Decimal(total)
    return found


def opened(database: Database, commands: Commands, monkeypatch: pytest.MonkeyPatch) -> Till:
    """A till on emptied tables."""
    with database.begin() as db:
        db.execute(text("TRUNCATE teams, users, sessions, budgets, alerts, audit CASCADE"))
    till = Till(database, commands)
    monkeypatch.setattr(orders, "models_for", lambda _: till.vendor)
    monkeypatch.setattr(pipeline, "models_for", lambda _: till.vendor)
    return till
