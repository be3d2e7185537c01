"""Who you are, and what this installation uses."""

import streamlit as st

from adgen import __version__
from adgen.config import settings
from adgen.providers.catalogue import ModelSpec, catalogue, default_model
from adgen.ui import account, brand, budgets, people, state, words

DOORS = {"offline": "this machine", "replicate": "Replicate"}
STEPS = {
    "brief": "Brief",
    "image": "Pictures",
    "storyboard": "Storyboard",
    "clip": "Clips",
    "music": "Music",
    "video": "Film",
    "draft": "Draft",
}
UNITS = {"hardware-second": "hardware second", "second": "second of clip"}

person = state.require_person()
st.title("Settings")
account.section(person)
brand.section(person)
budgets.section(person)
people.section(person)

st.subheader("This installation")
config = settings()
st.write(words.plain(f"adgen {__version__}. New ads are made by {DOORS[config.provider]}."))


def role(spec: ModelSpec) -> str:
    """How a model comes to be used."""
    if not spec.offered:
        return "Stand-in only"
    default = spec.ref in {default_model(stage, spec.provider).ref for stage in spec.stages}
    return "Default" if default else "On request"


st.caption("Models and prices")
# Those that new ads are made with come first.
specs = sorted(catalogue().values(), key=lambda spec: spec.provider != config.provider)
st.dataframe(
    [
        {
            "Step": ", ".join(STEPS[stage] for stage in spec.stages),
            "Model": spec.label,
            "Price": words.price(spec.price),
            "Per": UNITS.get(spec.unit, spec.unit),
            "Used": role(spec),
            "Made by": DOORS[spec.provider].capitalize(),
            "As of": spec.since,
            "Source": spec.source,
        }
        for spec in specs
    ],
    hide_index=True,
    height="content",
    column_config={
        "Model": st.column_config.TextColumn(width=260),
        "Price": st.column_config.TextColumn(alignment="right"),
        "Per": st.column_config.TextColumn(width=136),
        "Source": st.column_config.TextColumn(width="large"),
    },
)
