"""Signing in at a provider: the authorization code flow of OpenID Connect Core 1.0, with PKCE.

What must be remembered between the two steps (state, nonce, the verifier of RFC 7636) is sealed
and kept by the client that began, so any process can finish what another has begun, and a code
that comes from elsewhere opens nothing.
"""

from __future__ import annotations

import hmac
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from time import monotonic
from typing import Any

import httpx2
import msgspec
from authlib.integrations.base_client import OAuthError  # type: ignore[import-untyped]
from authlib.integrations.httpx_client import (  # type: ignore[import-untyped]
    AsyncOAuth2Client,
)

from crm_api.kept import Kept, NotKept
from crm_api.providers.fetching import (
    SECONDS_MAX,
    ProviderAway,
    fetch_object,
    new_client,
)
from crm_api.providers.keys import IssuerKeys, keys_at
from crm_api.providers.settings import OidcSettings, is_loopback
from crm_api.providers.verifier import Verifier
from crm_core import Clock

__all__ = ["Begun", "OidcProvider", "ProviderRefused"]

FLOW_MINUTES = 10
_METADATA_SECONDS = 3_600.0


class ProviderRefused(Exception):
    """What came back does not prove who somebody is; `cause` is a word for the log."""

    def __init__(self, cause: str) -> None:
        super().__init__(cause)
        self.cause = cause


@dataclass(frozen=True, slots=True)
class Begun:
    """Where the person goes next, and what the client keeps until they come back."""

    url: str
    flow: str


class _Flow(msgspec.Struct, frozen=True):
    state: str
    nonce: str
    verifier: str


class _Metadata(msgspec.Struct, frozen=True):
    """What is used of the provider's metadata (OpenID Connect Discovery 1.0, section 3)."""

    issuer: str
    authorization_endpoint: str
    token_endpoint: str
    jwks_uri: str
    token_endpoint_auth_methods_supported: tuple[str, ...] = ("client_secret_basic",)
    authorization_response_iss_parameter_supported: bool = False


class OidcProvider:
    """One provider. `secret` is the server's own, from which the key of flows is made."""

    def __init__(self, settings: OidcSettings, secret: bytes, clock: Clock) -> None:
        self.settings = settings
        self._clock = clock
        self._flows = Kept(_Flow, "crm-api oidc flow", secret, clock, minutes=FLOW_MINUTES)
        self._client = new_client()
        self._metadata: _Metadata | None = None
        self._metadata_at = 0.0
        self._keys: IssuerKeys | None = None

    async def close(self) -> None:
        await self._client.aclose()

    async def begin(self) -> Begun:
        """Raises ProviderAway."""
        metadata = await self._discovered()
        flow = _Flow(
            state=secrets.token_urlsafe(32),
            nonce=secrets.token_urlsafe(32),
            verifier=secrets.token_urlsafe(48),
        )
        async with self._oauth(metadata) as oauth:
            url, _ = oauth.create_authorization_url(
                metadata.authorization_endpoint,
                state=flow.state,
                nonce=flow.nonce,
                code_verifier=flow.verifier,
                **self._wished_contexts(),
            )
        return Begun(url, self._flows.seal(flow))

    async def finish(
        self, flow: str, code: str, state: str, issuer: str | None = None
    ) -> Mapping[str, Any]:
        """The claims of who has signed in. `issuer` as the provider has said it beside the code
        (RFC 9207). Raises ProviderRefused or ProviderAway.
        """
        try:
            begun = self._flows.open(flow)
        except NotKept as lost:
            raise ProviderRefused(lost.cause) from None
        if not hmac.compare_digest(begun.state.encode(), state.encode("utf-8", "replace")):
            raise ProviderRefused("state")
        metadata = await self._discovered()
        if issuer != metadata.issuer and (
            issuer is not None or metadata.authorization_response_iss_parameter_supported
        ):
            raise ProviderRefused("issuer")
        claims = await self._verifier(metadata).claims(await self._redeemed(metadata, code, begun))
        if claims is None:
            raise ProviderRefused("token")
        nonce = claims.get("nonce")
        if not isinstance(nonce, str) or not hmac.compare_digest(
            nonce.encode(), begun.nonce.encode()
        ):
            raise ProviderRefused("nonce")
        return claims

    def _wished_contexts(self) -> dict[str, str]:
        """Those that count, so that the provider may ask for more than one factor."""
        contexts = " ".join(sorted(self.settings.strong.acr))
        return {"acr_values": contexts} if contexts else {}

    async def _redeemed(self, metadata: _Metadata, code: str, begun: _Flow) -> str:
        try:
            async with self._oauth(metadata) as oauth:
                answer = await oauth.fetch_token(
                    metadata.token_endpoint, code=code, code_verifier=begun.verifier
                )
        except OAuthError:
            raise ProviderRefused("code") from None
        except (httpx2.HTTPError, ValueError) as error:
            raise ProviderAway(type(error).__name__) from None
        token = answer.get("id_token")
        if not isinstance(token, str):
            raise ProviderRefused("no token")
        return token

    def _oauth(self, metadata: _Metadata) -> AsyncOAuth2Client:
        settings = self.settings
        method = "client_secret_basic"
        if settings.client_secret is None:
            method = "none"
        elif method not in metadata.token_endpoint_auth_methods_supported:
            method = "client_secret_post"
        return AsyncOAuth2Client(
            client_id=settings.client_id,
            client_secret=settings.client_secret,
            token_endpoint_auth_method=method,
            scope=settings.scope,
            redirect_uri=settings.redirect_uri,
            code_challenge_method="S256",
            timeout=SECONDS_MAX,
        )

    def _verifier(self, metadata: _Metadata) -> Verifier:
        if self._keys is None:
            self._keys = keys_at(self._client, metadata.jwks_uri)
        settings = self.settings
        return Verifier(
            settings.issuer, settings.client_id, self._keys, self._clock, settings.algorithms
        )

    async def _discovered(self) -> _Metadata:
        if self._metadata is None or monotonic() >= self._metadata_at + _METADATA_SECONDS:
            self._metadata = await self._discover()
            self._metadata_at = monotonic()
        return self._metadata

    async def _discover(self) -> _Metadata:
        """Raises ProviderAway, also where it speaks of another issuer or of plain HTTP."""
        place = f"{self.settings.issuer.rstrip('/')}/.well-known/openid-configuration"
        try:
            metadata = msgspec.convert(await fetch_object(self._client, place), _Metadata)
        except msgspec.ValidationError:
            raise ProviderAway("metadata") from None
        if metadata.issuer != self.settings.issuer:
            raise ProviderAway("another issuer")
        for url in (metadata.authorization_endpoint, metadata.token_endpoint, metadata.jwks_uri):
            if not url.startswith("https://") and not is_loopback(url):
                raise ProviderAway("plain HTTP")
        if self._metadata is not None and self._metadata.jwks_uri != metadata.jwks_uri:
            self._keys = None
        return metadata
