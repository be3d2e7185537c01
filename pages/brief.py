"""The brief: what the product is, photos of it, the shape of the film."""

from functools import partial

import streamlit as st

from adgen.domain import PROMPT_MAX, Aspect, JobKind
from adgen.providers.catalogue import load_model
from adgen.providers.offline import without_photos
from adgen.ui import components, plans, state, widgets, words

person, ad = state.require_ad()
act = state.commands()
widgets.header(ad, "brief")

side, photos = st.columns([3, 2], gap="large")
with side:
    prompt = st.text_area(
        "What is the product?",
        **state.field(ad, "product_prompt", ad.product_prompt),
        height=120,
        max_chars=PROMPT_MAX,
        placeholder="Pink tennis shoes with a white sole, sunny court",
        help="Name the thing, its colour and material, and the mood. Six views are made from it.",
    )
    aspect = st.segmented_control(
        "Shape of the film",
        [a.value for a in Aspect],
        **state.field(ad, "aspect", ad.aspect),
        help="16:9 for the web and television, 9:16 for stories, 1:1 and 4:5 for feeds.",
    )
    model = widgets.model_choice(ad, "image", ad.image_model, "Model for the pictures")
with photos:
    files = st.file_uploader(
        "Photos of it (optional, up to six)",
        type=["png", "jpg", "jpeg", "webp"],
        accept_multiple_files=True,
        key=f"files-{ad.id}-{state.remember(f'round-{ad.id}', 0)}",
        help="The ad's pictures are made from them. Location and camera data are removed.",
        disabled=not person.may_change,
    )
    if not ad.photos:
        st.button(
            "Try the sample product",
            icon=":material/chair_alt:",
            on_click=state.add_sample,
            args=(ad.id,),
            **state.barred(),
        )

refused = False
for file in files:
    keep = partial(act.add_photo, person, ad.id, file.getvalue(), file.name)
    refused |= not state.did(keep)
if files and not refused:
    # A fresh uploader: the photos are ours now and stand in the strip below.
    state.keep(f"round-{ad.id}", state.remember(f"round-{ad.id}", 0) + 1)
    st.rerun()
if ad.photos:
    removed = components.board(
        f"photos-{ad.id}",
        [widgets.tile_of(p, p.details.get("name", "photo")) for p in ad.photos],
        layout="strip",
        removable=person.may_change and not ad.working,
    )
    if removed and state.did(lambda: act.remove_photo(person, ad.id, str(removed))):
        st.rerun()
count = len(ad.photos)
if count and ad.provider == "offline":
    note = "1 photo becomes six pictures" if count == 1 else f"{count} photos become six pictures"
elif ad.provider == "offline":
    note = f"Without photos, offline pictures are {without_photos()}"
elif not count:
    note = "Six views of one product, in one style"
elif "photo" in load_model(model).inputs.values():
    note = f"Six pictures, guided by {count} photo{'' if count == 1 else 's'}"
else:
    note = "This model does not look at your photos"

asked = plans.prompts(ad, prompt, model)
shape = Aspect(aspect or ad.aspect)


def offer_plan() -> None:
    """What can be read first."""
    if not asked.prompts:
        plans.offer(
            ad,
            JobKind.PLAN,
            "Write the prompts first",
            lambda: act.start_plan(person, ad.id, prompt, aspect=shape),
            "The six prompts only, to read and change before any picture is made.",
        )


price = act.estimate(JobKind.IMAGES, ad.provider, model, 6, plan=asked.prompts is None)
begin = partial(act.start_images, person, ad.id, prompt, model=model, aspect=shape)
if widgets.next_bar(
    note,
    words.priced("Generate 6 new images" if ad.images else "Generate 6 images", price),
    disabled=ad.working,
    quiet=widgets.retry_first(ad),
    beside=offer_plan,
    do=partial(begin, prompts=asked.prompts, seed=asked.seed),
):
    state.go("images", ad.id)
