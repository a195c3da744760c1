"""The audit: a Merkle tree over every tenant's ledger, and checkpoints signed outside the database.

`record` says what is hashed, `tree` how; `store` keeps the tree's tiles, `signing` signs what is
consistent, `integrator` keeps up. `export` writes what `crm_verify` (one file, nothing of ours)
checks on another machine. The formats are in docs/guides/audit-format.md.
"""
