"""People are let in, put into teams and given keys on the command line; weak settings are not."""

from __future__ import annotations

import base64
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from uuid import UUID

import psycopg
import pytest
from pydantic import SecretStr, ValidationError
from typer.testing import CliRunner

from crm_api.cli import main
from crm_api.cli.settings import Settings, require_strong
from crm_api.providers.strength import MFA, Strength
from crm_api.signing_in import SecondFactor
from crm_core import SYSTEM, Crm, Invalid, Rejected, SetupError
from crm_core.audit.signing import new_key_line
from crm_core.engagement import CreateTask
from crm_core.identity import User, UserStatus

ROOT_KEY = bytes(range(32))
STRONG = bytes(range(7, 39))


@pytest.fixture
def crm(database_url: str, monkeypatch: pytest.MonkeyPatch) -> Any:
    """Runs a command line, and gives the lines that it prints."""
    monkeypatch.setenv("CRM_DATABASE_URL", database_url)
    monkeypatch.setenv("CRM_ROOT_KEY", base64.b64encode(ROOT_KEY).decode())
    monkeypatch.setenv("CRM_NEW_PASSWORD", "correct horse battery staple")

    def run(*arguments: str) -> list[str]:
        result = CliRunner().invoke(main.commands, arguments)
        if result.exception is not None and not isinstance(result.exception, SystemExit):
            raise result.exception
        assert result.exit_code == 0, result.output
        return result.output.splitlines()

    return run


def test_a_company_gets_its_people_teams_roles_and_keys(crm: Any) -> None:
    crm("tenant", "onboard", "Faro", "--email", "anna@example.com", "--administrator", "Anna")
    crm("user", "password", "anna@example.com")
    crm("role", "define", "rep", "--rule", "customer:read,tag:TEAM:contact")
    crm("user", "add", "ben@example.com", "--name", "Ben", "--role", "rep")
    (europe,) = crm("team", "add", "Europe")
    (italy,) = crm("team", "add", "Italy", "--below", europe)
    crm("team", "join", italy, "ben@example.com")
    assert f"{italy}  Italy  {europe}  1" in crm("team", "list")
    assert "rep  customer:read,tag:TEAM:contact" in crm("role", "list")
    key_id, secret = crm(
        "key", "issue", "ben@example.com", "--name", "sync", "--scope", "customer.read"
    )
    assert secret.startswith(f"crmk_{UUID(key_id).hex}_")
    (listed,) = crm("key", "list")
    assert listed.startswith(f"{key_id}  sync  ")
    crm("key", "revoke", key_id)
    assert crm("key", "list") == []
    assert [line.split("  ")[1:] for line in crm("user", "list")] == [
        ["anna@example.com", "Anna", "ACTIVE", "admin"],
        ["ben@example.com", "Ben", "ACTIVE", "rep"],
    ]
    assert crm("user", "passkeys", "ben@example.com") == []
    crm("user", "remove-passkey", "ben@example.com", str(UUID(int=1)))  # as often as one likes
    crm("user", "turn-off-sent-codes", "ben@example.com")
    crm("user", "suspend", "ben@example.com")
    with pytest.raises(Exception, match=r"user\.last_administrator"):
        crm("user", "revoke", "anna@example.com", "admin")


def test_what_a_user_owns_is_printed_and_goes_to_whoever_is_named(
    crm: Any, database_url: str
) -> None:
    crm("tenant", "onboard", "Faro", "--email", "anna@example.com", "--administrator", "Anna")
    for name in ("ben", "cara"):
        crm("user", "add", f"{name}@example.com", "--name", name, "--role", "sales")
    assert crm("user", "owned", "ben@example.com") == ["Nothing."]
    ids = {line.split("  ")[1]: line.split("  ")[0] for line in crm("user", "list")}
    ben, cara = ids["ben@example.com"], ids["cara@example.com"]
    with Crm.sync.open(database_url, root_key=ROOT_KEY) as opened:
        for _ in range(3):
            task = CreateTask(title="!", due_at=datetime.now(UTC), assignee_id=UUID(ben))
            opened.execute(task, SYSTEM)
    *listed, total = crm("user", "owned", "ben@example.com", "--limit", "2")
    assert [line.split("  ")[0] for line in listed] == ["task", "task"]
    assert total == "In all: task 3."
    with pytest.raises(Rejected, match=r"user\.owns_records"):
        crm("user", "deactivate", "ben@example.com")
    (said,) = crm("user", "deactivate", "ben@example.com", "--successor", "cara@example.com")
    assert ben in said
    assert crm("user", "owned", ben)[-1] == "In all: task 3."  # no server has run yet
    crm("user", "hand-over", ben, "--successor", "anna@example.com")  # on second thoughts
    crm("user", "deactivate", "cara@example.com")
    with Crm.sync.open(database_url, root_key=ROOT_KEY) as opened:
        assert ids["anna@example.com"] == str(opened.get(User, UUID(ben)).successor_id)
        assert opened.get(User, UUID(cara)).status is UserStatus.DEACTIVATED


def test_whom_a_breach_concerns_is_printed_and_what_was_asked_is_in_the_log(
    crm: Any, database_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    crm("tenant", "onboard", "Faro", "--email", "anna@example.com", "--administrator", "Anna")
    crm("user", "add", "ben@example.com", "--name", "Ben", "--role", "auditor")
    crm("audit", "search", "activated")
    said = crm("access", "breach", "ben@example.com", "--from", "2020-01-01", "--to", "2100-01-01")
    assert said[0] == "Of something personal, not every read is in the log of this span."
    assert sum(line.startswith("could-see  user  ") for line in said) == 2
    (tmp_path / "audit.key").write_text(new_key_line())
    monkeypatch.setenv("CRM_AUDIT_KEY_FILE", str(tmp_path / "audit.key"))
    crm("export", str(tmp_path / "ledger"))
    with pytest.raises(Invalid, match="from"):
        crm("access", "breach", "ben@example.com", "--from", "once", "--to", "2100-01-01")
    with psycopg.connect(database_url) as owner:
        found = owner.execute(
            "select how, operation, actor_id, record_kinds from audit.reads order by recorded_at"
        ).fetchall()
    assert found == [
        ("cli", "auditTrail", "crm", ["user", "user"]),
        ("cli", "breachScope", "crm", ["user"]),
        ("export", "export", "crm", []),
    ]


@pytest.mark.parametrize("mode", ["off", "matters", "all"])
def test_the_log_of_reads_has_three_modes(monkeypatch: pytest.MonkeyPatch, mode: str) -> None:
    monkeypatch.setenv("CRM_READ_LOG", mode)
    assert Settings().read_log.value == mode


def test_another_mode_of_the_log_of_reads_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CRM_READ_LOG", "some")
    with pytest.raises(ValidationError, match="read_log"):
        Settings()


def test_a_setting_of_another_shape_is_one_line_with_a_code(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("CRM_PORT", "abc")
    monkeypatch.setattr("sys.argv", ["crm", "serve"])
    with pytest.raises(SystemExit) as ended:
        main.app()
    assert ended.value.code == 1
    said = capsys.readouterr().err
    assert said.startswith("cli.bad_setting  CRM_PORT: ")
    assert said.count("\n") == 1


@pytest.mark.parametrize(
    ("settings", "key", "code"),
    [
        ({"behind_tls": True}, bytes(32), "serve.weak_root_key"),
        ({"behind_tls": True}, ROOT_KEY, "serve.weak_root_key"),
        ({}, STRONG, "serve.weak_transport"),
        ({"behind_tls": True, "database_url": "postgresql://db.example/crm"}, STRONG,
         "serve.weak_database_tls"),
        ({"behind_tls": True, "database_url": "postgresql://db.example/crm?sslmode=require"},
         STRONG, "serve.weak_database_tls"),
        ({"behind_tls": True, "redis_url": "redis://cache.example"}, STRONG,
         "serve.weak_redis_tls"),
        ({"behind_tls": True, "redis_url": "rediss://cache.example?ssl_cert_reqs=none"}, STRONG,
         "serve.weak_redis_tls"),
        ({"behind_tls": True, "proxies": "*"}, STRONG, "serve.weak_proxies"),
    ],
)  # fmt: skip
def test_production_refuses_what_is_fit_for_a_desk_only(
    settings: dict[str, Any], key: bytes, code: str
) -> None:
    weak = Settings(**settings)
    require_strong(weak, key)
    with pytest.raises(SetupError) as refused:
        require_strong(weak.model_copy(update={"production": True}), key)
    assert refused.value.code == code


@pytest.mark.parametrize(
    "url",
    ["postgresql://db.example/crm?sslmode=verify-full", "postgresql://127.0.0.1/crm",
     "postgresql:///crm?host=/run/postgresql"],
)  # fmt: skip
def test_production_takes_what_is_strong(url: str) -> None:
    strong = Settings(production=True, behind_tls=True, database_url=SecretStr(url))
    require_strong(strong, STRONG)


@pytest.mark.parametrize(
    "url",
    ["rediss://cache.example:6380?ssl_ca_certs=/etc/ours.pem", "redis://127.0.0.1:6379",
     "unix:///run/redis.sock"],
)  # fmt: skip
def test_production_takes_a_redis_that_is_here_or_verified(url: str) -> None:
    strong = Settings(production=True, behind_tls=True, redis_url=SecretStr(url))
    require_strong(strong, STRONG)


OIDC = {
    "oidc_issuer": "https://accounts.example.com", "oidc_client_id": "crm",
    "oidc_client_secret": SecretStr("s"), "oidc_redirect_uri": "https://app.example.com/back",
}  # fmt: skip
JWT = {
    "jwt_issuer": "https://accounts.example.com", "jwt_audience": "crm",
    "jwt_keys": "https://accounts.example.com/jwks",
}  # fmt: skip

PASSKEYS = {"webauthn_rp_id": "example.com", "webauthn_origins": "https://app.example.com"}


@pytest.mark.parametrize(
    "weak",
    [
        OIDC | {"oidc_issuer": "http://localhost:9000"},
        OIDC | {"oidc_redirect_uri": "http://localhost:3000/back"},
        OIDC | {"oidc_client_secret": None},
        OIDC | {"oidc_client_secret": SecretStr("")},
        JWT | {"jwt_issuer": "http://localhost:9000"},
        JWT | {"jwt_keys": "http://localhost:9000/jwks"},
        {"webauthn_rp_id": "localhost", "webauthn_origins": "http://localhost:3000"},
    ],
    ids=str,
)
def test_production_refuses_a_way_in_that_cannot_be_trusted(weak: dict[str, Any]) -> None:
    require_strong(Settings(**OIDC, **JWT, **PASSKEYS, production=True, behind_tls=True), STRONG)
    require_strong(Settings(**weak), STRONG)
    with pytest.raises(SetupError) as refused:
        require_strong(Settings(**weak, production=True, behind_tls=True), STRONG)
    assert refused.value.code == "serve.weak_provider"


def test_production_refuses_to_write_codes_to_a_folder() -> None:
    spooling = {"code_spool_dir": Path("spool")}
    assert Settings(**spooling).ways_in().code_sender is not None
    with pytest.raises(SetupError) as refused:
        require_strong(Settings(**spooling, production=True, behind_tls=True), STRONG)
    assert refused.value.code == "serve.weak_code_sender"


@pytest.mark.parametrize(
    ("given", "code"),
    [
        (OIDC | {"oidc_client_id": None}, "serve.provider_incomplete"),
        (JWT | {"jwt_keys": None}, "serve.issuer_incomplete"),
        (OIDC | {"oidc_algorithms": "RS256,HS256"}, "serve.algorithm_not_allowed"),
        (JWT | {"jwt_algorithms": "none"}, "serve.algorithm_not_allowed"),
        (JWT | {"jwt_algorithms": ""}, "serve.algorithm_not_allowed"),
        (OIDC | {"oidc_issuer": "http://accounts.example.com"}, "serve.plain_http"),
        (OIDC | {"oidc_client_secret": None, "oidc_client_secret_file": Path("/nowhere")},
         "serve.secret_unreadable"),
        (OIDC | {"oidc_strong": "mfa"}, "serve.strength_unknown"),
        (OIDC | {"oidc_strong": "amr=mfa,sub=rosa"}, "serve.strength_unknown"),
        (JWT | {"jwt_strong": "acr="}, "serve.strength_unknown"),
        (PASSKEYS | {"webauthn_rp_id": None}, "serve.passkeys_incomplete"),
        (PASSKEYS | {"webauthn_origins": ","}, "serve.passkeys_incomplete"),
        (PASSKEYS | {"webauthn_origins": "http://app.example.com"}, "serve.plain_http"),
        (PASSKEYS | {"webauthn_origins": "https://anexample.com"}, "serve.origin_elsewhere"),
        (PASSKEYS | {"webauthn_origins": "https://example.com/"}, "serve.origin_elsewhere"),
    ],
    ids=str,
)  # fmt: skip
def test_a_way_in_that_cannot_work_is_refused_at_the_start(
    given: dict[str, Any], code: str
) -> None:
    with pytest.raises(SetupError) as refused:
        Settings(**given).ways_in()
    assert refused.value.code == code


def test_the_command_line_works_where_a_second_factor_is_demanded(
    crm: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is the operator's, and opens no session."""
    monkeypatch.setenv("CRM_SECOND_FACTOR", "demanded")
    crm("tenant", "onboard", "Faro", "--email", "anna@example.com", "--administrator", "Anna")
    crm("user", "password", "anna@example.com")
    issued = crm("key", "issue", "anna@example.com", "--name", "sync", "--scope", "*.read")
    assert any("crmk_" in line for line in issued)
    assert any("anna@example.com" in line for line in crm("user", "list"))


def test_what_counts_as_strong_at_a_provider_is_named_claim_by_claim() -> None:
    ways = Settings(**OIDC, **JWT, oidc_strong="amr=mfa, acr=urn:x=2,amr=hwk").ways_in()
    assert ways.oidc is not None
    assert ways.bearer is not None
    assert ways.oidc.strong == Strength(frozenset({"mfa", "hwk"}), frozenset({"urn:x=2"}))
    assert ways.bearer.strong == MFA
    ways = Settings(**OIDC, oidc_strong="").ways_in()
    assert ways.oidc is not None
    assert ways.oidc.strong == Strength()


def test_a_second_factor_is_offered_unless_it_is_demanded(monkeypatch: pytest.MonkeyPatch) -> None:
    assert Settings().ways_in().second_factor is SecondFactor.OFFERED
    monkeypatch.setenv("CRM_SECOND_FACTOR", "demanded")
    assert Settings().ways_in().second_factor is SecondFactor.DEMANDED
    monkeypatch.setenv("CRM_SECOND_FACTOR", "sometimes")
    with pytest.raises(ValidationError, match="'offered' or 'demanded'"):
        Settings()


def test_the_secret_of_the_provider_comes_by_a_file(tmp_path: Path) -> None:
    (tmp_path / "secret").write_text("from a file\n")
    given = OIDC | {"oidc_client_secret": None, "oidc_client_secret_file": tmp_path / "secret"}
    ways = Settings(**given).ways_in()
    assert ways.oidc is not None
    assert ways.oidc.client_secret == "from a file"


def test_production_refuses_a_debugging_interpreter(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PYTHONASYNCIODEBUG", "1")
    with pytest.raises(SetupError) as refused:
        require_strong(Settings(production=True, behind_tls=True), STRONG)
    assert refused.value.code == "serve.weak_debugging"
