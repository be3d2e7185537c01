"""Budgets that are mostly spent: what stands above the pages, for scripts."""

from __future__ import annotations

from fastapi import APIRouter
from pydantic import Field

from adgen.api.auth import Acting, Signed
from adgen.api.people import Number
from adgen.api.schema import Body, problems
from adgen.domain import AlertInfo

router = APIRouter()


class SnoozeBody(Body):
    """For so many days; null is for good."""

    days: int | None = Field(ge=1, le=3650)


@router.get("/api/alerts", responses=problems(401, 422))
def list_alerts(person: Signed, act: Acting, snoozed: bool = False) -> list[AlertInfo]:
    """The highest level of each budget that concerns you, the fullest first.

    Everyone's, your team's and its ads', or of all teams when you see all costs.
    """
    return act.list_alerts(person, snoozed=snoozed)


@router.post(
    "/api/alerts/{alert_id}/snooze", status_code=204, responses=problems(400, 401, 403, 404, 422)
)
def snooze_alert(alert_id: Number, body: SnoozeBody, person: Signed, act: Acting) -> None:
    """Hear no more of it; a higher level of the same budget is another alert."""
    act.snooze_alert(person, alert_id, body.days)
