"""Canonical bytes, envelope, keys, trust policy, report statement, verification."""
