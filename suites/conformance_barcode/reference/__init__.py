"""The reference candidate's barcode part: a small acquirer and wallet, sound unless a fault is switched on.

Written from the standards a second time: nothing here imports the suite's oracle, so that a bug in one of the two
shows as a false alarm instead of hiding.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from starlette.routing import Route

from conformance.sdk import Host, Listener
from conformance_barcode.reference import codes, orders, paying
from conformance_barcode.reference.store import SCHEMA


class BarcodePart:
    """Implements :class:`conformance.sdk.ReferencePart`; keeps no state outside the database."""

    schema = SCHEMA

    def routes(self, host: Host) -> Sequence[Route]:
        """Return the routes of codes, payment codes, orders, refunds and bills."""
        return [*codes.routes(host), *paying.routes(host), *orders.routes(host)]

    def listeners(self, host: Host) -> Sequence[Listener]:
        """Return no further ports."""
        return ()

    def hooks(self, host: Host) -> Mapping[str, Callable[[Mapping[str, Any]], Mapping[str, Any]]]:
        """Return no hooks beyond the host's own."""
        return {}

    def declared(self, host: Host) -> Mapping[str, Any]:
        """Return what the demo declares about codes: the formats that it reads."""
        formats = ["mpm", "cpm", "paycode", "receive"]
        return {"barcode": {"currency": "CNY", "country": "CN", "mcc": "5411", "formats": formats}}

    def supports(self) -> Sequence[str]:
        """Return operation groups and finer capabilities."""
        groups = ("codes", "paycodes", "orders", "refunds", "bills")
        finer = ("static", "dynamic", "language", "currencies", "tip", "cpm", "receive", "acquirer")
        return (*groups, *(f"barcode.{name}" for name in finer))

    def start(self, host: Host) -> None:
        """Have nothing to start."""

    def stop(self) -> None:
        """Have nothing to stop."""


PART = BarcodePart()
