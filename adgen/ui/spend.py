"""The cost page's parts: figures, charts that narrow by a press, the calls, the files."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

import plotly.graph_objects as go
import streamlit as st

from adgen.agents import STEPS
from adgen.config import settings
from adgen.domain import Outcome, SpendFilter, Stage
from adgen.store.spend_facts import Call, CostlyAd, Look, Pace, Share
from adgen.ui import spend_ask, spend_charts, state
from adgen.ui.spend_charts import Ink, Line, bar_list, priced, share_lines, step_name
from adgen.ui.words import money, plain

PAGE_SIZE = 25
OVERVIEW, CALLS, RECONCILE = "Overview", "Calls", "Reconcile"
VIEWS = (OVERVIEW, CALLS, RECONCILE)
_OUTCOMES = {Outcome.MADE: "Made", Outcome.FAILED: "Failed", Outcome.RUNNING: "Running"}
_DRAWN_S = 0.3
# The page of an ad that shows what a call made.
_PAGES = {"image": "images", "clip": "clips", "video": "final", "preview": "finish"}
_CONFIG = {
    "displayModeBar": "hover",
    "displaylogo": False,
    "modeBarButtons": [["toImage"]],
    # The camera's, and of the pictures in the export.
    "toImageButtonOptions": {"format": "png", "scale": 2, "filename": "adgen-costs"},
}


def ink(mode: str = "") -> Ink:
    """The page's colours, or those of `mode`, out of the theme."""
    mode = mode or ("dark" if st.context.theme.type == "dark" else "light")

    def option(name: str) -> Any:
        return st.get_option(f"theme.{mode}.{name}Color")

    return Ink(
        text=option("text"),
        muted=option("gray"),
        line=option("border"),
        page=option("background"),
        warn=option("red"),
        # A theme may leave them out.
        palette=tuple(st.get_option(f"theme.{mode}.chartCategoricalColors") or ["#4C8DFF"] * 7),
    )


# ---- figures


def figures(look: Look) -> None:
    """What people ask first, as numbers."""
    total, ads, cap = look.spent.total, look.ads, look.cap
    films = look.ads.cost / ads.films if ads.films else None
    second = ads.cost / ads.approved_seconds if ads.approved_seconds else None
    each = ads.cost / ads.prompts if ads.prompts else None
    p95 = ads.percentile(Decimal("0.95"))
    spent_of = (
        f"All there was so far, {money(look.pace.total)}, of {money(cap)}, whatever the filters."
    )
    whole = "Ads begun in this range, with all they cost. Not narrowed by model, step or outcome."
    shown: list[tuple[str, str, str, str]] = [
        ("Spent", money(total.cost), f"{total.calls:,} calls", "In this range, as filtered."),
        ("Of the cap", _share(look.pace.total, cap), forecast(look.pace, cap), spent_of),
        (
            "Today",
            money(look.pace.today),
            f"{money(look.pace.recent / look.pace.days)} a day of late",
            f"The mean of the last {look.pace.days} whole days, whatever the filters.",
        ),
        ("An ad", _or_gap(each), f"95 % below {money(p95)}" if p95 is not None else "", whole),
        (
            "A finished film",
            _or_gap(films),
            f"{ads.films:,} of {ads.prompts:,} ads",
            "All that the ads of this range cost, over their films.",
        ),
        (
            "An approved second",
            _or_gap(second),
            f"{ads.approved_seconds:,.0f} s of clips",
            "All that the ads of this range cost, over the seconds of their approved clips.",
        ),
        (
            "Failed",
            money(total.failed_cost),
            f"{total.failed:,} calls",
            "Calls that ended without a result and were charged all the same.",
        ),
        (
            "Rejected",
            money(ads.rejected_cost),
            f"{_share(ads.rejected_cost, ads.cost)} of these ads",
            "Pictures and clips that were made and not chosen.",
        ),
    ]
    with st.container(key="figures"):
        for row in (shown[:4], shown[4:]):
            for column, (label, value, below, why) in zip(st.columns(4), row, strict=True):
                column.metric(
                    label,
                    plain(value),
                    plain(below) or None,
                    delta_color="off",
                    delta_arrow="off",
                    help=plain(why),
                )
        # In here, so that what stands below keeps its place.
        if total.unpriced:
            one = total.unpriced == 1
            whose = "call has" if one else "calls have"
            verb = "is" if one else "are"
            words = f"{total.unpriced:,} {whose} no known price and {verb} in no sum."
            st.caption(f":material/help: {words}")


def _or_gap(amount: Decimal | None) -> str:
    return "–" if amount is None else money(amount)


def _share(part: Decimal, whole: Decimal) -> str:
    return f"{100 * part / whole:.1f} %" if whole else "–"


def forecast(pace: Pace, cap: Decimal) -> str:
    """When the cap is reached if it goes on like this."""
    if pace.total >= cap:
        return "reached"
    rate = pace.recent / pace.days
    if not rate:
        return f"{money(cap - pace.total)} left"
    days = (cap - pace.total) / rate
    if days > 3 * 365:
        return "not within three years"
    day = spend_ask.today() + timedelta(days=int(days))
    return (
        f"reached about {day.day} {day:%b %Y}"
        if days > 300
        else f"reached about {day.day} {day:%b}"
    )


# ---- charts


def overview(look: Look, asked: SpendFilter) -> None:
    """All charts; a press on a bar narrows the page to it, or opens the ad."""
    colours = ink()
    open_cap = not spend_ask.narrowed()
    figure = spend_charts.daily(
        look,
        colours,
        cap=look.cap if open_cap else None,
        unfinished=spend_ask.today(),
        span=(asked.since, asked.until),
    )
    with st.container(key="daily"):
        _head(
            "By month" if look.spent.monthly else "By day",
            "and so far, against the cap" if open_cap else "",
        )
        _chart(figure, "daily", asked, _pick_days(look.spent.monthly))
    _let_it_be_drawn()
    steps = {label: colours.step(label) for label in STEPS.values()}
    panels = [
        ("By step", look.spent.agents, step_name, steps, "step"),
        ("By model", look.spent.models, spend_ask.model_name, {}, "model"),
        ("By person", look.spent.people, _same, {}, "person"),
        ("By team", look.spent.teams, _same, {}, "team"),
    ]
    for pair in (panels[:2], panels[2:]):
        for column, (title, shares, name, tones, filters) in zip(
            st.columns(2, gap="medium"), pair, strict=True
        ):
            with column.container(border=True, key=f"panel-{filters}", height="stretch"):
                lines = share_lines(shares, colours, name, tones)
                many = len({name(share.key) for share in shares})
                _head(title, f"{len(lines)} of {many}" if many > len(lines) else "")
                _chart(bar_list(lines, colours), filters, asked, _pick(filters))
    _ads(look, asked, colours)
    _models(look)


def _let_it_be_drawn() -> None:
    """At the first sight of the page, let the browser draw what is above before all the rest.

    It draws all charts that have come in one go, and shows none of them before the last.
    """
    if not state.value("costs-drawn", False):
        time.sleep(_DRAWN_S)
        state.keep("costs-drawn", True)


def _same(key: str) -> str:
    return key


def _ads(look: Look, asked: SpendFilter, colours: Ink) -> None:
    st.subheader("Ads")
    st.caption(f"Begun {_in_range(asked)}, with all they cost.")
    left, right = st.columns(2, gap="medium")
    with left.container(border=True, key="panel-histogram", height="stretch"):
        _head("How much ads cost", f"{look.ads.prompts:,} ads")
        _chart(
            spend_charts.histogram(look.ads, colours, cap=look.ad_cap),
            "histogram",
            asked,
        )
    with right.container(border=True, key="panel-funnel", height="stretch"):
        _head("From prompt to film", "")
        _chart(bar_list(spend_charts.funnel_lines(look.ads, colours), colours), "funnel", asked)
    left, right = st.columns(2, gap="medium")
    with left.container(border=True, key="panel-costly", height="stretch"):
        many = look.ads.prompts
        _head(
            "Most expensive", f"{len(look.costly)} of {many:,}" if many > len(look.costly) else ""
        )
        lines = [_costly(ad, colours, look.ad_cap) for ad in look.costly]
        _chart(bar_list(lines, colours), "costly", asked, _open_ad(look.costly))
    with right.container(border=True, key="panel-estimates", height="stretch"):
        _head("Estimate and actual", f"{len(look.runs):,} newest runs" if look.runs else "")
        if look.runs:
            said, came = (
                sum(getattr(run, n) for run in look.runs) for n in ("estimated", "actual")
            )
            st.caption(plain(f"Said {money(said)}, came to {money(came)}: {drift(said, came)}."))
            _chart(spend_charts.estimates(look.runs, colours, 376), "estimates", asked, _open_run)
        else:
            st.caption("No run with a price has ended here yet.")


def drift(said: Decimal, came: Decimal) -> str:
    """How far off, in words."""
    if not said:
        return "no estimate"
    off = 100 * (came - said) / said
    return "as said" if abs(off) < Decimal("0.05") else f"{off:+.1f} %".replace("-", "−")


def _costly(ad: CostlyAd, colours: Ink, cap: Decimal) -> Line:
    over = ad.cost > cap
    title = ad.title or "Untitled ad"
    return Line(
        ad.id, title, money(ad.cost), float(ad.cost), colours.warn if over else colours.palette[0]
    )


def _models(look: Look) -> None:
    st.subheader("Speed and success")
    st.caption("Times are of each model's newest successful calls, up to a hundred.")
    st.dataframe(
        [_model(share, look) for share in look.spent.models],
        hide_index=True,
        height="content",
        key="models",
        placeholder="–",
        column_config={
            "Model": st.column_config.TextColumn(width="medium"),
            "Calls": st.column_config.NumberColumn(format="localized"),
            "Success": st.column_config.ProgressColumn(format="percent", min_value=0, max_value=1),
            "Median": st.column_config.NumberColumn("Median time", format="%.1f s"),
            "Slow": st.column_config.NumberColumn("95 % below", format="%.1f s"),
            "Cost": st.column_config.TextColumn(alignment="right", width=170),
            "A call": st.column_config.TextColumn(alignment="right"),
        },
    )


def _model(share: Share, look: Look) -> dict[str, Any]:
    speed = look.speeds.get(share.key)
    known = share.settled - share.unpriced
    return {
        "Model": spend_ask.model_name(share.key),
        "Calls": share.calls,
        "Success": (share.settled - share.failed) / share.settled if share.settled else None,
        "Median": speed and speed.median,
        "Slow": speed and speed.p95,
        "Cost": priced(share.cost, share.unpriced, share.settled),
        "A call": money(share.cost / known) if known else "unknown",
    }


def _head(title: str, beside: str) -> None:
    with st.container(
        horizontal=True, vertical_alignment="bottom", gap="small", key=f"head-{title}"
    ):
        st.markdown(f"**{title}**", width="content")
        if beside:
            st.caption(plain(beside), width="content")


def _chart(
    figure: go.Figure,
    name: str,
    asked: SpendFilter,
    picked: Callable[[list[Any]], None] | None = None,
) -> None:
    """Draw; `picked` is told what the pressed point carries.

    Another question is another chart, so that nothing stays pressed on it.
    """
    key = f"chart-{name}-{abs(hash(asked)):x}"

    def on_select() -> None:
        points = state.component_value(key, "selection").get("points", ())
        if picked and points and points[0].get("customdata"):
            picked(list(points[0]["customdata"]))

    how: dict[str, Any] = {"on_select": on_select, "selection_mode": "points"} if picked else {}
    st.plotly_chart(figure, key=key, config=_CONFIG, **how)


def _pick(name: str) -> Callable[[list[Any]], None]:
    return lambda data: spend_ask.narrow(name, str(data[0]))


def _pick_days(monthly: bool) -> Callable[[list[Any]], None]:
    def pick(data: list[Any]) -> None:
        first = date.fromisoformat(str(data[0]))
        after = (
            (first + timedelta(days=31)).replace(day=1) if monthly else first + timedelta(days=1)
        )
        spend_ask.narrow_dates(first, after - timedelta(days=1))

    return pick


def _open_ad(costly: Sequence[CostlyAd]) -> Callable[[list[Any]], None]:
    pages = {ad.id: state.resume_page(Stage(ad.stage), _stage(ad.failed_stage)) for ad in costly}
    return lambda data: state.keep("open-ad", (pages[str(data[0])], str(data[0])))


def _stage(name: str | None) -> Stage | None:
    return Stage(name) if name else None


def _open_run(data: list[Any]) -> None:
    state.keep("open-ad", ("images", str(data[0])))


def go_on() -> None:
    """Open the ad that was pressed in a chart."""
    if chosen := state.value("open-ad", None):
        state.keep("open-ad", None)
        state.go(*chosen)


def _in_range(asked: SpendFilter) -> str:
    words = spend_ask.range_words(asked)
    return "at any time" if words == "all time" else words


# ---- calls


def calls(found: Sequence[Call], count: int, offset: int) -> None:
    """The lines of the ledger, newest first, with the way to what each made."""
    last = offset + len(found)
    st.caption(f"Showing {offset + 1:,}–{last:,} of {count:,} calls, newest first")
    st.dataframe(
        [_row(call) for call in found],
        hide_index=True,
        height="content",
        key="calls",
        placeholder="unknown",
        column_config={
            "When": st.column_config.DatetimeColumn(
                format="D MMM YYYY, HH:mm:ss", timezone=settings().report_tz, width=170
            ),
            "Ad": st.column_config.TextColumn(width=230),
            "Open": st.column_config.LinkColumn(
                "", display_text=":material/open_in_new:", width=40
            ),
            "Cost": st.column_config.NumberColumn(format="$%.4f"),
            "Units": st.column_config.NumberColumn(format="%.6g"),
            "Took": st.column_config.NumberColumn(format="%.1f s"),
            "Made": st.column_config.ImageColumn("Picture", width=60),
            "Why it failed": st.column_config.TextColumn(width="large"),
        },
    )


def _row(call: Call) -> dict[str, Any]:
    page = _PAGES.get(call.asset_type or "", "images")
    running = call.outcome is Outcome.RUNNING
    picture = call.asset_type == "image" and call.asset_id
    return {
        "When": call.at,
        "Ad": call.ad or "Untitled ad",
        "Open": f"/{page}?ad={call.session_id}",
        "Made": f"/api/files/{call.asset_id}" if picture else "",
        "Person": call.person,
        "Step": step_name(call.agent),
        "Model": spend_ask.model_name(call.model),
        "Outcome": _OUTCOMES[call.outcome],
        "Cost": None if call.cost is None or running else float(call.cost),
        "Units": None if call.quantity is None else float(call.quantity),
        "Unit": call.unit,
        "Took": None if running else float(call.seconds),
        "Why it failed": call.error or "",
    }


# ---- around them


def first_steps() -> None:
    """What stands here before anything was spent."""
    with st.container(key="empty", border=True, gap="small"):
        st.subheader("Nothing spent yet")
        st.write("Every call to a model appears here with its price, failed ones too.")


def nothing() -> None:
    """What stands here when the filters leave nothing."""
    with st.container(key="empty", border=True, gap="small"):
        st.subheader("Nothing matches")
        st.write("No call is in this range with these filters.")


def tally(asked: SpendFilter) -> None:
    """The range and zone that count, what narrows them, and the way back."""
    said = " · ".join(spend_ask.narrowed())
    with st.container(key="asked", horizontal=True, vertical_alignment="center", gap="small"):
        zone = f"Days of {asked.zone}"
        words = spend_ask.range_words(asked)
        words = f"{words[0].upper()}{words[1:]} · {zone}" + (f" · {said}" if said else "")
        # The joiner keeps an e-mail address from becoming a link.
        st.caption(plain(words).replace("@", "@\u2060"), width="content")
        if said:
            st.button("Clear filters", key="clear", type="tertiary", on_click=spend_ask.clear)


def page_number(count: int) -> int:
    """The page of the calls that is shown; hidden while there is one only."""
    pages = max(1, -(-count // PAGE_SIZE))
    key = "pages" if pages > 1 else "one-page"
    with st.container(key=key, horizontal=True, horizontal_alignment="center"):
        return st.pagination(pages, key="page", bind="query-params")
