"""What was spent: by ad, by step, by model."""

import pandas as pd
import plotly.express as px
import streamlit as st

from adgen.config import settings
from adgen.ui import state, widgets

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

frame["day"] = pd.to_datetime(frame.created_at, utc=True).dt.date
frame["usd"] = frame.cost_usd.fillna(0).astype(float)
measure = "usd" if frame.usd.sum() else "calls"
frame["calls"] = 1
daily = frame.groupby(["day", "agent_name"], as_index=False)[measure].sum()
by_model = frame.groupby("model_used", as_index=False)[measure].sum()
words = {"usd": "US dollars", "calls": "Calls", "day": "", "agent_name": "Step", "model_used": ""}
left, right = st.columns([3, 2])
left.caption("By day (UTC)" + ("" if measure == "usd" else ", calls: all of them were free"))
figure = px.bar(daily, x="day", y=measure, color="agent_name", labels=words)
figure.update_layout(xaxis_type="category", margin={"l": 0, "r": 0, "t": 8, "b": 0}, height=280)
left.plotly_chart(figure, config={"displayModeBar": False})
right.caption("By model")
figure = px.bar(by_model, x=measure, y="model_used", orientation="h", labels=words)
figure.update_layout(margin={"l": 0, "r": 0, "t": 8, "b": 0}, height=280)
right.plotly_chart(figure, config={"displayModeBar": False})

st.caption(f"Showing {len(frame):,} calls, newest first. Times are UTC.")
st.dataframe(
    frame.drop(columns=["day", "usd", "calls"]),
    hide_index=True,
    column_config={
        "created_at": st.column_config.DatetimeColumn("When", format="YYYY-MM-DD HH:mm:ss"),
        "session_id": "Ad",
        "agent_name": "Step",
        "model_used": "Model",
        "quantity": st.column_config.NumberColumn("Units"),
        "unit": "Unit",
        "cost_usd": st.column_config.NumberColumn("Cost", format="$%.4f"),
        "duration_seconds": st.column_config.NumberColumn("Took", format="%.1f s"),
        "success": st.column_config.CheckboxColumn("Worked"),
        "error_message": "Error",
    },
)
