"""A read model of another package is found, catches up by itself, and fails by its name."""

from __future__ import annotations

import importlib
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from crm_core import Crm, SetupError
from crm_core.ledger.postgres.connections import Pool
from crm_projections.registry import PROJECTIONS, all_projections
from crm_projections.runner import ProjectionRunner
from projecting import fill, folded

# What an embedder writes; the guide shows the same.
NAMES = """
from uuid import UUID

from crm_projections.projection import Projection
from crm_projections.tables import Row, Table


class NameRow(Row, frozen=True, kw_only=True):
    record_id: UUID
    type: str


NAMES = Table("names", NameRow, key=("record_id",))


class Names(Projection):
    name = "names"
    tables = (NAMES,)
    reads = ("customers.customer.registered",)
    by_stream = True
    envelope_only = True

    def apply(self, event, rows):
        rows.put(NAMES, NameRow(record_id=event.record_id, type=event.type))


class Twice(Names):
    name = "timeline"


class NeedsMore(Names):
    def __init__(self, more):
        self.more = more
"""

Install = Callable[..., None]


@pytest.fixture
def install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Install:
    """Installs a tiny package with these entry points, as pip would lay it out."""

    def installed(**entries: str) -> None:
        (tmp_path / "acme_names.py").write_text(NAMES)
        about = tmp_path / "acme_names-1.0.dist-info"
        about.mkdir()
        (about / "METADATA").write_text("Metadata-Version: 2.1\nName: acme-names\nVersion: 1.0\n")
        lines = [f"{name} = {value}" for name, value in entries.items()]
        (about / "entry_points.txt").write_text("\n".join(["[crm_projections]", *lines]))
        monkeypatch.syspath_prepend(str(tmp_path))
        importlib.invalidate_caches()

    yield installed
    sys.modules.pop("acme_names", None)


async def test_a_read_model_of_another_package_catches_up_from_position_1(
    crm: Crm, projector: Pool, runner: ProjectionRunner, install: Install
) -> None:
    await fill(crm)
    await runner.catch_up(crm.tenant_id)
    install(names="acme_names:Names")
    found = all_projections()
    assert [projection.name for projection in found] == [*runner.projections, "names"]
    later = ProjectionRunner(crm.store, projector, found)
    await later.prepare()
    await later.catch_up(crm.tenant_id)
    assert await later.digests(crm.tenant_id) == await folded(crm, found)
    assert found[-1].tables[0].name == "names"


def test_without_other_packages_there_are_ours(install: Install) -> None:
    assert all_projections() == PROJECTIONS


@pytest.mark.parametrize(
    ("value", "cause"),
    [
        ("acme_gone:Names", "ModuleNotFoundError"),
        ("acme_names:Gone", "AttributeError"),
        ("acme_names:NAMES", "it names no subclass of Projection"),
        ("acme_names:NeedsMore", "TypeError"),
    ],
)
def test_a_plug_in_that_cannot_be_loaded_is_named(install: Install, value: str, cause: str) -> None:
    install(names=value)
    with pytest.raises(SetupError) as refused:
        all_projections()
    assert refused.value.code == "projection.not_loaded"
    assert refused.value.parameters == {
        "plugin": "names", "package": "acme-names", "value": value, "cause": cause,
    }  # fmt: skip


def test_a_name_belongs_to_one_read_model(install: Install) -> None:
    install(names="acme_names:Twice")
    with pytest.raises(SetupError) as refused:
        all_projections()
    assert refused.value.code == "projection.name_taken"
    assert refused.value.parameters == {"what": "name", "name": "timeline"}
