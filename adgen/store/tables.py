"""The schema: the spec's four tables with their columns, and what the design adds to them."""

from __future__ import annotations

from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

from sqlalchemy import (
    BigInteger,
    Boolean,
    CheckConstraint,
    Date,
    DateTime,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    Numeric,
    SmallInteger,
    String,
    Text,
    UniqueConstraint,
    text,
)
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

MONEY = Numeric(14, 6)
SECONDS = Numeric(12, 3)


def now() -> datetime:
    """The present moment, UTC."""
    return datetime.now(UTC)


class Base(DeclarativeBase):
    """All tables live in `public`; the job engine keeps its own schema."""

    type_annotation_map = {  # noqa: RUF012 -- SQLAlchemy reads it as a class attribute
        datetime: DateTime(timezone=True),
        dict[str, Any]: JSONB,
        list[str]: JSONB,
        list[dict[str, Any]]: JSONB,
    }


class Team(Base):
    """Who works together: ads, brand and budget are a team's."""

    __tablename__ = "teams"

    id: Mapped[int] = mapped_column(Integer, primary_key=True)
    name: Mapped[str] = mapped_column(String(64), unique=True)
    created_at: Mapped[datetime] = mapped_column(default=now)
    demo: Mapped[bool] = mapped_column(Boolean, server_default="false", default=False)


class User(Base):
    __tablename__ = "users"

    id: Mapped[int] = mapped_column(Integer, primary_key=True)
    email: Mapped[str] = mapped_column(String(320), unique=True)
    password_hash: Mapped[str] = mapped_column(Text)
    role: Mapped[str] = mapped_column(String(16), server_default="editor")
    team_id: Mapped[int] = mapped_column(ForeignKey("teams.id", name="users_team"))
    failed_logins: Mapped[int] = mapped_column(Integer, server_default="0", default=0)
    last_failed_at: Mapped[datetime | None]
    created_at: Mapped[datetime] = mapped_column(default=now)
    demo: Mapped[bool] = mapped_column(Boolean, server_default="false", default=False)


class Login(Base):
    """Who is signed in: the sha256 of an opaque token, never the token."""

    __tablename__ = "logins"

    token_hash: Mapped[str] = mapped_column(String(64), primary_key=True)
    user_id: Mapped[int] = mapped_column(ForeignKey("users.id", ondelete="CASCADE"), index=True)
    created_at: Mapped[datetime] = mapped_column(default=now)
    expires_at: Mapped[datetime]
    address: Mapped[str] = mapped_column(String(64), default="")


class SignInLink(Base):
    """A one-time link printed at start on loopback."""

    __tablename__ = "sign_in_links"

    token_hash: Mapped[str] = mapped_column(String(64), primary_key=True)
    user_id: Mapped[int] = mapped_column(ForeignKey("users.id", ondelete="CASCADE"))
    expires_at: Mapped[datetime]
    used_at: Mapped[datetime | None]


class AdSession(Base):
    """An ad in the making; people read «ad»."""

    __tablename__ = "sessions"

    id: Mapped[str] = mapped_column(String(36), primary_key=True)
    user_id: Mapped[int] = mapped_column(ForeignKey("users.id", ondelete="CASCADE"))
    team_id: Mapped[int] = mapped_column(ForeignKey("teams.id", name="sessions_team"))
    stage: Mapped[str] = mapped_column(String(32), default="created")
    product_prompt: Mapped[str] = mapped_column(Text, default="")
    video_prompt: Mapped[str] = mapped_column(Text, default="")
    consistency_seed: Mapped[int | None] = mapped_column(Integer)
    style_keywords: Mapped[list[str]] = mapped_column(default=list)
    generated_image_ids: Mapped[list[str]] = mapped_column(default=list)
    approved_image_ids: Mapped[list[str]] = mapped_column(default=list)
    generated_clip_ids: Mapped[list[str]] = mapped_column(default=list)
    approved_clip_ids: Mapped[list[str]] = mapped_column(default=list)
    clip_order: Mapped[list[str]] = mapped_column(default=list)
    final_video_id: Mapped[str | None] = mapped_column(
        ForeignKey("assets.id", name="sessions_final_video", use_alter=True, ondelete="SET NULL")
    )
    total_cost: Mapped[Decimal] = mapped_column(MONEY, default=Decimal(0))
    created_at: Mapped[datetime] = mapped_column(default=now)
    updated_at: Mapped[datetime] = mapped_column(default=now, onupdate=now)

    title: Mapped[str] = mapped_column(String(300), default="")
    provider: Mapped[str] = mapped_column(String(32))
    image_model: Mapped[str] = mapped_column(String(200))
    clip_model: Mapped[str] = mapped_column(String(200))
    aspect: Mapped[str] = mapped_column(String(8), default="16:9")
    product: Mapped[str] = mapped_column(Text, default="")
    prompts: Mapped[list[dict[str, Any]]] = mapped_column(default=list)
    scenes: Mapped[list[dict[str, Any]]] = mapped_column(default=list)
    marks: Mapped[dict[str, Any]] = mapped_column(default=dict)
    drafts: Mapped[dict[str, Any]] = mapped_column(default=dict)
    text_overlay: Mapped[dict[str, Any]] = mapped_column(default=dict)
    audio: Mapped[dict[str, Any]] = mapped_column(default=dict)
    cut: Mapped[dict[str, Any]] = mapped_column(default=dict)
    shapes: Mapped[list[str]] = mapped_column(default=list)
    video_ids: Mapped[list[str]] = mapped_column(default=list)
    failed_stage: Mapped[str | None] = mapped_column(String(32))
    failure: Mapped[str | None] = mapped_column(Text)
    notes: Mapped[list[str]] = mapped_column(default=list)
    reject_reasons: Mapped[dict[str, Any]] = mapped_column(default=dict)
    remarks: Mapped[dict[str, Any]] = mapped_column(default=dict)
    seeds: Mapped[dict[str, Any]] = mapped_column(default=dict)
    archived_at: Mapped[datetime | None]
    # Made up to be looked at: in no budget and no total.
    demo: Mapped[bool] = mapped_column(Boolean, server_default="false", default=False)

    __table_args__ = (
        Index("sessions_by_person", "user_id", "created_at"),
        Index("sessions_by_team", "team_id", "created_at"),
        Index("sessions_by_age", "created_at", "id"),
        CheckConstraint("total_cost >= 0", name="sessions_total_cost_positive"),
    )


class Asset(Base):
    """A file of an ad: an upload, a picture, a clip or the film. Never overwritten."""

    __tablename__ = "assets"

    id: Mapped[str] = mapped_column(String(36), primary_key=True)
    session_id: Mapped[str] = mapped_column(ForeignKey("sessions.id", ondelete="CASCADE"))
    asset_type: Mapped[str] = mapped_column(String(16))
    url: Mapped[str] = mapped_column(Text)
    details: Mapped[dict[str, Any]] = mapped_column("metadata", default=dict)
    cost: Mapped[Decimal] = mapped_column(MONEY, default=Decimal(0))
    model_used: Mapped[str] = mapped_column(String(200), default="")
    generation_time: Mapped[Decimal] = mapped_column(SECONDS, default=Decimal(0))
    created_at: Mapped[datetime] = mapped_column(default=now)

    storage_key: Mapped[str] = mapped_column(String(200))
    content_type: Mapped[str] = mapped_column(String(100))
    size_bytes: Mapped[int] = mapped_column(BigInteger, default=0)
    slot: Mapped[int] = mapped_column(Integer, default=0)
    prediction_key: Mapped[str | None] = mapped_column(
        ForeignKey("predictions.key", ondelete="SET NULL"), unique=True
    )

    # When the retention rule took its file away, and after how many days; the row stays.
    removed_at: Mapped[datetime | None]
    removed_after: Mapped[int | None] = mapped_column(Integer)

    __table_args__ = (
        Index("assets_by_session", "session_id", "asset_type", "slot"),
        Index("assets_by_key", "storage_key"),
    )


class GenerationCost(Base):
    """The ledger: one row a call, failed ones too. `cost_usd` is empty while unknown."""

    __tablename__ = "generation_costs"

    id: Mapped[int] = mapped_column(Integer, primary_key=True)
    session_id: Mapped[str] = mapped_column(
        ForeignKey("sessions.id", ondelete="CASCADE"), index=True
    )
    agent_name: Mapped[str] = mapped_column(String(64))
    model_used: Mapped[str] = mapped_column(String(200))
    cost_usd: Mapped[Decimal | None] = mapped_column(MONEY)
    duration_seconds: Mapped[Decimal] = mapped_column(SECONDS, default=Decimal(0))
    success: Mapped[bool | None] = mapped_column(Boolean)
    error_message: Mapped[str | None] = mapped_column(Text)
    created_at: Mapped[datetime] = mapped_column(default=now, index=True)

    prediction_key: Mapped[str] = mapped_column(
        ForeignKey("predictions.key", ondelete="CASCADE"), unique=True
    )
    unit: Mapped[str] = mapped_column(String(32))
    quantity: Mapped[Decimal | None] = mapped_column(Numeric(18, 6))
    unit_price: Mapped[Decimal | None] = mapped_column(MONEY)
    price_since: Mapped[str] = mapped_column(String(10))
    settled_at: Mapped[datetime | None]
    # What it was expected to cost when it was opened, and the units that the provider's own figures
    # come to; empty where nobody said.
    estimated_usd: Mapped[Decimal | None] = mapped_column(MONEY)
    reported_quantity: Mapped[Decimal | None] = mapped_column(Numeric(18, 6))
    # The most it may come to, for as long as it is not known what it did.
    held: Mapped[Decimal] = mapped_column(MONEY, server_default="0", default=Decimal(0))

    __table_args__ = (
        Index("costs_held", "session_id", postgresql_where=text("held > 0")),
        Index(
            "generation_costs_running", "created_at", postgresql_where=text("settled_at IS NULL")
        ),
        Index("generation_costs_by_model", "model_used", "created_at"),
    )


class _Whose(Base):
    """Whose spending it is; kept beside the sums, so that they need no other table."""

    __abstract__ = True

    team_id: Mapped[int] = mapped_column(Integer)
    user_id: Mapped[int] = mapped_column(Integer)
    demo: Mapped[bool] = mapped_column(Boolean)


class _WhoseCell(Base):
    """As `_Whose`, as part of a cell's key; a day, or with grain `m` a month by its first day."""

    __abstract__ = True

    grain: Mapped[str] = mapped_column(String(1), primary_key=True)
    day: Mapped[date] = mapped_column(Date, primary_key=True)
    team_id: Mapped[int] = mapped_column(Integer, primary_key=True, autoincrement=False)
    user_id: Mapped[int] = mapped_column(Integer, primary_key=True, autoincrement=False)
    demo: Mapped[bool] = mapped_column(Boolean, primary_key=True)


class _Calls(Base):
    """Sums over settled calls: millionths of a dollar, of a unit, and milliseconds.

    `said` calls had an estimate. Of `told` ones the provider told what it did: their cost by that,
    and what the ledger has for the same calls. Of `untold` ones, made or charged, it told nothing.
    """

    __abstract__ = True

    calls: Mapped[int] = mapped_column(BigInteger)
    unpriced: Mapped[int] = mapped_column(BigInteger)
    micros: Mapped[int] = mapped_column(BigInteger)
    quanta: Mapped[int] = mapped_column(BigInteger)
    millis: Mapped[int] = mapped_column(BigInteger)
    said: Mapped[int] = mapped_column(BigInteger, server_default="0")
    said_micros: Mapped[int] = mapped_column(BigInteger, server_default="0")
    told: Mapped[int] = mapped_column(BigInteger, server_default="0")
    told_micros: Mapped[int] = mapped_column(BigInteger, server_default="0")
    told_logged_micros: Mapped[int] = mapped_column(BigInteger, server_default="0")
    untold: Mapped[int] = mapped_column(BigInteger, server_default="0")


class _AdFacts(Base):
    """What ads came to, by their step, and what became of it; millionths of a dollar."""

    __abstract__ = True

    micros: Mapped[int] = mapped_column(BigInteger)
    prompts: Mapped[int] = mapped_column(BigInteger)
    images: Mapped[int] = mapped_column(BigInteger)
    approved_images: Mapped[int] = mapped_column(BigInteger)
    clips: Mapped[int] = mapped_column(BigInteger)
    approved_clips: Mapped[int] = mapped_column(BigInteger)
    approved_millis: Mapped[int] = mapped_column(BigInteger)
    films: Mapped[int] = mapped_column(BigInteger)
    plan_micros: Mapped[int] = mapped_column(BigInteger)
    image_micros: Mapped[int] = mapped_column(BigInteger)
    approved_image_micros: Mapped[int] = mapped_column(BigInteger)
    scene_micros: Mapped[int] = mapped_column(BigInteger)
    clip_micros: Mapped[int] = mapped_column(BigInteger)
    approved_clip_micros: Mapped[int] = mapped_column(BigInteger)
    film_micros: Mapped[int] = mapped_column(BigInteger)
    rejected_micros: Mapped[int] = mapped_column(BigInteger)


class SpendTail(_Whose, _Calls):
    """Calls settled since the cells were last added up; triggers write it, nobody waits for it."""

    __tablename__ = "spend_tail"

    id: Mapped[int] = mapped_column(BigInteger, primary_key=True)
    at: Mapped[datetime]
    agent: Mapped[str] = mapped_column(String(64))
    model: Mapped[str] = mapped_column(String(200))
    ok: Mapped[bool] = mapped_column(Boolean)


class SpendTouched(Base):
    """Ads that changed since then."""

    __tablename__ = "spend_touched"

    id: Mapped[int] = mapped_column(BigInteger, primary_key=True)
    session_id: Mapped[str] = mapped_column(String(36))


class SpendCell(_WhoseCell, _Calls):
    """Settled calls of a day, by whom and what."""

    __tablename__ = "spend_cells"

    agent: Mapped[str] = mapped_column(String(64), primary_key=True)
    model: Mapped[str] = mapped_column(String(200), primary_key=True)
    ok: Mapped[bool] = mapped_column(Boolean, primary_key=True)


class SpendAd(_Whose, _AdFacts):
    """An ad as it stands in the cells."""

    __tablename__ = "spend_ads"

    session_id: Mapped[str] = mapped_column(String(36), primary_key=True)
    day: Mapped[date] = mapped_column(Date)
    bin: Mapped[int] = mapped_column(Integer)

    __table_args__ = (
        Index("spend_ads_by_day", "day"),
        Index("spend_ads_by_cost", "micros", "session_id"),
    )


class SpendAdCell(_WhoseCell, _AdFacts):
    """Ads begun on a day; `bin` is their cost in cents, down to two digits that count."""

    __tablename__ = "spend_ad_cells"

    bin: Mapped[int] = mapped_column(Integer, primary_key=True, autoincrement=False)


class SpendZone(Base):
    """The time zone whose days the cells are; none before they are first added up."""

    __tablename__ = "spend_zone"

    zone: Mapped[str] = mapped_column(String(64), primary_key=True)
    since: Mapped[datetime] = mapped_column(default=now)


class MeterTail(Base):
    """How long something took, milliseconds; triggers write it, nobody waits for it."""

    __tablename__ = "meter_tail"

    id: Mapped[int] = mapped_column(BigInteger, primary_key=True)
    what: Mapped[str] = mapped_column(String(16))
    name: Mapped[str] = mapped_column(String(200))
    outcome: Mapped[str] = mapped_column(String(16))
    millis: Mapped[int] = mapped_column(BigInteger)


class MeterCell(Base):
    """How many took as long, by the buckets of `meters.BOUNDS_S`, since the app was installed."""

    __tablename__ = "meter_cells"

    what: Mapped[str] = mapped_column(String(16), primary_key=True)
    name: Mapped[str] = mapped_column(String(200), primary_key=True)
    outcome: Mapped[str] = mapped_column(String(16), primary_key=True)
    bucket: Mapped[int] = mapped_column(SmallInteger, primary_key=True, autoincrement=False)
    count: Mapped[int] = mapped_column(BigInteger)
    millis: Mapped[int] = mapped_column(BigInteger)


class Prediction(Base):
    """The intent table: a row is committed before any call, so that none is paid twice."""

    __tablename__ = "predictions"

    key: Mapped[str] = mapped_column(String(200), primary_key=True)
    session_id: Mapped[str] = mapped_column(
        ForeignKey("sessions.id", ondelete="CASCADE"), index=True
    )
    job_id: Mapped[str] = mapped_column(String(100), index=True)
    agent: Mapped[str] = mapped_column(String(64))
    model: Mapped[str] = mapped_column(String(200))
    inputs: Mapped[dict[str, Any]] = mapped_column(default=dict)
    files: Mapped[dict[str, Any]] = mapped_column(default=dict)
    provider_id: Mapped[str | None] = mapped_column(String(200), unique=True)
    status: Mapped[str] = mapped_column(String(16), default="intent")
    # Committed before it goes out: what is sent, when last, and how often it had to be sent anew.
    wire: Mapped[dict[str, Any] | None]
    sent_at: Mapped[datetime | None]
    resent: Mapped[int] = mapped_column(Integer, server_default="0", default=0)
    # When the provider had answered the order, by the database's clock.
    answered_at: Mapped[datetime | None]
    output_text: Mapped[str | None] = mapped_column(Text)
    error: Mapped[str | None] = mapped_column(Text)
    # What may follow a failure, kept with it: a worker that dies here must not forget it.
    again: Mapped[str] = mapped_column(String(16), server_default="", default="")
    # The provider's own word for how it ended, and its figures; empty where it told none.
    reported: Mapped[dict[str, Any] | None] = mapped_column(JSONB(none_as_null=True))
    created_at: Mapped[datetime] = mapped_column(default=now)
    finished_at: Mapped[datetime | None]

    __table_args__ = (
        Index(
            "predictions_open",
            "model",
            postgresql_where=text("status IN ('sending', 'started')"),
        ),
        Index("predictions_answered", "answered_at"),
    )


class Hold(Base):
    """A provider that takes no orders of this account until a person has settled why."""

    __tablename__ = "holds"

    provider: Mapped[str] = mapped_column(String(32), primary_key=True)
    reason: Mapped[str] = mapped_column(Text)
    since: Mapped[datetime] = mapped_column(default=now)


class Job(Base):
    """A durable run as people see it; the engine's own rows stay the engine's."""

    __tablename__ = "jobs"

    id: Mapped[str] = mapped_column(String(100), primary_key=True)
    session_id: Mapped[str] = mapped_column(ForeignKey("sessions.id", ondelete="CASCADE"))
    kind: Mapped[str] = mapped_column(String(16))
    status: Mapped[str] = mapped_column(String(16), default="queued")
    done: Mapped[int] = mapped_column(Integer, default=0)
    total: Mapped[int] = mapped_column(Integer, default=1)
    percent: Mapped[int] = mapped_column(Integer, default=0)
    changes: Mapped[int] = mapped_column(Integer, default=0, server_default="0")
    message: Mapped[str] = mapped_column(Text, default="")
    error: Mapped[str | None] = mapped_column(Text)
    slots: Mapped[dict[str, Any]] = mapped_column(default=dict)
    estimated_cost: Mapped[Decimal | None] = mapped_column(MONEY)
    reserved: Mapped[Decimal] = mapped_column(MONEY, default=Decimal(0))
    created_at: Mapped[datetime] = mapped_column(default=now)
    started_at: Mapped[datetime | None]
    finished_at: Mapped[datetime | None]

    __table_args__ = (
        Index("jobs_by_session", "session_id", "created_at"),
        Index("jobs_by_age", "created_at"),
        # One live run an ad: a double click or a second tab cannot start another.
        Index(
            "jobs_one_live",
            "session_id",
            unique=True,
            postgresql_where=text("status IN ('queued', 'running')"),
        ),
    )


class Budget(Base):
    """What may be spent, where it is not what the settings say.

    `scope` is ad, team or all; `subject` the id of one ad or team, "" for each that has none of
    its own.
    """

    __tablename__ = "budgets"

    scope: Mapped[str] = mapped_column(String(8), primary_key=True)
    subject: Mapped[str] = mapped_column(String(36), primary_key=True)
    amount: Mapped[Decimal] = mapped_column(MONEY)
    updated_at: Mapped[datetime] = mapped_column(default=now, onupdate=now)

    __table_args__ = (CheckConstraint("amount >= 0", name="budgets_amount_positive"),)


class Purse(Base):
    """What a team's ads cost so far, kept as it grows.

    In stripes by ad, so that runs that end at once do not wait for one row.
    """

    __tablename__ = "purses"

    team_id: Mapped[int] = mapped_column(
        ForeignKey("teams.id", ondelete="CASCADE"), primary_key=True
    )
    stripe: Mapped[int] = mapped_column(SmallInteger, primary_key=True)
    spent: Mapped[Decimal] = mapped_column(MONEY)


class Alert(Base):
    """A budget of which so many percent are spent: told once as long as it is the same budget."""

    __tablename__ = "alerts"

    id: Mapped[int] = mapped_column(BigInteger, primary_key=True)
    scope: Mapped[str] = mapped_column(String(8))
    subject: Mapped[str] = mapped_column(String(36))
    percent: Mapped[int] = mapped_column(SmallInteger)
    amount: Mapped[Decimal] = mapped_column(MONEY)
    spent: Mapped[Decimal] = mapped_column(MONEY)
    # The ad whose cost crossed the line.
    session_id: Mapped[str | None] = mapped_column(ForeignKey("sessions.id", ondelete="SET NULL"))
    words: Mapped[str] = mapped_column(Text)
    created_at: Mapped[datetime] = mapped_column(default=now)

    __table_args__ = (
        UniqueConstraint("scope", "subject", "percent", "amount", name="alerts_once"),
    )


class AlertPost(Base):
    """An alert on its way to where people read it, until it is there."""

    __tablename__ = "alert_posts"

    alert_id: Mapped[int] = mapped_column(
        ForeignKey("alerts.id", ondelete="CASCADE"), primary_key=True
    )
    channel: Mapped[str] = mapped_column(String(16), primary_key=True)
    tries: Mapped[int] = mapped_column(Integer, default=0)
    next_at: Mapped[datetime] = mapped_column(default=now)
    sent_at: Mapped[datetime | None]
    error: Mapped[str | None] = mapped_column(Text)

    __table_args__ = (
        Index("alert_posts_open", "next_at", postgresql_where=text("sent_at IS NULL")),
    )


class Snooze(Base):
    """A person who wants to read no more of an alert; without an end, never again."""

    __tablename__ = "snoozes"

    user_id: Mapped[int] = mapped_column(
        ForeignKey("users.id", ondelete="CASCADE"), primary_key=True
    )
    alert_id: Mapped[int] = mapped_column(
        ForeignKey("alerts.id", ondelete="CASCADE"), primary_key=True
    )
    until: Mapped[datetime | None]


class BrandKit(Base):
    """How a team's films look."""

    __tablename__ = "brand_kits"

    team_id: Mapped[int] = mapped_column(
        ForeignKey("teams.id", name="brand_kits_team", ondelete="CASCADE"), primary_key=True
    )
    brand: Mapped[dict[str, Any]] = mapped_column(default=dict)
    updated_at: Mapped[datetime] = mapped_column(default=now, onupdate=now)


class ShareLink(Base):
    """A read-only look at one ad for whoever has the link: the sha256 of its token."""

    __tablename__ = "share_links"

    id: Mapped[str] = mapped_column(String(36), primary_key=True)
    token_hash: Mapped[str] = mapped_column(String(64), unique=True)
    session_id: Mapped[str] = mapped_column(
        ForeignKey("sessions.id", ondelete="CASCADE"), index=True
    )
    created_by: Mapped[int | None] = mapped_column(ForeignKey("users.id", ondelete="SET NULL"))
    created_at: Mapped[datetime] = mapped_column(default=now)
    expires_at: Mapped[datetime]
    revoked_at: Mapped[datetime | None]
    opened: Mapped[int] = mapped_column(Integer, default=0)


class ApiToken(Base):
    """What a person's script signs in with: the sha256 of the token, never the token."""

    __tablename__ = "api_tokens"

    id: Mapped[int] = mapped_column(Integer, primary_key=True)
    user_id: Mapped[int] = mapped_column(ForeignKey("users.id", ondelete="CASCADE"), index=True)
    name: Mapped[str] = mapped_column(String(100))
    token_hash: Mapped[str] = mapped_column(String(64), unique=True)
    created_at: Mapped[datetime] = mapped_column(default=now)
    expires_at: Mapped[datetime | None]
    used_at: Mapped[datetime | None]
    revoked_at: Mapped[datetime | None]


class OnceKey(Base):
    """A call that spends, by its sender's key, and what it was answered."""

    __tablename__ = "once"

    user_id: Mapped[int] = mapped_column(
        ForeignKey("users.id", ondelete="CASCADE"), primary_key=True
    )
    key: Mapped[str] = mapped_column(String(200), primary_key=True)
    request: Mapped[str] = mapped_column(String(64))
    answer: Mapped[dict[str, Any]] = mapped_column(default=dict)
    created_at: Mapped[datetime] = mapped_column(default=now)


class Audit(Base):
    """Spending, sharing and rights: who did what, kept for good."""

    __tablename__ = "audit"

    id: Mapped[int] = mapped_column(BigInteger, primary_key=True)
    at: Mapped[datetime] = mapped_column(default=now)
    user_id: Mapped[int | None] = mapped_column(ForeignKey("users.id", ondelete="SET NULL"))
    email: Mapped[str] = mapped_column(String(320))
    action: Mapped[str] = mapped_column(String(40))
    session_id: Mapped[str | None] = mapped_column(String(36))
    details: Mapped[dict[str, Any]] = mapped_column(default=dict)

    __table_args__ = (Index("audit_by_age", "at"),)


class Tries(Base):
    """Wrong passwords from one network address."""

    __tablename__ = "tries"

    address: Mapped[str] = mapped_column(String(64), primary_key=True)
    failed: Mapped[int] = mapped_column(Integer, default=0)
    last_failed_at: Mapped[datetime] = mapped_column(default=now)


class Worker(Base):
    """Live workers, by heartbeat. `takes` names the version of the runs that it takes."""

    __tablename__ = "workers"

    executor_id: Mapped[str] = mapped_column(String(64), primary_key=True)
    pid: Mapped[int] = mapped_column(Integer)
    host: Mapped[str] = mapped_column(String(255))
    version: Mapped[str] = mapped_column(String(32))
    takes: Mapped[str] = mapped_column(String(32), server_default="", default="")
    started_at: Mapped[datetime] = mapped_column(default=now)
    heartbeat: Mapped[datetime] = mapped_column(default=now)


class Secret(Base):
    """Small secrets made at first start and shared by all processes on this database."""

    __tablename__ = "secrets"

    name: Mapped[str] = mapped_column(String(64), primary_key=True)
    value: Mapped[bytes] = mapped_column(LargeBinary)
