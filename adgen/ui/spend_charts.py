"""The charts of the cost page; money is summed before as decimals, and only drawn as floats."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from datetime import date, timedelta
from decimal import Decimal
from typing import NamedTuple

import plotly.graph_objects as go
from plotly.subplots import make_subplots

from adgen.agents import STEPS
from adgen.store.spend_facts import Ads, Bucket, Look, Run, Share
from adgen.ui.words import UNKNOWN, money

ROW_PX = 42
# How far above their bar's middle words stand, in rows.
_LABEL_UP = 0.14
# Which colour of the theme a step has, the same wherever it is drawn.
_COLOUR = {"Brief": 4, "Pictures": 0, "Storyboard": 3, "Clips": 1, "Film": 2}
_RUNS = {
    "images": "Pictures",
    "clips": "Clips",
    "video": "Film",
    "scenes": "Storyboard",
    "plan": "Brief",
}
_WIDTHS = (
    Decimal("0.05"),
    Decimal("0.1"),
    Decimal("0.25"),
    Decimal("0.5"),
    *map(Decimal, (1, 2, 5, 10, 50)),
)
_BARS_MOST = 30
_DAY_MS = 86_400_000


class Ink(NamedTuple):
    """The colours of a page."""

    text: str
    muted: str
    line: str
    page: str
    warn: str
    palette: tuple[str, ...]

    def step(self, label: str) -> str:
        """The colour of a step."""
        return self.palette[_COLOUR.get(label, 6) % len(self.palette)]


def step_name(agent: str) -> str:
    """A step as people know it."""
    return STEPS.get(agent, agent)


def priced(cost: Decimal, unpriced: int, calls: int) -> str:
    """A sum, with what is missing in it; all of it missing is no sum."""
    if unpriced and unpriced >= calls:
        return UNKNOWN
    return money(cost) + (f" + {unpriced:,} unknown" if unpriced else "")


def _base(ink: Ink, height: int, **more: object) -> go.Figure:
    figure = go.Figure()
    _dress(figure, ink, height, **more)
    return figure


def _dress(figure: go.Figure, ink: Ink, height: int, **more: object) -> None:
    figure.update_layout({**_look(ink, height), **more})
    axes = {
        "gridcolor": ink.line,
        "zerolinecolor": ink.line,
        "fixedrange": True,
        "tickfont": {"color": ink.muted},
    }
    figure.update_xaxes(axes).update_yaxes(axes)


def _look(ink: Ink, height: int) -> dict[str, object]:
    """How every chart looks."""
    return {
        "height": height,
        "margin": {"l": 0, "r": 0, "t": 8, "b": 0},
        "paper_bgcolor": "rgba(0,0,0,0)",
        "plot_bgcolor": "rgba(0,0,0,0)",
        "font": {"family": "Inter, sans-serif", "size": 13, "color": ink.muted},
        "hoverlabel": {
            "bgcolor": ink.page,
            "font": {"color": ink.text, "size": 13},
            "bordercolor": ink.line,
        },
        "legend": {
            **{"orientation": "h", "y": 1.02, "yanchor": "bottom", "x": 0},
            **{"font": {"color": ink.muted}, "traceorder": "normal"},
        },
        "barcornerradius": 3,
        "dragmode": False,
        # Of the many things Plotly's own look sets, nothing is left.
        "template": "none",
    }


def daily(
    look: Look,
    ink: Ink,
    *,
    cap: Decimal | None,
    unfinished: date,
    span: tuple[date | None, date | None] = (None, None),
) -> go.Figure:
    """A bar a day or month, stacked by step, and the sum so far against the cap.

    Without a `cap` there is none to compare with. The day or month of `unfinished` is paler. When
    nothing has a price, bars are calls.
    """
    spent = look.spent
    paid = bool(spent.total.cost)
    # The sum has a scale of its own, above the bars, so that neither is read on the other's.
    figure = make_subplots(
        rows=2, cols=1, shared_xaxes=True, row_heights=[0.3, 0.7], vertical_spacing=0.06
    )
    for agent in (*STEPS, *sorted({b.agent for b in spent.buckets} - set(STEPS))):
        if bars := [bucket for bucket in spent.buckets if bucket.agent == agent]:
            trace = _bars(bars, ink, unfinished, monthly=spent.monthly, paid=paid)
            figure.add_trace(trace, row=2, col=1)
    days = sorted({bucket.day for bucket in spent.buckets})
    # Said outright, or a day alone would be a millisecond wide; and it is a bar, not a wall.
    places = len(days) if spent.monthly else _places(days, span)
    slot = _DAY_MS * (30 if spent.monthly else 1)
    figure.update_traces(width=slot * min(0.75, 0.12 * places), selector={"type": "bar"})
    _dress(figure, ink, 380, barmode="stack")
    figure.update_layout(hovermode="x unified")
    if paid:
        _add_so_far(figure, look, days, ink, cap)
        _add_gaps(figure, spent.buckets, ink)
    figure.update_xaxes(showgrid=False, **_dates(days, span, monthly=spent.monthly))
    figure.update_yaxes(rangemode="tozero", row=2, col=1, **({"tickprefix": "$"} if paid else {}))
    return figure


def _ends(days: Sequence[date], span: tuple[date | None, date | None]) -> tuple[date, date]:
    """The first and the last day of the axis: the range, and whatever lies outside of it."""
    return min(days[0], span[0] or days[0]), max(days[-1], span[1] or days[-1])


def _places(days: Sequence[date], span: tuple[date | None, date | None]) -> int:
    if not days:
        return 0
    first, last = _ends(days, span)
    return (last - first).days + 1


def _dates(
    days: Sequence[date], span: tuple[date | None, date | None], *, monthly: bool
) -> dict[str, object]:
    """How the axis of days or months looks."""
    style: dict[str, object] = {"tickformat": "%b %Y" if monthly else "%-d %b"}
    if len(days) < 8:
        style["tickvals"] = list(days)
    elif monthly:
        style["dtick"] = "M1" if len(days) < 15 else "M3"
    if days and not monthly:
        first, last = _ends(days, span)
        # Half a day more, so that the outer bars are whole.
        style["range"] = [f"{first - timedelta(days=1)} 12:00", f"{last} 12:00"]
    return style


def _bars(
    buckets: Sequence[Bucket], ink: Ink, unfinished: date, *, monthly: bool, paid: bool
) -> go.Bar:
    label = step_name(buckets[0].agent)
    now = unfinished.replace(day=1) if monthly else unfinished
    return go.Bar(
        x=[bucket.day for bucket in buckets],
        y=[float(bucket.cost) if paid else bucket.calls for bucket in buckets],
        name=label,
        marker={
            "color": ink.step(label),
            "opacity": [0.5 if bucket.day == now else 1 for bucket in buckets],
        },
        customdata=[
            [bucket.day.isoformat(), priced(bucket.cost, bucket.unpriced, bucket.calls)]
            for bucket in buckets
        ],
        hovertemplate="%{customdata[1]}" if paid else "%{y:,} calls",
    )


def _add_so_far(
    figure: go.Figure, look: Look, days: Sequence[date], ink: Ink, cap: Decimal | None
) -> None:
    """Everything so far, and the cap it must stay below."""
    so_far, at = look.before, []
    of: defaultdict[date, Decimal] = defaultdict(Decimal)
    for bucket in look.spent.buckets:
        of[bucket.day] += bucket.cost
    for day in days:
        so_far += of[day]
        at.append(so_far)
    line = go.Scatter(
        x=list(days),
        y=[float(cost) for cost in at],
        name="So far",
        mode="lines" if len(days) > 1 else "markers",
        line={"color": ink.text, "width": 2},
        fill="tozeroy",
        fillcolor=ink.line,
        customdata=[[day.isoformat(), money(cost)] for day, cost in zip(days, at, strict=True)],
        hovertemplate="%{customdata[1]}",
    )
    figure.add_trace(line, row=1, col=1)
    if cap:
        figure.add_hline(
            y=float(cap), row=1, col=1, line={"color": ink.warn, "dash": "dash", "width": 1.5}
        )
        figure.add_annotation(
            text=f"{money(cap)} cap", x=0, y=float(cap), xref="paper", yref="y", yshift=10,
            showarrow=False, xanchor="left", font={"color": ink.warn},
        )  # fmt: skip
    top = max(so_far, cap or 0)
    ticks = [Decimal(0), *({cap} if cap else {so_far})]
    figure.update_yaxes(
        row=1, col=1, range=[0, float(top) * 1.25 or 1], tickvals=[float(t) for t in ticks],
        ticktext=[f"${t:,.0f}" for t in ticks],
    )  # fmt: skip


def _add_gaps(figure: go.Figure, buckets: Sequence[Bucket], ink: Ink) -> None:
    """A mark above each bar that lacks a price, so that a gap is seen as one."""
    missing: defaultdict[date, int] = defaultdict(int)
    height: defaultdict[date, Decimal] = defaultdict(Decimal)
    for bucket in buckets:
        missing[bucket.day] += bucket.unpriced
        height[bucket.day] += bucket.cost
    gaps = [day for day, count in missing.items() if count]
    if gaps:
        figure.add_trace(
            go.Scatter(
                x=gaps,
                y=[float(height[day]) for day in gaps],
                name="Price unknown",
                showlegend=False,
                mode="text",
                text=["?"] * len(gaps),
                textposition="top center",
                textfont={"color": ink.warn, "size": 13},
                customdata=[[day.isoformat(), f"{missing[day]:,} calls"] for day in gaps],
                hovertemplate="%{customdata[1]}",
                cliponaxis=False,
            ),
            row=2,
            col=1,
        )


class Line(NamedTuple):
    """A line of a list with bars: what a click names, its words, and how long it is."""

    key: str
    label: str
    value: str
    length: float
    colour: str


def bar_list(lines: Sequence[Line], ink: Ink) -> go.Figure:
    """Names and values above thin bars, the first on top: readable however narrow the page."""
    most = max((line.length for line in lines), default=0) or 1
    places = list(range(len(lines)))
    above = [place - _LABEL_UP for place in places]
    keys = [[line.key] for line in lines]
    bars = {
        "type": "bar",
        "x": [line.length for line in lines],
        "y": places,
        "orientation": "h",
        "marker": {"color": [line.colour for line in lines]},
        "hovertext": [f"{line.label}: {line.value}" for line in lines],
    }
    names = _words(0, above, [_short(line.label) for line in lines], "right", ink.text)
    values = _words(most, above, [line.value for line in lines], "left", ink.muted)
    # As traces: annotations take Plotly seven milliseconds each.
    traces = [{**one, "customdata": keys, "hoverinfo": "text"} for one in (bars, names, values)]
    return go.Figure(
        traces,
        {
            **_look(ink, ROW_PX * max(len(lines), 1) + 4),
            "bargap": 0.78,
            "showlegend": False,
            "xaxis": {"visible": False, "range": [0, most], "fixedrange": True},
            "yaxis": {"visible": False, "range": [len(lines) - 0.6, -0.65], "fixedrange": True},
        },
    )


def _words(
    x: float, places: Sequence[float], words: Sequence[str], side: str, colour: str
) -> dict[str, object]:
    """Words that stand above their bars, from one edge inwards."""
    return {
        "type": "scatter",
        "mode": "text",
        "x": [x] * len(words),
        "y": places,
        "text": words,
        "textposition": f"top {side}",
        "textfont": {"color": colour, "size": 13},
        "cliponaxis": False,
    }


def _short(words: str, most: int = 34) -> str:
    short = words if len(words) <= most else f"{words[: most - 1].rstrip()}…"
    # Plotly reads a little markup.
    return short.replace("&", "&amp;").replace("<", "&lt;")


def share_lines(
    shares: Sequence[Share],
    ink: Ink,
    name: Callable[[str], str],
    colours: Mapping[str, str],
    most: int = 6,
) -> list[Line]:
    """The largest shares, those of one name together; calls where nothing has a price."""
    together: dict[str, list[Share]] = {}
    for share in shares:
        together.setdefault(name(share.key), []).append(share)
    paid = any(share.cost for share in shares)
    lines = []
    for label, parts in together.items():
        cost = sum((share.cost for share in parts), Decimal(0))
        calls, unpriced = (sum(getattr(share, n) for share in parts) for n in ("calls", "unpriced"))
        words = (
            priced(cost, unpriced, sum(share.settled for share in parts))
            if paid
            else f"{calls:,} calls"
        )
        length = float(cost) if paid else calls
        lines.append(Line(label, label, words, length, colours.get(label, ink.palette[1])))
    return sorted(lines, key=lambda line: -line.length)[:most]


def funnel_lines(ads: Ads, ink: Ink) -> list[Line]:
    """From the prompt to the film: how many there are at each stage, and what it cost."""
    stages = [
        ("Prompts", ads.prompts, ads.plan_cost + ads.scene_cost, "Brief", ""),
        ("Pictures", ads.images, ads.image_cost, "Pictures", ""),
        (
            "approved",
            ads.approved_images,
            ads.approved_image_cost,
            "Pictures",
            _part(ads.approved_images, ads.images),
        ),
        ("Clips", ads.clips, ads.clip_cost, "Clips", ""),
        (
            "approved",
            ads.approved_clips,
            ads.approved_clip_cost,
            "Clips",
            _part(ads.approved_clips, ads.clips),
        ),
        ("Films", ads.films, ads.film_cost, "Film", ""),
    ]
    return [
        Line(
            "",
            label if label != "approved" else f"{step} approved",
            " · ".join(filter(None, (f"{count:,}", part, money(cost)))),
            count,
            ink.step(step),
        )
        for label, count, cost, step, part in stages
    ]


def _part(some: int, every: int) -> str:
    return f"{100 * some / every:.0f} %" if every else ""


def histogram(ads: Ads, ink: Ink, *, cap: Decimal) -> go.Figure:
    """How many ads cost how much, with the line that none may cross."""
    most = Decimal(max(ads.bins, default=0)) / 100
    width = next((w for w in _WIDTHS if max(most, cap) / w <= _BARS_MOST), _WIDTHS[-1])
    counts: defaultdict[Decimal, int] = defaultdict(int)
    for cents, count in ads.bins.items():
        counts[Decimal(cents) / 100 // width * width] += count
    figure = _base(ink, 250, bargap=0.12, showlegend=False)
    lows = sorted(counts)
    figure.add_bar(
        x=[float(low + width / 2) for low in lows],
        y=[counts[low] for low in lows],
        width=float(width) * 0.88,
        marker={"color": [ink.warn if low >= cap else ink.palette[0] for low in lows]},
        customdata=[[money(low), money(low + width)] for low in lows],
        hovertemplate="%{y:,} ads of %{customdata[0]} to %{customdata[1]}<extra></extra>",
    )
    figure.add_vline(
        x=float(cap), line={"color": ink.warn, "dash": "dash", "width": 1.5},
        annotation={
            **{"text": f"{money(cap)} an ad", "font": {"color": ink.warn}},
            **{"xanchor": "right", "x": float(cap)},
        },
    )  # fmt: skip
    figure.update_xaxes(
        showgrid=False, tickprefix="$", range=[0, float(max(most + width, cap * Decimal("1.04")))]
    )
    figure.update_yaxes(rangemode="tozero", title=None)
    return figure


def estimates(runs: Sequence[Run], ink: Ink, height: int = 250) -> go.Figure:
    """What runs were said to cost and what they came to; on the line both are the same."""
    figure = _base(ink, height)
    sums = [max(run.estimated, run.actual) for run in runs]
    most = float(max(sums, default=Decimal(1))) * 1.08
    figure.add_scatter(
        x=[0, most], y=[0, most], mode="lines", hoverinfo="skip", showlegend=False,
        line={"color": ink.muted, "dash": "dot", "width": 1},
    )  # fmt: skip
    of: defaultdict[str, list[Run]] = defaultdict(list)
    for run in runs:
        of[_RUNS.get(run.kind, run.kind)].append(run)
    for label, some in of.items():
        figure.add_scatter(
            x=[float(run.estimated) for run in some],
            y=[float(run.actual) for run in some],
            name=label,
            mode="markers",
            marker={"color": ink.step(label), "size": 9, "opacity": 0.75},
            customdata=[[run.session_id, money(run.estimated), money(run.actual)] for run in some],
            hovertemplate="said %{customdata[1]}, came to %{customdata[2]}<extra></extra>",
        )
    figure.update_xaxes(
        tickprefix="$", range=[0, most], title={"text": "estimate", "font": {"size": 12}}
    )
    figure.update_yaxes(tickprefix="$", range=[0, most])
    return figure
