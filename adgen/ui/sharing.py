"""Showing an ad to others: present it, send a link to it, take its files along."""

from __future__ import annotations

from typing import Literal

import streamlit as st

from adgen.commands import SHARE_DAYS
from adgen.domain import AdState, ShareInfo
from adgen.ui import components, state
from adgen.ui.words import ago, plain

_USUAL_DAYS = 7


def row(ad: AdState) -> None:
    """Present, share and export, side by side; for a row that is there already."""
    present(ad)
    if state.require_person().may_change and st.button(
        "Share", key="share", icon=":material/link:"
    ):
        state.keep(_new_link(ad), "")
        _share(ad)
    with st.popover("Export", icon=":material/download:"):
        _exports(ad)


def present(ad: AdState) -> None:
    """The way to the replay, full screen, in this tab."""
    url = f"/api/sessions/{ad.id}/present"
    components.links("present", [{"label": "Present", "url": url, "play": True}])


def board_links(ad: AdState, what: Literal["images", "clips"]) -> None:
    """The mood board of what is approved, to keep; nothing while nothing is."""
    if not (ad.approved_images if what == "images" else ad.ordered_clips):
        return
    url = f"/api/sessions/{ad.id}/board?what={what}"
    components.links(
        f"board-{what}",
        [
            {"label": "PNG", "url": f"{url}&format=png", "file": True},
            {"label": "PDF", "url": f"{url}&format=pdf", "file": True},
        ],
        look="quiet",
        lead="Mood board",
    )


def _exports(ad: AdState) -> None:
    url = f"/api/sessions/{ad.id}"
    components.links(
        "exports",
        [
            {
                "label": "Replay (.html)",
                "note": "One file that opens in any browser, without a network",
                "url": f"{url}/deck.html",
                "file": True,
            },
            {
                "label": "Everything (.zip)",
                "note": "Films, approved clips and pictures, receipts, costs",
                "url": f"{url}/files.zip",
                "file": True,
            },
        ],
        look="stacked",
    )


# ---- links


def _new_link(ad: AdState) -> str:
    return f"share-{ad.id}"


@st.dialog("Share this ad")
def _share(ad: AdState) -> None:
    """Make a link, copy it once, and see or end those there are."""
    st.caption(
        "Whoever has the link can watch the replay: pictures, choices, clips and film. "
        "Your notes stay here, and nothing can be changed."
    )
    days = st.segmented_control(
        "Works for",
        SHARE_DAYS,
        default=_USUAL_DAYS,
        key="share-days",
        format_func=lambda number: f"{number} day" + ("" if number == 1 else "s"),
        required=True,
    )
    shows_cost = st.toggle("Show the cost", key="share-cost")
    path = state.remember(_new_link(ad), "")
    if st.button(
        "Create another link" if path else "Create link",
        key="share-create",
        type="secondary" if path else "primary",
        width="stretch",
    ) and state.did(lambda: _create(ad, days, shows_cost)):
        st.rerun(scope="fragment")
    if path:
        components.copy_link(path)
        st.caption("Copy it now: it is shown only this once.")
    if links := state.commands().list_shares(state.require_person(), ad.id):
        st.markdown("**Links that work**")
        for link in links:
            _listed(ad, link)


def _create(ad: AdState, days: int, shows_cost: bool) -> None:
    _, token = state.commands().share_ad(
        state.require_person(), ad.id, days=days, shows_cost=shows_cost
    )
    state.keep(_new_link(ad), f"/api/share/{token}")


def _listed(ad: AdState, link: ShareInfo) -> None:
    """Who made a link, how long it works, how often it was opened; and a way to end it."""
    with st.container(
        horizontal=True, wrap=False, vertical_alignment="center", key=f"link-{link.id}"
    ):
        st.caption(plain(" · ".join(_facts(link))), width="stretch")
        if st.button("End", key=f"end-{link.id}", help="The link stops working at once."):
            _end(ad, link)


def _facts(link: ShareInfo) -> list[str]:
    opened = {0: "not opened yet", 1: "opened once"}.get(link.opened, f"opened {link.opened} times")
    facts = [
        link.made_by.partition("@")[0],
        f"made {ago(link.created_at)}",
        f"until {link.expires_at.day} {link.expires_at:%B}",
        opened,
        "with the cost" if link.shows_cost else "",
    ]
    return [fact for fact in facts if fact]


def _end(ad: AdState, link: ShareInfo) -> None:
    if state.did(lambda: state.commands().revoke_share(state.require_person(), ad.id, link.id)):
        state.keep(_new_link(ad), "")
        st.rerun(scope="fragment")
