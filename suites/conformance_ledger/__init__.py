"""The ledger suite."""
