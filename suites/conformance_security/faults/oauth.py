"""Faults of the authorization server."""

from __future__ import annotations

from conformance.sdk import Fault

FAULTS: tuple[Fault, ...] = ()
