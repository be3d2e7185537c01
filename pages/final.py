"""The finished film: watch it, download it, make another."""

import streamlit as st

from adgen.domain import AdState, JobKind, Stage
from adgen.ui import components, state, widgets

person, ad = state.require_ad()
act = state.commands()
widgets.header(ad, "final")


def film(now: AdState) -> None:
    """Progress, then the film."""
    widgets.progress(now, JobKind.VIDEO, "video")
    widgets.shortfall(now, JobKind.VIDEO, Stage.FINAL_COMPOSITION)
    video = now.final_video
    if video is None:
        if not now.working and now.stage is not Stage.FAILED:
            st.subheader("No film yet")
            st.write("Add a name, a call to action and music, then render.")
            if st.button("Go to finish", type="primary"):
                state.go("finish", now.id)
        elif now.working:
            st.skeleton(height=420)
        return
    if video.stale:
        st.warning(
            "The clips, words or music changed after this film was cut. Render again to include "
            "them; this film stays.",
            icon=":material/update:",
        )
    details = video.details
    components.player(
        video.url,
        now.title,
        f"{details['duration_seconds']:.1f} s · {details['width']}×{details['height']} · "
        f"{details['size_bytes'] / 1e6:.1f} MB · {widgets.money(now.total_cost)} in all",
    )


widgets.follow(ad, film)
if ad.final_video and not ad.working and st.button("Make another", icon=":material/add:"):
    state.go("brief", act.create_ad(person).id)
