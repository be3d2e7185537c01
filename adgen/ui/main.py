"""Streamlit's script: the pages, the sign-in before them, the way around."""

import streamlit as st

from adgen.ui import components, state

st.set_page_config(page_title="adgen", page_icon=":material/movie:", layout="wide")

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

person = state.find_person()
page = st.navigation(PAGES, position="top" if person else "hidden")
if person is None:
    components.login(used_link=st.query_params.get("link") == "used")
    st.stop()
page.run()
