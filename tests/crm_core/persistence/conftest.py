"""The environment of the library's applications, over each ledger."""

from __future__ import annotations

from uuid import uuid4

import pytest


@pytest.fixture(params=["crm_core.persistence.memory", "crm_core.persistence"])
def module(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """The persistence module in the environment, with a database where it needs one."""
    name: str = request.param
    monkeypatch.setenv("PERSISTENCE_MODULE", name)
    monkeypatch.setenv("CRM_TENANT", uuid4().hex)
    if name == "crm_core.persistence":
        url: str = request.getfixturevalue("shared_database_url")
        monkeypatch.setenv("CRM_DATABASE_URL", url)
    return name
