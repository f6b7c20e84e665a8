"""Checks of the ledger suite, one module per concern."""
