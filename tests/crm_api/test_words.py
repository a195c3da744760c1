"""The words of the command line: each is loaded when it is asked for, and no other."""

from __future__ import annotations

import subprocess
import sys
from importlib import import_module
from pathlib import Path

import typer
from typer.testing import CliRunner

from crm_api.cli import main

CLI = Path(main.__file__).parent
NEEDED_BY_A_SERVER = ("graphql", "strawberry", "starlette", "uvicorn", "joserfc")


def words_of(module: str) -> set[str]:
    named = typer.Typer()
    import_module(f"crm_api.cli.{module}").add_to(named)
    return set(typer.main.get_group(named).commands)


def test_every_word_is_read_where_it_is_written() -> None:
    adding = {file.stem for file in CLI.glob("*.py") if "def add_to(commands" in file.read_text()}
    assert set(main._MODULES.values()) == adding
    for module in adding:
        named = {word for word, of in main._MODULES.items() if of == module}
        assert words_of(module) == named


def test_help_names_every_word() -> None:
    said = CliRunner().invoke(main.commands, ["--help"], env={"COLUMNS": "200"}).output
    assert not [word for word in main._MODULES if f" {word} " not in said]


def test_a_word_that_is_not_there_is_refused_with_one_that_is() -> None:
    refused = CliRunner().invoke(main.commands, ["projection"])
    assert refused.exit_code == 2
    assert "projections" in refused.output


def test_who_lists_users_loads_no_server() -> None:
    listed = subprocess.run(
        [sys.executable, "-c",
         "import sys; from crm_api.cli.main import commands;"
         " commands(['user', '--help'], standalone_mode=False);"
         f" print(*sorted(set(sys.modules) & set({NEEDED_BY_A_SERVER})), file=sys.stderr)"],
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    assert "list" in listed.stdout
    assert listed.stderr.split() == []
