"""Budgets of an ad, a team and all: promised before a run, spent as its calls are settled."""

from __future__ import annotations

from collections.abc import Iterable
from decimal import Decimal
from typing import Any

from sqlalchemy import (
    ColumnElement,
    ScalarSelect,
    Select,
    Subquery,
    delete,
    func,
    or_,
    select,
    text,
    tuple_,
    union_all,
)
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from adgen.config import settings
from adgen.domain import Budget, Scope
from adgen.errors import NotFound
from adgen.store import jobs
from adgen.store.tables import AdSession, GenerationCost, Job, Prediction, Purse, Team, now
from adgen.store.tables import Budget as BudgetRow

_BUDGET_LOCK = 0x6164_6765_6E02  # "adgen" 02
_STRIPES = 8
# The subject of a budget that holds for each that has none of its own, and of everyone's.
EACH = ""


def refuses(db: Session, ad: AdSession) -> Budget | None:
    """The budget that what is promised now would cross; None when all hold.

    Call it last in the transaction that promises: it takes the one lock of all promises until
    the end, so that parallel starts see each other, and the less comes after it the better.
    """
    db.flush()
    db.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": _BUDGET_LOCK})
    return next((b for b in standing(db, ad) if _over(b)), None)


def _over(budget: Budget) -> bool:
    return budget.amount is not None and budget.spent + budget.held > budget.amount


def add_spent(db: Session, ad: AdSession, amount: Decimal) -> None:
    """Count what an ad cost in its team's running total; made-up ads count nowhere."""
    if not amount or ad.demo:
        return
    values = {"team_id": ad.team_id, "stripe": int(ad.id[:2], 16) % _STRIPES, "spent": amount}
    grown = insert(Purse).values(values)
    db.execute(
        grown.on_conflict_do_update(
            index_elements=[Purse.team_id, Purse.stripe],
            set_={"spent": Purse.spent + grown.excluded.spent},
        )
    )


def standing(db: Session, ad: AdSession) -> list[Budget]:
    """How the three budgets over an ad stand at one moment: its own, its team's, everyone's."""
    found = amounts(db, [(Scope.AD, ad.id), (Scope.TEAM, str(ad.team_id)), (Scope.ALL, EACH)])
    promised = _promised()
    # Some hundred rows by their indexes: helpers would take longer to start than it takes.
    db.execute(text("SET LOCAL max_parallel_workers_per_gather = 0"))
    # One question, so that nothing moves from promised to spent in between.
    sums = db.execute(
        select(
            select(AdSession.total_cost).where(AdSession.id == ad.id).scalar_subquery(),
            func.sum(promised.c.amount).filter(promised.c.session_id == ad.id),
            _spent(Purse.team_id == ad.team_id),
            func.sum(promised.c.amount).filter(promised.c.team_id == ad.team_id),
            _spent(),
            func.sum(promised.c.amount),
        )
    ).one()
    names = {Scope.TEAM: _team_name(ad.team_id)}
    team = db.scalar(names[Scope.TEAM]) or ""
    return [
        budget.model_copy(update={"spent": spent, "held": held, "name": name})
        for budget, (spent, held), name in zip(
            found, _pairs(sums), (ad.title or ad.product_prompt, team, ""), strict=True
        )
    ]


def _pairs(row: Iterable[Any]) -> Iterable[tuple[Decimal, Decimal]]:
    values = [Decimal(value or 0) for value in row]
    return zip(values[::2], values[1::2], strict=True)


def _team_name(team_id: int) -> Select[str]:
    return select(Team.name).where(Team.id == team_id)


def _spent(*where: ColumnElement[bool]) -> ScalarSelect[Decimal]:
    return select(func.coalesce(func.sum(Purse.spent), 0)).where(*where).scalar_subquery()


def _promised() -> Subquery:
    """What may still be spent: by live runs, and by calls that outlived theirs or are a riddle."""
    live = Job.status.in_(jobs.LIVE)
    runs = select(Job.session_id, Job.reserved.label("amount")).where(live)
    calls = (
        select(GenerationCost.session_id, GenerationCost.held)
        .join(Prediction, Prediction.key == GenerationCost.prediction_key)
        .outerjoin(Job, Job.id == Prediction.job_id)
        .where(
            GenerationCost.held > 0,
            # An open call of a live run is promised by the run.
            or_(GenerationCost.settled_at.is_not(None), Job.id.is_(None), ~live),
        )
    )
    every = union_all(runs, calls).subquery()
    return (
        select(every.c.session_id, AdSession.team_id, every.c.amount)
        .join(AdSession, AdSession.id == every.c.session_id)
        .where(~AdSession.demo)
        .subquery()
    )


def amounts(db: Session, wanted: list[tuple[Scope, str]]) -> list[Budget]:
    """The budgets of these subjects as they are set, without how they stand."""
    keys = {*wanted, *((scope, EACH) for scope, _ in wanted)}
    rows = db.execute(
        select(BudgetRow.scope, BudgetRow.subject, BudgetRow.amount).where(
            tuple_(BudgetRow.scope, BudgetRow.subject).in_([(s.value, k) for s, k in keys])
        )
    )
    found = {(scope, subject): amount for scope, subject, amount in rows}
    return [
        Budget(
            scope=scope,
            subject=subject,
            amount=found.get((scope, subject), found.get((scope, EACH), usual(scope))),
            own=(scope, subject) in found,
        )
        for scope, subject in wanted
    ]


def usual(scope: Scope) -> Decimal | None:
    """What the settings say; None is no line."""
    config = settings()
    return {
        Scope.AD: config.session_budget_usd,
        Scope.TEAM: config.team_budget_usd,
        Scope.ALL: config.total_budget_usd,
    }[scope]


def ad_amount() -> ColumnElement[Decimal | None]:
    """Of the ad that is asked for: what it may cost, None when nobody has set anything."""
    own, each = (
        select(BudgetRow.amount)
        .where(BudgetRow.scope == Scope.AD.value, BudgetRow.subject == subject)
        .scalar_subquery()
        for subject in (AdSession.id, EACH)
    )
    return func.coalesce(own, each)


def list_budgets(db: Session, team_id: int | None) -> list[Budget]:
    """Everyone's, that of each ad, and that of each team or of one, with how they stand."""
    mine = [Team.id == team_id] if team_id is not None else []
    rows = db.execute(select(Team.id, Team.name).where(~Team.demo, *mine).order_by(Team.name))
    teams: dict[int | None, str] = {row.id: row.name for row in rows}
    promised = _promised()
    # One question, so that nothing moves from promised to spent in between.
    sums = db.execute(
        union_all(
            select(Purse.team_id, Purse.spent, text("0")),
            select(promised.c.team_id, text("0"), promised.c.amount),
        )
    )
    spent = dict.fromkeys([*teams, None], Decimal(0))
    held = dict(spent)
    for team, paid, waits in sums:
        for one in (team, None):
            if one in spent:
                spent[one] += Decimal(paid)
                held[one] += Decimal(waits)
    subjects = [(Scope.ALL, EACH), (Scope.AD, EACH), *((Scope.TEAM, str(one)) for one in teams)]
    found = []
    for budget in amounts(db, subjects):
        of = int(budget.subject) if budget.scope is Scope.TEAM else None
        stands = {"spent": spent[of], "held": held[of]} if budget.scope is not Scope.AD else {}
        found.append(budget.model_copy(update={"name": teams.get(of, ""), **stands}))
    return found


def set_budget(db: Session, scope: Scope, subject: str, amount: Decimal | None) -> Budget:
    """Use this amount from now on, None for the usual one; gives what holds now.

    Raises NotFound for an ad or a team that is not there.
    """
    _require_subject(db, scope, subject)
    key = {"scope": scope.value, "subject": subject}
    if amount is None:
        db.execute(delete(BudgetRow).filter_by(**key))
    else:
        values = {"amount": amount, "updated_at": now()}
        db.execute(
            insert(BudgetRow)
            .values(**key, **values)
            .on_conflict_do_update(index_elements=["scope", "subject"], set_=values)
        )
    [budget] = amounts(db, [(scope, subject)])
    team = db.scalar(_team_name(int(subject))) if scope is Scope.TEAM and subject else None
    return budget.model_copy(update={"name": team or ""})


def _require_subject(db: Session, scope: Scope, subject: str) -> None:
    if subject == EACH:
        return
    there: object = None
    if scope is Scope.AD:
        there = db.scalar(select(AdSession.id).where(AdSession.id == subject, ~AdSession.demo))
    elif scope is Scope.TEAM and subject.isascii() and subject.isdecimal() and len(subject) < 10:
        there = db.scalar(select(Team.id).where(Team.id == int(subject), ~Team.demo))
    if there is None:
        raise NotFound("There is no such ad or team to set a budget for.")
