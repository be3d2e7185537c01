"""The library: a wall of films, newest first."""

import streamlit as st

from adgen.config import settings
from adgen.domain import Stage
from adgen.ui import components, state, widgets, words

PAGE_SIZE = 24

person = state.require_person()
title, search, new = st.columns([3, 2, 1], vertical_alignment="bottom")
title.title("Your ads")
query = search.text_input(
    "Search", placeholder="Search by name or product", label_visibility="collapsed"
)
if new.button("New ad", type="primary", icon=":material/add:", width="stretch"):
    state.go("brief", state.commands().create_ad(person).id)

count = state.commands().count_ads(person, search=query)
pages = max(1, -(-count // PAGE_SIZE))
number = st.pagination(pages, key="page") if pages > 1 else 1
ads = state.commands().list_ads(
    person, search=query, limit=PAGE_SIZE, offset=PAGE_SIZE * ((number or 1) - 1)
)
if not ads and query:
    st.subheader(words.plain(f"Nothing matches “{query}”"))
    st.write("Try a word of the product or of the ad's name.")
elif not ads:
    with st.container(key="empty", border=True, gap="small"):
        st.subheader("Make your first ad")
        st.write(
            "Describe a product, choose among six pictures, watch the clips arrive, add a name "
            "and music. "
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
            ad = state.commands().create_ad(person)
            state.add_sample(ad.id)
            state.go("brief", ad.id)
opened = components.wall(
    [
        {
            "id": ad.id,
            "title": ad.title,
            "stage": widgets.STAGE_WORDS[ad.stage],
            "tone": {Stage.COMPLETE: "done", Stage.FAILED: "failed"}.get(ad.stage, ""),
            "cost": words.money(ad.total_cost),
            "who": ad.owner.partition("@")[0],
            "when": words.ago(ad.created_at),
            "poster": f"/api/files/{ad.poster_id}" if ad.poster_id else None,
            "video": f"/api/files/{ad.video_id}" if ad.video_id else None,
            "page": state.resume_page(ad.stage),
        }
        for ad in ads
    ]
)
if opened:
    chosen = state.commands().load_ad(person, opened["id"])
    state.go(state.resume_page(chosen.stage, chosen.failed_stage), chosen.id)
