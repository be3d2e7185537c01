"""One day, one sum: in every file, chart and answer, in three zones, when clocks change."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Callable, Iterable
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from itertools import cycle, pairwise
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from adgen import launch
from adgen.commands import Commands
from adgen.config import settings
from adgen.cost_report import report
from adgen.domain import Person, Role, SpendFilter
from adgen.exports import Format, What, days_of
from adgen.store import users
from adgen.store.database import Database
from adgen.store.spend_facts import Look
from adgen.ui import spend_charts
from tests.asking import Client
from tests.conftest import add_person
from tests.store.ledgers import STAGES, Ledger
from tests.test_exports import INK, MARCH, NIGHTS, ZONES, by_day, exported, lines

Days = dict[date, Decimal]
ASKED = {"since": "2026-03-01", "until": "2026-03-31"}
# The first and last minutes of days in three zones, and the hour that is not there.
MINUTES = (-346, -345, -301, -300, -241, -240, -61, -60, 0, 60, 299, 300, 420, 1094, 1095, 1439)


class Books:
    """A ledger around midnight of each zone: two people, every step, two models of one of them."""

    def __init__(self, database: Database) -> None:
        self.calls: list[tuple[datetime, Decimal, str]] = []
        ledger = Ledger(database)
        first = datetime(2026, 3, 2, 12, tzinfo=UTC)
        self.people = [
            add_person(database, f"{name}@example.com", team=name) for name in ("ann", "bo")
        ]
        self.ads = [ledger.ad(person, first) for person in self.people]
        steps, ads = cycle(STAGES), cycle(self.ads)
        for moment in (night + timedelta(minutes=m) for night in NIGHTS for m in MINUTES):
            agent, ad = next(steps), next(ads)
            ledger.call(ad, agent, moment)
            self.calls.append((moment, Decimal(STAGES[agent][2]), ad))
        # In no sum: one without a price, one that runs.
        ledger.settle(ledger.open(self.ads[0], "compositor", NIGHTS[0], None))
        ledger.open(self.ads[1], "image_generator", NIGHTS[1])

    def days(self, zone: str, ad: str = "") -> Days:
        """What each day of the zone came to, added up by hand."""
        return summed(
            (moment.astimezone(ZoneInfo(zone)).date(), cost)
            for moment, cost, of in self.calls
            if ad in ("", of)
        )


def summed(lines: Iterable[tuple[date, Decimal | None]]) -> Days:
    """By day; days on which nothing was spent are none."""
    days: defaultdict[date, Decimal] = defaultdict(Decimal)
    for day, cost in lines:
        if cost:
            days[day] += cost
    return dict(days)


@pytest.fixture
def books(database: Database) -> Books:
    return Books(database)


@pytest.fixture
def analyst(database: Database) -> Person:
    return add_person(database, "analyst@example.com", Role.ANALYST)


@pytest.fixture
def marches(monkeypatch: pytest.MonkeyPatch) -> list[SpendFilter]:
    """March in each zone; one of them is that of the kept sums, the others are not."""
    monkeypatch.setenv("ADGEN_REPORT_TZ", "Europe/Berlin")
    settings.cache_clear()
    return [SpendFilter(zone=zone, **MARCH) for zone in ZONES]


@pytest.fixture
def get(
    commands: Commands, database: Database, analyst: Person, monkeypatch: pytest.MonkeyPatch
) -> Callable[..., Any]:
    running = SimpleNamespace(commands=commands, database=database)
    monkeypatch.setattr(launch, "_running", running)
    client = Client()

    def ask(path: str, who: Person = analyst, **params: Any) -> Any:
        with database.begin() as db:
            headers = {"Authorization": f"Bearer {users.add_login(db, who.id)}"}
        answer = client.get(path, headers=headers, params=params)
        assert answer.status_code == 200, answer.text
        return answer

    return ask


@pytest.mark.parametrize("what", What)
def test_every_file_has_the_days_of_the_ledger(
    commands: Commands, books: Books, analyst: Person, marches: list[SpendFilter], what: What,
    get: Callable[..., Any], tmp_path: Path,
) -> None:  # fmt: skip
    for asked in marches:
        wanted = books.days(asked.zone)
        for form in Format:
            made = exported(commands, analyst, asked, what, form, tmp_path)
            assert by_day(lines(made, form)) == wanted, form
            sent = tmp_path / f"sent.{form}"
            answer = get("/api/costs/export", tz=asked.zone, what=what, format=form, **ASKED)
            assert answer.headers["content-disposition"].endswith(
                f'2026-03-01-to-2026-03-31.{form}"'
            )
            sent.write_bytes(answer.content)
            assert by_day(lines(sent, form)) == wanted, form


def test_every_answer_has_the_days_of_the_ledger(
    books: Books, marches: list[SpendFilter], get: Callable[..., Any]
) -> None:
    for asked in marches:
        wanted, zone = books.days(asked.zone), ZoneInfo(asked.zone)
        total = sum(wanted.values())
        said = get("/api/costs", tz=asked.zone, **ASKED).json()
        assert (
            summed((date.fromisoformat(d["day"]), Decimal(d["cost"])) for d in said["days"])
            == wanted
        )
        assert Decimal(said["total_cost"]) == total
        assert (said["calls"], said["running"], said["unpriced"]) == (len(books.calls) + 2, 1, 1)
        for part in ("by_agent", "by_model", "by_person", "by_team"):
            assert sum(Decimal(share["cost"]) for share in said[part]) == total, part
            assert sum(share["calls"] for share in said[part]) == said["calls"], part
        for day in said["days"]:
            assert sum(map(Decimal, day["by_agent"].values())) == Decimal(day["cost"])
        calls: list[Any] = []
        while True:
            answer = get("/api/costs/calls", tz=asked.zone, limit=9, offset=len(calls), **ASKED)
            assert int(answer.headers["x-total-count"]) == said["calls"]
            if not answer.json():
                break
            calls += answer.json()
        assert len({call["id"] for call in calls}) == len(calls) == said["calls"]
        assert summed(_of(call["at"], call["cost"], zone) for call in calls) == wanted
        # A day asked for alone is that day.
        for day, cost in wanted.items():
            alone = {"tz": asked.zone, "since": day, "until": day}
            one = get("/api/costs/calls", limit=100, **alone).json()
            assert sum(Decimal(call["cost"] or 0) for call in one) == cost
            assert Decimal(get("/api/costs", **alone).json()["total_cost"]) == cost


def _of(at: str, cost: str | None, zone: ZoneInfo) -> tuple[date, Decimal]:
    return datetime.fromisoformat(at).astimezone(zone).date(), Decimal(cost or 0)


def test_what_an_ad_says_of_its_costs_has_its_days(
    books: Books, marches: list[SpendFilter], get: Callable[..., Any]
) -> None:
    for asked in marches:
        zone = ZoneInfo(asked.zone)
        for ad, owner in zip(books.ads, books.people, strict=True):
            said = get(f"/api/sessions/{ad}/costs", owner).json()
            found = summed(_of(e["created_at"], e["cost_usd"], zone) for e in said["entries"])
            assert found == books.days(asked.zone, ad)
            for part in ("by_agent", "by_model"):
                assert sum(map(Decimal, said[part].values())) == Decimal(said["total_cost"])
            assert Decimal(said["total_cost"]) == sum(found.values())


def test_every_chart_has_the_days_of_the_ledger(
    commands: Commands, books: Books, analyst: Person, marches: list[SpendFilter]
) -> None:
    for asked in marches:
        wanted = books.days(asked.zone)
        total = float(sum(wanted.values()))
        look = commands.look_at_spending(analyst, asked)
        assert by_bars(look) == wanted
        for shares in (look.spent.agents, look.spent.models, look.spent.people, look.spent.teams):
            drawn = spend_charts.share_lines(shares, INK, str, {}, 20)
            assert sum(spend_charts.bar_list(drawn, INK).data[0].x) == pytest.approx(total)
        assert float(sum(ad.cost for ad in look.costly)) == pytest.approx(total)
        ads = look.ads
        steps = ads.plan_cost + ads.image_cost + ads.scene_cost + ads.clip_cost + ads.film_cost
        assert float(ads.cost) == pytest.approx(total)
        assert steps == ads.cost
        assert sum(spend_charts.histogram(ads, INK, cap=look.ad_cap).data[0].y) == len(books.ads)
        bars = {day: float(cost) for day, cost in wanted.items()}
        # They are drawn to a tenth of a point.
        assert printed(look, asked) == pytest.approx(bars, abs=max(bars.values()) / 500)
        logged = commands.model_days(analyst, asked)
        assert summed((one.day, one.cost) for one in logged) == wanted


def by_bars(look: Look) -> Days:
    """The chart of days: its bars, which its line of all so far adds up."""
    figure = spend_charts.daily(look, INK, cap=None, unfinished=date(2026, 4, 1))
    bars = [trace for trace in figure.data if trace.type == "bar"]
    days = summed(
        (day, Decimal(str(cost)))
        for trace in bars
        for day, cost in zip(trace.x, trace.y, strict=True)
    )
    [line] = [trace for trace in figure.data if trace.name == "So far"]
    steps = [float(look.before), *line.y]
    rises = [later - earlier for earlier, later in pairwise(steps)]
    assert rises == pytest.approx([float(days.get(day, 0)) for day in line.x])
    return days


def printed(look: Look, asked: SpendFilter) -> dict[date, float]:
    """The bars of the report to print, by their height against the largest sum."""
    page = report(look, asked, "March", NIGHTS[0])
    stacks: defaultdict[float, float] = defaultdict(float)
    for left, high in re.findall(r'<rect x="([\d.]+)".*?height="([\d.]+)"', page):
        stacks[float(left)] += float(high)
    days = sorted({bucket.day for bucket in look.spent.buckets})
    sums = summed((b.day, b.cost) for b in look.spent.buckets)
    scale = float(max(sums.values())) / max(stacks.values())
    return {day: high * scale for day, (_, high) in zip(days, sorted(stacks.items()), strict=True)}


def test_months_are_the_sums_of_their_days(
    commands: Commands, books: Books, analyst: Person, marches: list[SpendFilter]
) -> None:
    for asked in marches:
        ever = SpendFilter(zone=asked.zone)
        monthly = commands.look_at_spending(analyst, ever).spent
        assert monthly.monthly
        whole = sum(books.days(asked.zone).values())
        assert summed((bucket.day, bucket.cost) for bucket in monthly.buckets) == {
            date(2026, 3, 1): whole
        }
        days = days_of(commands.spending(analyst, ever), ever)
        assert summed((day.day, day.cost) for day in days) == books.days(asked.zone)
