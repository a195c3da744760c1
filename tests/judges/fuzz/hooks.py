"""What schemathesis must be told of our API: whom a code blames, and values that reach the rules.

It takes an error that has a path for the server's fault, unless `extensions.code` is one of the few
that it knows; ours are a closed list (`crm_api.graphql.errors.ErrorCode`), given by JUDGED_CODES.
JUDGED_IDS are ids of records that exist: without them no example would reach a rule.
"""

from __future__ import annotations

import os

import schemathesis
from hypothesis import strategies as st
from schemathesis.graphql import nodes
from schemathesis.specs.graphql import validation

validation.SERVER_ERROR_MARKERS |= {"INTERNAL", "UNAVAILABLE"}
validation.CLIENT_ERROR_MARKERS |= (
    set(os.environ["JUDGED_CODES"].split()) - validation.SERVER_ERROR_MARKERS
)

ids = st.sampled_from(os.environ["JUDGED_IDS"].split())
for scalar, values in {
    "ID": (ids | st.text(max_size=40)).map(nodes.String),
    "String": (st.sampled_from(("UTC", "Europe/Rome", "mill")) | st.text()).map(nodes.String),
    "Int": (st.integers(1, 100) | st.integers(-(2**31), 2**31 - 1)).map(nodes.Int),
    "Position": st.integers(0, 15).map(nodes.Int),  # what lies ahead is waited for, 2 s each
    "Decimal": st.decimals(-(10**9), 10**9, places=2).map(str).map(nodes.String),
    "CurrencyCode": st.sampled_from(("EUR", "JPY", "USD")).map(nodes.String),
}.items():
    schemathesis.graphql.scalar(scalar, values)
