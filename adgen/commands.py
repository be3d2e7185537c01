"""What a person may do. Pages, REST and the command line all act through these functions.

Each checks who asks, the stage and the input, reserves money and enqueues, in one transaction:
a refused command changes nothing, a committed one is never lost.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from decimal import Decimal
from typing import Any

from pydantic import TypeAdapter, ValidationError
from sqlalchemy.orm import Session

from adgen.config import settings
from adgen.domain import (
    CLIPS_TO_APPROVE,
    IMAGES_TO_APPROVE,
    PROMPT_MAX,
    PROMPT_MIN,
    TITLE_MAX,
    WORKING,
    AdState,
    AdSummary,
    Aspect,
    AssetInfo,
    AssetType,
    AudioChoice,
    Brand,
    CostEntry,
    CostSummary,
    CutChoices,
    JobKind,
    JobStatus,
    Person,
    ProductPrompt,
    Stage,
    TextOverlay,
    Value,
    View,
)
from adgen.errors import InputRejected, NotFound, NotSignedIn, TooManyTries, WrongStage
from adgen.jobs import CUTS, STAGES, Runs
from adgen.providers import cards, catalogue, music, photos
from adgen.providers.storage import storage
from adgen.store import assets, brands, costs, jobs, sessions, users
from adgen.store.assets import NewAsset
from adgen.store.database import Database, notify, notify_run
from adgen.store.holds import lift_hold
from adgen.store.tables import AdSession

PHOTOS_MAX = 6
DRAFT_MAX = 20_000
MARKS = ("approved", "rejected")
# What a page may keep of a film's choices before they are used.
FILM_DRAFTS = (
    *("product_name", "cta", "lower_third", "lower_start", "lower_seconds"),
    *("music", "own_music", "shapes", "transition"),
    *("transition_seconds", "music_volume", "loudness", "clip_audio", "smooth", "fill"),
)
_PROMPT: TypeAdapter[str] = TypeAdapter(ProductPrompt)

# The durable run behind each kind, by its registered name, and where it waits.
_RUNS = {
    JobKind.IMAGES: ("make_images", STAGES),
    JobKind.CLIPS: ("make_clips", STAGES),
    JobKind.VIDEO: ("make_video", CUTS),
    JobKind.DRAFT: ("make_preview", CUTS),
    JobKind.ANIMATIC: ("make_preview", CUTS),
}


class Started(Value):
    """A run that was accepted. `estimated_cost` is None when a price is unknown."""

    session_id: str
    job_id: str
    stage: Stage
    estimated_cost: Decimal | None


class Commands:
    """The commands on one database. Holds connections, no state of its own."""

    def __init__(self, database: Database) -> None:
        self.database = database
        self._runs = Runs(database.url)

    # Sign-in

    def sign_in(self, email: str, password: str) -> tuple[str, Person]:
        """A login token and who it is for. Raises NotSignedIn, TooManyTries."""
        with self.database.begin() as db:
            if (wait := users.seconds_to_wait(db, email)) > 0:
                raise TooManyTries(
                    f"Too many wrong passwords. Try again in {max(1, round(wait))} seconds."
                )
            person = users.check_password(db, email, password)
            token = users.add_login(db, person.id) if person else ""
        # Outside the transaction: a wrong password is counted, not rolled back.
        if person is None:
            raise NotSignedIn("That e-mail and password do not match.")
        return token, person

    def sign_in_by_link(self, link: str) -> tuple[str, Person]:
        """As `sign_in`, with a one-time link in place of a password."""
        with self.database.begin() as db:
            person = users.use_link(db, link)
            if person is None:
                raise NotSignedIn(
                    "This sign-in link was used or is too old. Sign in with your password."
                )
            return users.add_login(db, person.id), person

    def sign_out(self, token: str) -> None:
        """The token is dead from now on."""
        with self.database.begin() as db:
            users.remove_login(db, token)

    def who(self, token: str | None) -> Person | None:
        """Who the token belongs to, or None."""
        with self.database.begin() as db:
            return users.find_login(db, token)

    # Reading

    def list_ads(
        self, person: Person, *, search: str = "", limit: int = 24, offset: int = 0
    ) -> list[AdSummary]:
        """The person's ads, newest first."""
        with self.database.begin() as db:
            return sessions.list_ads(db, person, search=search, limit=limit, offset=offset)

    def count_ads(self, person: Person, *, search: str = "") -> int:
        """How many ads `list_ads` has in all."""
        with self.database.begin() as db:
            return sessions.count_ads(db, person, search=search)

    def load_ad(self, person: Person, session_id: str) -> AdState:
        """The whole state of an ad. Raises NotFound."""
        with self.database.begin() as db:
            return sessions.load_state(db, person, session_id)

    def load_costs(self, person: Person, session_id: str) -> CostSummary:
        """The ad's ledger. Raises NotFound."""
        with self.database.begin() as db:
            sessions.load_ad(db, person, session_id)
            return costs.load_costs(db, session_id)

    def list_costs(self, person: Person) -> list[CostEntry]:
        """The newest calls the person may see, newest first."""
        with self.database.begin() as db:
            return costs.list_costs(db, person)

    def total_spent(self, person: Person) -> Decimal:
        """What the ads the person may see cost in all, US dollars."""
        with self.database.begin() as db:
            return costs.total_spent(db, person)

    def load_file(self, person: Person, asset_id: str) -> tuple[AssetInfo, str]:
        """A file the person may see, and its storage key. Raises NotFound."""
        with self.database.begin() as db:
            row = assets.load_asset(db, asset_id)
            sessions.load_ad(db, person, row.session_id)
            return assets.info(row), row.storage_key

    # The brief

    def create_ad(self, person: Person) -> AdState:
        """A new empty ad with the default models of the provider in use."""
        provider = settings().provider
        with self.database.begin() as db:
            ad = sessions.add_ad(
                db,
                person,
                provider=provider,
                image_model=catalogue.default_model("image", provider).ref,
                clip_model=catalogue.default_model("clip", provider).ref,
            )
            return sessions.load_state(db, person, ad.id)

    def rename_ad(self, person: Person, session_id: str, title: str) -> None:
        """Give the ad a name of its own."""
        with self._change(person, session_id) as (_, ad):
            ad.title = _title(title, "name of the ad")

    def save_draft(self, person: Person, session_id: str, name: str, value: str | None) -> None:
        """Keep what a person typed or chose but has not used yet; None forgets it."""
        if value is not None and len(value) > DRAFT_MAX:
            return
        with self._change(person, session_id, busy=True) as (_, ad):
            kept = {k: v for k, v in ad.drafts.items() if k != name}
            ad.drafts = kept if value is None else {**kept, name: value.replace("\x00", "")}

    def add_photo(self, person: Person, session_id: str, data: bytes, name: str) -> str:
        """Keep a product photo; gives its asset id. Raises InputRejected with what would do."""
        photo = photos.read_photo(data, name)
        stored = storage().put(photo.data, "image/jpeg")
        with self._change(person, session_id) as (db, ad):
            present = assets.list_assets(db, session_id, AssetType.PHOTO)
            same = [row for row in present if row.storage_key == stored.key]
            if same:
                return same[0].id
            if len(present) >= PHOTOS_MAX:
                raise InputRejected(
                    f"An ad takes up to {PHOTOS_MAX} photos. Remove one to add another."
                )
            return assets.add_asset(
                db,
                ad.id,
                NewAsset(
                    asset_type=AssetType.PHOTO,
                    storage_key=stored.key,
                    content_type=stored.content_type,
                    size_bytes=stored.size_bytes,
                    slot=max((row.slot for row in present), default=-1) + 1,
                    details={
                        "width": photo.width,
                        "height": photo.height,
                        "focus": list(photo.focus),
                        "name": name[:200],
                    },
                ),
            )

    def add_sample_photos(self, person: Person, session_id: str) -> None:
        """Put the sample product's photos into the brief."""
        for name, data in photos.sample_photos():
            self.add_photo(person, session_id, data, name)

    def remove_photo(self, person: Person, session_id: str, asset_id: str) -> None:
        """Take a photo out of the brief; pictures already made from it stay."""
        with self._change(person, session_id) as (db, _):
            [row] = assets.load_assets(db, session_id, [asset_id])
            if row.asset_type != AssetType.PHOTO:
                raise NotFound("That photo does not exist.")
            db.delete(row)

    # Images

    def start_images(
        self,
        person: Person,
        session_id: str,
        product_prompt: str,
        *,
        model: str | None = None,
        aspect: Aspect | None = None,
    ) -> Started:
        """Plan and make six pictures. Raises InputRejected, WrongStage, BudgetExceeded."""
        prompt = check_prompt(product_prompt, "product")
        with self._change(person, session_id) as (db, ad):
            if model:
                ad.image_model = _choice(model, "image", ad.provider)
            ad.product_prompt = prompt
            ad.title = ad.title or prompt[:80]
            ad.aspect = (aspect or Aspect(ad.aspect)).value
            ad.prompts, ad.notes = [], []
            _forget_drafts(ad, "product_prompt", "aspect", "image_model")
            return self._start(db, ad, JobKind.IMAGES, list(range(len(View))), plan=True)

    def set_marks(
        self,
        person: Person,
        session_id: str,
        marks: Mapping[str, str],
        order: Sequence[str] | None = None,
    ) -> None:
        """Keep what was approved or rejected so far, and the order of the clips, as people go.

        `marks` is the whole picture: what it does not name is undecided. Other ads' ids are
        ignored.
        """
        with self._change(person, session_id, busy=True) as (_, ad):
            own = {*ad.generated_image_ids, *ad.generated_clip_ids}
            shown = {i: m for i, m in marks.items() if i in own and m in MARKS}
            ad.marks = shown
            if order is not None:
                ad.clip_order = [i for i in dict.fromkeys(order) if shown.get(i) == "approved"]

    def approve_images(self, person: Person, session_id: str, ids: Sequence[str]) -> AdState:
        """Choose the pictures that become clips: at least two of this ad's. Raises 422."""
        chosen = list(dict.fromkeys(ids))
        with self._change(person, session_id) as (db, ad):
            _require_own(chosen, ad.generated_image_ids, "picture")
            if len(chosen) < IMAGES_TO_APPROVE:
                raise InputRejected(f"Approve at least {IMAGES_TO_APPROVE} pictures to go on.")
            ad.approved_image_ids = [i for i in ad.generated_image_ids if i in chosen]
            ad.marks = _with_approved(ad.marks, ad.generated_image_ids, chosen)
            if ad.stage == Stage.FAILED and ad.failed_stage == Stage.IMAGE_GENERATION:
                ad.stage, ad.failure, ad.failed_stage = Stage.IMAGE_SELECTION.value, None, None
            db.flush()
            return sessions.load_state(db, person, session_id)

    # Clips

    def start_clips(
        self, person: Person, session_id: str, video_prompt: str, *, model: str | None = None
    ) -> Started:
        """Plan scenes and make a clip of each approved picture that has no current one."""
        prompt = check_prompt(video_prompt, "video")
        with self._change(person, session_id) as (db, ad):
            if len(ad.approved_image_ids) < IMAGES_TO_APPROVE:
                raise WrongStage(f"Approve at least {IMAGES_TO_APPROVE} pictures first.")
            if model:
                ad.clip_model = _choice(model, "clip", ad.provider)
            _forget_drafts(ad, "video_prompt", "clip_model")
            changed = ad.video_prompt != prompt
            ad.video_prompt = prompt
            db.flush()
            planned = {scene.get("image_id") for scene in ad.scenes}
            plan = changed or planned != set(ad.approved_image_ids)
            if plan:
                ad.scenes = []
            return self._start(db, ad, JobKind.CLIPS, self._clip_slots(db, person, ad), plan=plan)

    def _clip_slots(self, db: Session, person: Person, ad: AdSession) -> list[int]:
        """Slots of approved pictures without a current clip; all of them when none lacks one."""
        state = sessions.load_state(db, person, ad.id)
        current = {clip.slot for clip in state.clips if not clip.stale}
        slots = [image.slot for image in state.approved_images]
        return [slot for slot in slots if slot not in current] or slots

    def approve_clips(
        self,
        person: Person,
        session_id: str,
        ids: Sequence[str],
        order: Sequence[str] | None = None,
    ) -> AdState:
        """Choose the clips of the film and their order: at least one of this ad's."""
        chosen = list(dict.fromkeys(ids))
        with self._change(person, session_id) as (db, ad):
            _require_own(chosen, ad.generated_clip_ids, "clip")
            if len(chosen) < CLIPS_TO_APPROVE:
                raise InputRejected("Approve at least one clip to go on.")
            if order is not None and set(order) != set(chosen):
                raise InputRejected("The order must name exactly the approved clips.")
            ad.approved_clip_ids = chosen
            ad.clip_order = list(dict.fromkeys(order)) if order is not None else chosen
            ad.marks = _with_approved(ad.marks, ad.generated_clip_ids, chosen)
            if ad.stage == Stage.FAILED and ad.failed_stage == Stage.CLIP_GENERATION:
                ad.stage, ad.failure, ad.failed_stage = Stage.CLIP_SELECTION.value, None, None
            db.flush()
            return sessions.load_state(db, person, session_id)

    # The film

    def add_music(self, person: Person, session_id: str, data: bytes, name: str) -> str:
        """Keep the person's own music file; gives its asset id. Raises InputRejected."""
        content_type, seconds = music.read_music(data, name)
        stored = storage().put(data, content_type)
        with self._change(person, session_id) as (db, _):
            return assets.add_asset(
                db,
                session_id,
                NewAsset(
                    asset_type=AssetType.MUSIC,
                    storage_key=stored.key,
                    content_type=content_type,
                    size_bytes=stored.size_bytes,
                    details={"name": name[:200], "duration_seconds": seconds},
                ),
            )

    def keep_own_music(self, person: Person, session_id: str, data: bytes, name: str) -> str:
        """As `add_music`, and remember it as the choice for the next film."""
        asset_id = self.add_music(person, session_id, data, name)
        self.save_draft(person, session_id, "own_music", asset_id)
        return asset_id

    def start_video(
        self,
        person: Person,
        session_id: str,
        overlay: TextOverlay,
        audio: AudioChoice,
        *,
        shapes: Sequence[Aspect] = (),
        cut: CutChoices | None = None,
    ) -> Started:
        """Cut the approved clips, cards and music into a film of each of these shapes.

        The first shape is the main one; without any it is the ad's own. `cut` None keeps the
        ad's choices.
        """
        with self._change(person, session_id) as (db, ad):
            self._choose_film(db, ad, overlay, audio, shapes, cut)
            return self._start(db, ad, JobKind.VIDEO, list(range(len(ad.shapes))), plan=False)

    def start_draft(
        self,
        person: Person,
        session_id: str,
        overlay: TextOverlay,
        audio: AudioChoice,
        *,
        shapes: Sequence[Aspect] = (),
        cut: CutChoices | None = None,
    ) -> Started:
        """As `start_video`, small, quick and free: the first shape only, to look at."""
        with self._change(person, session_id) as (db, ad):
            self._choose_film(db, ad, overlay, audio, shapes, cut)
            return self._start(db, ad, JobKind.DRAFT, [0], plan=False)

    def start_animatic(self, person: Person, session_id: str) -> Started:
        """The approved pictures with camera moves, cards and music: free, before any clip."""
        with self._change(person, session_id) as (db, ad):
            if len(ad.approved_image_ids) < IMAGES_TO_APPROVE:
                raise WrongStage(f"Approve at least {IMAGES_TO_APPROVE} pictures first.")
            return self._start(db, ad, JobKind.ANIMATIC, [0], plan=False)

    @staticmethod
    def _choose_film(
        db: Session,
        ad: AdSession,
        overlay: TextOverlay,
        audio: AudioChoice,
        shapes: Sequence[Aspect],
        cut: CutChoices | None,
    ) -> None:
        if not ad.clip_order:
            raise WrongStage("Approve at least one clip first.")
        if audio.enabled and audio.own_asset_id:
            [own] = assets.load_assets(db, ad.id, [audio.own_asset_id])
            if own.asset_type != AssetType.MUSIC:
                raise InputRejected("That file is not music.")
        if audio.enabled and not audio.own_asset_id and audio.genre is None:
            raise InputRejected("Choose a music genre, or switch the music off.")
        ad.text_overlay = overlay.model_dump(mode="json")
        ad.audio = audio.model_dump(mode="json")
        ad.shapes = [shape.value for shape in dict.fromkeys(shapes)] or [ad.aspect]
        ad.cut = (cut or CutChoices.model_validate(ad.cut)).model_dump(mode="json")
        _forget_drafts(ad, *FILM_DRAFTS)

    # The brand

    def load_brand(self, person: Person) -> Brand:  # noqa: ARG002 -- one team until there are more
        """How the team's films look."""
        with self.database.begin() as db:
            return brands.load_brand(db)

    def save_brand(
        self, person: Person, brand: Brand, logo: tuple[bytes, str] | None = None
    ) -> Brand:
        """Use this look from now on; `logo` is a new one as (bytes, file name)."""
        if person.role in ("viewer", "analyst"):
            raise NotFound("You may look at the brand, but not change it.")
        if logo:
            kept = storage().put(cards.read_logo(*logo), "image/png")
            brand = brand.model_copy(update={"logo_key": kept.key})
        elif brand.logo_key:
            # Whatever a client sends, the only other logo is the present one.
            present = self.load_brand(person).logo_key
            brand = brand.model_copy(update={"logo_key": present})
        with self.database.begin() as db:
            brands.save_brand(db, brand)
        return brand

    # Runs

    def retry(self, person: Person, session_id: str) -> Started:
        """Make what a failed or stopped run left out, and only that."""
        with self._change(person, session_id) as (db, ad):
            missing = sessions.load_state(db, person, session_id).missing
            if missing is None:
                raise WrongStage("There is nothing to retry.")
            kind, slots = missing
            planned = {JobKind.IMAGES: ad.prompts, JobKind.CLIPS: ad.scenes}.get(kind, True)
            return self._start(db, ad, kind, slots, plan=not planned)

    def cancel(self, person: Person, session_id: str) -> AdState:
        """Stop the ad's run. What is finished is kept; the ad goes back to its last choice."""
        with self._change(person, session_id, busy=True) as (db, ad):
            job = jobs.latest_job(db, session_id)
            if job is None or job.status not in jobs.LIVE:
                raise WrongStage("Nothing is running for this ad.")
            jobs.finish_job(db, job.id, JobStatus.CANCELLED, "Stopped. What was made is kept.")
            if not JobKind(job.kind).is_preview:
                ad.stage = _resting_stage(ad).value
            db.flush()
            state = sessions.load_state(db, person, session_id)
        self._runs.cancel([job.id, *(jobs.slot_run(job.id, int(slot)) for slot in job.slots)])
        return state

    def estimate(
        self, stage: JobKind, provider: str, model: str, count: int, *, plan: bool = True
    ) -> Decimal | None:
        """What a run would cost in US dollars; None when a price is unknown."""
        specs = [*_planners(stage, provider, plan), *[catalogue.load_model(model)] * count]
        prices = [spec.expected_cost for spec in specs]
        if any(price is None for price in prices):
            return None
        return sum((p for p in prices if p is not None), Decimal(0))

    def close(self) -> None:
        """Give the connections back."""
        self._runs.close()

    @contextmanager
    def _change(
        self, person: Person, session_id: str, *, busy: bool = False
    ) -> Iterator[tuple[Session, AdSession]]:
        """One transaction on the locked ad; refuses a busy ad unless `busy`."""
        if person.role in ("viewer", "analyst"):
            raise NotFound("That ad does not exist, or you may not change it.")
        with self.database.begin() as db:
            ad = sessions.load_ad(db, person, session_id, lock=True)
            if not busy and Stage(ad.stage) in WORKING:
                raise WrongStage("This ad is busy already. Wait for it, or cancel it first.")
            yield db, ad
            notify(db, session_id)

    def _start(
        self, db: Session, ad: AdSession, kind: JobKind, slots: list[int], *, plan: bool
    ) -> Started:
        model = {
            JobKind.IMAGES: ad.image_model,
            JobKind.CLIPS: ad.clip_model,
            JobKind.VIDEO: catalogue.default_model("video", ad.provider).ref,
        }.get(kind) or catalogue.default_model("draft", ad.provider).ref
        estimate = self.estimate(kind, ad.provider, model, len(slots), plan=plan)
        most = _most(_planners(kind, ad.provider, plan), model, len(slots))
        config = settings()
        reserved = costs.reserve(
            db, ad.id, most, config.session_budget_usd, config.total_budget_usd
        )
        if kind in (JobKind.IMAGES, JobKind.CLIPS):
            # Somebody wants to go on: the first order shows whether the account does.
            lift_hold(db, ad.provider)
        if not kind.is_preview:
            ad.stage = _working_stage(kind, plan).value
            ad.failure = ad.failed_stage = None
        job_id = jobs.add_job(
            db,
            ad.id,
            kind,
            slots=slots,
            message="Waiting for a free place...",
            estimate=estimate,
            reserved=reserved,
        )
        name, queue = _RUNS[kind]
        self._runs.enqueue(db, job_id, name, queue, job_id)
        notify_run(db, queue)
        return Started(
            session_id=ad.id, job_id=job_id, stage=Stage(ad.stage), estimated_cost=estimate
        )


def _planners(kind: JobKind, provider: str, plan: bool) -> list[catalogue.ModelSpec]:
    """The language model that plans a run of this kind, if it is planned."""
    words: dict[JobKind, catalogue.StageWord] = {
        JobKind.IMAGES: "brief",
        JobKind.CLIPS: "storyboard",
    }
    return [catalogue.default_model(words[kind], provider)] if plan and kind in words else []


def _most(planners: Sequence[catalogue.ModelSpec], model: str, count: int) -> Decimal:
    """The most a run may come to: a plan asked for twice, and the dearest stand-ins.

    What has no known price cannot be reserved.
    """
    specs = [*planners, *planners, *[catalogue.load_model(model)] * count]
    return sum((_dearest(spec) for spec in specs), Decimal(0))


def _dearest(spec: catalogue.ModelSpec) -> Decimal:
    chain = [spec, *map(catalogue.load_model, spec.fallbacks)]
    return max((one.expected_cost or Decimal(0) for one in chain), default=Decimal(0))


def _working_stage(kind: JobKind, plan: bool) -> Stage:
    if kind is JobKind.IMAGES:
        return Stage.PROMPT_PARSING if plan else Stage.IMAGE_GENERATION
    return Stage.CLIP_GENERATION if kind is JobKind.CLIPS else Stage.FINAL_COMPOSITION


def _resting_stage(ad: AdSession) -> Stage:
    """Where a person can go on from what the ad has."""
    if Stage(ad.stage) is Stage.FINAL_COMPOSITION and ad.final_video_id:
        return Stage.COMPLETE
    if Stage(ad.stage) in (Stage.CLIP_GENERATION, Stage.FINAL_COMPOSITION):
        return Stage.CLIP_SELECTION if ad.generated_clip_ids else Stage.IMAGE_SELECTION
    return Stage.IMAGE_SELECTION if ad.generated_image_ids else Stage.CREATED


def _with_approved(
    marks: dict[str, Any], shown: Sequence[str], chosen: Sequence[str]
) -> dict[str, Any]:
    """Marks after an approval: the chosen are approved, formerly approved ones are open again."""
    kept = {k: v for k, v in marks.items() if k not in shown or v == "rejected"}
    return {**kept, **dict.fromkeys(chosen, "approved")}


def _forget_drafts(ad: AdSession, *names: str) -> None:
    """What was used is no draft any more."""
    ad.drafts = {name: value for name, value in ad.drafts.items() if name not in names}


def _require_own(chosen: Sequence[str], present: Sequence[str], what: str) -> None:
    if foreign := [i for i in chosen if i not in present]:
        raise InputRejected(f"This ad has no {what} {foreign[0][:40]}.")


def _choice(model: str, stage: catalogue.StageWord, provider: str) -> str:
    choices = [spec.ref for spec in catalogue.list_models(stage, provider)]
    if model not in choices:
        raise InputRejected(f"{model[:80]} cannot be used here. Choose one of {choices}.")
    return model


def check_prompt(text: str, what: str) -> str:
    """The prompt, trimmed. Raises InputRejected when it is too short or too long."""
    try:
        # NUL cannot be stored in Postgres text, and no one means to type it.
        return _PROMPT.validate_python(text.replace("\x00", ""))
    except ValidationError:
        length = len(text.strip())
        if length < PROMPT_MIN:
            raise InputRejected(
                f"The {what} prompt needs at least {PROMPT_MIN} characters. "
                "Describe it in a few words, such as “pink tennis shoes”."
            ) from None
        raise InputRejected(
            f"The {what} prompt has {length:,} characters; the most is {PROMPT_MAX:,}. Shorten it."
        ) from None


def _title(text: str, what: str) -> str:
    title = " ".join(text.replace("\x00", "").split())
    if not title or len(title) > TITLE_MAX:
        raise InputRejected(f"The {what} needs 1 to {TITLE_MAX} characters.")
    return title
