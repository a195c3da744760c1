"""What the environment says of the ways in beside the password: CRM_OIDC_…, CRM_JWT_…,
CRM_WEBAUTHN_…
"""

from __future__ import annotations

from pathlib import Path
from urllib.parse import urlsplit

from pydantic import SecretStr
from pydantic_settings import BaseSettings, SettingsConfigDict

from crm_api.providers.settings import (
    ACCESS_TYPE,
    ALGORITHMS,
    STANDARD_ALGORITHMS,
    BearerSettings,
    OidcSettings,
    is_loopback,
)
from crm_api.providers.strength import Strength
from crm_api.sent_codes import SpooledCodes
from crm_api.signing_in import PasskeySettings, SecondFactor, WaysIn
from crm_core import SetupError
from crm_core.identity.breached import BreachedPasswords

__all__ = ["SignInSettings"]


class SignInSettings(BaseSettings):
    """The part of `Settings` that is about signing in."""

    model_config = SettingsConfigDict(env_prefix="CRM_")

    second_factor: SecondFactor = SecondFactor.OFFERED
    """`demanded`: who has shown one factor may do nothing but set up another."""
    oidc_issuer: str | None = None
    """An OpenID provider that people sign in at, as its own metadata names it."""
    oidc_client_id: str | None = None
    oidc_client_secret: SecretStr | None = None
    oidc_client_secret_file: Path | None = None
    oidc_redirect_uri: str | None = None
    """The client's page to which the provider sends people back."""
    oidc_algorithms: str = ",".join(STANDARD_ALGORITHMS)
    """What its tokens may be signed with; nothing else is taken, whatever a token says."""
    oidc_match_email: bool = False
    """Whether an address that the provider has verified links a user at the first sign-in."""
    oidc_strong: str = "amr=mfa"
    """What the provider says of a sign-in that has shown more than one factor, with commas between:
    `amr=…` for one of its methods, `acr=…` for its context.
    """
    jwt_issuer: str | None = None
    """Whose bearer tokens are taken beside ours."""
    jwt_audience: str | None = None
    jwt_keys: str | None = None
    """The issuer's public keys (JWKS): a file, or an address that begins with https."""
    jwt_algorithms: str = ",".join(STANDARD_ALGORITHMS)
    jwt_strong: str = "amr=mfa"
    """The same of those tokens."""
    webauthn_rp_id: str | None = None
    """The domain that passkeys are made for; those of another one are of no use."""
    webauthn_origins: str | None = None
    """The pages that may ask for them, with commas between: `https://app.example.com`."""
    code_spool_dir: Path | None = None
    """For development: a folder to which codes are written that would be sent to users."""
    jwt_type: str = ACCESS_TYPE
    """What they say in `typ` that they are; of issuers that write it on all alike, `JWT`."""

    breached_passwords: Path | None = None
    """Passwords that nobody may choose; see BreachedPasswords."""

    def breached(self) -> BreachedPasswords | None:
        """Raises SetupError where the file is no such list."""
        of = self.breached_passwords
        return None if of is None else BreachedPasswords(of)

    def ways_in(self) -> WaysIn:
        """Raises SetupError where something is missing or cannot be taken."""
        spool = self.code_spool_dir
        return WaysIn(
            oidc=self._oidc(),
            bearer=self._bearer(),
            passkeys=self._passkeys(),
            code_sender=None if spool is None else SpooledCodes(spool),
            second_factor=self.second_factor,
        )

    def require_strong_sign_in(self) -> None:
        """Raises SetupError `serve.weak_…` for what must not be in production."""
        ways = self.ways_in()
        if ways.oidc is not None:
            _require_https("CRM_OIDC_ISSUER", ways.oidc.issuer)
            _require_https("CRM_OIDC_REDIRECT_URI", ways.oidc.redirect_uri)
            if not ways.oidc.client_secret:
                raise SetupError(
                    "serve.weak_provider",
                    "set CRM_OIDC_CLIENT_SECRET or CRM_OIDC_CLIENT_SECRET_FILE",
                )
        if ways.bearer is not None:
            _require_https("CRM_JWT_ISSUER", ways.bearer.issuer)
            if ways.bearer.keys.startswith("http:"):
                _require_https("CRM_JWT_KEYS", ways.bearer.keys)
        if ways.code_sender is not None:
            raise SetupError(
                "serve.weak_code_sender",
                "leave CRM_CODE_SPOOL_DIR unset; a sender of yours is given by `WaysIn`",
            )
        if ways.passkeys is not None:
            for origin in ways.passkeys.origins:
                _require_https("CRM_WEBAUTHN_ORIGINS", origin)

    def _oidc(self) -> OidcSettings | None:
        if self.oidc_issuer is None:
            return None
        if self.oidc_client_id is None or self.oidc_redirect_uri is None:
            raise SetupError(
                "serve.provider_incomplete", "set CRM_OIDC_CLIENT_ID and CRM_OIDC_REDIRECT_URI"
            )
        _require_address("CRM_OIDC_ISSUER", self.oidc_issuer)
        return OidcSettings(
            issuer=self.oidc_issuer,
            client_id=self.oidc_client_id,
            redirect_uri=self.oidc_redirect_uri,
            client_secret=self._client_secret(),
            algorithms=_algorithms("CRM_OIDC_ALGORITHMS", self.oidc_algorithms),
            matches_email=self.oidc_match_email,
            strong=_strength("CRM_OIDC_STRONG", self.oidc_strong),
        )

    def _bearer(self) -> BearerSettings | None:
        if self.jwt_issuer is None:
            return None
        if self.jwt_audience is None or self.jwt_keys is None:
            raise SetupError("serve.issuer_incomplete", "set CRM_JWT_AUDIENCE and CRM_JWT_KEYS")
        _require_address("CRM_JWT_ISSUER", self.jwt_issuer)
        if self.jwt_keys.startswith("http:"):
            _require_address("CRM_JWT_KEYS", self.jwt_keys)
        return BearerSettings(
            issuer=self.jwt_issuer,
            audience=self.jwt_audience,
            keys=self.jwt_keys,
            algorithms=_algorithms("CRM_JWT_ALGORITHMS", self.jwt_algorithms),
            token_type=self.jwt_type,
            strong=_strength("CRM_JWT_STRONG", self.jwt_strong),
        )

    def _passkeys(self) -> PasskeySettings | None:
        if self.webauthn_rp_id is None and self.webauthn_origins is None:
            return None
        origins = _listed(self.webauthn_origins or "")
        if not self.webauthn_rp_id or not origins:
            raise SetupError(
                "serve.passkeys_incomplete", "set CRM_WEBAUTHN_RP_ID and CRM_WEBAUTHN_ORIGINS"
            )
        for origin in origins:
            _require_address("CRM_WEBAUTHN_ORIGINS", origin)
            _require_below(self.webauthn_rp_id, origin)
        return PasskeySettings(self.webauthn_rp_id, origins)

    def _client_secret(self) -> str | None:
        if self.oidc_client_secret is not None:
            return self.oidc_client_secret.get_secret_value()
        if self.oidc_client_secret_file is None:
            return None
        try:
            return self.oidc_client_secret_file.read_text("utf-8").strip()
        except (OSError, UnicodeError) as error:
            raise SetupError(
                "serve.secret_unreadable",
                "CRM_OIDC_CLIENT_SECRET_FILE names a file with nothing but the secret",
                cause=type(error).__name__,
            ) from None


def _algorithms(variable: str, given: str) -> tuple[str, ...]:
    """Raises SetupError for those that work with shared secrets, or with none."""
    named = _listed(given)
    if not named or not ALGORITHMS.issuperset(named):
        raise SetupError(
            "serve.algorithm_not_allowed",
            f"set {variable} to some of {', '.join(sorted(ALGORITHMS))}",
            given=given,
        )
    return named


def _strength(variable: str, given: str) -> Strength:
    """Nothing named: the word of this issuer never counts. Raises SetupError for other claims."""
    said: dict[str, set[str]] = {"amr": set(), "acr": set()}
    for part in _listed(given):
        claim, _, value = part.partition("=")
        if claim not in said or not value:
            raise SetupError(
                "serve.strength_unknown",
                f"set {variable} to values of amr and acr, such as amr=mfa,acr=phr",
                given=part,
            )
        said[claim].add(value)
    return Strength(frozenset(said["amr"]), frozenset(said["acr"]))


def _listed(given: str) -> tuple[str, ...]:
    return tuple(name for part in given.split(",") if (name := part.strip()))


def _require_below(domain: str, origin: str) -> None:
    """Browsers give no passkey of a domain to a page elsewhere, and name pages without a path."""
    parts = urlsplit(origin)
    host = parts.hostname or ""
    is_origin = origin == f"{parts.scheme}://{parts.netloc}"
    if not is_origin or (host != domain and not host.endswith(f".{domain}")):
        raise SetupError(
            "serve.origin_elsewhere",
            "set CRM_WEBAUTHN_ORIGINS to addresses without a path, of the domain"
            " CRM_WEBAUTHN_RP_ID or below it",
            origin=origin,
        )


def _require_address(variable: str, url: str) -> None:
    """Plain HTTP is for providers on this machine."""
    if not url.startswith("https://") and not is_loopback(url):
        raise SetupError("serve.plain_http", f"set {variable} to an address that begins with https")


def _require_https(variable: str, url: str) -> None:
    if not url.startswith("https://"):
        raise SetupError(
            "serve.weak_provider", f"set {variable} to an address that begins with https"
        )
