"""Alerts on their way to the log, a webhook and e-mail: at least once, tried again for days."""

from __future__ import annotations

import logging

from adgen.config import settings
from adgen.errors import AdgenError
from adgen.providers import notify
from adgen.store import alerts
from adgen.store.database import Database

log = logging.getLogger(__name__)


def deliver(database: Database) -> int:
    """Send what is due; gives how many arrived. No transaction is open while a post is out."""
    arrived = 0
    while True:
        with database.begin() as db:
            taken = alerts.take_post(db)
        if taken is None:
            return arrived
        post, alert = taken
        error = None
        try:
            _send(post.channel, alert.percent, alert.words)
        except AdgenError as refused:
            error = refused.user_message
            log.warning("alert %s could not be sent by %s: %s", alert.id, post.channel, error)
        with database.begin() as db:
            alerts.end_post(db, post, error)
        arrived += error is None


def _send(channel: str, percent: int, words: str) -> None:
    config = settings()
    if channel == "log":
        log.warning("budget: %s", words)
    elif channel == "webhook" and config.alert_webhook:
        notify.post_webhook(config.alert_webhook.get_secret_value(), f"adgen: {words}")
    elif channel == "email" and config.smtp_url and config.alert_email:
        subject = f"adgen: {percent} % of a budget is spent"
        notify.send_mail(config.smtp_url.get_secret_value(), config.alert_email, subject, words)
