"""What was spent: by ad, by step, by model."""

import pandas as pd
import plotly.express as px
import streamlit as st

from adgen.config import settings
from adgen.ui import state, widgets

# The ledger keeps the agents' own names; people know the steps.
STEPS = {
    "prompt_parser": "Brief",
    "image_generator": "Images",
    "scene_planner": "Storyboard",
    "video_generator": "Clips",
    "compositor": "Film",
}

person = state.require_person()
act = state.commands()
st.title("Costs")

frame = pd.DataFrame(
    [entry.model_dump() for entry in act.list_costs(person)],
    columns=[
        "created_at",
        "session_id",
        "agent_name",
        "model_used",
        "quantity",
        "unit",
        "cost_usd",
        "duration_seconds",
        "success",
        "error_message",
    ],
)
total, cap = act.total_spent(person), settings().total_budget_usd
cards = st.columns(4)
cards[0].metric("Spent", widgets.money(total).replace("$", r"\$"))
share = total / cap * 100 if cap else 0
cards[1].metric("Of the budget", f"{share:.1f} %", help=f"The cap is {widgets.money(cap)}.")
cards[2].metric("Calls", f"{len(frame):,}")
cards[3].metric("Failed calls", f"{int((frame.success == False).sum()):,}")  # noqa: E712

if frame.empty:
    st.subheader("Nothing spent yet")
    st.write("Every call to a model appears here with its price, failed ones too.")
    st.stop()

titles = {ad.id: ad.title for ad in act.list_ads(person, limit=200)}
frame["ad"] = frame.session_id.map(titles).fillna(frame.session_id.str[:8])
frame["step"] = frame.agent_name.replace(STEPS)
frame["day"] = pd.to_datetime(frame.created_at, utc=True).dt.date
frame["usd"] = frame.cost_usd.fillna(0).astype(float)
frame["calls"] = 1
measure = "usd" if frame.usd.sum() else "calls"
daily = frame.groupby(["day", "step"], as_index=False)[measure].sum()
by_model = frame.groupby("model_used", as_index=False)[measure].sum()
words = {"usd": "US dollars", "calls": "Calls", "day": "", "step": "", "model_used": ""}
shape = {
    "margin": {"l": 0, "r": 0, "t": 8, "b": 0},
    "height": 280,
    # One day is a bar, not a wall.
    "bargap": max(0.3, 1 - 0.12 * daily.day.nunique()),
    "legend": {"orientation": "h", "y": 1.02, "yanchor": "bottom"},
}
ink = {"tickfont_color": widgets.muted(), "title_font_color": widgets.muted()}
left, right = st.columns([3, 2])
left.caption("By day (UTC)" + ("" if measure == "usd" else ", calls: all of them were free"))
figure = px.bar(
    daily,
    x="day",
    y=measure,
    color="step",
    labels=words,
    category_orders={"step": [*STEPS.values()]},
)
figure.update_layout(shape, xaxis_type="category").update_xaxes(ink).update_yaxes(ink)
left.plotly_chart(figure, config={"displayModeBar": False})
right.caption("By model")
figure = px.bar(by_model, x=measure, y="model_used", orientation="h", labels=words)
figure.update_layout(shape, bargap=0.4, yaxis_categoryorder="total ascending").update_xaxes(
    ink
).update_yaxes(ink)
right.plotly_chart(figure, config={"displayModeBar": False})

st.caption(f"Showing {len(frame):,} calls, newest first. Times are UTC.")
st.dataframe(
    frame.fillna({"error_message": ""}),
    hide_index=True,
    column_order=[
        *("created_at", "ad", "step", "model_used", "quantity", "unit"),
        *("cost_usd", "duration_seconds", "success", "error_message"),
    ],
    column_config={
        "created_at": st.column_config.DatetimeColumn("When", format="YYYY-MM-DD HH:mm:ss"),
        "ad": st.column_config.TextColumn("Ad", width="medium"),
        "step": "Step",
        "model_used": "Model",
        "quantity": st.column_config.NumberColumn("Units"),
        "unit": "Unit",
        "cost_usd": st.column_config.NumberColumn("Cost", format="$%.4f"),
        "duration_seconds": st.column_config.NumberColumn("Took", format="%.1f s"),
        "success": st.column_config.CheckboxColumn("Worked"),
        "error_message": "Error",
    },
)
