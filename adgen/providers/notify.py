"""The way out for alerts: a webhook and e-mail. Addresses may hold secrets, so none is told on."""

from __future__ import annotations

import ipaddress
import smtplib
import ssl
from email.message import EmailMessage
from urllib.parse import SplitResult, parse_qs, unquote, urlsplit

import httpx

from adgen.errors import InputRejected, Unavailable

TIMEOUT_S = 10.0
_PORTS = {"smtp": 25, "smtps": 465}


def post_webhook(url: str, text: str) -> None:
    """Send `{"text": ...}` as Slack and its like take it. Raises Unavailable, InputRejected."""
    where = _address(url, "ADGEN_ALERT_WEBHOOK", "https", "http")
    try:
        answer = httpx.post(
            url, json={"text": text}, timeout=TIMEOUT_S, follow_redirects=False, trust_env=False
        )
    except httpx.HTTPError as error:
        raise Unavailable(f"{where.hostname} did not answer ({type(error).__name__}).") from None
    if not answer.is_success:
        raise Unavailable(f"{where.hostname} answered {answer.status_code}.")


def send_mail(url: str, to: str, subject: str, text: str) -> None:
    """Send an e-mail by smtps://user:password@host:port, or smtp:// with STARTTLS.

    `?from=` names the sender. Raises Unavailable, InputRejected.
    """
    where = _address(url, "ADGEN_SMTP_URL", "smtps", "smtp")
    user = unquote(where.username or "")
    sender = parse_qs(where.query).get("from", [user if "@" in user else "adgen@localhost"])[0]
    message = EmailMessage()
    message["Subject"], message["From"], message["To"] = " ".join(subject.split()), sender, to
    message.set_content(text)
    try:
        with _connect(where) as server:
            if user:
                server.login(user, unquote(where.password or ""))
            server.send_message(message)
    except (smtplib.SMTPException, OSError) as error:
        # What a server says back may repeat what it was told.
        raise Unavailable(f"{where.hostname} took no mail ({type(error).__name__}).") from None


def _connect(where: SplitResult) -> smtplib.SMTP:
    host, port = where.hostname or "", where.port or _PORTS[where.scheme]
    if where.scheme == "smtps":
        return smtplib.SMTP_SSL(host, port, timeout=TIMEOUT_S, context=ssl.create_default_context())
    server = smtplib.SMTP(host, port, timeout=TIMEOUT_S)
    if not _is_loopback(host):
        server.starttls(context=ssl.create_default_context())
    return server


def _address(url: str, name: str, safe: str, plain: str) -> SplitResult:
    """The parts of an address that may be sent to; plain HTTP only to this machine."""
    try:
        parts = urlsplit(url.strip())
        known = bool(parts.hostname) and (parts.port or 1) > 0
    except ValueError:
        known = False
    if not known or parts.scheme not in (safe, plain):
        raise InputRejected(f"{name} is not an address that begins with {safe}://.")
    if parts.scheme == "http" and not _is_loopback(parts.hostname or ""):
        raise InputRejected(f"{name} must begin with https://.")
    return parts


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
