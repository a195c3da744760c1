"""The ledger: an append-only log of events, gapless positions from 1 in every tenant.

`records` says what is stored, `ledger` what every ledger does, `memory` and `postgres` do it.
`event_store` is the door for typed events: it encodes, seals personal fields, and decodes.
"""
