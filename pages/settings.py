"""Who you are, and what this installation uses."""

import streamlit as st

from adgen import __version__
from adgen.config import settings
from adgen.providers.catalogue import catalogue
from adgen.ui import components, state, widgets

person = state.require_person()
st.title("Settings")
st.subheader("You")
st.text(f"Signed in as {person.email} ({person.role})")
components.sign_out()

st.subheader("This installation")
config = settings()
st.write(
    f"adgen {__version__}, making pictures with the **{config.provider}** provider. "
    f"Budget: {widgets.money(config.session_budget_usd)} an ad, "
    f"{widgets.money(config.total_budget_usd)} in all.".replace("$", r"\$")
)
st.caption("Models and prices")
st.dataframe(
    [
        {
            "Model": spec.label,
            "Step": ", ".join(spec.stages),
            "Provider": spec.provider,
            "Price": widgets.money(spec.price),
            "Per": spec.unit,
            "Since": spec.since,
        }
        for spec in catalogue().values()
    ],
    hide_index=True,
)
