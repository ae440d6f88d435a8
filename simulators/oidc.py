"""A provider of identities over HTTP: discovery, keys, codes for one use, PKCE. It can lie.

    GET  /.well-known/openid-configuration
    GET  /keys                           the public keys (JWKS)
    GET  /authorize?...                  signs `person` in at once: 302 back with a code
    POST /token                          the code, the client's secret and the PKCE verifier
                                         -> {"id_token", "access_token", ...}; else 400

A code is good once, for a minute, for the address and the challenge that it was asked with. `lie`
makes an ID token that no client may take: signed by a stranger, for somebody else, too late.

Source: OpenID Connect Core 1.0; OpenID Connect Discovery 1.0; RFC 7636.
"""

import base64
import hmac
import json
import secrets
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from hashlib import sha256
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Literal, Self, TypeAlias
from urllib.parse import parse_qs, unquote, urlencode, urlsplit

from joserfc import jwt
from joserfc.jwk import ECKey, OctKey
from typing_extensions import override

Lie: TypeAlias = Literal[
    "", "audience", "issuer", "nonce", "expired", "stranger", "own_keys", "unsigned", "symmetric",
    "nobody",
]  # fmt: skip
CODE_LASTS = timedelta(minutes=1)
TOKEN_LASTS = timedelta(minutes=5)
BODY_BYTES_MAX = 10_000


@dataclass(frozen=True, slots=True)
class _Code:
    asked: dict[str, str]
    until: datetime


@dataclass(slots=True)
class Provider:
    """The provider's side. `person` is who signs in next; their claims."""

    now: Callable[[], datetime]
    client_id: str = "soko"
    client_secret: str = "simulated"  # noqa: S105 - of a simulator
    person: dict[str, Any] = field(default_factory=lambda: {"sub": "p-1", "name": "Mori"})
    lie: Lie = ""
    issuer: str = ""
    asked: int = 0
    _key: ECKey = field(default_factory=lambda: _new_key("k1"))
    _codes: dict[str, _Code] = field(default_factory=dict)

    def answer(self, path: str) -> tuple[int, dict[str, Any]]:
        """What is asked with GET and answered as JSON."""
        if path == "/keys":
            return 200, {"keys": [self._key.as_dict(private=False)]}
        if path == "/.well-known/openid-configuration":
            return 200, {
                "issuer": self.issuer,
                "authorization_endpoint": f"{self.issuer}/authorize",
                "token_endpoint": f"{self.issuer}/token",
                "jwks_uri": f"{self.issuer}/keys",
            }
        return 404, {}

    def change_keys(self) -> None:
        """Sign with another key from now on; the one before is gone."""
        self._key = _new_key(f"k{secrets.token_hex(4)}")

    def authorize(self, asked: dict[str, str]) -> str | None:
        """Where the browser goes on; None: this was no request of a client of ours."""
        if (
            asked.get("client_id") != self.client_id
            or asked.get("response_type") != "code"
            or asked.get("code_challenge_method") != "S256"
            or not {"redirect_uri", "state", "code_challenge", "nonce"} <= asked.keys()
        ):
            return None
        code = secrets.token_urlsafe(24)
        self._codes[code] = _Code(asked, self.now() + CODE_LASTS)
        back = urlencode({"code": code, "state": asked["state"]})
        return f"{asked['redirect_uri']}?{back}"

    def token(self, form: dict[str, str], basic: tuple[str, str]) -> tuple[int, dict[str, Any]]:
        """The code for an ID token."""
        self.asked += 1
        if basic != (self.client_id, self.client_secret):
            return 401, {"error": "invalid_client"}
        kept = self._codes.pop(form.get("code", ""), None)
        if kept is None or kept.until < self.now():
            return 400, {"error": "invalid_grant"}
        challenge = base64.urlsafe_b64encode(
            sha256(form.get("code_verifier", "").encode()).digest()
        )
        is_proven = hmac.compare_digest(
            challenge.rstrip(b"=").decode(), kept.asked["code_challenge"]
        )
        if not is_proven or form.get("redirect_uri") != kept.asked["redirect_uri"]:
            return 400, {"error": "invalid_grant"}
        return 200, {
            "id_token": self._id_token(kept.asked["nonce"]),
            "access_token": secrets.token_urlsafe(24), "token_type": "Bearer",
        }  # fmt: skip

    def _id_token(self, nonce: str) -> str:
        at = int(self.now().timestamp())
        claims: dict[str, Any] = {
            "iss": self.issuer, "aud": self.client_id, "nonce": nonce, "iat": at,
            "exp": at + int(TOKEN_LASTS.total_seconds()), **self.person,
        }  # fmt: skip
        lies: dict[str, dict[str, Any]] = {
            "audience": {"aud": "somebody-else", "azp": self.client_id}, "issuer": {"iss": "https://elsewhere.example"},
            "nonce": {"nonce": "another"}, "expired": {"iat": at - 9000, "exp": at - 8000},
            "nobody": {"sub": ""},
        }  # fmt: skip
        claims |= lies.get(self.lie, {})
        header: dict[str, Any] = {"alg": "ES256", "kid": self._key.kid}
        if self.lie == "unsigned":
            parts = ({"alg": "none"}, claims)
            return ".".join(_b64(json.dumps(part).encode()) for part in parts) + "."
        if self.lie == "symmetric":  # with what everybody knows as the secret
            public = OctKey.import_key(json.dumps(self._key.as_dict(private=False)))
            return jwt.encode(header | {"alg": "HS256"}, claims, public)
        if self.lie in {"stranger", "own_keys"}:
            key = _new_key(str(self._key.kid))
            if self.lie == "own_keys":
                header |= {"jku": f"{self.issuer}/mine", "jwk": key.as_dict(private=False)}
            return jwt.encode(header, claims, key)
        return jwt.encode(header, claims, self._key)


class ProviderServer:
    """The provider on a port of its own."""

    def __init__(self, provider: Provider, port: int = 0) -> None:
        handler = type("Here", (_Handler,), {"provider": provider})
        self._server = ThreadingHTTPServer(("127.0.0.1", port), handler)
        self._server.daemon_threads = True
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.02,))
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}"
        provider.issuer = self.url

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()


class _Handler(BaseHTTPRequestHandler):
    provider: Provider

    def do_GET(self) -> None:
        """Discovery, keys, and the page where people sign in."""
        address = urlsplit(self.path)
        if address.path != "/authorize":
            self._say(*self.provider.answer(address.path))
            return
        back = self.provider.authorize(_flat(address.query))
        if back is None:
            self._say(400, {"error": "invalid_request"})
            return
        self.send_response(302)
        self.send_header("Location", back)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def do_POST(self) -> None:
        """A code."""
        length = min(int(self.headers.get("Content-Length", "0")), BODY_BYTES_MAX)
        form = _flat(self.rfile.read(length).decode())
        if urlsplit(self.path).path != "/token":
            self._say(404, {})
            return
        self._say(*self.provider.token(form, _basic(self.headers.get("Authorization", ""))))

    def _say(self, status: int, body: dict[str, Any]) -> None:
        content = json.dumps(body).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    @override
    def log_message(self, format: str, *args: Any) -> None:
        """Nothing: whoever wants to know asks the provider."""


def _new_key(id_: str) -> ECKey:
    return ECKey.generate_key("P-256", {"kid": id_})


def _flat(query: str) -> dict[str, str]:
    return {name: values[0] for name, values in parse_qs(query).items()}


def _basic(header: str) -> tuple[str, str]:
    scheme, _, said = header.partition(" ")
    if scheme.lower() != "basic":
        return "", ""
    name, _, secret = base64.b64decode(said).decode().partition(":")
    return unquote(name), unquote(secret)


def _b64(content: bytes) -> str:
    return base64.urlsafe_b64encode(content).rstrip(b"=").decode()
