"""`crm explain-query`: the one statement that a query is compiled to, and PostgreSQL's plan."""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path
from typing import Annotated, Any
from uuid import UUID

import msgspec
import typer
from psycopg import AsyncRawCursor
from rich.console import Console

from crm_api.cli.place import open_place, open_runner
from crm_core import Invalid, Rejected
from crm_core.access.rights import BUILT_IN_ROLES, Rights
from crm_core.ledger.postgres.connections import open_pool

console = Console(highlight=False, soft_wrap=True)


def add_to(commands: typer.Typer) -> None:
    commands.command("explain-query")(explain_query)


def explain_query(
    document: Annotated[Path, typer.Argument(help="A GraphQL document, or - for standard input.")],
    variables: Annotated[str, typer.Option(help="Its variables, a JSON object.")] = "{}",
    operation: Annotated[str | None, typer.Option(help="Which of its operations.")] = None,
    role: Annotated[str, typer.Option(help="With the rights of this role.")] = "admin",
    analyze: Annotated[bool, typer.Option("--analyze", help="Run it and measure.")] = False,
) -> None:
    """Show the SQL statement that a query is compiled to, and how PostgreSQL goes about it."""
    text = sys.stdin.read() if str(document) == "-" else document.read_text("utf-8")
    try:
        given = msgspec.json.decode(variables, type=dict[str, Any])
    except msgspec.DecodeError as error:
        raise Invalid("variables", "is a JSON object") from error
    if role not in BUILT_IN_ROLES:
        raise Invalid("role", f"is one of {', '.join(BUILT_IN_ROLES)}")
    asyncio.run(_explain(text, given, operation, role, "analyze" if analyze else "verbose"))


async def _explain(
    text: str, given: dict[str, Any], operation: str | None, role: str, how: str
) -> None:
    from crm_api.graphql.compiled.compiler import compile_query
    from crm_api.graphql.compiled.document import query_document
    from crm_api.graphql.compiled.reader import Reader
    from crm_api.graphql.compiled.selection import Given, NotCovered
    from crm_api.graphql.documents import valid_document
    from crm_api.schema import schema

    async with open_place() as place, await place.open_crm() as crm:
        valid = valid_document(text, schema)
        document = None if valid is None else query_document(valid, operation)
        if document is None:
            raise Invalid("document", "is a valid query of the schema")
        reader = Reader.of(crm.tenant_id, Rights(BUILT_IN_ROLES[role]), is_noted=False)
        try:
            asked = Given(schema, document, given)
            plan = compile_query(asked, reader, frozenset())
        except NotCovered as error:
            raise Rejected("query.not_compiled", reason=str(error)) from None
        if plan.statement is None:
            raise Rejected("query.not_compiled", reason="no statement gives any of its fields")
        console.print(plan.statement, markup=False)
        if plan.places:
            beside = ", ".join(sorted({str(place) for place in plan.places}))
            console.print(f"-- beside it, resolved: {beside}", markup=False)
        async with open_runner(place, crm):  # the tables are there
            await _show_plan(
                place.url,
                crm.tenant_id,
                f"explain ({how}) {plan.statement}",
                await plan.sent(asked, crm, reader.sight),
            )


async def _show_plan(url: str, tenant_id: UUID, statement: str, sent: list[bytes | None]) -> None:
    pool = await open_pool(url, "crm_tenant", tenant_id=tenant_id, size=1)
    try:
        async with pool.connection() as connection:
            found = await AsyncRawCursor(connection).execute(
                statement.encode(), [None if value is None else value.decode() for value in sent]
            )
            for (line,) in await found.fetchall():
                console.print(line, markup=False)
    finally:
        await pool.close()
