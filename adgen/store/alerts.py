"""Budgets that are mostly spent: told once each, in the transaction that crossed the line."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import timedelta
from decimal import Decimal

from sqlalchemy import ColumnElement, and_, false, or_, select, true, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from adgen.config import settings
from adgen.domain import AlertInfo, Budget, Person, Scope
from adgen.errors import NotFound
from adgen.store import budgets
from adgen.store.tables import AdSession, Alert, AlertPost, Snooze, now

LEVELS = (50, 80, 95, 100)
# A post that was taken and not finished by then is taken anew: its worker died.
_LEASE = timedelta(seconds=60)
_TRIES_MAX = 12
_SLOWEST = timedelta(hours=6)


def cross(db: Session, ad: AdSession) -> None:
    """Tell of each budget over this ad that has just passed a level."""
    _tell(db, budgets.standing(db, ad), ad)


def cross_any(db: Session) -> None:
    """As `cross`, for all teams together and each.

    Two runs that pass a level together may each see only their own half of it.
    """
    _tell(db, [b for b in budgets.list_budgets(db, None) if b.scope is not Scope.AD], None)


def _tell(db: Session, stands: Iterable[Budget], ad: AdSession | None) -> None:
    for budget in stands:
        level = _level(budget)
        if not level:
            continue
        alert_id = db.scalar(
            insert(Alert)
            .values(
                scope=budget.scope.value,
                subject=budget.subject,
                percent=level,
                amount=budget.amount,
                spent=budget.spent,
                session_id=ad.id if ad else None,
                words=_words(budget, ad),
            )
            .on_conflict_do_nothing()
            .returning(Alert.id)
        )
        if alert_id is not None:
            posts = [{"alert_id": alert_id, "channel": channel} for channel in channels()]
            db.execute(insert(AlertPost), posts)


def _level(budget: Budget) -> int:
    """The highest level that is reached; those below it went by unsaid."""
    if not budget.amount or not budget.spent:
        return 0
    return max((one for one in LEVELS if budget.spent * 100 >= one * budget.amount), default=0)


def _words(budget: Budget, ad: AdSession | None) -> str:
    assert budget.amount is not None  # noqa: S101 -- without a line there is no level
    share = f"${budget.spent:,.2f}, {int(100 * budget.spent / budget.amount)} %"
    said = {
        Scope.AD: f"“{budget.name or 'Untitled ad'}” has cost {share} of its ${budget.amount:,.2f}",
        Scope.TEAM: f"The team {budget.name} has spent {share} of its ${budget.amount:,.2f}",
        Scope.ALL: f"All ads together have cost {share} of the ${budget.amount:,.2f}",
    }[budget.scope]
    last = ""
    if ad is not None and budget.scope is not Scope.AD:
        last = f" The latest call was for “{ad.title or ad.product_prompt}”."
    return f"{said}. What would go beyond is refused; an admin can raise it.{last}"


def channels() -> list[str]:
    """Where alerts go beside the app."""
    config = settings()
    found = ["log"]
    if config.alert_webhook:
        found.append("webhook")
    if config.smtp_url and config.alert_email:
        found.append("email")
    return found


# ---- what a person reads


def _concerns(person: Person) -> ColumnElement[bool]:
    """Those that are this person's business: everyone's, their team's, and its ads'."""
    if not (person.may_change or person.sees_all_costs):
        return false()
    if person.sees_all_costs:
        return true()
    ads = select(AdSession.id).where(AdSession.team_id == person.team_id)
    return or_(
        Alert.scope == Scope.ALL.value,
        and_(Alert.scope == Scope.TEAM.value, Alert.subject == str(person.team_id)),
        and_(Alert.scope == Scope.AD.value, Alert.subject.in_(ads)),
    )


def list_alerts(
    db: Session, person: Person, session_id: str | None = None, *, snoozed: bool = False
) -> list[AlertInfo]:
    """What concerns this person now: the highest level of each budget, the fullest first.

    Of ads' budgets that of `session_id` only, with None those of all. Of budgets that were changed
    since it is no news any more. `snoozed` ones only on request.
    """
    concerns = _concerns(person)
    if session_id is not None:
        here = or_(Alert.scope != Scope.AD.value, Alert.subject == session_id)
        concerns = and_(concerns, here)
    sleeps = and_(Snooze.alert_id == Alert.id, Snooze.user_id == person.id)
    query = select(Alert, Snooze).outerjoin(Snooze, sleeps).where(concerns)
    rows = db.execute(query.order_by(Alert.percent.desc(), Alert.id.desc()).limit(500)).all()
    present = _present(db, [row.Alert for row in rows])
    found: dict[tuple[str, str], AlertInfo] = {}
    for alert, snooze in rows:
        key = (alert.scope, alert.subject)
        if present.get(key) != alert.amount or key in found:
            continue
        asleep = snooze is not None and (snooze.until is None or snooze.until > now())
        found[key] = AlertInfo.model_validate(alert, from_attributes=True).model_copy(
            update={"snoozed": asleep}
        )
    return [one for one in found.values() if snoozed or not one.snoozed]


def _present(db: Session, alerts: Sequence[Alert]) -> dict[tuple[str, str], Decimal | None]:
    """What the budgets of these alerts are now."""
    wanted = list({(Scope(alert.scope), alert.subject) for alert in alerts})
    found = budgets.amounts(db, wanted) if wanted else []
    return {(budget.scope.value, budget.subject): budget.amount for budget in found}


def snooze(db: Session, person: Person, alert_id: int, days: int | None) -> None:
    """Say no more of it to this person for some days, None for ever. Raises NotFound."""
    if db.scalar(select(Alert.id).where(Alert.id == alert_id, _concerns(person))) is None:
        raise NotFound("There is no such alert.")
    until = None if days is None else now() + timedelta(days=days)
    db.execute(
        insert(Snooze)
        .values(user_id=person.id, alert_id=alert_id, until=until)
        .on_conflict_do_update(index_elements=["user_id", "alert_id"], set_={"until": until})
    )


# ---- on their way


def take_post(db: Session) -> tuple[AlertPost, Alert] | None:
    """The next post that is due, for whoever takes it to deliver; None when there is none."""
    due = (
        select(AlertPost.alert_id, AlertPost.channel)
        .where(AlertPost.sent_at.is_(None), AlertPost.next_at <= now())
        .where(AlertPost.tries < _TRIES_MAX)
        .order_by(AlertPost.next_at)
        .limit(1)
        .with_for_update(skip_locked=True)
    )
    if (found := db.execute(due).one_or_none()) is None:
        return None
    post = db.get_one(AlertPost, (found.alert_id, found.channel))
    post.tries += 1
    post.next_at = now() + _LEASE
    return post, db.get_one(Alert, post.alert_id)


def end_post(db: Session, post: AlertPost, error: str | None) -> None:
    """It arrived, or it is tried again later: after seconds at first, then after hours."""
    pause = min(timedelta(seconds=5 * 3 ** (post.tries - 1)), _SLOWEST)
    db.execute(
        update(AlertPost)
        .where(AlertPost.alert_id == post.alert_id, AlertPost.channel == post.channel)
        .values(
            sent_at=None if error else now(),
            error=error,
            next_at=now() + pause if error else AlertPost.next_at,
        )
    )
