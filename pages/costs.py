"""What was spent: by ad, by step, by model."""

import pandas as pd
import plotly.express as px
import streamlit as st

from adgen.config import settings
from adgen.domain import AdFilter
from adgen.providers.catalogue import label_of
from adgen.ui import state, widgets, words

# The ledger keeps the agents' own names; people know the steps.
STEPS = {
    "prompt_parser": "Brief",
    "image_generator": "Images",
    "scene_planner": "Storyboard",
    "video_generator": "Clips",
    "compositor": "Film",
}
FREE = ", calls: all of them were free"
OUTCOMES = {None: "Running", True: "Made", False: "Failed"}

person = state.require_person()
act = state.commands()
st.title("Costs")

frame = pd.DataFrame(
    [
        {
            **entry.model_dump(),
            "outcome": OUTCOMES[entry.success],
            "cost": None if entry.cost_usd is None else float(entry.cost_usd),
        }
        for entry in act.list_costs(person)
    ],
    columns=[
        "created_at",
        "session_id",
        "agent_name",
        "model_used",
        "quantity",
        "unit",
        "cost",
        "duration_seconds",
        "outcome",
        "error_message",
    ],
)
total, cap = act.total_spent(person), settings().total_budget_usd
cards = st.columns(4)
cards[0].metric("Spent", words.plain(words.money(total)))
share = total / cap * 100 if cap else 0
cards[1].metric("Of the budget", f"{share:.1f} %", help=f"The cap is {words.money(cap)}.")
cards[2].metric("Calls", f"{len(frame):,}")
cards[3].metric("Failed calls", f"{int((frame.outcome == 'Failed').sum()):,}")

if frame.empty:
    st.subheader("Nothing spent yet")
    st.write("Every call to a model appears here with its price, failed ones too.")
    st.stop()

titles = {ad.id: ad.title for ad in act.list_ads(person, AdFilter(archived=None), limit=200)}
frame["ad"] = frame.session_id.map(titles).fillna(frame.session_id.str[:8])
frame["step"] = frame.agent_name.replace(STEPS)
frame["model"] = frame.model_used.map(label_of)
frame["day"] = pd.to_datetime(frame.created_at, utc=True).dt.date
# A sum that is not known stays out of the charts; the table says that it is unknown.
frame["cost"] = frame.cost.astype(float)
frame["usd"] = frame.cost.fillna(0)
frame["calls"] = 1
measure = "usd" if frame.usd.sum() else "calls"
unpriced = int((frame.cost.isna() & (frame.outcome != "Running")).sum())
daily = frame.groupby(["day", "step"], as_index=False)[measure].sum()
by_model = frame.groupby("model", as_index=False)[measure].sum()
labels = {"usd": "US dollars", "calls": "Calls", "day": "", "step": "", "model": ""}
shape = {
    "margin": {"l": 0, "r": 0, "t": 8, "b": 0},
    "height": 280,
    # One day is a bar, not a wall.
    "bargap": max(0.3, 1 - 0.12 * daily.day.nunique()),
    "legend": {"orientation": "h", "y": 1.02, "yanchor": "bottom"},
}
ink = {"tickfont_color": widgets.muted(), "title_font_color": widgets.muted()}
why = "" if measure == "usd" else ", calls: no price is known" if unpriced else FREE
left, right = st.columns([3, 2])
left.caption(f"By day (UTC){why}")
figure = px.bar(
    daily,
    x="day",
    y=measure,
    color="step",
    labels=labels,
    category_orders={"step": [*STEPS.values()]},
)
figure.update_layout(shape, xaxis_type="category").update_xaxes(ink).update_yaxes(ink)
left.plotly_chart(figure, config={"displayModeBar": False})
right.caption("By model")
figure = px.bar(by_model, x=measure, y="model", orientation="h", labels=labels)
figure.update_layout(shape, bargap=0.4, yaxis_categoryorder="total ascending").update_xaxes(
    ink
).update_yaxes(ink)
right.plotly_chart(figure, config={"displayModeBar": False})

note = f" The price of {unpriced:,} is unknown and in no sum." if unpriced else ""
st.caption(f"Showing {len(frame):,} calls, newest first. Times are UTC.{note}")
st.dataframe(
    frame.fillna({"error_message": ""}),
    hide_index=True,
    placeholder="unknown",
    column_order=[
        *("created_at", "ad", "step", "model", "outcome"),
        *("cost", "quantity", "unit", "duration_seconds", "error_message"),
    ],
    column_config={
        "created_at": st.column_config.DatetimeColumn("When", format="YYYY-MM-DD HH:mm:ss"),
        "ad": st.column_config.TextColumn("Ad", width="medium"),
        "step": "Step",
        "model": "Model",
        "outcome": "Outcome",
        "error_message": st.column_config.TextColumn("Why it failed", width="large"),
        "cost": st.column_config.NumberColumn("Cost", format="$%.4f"),
        "quantity": st.column_config.NumberColumn("Units"),
        "unit": "Unit",
        "duration_seconds": st.column_config.NumberColumn("Took", format="%.1f s"),
    },
)
