"""A real OpenID provider on loopback, which can be told to say what a provider must not.

It is `oidc-provider-mock`; around it, PKCE is checked as RFC 7636 has it, and tokens can be signed
anew by a key that the provider publishes too.
"""

from __future__ import annotations

import base64
import hashlib
import json
import threading
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any
from urllib.parse import parse_qs, urlsplit

import flask
import httpx
from joserfc import jwt
from joserfc.jwk import Key, RSAKey
from werkzeug.serving import make_server

with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # it has not left authlib.jose yet
    import oidc_provider_mock

__all__ = ["SigningProvider", "provider"]

Forge = Callable[[dict[str, Any]], str]


class SigningProvider:
    """`forge`, where it is set, makes the ID token of the claims that the provider would send."""

    def __init__(self) -> None:
        self.address = ""
        self.forge: Forge | None = None
        self.key: Key = RSAKey.generate_key(2048, auto_kid=True)
        self.challenges: dict[str, str] = {}
        self.refused: list[str] = []
        self.app = oidc_provider_mock.app(
            user_claims=[
                oidc_provider_mock.User(
                    sub="verified", claims={"email": "v@example.com", "email_verified": True}
                ),
            ]
        )
        self.app.before_request(self._check_challenge)
        self.app.after_request(self._changed)

    def signed(
        self, claims: dict[str, Any], key: Key | None = None, alg: str = "RS256", typ: str = "JWT"
    ) -> str:
        """By the other key that the provider publishes, unless one is given."""
        key = key or self.key
        header = {"alg": alg, "kid": key.kid, "typ": typ}
        return jwt.encode(header, claims, key, algorithms=[alg])

    async def authorize(self, url: str, subject: str) -> dict[str, str]:
        """What the person comes back with who signs in here as this subject."""
        asked = parse_qs(urlsplit(url).query)
        async with httpx.AsyncClient(trust_env=False) as browser:
            answer = await browser.post(url, data={"sub": subject})
        assert answer.status_code == 302, answer.text
        back = parse_qs(urlsplit(answer.headers["location"]).query)
        self.challenges[back["code"][0]] = asked["code_challenge"][0]
        assert asked["code_challenge_method"] == ["S256"]
        return {"code": back["code"][0], "state": back["state"][0]}

    def _check_challenge(self) -> Any:
        if not flask.request.path.endswith("/token"):
            return None
        verifier = flask.request.form.get("code_verifier", "")
        digest = hashlib.sha256(verifier.encode()).digest()
        challenge = base64.urlsafe_b64encode(digest).rstrip(b"=").decode()
        if challenge == self.challenges.get(flask.request.form.get("code", "")):
            return None
        self.refused.append("challenge")
        return flask.jsonify({"error": "invalid_grant"}), 400

    def _changed(self, response: flask.Response) -> flask.Response:
        if flask.request.path.endswith("/jwks"):
            keys = json.loads(response.get_data())["keys"]
            keys.append(self.key.as_dict(private=False))
            response.set_data(json.dumps({"keys": keys}))
        elif flask.request.path.endswith("/token") and response.status_code == 200:
            answer = json.loads(response.get_data())
            if self.forge is not None:
                answer["id_token"] = self.forge(_claims(answer["id_token"]))
                response.set_data(json.dumps(answer))
        return response


def _claims(token: str) -> dict[str, Any]:
    body = token.split(".")[1]
    claims: dict[str, Any] = json.loads(base64.urlsafe_b64decode(body + "=" * (-len(body) % 4)))
    return claims


@contextmanager
def provider() -> Iterator[SigningProvider]:
    made = SigningProvider()
    server = make_server("localhost", 0, made.app, threaded=True)
    serving = threading.Thread(target=server.serve_forever, args=(0.02,))
    serving.start()
    made.address = f"http://localhost:{server.server_port}"
    yield made
    server.shutdown()
    serving.join()
    server.server_close()
