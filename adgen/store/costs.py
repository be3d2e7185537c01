"""The ledger: a row before each call, settled after it into the ad's and the team's sums."""

from __future__ import annotations

from collections import defaultdict
from decimal import Decimal

from sqlalchemy import func, select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from adgen.domain import Comparison, CostEntry, CostSummary, JobKind, Value
from adgen.store import alerts, budgets
from adgen.store.tables import AdSession, GenerationCost, Job, now


def open_entry(
    db: Session,
    *,
    session_id: str,
    key: str,
    agent: str,
    model: str,
    unit: str,
    unit_price: Decimal | None,
    price_since: str,
    estimated: Decimal | None = None,
    held: Decimal = Decimal(0),
) -> None:
    """Write the pending row of a call before it is made; once for each key.

    `estimated` is what it is expected to cost, None while its price is unknown; `held` the most it
    may cost, whichever model makes it.
    """
    db.execute(
        insert(GenerationCost)
        .values(
            session_id=session_id,
            prediction_key=key,
            agent_name=agent,
            model_used=model,
            unit=unit,
            unit_price=unit_price,
            price_since=price_since,
            estimated_usd=estimated,
            held=held,
        )
        .on_conflict_do_nothing()
    )


class Settled(Value):
    """What a call cost, None while unknown, and what of it is to be added to its ad now.

    `kept` is what a call of unknown cost goes on holding.
    """

    cost: Decimal | None
    due: Decimal = Decimal(0)
    kept: Decimal = Decimal(0)


def settle_entry(
    db: Session,
    key: str,
    *,
    success: bool,
    quantity: Decimal | None,
    seconds: Decimal,
    error: str | None = None,
    reported: Decimal | None = None,
) -> Settled:
    """Close a call's row; whoever closes it adds `due` to its ad in the same transaction.

    `quantity` is what is charged, `reported` the units that the provider's own figures come to.

    Apart from `charge`, so that the ad, which six calls share, is locked as late as possible.
    Settling twice changes nothing: the second time nothing is due.
    """
    # What costs nothing has no unknown price.
    cost = Decimal(0) if quantity == 0 else GenerationCost.unit_price * quantity
    row = db.execute(
        update(GenerationCost)
        .where(GenerationCost.prediction_key == key, GenerationCost.settled_at.is_(None))
        .values(
            success=success,
            quantity=quantity,
            reported_quantity=reported,
            duration_seconds=seconds,
            error_message=error,
            settled_at=now(),
            cost_usd=cost if quantity is not None else None,
            # What may be on the bill is no money to spend again.
            held=GenerationCost.held if quantity is None else Decimal(0),
        )
        .returning(GenerationCost.cost_usd, GenerationCost.held)
    ).one_or_none()
    if row is None:
        past = select(GenerationCost.cost_usd).where(GenerationCost.prediction_key == key)
        return Settled(cost=db.scalar(past))
    return Settled(cost=row.cost_usd, due=row.cost_usd or Decimal(0), kept=row.held)


def charge(db: Session, ad: AdSession, job: Job | None, settled: Settled) -> None:
    """Add what is due to the locked ad and its team, and take it off what its run had reserved."""
    ad.total_cost += settled.due
    if job is not None:
        job.reserved = max(job.reserved - settled.due - settled.kept, Decimal(0))
    if settled.due:
        budgets.add_spent(db, ad, settled.due)
        alerts.cross(db, ad)


def reprice_entry(
    db: Session, key: str, *, model: str, unit: str, unit_price: Decimal | None, price_since: str
) -> None:
    """The call goes to another model, at that one's price; for rows not settled yet."""
    db.execute(
        update(GenerationCost)
        .where(GenerationCost.prediction_key == key, GenerationCost.settled_at.is_(None))
        .values(model_used=model, unit=unit, unit_price=unit_price, price_since=price_since)
    )


def total_spent(db: Session) -> Decimal:
    """The whole ledger."""
    return db.scalar(select(func.coalesce(func.sum(GenerationCost.cost_usd), 0))) or Decimal(0)


def load_costs(db: Session, session_id: str) -> CostSummary:
    """The ad's ledger: total, by agent, by model, every call in order."""
    rows = db.scalars(
        select(GenerationCost)
        .where(GenerationCost.session_id == session_id)
        .order_by(GenerationCost.id)
    ).all()
    by_agent: defaultdict[str, Decimal] = defaultdict(Decimal)
    by_model: defaultdict[str, Decimal] = defaultdict(Decimal)
    for row in rows:
        by_agent[row.agent_name] += row.cost_usd or 0
        by_model[row.model_used] += row.cost_usd or 0
    total = db.scalar(select(AdSession.total_cost).where(AdSession.id == session_id))
    return CostSummary(
        session_id=session_id,
        total_cost=total or Decimal(0),
        by_agent=dict(by_agent),
        by_model=dict(by_model),
        unpriced=sum(row.settled_at is not None and row.cost_usd is None for row in rows),
        entries=tuple(CostEntry.model_validate(row, from_attributes=True) for row in rows),
    )


# Which runs and which calls make a step of the ad.
_STEPS = {
    "Pictures": ((JobKind.IMAGES, JobKind.PLAN), ("prompt_parser", "image_generator")),
    "Clips": ((JobKind.CLIPS, JobKind.SCENES), ("scene_planner", "video_generator")),
    "Film": ((JobKind.VIDEO, JobKind.DRAFT, JobKind.ANIMATIC), ("compositor",)),
}


def compare_costs(db: Session, session_id: str) -> list[Comparison]:
    """What each step was estimated at, over all its runs, and what it came to."""
    said = defaultdict(list)
    for kind, estimate in db.execute(
        select(Job.kind, Job.estimated_cost).where(Job.session_id == session_id)
    ):
        said[JobKind(kind)].append(estimate)
    entries = load_costs(db, session_id).entries
    found = []
    for step, (kinds, agents) in _STEPS.items():
        estimates = [estimate for kind in kinds for estimate in said[kind]]
        mine = [entry for entry in entries if entry.agent_name in agents]
        if estimates or mine:
            known = [estimate for estimate in estimates if estimate is not None]
            found.append(
                Comparison(
                    step=step,
                    estimated=sum(known, Decimal(0)) if len(known) == len(estimates) else None,
                    actual=sum((entry.cost_usd or Decimal(0) for entry in mine), Decimal(0)),
                    unpriced=sum(
                        entry.success is not None and entry.cost_usd is None for entry in mine
                    ),
                )
            )
    return found
