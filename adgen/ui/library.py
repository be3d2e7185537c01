"""The library's controls and cards: what is asked for, and what is done with one ad.

What is asked for stands in the address, so that a link, a refresh and the way back show the same.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, date, datetime, time, timedelta, tzinfo
from textwrap import shorten
from typing import Any
from zoneinfo import ZoneInfo

import streamlit as st

from adgen.domain import AdFilter, AdSort, AdSummary, Person, Stage
from adgen.ui import state, widgets
from adgen.ui.words import ago, exact, money, plain

PAGE_SIZE = 24
SEARCH_MAX = 200
EVERYONE = "Everyone"
ACTIVE, ARCHIVED = "Active", "Archived"
ANY_TIME, TODAY, WEEK, MONTH, DATES = (
    "Any time",
    "Today",
    "Last 7 days",
    "Last 30 days",
    "Custom dates",
)
# The stages as people ask for them.
GROUPS = {
    "In the making": (
        Stage.CREATED,
        Stage.PROMPT_PARSING,
        Stage.IMAGE_GENERATION,
        Stage.CLIP_GENERATION,
        Stage.FINAL_COMPOSITION,
    ),
    "Choose pictures": (Stage.IMAGE_SELECTION,),
    "Choose clips": (Stage.CLIP_SELECTION,),
    "Finished": (Stage.COMPLETE,),
    "Needs you": (Stage.FAILED,),
}
SORTS = {
    "Newest": AdSort.NEWEST,
    "Oldest": AdSort.OLDEST,
    "Recently changed": AdSort.CHANGED,
    "Name": AdSort.NAME,
    "Highest cost": AdSort.COST,
}
# Whole days before today that count too.
_DAYS_BEFORE = {TODAY: 0, WEEK: 6, MONTH: 29}
# The filters by their names in the address, as they are when they hide nothing.
_UNSET: Mapping[str, Any] = {
    "q": "",
    "stage": [],
    "who": EVERYONE,
    "made": ANY_TIME,
    "dates": (),
    "show": ACTIVE,
}


def controls(person: Person) -> tuple[AdFilter, list[str], bool]:
    """The row above the wall: what is asked for, what of it hides ads, whether a new ad is."""
    with _line("library"):
        st.title("Your ads", width="content")
        st.text_input(
            "Search",
            type="search",
            live=True,
            placeholder="Search by name or product",
            label_visibility="collapsed",
            max_chars=SEARCH_MAX,
            **_bound("q"),
        )
        _filters(person)
        sort = st.selectbox(
            "Sort", list(SORTS), label_visibility="collapsed", width=180, **_bound("sort")
        )
        new = st.button(
            "New ad",
            key="new",
            type="primary",
            icon=":material/add:",
            disabled=not person.may_change,
        )
    wanted, said = asked(_values(), _today())
    return wanted.model_copy(update={"sort": SORTS[sort]}), said, new


def _filters(person: Person) -> None:
    """What is behind the filter button, which says how many of them are set."""
    number = _count_set()
    with st.popover(
        f"Filter · {number}" if number else "Filter", key="filter", icon=":material/tune:"
    ):
        st.pills("Stage", list(GROUPS), selection_mode="multi", **_bound("stage"))
        owners = state.commands().list_owners(person)
        if len(owners) > 1:
            st.selectbox("Person", [EVERYONE, *owners], **_bound("who"))
        made = st.pills(
            "Created",
            [ANY_TIME, *_DAYS_BEFORE, DATES],
            default=ANY_TIME,
            required=True,
            **_bound("made"),
        )
        if made == DATES:
            st.date_input("From and to", value=[], **_bound("dates"))
        st.segmented_control(
            "Show", [ACTIVE, ARCHIVED], default=ACTIVE, required=True, **_bound("show")
        )
    if number != _count_set():
        # A link was opened: only now is it known what of it makes sense.
        st.rerun()


def _bound(name: str) -> dict[str, Any]:
    """Arguments of a control that stands in the address; when it changes, page 1 is shown."""
    return {"key": name, "bind": "query-params", "on_change": state.keep, "args": ("page", 1)}


def _values() -> dict[str, Any]:
    return {name: state.value(name, unset) for name, unset in _UNSET.items()}


def _count_set() -> int:
    """How many filters are set, the search aside, which is in sight."""
    return len(asked({**_values(), "q": ""}, _today())[1])


def _today() -> datetime:
    """The beginning of today where the person is."""
    try:
        zone: tzinfo = ZoneInfo(st.context.timezone or "UTC")
    except (KeyError, ValueError):
        # A browser may name one that is unknown here.
        zone = UTC
    return datetime.combine(datetime.now(zone), time.min, zone)


def asked(values: Mapping[str, Any], today: datetime) -> tuple[AdFilter, list[str]]:
    """What the filters ask for, and in words what each of them that is set keeps."""
    words = " ".join(values["q"].split())[:SEARCH_MAX]
    groups = [group for group in GROUPS if group in values["stage"]]
    who = "" if values["who"] == EVERYONE else str(values["who"])
    since, until, made = _span(values["made"], values["dates"], today)
    archived = values["show"] == ARCHIVED
    wanted = AdFilter(
        search=words,
        stages=tuple(stage for group in groups for stage in GROUPS[group]),
        owner=who,
        since=since,
        until=until,
        archived=archived,
    )
    said = [
        f"the words “{shorten(words, 60)}”" if words else "",
        " or ".join(groups).lower(),
        who and f"by {who}",
        made and f"created {made}",
        ARCHIVED.lower() if archived else "",
    ]
    return wanted, [part for part in said if part]


def _span(
    made: str, dates: Sequence[date], today: datetime
) -> tuple[datetime | None, datetime | None, str]:
    """From when and before when, and that in words; dates are whole days where the person is."""
    if made in _DAYS_BEFORE:
        since = today - timedelta(days=_DAYS_BEFORE[made])
        return since, None, made.lower() if made == TODAY else f"in the {made.lower()}"
    if made != DATES or not dates:
        return None, None, ""
    first, *last = (datetime.combine(day, time.min, today.tzinfo) for day in dates)
    words = " to ".join(f"{day.day} {day:%B %Y}" for day in dates)
    if not last:
        return first, None, f"since {words}"
    return first, last[0] + timedelta(days=1), f"from {words}"


def tally(count: int, number: int, said: Sequence[str]) -> None:
    """Which of the ads are shown, the way back to all of them, and what was just done to one."""
    with _line("found"):
        if count:
            first = PAGE_SIZE * (number - 1) + 1
            last = min(count, first + PAGE_SIZE - 1)
            st.caption(f"Showing {first:,}–{last:,} of {count:,}", width="content")
        if count and said:
            st.button("Clear filters", key="clear", type="tertiary", on_click=_clear)
        if news := state.value("news", None):
            with _line("news", wrap=False):
                _news(*news)


def _news(words: str, back: Callable[[], None] | None) -> None:
    """What was done, or why it was not, in sight wherever the wall was scrolled to."""
    st.caption(plain(words), width="content")
    undo = back is not None and st.button("Undo", key="undo", type="tertiary")
    if undo and back:
        refused = state.tried(back)
        state.keep("news", (refused, None) if refused else None)
        st.rerun()
    st.button("Close", key="close", type="tertiary", on_click=state.keep, args=("news", None))


def _line(key: str, *, wrap: bool = True) -> st.delta_generator.DeltaGenerator:
    return st.container(
        key=key, horizontal=True, vertical_alignment="center", gap="small", wrap=wrap
    )


def _clear() -> None:
    for name, unset in _UNSET.items():
        state.keep(name, unset)
    state.keep("page", 1)


def page_number(count: int) -> int:
    """The page that is shown, and the way to the others.

    With a single page the control is only hidden, or a number in the address would wait until
    there are more.
    """
    pages = max(1, -(-count // PAGE_SIZE))
    key = "pages" if pages > 1 else "one-page"
    with st.container(key=key, horizontal=True, horizontal_alignment="center"):
        return st.pagination(pages, key="page", bind="query-params")


def nothing(said: Sequence[str]) -> None:
    """Why the wall is empty though there are ads, and the way to see them."""
    with st.container(key="empty", border=True, gap="small"):
        if said == [ARCHIVED.lower()]:
            st.subheader("Nothing is archived")
            st.write("Ads that you archive are kept here whole.")
        elif said:
            st.subheader("Nothing matches")
            st.write(plain(f"These filters leave nothing: {', '.join(said)}."))
        else:
            st.subheader("All your ads are archived")
            st.write("They are kept whole. Bring one back, or begin a new one.")
            st.button("Show the archive", on_click=state.keep, args=("show", ARCHIVED))
            return
        st.button("Clear filters", key="clear", on_click=_clear)


def cards(ads: Sequence[AdSummary], sort: AdSort) -> list[dict[str, Any]]:
    """The ads as the wall shows them, with where each is gone on with."""
    return [
        {
            "id": ad.id,
            "title": ad.title,
            "stage": widgets.STAGE_WORDS[ad.stage],
            "tone": {Stage.COMPLETE: "done", Stage.FAILED: "failed"}.get(ad.stage, ""),
            "cost": money(ad.total_cost),
            "who": ad.owner.partition("@")[0],
            **_when(ad, sort),
            "poster": f"/api/files/{ad.poster_id}" if ad.poster_id else None,
            "video": f"/api/files/{ad.video_id}" if ad.video_id else None,
            "link": f"{state.resume_page(ad.stage, ad.failed_stage)}?ad={ad.id}",
            "archived": ad.archived_at is not None,
            "badge": "Demo" if ad.demo else "",
        }
        for ad in ads
    ]


def _when(ad: AdSummary, sort: AdSort) -> dict[str, str]:
    """The moment the wall is sorted by, in words and exactly."""
    changed = sort is AdSort.CHANGED
    moment = ad.updated_at if changed else ad.created_at
    return {"when": ago(moment), "exact": f"{'Changed' if changed else 'Made'} {exact(moment)}"}


def act(person: Person) -> None:
    """Do what was just chosen on a card."""
    if chosen := state.component_value("wall", "act"):
        what, ad_id, title = (str(chosen.get(name, "")) for name in ("what", "id", "title"))
        state.keep("news", None)
        if refused := state.tried(lambda: _do(person, what, ad_id, title)):
            state.keep("news", (refused, None))


def _do(person: Person, what: str, ad_id: str, title: str) -> None:
    commands = state.commands()
    if what == "rename":
        commands.rename_ad(person, ad_id, title)
    elif what == "duplicate":
        copy = commands.duplicate_ad(person, ad_id)
        state.go(state.resume_page(copy.stage), copy.id)
    elif what == "archive":
        commands.archive_ad(person, ad_id)
        _offer_undo(person, ad_id, "Archived", commands.restore_ad)
    elif what == "restore":
        commands.restore_ad(person, ad_id)
        _offer_undo(person, ad_id, "Restored", commands.archive_ad)


def _offer_undo(person: Person, ad_id: str, done: str, back: Callable[[Person, str], None]) -> None:
    title = state.commands().load_ad(person, ad_id).title
    state.keep("news", (f"{done} “{title}”.", lambda: back(person, ad_id)))
