"""What was written of a report, kept for as long as its read model stands still.

The rows of a report are kept so already (`crm_projections.reporting.KeptAnswers`); this is the JSON
that a plan makes of them, for all who see the same: who asks again costs no resolver. What is
personal in a report, the names in its labels, is not kept: whoever reads it is noted.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from graphql import GraphQLObjectType, get_named_type

from crm_api.graphql.compiled.places import ReportField
from crm_api.graphql.compiled.selection import (
    NotCovered,
    Selected,
    Selections,
    definition_of,
    field_of,
    name_of,
    reads_of,
)
from crm_api.graphql.reading import Settled
from crm_api.services import Services
from crm_projections.standing import WhileStanding

__all__ = ["KeptTexts", "require_settled"]

_LENGTH_MAX = 100_000  # of a text that is kept


def require_settled(of: GraphQLObjectType, selected: Selected, selections: Selections) -> None:
    """Raises NotCovered where more is asked for than what stays as it is."""
    for _, part in selections.of(of, selected):
        if name_of(part) == "__typename":
            continue
        inner = field_of(of, part)
        plain = definition_of(inner).base_resolver is None
        if not plain and not isinstance(reads_of(inner), Settled):
            raise NotCovered(f"{of.name}.{name_of(part)}")
        named = get_named_type(inner.type)
        if isinstance(named, GraphQLObjectType):
            require_settled(named, part, selections)


class KeptTexts:
    """For one tenant."""

    def __init__(self, services: Services) -> None:
        self._services = services
        self._texts = WhileStanding[str](lambda text: len(text) <= _LENGTH_MAX)

    async def text(
        self, place: ReportField, seen: object, write: Callable[[], Awaitable[str]]
    ) -> str:
        """What `write` gives, or gave where the read model stands, for who has `seen` the same.

        It is looked at before anything else, so no text is older than the question.
        """
        services, name = self._services, place.kept_by
        shown = await services.runner.shown(services.crm.tenant_id, name)
        return await self._texts.get(name, shown, (place, seen), write)
