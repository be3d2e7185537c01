"""Brings up what could not be uploaded when it was made; in every process that has files."""

from __future__ import annotations

import logging
import threading

from adgen.config import settings
from adgen.errors import AdgenError
from adgen.providers.storage import storage

log = logging.getLogger(__name__)

EVERY_S = 2.0
# An outage is asked about more seldom.
PAUSE_S = 10.0


class Uploads:
    """A thread that empties the outbox; none where files stay on the disk."""

    def __init__(self) -> None:
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="uploads", daemon=True)

    def start(self) -> None:
        """Begin, where there is a bucket."""
        if settings().s3_bucket:
            self._thread.start()

    def stop(self) -> None:
        """End after the upload under way; what waits is found again by the next process."""
        self._stop.set()
        if self._thread.is_alive():
            self._thread.join(timeout=5)

    def _run(self) -> None:
        pause, said = EVERY_S, ""
        while not self._stop.wait(pause):
            try:
                sent = storage().send_waiting()
                if said and sent:
                    log.warning("the storage answers again; %d files were uploaded", sent)
                pause, said = EVERY_S, "" if sent else said
            except AdgenError as error:
                if error.user_message != said:
                    log.warning("files wait to be uploaded: %s", error.user_message)
                pause, said = PAUSE_S, error.user_message
            except Exception:
                # They wait in the outbox for the next round.
                log.exception("uploading")
                pause = PAUSE_S
