"""What the environment says: CRM_DATABASE_URL, CRM_DATA_DIR, CRM_ROOT_KEY and the like."""

from __future__ import annotations

import base64
import os
import secrets
import sys
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

from psycopg.conninfo import conninfo_to_dict
from pydantic import SecretStr

from crm_api.bulk import EXPORT_ROWS_MAX
from crm_api.cli.sign_in_settings import SignInSettings
from crm_api.http.allowance import STANDARD, Allowance
from crm_api.http.profile import Profile
from crm_api.providers.settings import is_loopback
from crm_core import SetupError
from crm_core.audit.log import Signer
from crm_core.audit.reads import ReadMode
from crm_core.audit.signing import AuditKeys, Memory, made_key_file
from crm_core.embedded import default_data_dir
from crm_core.ledger.aggregate_store import SNAPSHOT_EVERY
from crm_core.privacy.cipher import KEY_BYTES
from crm_core.privacy.root import HeldRootKeys

__all__ = ["Settings", "audit_signer", "require_strong", "root_key"]

_KEY_VARIETY_MIN = 16  # different bytes among 32; random ones have about 30
_REDIS_WEAKENED_BY = {"ssl_cert_reqs", "ssl_check_hostname", "ssl_exclude_verify_flags"}


class Settings(SignInSettings):
    """Secrets come by the environment or by a file, never by an argument that others can see."""

    database_url: SecretStr | None = None
    """A PostgreSQL 15 or newer; without it, an embedded one in `data_dir`."""
    data_dir: Path | None = None
    """Where the embedded server keeps its data; `.crm` in the current folder, unless set."""
    redis_url: SecretStr | None = None
    """A Redis for wake-ups between processes; without it they look a few times a second."""
    root_key: SecretStr | None = None
    """32 bytes in base64; wraps every other key. With the embedded server one is made. Former ones
    may follow after white space, until `crm keys rotate --root` has run.
    """
    root_key_file: Path | None = None
    audit_key_file: Path | None = None
    """The keys that sign checkpoints; where the database's roles cannot read. See AuditKeys."""
    audit_memory_dir: Path | None = None
    """What was signed last, outside the database too; beside the key file, unless set."""
    audit_name: str = "crm"
    """What the origin of a checkpoint begins with; a new one begins a new log."""
    tenant: str = "main"
    snapshot_every: int = SNAPSHOT_EVERY
    """A record that has more events is loaded by a snapshot; 0 takes none."""
    production: bool = False
    """Refuses to serve with settings that are fit for a desk only."""
    behind_tls: bool = False
    """Says that a proxy in front speaks TLS; needed in production."""
    proxies: str = "127.0.0.1"
    """Whose `X-Forwarded-For` and `X-Forwarded-Proto` are believed: addresses and networks, with
    commas between.
    """
    cost_maximum: int = STANDARD.maximum
    """The points that a user or a program may ask for at once; see `extensions.cost`."""
    cost_restored: int = STANDARD.restored
    """How many of them come back in a second."""
    profile: Profile = Profile.THIRD_PARTY
    """`first-party` runs trusted documents only; `third-party` any, and shows the schema."""
    queries_by_get: bool = False
    """Takes queries by GET too; what is asked for is then in URLs, which proxies write down."""
    read_log: ReadMode = ReadMode.MATTERS
    """Whose reads are recorded: `off`, `matters`, or `all` that shows something personal."""
    trusted_documents: Path | None = None
    """A manifest of documents that may be asked for by their hash, or a folder of such."""
    files_dir: Path | None = None
    """Where uploads and exports lie for 7 days, in plain; the servers of a tenant share it. `files`
    beside the data, unless set.
    """
    export_rows_max: int = EXPORT_ROWS_MAX
    """How many records leave in one export at most."""
    shutdown_seconds: int = 10
    """What requests have to finish in once the server is told to end."""
    host: str = "127.0.0.1"
    port: int = 8000

    @property
    def redis(self) -> str | None:
        return None if self.redis_url is None else self.redis_url.get_secret_value()

    @property
    def allowance(self) -> Allowance:
        return Allowance(self.cost_maximum, self.cost_restored)

    def place(self) -> Path:
        return self.data_dir or default_data_dir()

    def files(self) -> Path:
        return self.files_dir or self.place() / "files"


def require_strong(settings: Settings, key: bytes) -> None:
    """Raises SetupError `serve.weak_…` for what must not be in production."""
    if not settings.production:
        return
    present = key[:KEY_BYTES]
    if len(set(present)) < _KEY_VARIETY_MIN or present == bytes(range(KEY_BYTES)):
        raise SetupError("serve.weak_root_key", "`crm new-root-key` prints a fresh one")
    if not settings.behind_tls:
        raise SetupError(
            "serve.weak_transport",
            "put a proxy that speaks TLS in front, and say so by CRM_BEHIND_TLS=true",
        )
    if "*" in settings.proxies:
        raise SetupError(
            "serve.weak_proxies", "name the proxies in CRM_PROXIES: others may say they are anybody"
        )
    if sys.flags.dev_mode or os.environ.get("PYTHONASYNCIODEBUG"):
        raise SetupError("serve.weak_debugging", "start Python without its debugging modes")
    settings.require_strong_sign_in()
    if settings.database_url is not None:
        _require_verified(settings.database_url.get_secret_value())
    if settings.redis is not None:
        _require_verified_redis(settings.redis)


def _require_verified(url: str) -> None:
    """Raises SetupError where a database elsewhere is believed to be what it says it is."""
    given = conninfo_to_dict(url)
    host = str(given.get("host") or "")
    is_here = host in ("", "localhost", "127.0.0.1", "::1") or host.startswith("/")
    if not is_here and given.get("sslmode") != "verify-full":
        raise SetupError(
            "serve.weak_database_tls",
            "add sslmode=verify-full and sslrootcert to CRM_DATABASE_URL",
            sslmode=given.get("sslmode", "prefer"),
        )


def _require_verified_redis(url: str) -> None:
    """Raises SetupError where a Redis elsewhere is spoken to in plain, or not asked who it is."""
    parts = urlsplit(url)
    is_here = parts.scheme == "unix" or is_loopback(url)
    is_verified = parts.scheme == "rediss" and not _REDIS_WEAKENED_BY & parse_qs(parts.query).keys()
    if not is_here and not is_verified:
        raise SetupError(
            "serve.weak_redis_tls",
            "let CRM_REDIS_URL begin with rediss://, and have its certificate and name checked",
        )


def root_key(settings: Settings) -> bytes:
    """The bytes that wrap every other key, as `HeldRootKeys` takes them. Raises SetupError
    `root_key.*`.
    """
    if settings.root_key is not None:
        return HeldRootKeys.parse(settings.root_key.get_secret_value()).keys
    if settings.root_key_file is not None:
        return HeldRootKeys.from_file(settings.root_key_file).keys
    if settings.database_url is not None:
        raise SetupError(
            "root_key.missing",
            "set CRM_ROOT_KEY or CRM_ROOT_KEY_FILE; `crm new-root-key` prints a fresh one."
            " Keep it apart from the database: without it personal data cannot be read",
        )
    return _made(settings.place() / "root.key")


def audit_signer(settings: Settings) -> Signer | None:
    """Who signs checkpoints; None with a database that was given, and no key file."""
    path = settings.audit_key_file
    if path is not None:
        keys = AuditKeys.read(path)
    elif settings.database_url is None:
        path = settings.place() / "audit.key"
        keys = made_key_file(path)
    else:
        return None
    memory = settings.audit_memory_dir or path.with_name(path.name + ".signed")
    return Signer(keys, Memory(memory), settings.audit_name)


def _made(path: Path) -> bytes:
    """The key beside the embedded server's data, made at the first start."""
    try:
        handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        return HeldRootKeys.from_file(path).keys
    with os.fdopen(handle, "w") as file:
        file.write(base64.b64encode(secrets.token_bytes(KEY_BYTES)).decode() + "\n")
    return HeldRootKeys.from_file(path).keys
