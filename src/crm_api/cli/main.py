"""The commands, and the one place where an error becomes a sentence and an exit code."""

from __future__ import annotations

import sys
from collections import UserDict
from collections.abc import Callable, Iterator
from importlib import import_module
from typing import Any

import psycopg
import typer
from pydantic import ValidationError
from rich.console import Console
from typer.core import TyperGroup

from crm_core import CrmError, SetupError
from crm_core.embedded import EmbeddedPostgresError
from crm_core.ledger.postgres.connections import unreachable

__all__ = ["app"]

_MODULES = {
    "serve": "serving",
    "demo": "serving",
    "history": "reading",
    "diff": "reading",
    "schema": "reading",
    "client-code": "reading",
    "explain": "explaining",
    "report": "reporting",
    "explain-query": "queries",
    "replay": "audit",
    "export": "checkpoints",
    "case-file": "checkpoints",
    "migrate": "database",
    "new-root-key": "database",
    "backup": "backups",
    "restore": "backups",
    "import": "importing",
    "audit": "checkpoints",
    "snapshots": "snapshots",
    "projections": "projections",
    "keys": "keys",
    "privacy": "privacy",
    "user": "users",
    "team": "access",
    "role": "access",
    "key": "access",
    "tenant": "access",
    "access": "breaching",
}
"""Where each word is read: only what is asked for is loaded, which is most of a command's time."""


class _Words(UserDict[str, Any]):
    """The commands by their words."""

    def __missing__(self, word: str) -> Any:
        if word not in _MODULES:
            raise KeyError(word)
        named = typer.Typer()
        import_module(f"crm_api.cli.{_MODULES[word]}").add_to(named)
        self.data |= typer.main.get_group(named).commands
        return self.data[word]

    def __iter__(self) -> Iterator[str]:
        return iter(_MODULES)

    def __len__(self) -> int:
        return len(_MODULES)

    def __contains__(self, word: object) -> bool:
        return word in _MODULES


class _Group(TyperGroup):
    def __init__(self, **settings: Any) -> None:
        super().__init__(**settings)
        self.commands = _Words()


commands = typer.Typer(
    name="crm",
    cls=_Group,
    help="An event-sourced CRM: serve it, fill it, and ask it what was.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)


@commands.callback()
def _crm() -> None:
    """There is one, so that the words are those of a group."""


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
