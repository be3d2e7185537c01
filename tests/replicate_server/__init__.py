"""A fake Replicate on loopback: the service's manners on the wire, and every way it can fail."""

from __future__ import annotations

from tests.replicate_server.faults import Fault
from tests.replicate_server.predictions import Creation
from tests.replicate_server.server import ReplicateServer

__all__ = ["Creation", "Fault", "ReplicateServer"]
