"""A typed client of the GraphQL API, over HTTP or in the server's own process.

with SyncClient.sign_in("https://crm.example.com", email, password) as crm:
    ada = crm.customer_register_person(name="Ada Byron").record
    for customer in crm.customers():
        print(customer.name)

`Client` is the same to be awaited. Both are made from the schema: `make client`.
"""

from __future__ import annotations

from crm_client.asking import Done, Link, Page, Pages, PlannedEvent, Receipt
from crm_client.errors import (
    ApiError,
    ClientError,
    Refused,
    Unreachable,
    UserError,
    VersionConflict,
)
from crm_client.made import inputs, types
from crm_client.made.client import Client
from crm_client.made.inputs import *  # noqa: F403
from crm_client.made.sync import SyncClient
from crm_client.made.types import *  # noqa: F403
from crm_client.sync_asking import SyncPages
from crm_client.transport import Http, InProcess, Transport

__all__ = [
    "ApiError", "Client", "ClientError", "Done", "Http", "InProcess", "Link", "Page", "Pages",
    "PlannedEvent", "Receipt", "Refused", "SyncClient", "SyncPages", "Transport", "Unreachable",
    "UserError", "VersionConflict",
]  # fmt: skip
__all__ += inputs.__all__
__all__ += types.__all__
