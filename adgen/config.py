"""Settings, read once from the environment and `.env`; every name is in `.env.example`."""

from __future__ import annotations

import os
from decimal import Decimal
from functools import lru_cache
from pathlib import Path
from typing import Literal
from zoneinfo import ZoneInfo

from pydantic import (
    AliasChoices,
    Field,
    SecretStr,
    ValidationError,
    field_validator,
    model_validator,
)
from pydantic_settings import BaseSettings, SettingsConfigDict

from adgen.errors import InputRejected

# What x264 calls its trade of time for size, https://trac.ffmpeg.org/wiki/Encode/H.264#Preset
Preset = Literal["ultrafast", "superfast", "veryfast", "faster", "fast", "medium", "slow", "slower"]


def _default_home() -> Path:
    # As root the embedded Postgres needs o+rx on every folder above its data, so it must not
    # live under /root or another private folder.
    if hasattr(os, "geteuid") and os.geteuid() == 0:
        return Path("/var/lib/adgen")
    return Path(".adgen")


class Settings(BaseSettings):
    """One object for the whole process. Money in US dollars, times in seconds."""

    model_config = SettingsConfigDict(
        env_file=".env", env_prefix="ADGEN_", extra="ignore", frozen=True, env_ignore_empty=True
    )

    home: Path = Field(default_factory=_default_home)
    database_url: str | None = Field(None, validation_alias="DATABASE_URL")
    worker: Literal["child", "external"] = "child"
    provider_choice: Literal["offline", "replicate"] | None = Field(
        None, validation_alias="ADGEN_PROVIDER"
    )
    offline_look: Literal["studio", "plain"] = "studio"
    replicate_api_token: SecretStr | None = Field(None, validation_alias="REPLICATE_API_TOKEN")
    replicate_base_url: str = Field(
        "https://api.replicate.com", validation_alias="REPLICATE_BASE_URL"
    )
    output_hosts: str = "replicate.delivery,*.replicate.delivery"
    create_timeout_s: float = Field(20, gt=0)
    reconcile_wait_s: float = Field(45, gt=0)
    retry_wait_s: float = Field(5, ge=0)
    orders_per_s: int | None = Field(None, ge=1)
    worker_calls: int = Field(56, ge=2, le=200)
    worker_silent_s: float = Field(30, ge=3)
    film_preset: Preset = "medium"
    session_budget_usd: Decimal = Field(Decimal(10), ge=0)
    team_budget_usd: Decimal | None = Field(None, ge=0)
    total_budget_usd: Decimal = Field(Decimal(190), ge=0)
    alert_webhook: SecretStr | None = None
    smtp_url: SecretStr | None = None
    alert_email: str | None = None
    report_tz: str = "UTC"
    demo_password: SecretStr | None = None
    demo_email: str = "demo@example.com"
    s3_bucket: str | None = None
    s3_endpoint_url: str | None = None
    s3_public_url: str | None = None
    s3_links: bool = True
    s3_cache_mb: int = Field(2048, ge=0)
    redis_url: SecretStr | None = None
    log_level: Literal["DEBUG", "INFO", "WARNING", "ERROR"] = "INFO"
    log_format: Literal["text", "json"] = "text"
    metrics_token: SecretStr | None = Field(None, min_length=16)
    sentry_dsn: SecretStr | None = None
    sentry_environment: str = "production"
    keep_takes_days: int | None = Field(None, ge=1)
    keep_archived_days: int | None = Field(None, ge=1)
    keep_previews_days: int = Field(7, ge=1)
    keep_runs_days: int = Field(30, ge=1)
    cache_mb: int = Field(4000, ge=0)
    cookie_secure: bool = Field(
        False, validation_alias=AliasChoices("ADGEN_COOKIE_SECURE", "cookie_secure")
    )
    public_url: str | None = None
    cookie_secret: SecretStr | None = None
    oidc_metadata_url: str | None = None
    oidc_client_id: str | None = None
    oidc_client_secret: SecretStr | None = None
    oidc_domains: str = ""
    oidc_team: str = Field("Studio", min_length=1, max_length=64)

    @model_validator(mode="after")
    def _patient(self) -> Settings:
        # A request still on the wire must not be taken for one that never left.
        if self.reconcile_wait_s <= self.create_timeout_s:
            raise ValueError("ADGEN_RECONCILE_WAIT_S must be longer than ADGEN_CREATE_TIMEOUT_S")
        return self

    @field_validator("log_level", mode="before")
    @classmethod
    def _loud(cls, level: str) -> str:
        return level.upper()

    @field_validator("report_tz")
    @classmethod
    def _known_zone(cls, name: str) -> str:
        try:
            ZoneInfo(name)
        except (KeyError, ValueError, OSError) as error:
            raise ValueError(f"{name} is no time zone; name one like Europe/Berlin") from error
        return name

    @field_validator("redis_url")
    @classmethod
    def _known_scheme(cls, url: SecretStr | None) -> SecretStr | None:
        if url and not url.get_secret_value().startswith(("redis://", "rediss://", "unix://")):
            raise ValueError(
                "it looks like redis://:password@host:6379/0, or rediss:// with TLS; leave it out "
                "to go without Redis"
            )
        return url

    @field_validator("home")
    @classmethod
    def _absolute(cls, home: Path) -> Path:
        return home.expanduser().absolute()

    @property
    def provider(self) -> Literal["offline", "replicate"]:
        """The provider in use: the chosen one, else Replicate when a token is there."""
        if self.provider_choice:
            return self.provider_choice
        return "replicate" if self.replicate_api_token else "offline"

    @property
    def has_company(self) -> bool:
        """Whether people may sign in with their company's accounts."""
        return bool(self.oidc_metadata_url and self.oidc_client_id and self.oidc_client_secret)

    @property
    def company_domains(self) -> frozenset[str]:
        """The domains whose people are let in at their first sign-in, and made a user."""
        return frozenset(name.strip().lower() for name in self.oidc_domains.split(",")) - {""}

    @property
    def allowed_hosts(self) -> tuple[str, ...]:
        """The hosts that outputs may be fetched from."""
        return tuple(host.strip() for host in self.output_hosts.split(",") if host.strip())

    @property
    def files(self) -> Path:
        """Where local storage keeps assets."""
        return self.home / "files"

    @property
    def cache(self) -> Path:
        """Parts of films, to be used again; safe to delete at any time."""
        return self.home / "cache"

    @property
    def outbox(self) -> Path:
        """Files that are on this machine only, until the bucket has them. Never delete it."""
        return self.home / "outbox"

    @property
    def scratch(self) -> Path:
        """Where half-made files live; safe to delete when nothing runs."""
        return self.home / "scratch"


@lru_cache(maxsize=1)
def settings() -> Settings:
    """Read the settings, or say which variable cannot be used."""
    try:
        return Settings()
    except ValidationError as error:
        first = error.errors()[0]
        name = ".".join(str(part) for part in first["loc"])
        which = f"The setting {name} cannot be used" if name else "The settings do not fit"
        raise InputRejected(f"{which}: {first['msg'].removeprefix('Value error, ')}.") from error
