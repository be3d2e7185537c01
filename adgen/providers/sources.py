"""Which source of generated things serves a provider name."""

from __future__ import annotations

from functools import lru_cache

from adgen.config import settings
from adgen.errors import Unavailable
from adgen.providers.models import Models
from adgen.providers.offline import OfflineModels
from adgen.providers.replicate import ReplicateModels


@lru_cache(maxsize=4)
def models_for(provider: str) -> Models:
    """The door behind a catalogue row's provider; one for the whole process."""
    if provider == "offline":
        return OfflineModels()
    token = settings().replicate_api_token
    if token is None:
        raise Unavailable(
            "This ad was begun with Replicate, and no REPLICATE_API_TOKEN is set now. Set it and "
            "start again; everything made so far is kept."
        )
    return ReplicateModels(token.get_secret_value(), settings())
