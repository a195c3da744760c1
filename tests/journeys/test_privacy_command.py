"""An operator erases a person, and sees what every store did."""

from __future__ import annotations

import asyncio
import base64
import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from uuid import UUID

import pytest

import crm_core
from crm_core import SYSTEM
from crm_core.customers import EraseCustomer, RegisterPerson
from crm_core.privacy import RetentionAction, SetRetention
from crm_core.service import OpenTicket, TicketChannel

from .conftest import Crm

ROOT_KEY = bytes(range(32))
ADA, BOB, CLEO = UUID(int=1), UUID(int=2), UUID(int=3)
PEOPLE = [RegisterPerson(customer_id=of, name="Zebedee") for of in (ADA, BOB)]


@pytest.fixture
async def operated(database_url: str) -> dict[str, str]:
    """The environment of a database with two people, one of them half erased."""
    async with await crm_core.Crm.open(database_url, root_key=ROOT_KEY) as library:
        for command in (*PEOPLE, EraseCustomer(customer_id=BOB)):
            await library.execute(command, actor=SYSTEM)
    return {
        "CRM_DATABASE_URL": database_url,
        "CRM_ROOT_KEY": base64.b64encode(ROOT_KEY).decode(),
    }


def test_a_person_is_erased_with_receipts(crm: Crm, operated: dict[str, str]) -> None:
    said = crm("privacy", "erase", str(ADA), "--scrub", **operated)
    assert said.returncode == 0, said.stderr
    assert f"Erased: {ADA}" in said.stdout
    for store in ("keys", "unique keys", "snapshots", "redis", "read model timeline"):
        assert store in said.stdout
    assert "write-ahead log" in said.stdout
    assert "Zebedee" not in crm("history", str(ADA), **operated).stdout
    again = crm("privacy", "erase", str(ADA), **operated)
    assert again.returncode == 1
    assert "customer.erased" in again.stderr


@pytest.fixture
async def ticket(operated: dict[str, str]) -> UUID:
    url = operated["CRM_DATABASE_URL"]
    opened = OpenTicket(subject="Zebedee?", channel=TicketChannel.PHONE)
    async with await crm_core.Crm.open(url, root_key=ROOT_KEY) as library:
        await library.execute(opened, actor=SYSTEM)
    return opened.ticket_id


def test_a_record_of_nobody_is_erased_by_the_same_command(
    crm: Crm, operated: dict[str, str], ticket: UUID
) -> None:
    assert "Zebedee" in crm("history", str(ticket), **operated).stdout
    said = crm("privacy", "erase", str(ticket), **operated)
    assert said.returncode == 0, said.stderr
    assert f"Erased: {ticket}" in said.stdout
    assert "Zebedee" not in crm("history", str(ticket), **operated).stdout
    nobody = crm("privacy", "erase", str(CLEO), **operated)
    assert nobody.returncode == 1
    assert "record.not_found" in nobody.stderr


def test_what_was_broken_off_is_finished(crm: Crm, operated: dict[str, str]) -> None:
    said = crm("privacy", "resume", **operated)
    assert f"Erased: {BOB}" in said.stdout, said.stderr
    assert crm("privacy", "resume", **operated).stdout == "No erasure is pending.\n"


def test_keys_are_wrapped_anew(crm: Crm, operated: dict[str, str]) -> None:
    fresh = base64.b64encode(bytes(32)).decode()
    both = operated | {"CRM_ROOT_KEY": f"{fresh} {operated['CRM_ROOT_KEY']}"}
    said = crm("keys", "rotate", "--root", **both)
    assert said.stdout.startswith("Wrapped the keys of 1 tenants"), said.stderr
    new = operated | {"CRM_ROOT_KEY": fresh}
    said = crm("keys", "rotate", "--tenant", **new)
    assert "the keys of 1 subjects are wrapped by it" in said.stdout, said.stderr
    assert "Zebedee" in crm("history", str(ADA), **new).stdout
    assert crm("history", str(ADA), **operated).returncode == 1


def test_a_person_gets_all_that_is_held_and_it_is_remembered(
    crm: Crm, operated: dict[str, str], tmp_path: Path
) -> None:
    file = tmp_path / "ada.json"
    said = crm("privacy", "export", str(ADA), str(file), **operated)
    assert said.returncode == 0, said.stderr
    assert file.stat().st_mode & 0o777 == 0o600
    held = json.loads(file.read_text())
    assert held["subjects"] == [str(ADA)]
    assert held["events"][0]["data"]["name"] == "Zebedee"
    assert held["rows"]["customer"][0]["name"] == "Zebedee"
    assert crm("privacy", "export", str(ADA), str(file), **operated).returncode == 1
    assert "call back: " in crm("privacy", "erase", str(ADA), **operated).stdout


async def test_what_is_due_is_said_before_it_is_done(
    crm: Crm, operated: dict[str, str], database_url: str
) -> None:
    async with await crm_core.Crm.open(database_url, root_key=ROOT_KEY) as library:
        policy = SetRetention(idle_days=1, action=RetentionAction.ERASE)
        await library.execute(policy, actor=SYSTEM)
        old = RegisterPerson(customer_id=CLEO, name="Zebedee")
        await library.execute(old, actor=SYSTEM, effective_at=datetime.now(UTC) - timedelta(days=9))
    for _ in range(2):
        said = await asyncio.to_thread(crm, "privacy", "retention", "--dry-run", **operated)
        assert str(CLEO) in said.stdout, said.stderr
        assert str(ADA) not in said.stdout
    assert str(CLEO) in (await asyncio.to_thread(crm, "privacy", "retention", **operated)).stdout
    again = await asyncio.to_thread(crm, "privacy", "retention", **operated)
    assert again.stdout == "Nothing is due.\n"
