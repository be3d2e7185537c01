"""The finished films: watch them, keep them, see what they were made from."""

import streamlit as st

from adgen.domain import AdState, AssetInfo, JobKind, Stage
from adgen.ui import components, receipt, sharing, state, widgets, words

OLDER = (
    "The clips, words, music or cut changed after this film was made. Render again to include "
    "them; this film stays."
)

person, ad = state.require_ad()
act = state.commands()
widgets.header(ad, "final")


def films(now: AdState) -> None:
    """Progress, then the films, one at a time."""
    widgets.status(now, JobKind.VIDEO)
    made = now.videos or ((now.final_video,) if now.final_video else ())
    if made:
        show(now, chosen_of(now, made))
    elif now.working and widgets.job_of(now, JobKind.VIDEO):
        st.skeleton(height=420)
    elif now.failed_stage is not Stage.FINAL_COMPOSITION:
        widgets.not_yet(
            now,
            "No film yet",
            "Add a name, a call to action and music, then render.",
            "Go to finish",
            "finish",
        )


def shape_of(video: AssetInfo) -> str:
    """The shape of a film; one of before there were several is the ad's."""
    return str(video.details.get("aspect", ad.aspect.value))


def chosen_of(now: AdState, made: tuple[AssetInfo, ...]) -> AssetInfo:
    """The film to show: of several, the shape that was chosen."""
    by_shape = {shape_of(video): video for video in made}
    if len(by_shape) == 1:
        return made[0]
    key = f"shape-{now.id}"
    if state.remember(key, shape_of(made[0])) not in by_shape:
        state.keep(key, shape_of(made[0]))
    shape = st.segmented_control(
        "Shape",
        list(by_shape),
        key=key,
        required=True,
        label_visibility="collapsed",
        format_func=lambda one: f"{one} · older" if by_shape[one].stale else one,
    )
    return by_shape[str(shape)]


def show(now: AdState, video: AssetInfo) -> None:
    """One film: whether it is up to date, how it looks, how it was made."""
    details, shape = video.details, shape_of(video)
    several = len(now.videos) > 1
    components.player(
        video.url,
        now.title,
        facts=[
            ("Length", f"{details['duration_seconds']:.1f} s"),
            ("Size", f"{details['width']}×{details['height']}"),
            ("File", f"{details['size_bytes'] / 1e6:.1f} MB"),
            ("Ad so far", words.money(now.total_cost)),
        ],
        ratio=shape,
        name=f"{now.title} {shape.replace(':', 'x')}" if several else now.title,
        receipt=bool(details.get("receipt")),
        around=264 + 48 * several,
        warn=OLDER if video.stale else "",
    )
    with st.expander("What it cost"):
        receipt.costs(act.compare_costs(person, now.id))
    if lines := receipt.lines(video):
        with st.expander("How it was made"):
            for line in lines:
                st.caption(line)


def duplicate() -> None:
    """Go on with a copy of the ad, from where it stands."""
    copy = act.duplicate_ad(person, ad.id)
    state.go(state.resume_page(copy.stage), copy.id)


widgets.follow(ad, films)
if ad.final_video and not ad.working:
    with st.container(horizontal=True, vertical_alignment="center", key="showing", gap="small"):
        sharing.row(ad)
        st.space("stretch")
        if person.may_change:
            if st.button("Duplicate", icon=":material/content_copy:", type="tertiary"):
                state.did(duplicate)
            if st.button("Make another", icon=":material/add:", type="tertiary"):
                state.go("brief", act.create_ad(person).id)
