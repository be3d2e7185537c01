"""What was spent: how much, on what, by whom, and what it brought."""

import streamlit as st

from adgen.ui import alerts, reconciling, spend, spend_ask, spend_files, state

person = state.require_person()
spend.go_on()
choices = state.commands().spending_choices(person)
with st.container(key="costs", horizontal=True, vertical_alignment="center", gap="small"):
    st.title("Costs", width="content")
    if not choices.models:
        spend.first_steps()
        st.stop()
    view = st.segmented_control(
        "View",
        spend.VIEWS,
        default=spend.OVERVIEW,
        required=True,
        label_visibility="collapsed",
        key="view",
        bind="query-params",
    )
    asked = spend_ask.controls(choices)
    export = st.popover("Export", icon=":material/download:", key="export")
head, body, foot = st.container(), st.container(), st.container()
offset = spend.PAGE_SIZE * (max(int(state.value("page", 1)), 1) - 1)
look = state.commands().look_at_spending(
    person, asked, limit=spend.PAGE_SIZE, offset=offset if view == spend.CALLS else 0
)
count = look.spent.total.calls
with export:
    spend_files.section(look, asked, drawn=view == spend.OVERVIEW and bool(count))
with head:
    spend.tally(asked)
with foot:
    if view == spend.CALLS and count:
        spend.page_number(count)
with body:
    if view == spend.RECONCILE:
        reconciling.section(person, asked)
    elif not count:
        spend.nothing()
    elif view == spend.CALLS:
        spend.calls(look.calls, count, offset)
    else:
        spend.figures(look)
        spend.overview(look, asked)
        alerts.panel(person)
