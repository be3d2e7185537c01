"""The finished film: watch it, download it, make another."""

import streamlit as st

from adgen.domain import AdState, JobKind, Stage
from adgen.ui import components, state, widgets, words

person, ad = state.require_ad()
act = state.commands()
widgets.header(ad, "final")


def film(now: AdState) -> None:
    """Progress, then the film."""
    widgets.status(now, JobKind.VIDEO)
    video = now.final_video
    if video is None:
        if now.working and widgets.job_of(now, JobKind.VIDEO):
            st.skeleton(height=420)
        elif now.failed_stage is not Stage.FINAL_COMPOSITION:
            widgets.not_yet(
                now,
                "No film yet",
                "Add a name, a call to action and music, then render.",
                "Go to finish",
                "finish",
            )
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
        f"{details['size_bytes'] / 1e6:.1f} MB · {words.money(now.total_cost)} in all",
    )


widgets.follow(ad, film)
if ad.final_video and not ad.working and st.button("Make another", icon=":material/add:"):
    state.go("brief", act.create_ad(person).id)
