"""What access rules cost compiled reads: `run.py [--seconds N] [--turns N]`.

One database with 10,000 users in 50 teams, four levels deep; one process that serves with the rules
and one without them. Three users ask the first: with the scope OWN, with TEAM_TREE from the second
level of teams on, and with ALL. Then everybody else does, each request by another of the 10,000,
who see the customers of their teams. All are answered as much: the user with OWN owns each
hundredth customer, and is in the tree. They take turns, and of each the best turn counts. Beside
the rate, which others on the machine disturb, stands what a request took of the processors, the
database included.
"""

from __future__ import annotations

import asyncio
import os
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from itertools import islice
from pathlib import Path
from typing import Annotated
from uuid import UUID

import psycopg
import typer

sys.path.append(str(Path(__file__).parents[1] / "graphql"))

from company import DEFAULT, customer_id, fill
from contenders import Contender, ours
from load import WARM_UP_SECONDS, connected, request, turn

from crm_api.services import open_services
from crm_api.tokens import Tokens
from crm_core import SYSTEM, Command, Crm, Request
from crm_core.embedded import EmbeddedPostgres
from crm_core.identity import (
    ActivateUser,
    AddTeamMember,
    CreateTeam,
    DefineRole,
    GrantRole,
    InviteUser,
    RoleRule,
    Scope,
)
from crm_core.ledger.postgres.migrate import migrate

ROOT_KEY = bytes(range(32))
USERS, TEAMS = 10_000, 50
CONNECTIONS = 16
ROWS = {"by id": 1, "page of 50": 50, "20 with 5 + 5": 20}
LOADS = tuple(ROWS)
SCOPES = (Scope.ALL, Scope.OWN, Scope.TEAM_TREE)
OF_OWN = 100  # each hundredth customer is of the user with the scope OWN
OTHERS = USERS - len(SCOPES)  # the other customers are theirs, by turns

_OWNED = f"""
with numbered as (
    select customer_id, row_number() over (order by created_at, customer_id) - 1 as n
      from read_model.customer)
update read_model.customer as c
   set owner_id = ('02000000-0000-4000-8000-' || lpad(to_hex(
           case when n % {OF_OWN} = 0 then 0 else {len(SCOPES)} + n % {OTHERS} end), 12, '0'))::uuid
  from numbered where numbered.customer_id = c.customer_id;
update read_model.opportunity as o set owner_id = c.owner_id
  from read_model.customer as c where c.customer_id = o.customer_id;
update read_model.ticket as t set assignee_id = c.owner_id
  from read_model.customer as c where c.customer_id = t.customer_id;
"""
"""Deals and tickets are of whom their customer is, so that nested lists are as long for all."""


def user_id(number: int) -> UUID:
    return UUID(int=(2 << 120) + number, version=4)


def team_id(number: int) -> UUID:
    return UUID(int=(3 << 120) + number, version=4)


def parent_of(number: int) -> int | None:
    """Two teams at the top, then four, twelve, and 32 at the fourth level."""
    for first, of, above in ((18, 32, 6), (6, 12, 2), (2, 4, 0)):
        if number >= first:
            return above + (number - first) * (first - above) // of
    return None


def main(
    seconds: Annotated[float, typer.Option(help="Of each turn.")] = 1.0,
    turns: Annotated[int, typer.Option(help="Of each contender at each load.")] = 5,
) -> None:
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="crm-bench-")))
        folder.chmod(0o755)
        server = stack.enter_context(EmbeddedPostgres.start(folder / "data"))
        tokens = asyncio.run(prepare(server.url()))
        log = stack.enter_context((folder / "log").open("wb"))
        off, on = _command(server.url(), "--off"), _command(server.url())
        (pid_file,) = folder.rglob("postmaster.pid")
        busy = [int(pid_file.read_text().split()[0])]
        for command in (off, on):
            process = subprocess.Popen(command, cwd=Path(__file__).parent, stdout=log, stderr=log)
            busy.append(process.pid)
            stack.callback(process.wait)
            stack.callback(process.terminate)
        contenders = [_contender("rules off", off, [tokens[FIRST.index(Scope.ALL)]])]
        contenders += [_contender(s.value, on, [tokens[FIRST.index(s)]]) for s in SCOPES]
        contenders.append(_contender("10,000, TEAM", on, tokens[len(SCOPES) :], of_asker))
        for contender in contenders:
            asyncio.run(_ready(contender))
        print(f"load average before: {os.getloadavg()[0]:.1f}")
        print("| what | who asks | requests/s | share | processor, ms | ÷ without rules |")
        print("|---|---|---|---|---|---|")
        for load in LOADS:
            _measure(contenders, load, seconds, turns, busy)
        print(f"load average after: {os.getloadavg()[0]:.1f}")


def _measure(
    contenders: list[Contender], load: str, seconds: float, turns: int, busy: list[int]
) -> None:
    rates = dict.fromkeys((contender.name for contender in contenders), 0.0)
    costs = dict.fromkeys(rates, float("inf"))
    for _ in range(turns):
        for contender in contenders:
            before = _processor_seconds(busy)
            samples = asyncio.run(turn(contender, load, CONNECTIONS, seconds))
            spent = _processor_seconds(busy) - before
            # What was done in the time to warm up is paid for, and not in the samples.
            done = len(samples) * (seconds + WARM_UP_SECONDS) / seconds
            name = contender.name
            rates[name] = max(rates[name], len(samples) / seconds)
            costs[name] = min(costs[name], spent / done * 1000)
    rate, cost = rates[contenders[0].name], costs[contenders[0].name]
    for name in rates:
        print(
            f"| {load} | {name} | {rates[name]:,.0f} | {rates[name] / rate:.2f}"
            f" | {costs[name]:.2f} | {costs[name] / cost:.2f} |",
            flush=True,
        )


def _processor_seconds(busy: list[int]) -> float:
    """What these processes and their children have taken so far (proc(5), Linux)."""
    ticks = 0
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = stat.read_text().rpartition(")")[2].split()
        except OSError:
            continue  # it has ended
        if int(stat.parent.name) in busy or int(fields[1]) in busy:
            ticks += int(fields[11]) + int(fields[12])
    return ticks / os.sysconf("SC_CLK_TCK")


def _command(url: str, *options: str) -> list[str]:
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return [sys.executable, "server.py", url, str(found.getsockname()[1]), *options]


def of_all(number: int) -> int:
    """One that each of the first three sees."""
    return number * 7919 % 600 * OF_OWN


def of_asker(number: int) -> int:
    """One that the user owns whose turn it is to ask."""
    first = number % OTHERS
    return first if first % OF_OWN else first + OTHERS


def _contender(
    name: str,
    command: list[str],
    tokens: Sequence[str],
    customer: Callable[[int], int] = of_all,
) -> Contender:
    """Asks what the comparison with the peers asks; by id, for customers that are seen."""
    ask = dict(ours("", 0).ask)
    by_id = ask["by id"]
    ask["by id"] = lambda number: {
        **by_id(number),
        "variables": {"id": str(customer_id(customer(number)))},
    }
    made = Contender(name, command, ask, {})
    made.tokens = tokens
    return made


async def _ready(contender: Contender) -> None:
    """Waits until it serves; each load is answered with rows then."""
    deadline = time.monotonic() + 60
    while True:
        try:
            client = await connected(contender)
            break
        except OSError:
            assert time.monotonic() < deadline, "it does not serve"
            await asyncio.sleep(0.1)
    for load, rows in ROWS.items():
        answer = await client.ask(request(contender, load, 1))
        assert answer.count(b'"uuid"') == rows, answer[:500]
    client.close()


async def prepare(url: str) -> list[str]:
    """The rows, the people, and a token of each."""
    await migrate(url)
    async with open_services(url, ROOT_KEY) as services:
        await fill(url, services.crm.tenant_id, DEFAULT)
    async with await psycopg.AsyncConnection.connect(url, autocommit=True) as connection:
        await connection.execute(_OWNED)
        await connection.execute("vacuum analyze")
    async with await Crm.open(url, root_key=ROOT_KEY) as crm:
        for commands in _batched(_people()):
            outcomes = await crm.execute_many([Request(command=c, actor=SYSTEM) for c in commands])
            refused = [outcome for outcome in outcomes if isinstance(outcome, Exception)]
            assert not refused, refused[0]
        tokens = Tokens(await crm.store.keyring.blind(crm.tenant_id, "crm-api"), crm.tenant_id)
        return [tokens.issue(user_id(number))[0] for number in range(USERS)]


FIRST = (Scope.OWN, Scope.TEAM_TREE, Scope.ALL)  # of the first three users
_TEAM_OF_FIRST = (6, 2, 0)  # the first one's is below the second one's


def _people() -> Iterator[Command]:
    for number in range(TEAMS):
        above = parent_of(number)
        parent_id = None if above is None else team_id(above)
        yield CreateTeam(team_id=team_id(number), name=f"Team {number}", parent_id=parent_id)
    for scope in (*FIRST, Scope.TEAM):
        rules = [
            RoleRule(kind=kind, actions=("read",), scope=scope)
            for kind in ("customer", "opportunity", "ticket")
        ]
        yield DefineRole(name=scope.value.lower(), rules=tuple(rules))
    for number in range(USERS):
        user = user_id(number)
        yield InviteUser(user_id=user, name=f"User {number}", email=f"u{number}@example.com")
        yield ActivateUser(user_id=user)
        team = _TEAM_OF_FIRST[number] if number < len(FIRST) else number % TEAMS
        yield AddTeamMember(team_id=team_id(team), user_id=user)
        scope = FIRST[number] if number < len(FIRST) else Scope.TEAM
        yield GrantRole(user_id=user, role=scope.value.lower())


def _batched(commands: Iterator[Command]) -> Iterator[list[Command]]:
    while batch := list(islice(commands, 2_000)):
        yield batch


if __name__ == "__main__":
    typer.run(main)
