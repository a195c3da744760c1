"""`crm serve` and `crm demo`: the server, on an empty CRM or on a company that has a past."""
from __future__ import annotations
import typer
def add_to(commands: typer.Typer) -> None: ...
