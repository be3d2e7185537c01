"""Streamlit's script: the pages, the sign-in before them, the way around."""

from pathlib import Path

import streamlit as st

from adgen import logs
from adgen.ui import alerts, company, components, state

ICON = Path(__file__).with_name("icon.png")
LINK_USED = "That sign-in link was used or is too old. Sign in with the password."
STYLE = Path(__file__).with_name("style.css")

st.set_page_config(page_title="adgen", page_icon=ICON, layout="wide")

# All pages are registered even before the sign-in, or a deep link would be lost.
PAGES = [
    st.Page(state.page("ads"), title="Ads", icon=":material/grid_view:", default=True),
    st.Page(state.page("costs"), title="Costs", icon=":material/payments:"),
    st.Page(state.page("settings"), title="Settings", icon=":material/settings:"),
    st.Page(state.page("brief"), title="Brief", visibility="hidden"),
    st.Page(state.page("images"), title="Images", visibility="hidden"),
    st.Page(state.page("storyboard"), title="Storyboard", visibility="hidden"),
    st.Page(state.page("clips"), title="Clips", visibility="hidden"),
    st.Page(state.page("finish"), title="Finish", visibility="hidden"),
    st.Page(state.page("final"), title="Final", visibility="hidden"),
]

# White on the dark theme's accent has a contrast of 2.9; the page's own dark has 6.6.
dark = st.context.theme.type == "dark"
page_colour, on_accent = ("#0E1014", "#0E1014") if dark else ("#FAFAF8", "#FFFFFF")
mode = "dark" if dark else "light"
tones = "; ".join(
    f"--adgen-{name}: {st.get_option(f'theme.{mode}.{name}Color')}"
    for name in ("text", "gray", "red", "yellow")
)
st.html(
    f"<style>:root {{ --adgen-page: {page_colour}; {tones} }}"
    f'[data-testid="stBaseButton-primary"] {{ color: {on_accent} }}</style>'
)
st.html(STYLE)

person = state.find_person()
logs.here(person=person.id if person else 0, **logs.ad_of(st.query_params.get("ad", "")))
# Streamlit's own bar becomes a drawer on a phone, which stays open over every page.
page = st.navigation(PAGES, position="hidden")
if person is None:
    link_used = st.query_params.get("link") == "used"
    go, refused = company.entrance()
    components.login(refused or (LINK_USED if link_used else ""), go)
    if not go:
        company.offer()
    st.stop()
with st.container(key="nav", horizontal=True, vertical_alignment="center", gap="xsmall"):
    for place in PAGES[:3]:
        st.page_link(place, width="content")
alerts.banner(person, st.query_params.get("ad", ""))
logs.note(page=page.title)
page.run()
