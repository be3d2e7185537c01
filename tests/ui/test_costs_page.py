"""The cost page: what it says without and with calls, its filters, gaps, and what a press does."""

from __future__ import annotations

import json
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from streamlit.testing.v1 import AppTest

from adgen.domain import AdState, Outcome, Person, SpendFilter
from adgen.store.database import Database
from adgen.store.spend_facts import Choices, Pace
from adgen.store.tables import now
from adgen.ui import spend, spend_ask, state
from adgen.ui.spend_ask import UNSET, asked, narrow, narrow_dates
from tests.store.ledgers import Ledger
from tests.ui.ads import visit

TODAY = date(2026, 11, 20)
CHOICES = Choices(
    people=("ann@example.com",),
    teams=("North",),
    models=("adgen/cut", "offline/cut", "black-forest-labs/flux-pro", "m"),
)


def day(number: int, month: int = 11) -> date:
    return date(2026, month, number)


@pytest.mark.parametrize(
    ("values", "wanted"),
    [
        ({}, {"since": date(2026, 10, 22), "until": TODAY}),
        ({"range": "Last 7 days"}, {"since": day(14), "until": TODAY}),
        ({"range": "This month"}, {"since": day(1), "until": TODAY}),
        ({"range": "All time"}, {}),
        ({"range": "Custom dates"}, {}),
        ({"range": "Custom dates", "dates": (day(3),)}, {"since": day(3), "until": TODAY}),
        ({"range": "Custom dates", "dates": (day(3), day(4))}, {"since": day(3), "until": day(4)}),
        (
            {
                "range": "All time",
                "model": ["Composition on this machine", "gone"],
                "step": ["Film"],
            },
            {"models": ("adgen/cut", "offline/cut"), "agents": ("compositor",)},
        ),
        (
            {"range": "All time", "person": ["ann@example.com"], "team": ["North"], "demo": True},
            {"people": ("ann@example.com",), "teams": ("North",), "demo": True},
        ),
        ({"range": "All time", "outcome": ["Failed"]}, {"outcomes": (Outcome.FAILED,)}),
    ],
)
def test_what_is_chosen_is_what_is_asked_for(
    values: dict[str, Any], wanted: dict[str, Any]
) -> None:
    assert asked({**UNSET, **values}, CHOICES, TODAY) == SpendFilter(**wanted)


@pytest.mark.parametrize(
    ("total", "recent", "days", "words"),
    [
        ("100", "14", 14, "reached about 18 Feb"),
        ("180", "14", 14, "reached about 30 Nov"),
        ("190", "14", 14, "reached"),
        ("0", "0", 14, "$190.00 left"),
        ("1", "0.01", 14, "not within three years"),
    ],
)
def test_the_forecast_goes_on_as_of_late(
    total: str, recent: str, days: int, words: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(spend_ask, "today", lambda: TODAY)
    pace = Pace(total=Decimal(total), today=Decimal(0), recent=Decimal(recent), days=days)
    said = spend.forecast(pace, Decimal(190))
    assert said == words


@pytest.fixture
def ledger(database: Database) -> Ledger:
    return Ledger(database)


def figures(at: AppTest) -> dict[str, str]:
    return {metric.label: metric.value for metric in at.metric}


def test_nothing_was_spent_yet(at: AppTest, ad: AdState) -> None:
    assert "Nothing spent yet" in visit(at, "costs")
    assert not at.metric


def test_figures_charts_and_what_is_not_known(at: AppTest, ledger: Ledger, person: Person) -> None:
    ad = ledger.ad(person, now(), "Oak <b>chair</b>")
    ledger.call(ad, "compositor", now())
    ledger.settle(ledger.open(ad, "image_generator", now()), success=False)
    ledger.settle(ledger.open(ad, "video_generator", now(), None))
    ledger.open(ad, "video_generator", now())
    shown = visit(at, "costs")
    assert "1 call has no known price and is in no sum." in shown
    assert "Days of UTC" in shown
    assert figures(at) == {
        "Spent": r"\$0.55",
        "Of the cap": "0.3 %",
        "Today": r"\$0.55",
        "An ad": r"\$0.55",
        "A finished film": "–",
        "An approved second": "–",
        "Failed": r"\$0.05",
        "Rejected": r"\$0.00",
    }
    table = at.dataframe[0].value.set_index("Model")
    # All of it is unknown, so it is not $0.
    assert table.Cost["Wan 2.2 fast"] == "price unknown"
    assert table.Success["FLUX.1 pro"] == 0
    assert len(at.get("plotly_chart")) == 8


def test_calls_are_pages_of_25_with_the_way_to_what_they_made(
    at: AppTest, ledger: Ledger, person: Person
) -> None:
    ad = ledger.ad(person, now() - timedelta(hours=1), "Oak chair")
    for number in range(27):
        ledger.call(ad, "image_generator", now() - timedelta(minutes=number))
    ledger.settle(
        ledger.open(ad, "video_generator", now() - timedelta(minutes=40), None),
        success=False, error="It refused.",
    )  # fmt: skip
    ledger.open(ad, "video_generator", now() - timedelta(minutes=50))
    at.query_params["view"] = "Calls"
    assert "Showing 1–25 of 29 calls, newest first" in visit(at, "costs")
    table = at.dataframe[0].value
    assert list(table.Cost) == [0.05] * 25
    assert set(table.Open) == {f"/images?ad={ad}"}
    at.session_state["page"] = 2
    at.run()
    assert "Showing 26–29 of 29 calls" in "\n".join(str(c.value) for c in at.caption)
    table = at.dataframe[0].value
    assert list(table.Outcome) == ["Made", "Made", "Failed", "Running"]
    assert [None if cost != cost else cost for cost in table.Cost] == [0.05, 0.05, None, None]
    assert table["Why it failed"][2] == "It refused."
    assert at.dataframe[0].proto.placeholder == "unknown"


def test_filters_that_leave_nothing_say_so(at: AppTest, ledger: Ledger, person: Person) -> None:
    ledger.call(ledger.ad(person, now()), "compositor", now())
    at.query_params["step"] = "Clips"
    shown = visit(at, "costs")
    assert "Nothing matches" in shown
    assert "Clips" in shown
    at.button(key="clear").click().run()
    assert figures(at)["Spent"] == r"\$0.50"


def test_a_press_narrows_and_a_second_one_widens(
    at: AppTest, monkeypatch: pytest.MonkeyPatch
) -> None:
    kept: dict[str, Any] = {}
    monkeypatch.setattr(state, "keep", kept.__setitem__)
    monkeypatch.setattr(state, "value", lambda name, otherwise: kept.get(name, otherwise))
    monkeypatch.setattr(spend_ask, "today", lambda: TODAY)
    narrow("model", "FLUX.1 pro")
    assert kept == {"model": ["FLUX.1 pro"], "page": 1}
    narrow("model", "FLUX.1 pro")
    assert kept["model"] == []
    narrow_dates(day(1), day(30))
    assert (kept["range"], kept["dates"]) == ("Custom dates", (day(1), TODAY))


def test_files_ask_for_what_the_page_shows(at: AppTest, ledger: Ledger, person: Person) -> None:
    ledger.call(ledger.ad(person, datetime.now(UTC)), "compositor", now())
    at.query_params["step"] = "Film"
    at.query_params["range"] = "All time"
    visit(at, "costs")
    links = component_links(at)
    assert "/api/costs/export?what=days&format=csv&agent=compositor&tz=UTC" in links
    assert len(links) == 8


def component_links(at: AppTest) -> list[str]:
    found = [e.proto for e in at.get("bidi_component") if e.proto.component_name == "adgen_links"]
    return [link["url"] for proto in found for link in json.loads(proto.json)["links"]]


def test_without_a_bill_the_ledger_stands_beside_estimates(
    at: AppTest, ledger: Ledger, person: Person
) -> None:
    ledger.call(ledger.ad(person, now()), "compositor", now())
    at.query_params["view"] = "Reconcile"
    visit(at, "costs")
    [row] = at.dataframe[0].value.to_dict("records")
    assert (row["Model"], row["Logged"], row["Estimated"]) == (
        "Composition on this machine", "$0.50", "$0.50",
    )  # fmt: skip
    assert figures(at)["Billed"] == "–"
