"""The ledger in PostgreSQL 15 or newer: SQL, connections, migrations."""
