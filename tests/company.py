"""A company's sign-in on this machine: OpenID Connect's code flow for whoever it is told to be."""

from __future__ import annotations

import base64
import hashlib
import json
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from secrets import token_urlsafe
from threading import Thread
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

from joserfc import jwt
from joserfc.jwk import RSAKey

CLIENT, SECRET = "adgen", "a secret of the client"


@dataclass
class Company:
    """Signs everybody in as `claims` says, without a page of its own."""

    claims: dict[str, Any] = field(default_factory=dict)
    key: RSAKey = field(default_factory=lambda: RSAKey.generate_key(2048, {"kid": "1"}))
    asked: dict[str, dict[str, str]] = field(default_factory=dict)
    port: int = 0

    @property
    def url(self) -> str:
        return f"http://localhost:{self.port}"

    @property
    def env(self) -> dict[str, str]:
        """What an app has to know of it."""
        return {
            "ADGEN_OIDC_METADATA_URL": f"{self.url}/.well-known/openid-configuration",
            "ADGEN_OIDC_CLIENT_ID": CLIENT,
            "ADGEN_OIDC_CLIENT_SECRET": SECRET,
            "ADGEN_COOKIE_SECRET": token_urlsafe(32),
        }

    def describe(self) -> dict[str, Any]:
        return {
            "issuer": self.url,
            "authorization_endpoint": f"{self.url}/authorize",
            "token_endpoint": f"{self.url}/token",
            "jwks_uri": f"{self.url}/keys",
            "response_types_supported": ["code"],
            "id_token_signing_alg_values_supported": ["RS256"],
            "code_challenge_methods_supported": ["S256"],
        }

    def authorize(self, query: dict[str, str]) -> str:
        """Where the browser is sent back to, with a code that counts once."""
        code = token_urlsafe(8)
        self.asked[code] = query
        return f"{query['redirect_uri']}?{urlencode({'code': code, 'state': query['state']})}"

    def exchange(self, form: dict[str, str]) -> dict[str, Any]:
        """The ID token for a code, after the client has shown that it is the one that asked."""
        query = self.asked.pop(form["code"])
        shown = hashlib.sha256(form["code_verifier"].encode()).digest()
        assert base64.urlsafe_b64encode(shown).rstrip(b"=").decode() == query["code_challenge"]
        now = int(time.time())
        claims = {"iss": self.url, "aud": CLIENT, "sub": "1", "iat": now, "exp": now + 600}
        signed = jwt.encode(
            {"alg": "RS256", "kid": "1"}, claims | {"nonce": query["nonce"]} | self.claims, self.key
        )
        return {"access_token": token_urlsafe(8), "token_type": "Bearer", "id_token": signed}

    def keys(self) -> dict[str, Any]:
        return {"keys": [self.key.as_dict(private=False)]}


class _Handler(BaseHTTPRequestHandler):
    company: Company

    def do_GET(self) -> None:
        where = urlsplit(self.path)
        if where.path == "/authorize":
            self.send_response(302)
            query = {name: values[0] for name, values in parse_qs(where.query).items()}
            self.send_header("Location", self.company.authorize(query))
            self.end_headers()
            return
        self._tell(self.company.keys() if where.path == "/keys" else self.company.describe())

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"])).decode()
        form = {name: values[0] for name, values in parse_qs(body).items()}
        self._tell(self.company.exchange(form))

    def _tell(self, what: dict[str, Any]) -> None:
        body = json.dumps(what).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@contextmanager
def company() -> Iterator[Company]:
    """One that answers for as long as it is wanted."""
    made = Company()
    handler = type("Handler", (_Handler,), {"company": made})
    with ThreadingHTTPServer(("localhost", 0), handler) as server:
        made.port = server.server_port
        thread = Thread(target=server.serve_forever, daemon=True)
        thread.start()
        try:
            yield made
        finally:
            server.shutdown()
            thread.join()
