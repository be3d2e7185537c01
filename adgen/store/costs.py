"""Money: reserve before a run, a ledger row before a call, settle after it."""

from __future__ import annotations

from collections import defaultdict
from decimal import Decimal

from sqlalchemy import func, select, text, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from adgen.domain import CostEntry, CostSummary, Value
from adgen.errors import BudgetExceeded
from adgen.store.tables import AdSession, GenerationCost, Job, now

_BUDGET_LOCK = 0x6164_6765_6E02  # "adgen" 02
_LIVE = ("queued", "running")


def reserve(
    db: Session, session_id: str, amount: Decimal, ad_cap: Decimal, total_cap: Decimal
) -> Decimal:
    """Promise money to a run about to start; gives the reserved amount.

    Takes one lock for all reservations until the transaction ends, so that parallel starts see
    each other. `amount` is the most the run may cost, as far as prices are known. Raises
    BudgetExceeded.
    """
    db.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": _BUDGET_LOCK})
    for scope, cap in ((session_id, ad_cap), (None, total_cap)):
        taken = _committed(db, scope)
        if amount and taken + amount > cap:
            whose = "this ad" if scope else "all ads"
            raise BudgetExceeded(
                f"This step may cost up to ${amount:.2f}, and only ${max(cap - taken, 0):.2f} of "
                f"the ${cap:.2f} budget for {whose} is left. Nothing was spent. "
                "Choose fewer pictures or a cheaper model."
            )
    return amount


def _committed(db: Session, session_id: str | None) -> Decimal:
    """Spent so far plus what live runs may still spend."""
    spent = select(func.coalesce(func.sum(AdSession.total_cost), 0))
    held = select(func.coalesce(func.sum(Job.reserved), 0)).where(Job.status.in_(_LIVE))
    if session_id:
        spent = spent.where(AdSession.id == session_id)
        held = held.where(Job.session_id == session_id)
    return Decimal(db.scalar(spent) or 0) + Decimal(db.scalar(held) or 0)


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
) -> None:
    """Write the pending row of a call before it is made; once for each key."""
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
        )
        .on_conflict_do_nothing()
    )


class Settled(Value):
    """What a call cost, None while unknown, and what of it is to be added to its ad now."""

    cost: Decimal | None
    due: Decimal = Decimal(0)


def settle_entry(
    db: Session,
    key: str,
    *,
    success: bool,
    quantity: Decimal | None,
    seconds: Decimal,
    error: str | None = None,
) -> Settled:
    """Close a call's row; whoever closes it adds `due` to its ad in the same transaction.

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
            duration_seconds=seconds,
            error_message=error,
            settled_at=now(),
            cost_usd=cost if quantity is not None else None,
        )
        .returning(GenerationCost.cost_usd)
    ).one_or_none()
    if row is None:
        past = select(GenerationCost.cost_usd).where(GenerationCost.prediction_key == key)
        return Settled(cost=db.scalar(past))
    return Settled(cost=row.cost_usd, due=row.cost_usd or Decimal(0))


def charge(ad: AdSession, job: Job | None, due: Decimal) -> None:
    """Add what is due to the locked ad, and take it off what its run had reserved."""
    ad.total_cost += due
    if job is not None:
        job.reserved = max(job.reserved - due, Decimal(0))


def reprice_entry(
    db: Session, key: str, *, model: str, unit: str, unit_price: Decimal | None, price_since: str
) -> None:
    """The call goes to another model, at that one's price; for rows not settled yet."""
    db.execute(
        update(GenerationCost)
        .where(GenerationCost.prediction_key == key, GenerationCost.settled_at.is_(None))
        .values(model_used=model, unit=unit, unit_price=unit_price, price_since=price_since)
    )


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
