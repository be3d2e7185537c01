"""What was spent, for scripts: totals, single calls, files."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, datetime
from decimal import Decimal
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Annotated

from fastapi import APIRouter, Depends, Query, Response
from fastapi.responses import StreamingResponse

from adgen.api.auth import Acting, Signed
from adgen.api.schema import Paged, answers, problems
from adgen.config import settings
from adgen.domain import Outcome, SpendFilter, Value
from adgen.exports import CONTENT_TYPES, Format, What, days_of, file_name
from adgen.store.spend_facts import Call, Share

router = APIRouter()

_ASKED = problems(401, 422)
_FILE = answers(*CONTENT_TYPES.values())
_FILE[200]["content"]["application/json"] = {"schema": {"type": "object"}}
_PIECE = 256 * 1024
# Text that can be asked for.
_WHOLE = r"^[^\x00]*$"
_Word = Annotated[str, Query(max_length=320, pattern=_WHOLE)]
_Words = Annotated[tuple[_Word, ...], Query(max_length=100)]


def _asked(
    since: date | None = None,
    until: date | None = None,
    person: _Words = (),
    team: _Words = (),
    model: _Words = (),
    agent: _Words = (),
    outcome: Annotated[tuple[Outcome, ...], Query()] = (),
    demo: bool = False,
    tz: Annotated[str, Query(max_length=64, pattern=_WHOLE)] = "",
) -> SpendFilter:
    """`until` is the last day that counts; `tz` an IANA name, else the installation's zone."""
    return SpendFilter.of_zone(
        tz or settings().report_tz,
        since=since,
        until=until,
        people=person,
        teams=team,
        models=model,
        agents=agent,
        outcomes=outcome,
        demo=demo,
    )


Asked = Annotated[SpendFilter, Depends(_asked)]


class PartView(Value):
    """The part of one step, model, person or team; `cost` is without the `unpriced` calls."""

    key: str
    calls: int
    failed: int
    running: int
    unpriced: int
    cost: Decimal


class DayView(Value):
    """A day of the zone; days without calls are there too."""

    day: date
    calls: int
    unpriced: int
    cost: Decimal
    by_agent: dict[str, Decimal]


class CostsView(Value):
    """What was spent, in US dollars as decimal strings. `unpriced` calls are in no sum."""

    total_cost: Decimal
    calls: int
    failed: int
    running: int
    unpriced: int
    zone: str
    days: tuple[DayView, ...]
    by_agent: tuple[PartView, ...]
    by_model: tuple[PartView, ...]
    by_person: tuple[PartView, ...]
    by_team: tuple[PartView, ...]


class CallView(Value):
    """A call of the ledger; `cost` null is unknown."""

    id: int
    at: datetime
    session_id: str
    ad: str
    person: str
    team: str
    agent: str
    model: str
    outcome: Outcome
    unit: str
    quantity: Decimal | None
    unit_price: Decimal | None
    cost: Decimal | None
    seconds: Decimal
    error: str | None
    asset_id: str | None


@router.get("/api/costs", responses=_ASKED)
def costs(person: Signed, act: Acting, asked: Asked) -> CostsView:
    """Totals of the calls you may see, by day, step, model, person and team."""
    found = act.spending(person, asked)
    total = found.total
    return CostsView(
        total_cost=total.cost,
        calls=total.calls,
        failed=total.failed,
        running=total.running,
        unpriced=total.unpriced,
        zone=asked.zone,
        days=tuple(DayView(**day._asdict()) for day in days_of(found, asked)),
        by_agent=_parts(found.agents),
        by_model=_parts(found.models),
        by_person=_parts(found.people),
        by_team=_parts(found.teams),
    )


def _parts(shares: tuple[Share, ...]) -> tuple[PartView, ...]:
    return tuple(PartView.model_validate(share, from_attributes=True) for share in shares)


@router.get("/api/costs/calls", responses=_ASKED)
def calls(
    person: Signed, act: Acting, asked: Asked, page: Paged, response: Response
) -> list[CallView]:
    """Single calls, newest first. The header X-Total-Count says how many there are in all."""
    count, found = act.list_calls(person, asked, limit=page.limit, offset=page.offset)
    response.headers["X-Total-Count"] = str(count)
    return [_view(call) for call in found]


def _view(call: Call) -> CallView:
    return CallView.model_validate(call, from_attributes=True)


@router.get(
    "/api/costs/export",
    responses=_ASKED | _FILE,
    response_class=StreamingResponse,
)
def export(
    person: Signed,
    act: Acting,
    asked: Asked,
    what: What = What.CALLS,
    form: Annotated[Format, Query(alias="format")] = Format.CSV,
) -> StreamingResponse:
    """Calls, or daily totals, as a file; made whole before its first byte is sent."""
    settings().scratch.mkdir(parents=True, exist_ok=True)
    folder = TemporaryDirectory(dir=settings().scratch)
    try:
        made = Path(folder.name) / "export"
        act.export(person, asked, what, form, made)
    except BaseException:
        folder.cleanup()
        raise
    headers = {
        "Content-Disposition": f'attachment; filename="{file_name(what, asked, form)}"',
        "Content-Length": str(made.stat().st_size),
        "Cache-Control": "private, no-store",
    }
    return StreamingResponse(_sent(folder, made), media_type=CONTENT_TYPES[form], headers=headers)


def _sent(folder: TemporaryDirectory[str], made: Path) -> Iterator[bytes]:
    """The file in pieces; it goes with the last one, or with whoever asked."""
    with folder, made.open("rb") as file:
        while piece := file.read(_PIECE):
            yield piece
