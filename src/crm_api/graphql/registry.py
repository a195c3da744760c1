"""Every kind of record that the API shows. A new one is a file in `types` and a line here."""

from __future__ import annotations

from functools import lru_cache

from crm_api.graphql.records import RecordKind
from crm_api.graphql.types.access import API_KEY, ROLE, SESSION, SHARE, TEAM, TENANT
from crm_api.graphql.types.bulk_operation import BULK_OPERATION
from crm_api.graphql.types.customer import CUSTOMER
from crm_api.graphql.types.disclosure import DISCLOSURE
from crm_api.graphql.types.erasure import ERASURE
from crm_api.graphql.types.interaction import INTERACTION
from crm_api.graphql.types.opportunity import OPPORTUNITY
from crm_api.graphql.types.pipeline import PIPELINE
from crm_api.graphql.types.product import PRODUCT
from crm_api.graphql.types.retention import RETENTION
from crm_api.graphql.types.task import TASK
from crm_api.graphql.types.ticket import TICKET
from crm_api.graphql.types.user import USER
from crm_core.access.rights import Rights

__all__ = ["KINDS", "kind_of_name", "kind_of_topic", "kind_of_type", "readable_kinds"]

KINDS = (
    CUSTOMER, OPPORTUNITY, PIPELINE, PRODUCT, TICKET, INTERACTION, TASK, USER,
    TEAM, ROLE, SHARE, API_KEY, SESSION, TENANT, ERASURE, DISCLOSURE, RETENTION, BULK_OPERATION,
)  # fmt: skip

_BY_NAME = {kind.name: kind for kind in KINDS}
_BY_TOPIC = {kind.aggregate.TOPIC: kind for kind in KINDS}
_BY_TYPE = {kind.type_name: kind for kind in KINDS}


def kind_of_name(name: str) -> RecordKind | None:
    """By the name that rights and commands use: `customer`."""
    return _BY_NAME.get(name)


def kind_of_topic(topic: str) -> RecordKind | None:
    """By the type of its streams: `customers.customer`."""
    return _BY_TOPIC.get(topic)


def kind_of_type(type_name: str) -> RecordKind | None:
    """By the name of its GraphQL type: `Customer`."""
    return _BY_TYPE.get(type_name)


@lru_cache(maxsize=256)
def readable_kinds(rights: Rights) -> frozenset[str]:
    """The kinds that may be read, by the names that rights have for them."""
    return frozenset(name for name in _BY_NAME if rights.allow(name, "read"))
