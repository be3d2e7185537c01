"""Frozen data every room speaks: stages, views, prompts, scenes, the cut's options."""

from __future__ import annotations

import unicodedata
from datetime import UTC, date, datetime
from decimal import Decimal
from enum import StrEnum
from typing import Annotated, Any
from zoneinfo import available_timezones

from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Field,
    StringConstraints,
    field_validator,
)

from adgen.errors import InputRejected

PROMPT_MIN = 3
PROMPT_MAX = 2000
TITLE_MAX = 300
IMAGES_NEEDED = 4
IMAGES_TO_APPROVE = 2
CLIPS_NEEDED = 2
CLIPS_TO_APPROVE = 1
SEED_MIN, SEED_MAX = 100_000, 999_999


class Value(BaseModel):
    """Base of all our data: checked once when made, never changed after."""

    model_config = ConfigDict(frozen=True)


class Stage(StrEnum):
    """Where an ad is. Working stages have a job; the others wait for a person."""

    CREATED = "created"
    PROMPT_PARSING = "prompt_parsing"
    IMAGE_GENERATION = "image_generation"
    IMAGE_SELECTION = "image_selection"
    CLIP_GENERATION = "clip_generation"
    CLIP_SELECTION = "clip_selection"
    FINAL_COMPOSITION = "final_composition"
    COMPLETE = "complete"
    FAILED = "failed"


WORKING = frozenset(
    {
        Stage.PROMPT_PARSING,
        Stage.IMAGE_GENERATION,
        Stage.CLIP_GENERATION,
        Stage.FINAL_COMPOSITION,
    }
)


class JobKind(StrEnum):
    """What a durable run makes; also the word for the step in pages and pipeline."""

    IMAGES = "images"
    CLIPS = "clips"
    VIDEO = "video"
    DRAFT = "draft"
    ANIMATIC = "animatic"
    PLAN = "plan"
    SCENES = "scenes"

    @property
    def is_preview(self) -> bool:
        """Whether it only shows what a film would be: free, and the ad stays where it is."""
        return self in (JobKind.DRAFT, JobKind.ANIMATIC)

    @property
    def is_plan(self) -> bool:
        """Whether it only asks for the words of what is made next; the ad stays where it is."""
        return self in (JobKind.PLAN, JobKind.SCENES)

    @property
    def is_aside(self) -> bool:
        """Whether the ad stays at its stage while this runs and when it ends."""
        return self.is_preview or self.is_plan


class JobStatus(StrEnum):
    """Life of a run; the first two are live."""

    QUEUED = "queued"
    RUNNING = "running"
    DONE = "done"
    FAILED = "failed"
    CANCELLED = "cancelled"


class AssetType(StrEnum):
    """Kinds of files an ad owns. `photo` and `music` are uploads; the rest is made.

    A preview is a small film to look at before the real one: a draft or an animatic.
    """

    PHOTO = "photo"
    MUSIC = "music"
    IMAGE = "image"
    CLIP = "clip"
    VIDEO = "video"
    PREVIEW = "preview"


class View(StrEnum):
    """The six views of one product (spec, section 4)."""

    FRONT = "front"
    SIDE = "side"
    BACK = "back"
    TOP = "top"
    DETAIL = "detail"
    LIFESTYLE = "lifestyle"


class RejectReason(StrEnum):
    """Why a picture or clip was rejected, as one key says it."""

    PRODUCT = "wrong product"
    TEXT = "garbled text"
    BRAND = "off brand"
    FLAW = "flaw"


class Aspect(StrEnum):
    """Frame shapes of the finished ad."""

    WIDE = "16:9"
    TALL = "9:16"
    SQUARE = "1:1"
    PORTRAIT = "4:5"

    @property
    def size(self) -> tuple[int, int]:
        """Width and height of the final video, pixels."""
        return {
            Aspect.WIDE: (1920, 1080),
            Aspect.TALL: (1080, 1920),
            Aspect.SQUARE: (1080, 1080),
            Aspect.PORTRAIT: (1080, 1350),
        }[self]


class Genre(StrEnum):
    """Music moods shown to people."""

    UPBEAT = "upbeat"
    CALM = "calm"
    ENERGETIC = "energetic"
    HAPPY = "happy"
    NOSTALGIC = "nostalgic"
    TENDER = "tender"


ProductPrompt = Annotated[
    str, StringConstraints(strip_whitespace=True, min_length=PROMPT_MIN, max_length=PROMPT_MAX)
]


def _printable(text: str) -> str:
    """Without control characters, which no card can draw and Postgres cannot keep (NUL)."""
    return "".join(c for c in text if c in "\n\t" or unicodedata.category(c) != "Cc")


Title = Annotated[
    str,
    AfterValidator(_printable),
    StringConstraints(strip_whitespace=True, max_length=TITLE_MAX),
]


def _zoned(moment: datetime) -> datetime:
    """The moment in UTC; one that says no zone is in UTC already."""
    try:
        return moment.astimezone(UTC) if moment.tzinfo else moment.replace(tzinfo=UTC)
    except OverflowError:
        raise ValueError("that is outside of the years 1 to 9999") from None


Moment = Annotated[datetime, AfterValidator(_zoned)]


class ImagePrompt(Value):
    view: View
    prompt: str = Field(min_length=1, max_length=4000)


class PromptPlan(Value):
    """What prompt_parser makes of a brief; `prompts` are the six views in `View` order."""

    product: str = Field(min_length=1, max_length=300)
    style_keywords: tuple[str, ...] = ()
    prompts: tuple[ImagePrompt, ...] = Field(min_length=6, max_length=6)


class SceneWords(Value):
    """How one image moves: words, motion from 0 (still) to 1, and a length."""

    description: str = Field(min_length=1, max_length=2000)
    motion_intensity: float = Field(ge=0, le=1)
    duration_seconds: float = Field(ge=2, le=5)


class Scene(SceneWords):
    """How one approved image moves. `image` counts approved images from 1."""

    image: int = Field(ge=1)
    image_id: str = ""


class Transition(StrEnum):
    """How one clip gives way to the next; the names are xfade's, and `cut` is none."""

    FADE = "fade"
    DISSOLVE = "dissolve"
    BLACK = "fadeblack"
    WIPE = "wipeleft"
    SLIDE = "slideleft"
    SMOOTH = "smoothleft"
    ZOOM = "zoomin"
    CUT = "cut"


class Fill(StrEnum):
    """What stands beside a clip of another shape than the film."""

    PAD = "pad"
    BLUR = "blur"


class TextOverlay(Value):
    """Words on the film: name on the intro, call to action on the outro, and a lower third.

    The lower third comes `lower_start` seconds after the intro card and stays `lower_seconds`.
    """

    product_name: Title = ""
    cta: Title = ""
    lower_third: Title = ""
    lower_start: float = Field(0.5, ge=0, le=120)
    lower_seconds: float = Field(3.0, ge=0.5, le=60)


class CutChoices(Value):
    """How the film is put together. The defaults are the spec's (section 10).

    `music_volume` is 0..1 and holds as it is unless `loudness` asks for -14 LUFS. `clip_audio`
    keeps the clips' own sound under the music; `smooth` interpolates clips of few frames.
    """

    transition: Transition = Transition.FADE
    transition_seconds: float = Field(0.5, ge=0.1, le=1.5)
    music_volume: float = Field(0.7, ge=0, le=1)
    loudness: bool = False
    clip_audio: bool = False
    smooth: bool = False
    fill: Fill = Fill.PAD


class Font(StrEnum):
    """The typefaces for cards; all ship with the app under the OFL."""

    NOTO_SANS = "noto-sans"
    MANROPE = "manrope"
    LATO = "lato"
    PLAYFAIR = "playfair-display"
    OSWALD = "oswald"


Colour = Annotated[str, StringConstraints(pattern=r"^#[0-9A-Fa-f]{6}$")]


class Brand(Value):
    """A team's look: card background and the ink on it, typeface, usual call to action, logo.

    `logo_key` is a storage key of a PNG.
    """

    background: Colour = "#000000"
    ink: Colour = "#FFFFFF"
    font: Font = Font.NOTO_SANS
    cta: Title = "Shop now"
    logo_key: str = ""


class AudioChoice(Value):
    """Background music: a piece of the library, or the person's own uploaded file.

    `track` is the piece's id; None is the one of the genre that the ad's seed picks.
    """

    enabled: bool = True
    genre: Genre | None = Genre.UPBEAT
    track: str | None = None
    own_asset_id: str | None = None


class Role(StrEnum):
    """What a person may do with the ads of their team."""

    ADMIN = "admin"  # everything, in every team
    EDITOR = "editor"  # make and change ads, and spend
    VIEWER = "viewer"  # look
    ANALYST = "analyst"  # look, and see the costs of every team


class Person(Value):
    """Who acts, and in which team."""

    id: int
    email: str
    role: Role
    team_id: int
    team: str = ""

    @property
    def may_change(self) -> bool:
        """Whether they may do more than look."""
        return self.role in (Role.ADMIN, Role.EDITOR)

    @property
    def sees_all_costs(self) -> bool:
        """Whether the costs of other teams are shown to them too."""
        return self.role in (Role.ADMIN, Role.ANALYST)

    def may_see(self, team_id: int) -> bool:
        """Whether a team's ads are shown to them."""
        return self.role is Role.ADMIN or self.team_id == team_id


# The worker and the live messages act for whoever asked; that was decided before.
SYSTEM = Person(id=0, email="system", role=Role.ADMIN, team_id=0)


class TokenInfo(Value):
    """A token of a person's for scripts, without the token itself."""

    id: int
    name: str
    created_at: datetime
    expires_at: datetime | None
    used_at: datetime | None


class AuditEvent(Value):
    """Something that cost money, opened a door or changed a right."""

    id: int
    at: datetime
    email: str
    action: str
    session_id: str | None
    details: dict[str, Any]


class AssetInfo(Value):
    """A file of an ad as people see it; money in US dollars, times in seconds.

    `changes` are sentences on what was changed since it was made. `removed` says why its file is
    gone, when it is.
    """

    id: str
    session_id: str
    asset_type: AssetType
    url: str
    content_type: str
    slot: int
    cost: Decimal
    model_used: str
    generation_time: Decimal
    created_at: datetime
    details: dict[str, Any] = Field(default_factory=dict)
    changes: tuple[str, ...] = ()
    removed: str = ""

    @property
    def stale(self) -> bool:
        """Whether what it was made from is no longer what is chosen; `changes` says what."""
        return bool(self.changes)


class JobInfo(Value):
    """A run as people see it.

    `slots` maps a slot number to queued (here), starting (a hosted model waits for a machine),
    running, retrying, done or failed; `percent` is 0..100. `changes` counts its reports: words of
    a run may arrive after a state that was read later.
    """

    id: str
    kind: JobKind
    status: JobStatus
    done: int
    total: int
    percent: int
    message: str
    error: str | None
    slots: dict[str, str]
    estimated_cost: Decimal | None
    changes: int = 0

    def follows(self, other: JobInfo | None) -> bool:
        """Whether it is the same run, later."""
        return other is not None and other.id == self.id and other.changes < self.changes

    @property
    def live(self) -> bool:
        """Whether it still works or waits to."""
        return self.status in (JobStatus.QUEUED, JobStatus.RUNNING)


class AdSort(StrEnum):
    """In which order the library shows its ads; cost is the highest first."""

    NEWEST = "newest"
    OLDEST = "oldest"
    CHANGED = "changed"
    NAME = "name"
    COST = "cost"


class AdFilter(Value):
    """Which ads a person asks for, and in which order.

    All words of `search` stand in the name or the product. No `stages` are all of them, `owner`
    is an e-mail address. Made at `since` or later, and before `until`; without a zone that is
    UTC. `archived` None is both.
    """

    search: str = ""
    stages: tuple[Stage, ...] = ()
    owner: str = ""
    since: Moment | None = None
    until: Moment | None = None
    archived: bool | None = False
    sort: AdSort = AdSort.NEWEST


# The library as it opens.
ACTIVE_ADS = AdFilter()


class AdSummary(Value):
    """One card of the library."""

    id: str
    title: str
    stage: Stage
    failed_stage: Stage | None
    total_cost: Decimal
    owner: str
    created_at: datetime
    updated_at: datetime
    archived_at: datetime | None
    poster_id: str | None
    video_id: str | None
    demo: bool = False


class AdFacts(Value):
    """What is known and decided about one ad. Lists of ids keep the order people chose.

    `shapes` are those of the last films asked for, `preview_failures` says by kind why the newest
    attempt at a preview failed. `marks` (approved or rejected), `reject_reasons` and `remarks` go
    by asset id, `seeds` of regenerated takes by "image/2". `budget` is what it may
    cost, US dollars.
    """

    owner: str
    user_id: int
    team_id: int
    stage: Stage
    title: str
    product_prompt: str
    video_prompt: str
    consistency_seed: int | None
    style_keywords: tuple[str, ...]
    generated_image_ids: tuple[str, ...]
    approved_image_ids: tuple[str, ...]
    generated_clip_ids: tuple[str, ...]
    approved_clip_ids: tuple[str, ...]
    clip_order: tuple[str, ...]
    final_video_id: str | None
    total_cost: Decimal
    budget: Decimal
    created_at: datetime
    updated_at: datetime
    provider: str
    image_model: str
    clip_model: str
    aspect: Aspect
    product: str
    prompts: tuple[ImagePrompt, ...]
    scenes: tuple[Scene, ...]
    marks: dict[str, str]
    reject_reasons: dict[str, str]
    remarks: dict[str, str]
    seeds: dict[str, int]
    archived_at: datetime | None
    demo: bool
    drafts: dict[str, Any]
    text_overlay: TextOverlay
    audio: AudioChoice
    cut: CutChoices
    shapes: tuple[Aspect, ...]
    failed_stage: Stage | None
    failure: str | None
    notes: tuple[str, ...]
    hold: str | None
    preview_failures: dict[str, str]
    job: JobInfo | None


class AdState(AdFacts):
    """Everything about one ad at one moment: its facts and its files.

    `videos` are the newest film of each shape, the first of them `final_video`; `previews` has
    the newest draft and animatic by kind. `images` and `clips` are the takes in use, at most one
    a slot; `image_takes` and `clip_takes` are all, by slot and age.
    """

    id: str
    photos: tuple[AssetInfo, ...]
    images: tuple[AssetInfo, ...]
    clips: tuple[AssetInfo, ...]
    image_takes: tuple[AssetInfo, ...]
    clip_takes: tuple[AssetInfo, ...]
    final_video: AssetInfo | None
    videos: tuple[AssetInfo, ...]
    previews: dict[str, AssetInfo]

    @property
    def working(self) -> bool:
        """Whether a run is going on for it."""
        return self.job is not None and self.job.live

    @property
    def missing(self) -> tuple[JobKind, list[int]] | None:
        """What the last run should have made and did not: its kind and slots.

        None when nothing is missing, or while a run goes on.
        """
        if self.working:
            return None
        at = self.failed_stage or self.stage
        if at is Stage.FINAL_COMPOSITION:
            at_work = self.job.slots if self.job and self.job.kind is JobKind.VIDEO else {}
            unmade = [slot for slot in range(len(self.shapes)) if at_work.get(str(slot)) != "done"]
            return JobKind.VIDEO, unmade or [0]
        if at in (Stage.IMAGE_GENERATION, Stage.IMAGE_SELECTION):
            kind, wanted, have = JobKind.IMAGES, [*range(len(View))], self.images
        elif at in (Stage.CLIP_GENERATION, Stage.CLIP_SELECTION):
            kind, have = JobKind.CLIPS, self.clips
            wanted = [image.slot for image in self.approved_images]
        else:
            return None
        made = {asset.slot for asset in have if not asset.stale}
        slots = [slot for slot in wanted if slot not in made]
        return (kind, slots) if slots else None

    def seed_of(self, kind: JobKind, slot: int) -> int:
        """The seed of the next picture or clip of a slot.

        Each clip has its own, so that an order that was lost is known again by it.
        """
        stage, spread = ("image", 0) if kind is JobKind.IMAGES else ("clip", 10 * slot)
        return self.seeds.get(f"{stage}/{slot}", (self.consistency_seed or 0) + spread)

    def image(self, asset_id: str) -> AssetInfo | None:
        """The current picture with this id."""
        return next((a for a in self.images if a.id == asset_id), None)

    @property
    def approved_images(self) -> tuple[AssetInfo, ...]:
        """The pictures chosen for clips, in the order they were made."""
        return tuple(a for a in self.images if a.id in self.approved_image_ids)

    @property
    def ordered_clips(self) -> tuple[AssetInfo, ...]:
        """The approved clips in the order of the film."""
        by_id = {clip.id: clip for clip in self.clips}
        return tuple(by_id[i] for i in self.clip_order if i in by_id)


class ShareInfo(Value):
    """A link for whoever has it to look at an ad; `made_by` is an address, empty when unknown."""

    id: str
    made_by: str
    created_at: datetime
    expires_at: datetime
    opened: int
    shows_cost: bool


class Scope(StrEnum):
    """Whose money a budget counts. The ad's and everyone's are the spec's."""

    AD = "ad"
    TEAM = "team"
    ALL = "all"


class Budget(Value):
    """A budget and how it stands, US dollars.

    `amount` None is no line; `own` whether somebody set it, else it is the usual one. `held` is
    what live runs and calls of unknown outcome may still cost.
    """

    scope: Scope
    subject: str
    name: str = ""
    amount: Decimal | None
    own: bool = False
    spent: Decimal = Decimal(0)
    held: Decimal = Decimal(0)

    @property
    def left(self) -> Decimal:
        """What may still be promised; Infinity without a line."""
        if self.amount is None:
            return Decimal("Infinity")
        return max(self.amount - self.spent - self.held, Decimal(0))


class AlertInfo(Value):
    """A budget of which `percent` were spent, in words."""

    id: int
    scope: Scope
    subject: str
    percent: int
    words: str
    created_at: datetime
    snoozed: bool = False


class CostEntry(Value):
    """One call of the ledger. `cost_usd` is None while it is unknown."""

    id: int
    session_id: str
    agent_name: str
    model_used: str
    cost_usd: Decimal | None
    duration_seconds: Decimal
    success: bool | None
    error_message: str | None
    unit: str
    quantity: Decimal | None
    created_at: datetime


class Comparison(Value):
    """A step's estimates, which are None when one was unknown, and what its calls came to.

    `unpriced` calls are in neither.
    """

    step: str
    estimated: Decimal | None
    actual: Decimal
    unpriced: int


class CostSummary(Value):
    """What an ad cost: the sum, by agent, by model, and every call."""

    session_id: str
    total_cost: Decimal
    by_agent: dict[str, Decimal]
    by_model: dict[str, Decimal]
    unpriced: int
    entries: tuple[CostEntry, ...]


class Outcome(StrEnum):
    """How a call ended, or that it has not yet."""

    MADE = "made"
    FAILED = "failed"
    RUNNING = "running"


class SpendFilter(Value):
    """Which calls are asked for; empty is all of them.

    Days are those of `zone`, an IANA name; `until` is the last one that counts. People are e-mail
    addresses, teams names, models refs, agents as the ledger names them.
    """

    since: date | None = None
    until: date | None = None
    people: tuple[str, ...] = ()
    teams: tuple[str, ...] = ()
    models: tuple[str, ...] = ()
    agents: tuple[str, ...] = ()
    outcomes: tuple[Outcome, ...] = ()
    demo: bool = False
    zone: str = "UTC"

    @field_validator("since")
    @classmethod
    def _since_the_first(cls, day: date | None) -> date | None:
        return min(day, _LAST_DAY) if day and day > _FIRST_DAY else None

    @field_validator("until")
    @classmethod
    def _until_the_last(cls, day: date | None) -> date | None:
        return max(day, _FIRST_DAY) if day and day < _LAST_DAY else None

    @classmethod
    def of_zone(cls, zone: str, **rest: Any) -> SpendFilter:
        """One with days of this zone. Raises InputRejected when there is no such zone."""
        if zone not in available_timezones():
            raise InputRejected(f"{zone[:64]} is no time zone. Name one such as Europe/Berlin.")
        return cls(zone=zone, **rest)


# Earlier and later there is nothing, and calendars end.
_FIRST_DAY, _LAST_DAY = date(2000, 1, 1), date(2200, 1, 1)
