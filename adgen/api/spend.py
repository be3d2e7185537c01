"""What was spent, for scripts: totals, single calls, files."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
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
from adgen.exports import CONTENT_TYPES, Day, Format, What, days_of, file_name
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


class CostsView(Value):
    """What was spent, in US dollars as decimal strings. `unpriced` calls are in no sum."""

    total_cost: Decimal
    calls: int
    failed: int
    running: int
    unpriced: int
    zone: str
    days: tuple[Day, ...]
    by_agent: tuple[Share, ...]
    by_model: tuple[Share, ...]
    by_person: tuple[Share, ...]
    by_team: tuple[Share, ...]


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
        days=tuple(days_of(found, asked)),
        by_agent=found.agents,
        by_model=found.models,
        by_person=found.people,
        by_team=found.teams,
    )


@router.get("/api/costs/calls", responses=_ASKED)
def calls(person: Signed, act: Acting, asked: Asked, page: Paged, response: Response) -> list[Call]:
    """Single calls, newest first. The header X-Total-Count says how many there are in all."""
    count, found = act.list_calls(person, asked, limit=page.limit, offset=page.offset)
    response.headers["X-Total-Count"] = str(count)
    return list(found)


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
