"""The read models: tables that answer one question each, filled from the ledger."""
