"""An operator checks the stored states of long records, and drops them."""

from __future__ import annotations

import base64
from uuid import UUID

import psycopg
import pytest

import crm_core
from crm_core import SYSTEM
from crm_core.customers import RegisterPerson, TagCustomer

from .conftest import Crm

ROOT_KEY = bytes(range(32))
ADA = UUID(int=1)


@pytest.fixture
async def operated(database_url: str) -> dict[str, str]:
    """The environment of a database with a record of five events and two snapshots."""
    opened = crm_core.Crm.open(database_url, root_key=ROOT_KEY, snapshot_every=2)
    async with await opened as library:
        await library.execute(RegisterPerson(customer_id=ADA, name="Ada"), actor=SYSTEM)
        for number in range(4):
            await library.execute(TagCustomer(customer_id=ADA, tag=f"t{number}"), actor=SYSTEM)
            await library._taker.settled()
    return {
        "CRM_DATABASE_URL": database_url,
        "CRM_ROOT_KEY": base64.b64encode(ROOT_KEY).decode(),
    }


def test_snapshots_are_verified_and_dropped(crm: Crm, operated: dict[str, str]) -> None:
    said = crm("snapshots", "verify", **operated)
    assert (said.returncode, said.stdout) == (
        0,
        "2 equal, 0 different, 0 outdated, 0 forgotten\n",
    ), said.stderr
    said = crm("snapshots", "drop", **operated)
    assert (said.returncode, said.stdout) == (0, "Dropped 2 snapshots.\n"), said.stderr
    said = crm("history", str(ADA), **operated)
    assert said.returncode == 0
    assert "t3" in said.stdout


def test_a_tampered_one_is_named_and_dropped(crm: Crm, operated: dict[str, str]) -> None:
    with psycopg.connect(operated["CRM_DATABASE_URL"], autocommit=True) as owner:
        owner.execute(
            "update ledger.snapshot set sealed = set_byte(sealed, 20, get_byte(sealed, 20) # 1)"
            " where version = 4"
        )
    said = crm("snapshots", "verify", **operated)
    assert said.returncode == 1
    assert f"DIFFERENT  customers.customer {ADA} at version 4: dropped" in said.stdout
    assert "1 equal, 1 different" in said.stdout
    again = crm("snapshots", "verify", **operated)
    assert (again.returncode, again.stdout[:8]) == (0, "0 equal,")
