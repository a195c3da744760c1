"""`crm team`, `crm role`, `crm key`, `crm tenant`: who there is, and what they may do."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from typing import Annotated, TypeVar
from uuid import UUID

import typer
from rich.console import Console

from crm_api.cli.place import open_place
from crm_api.issued_secrets import made_key
from crm_core import SYSTEM, Command, Crm, NotFound, Rejected, Selection, new_id
from crm_core.access.rights import BUILT_IN_ROLES, Scope
from crm_core.identity import (
    AddTeamMember,
    ApiKey,
    CreateTeam,
    DefineRole,
    DissolveTeam,
    IssueApiKey,
    MoveTeam,
    OnboardTenant,
    RemoveTeamMember,
    ResumeTenant,
    RetireRole,
    RevokeApiKey,
    Role,
    RoleRule,
    SuspendTenant,
    Team,
)
from crm_core.identity.api_key.events import ApiKeyIssued
from crm_core.identity.role.events import RoleDefined
from crm_core.identity.team.events import TeamCreated
from crm_core.kernel.aggregate import Aggregate
from crm_core.kernel.events import Event
from crm_core.kernel.values import normal_email

__all__ = ["Email", "add_to", "records_begun", "user_id_of"]

A = TypeVar("A", bound=Aggregate)

console = Console(highlight=False)
team = typer.Typer(help="Teams: a tree of them, and who is of which.")
role = typer.Typer(help="Roles: names for sets of rules.")
key = typer.Typer(help="API keys: what programs sign in with.")
tenant = typer.Typer(help="The tenant: begun, suspended, resumed.")

Email = Annotated[str, typer.Argument(help="The address that the user signs in with.")]
TeamId = Annotated[UUID, typer.Argument(help="As `crm team list` has it.")]


def add_to(commands: typer.Typer) -> None:
    for name, group in (("team", team), ("role", role), ("key", key), ("tenant", tenant)):
        commands.add_typer(group, name=name)


async def user_id_of(crm: Crm, email: str) -> UUID:
    """The user who signs in with this address. Raises NotFound."""
    user_id = await crm.holder("login", normal_email(email))
    if user_id is None:
        raise NotFound("user", "with this address")
    return user_id


async def records_begun(crm: Crm, kind: type[A], by: type[Event]) -> AsyncIterator[A]:
    """The records that events of this class began, as they are now, the oldest first."""
    async for page in crm.events(Selection(types=[by.TOPIC])):
        for event in page:
            yield await crm.get(kind, event.record_id)


def _execute(command: Command) -> None:
    async def run() -> None:
        async with open_place() as place, await place.open_crm() as crm:
            await crm.execute(command, SYSTEM)

    asyncio.run(run())


# --- teams ----------------------------------------------------------------------------------------


@team.command("add")
def add_team(
    name: str, below: Annotated[UUID | None, typer.Option(help="The team above it.")] = None
) -> None:
    """Make a team, and print its id."""
    create = CreateTeam(name=name, parent_id=below)
    _execute(create)
    console.print(str(create.team_id))


@team.command("move")
def move_team(team_id: TeamId, below: UUID | None = None) -> None:
    """Put a team below another one; at the top, if none is named."""
    _execute(MoveTeam(team_id=team_id, parent_id=below))


@team.command("dissolve")
def dissolve_team(team_id: TeamId) -> None:
    """End a team and its memberships."""
    _execute(DissolveTeam(team_id=team_id))


@team.command("join")
def join_team(team_id: TeamId, email: Email) -> None:
    """Make a user a member."""
    asyncio.run(_member(team_id, email, AddTeamMember))


@team.command("leave")
def leave_team(team_id: TeamId, email: Email) -> None:
    """End a user's membership."""
    asyncio.run(_member(team_id, email, RemoveTeamMember))


async def _member(
    team_id: UUID, email: str, command: type[AddTeamMember] | type[RemoveTeamMember]
) -> None:
    async with open_place() as place, await place.open_crm() as crm:
        await crm.execute(command(team_id=team_id, user_id=await user_id_of(crm, email)), SYSTEM)


@team.command("list")
def list_teams() -> None:
    """Print the teams that there are: id, name, the id of the team above, how many members."""
    asyncio.run(_list_teams())


async def _list_teams() -> None:
    async with open_place() as place, await place.open_crm() as crm:
        async for found in records_begun(crm, Team, TeamCreated):
            if not found.is_dissolved:
                above = found.parent_id or "-"
                line = f"{found.id}  {found.name}  {above}  {len(found.member_ids)}"
                console.print(line, markup=False, soft_wrap=True)


# --- roles ----------------------------------------------------------------------------------------


@role.command("define")
def define_role(
    name: str,
    rule: Annotated[
        list[str],
        typer.Option(
            help="`kind:actions:scope:withheld`, such as `customer:read,tag:TEAM:contact`; scope is"
            " OWN, TEAM, TEAM_TREE, SHARED or ALL (if it is left out)."
        ),
    ],
) -> None:
    """Define a role, or define it anew for all who have it."""
    _execute(DefineRole(name=name, rules=tuple(map(_rule, rule))))


def _rule(text: str) -> RoleRule:
    kind, actions, scope, withheld, *_ = [*text.split(":"), "", "", ""]
    known = [known.value for known in Scope]
    if scope and scope not in known:
        raise Rejected("role.unknown_scope", scope=scope, known=known)
    return RoleRule(
        kind=kind,
        actions=tuple(filter(None, actions.split(","))),
        scope=Scope(scope) if scope else Scope.ALL,
        withheld=tuple(filter(None, withheld.split(","))),
    )


@role.command("retire")
def retire_role(name: str) -> None:
    """End a role: it gives nothing any more."""
    _execute(RetireRole(name=name))


@role.command("list")
def list_roles() -> None:
    """Print the roles and their rules."""
    asyncio.run(_list_roles())


async def _list_roles() -> None:
    rules = dict(BUILT_IN_ROLES)
    async with open_place() as place, await place.open_crm() as crm:
        async for found in records_begun(crm, Role, RoleDefined):
            rules[found.name] = () if found.is_retired else found.rules
    for name, of in sorted(rules.items()):
        for each in of:
            parts = (each.kind, ",".join(each.actions), each.scope, ",".join(each.withheld))
            console.print(f"{name}  {':'.join(parts).rstrip(':')}", soft_wrap=True)


# --- keys -----------------------------------------------------------------------------------------


@key.command("issue")
def issue_key(
    email: Email,
    name: Annotated[str, typer.Option(help="What it is for.")],
    scope: Annotated[list[str], typer.Option(help="Such as `customer.read` or `customer.*`.")],
    days: Annotated[int, typer.Option(help="Until it expires.")] = 90,
    only_trusted: Annotated[
        bool, typer.Option("--only-trusted", help="It asks by trusted documents only.")
    ] = False,
) -> None:
    """Make a key that acts for a user within its scopes; it is shown this once."""
    asyncio.run(_issue(email, name, scope, days, only_trusted))


async def _issue(email: str, name: str, scopes: list[str], days: int, only_trusted: bool) -> None:
    key_id = new_id()
    made = made_key(key_id)
    async with open_place() as place, await place.open_crm() as crm:
        issue = IssueApiKey(
            key_id=key_id,
            name=name,
            user_id=await user_id_of(crm, email),
            digest=made.digest,
            scopes=tuple(scopes),
            expires_at=datetime.now(UTC) + timedelta(days=days),
            only_trusted=only_trusted,
        )
        await crm.execute(issue, SYSTEM)
    console.print(f"{key_id}\n{made.secret}", soft_wrap=True)


@key.command("list")
def list_keys() -> None:
    """Print the keys that are good: id, name, the id of the user, until when, scopes."""
    asyncio.run(_list_keys())


async def _list_keys() -> None:
    now = datetime.now(UTC)
    async with open_place() as place, await place.open_crm() as crm:
        async for found in records_begun(crm, ApiKey, ApiKeyIssued):
            if not found.is_revoked and now < found.expires_at:
                until = found.expires_at.isoformat(timespec="minutes")
                scopes = ",".join(found.scopes)
                line = f"{found.id}  {found.name}  {found.user_id}  {until}  {scopes}"
                console.print(line, markup=False, soft_wrap=True)


@key.command("revoke")
def revoke_key(key_id: UUID) -> None:
    """End a key at once."""
    _execute(RevokeApiKey(key_id=key_id))


# --- the tenant -----------------------------------------------------------------------------------


@tenant.command("onboard")
def onboard(
    name: str,
    email: Annotated[str, typer.Option(help="The first administrator's address.")],
    administrator: Annotated[str, typer.Option(help="The first administrator's name.")],
) -> None:
    """Begin the tenant that CRM_TENANT names, with its first administrator."""
    begin = OnboardTenant(
        name=name,
        administrator_id=new_id(),
        administrator_name=administrator,
        administrator_email=email,
    )
    _execute(begin)
    console.print("`crm user password` sets the administrator's password.")


@tenant.command("suspend")
def suspend(reason: Annotated[str, typer.Option(help="A code, such as `unpaid`.")]) -> None:
    """Keep everybody out until it is resumed."""
    _execute(SuspendTenant(reason=reason))


@tenant.command("resume")
def resume() -> None:
    """Let everybody in again."""
    _execute(ResumeTenant())
