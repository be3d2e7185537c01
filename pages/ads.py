"""The library: a wall of films, newest first."""

import streamlit as st

from adgen.config import settings
from adgen.domain import AdFilter
from adgen.ui import components, library, state

person = state.require_person()
commands = state.commands()
wanted, said, new = library.controls(person)
if new:
    state.keep("news", None)
    state.go("brief", commands.create_ad(person).id)
library.act(person)

count = commands.count_ads(person, wanted)
top, wall = st.container(), st.container()
number = library.page_number(count)
with top:
    library.tally(count, number, said)
ads = commands.list_ads(
    person, wanted, limit=library.PAGE_SIZE, offset=library.PAGE_SIZE * (number - 1)
)
with wall:
    if not count and (said or commands.count_ads(person, AdFilter(archived=True))):
        library.nothing(said)
    elif not count and not person.may_change:
        st.caption("Nothing is here yet. The ads of your team will be.")
    elif not count:
        with st.container(key="empty", border=True, gap="small"):
            st.subheader("Make your first ad")
            st.write(
                "Describe a product, choose among six pictures, watch the clips arrive, add a "
                "name and music. "
                + (
                    "It takes about two minutes, and the sample product is free."
                    if settings().provider == "offline"
                    else "Every step says what it costs before you take it."
                )
            )
            components.board(
                "sample",
                [
                    {
                        "id": str(n),
                        "url": f"/api/static/sample-{n}.jpg",
                        "label": "",
                        "video": False,
                        "focus": [0.6, 0.7],
                    }
                    for n in range(1, 5)
                ],
                layout="strip",
            )
            st.caption("Sample photos: Pexels licence")
            if st.button("Try the sample product", icon=":material/chair_alt:"):
                ad = commands.create_ad(person)
                state.add_sample(ad.id)
                state.go("brief", ad.id)
    components.wall(library.cards(ads, wanted.sort), number, may_change=person.may_change)
