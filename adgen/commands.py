"""What a person may do. Pages, REST and the command line all act through these functions.

Each checks who asks, the stage and the input, reserves money and enqueues, in one transaction:
a refused command changes nothing, a committed one is never lost.
"""

from __future__ import annotations

import re
import secrets
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from decimal import Decimal
from typing import Any

from pydantic import TypeAdapter, ValidationError
from sqlalchemy.orm import Session

from adgen import prices
from adgen.config import settings
from adgen.domain import (
    ACTIVE_ADS,
    CLIPS_TO_APPROVE,
    IMAGES_TO_APPROVE,
    PROMPT_MAX,
    PROMPT_MIN,
    SEED_MAX,
    SEED_MIN,
    TITLE_MAX,
    WORKING,
    AdFilter,
    AdState,
    AdSummary,
    AlertInfo,
    Aspect,
    AssetInfo,
    AssetType,
    AudioChoice,
    AuditEvent,
    Brand,
    Budget,
    Comparison,
    CostSummary,
    CutChoices,
    ImagePrompt,
    JobKind,
    JobStatus,
    Person,
    ProductPrompt,
    RejectReason,
    Role,
    Scene,
    SceneWords,
    Scope,
    ShareInfo,
    Stage,
    TextOverlay,
    TokenInfo,
    Value,
    View,
)
from adgen.errors import (
    AdgenError,
    InputRejected,
    NotAllowed,
    NotFound,
    NotSignedIn,
    TooManyTries,
    WrongStage,
)
from adgen.jobs import CUTS, STAGES, Runs, whose
from adgen.memory import States, Waits
from adgen.news import News
from adgen.prices import Step
from adgen.providers import cards, catalogue, music, photos
from adgen.providers.redis import Redis
from adgen.providers.storage import storage
from adgen.snapshots import Snapshots
from adgen.spending import Spending
from adgen.store import (
    alerts,
    assets,
    audit,
    brands,
    budgets,
    costs,
    jobs,
    once,
    predictions,
    sessions,
    shares,
    tokens,
    users,
)
from adgen.store.assets import NewAsset
from adgen.store.database import EVERY_AD, Database, notify, notify_run
from adgen.store.holds import lift_hold
from adgen.store.moments import Moment, present
from adgen.store.once import Once
from adgen.store.secrets import REDIS, shared_secret
from adgen.store.shares import Shared
from adgen.store.tables import AdSession, now

PHOTOS_MAX = 6
PASSWORD_MIN, PASSWORD_MAX = 8, 1000
# Twelve characters: enough until the person chooses their own.
FIRST_PASSWORD_BYTES = 9
# How long after a company's sign-in it still opens the door, and how far clocks may differ.
CLAIMS_LAST_S, _CLOCKS_APART_S = 300, 60
BUDGET_MAX = 1_000_000
EMAIL_MAX, TEAM_MAX, TOKEN_NAME_MAX = 320, 64, 100
_EMAIL = re.compile(r"[^@\s\x00-\x1f]+@[^@\s\x00-\x1f]+")
DRAFT_MAX = 20_000
MARKS = ("approved", "rejected")
REMARK_MAX = 1000
# How long a link to an ad may work.
SHARE_DAYS = (1, 7, 30)
# Seeds of further takes: far enough from those of other slots, which a lost clip is known by.
_SEED_STEP = {JobKind.IMAGES: 1, JobKind.CLIPS: 100}
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
    JobKind.PLAN: ("make_plan", STAGES),
    JobKind.SCENES: ("make_plan", STAGES),
}


# The call that is being answered now, when its sender gave it a key.
_ONCE: ContextVar[Once | None] = ContextVar("once", default=None)


class Started(Value):
    """A run that was accepted. `estimated_cost` is None when a price is unknown."""

    session_id: str
    job_id: str
    stage: Stage
    estimated_cost: Decimal | None


class Commands(Spending):
    """The commands on one database. Holds connections, no state of its own."""

    def __init__(self, database: Database) -> None:
        self.database = database
        self._runs = Runs(database.url)
        self.news = News(database)
        self.redis = self._open_redis()
        self._waits = Waits(self.redis)
        self._snapshots = Snapshots(self.news, States(self.redis) if self.redis else None)

    def _open_redis(self) -> Redis | None:
        url = settings().redis_url
        if url is None:
            return None
        with self.database.begin() as db:
            return Redis(url.get_secret_value(), shared_secret(db, REDIS))

    # Sign-in

    def sign_in(self, email: str, password: str, address: str = "") -> tuple[str, Person]:
        """A login token and who it is for; `address` is where the person comes from.

        Raises NotSignedIn, and TooManyTries after wrong passwords for this account or from this
        address: each one slows down the next, none locks out for good.
        """
        _require_patience(self._waits.left(email.lower(), address))
        with self.database.begin() as db:
            for_account = users.seconds_to_wait(db, email)
            for_address = users.address_must_wait(db, address)
            self._waits.note(email.lower(), for_account)
            self._waits.note(address, for_address)
            _require_patience(max(for_account, for_address))
            person = users.check_password(db, email, password)
            token = users.add_login(db, person.id, address) if person else ""
            users.count_try(db, address, right=person is not None)
        # Outside the transaction: a wrong password is counted, not rolled back.
        if person is None:
            raise NotSignedIn("That e-mail and password do not match.")
        return token, person

    def sign_in_by_link(self, link: str, address: str = "") -> tuple[str, Person]:
        """As `sign_in`, with a one-time link in place of a password."""
        with self.database.begin() as db:
            person = users.use_link(db, link)
            if person is None:
                raise NotSignedIn(
                    "This sign-in link was used or is too old. Sign in with your password."
                )
            return users.add_login(db, person.id, address), person

    def admit(self, claims: Mapping[str, Any]) -> str:
        """A link token for whoever a company's sign-in names; it signs in once.

        `claims` are those of its ID token, whose signature has been checked. Each token counts
        once, and not for long; "" for one that does not any more. Raises NotSignedIn, saying why.
        """
        if not time.time() - CLAIMS_LAST_S < claims["iat"] < time.time() + _CLOCKS_APART_S:
            return ""
        if claims.get("email_verified") is not True:
            raise NotSignedIn("Your company does not vouch for your e-mail address.")
        email = check_email(str(claims.get("email", "")))
        key = " ".join(str(claims.get(name)) for name in ("iss", "sub", "iat", "nonce"))
        with self.database.begin() as db:
            person = users.find_user(db, email) or self._newcomer(db, email)
            return users.add_link(db, person.id) if users.spend(db, person.id, key) else ""

    @staticmethod
    def _newcomer(db: Session, email: str) -> Person:
        """Somebody of an allowed domain becomes an editor; nobody knows their password."""
        config = settings()
        if email.rpartition("@")[2] not in config.company_domains:
            raise NotSignedIn(f"{email} may not use this installation. Ask an admin to add you.")
        password = secrets.token_urlsafe(32)
        person = users.add_user(db, email, password, Role.EDITOR, config.oidc_team)
        # Two sign-ins at once: whoever came second finds the first one's user.
        person = person or users.find_user(db, email)
        assert person is not None  # noqa: S101
        audit.note(db, person, "person added", who=email, role=person.role, team=person.team)
        return person

    def sign_out(self, token: str) -> None:
        """The token is dead from now on, whichever kind it is."""
        with self.database.begin() as db:
            users.remove_login(db, token)
            tokens.end_token(db, token)

    def sign_out_everywhere(self, person: Person) -> None:
        """End every login of this person, in all browsers."""
        with self.database.begin() as db:
            users.remove_logins(db, person.id)
            audit.note(db, person, "signed out everywhere")

    def who(self, token: str | None) -> Person | None:
        """Who the login or the person's own token belongs to, or None."""
        if not token:
            return None
        with self.database.begin() as db:
            if token.startswith(tokens.PREFIX):
                return tokens.find_token(db, token)
            return users.find_login(db, token)

    # Tokens, people and what they did

    def add_token(
        self, person: Person, name: str, days: int | None = None
    ) -> tuple[TokenInfo, str]:
        """A token for the person's scripts; its words are given this once only."""
        with self.database.begin() as db:
            made, token = tokens.add_token(
                db, person, _title(name, "name of the token", TOKEN_NAME_MAX), days
            )
            audit.note(db, person, "token made", token=made.id, name=made.name)
            return made, token

    def list_tokens(self, person: Person) -> list[TokenInfo]:
        """The person's tokens that work, newest first."""
        with self.database.begin() as db:
            return tokens.list_tokens(db, person)

    def revoke_token(self, person: Person, token_id: int) -> None:
        """The token is dead from now on. Raises NotFound."""
        with self.database.begin() as db:
            ended = tokens.revoke_token(db, person, token_id)
            audit.note(db, person, "token revoked", token=ended.id, name=ended.name)

    def list_people(self, person: Person) -> list[Person]:
        """Everyone, for admins. Raises NotAllowed."""
        _require_admin(person)
        with self.database.begin() as db:
            return users.list_users(db)

    def add_person(
        self, person: Person, email: str, role: Role, team: str, password: str | None = None
    ) -> tuple[Person, str]:
        """Somebody new, and their first password, which is made unless it is given.

        Raises NotAllowed, and InputRejected for what is no address, or is somebody's already.
        """
        _require_admin(person)
        address, team = check_email(email), _team_name(team)
        password = password or secrets.token_urlsafe(FIRST_PASSWORD_BYTES)
        check_password(password)
        with self.database.begin() as db:
            added = users.add_user(db, address, password, role, team)
            if added is None:
                raise InputRejected(f"{address} is a user already.")
            audit.note(db, person, "person added", who=added.email, role=role, team=team)
            return added, password

    def change_person(
        self, person: Person, email: str, *, role: Role | None = None, team: str | None = None
    ) -> Person:
        """Give somebody another role or team. Raises NotAllowed, NotFound, InputRejected."""
        _require_admin(person)
        if email.lower() == person.email and role not in (None, Role.ADMIN):
            raise InputRejected("You cannot take the admin role from yourself. Ask another admin.")
        team = None if team is None else _team_name(team)
        with self.database.begin() as db:
            changed = users.change_user(db, email, role=role, team=team)
            audit.note(
                db,
                person,
                "rights changed",
                who=changed.email,
                role=changed.role,
                team=changed.team,
            )
            return changed

    def renew_password(self, person: Person, email: str) -> str:
        """A new password for somebody, told only now; their logins end. Raises NotAllowed."""
        _require_admin(person)
        password = secrets.token_urlsafe(FIRST_PASSWORD_BYTES)
        with self.database.begin() as db:
            users.set_password(db, email, password)
            audit.note(db, person, "password renewed", who=email.lower())
        return password

    def change_password(self, person: Person, current: str, new: str) -> None:
        """Use another password from now on; every login ends.

        Raises InputRejected when the current one is wrong or the new one too short, and
        TooManyTries as `sign_in` does.
        """
        check_password(new)
        with self.database.begin() as db:
            _require_patience(users.seconds_to_wait(db, person.email))
            right = users.check_password(db, person.email, current) is not None
            if right:
                users.set_password(db, person.email, new)
                audit.note(db, person, "password changed")
        # Outside the transaction: a wrong password is counted, not rolled back.
        if not right:
            raise InputRejected("The current password is another one.")

    def list_audit(
        self,
        person: Person,
        *,
        email: str = "",
        action: str = "",
        limit: int = 100,
        offset: int = 0,
    ) -> list[AuditEvent]:
        """What cost money, opened a door or changed a right, newest first. Raises NotAllowed.

        Only of one person, or of one kind, when they are named.
        """
        _require_admin(person)
        with self.database.begin() as db:
            return audit.list_events(db, email=email, action=action, limit=limit, offset=offset)

    def count_audit(self, person: Person, *, email: str = "", action: str = "") -> int:
        """How many events `list_audit` has in all."""
        _require_admin(person)
        with self.database.begin() as db:
            return audit.count_events(db, email=email, action=action)

    def audit_choices(self, person: Person) -> tuple[list[str], list[str]]:
        """Whom and what `list_audit` can be narrowed to: addresses, and kinds of action."""
        _require_admin(person)
        with self.database.begin() as db:
            return audit.list_actors(db), audit.list_actions(db)

    def once(
        self, person: Person, key: str | None, request: Sequence[str], start: Callable[[], Started]
    ) -> Started:
        """What `start` gives; sent again with the same key it is not done again.

        `request` (method, path, body) tells it from another call. The answer is kept in the
        transaction of the start itself, so a crash between the two cannot make it happen twice.
        """
        if not key:
            return start()
        call = Once.of(person.id, key, *request)
        if (told := self._answer(call)) is None:
            kept = _ONCE.set(call)
            try:
                return start()
            except AdgenError:
                # The same call may have been a moment earlier, and this one found the ad busy.
                if (told := self._answer(call)) is None:
                    raise
            finally:
                _ONCE.reset(kept)
        return Started.model_validate(told)

    def _answer(self, call: Once) -> dict[str, Any] | None:
        with self.database.begin() as db:
            return once.find_answer(db, call)

    # Reading

    def list_ads(
        self,
        person: Person,
        wanted: AdFilter = ACTIVE_ADS,
        *,
        limit: int = 24,
        offset: int = 0,
    ) -> list[AdSummary]:
        """The ads the person may see and asks for."""
        with self.database.begin() as db:
            return sessions.list_ads(db, person, wanted, limit=limit, offset=offset)

    def count_ads(self, person: Person, wanted: AdFilter = ACTIVE_ADS) -> int:
        """How many ads `list_ads` has in all."""
        with self.database.begin() as db:
            return sessions.count_ads(db, person, wanted)

    def list_owners(self, person: Person) -> list[str]:
        """The e-mail addresses of those whose ads the person may see."""
        with self.database.begin() as db:
            return sessions.list_owners(db, person)

    def load_ad(self, person: Person, session_id: str) -> AdState:
        """The whole state of an ad. Raises NotFound."""
        with self.database.begin() as db:
            return sessions.load_state(db, person, session_id)

    def watch_ad(self, person: Person, session_id: str) -> AdState:
        """As `load_ad`, for those who ask all the time: kept until something changes."""

        def load(with_moment: bool) -> tuple[Moment | None, AdState]:
            with self.database.begin() as db:
                moment = present(db) if with_moment else None
                return moment, sessions.load_state(db, person, session_id)

        state = self._snapshots.load(session_id, load)
        if not person.may_see(state.team_id):
            raise NotFound("That ad does not exist.")
        return state

    def is_latest(self, ad: AdState) -> bool:
        """Whether `watch_ad` would give this very state again, without asking the database."""
        return self._snapshots.is_latest(ad)

    def load_costs(self, person: Person, session_id: str) -> CostSummary:
        """The ad's ledger. Raises NotFound."""
        with self.database.begin() as db:
            sessions.load_ad(db, person, session_id)
            return costs.load_costs(db, session_id)

    def compare_costs(self, person: Person, session_id: str) -> list[Comparison]:
        """What each step was estimated at and what it came to. Raises NotFound."""
        with self.database.begin() as db:
            sessions.load_ad(db, person, session_id)
            return costs.compare_costs(db, session_id)

    def why_failed(self, person: Person, session_id: str, kind: JobKind) -> dict[int, str]:
        """Why pictures or clips of the newest run failed, by slot; the newest reason is last."""
        stage = "image" if kind is JobKind.IMAGES else "clip"
        with self.database.begin() as db:
            sessions.load_ad(db, person, session_id)
            job = jobs.latest_job(db, session_id)
            return predictions.slot_errors(db, job.id, stage) if job else {}

    def list_budgets(self, person: Person) -> list[Budget]:
        """Everyone's budget, that of each ad, and those of the teams whose costs they see."""
        with self.database.begin() as db:
            return budgets.list_budgets(db, None if person.sees_all_costs else person.team_id)

    def set_budget(
        self, person: Person, scope: Scope, subject: str, amount: Decimal | None
    ) -> Budget:
        """Let so much be spent from now on, US dollars; None for the usual amount.

        `subject` is the id of an ad or a team, "" for each that has no budget of its own. What
        was spent or begun stays. Raises NotAllowed, InputRejected, NotFound.
        """
        _require_admin(person)
        if amount is not None and not (amount.is_finite() and 0 <= amount <= BUDGET_MAX):
            raise InputRejected(f"A budget is an amount from $0 to ${BUDGET_MAX:,}.")
        subject = "" if scope is Scope.ALL else subject.replace("\x00", "")
        with self.database.begin() as db:
            budget = budgets.set_budget(db, scope, subject, amount)
            audit.note(
                db,
                person,
                "budget changed",
                subject if scope is Scope.AD and subject else None,
                scope=scope.value,
                team=budget.name or None,
                amount=budget.amount,
            )
            notify(db, EVERY_AD)
            return budget

    def list_alerts(
        self, person: Person, session_id: str | None = None, *, snoozed: bool = False
    ) -> list[AlertInfo]:
        """The budgets that are mostly spent and concern this person, the fullest first.

        Of ads' budgets that of `session_id` only, with None those of all.
        """
        with self.database.begin() as db:
            return alerts.list_alerts(db, person, session_id, snoozed=snoozed)

    def snooze_alert(self, person: Person, alert_id: int, days: int | None) -> None:
        """Say no more of it to this person for some days, None for ever. Raises NotFound."""
        with self.database.begin() as db:
            alerts.snooze(db, person, alert_id, days)

    def load_file(self, person: Person, asset_id: str) -> tuple[AssetInfo, str]:
        """A file the person may see, and its storage key. Raises NotFound, Removed."""
        with self.database.begin() as db:
            row = assets.load_asset(db, asset_id)
            sessions.load_ad(db, person, row.session_id)
            return assets.info(row), assets.key_of(row)

    def load_files(
        self, person: Person, session_id: str, ids: Sequence[str]
    ) -> dict[str, tuple[AssetInfo, str]]:
        """As `load_file`, for several files of one ad, by id."""
        with self.database.begin() as db:
            sessions.load_ad(db, person, session_id)
            rows = assets.load_assets(db, session_id, ids)
            return {row.id: (assets.info(row), assets.key_of(row)) for row in rows}

    # Sharing

    def share_ad(
        self, person: Person, session_id: str, *, days: int = 7, shows_cost: bool = False
    ) -> tuple[ShareInfo, str]:
        """A link for whoever has it to look at the ad, and its token, which is told only now."""
        if days not in SHARE_DAYS:
            raise InputRejected("A link works for 1, 7 or 30 days.")
        with self._change(person, session_id, busy=True) as (db, ad):
            made, token = shares.add_share(db, ad.id, person, days, shows_cost=shows_cost)
            audit.note(db, person, "shared", ad.id, link=made.id, days=days, costs=shows_cost)
            return made, token

    def list_shares(self, person: Person, session_id: str) -> list[ShareInfo]:
        """The links to the ad that work, newest first. Raises NotFound."""
        with self.database.begin() as db:
            sessions.load_ad(db, person, session_id)
            return shares.list_shares(db, session_id)

    def revoke_share(self, person: Person, session_id: str, link_id: str) -> None:
        """The link is dead from now on."""
        with self._change(person, session_id, busy=True) as (db, ad):
            shares.revoke_share(db, ad.id, link_id)
            audit.note(db, person, "share withdrawn", ad.id, link=link_id)

    def open_share(self, token: str, *, counted: bool = False) -> Shared:
        """Who reads what by this link; `counted` as a look at it. Raises NotFound."""
        with self.database.begin() as db:
            shared = shares.load_share(db, token)
            if counted:
                shares.count_opening(db, shared.link_id)
            return shared

    # The brief

    def create_ad(self, person: Person) -> AdState:
        """A new empty ad with the default models of the provider in use."""
        if not person.may_change:
            raise NotAllowed("You may look at your team's ads, but not make one.")
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
        """Give the ad a name of its own. Raises InputRejected."""
        with self._change(person, session_id, busy=True) as (_, ad):
            ad.title = _title(title, "name of the ad")

    def archive_ad(self, person: Person, session_id: str) -> None:
        """Take the ad out of the library's usual view; nothing of it is lost. Not a busy one."""
        with self._change(person, session_id) as (db, ad):
            job = jobs.latest_job(db, session_id)
            if job and job.status in jobs.LIVE:
                raise WrongStage("Something is being made for this ad. Wait for it, or stop it.")
            ad.archived_at = ad.archived_at or now()

    def restore_ad(self, person: Person, session_id: str) -> None:
        """Bring an archived ad back into the library."""
        with self._change(person, session_id, busy=True) as (_, ad):
            ad.archived_at = None

    def duplicate_ad(self, person: Person, session_id: str) -> AdState:
        """A new ad that begins with all of this one's choices, pictures and clips, at no cost."""
        with self._change(person, session_id, busy=True) as (db, ad):
            _require_real(ad)
            copy = sessions.copy_ad(db, person, ad)
            return sessions.load_state(db, person, copy.id)

    def save_draft(self, person: Person, session_id: str, name: str, value: str | None) -> None:
        """Keep what a person typed or chose but has not used yet; None forgets it."""
        if value is not None and len(value) > DRAFT_MAX:
            return
        with self._change(person, session_id, busy=True) as (_, ad):
            kept = {k: v for k, v in ad.drafts.items() if k != name}
            ad.drafts = kept if value is None else {**kept, name: value.replace("\x00", "")}

    def add_photo(self, person: Person, session_id: str, data: bytes, name: str) -> str:
        """Keep a product photo; gives its asset id. Raises InputRejected with what would do."""
        self._require_change(person, session_id)
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
                        "name": photos.shown_name(name),
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

    def start_plan(
        self,
        person: Person,
        session_id: str,
        product_prompt: str,
        *,
        aspect: Aspect | None = None,
    ) -> Started:
        """Write the six prompts and stop there, so that a person can read and change them."""
        prompt = check_prompt(product_prompt, "product")
        with self._change(person, session_id) as (db, ad):
            _describe(ad, prompt, aspect)
            _forget_drafts(ad, *(f"prompt_{view}" for view in View))
            ad.prompts, ad.notes = [], []
            return self._start(db, person, ad, JobKind.PLAN, [0], plan=True)

    def start_images(
        self,
        person: Person,
        session_id: str,
        product_prompt: str,
        *,
        model: str | None = None,
        aspect: Aspect | None = None,
        prompts: Mapping[View, str] | None = None,
        seed: int | None = None,
    ) -> Started:
        """Plan and make six pictures. Raises InputRejected, WrongStage, BudgetExceeded.

        With `prompts` they are made from these words, and nothing is planned. `seed` None keeps
        the ad's.
        """
        prompt = check_prompt(product_prompt, "product")
        with self._change(person, session_id) as (db, ad):
            if model:
                ad.image_model = _choice(model, "image", ad.provider)
            _describe(ad, prompt, aspect)
            ad.notes = []
            before = (ad.prompts, ad.consistency_seed)
            ad.prompts = _worded(prompts) if prompts else []
            ad.consistency_seed = _seed(seed) if seed is not None else ad.consistency_seed
            if ad.generated_image_ids and before == (ad.prompts, ad.consistency_seed):
                # The same words and seed would only give the same pictures once more.
                ad.consistency_seed = _seed_after(ad.consistency_seed, JobKind.IMAGES)
            ad.seeds = {k: v for k, v in ad.seeds.items() if not k.startswith("image/")}
            _forget_drafts(ad, "image_model", "seed", *(f"prompt_{view}" for view in View))
            every = list(range(len(View)))
            return self._start(db, person, ad, JobKind.IMAGES, every, plan=not ad.prompts)

    def set_marks(
        self,
        person: Person,
        session_id: str,
        marks: Mapping[str, str],
        order: Sequence[str] | None = None,
        *,
        reasons: Mapping[str, str] | None = None,
    ) -> None:
        """Keep what was decided just now, as people go.

        `marks` are changes by asset id: approved, rejected, or anything else for undecided; what
        it does not name stays, so that two tabs do not undo each other. `order` is given when
        clips were moved; newly approved ones come last. `reasons` go with rejections. Other ads'
        ids are ignored.
        """
        with self._change(person, session_id, busy=True) as (_, ad):
            own = {*ad.generated_image_ids, *ad.generated_clip_ids}
            changed = {i: m for i, m in marks.items() if i in own}
            ad.marks = {i: m for i, m in {**ad.marks, **changed}.items() if m in MARKS}
            why = {**dict.fromkeys(changed, ""), **(reasons or {})}
            known = set(RejectReason)
            ad.reject_reasons = {
                i: reason
                for i, reason in {**ad.reject_reasons, **why}.items()
                if ad.marks.get(i) == "rejected" and reason in known
            }
            clips = {i for i in ad.generated_clip_ids if ad.marks.get(i) == "approved"}
            wanted = [*(ad.clip_order if order is None else order), *changed]
            ad.clip_order = [i for i in dict.fromkeys([*wanted, *ad.clip_order]) if i in clips]

    def write_remark(self, person: Person, session_id: str, asset_id: str, text: str) -> None:
        """Keep a person's note on one of the ad's pictures or clips; empty words remove it."""
        words = text.replace("\x00", "").strip()
        if len(words) > REMARK_MAX:
            raise InputRejected(
                f"The note has {len(words):,} characters; the most is {REMARK_MAX:,}. Shorten it."
            )
        with self._change(person, session_id, busy=True) as (db, ad):
            assets.load_assets(db, session_id, [asset_id])
            kept = {k: v for k, v in ad.remarks.items() if k != asset_id}
            ad.remarks = {**kept, asset_id: words} if words else kept

    def regenerate(
        self,
        person: Person,
        session_id: str,
        kind: JobKind,
        slot: int,
        *,
        text: str | None = None,
        seed: int | None = None,
    ) -> Started:
        """Make one more take of one picture or clip; the takes before stay.

        `text` are new words for its prompt or scene. With the words and the seed of the take
        before it would be the same again, so the seed moves on by itself then.
        """
        if kind not in (JobKind.IMAGES, JobKind.CLIPS):
            raise InputRejected("Only a picture or a clip can be made again by itself.")
        with self._change(person, session_id) as (db, ad):
            state = sessions.load_state(db, person, session_id)
            images = kind is JobKind.IMAGES
            if images and not (ad.prompts and slot in range(len(View))):
                raise WrongStage("Generate the pictures first.")
            if not images and slot not in [image.slot for image in state.approved_images]:
                raise WrongStage("Approve its picture first, then make its clip.")
            changed = text is not None and _reword(ad, state, slot, text, images=images)
            made = [take.slot for take in (state.image_takes if images else state.clip_takes)]
            name = f"{'image' if images else 'clip'}/{slot}"
            if seed is not None:
                ad.seeds = {**ad.seeds, name: _seed(seed)}
            elif slot in made and not changed:
                ad.seeds = {**ad.seeds, name: _seed_after(state.seed_of(kind, slot), kind)}
            unplanned = not images and not _all_planned(ad)
            return self._start(db, person, ad, kind, [slot], plan=unplanned)

    def bring_back(self, person: Person, session_id: str, asset_id: str) -> AdState:
        """Put an earlier take of a picture or clip back into its slot, with its words and seed."""
        with self._change(person, session_id) as (db, ad):
            [row] = assets.load_assets(db, session_id, [asset_id])
            images = row.asset_type == AssetType.IMAGE
            if not images and row.asset_type != AssetType.CLIP:
                raise InputRejected("Only pictures and clips have takes.")
            assets.require_files(row)
            takes = assets.list_assets(db, session_id, AssetType(row.asset_type))
            assets.put_in_slot(ad, row, takes)
            said, state = row.details, sessions.load_state(db, person, session_id)
            if images and ad.prompts and said.get("prompt"):
                _reword(ad, state, row.slot, str(said["prompt"]), images=True)
            elif not images and said.get("description"):
                _reword(ad, state, row.slot, str(said["description"]), images=False)
            if said.get("seed"):
                ad.seeds = {**ad.seeds, f"{row.asset_type}/{row.slot}": int(said["seed"])}
            db.flush()
            return sessions.load_state(db, person, session_id)

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

    def start_scenes(self, person: Person, session_id: str, video_prompt: str) -> Started:
        """Write a scene for each approved picture and stop there, to be read and changed."""
        prompt = check_prompt(video_prompt, "video")
        with self._change(person, session_id) as (db, ad):
            self._direct(ad, prompt)
            ad.scenes = []
            return self._start(db, person, ad, JobKind.SCENES, [0], plan=True)

    def start_clips(
        self,
        person: Person,
        session_id: str,
        video_prompt: str,
        *,
        model: str | None = None,
        scenes: Mapping[str, SceneWords] | None = None,
    ) -> Started:
        """Plan scenes and make a clip of each approved picture that has no current one.

        `scenes` are a person's own, by picture id; pictures that have one are not planned again.
        """
        prompt = check_prompt(video_prompt, "video")
        with self._change(person, session_id) as (db, ad):
            if model:
                ad.clip_model = _choice(model, "clip", ad.provider)
            self._direct(ad, prompt)
            if scenes:
                _direct_scenes(ad, scenes)
            _forget_drafts(ad, "clip_model")
            db.flush()
            plan = not _all_planned(ad)
            slots, again = self._clip_slots(db, person, ad)
            if again and not plan:
                state = sessions.load_state(db, person, session_id)
                ad.seeds = ad.seeds | {
                    f"clip/{slot}": _seed_after(state.seed_of(JobKind.CLIPS, slot), JobKind.CLIPS)
                    for slot in slots
                }
            return self._start(db, person, ad, JobKind.CLIPS, slots, plan=plan)

    @staticmethod
    def _direct(ad: AdSession, prompt: str) -> None:
        """Take the words for the movement; scenes that do not fit them any more are dropped."""
        if len(ad.approved_image_ids) < IMAGES_TO_APPROVE:
            raise WrongStage(f"Approve at least {IMAGES_TO_APPROVE} pictures first.")
        fits = ad.video_prompt == prompt
        ad.scenes = [s for s in ad.scenes if fits and s.get("image_id") in ad.approved_image_ids]
        ad.video_prompt = prompt
        _forget_drafts(ad, *[name for name in ad.drafts if name.startswith("scene_")])
        _forget_drafts(ad, "video_prompt")

    @staticmethod
    def _clip_slots(db: Session, person: Person, ad: AdSession) -> tuple[list[int], bool]:
        """Slots of approved pictures without a current clip.

        All of them, and True, when none lacks one: they are wanted once more.
        """
        state = sessions.load_state(db, person, ad.id)
        current = {clip.slot for clip in state.clips if not clip.stale}
        slots = [image.slot for image in state.approved_images]
        lacking = [slot for slot in slots if slot not in current]
        return lacking or slots, not lacking

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
            assets.require_files(*assets.load_assets(db, session_id, chosen))
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
        self._require_change(person, session_id)
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
                    details={"name": photos.shown_name(name), "duration_seconds": seconds},
                ),
            )

    def keep_own_music(self, person: Person, session_id: str, data: bytes, name: str) -> str:
        """As `add_music`, and remember it as the choice for the next film."""
        asset_id = self.add_music(person, session_id, data, name)
        self.save_draft(person, session_id, "own_music", asset_id)
        return asset_id

    def remove_music(self, person: Person, session_id: str, asset_id: str) -> None:
        """Take the person's own music out of the ad, unless its film has it. Raises WrongStage."""
        with self._change(person, session_id) as (db, ad):
            [row] = assets.load_assets(db, session_id, [asset_id])
            if row.asset_type != AssetType.MUSIC:
                raise NotFound("That music does not exist.")
            if AudioChoice.model_validate(ad.audio or {}).own_asset_id == asset_id:
                raise WrongStage("The film has this music. Choose other music for the film first.")
            ad.drafts = {k: v for k, v in ad.drafts.items() if v != asset_id}
            db.delete(row)

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
            return self._start(
                db, person, ad, JobKind.VIDEO, list(range(len(ad.shapes))), plan=False
            )

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
            return self._start(db, person, ad, JobKind.DRAFT, [0], plan=False)

    def start_animatic(self, person: Person, session_id: str) -> Started:
        """The approved pictures with camera moves, cards and music: free, before any clip."""
        with self._change(person, session_id) as (db, ad):
            if len(ad.approved_image_ids) < IMAGES_TO_APPROVE:
                raise WrongStage(f"Approve at least {IMAGES_TO_APPROVE} pictures first.")
            return self._start(db, person, ad, JobKind.ANIMATIC, [0], plan=False)

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
        assets.require_files(*assets.load_assets(db, ad.id, ad.clip_order))
        ad.text_overlay = overlay.model_dump(mode="json")
        ad.audio = _checked_music(db, ad, audio).model_dump(mode="json")
        ad.shapes = [shape.value for shape in dict.fromkeys(shapes)] or [ad.aspect]
        ad.cut = (cut or CutChoices.model_validate(ad.cut)).model_dump(mode="json")
        _forget_drafts(ad, *FILM_DRAFTS)

    # The brand

    def load_brand(self, person: Person, ad: AdState | None = None) -> Brand:
        """How films look: those of this ad's team, else of the person's own."""
        with self.database.begin() as db:
            return brands.load_brand(db, ad.team_id if ad else person.team_id)

    def save_brand(
        self, person: Person, brand: Brand, logo: tuple[bytes, str] | None = None
    ) -> Brand:
        """Use this look for the team from now on; `logo` is a new one as (bytes, file name)."""
        if not person.may_change:
            raise NotAllowed("You may look at the brand, but not change it.")
        if logo:
            kept = storage().put(cards.read_logo(*logo), "image/png")
            brand = brand.model_copy(update={"logo_key": kept.key})
        elif brand.logo_key:
            # Whatever a client sends, the only other logo is the present one.
            present = self.load_brand(person).logo_key
            brand = brand.model_copy(update={"logo_key": present})
        with self.database.begin() as db:
            brands.save_brand(db, person.team_id, brand)
        return brand

    # Runs

    def retry(self, person: Person, session_id: str) -> Started:
        """Make what a failed or stopped run left out, and only that."""
        with self._change(person, session_id) as (db, ad):
            missing = sessions.load_state(db, person, session_id).missing
            if missing is None:
                raise WrongStage("There is nothing to retry.")
            kind, slots = missing
            planned = bool(ad.prompts) if kind is JobKind.IMAGES else True
            planned = _all_planned(ad) if kind is JobKind.CLIPS else planned
            return self._start(db, person, ad, kind, slots, plan=not planned)

    def cancel(self, person: Person, session_id: str) -> AdState:
        """Stop the ad's run. What is finished is kept; the ad goes back to its last choice."""
        with self._change(person, session_id, busy=True) as (db, ad):
            job = jobs.latest_job(db, session_id)
            if job is None or job.status not in jobs.LIVE:
                raise WrongStage("Nothing is running for this ad.")
            jobs.finish_job(db, job.id, JobStatus.CANCELLED, "Stopped. What was made is kept.")
            if not JobKind(job.kind).is_aside:
                ad.stage = _resting_stage(ad).value
            db.flush()
            state = sessions.load_state(db, person, session_id)
        self._runs.cancel([job.id, *(jobs.slot_run(job.id, int(slot)) for slot in job.slots)])
        return state

    def estimate(
        self,
        stage: JobKind,
        provider: str,
        model: str,
        count: int,
        *,
        plan: bool = True,
        seconds: Sequence[float] = (),
    ) -> Decimal | None:
        """What a run would cost in US dollars; None when a price is unknown.

        `seconds` are the lengths of clips, as far as they are known.
        """
        return Step(
            kind=stage, provider=provider, model=model, count=count, plan=plan, seconds=seconds
        ).estimate()

    def close(self) -> None:
        """Give the connections back."""
        self.news.close()
        if self.redis:
            self.redis.close()
        self._runs.close()

    def _require_change(self, person: Person, session_id: str) -> None:
        """Raises NotFound, NotAllowed: nothing is read or kept for whom it is not for."""
        with self.database.begin() as db:
            _load_to_change(db, person, session_id)

    @contextmanager
    def _change(
        self, person: Person, session_id: str, *, busy: bool = False
    ) -> Iterator[tuple[Session, AdSession]]:
        """One transaction on the locked ad; refuses a busy ad unless `busy`."""
        with self.database.begin() as db:
            ad = _load_to_change(db, person, session_id, lock=True)
            if not busy and Stage(ad.stage) in WORKING:
                raise WrongStage("This ad is busy already. Wait for it, or cancel it first.")
            yield db, ad
            notify(db, session_id)
        # Whoever acted sees it at once, before the database's own word of it arrives.
        self._snapshots.forget(session_id)

    def _start(
        self,
        db: Session,
        person: Person,
        ad: AdSession,
        kind: JobKind,
        slots: list[int],
        *,
        plan: bool,
    ) -> Started:
        model = {
            JobKind.IMAGES: ad.image_model,
            JobKind.CLIPS: ad.clip_model,
            JobKind.VIDEO: catalogue.default_model("video", ad.provider).ref,
        }.get(kind) or catalogue.default_model("draft", ad.provider).ref
        _require_real(ad)
        step = Step(
            kind=kind,
            provider=ad.provider,
            model=model,
            count=0 if kind.is_plan else len(slots),
            plan=plan,
            seconds=_lengths(db, ad, slots) if kind is JobKind.CLIPS else (),
        )
        estimate, reserved = step.estimate(), step.most()
        if not kind.is_preview and kind is not JobKind.VIDEO:
            # Somebody wants to go on: the first order shows whether the account does.
            lift_hold(db, ad.provider)
        if not kind.is_aside:
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
        self._runs.enqueue(db, job_id, name, queue, job_id, whose=whose(ad.user_id))
        notify_run(db, queue)
        started = Started(
            session_id=ad.id, job_id=job_id, stage=Stage(ad.stage), estimated_cost=estimate
        )
        audit.note(db, person, "spent", ad.id, run=job_id, estimate=estimate, reserved=reserved)
        if call := _ONCE.get():
            once.keep_answer(db, call, started.model_dump(mode="json"))
        # Last, since all starts wait for each other from here to the end of the transaction.
        if reserved and (crossed := budgets.refuses(db, ad)):
            raise prices.refusal(step, crossed)
        return started


def _load_to_change(
    db: Session, person: Person, session_id: str, *, lock: bool = False
) -> AdSession:
    """The ad, for whoever may change it. Raises NotFound, NotAllowed."""
    ad = sessions.load_ad(db, person, session_id, lock=lock)
    if not person.may_change:
        raise NotAllowed("You may look at this ad, but not change it.")
    return ad


def _require_real(ad: AdSession) -> None:
    if ad.demo:
        raise WrongStage("This ad is made up, to look at only. Begin a new one to make something.")


def _require_admin(person: Person) -> None:
    if person.role is not Role.ADMIN:
        raise NotAllowed("Only an admin may do this.")


def _require_patience(seconds: float) -> None:
    if seconds > 0:
        raise TooManyTries(
            f"Too many wrong passwords. Try again in {max(1, round(seconds))} seconds."
        )


def check_password(new: str) -> None:
    """Raises InputRejected for a password that nobody should have."""
    if not PASSWORD_MIN <= len(new) <= PASSWORD_MAX:
        raise InputRejected(f"A password needs {PASSWORD_MIN} to {PASSWORD_MAX} characters.")


def check_email(text: str) -> str:
    """The address as it is kept. Raises InputRejected for what is none."""
    email = text.strip().lower()
    if len(email) > EMAIL_MAX or not _EMAIL.fullmatch(email):
        raise InputRejected("That is not an e-mail address. Write one such as ann@example.com.")
    return email


def _team_name(text: str) -> str:
    return _title(text, "name of the team", TEAM_MAX)


def _checked_music(db: Session, ad: AdSession, audio: AudioChoice) -> AudioChoice:
    """The choice of music if there is such music; a piece of the library brings its genre."""
    if not audio.enabled:
        return audio
    if audio.own_asset_id:
        [own] = assets.load_assets(db, ad.id, [audio.own_asset_id])
        if own.asset_type != AssetType.MUSIC:
            raise InputRejected("That file is not music.")
        return audio
    if audio.track:
        if (track := music.find_track(audio.track)) is None:
            raise InputRejected("The music library has no such piece. Choose another one.")
        return audio.model_copy(update={"genre": track.genre})
    if audio.genre is None:
        raise InputRejected("Choose a music genre, or switch the music off.")
    return audio


def _lengths(db: Session, ad: AdSession, slots: Sequence[int]) -> tuple[float, ...]:
    """How long the clips of these slots are to be, if all of that is known."""
    scenes = {scene.get("image_id"): scene for scene in ad.scenes}
    pictures = assets.load_assets(db, ad.id, ad.approved_image_ids)
    by_slot = {picture.slot: scenes.get(picture.id) for picture in pictures}
    known = [by_slot.get(slot) for slot in slots]
    return tuple(float(s["duration_seconds"]) for s in known if s) if all(known) else ()


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


def _describe(ad: AdSession, prompt: str, aspect: Aspect | None) -> None:
    """Take the words for the product and the shape of the ad."""
    ad.product_prompt = prompt
    ad.title = ad.title or prompt[:80]
    ad.aspect = (aspect or Aspect(ad.aspect)).value
    _forget_drafts(ad, "product_prompt", "aspect")


def _worded(prompts: Mapping[View, str]) -> list[dict[str, Any]]:
    """A person's own six prompts, in the order of the views."""
    if missing := [view.value for view in View if view not in prompts]:
        raise InputRejected(f"The prompt of this view is missing: {missing[0]}.")
    return [
        ImagePrompt(view=view, prompt=check_prompt(prompts[view], f"{view}")).model_dump(
            mode="json"
        )
        for view in View
    ]


def _reword(ad: AdSession, state: AdState, slot: int, text: str, *, images: bool) -> bool:
    """Give the picture or clip of a slot new words; whether they differ from the present ones."""
    if images:
        words = check_prompt(text, "picture")
        before = ad.prompts[slot]["prompt"]
        ad.prompts = [{**p, "prompt": words} if n == slot else p for n, p in enumerate(ad.prompts)]
        return bool(before != words)
    words = check_prompt(text, "scene")
    picture = next((image.id for image in state.images if image.slot == slot), None)
    before = [s["description"] for s in ad.scenes if s.get("image_id") == picture]
    ad.scenes = [
        {**s, "description": words} if s.get("image_id") == picture else s for s in ad.scenes
    ]
    return bool(before) and before != [words]


def _direct_scenes(ad: AdSession, scenes: Mapping[str, SceneWords]) -> None:
    """Take a person's own scenes for the approved pictures they name."""
    planned = {scene.get("image_id"): scene for scene in ad.scenes}
    for number, image_id in enumerate(ad.approved_image_ids, 1):
        if own := scenes.get(image_id):
            words = check_prompt(own.description, "scene")
            scene = Scene(image=number, image_id=image_id, **own.model_dump())
            planned[image_id] = scene.model_copy(update={"description": words}).model_dump(
                mode="json"
            )
    ad.scenes = [planned[i] for i in ad.approved_image_ids if i in planned]


def _all_planned(ad: AdSession) -> bool:
    """Whether each approved picture has its scene."""
    return set(ad.approved_image_ids) <= {scene.get("image_id") for scene in ad.scenes}


def _seed(seed: int) -> int:
    if not SEED_MIN <= seed <= SEED_MAX:
        raise InputRejected(f"A seed is a number from {SEED_MIN} to {SEED_MAX}.")
    return seed


def _seed_after(seed: int | None, kind: JobKind) -> int:
    """The seed of the next take."""
    step, span = _SEED_STEP[kind], SEED_MAX - SEED_MIN + 1
    return SEED_MIN + ((seed or SEED_MIN) + step - SEED_MIN) % span


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


def _title(text: str, what: str, most: int = TITLE_MAX) -> str:
    title = " ".join(text.replace("\x00", "").split())
    if not title or len(title) > most:
        raise InputRejected(f"The {what} needs 1 to {most} characters.")
    return title
