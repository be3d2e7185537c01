"""Words, music, shapes and the cut; a free draft to look at, then the film."""

from collections.abc import Callable
from decimal import Decimal
from functools import partial

import streamlit as st

from adgen.domain import AdState, JobKind
from adgen.providers import catalogue
from adgen.ui import components, film, state, widgets, words

person, ad = state.require_ad()
act = state.commands()
widgets.header(ad, "finish")

if not ad.ordered_clips:
    widgets.follow(ad, widgets.status)
    widgets.not_yet(
        ad,
        "Choose clips first",
        "Approve at least one clip; the film is made of them.",
        "Go to the clips",
        "clips",
    )
    st.stop()

brand = act.load_brand(person, ad)
board, side = st.columns([3, 2], gap="large")
with side:
    chosen = film.form(ad, brand)


def going_on(now: AdState) -> None:
    """The draft that is being cut, or how long the film will be."""
    widgets.status(now, JobKind.DRAFT)
    if not now.working:
        with st.container(key="status-length"):
            st.caption(film.length(now, chosen.cut))


with board, st.container(key="stays"):
    parts, with_words = film.parts(ad, chosen, brand)
    components.monitor(
        f"monitor-{ad.id}",
        parts,
        ratio=chosen.main.value,
        fill=chosen.cut.fill,
        show=film.pointed_at(ad, with_words),
    )
    widgets.follow(ad, going_on)


def prepared(start: Callable[..., object]) -> Callable[[], object]:
    """A draft or the films, cut as the page says."""
    given = (person, ad.id, chosen.overlay, chosen.audio)
    return partial(start, *given, shapes=chosen.shapes, cut=chosen.cut)


def offer_draft() -> None:
    """The quiet way to look first."""
    if st.button(
        words.priced("Draft", Decimal(0)),
        key="draft",
        icon=":material/play_circle:",
        disabled=ad.working or bool(chosen.missing) or not person.may_change,
        help=f"Small and quick, in {chosen.main}: what the film will be, before it is rendered.",
    ) and state.did(prepared(act.start_draft)):
        st.rerun()


count = len(chosen.shapes)
model = catalogue.default_model("video", ad.provider).ref
price = act.estimate(JobKind.VIDEO, ad.provider, model, count)
if widgets.next_bar(
    chosen.missing,
    words.priced("Render the film" if count == 1 else f"Render {count} films", price),
    disabled=ad.working or bool(chosen.missing),
    quiet=widgets.retry_first(ad, JobKind.DRAFT),
    beside=offer_draft,
    do=prepared(act.start_video),
):
    state.go("final", ad.id)
