"""Which source of generated things serves a provider name."""

from __future__ import annotations

from functools import lru_cache

from adgen.errors import Unavailable
from adgen.providers.models import Models
from adgen.providers.offline import OfflineModels


@lru_cache(maxsize=4)
def models_for(provider: str) -> Models:
    """The door behind a catalogue row's `provider`."""
    if provider == "offline":
        return OfflineModels()
    raise Unavailable(
        f"The provider {provider} is not available yet. Set ADGEN_PROVIDER=offline to make ads "
        "from your own photos."
    )
