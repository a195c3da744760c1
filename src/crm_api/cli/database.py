"""`crm migrate`, `crm new-root-key`: making a database ready."""

from __future__ import annotations

import asyncio
import base64
import secrets
from typing import Annotated

import typer
from rich.console import Console

from crm_api.cli.settings import Settings
from crm_core import SetupError
from crm_core.ledger.postgres.migrate import migrate, pending, script
from crm_core.privacy.cipher import KEY_BYTES

console = Console()


def add_to(commands: typer.Typer) -> None:
    commands.command("migrate")(migrate_command)
    commands.command("new-root-key")(new_root_key)


def migrate_command(
    sql: Annotated[bool, typer.Option("--sql", help="Print the SQL and run nothing.")] = False,
    check: Annotated[bool, typer.Option("--check", help="Exit with 1 if there is any to run.")] = (
        False
    ),
) -> None:
    """Bring the database that CRM_DATABASE_URL names up to date."""
    if sql:
        print(script())
        return
    settings = Settings()
    if settings.database_url is None:
        raise SetupError(
            "cli.needs_database_url",
            "set CRM_DATABASE_URL; the embedded server is migrated whenever it starts",
        )
    url = settings.database_url.get_secret_value()
    if check:
        missing = asyncio.run(pending(url))
        console.print("\n".join(missing) if missing else "The database is up to date.")
        raise typer.Exit(1 if missing else 0)
    run = asyncio.run(migrate(url))
    console.print("\n".join(f"ran {name}" for name in run) or "The database was up to date.")


def new_root_key() -> None:
    """Print a fresh root key; keep it where the database is not."""
    print(base64.b64encode(secrets.token_bytes(KEY_BYTES)).decode())
