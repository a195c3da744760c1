"""The words that people know things by, beside the ids of a report's rows."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final, Protocol
from uuid import UUID

import msgspec

from crm_projections.reporting.question import Question

__all__ = ["Names", "label", "labelled"]

# What a group's key is the id of.
_NAMED: Final = {
    "OWNER": "user", "ASSIGNEE": "user", "TEAM": "team", "PIPELINE": "pipeline",
    "PRODUCT": "product",
}  # fmt: skip


class Names(Protocol):
    """What the reader may know of other records. None stands for what is not to be seen."""

    async def name(self, kind: str, record_id: UUID) -> str | None:
        """The name of a user, a team, a pipeline or a product."""

    async def stages(self, pipeline_id: UUID) -> Mapping[str, str]:
        """The names of a pipeline's stages by their ids, in order."""


async def label(question: Question, key: str | None, names: Names) -> str | None:
    """A group's key in words; the key itself where it is no id, or the reader may not know."""
    kind = _NAMED.get(question.grouped_by.value)
    if key is None or kind is None or not _is_id(key):
        return key
    return await names.name(kind, UUID(key)) or key


async def labelled(
    question: Question, rows: Sequence[msgspec.Struct], names: Names
) -> list[dict[str, Any]]:
    """The rows as mappings, with `label` for the group's key and `stage` for a stage's id.

    Where nothing has that name, or the reader may not know it, the id stands for itself.
    """
    lines = [_plain(row) for row in rows]
    keys = {line["key"] for line in lines}
    labels = {key: await label(question, key, names) for key in keys}
    pipelines = {row.pipeline_id for row in rows if hasattr(row, "pipeline_id")}
    stages = {pipeline: await names.stages(pipeline) for pipeline in pipelines}
    for line, row in zip(lines, rows, strict=True):
        line["label"] = labels[line["key"]]
        if hasattr(row, "pipeline_id"):
            known = stages[row.pipeline_id]
            line["stage"] = known.get(line["stage_id"], line["stage_id"])
    return lines


def _is_id(key: str) -> bool:
    try:
        UUID(key)
    except ValueError:
        return False  # a ticket's product is a code
    return True


def _plain(row: msgspec.Struct) -> dict[str, Any]:
    return {
        name: str(value) if isinstance(value, UUID) else value
        for name, value in msgspec.structs.asdict(row).items()
    }
