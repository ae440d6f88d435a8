"""OpenID Connect: the office signs in where the company keeps its people.

    begin      where the browser is sent, with state, nonce and a PKCE challenge
    claims     what came back: the code is changed for an ID token, and that is looked at hard

Whose account it is then: wms.identity.returning. What is imported here comes with the extra `sso`.

Laws
    The state belongs to one browser (a cookie) and is good once, for ten minutes.
    The verifier never leaves the server; a code that was stolen on its way is worth nothing.
    Of an ID token the signature counts, by a key that the provider publishes at the address that
    its own discovery names, with an algorithm of `ALGORITHMS`; keys or addresses in the token's
    header do not. Issuer, audience, nonce, authorised party and times must be right.
    The provider is asked between transactions.

Source: OpenID Connect Core 1.0; RFC 7636 (PKCE); RFC 9700 (OAuth security); RFC 8725 (JWT).
"""

import secrets
from datetime import datetime, timedelta
from hashlib import sha256
from typing import Any
from urllib.parse import urlencode, urlsplit

import httpx2
from authlib.oauth2.rfc7636 import create_s256_code_challenge
from authlib.oidc.core import CodeIDToken
from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import KeySet
from sqlalchemy.orm import Session

from wms.identity.model import OneTime
from wms.identity.returning import LASTS, Begun, ProviderAway, SignInRefused
from wms.people.secrets import hash_of

ALGORITHMS = ["RS256", "PS256", "ES256", "EdDSA"]
LEEWAY_S = 60
TIMEOUT_S = 5.0
KEYS_LAST = timedelta(minutes=10)
SCOPE = "openid profile email"
_LOOPBACK = {"127.0.0.1", "::1", "localhost"}


class Provider:
    """The one that the settings name. Safe for threads."""

    def __init__(self, issuer: str, client_id: str, client_secret: str, callback: str) -> None:
        if urlsplit(issuer).scheme != "https" and urlsplit(issuer).hostname not in _LOOPBACK:
            raise ValueError(f"SOKO_OIDC_ISSUER={issuer}: a provider is asked by https")
        self.issuer = issuer
        self._client_id, self._secret, self._callback = client_id, client_secret, callback
        self._http = httpx2.Client(timeout=TIMEOUT_S, trust_env=False, follow_redirects=False)
        self._known: tuple[datetime, dict[str, Any], KeySet] | None = None

    def begin(self, session: Session, back: str, *, now: datetime) -> Begun:
        """Keep what the way back is judged by.

        Raises:
            ProviderAway: it does not answer.
        """
        about, _ = self._about(now)
        state, nonce, verifier, binding = (secrets.token_urlsafe(48) for _ in range(4))
        facts = {
            "nonce": nonce, "verifier": verifier, "back": back,
            "binding": sha256(binding.encode()).hexdigest(),
        }  # fmt: skip
        session.add(
            OneTime(hash=hash_of(state), purpose="SIGN_IN", facts=facts, until_at=now + LASTS)
        )
        asked = {
            "response_type": "code", "client_id": self._client_id, "scope": SCOPE,
            "redirect_uri": self._callback, "state": state, "nonce": nonce,
            "code_challenge": create_s256_code_challenge(verifier),
            "code_challenge_method": "S256",
        }  # fmt: skip
        return Begun(address=f"{about['authorization_endpoint']}?{urlencode(asked)}",
                     binding=binding)  # fmt: skip

    def claims(self, code: str, facts: dict[str, Any], *, now: datetime) -> dict[str, Any]:
        """Who it is, as the provider says for that code.

        Raises:
            SignInRefused, ProviderAway: nobody.
        """
        about, keys = self._about(now)
        form = {
            "grant_type": "authorization_code", "code": code, "redirect_uri": self._callback,
            "code_verifier": facts["verifier"],
        }  # fmt: skip
        answer = self._ask("POST", about["token_endpoint"], data=form,
                           auth=(self._client_id, self._secret))  # fmt: skip
        try:
            token = jwt.decode(answer["id_token"], keys, algorithms=ALGORITHMS)
        except (JoseError, ValueError, KeyError, TypeError):
            try:  # the provider may have changed its keys a moment ago
                self._known = None
                _, keys = self._about(now)
                token = jwt.decode(answer["id_token"], keys, algorithms=ALGORITHMS)
            except (JoseError, ValueError, KeyError, TypeError) as error:
                raise SignInRefused("the ID token is not the provider's") from error
        return self._checked(token.header, token.claims, facts["nonce"], now)

    def _checked(
        self, header: dict[str, Any], said: dict[str, Any], nonce: str, now: datetime
    ) -> dict[str, Any]:
        wanted = {
            "iss": {"essential": True, "value": self.issuer},
            "aud": {"essential": True, "value": self._client_id},
        }
        params = {"nonce": nonce, "client_id": self._client_id}
        claims = CodeIDToken(said, header, options=wanted, params=params)
        try:
            claims.validate(now=int(now.timestamp()), leeway=LEEWAY_S)
        except (JoseError, ValueError, TypeError) as error:
            raise SignInRefused("the ID token is not for us, or not for now") from error
        if not isinstance(said.get("sub"), str) or not said["sub"]:
            raise SignInRefused("the ID token names nobody")
        return said

    def _about(self, now: datetime) -> tuple[dict[str, Any], KeySet]:
        if self._known is not None and now - self._known[0] < KEYS_LAST:
            return self._known[1], self._known[2]
        about = self._ask("GET", f"{self.issuer.rstrip('/')}/.well-known/openid-configuration")
        if about.get("issuer") != self.issuer:
            raise SignInRefused("the provider is another one than it says")
        try:
            keys = KeySet.import_key_set(self._ask("GET", about["jwks_uri"]))  # type: ignore[arg-type]
        except (JoseError, ValueError, KeyError) as error:
            raise ProviderAway("the provider's keys are not understood") from error
        self._known = now, about, keys
        return about, keys

    def _ask(self, method: str, url: str, **more: Any) -> dict[str, Any]:
        try:
            answer = self._http.request(method, url, **more)
            said = answer.json()
        except (httpx2.HTTPError, ValueError) as error:
            raise ProviderAway("the provider of identities does not answer") from error
        if answer.is_server_error:
            raise ProviderAway("the provider of identities cannot now")
        if not answer.is_success or not isinstance(said, dict):
            raise SignInRefused("the provider of identities says no")
        return said
