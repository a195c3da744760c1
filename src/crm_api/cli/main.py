"""The commands, and the one place where an error becomes a sentence and an exit code."""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import Any

import psycopg
import typer
from pydantic import ValidationError
from rich.console import Console

from crm_api.cli import (
    access,
    audit,
    backups,
    breaching,
    checkpoints,
    database,
    explaining,
    importing,
    keys,
    privacy,
    projections,
    queries,
    reading,
    reporting,
    serving,
    snapshots,
    users,
)
from crm_core import CrmError, SetupError
from crm_core.embedded import EmbeddedPostgresError
from crm_core.ledger.postgres.connections import unreachable

__all__ = ["app"]

commands = typer.Typer(
    name="crm",
    help="An event-sourced CRM: serve it, fill it, and ask it what was.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)
serving.add_to(commands)
importing.add_to(commands)
reading.add_to(commands)
explaining.add_to(commands)
reporting.add_to(commands)
queries.add_to(commands)
audit.add_to(commands)
checkpoints.add_to(commands)
database.add_to(commands)
backups.add_to(commands)
snapshots.add_to(commands)
projections.add_to(commands)
keys.add_to(commands)
privacy.add_to(commands)
users.add_to(commands)
access.add_to(commands)
breaching.add_to(commands)


def app() -> None:
    """Runs the command line; exits with 1 and a sentence where something is refused."""
    sys.exit(_guarded(commands))


def _guarded(run: Callable[..., Any]) -> int:
    try:
        run()
    except EmbeddedPostgresError as error:
        return _say(error.code, str(error))
    except SetupError as error:
        return _say(error.code, f"{_facts(error)}{error.remedy}.")
    except CrmError as error:
        return _say(error.code, str(error))
    except ValidationError as error:  # of the settings: nothing else is read by pydantic
        return _say("cli.bad_setting", _settings_at_fault(error))
    except psycopg.OperationalError as error:
        gone = unreachable(error)
        return _say("database.gone", f"{_facts(gone)}what was done so far is kept; run it again.")
    except KeyboardInterrupt:
        return 130
    return 0


def _settings_at_fault(error: ValidationError) -> str:
    """The variables and what is wrong with them, without their values: some are secret."""
    return "; ".join(
        f"CRM_{'.'.join(map(str, fault['loc'])).upper()}: {fault['msg']}"
        for fault in error.errors(include_input=False, include_url=False)
    )


def _facts(error: SetupError) -> str:
    facts = [f"{name}: {value}" for name, value in error.parameters.items()]
    return "; ".join(facts) + ". To mend it: " if facts else "To mend it: "


def _say(code: str, sentence: str) -> int:
    console = Console(stderr=True, highlight=False)
    console.print(f"[bold red]{code}[/]  ", end="")
    console.print(sentence, markup=False, soft_wrap=True)
    return 1
