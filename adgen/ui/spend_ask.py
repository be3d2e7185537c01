"""What the cost page is asked: range and filters, which stand in the address."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import streamlit as st

from adgen.agents import STEPS
from adgen.config import settings
from adgen.domain import Outcome, SpendFilter
from adgen.providers.catalogue import label_of
from adgen.store.spend_facts import Choices
from adgen.ui import state

WEEK, MONTH, QUARTER, THIS_MONTH, EVER, DATES = (
    "Last 7 days",
    "Last 30 days",
    "Last 90 days",
    "This month",
    "All time",
    "Custom dates",
)
# The first is how the page opens.
RANGES = (MONTH, WEEK, QUARTER, THIS_MONTH, EVER, DATES)
# Whole days before today that count too.
_DAYS_BEFORE = {WEEK: 6, MONTH: 29, QUARTER: 89}
OUTCOMES = {"Made": Outcome.MADE, "Failed": Outcome.FAILED, "Running": Outcome.RUNNING}
# The filters by their names in the address, as they are when they hide nothing.
UNSET: Mapping[str, Any] = {
    "range": MONTH,
    "dates": (),
    "person": [],
    "team": [],
    "model": [],
    "step": [],
    "outcome": [],
    "demo": False,
}
_NARROWING = ("person", "team", "model", "step", "outcome")


def today() -> date:
    """The day it is in the reporting zone."""
    return datetime.now(ZoneInfo(settings().report_tz)).date()


def controls(choices: Choices) -> SpendFilter:
    """The range, and behind one button the rest; what is asked for."""
    st.selectbox(
        "Range",
        RANGES,
        label_visibility="collapsed",
        width=136,
        **bound("range"),
    )
    if state.value("range", MONTH) == DATES:
        st.date_input(
            "From and to",
            value=[],
            max_value=today(),
            label_visibility="collapsed",
            width=230,
            **bound("dates"),
        )
    number = len(narrowed())
    with st.popover(
        f"Filter · {number}" if number else "Filter", key="filter", icon=":material/tune:"
    ):
        if len(choices.people) > 1:
            st.multiselect("Person", choices.people, placeholder="Everyone", **bound("person"))
        if len(choices.teams) > 1:
            st.multiselect("Team", choices.teams, placeholder="Every team", **bound("team"))
        st.multiselect("Model", [*_refs(choices)], placeholder="Every model", **bound("model"))
        st.pills("Step", [*STEPS.values()], selection_mode="multi", **bound("step"))
        st.pills("Outcome", [*OUTCOMES], selection_mode="multi", **bound("outcome"))
        st.toggle("With demo data", **bound("demo"))
    if number != len(narrowed()):
        # A link was opened: only now is it known what of it makes sense.
        st.rerun()
    return asked(
        {name: state.value(name, unset) for name, unset in UNSET.items()}, choices, today()
    )


def bound(name: str) -> dict[str, Any]:
    """Arguments of a control that stands in the address; when it changes, page 1 is shown."""
    return {"key": name, "bind": "query-params", "on_change": state.keep, "args": ("page", 1)}


def narrowed() -> list[str]:
    """In words, what of the filters hides calls; the range is in sight."""
    said = []
    for name in _NARROWING:
        chosen = state.value(name, UNSET[name])
        said += [" or ".join(chosen)] if chosen else []
    return [*said, *(["with demo data"] if state.value("demo", False) else [])]


def clear() -> None:
    """Hide nothing."""
    for name in (*_NARROWING, "demo"):
        state.keep(name, UNSET[name])
    state.keep("page", 1)


def narrow(name: str, value: str) -> None:
    """Ask only for this one; asked a second time, for all of them again."""
    chosen = state.value(name, [])
    state.keep(name, [] if list(chosen) == [value] else [value])
    state.keep("page", 1)


def narrow_dates(first: date, last: date) -> None:
    """Ask only for these days."""
    state.keep("range", DATES)
    state.keep("dates", (first, min(last, today())))
    state.keep("page", 1)


def asked(values: Mapping[str, Any], choices: Choices, day: date) -> SpendFilter:
    """What the controls ask for; what does not exist any more is not asked for."""
    since, until = _span(values["range"], values["dates"], day)
    refs = _refs(choices)
    agents = {label: agent for agent, label in STEPS.items()}
    return SpendFilter(
        since=since,
        until=until,
        people=tuple(values["person"]),
        teams=tuple(values["team"]),
        models=tuple(ref for label in values["model"] for ref in refs.get(label, ())),
        agents=tuple(agents[label] for label in values["step"]),
        outcomes=tuple(OUTCOMES[label] for label in values["outcome"]),
        demo=bool(values["demo"]),
        zone=settings().report_tz,
    )


def _refs(choices: Choices) -> dict[str, list[str]]:
    """The models by what people call them; several may go by one name."""
    refs: dict[str, list[str]] = {}
    for ref in choices.models:
        refs.setdefault(model_name(ref), []).append(ref)
    return dict(sorted(refs.items()))


def model_name(ref: str) -> str:
    """A model's name without remarks, which a chart has no room for."""
    return label_of(ref).partition(" (")[0]


def _span(words: str, dates: Sequence[date], day: date) -> tuple[date | None, date | None]:
    if words in _DAYS_BEFORE:
        return day - timedelta(days=_DAYS_BEFORE[words]), day
    if words == THIS_MONTH:
        return day.replace(day=1), day
    if words == DATES and dates:
        return dates[0], dates[1] if len(dates) > 1 else day
    return None, None


def range_words(asked: SpendFilter) -> str:
    """The range in words, for captions."""
    if asked.since and asked.until:
        if asked.since == asked.until:
            return _day(asked.since)
        return f"{_day(asked.since)} to {_day(asked.until)}"
    return "all time"


def _day(day: date) -> str:
    return f"{day.day} {day:%b %Y}"
