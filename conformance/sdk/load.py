"""What a load scenario is given, and the wire form of a request for clients that are faster than the session."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from conformance.sdk.answers import Answer, Exchange
from conformance.sdk.candidate import Candidate
from conformance.sdk.drivers import Sighting
from conformance.sdk.prepared import Prepared


@dataclass(frozen=True, slots=True)
class WireRequest:
    """A request as it would go on the wire: authenticated, signed, nothing left to add but the connection."""

    method: str
    url: str
    headers: tuple[tuple[str, str], ...]
    body: bytes


class WireDriver(Protocol):
    """What HTTP drivers offer beside :class:`conformance.sdk.drivers.Driver`, for load clients of their own."""

    def wire(self, prepared: Prepared) -> WireRequest:
        """Return the finished request without sending it."""
        ...

    def interpret(self, prepared: Prepared, exchange: Exchange) -> Answer:
        """Return what a response to ``prepared`` means, from ``exchange.status``, ``.headers`` and ``.body``."""
        ...


@dataclass(frozen=True, slots=True)
class LoadContext:
    """Everything a scenario's ``run(context) -> measurement`` needs.

    ``directory`` is the scenario's own, for journals of payments. ``progress(done, total, note)`` feeds the live
    line. ``record`` appends one exchange to the journal: every failure and a seeded sample of the rest.
    ``tls_ca`` is the path of the root to trust, or "" for the system's; ``client_cert`` and ``client_key`` are those of
    the certificate to show, or "".
    """

    run: str
    scenario: str
    candidate: Candidate
    parameters: Mapping[str, Any]
    directory: Path
    progress: Callable[[int, int, str], None]
    record: Callable[[Sighting], int]
    tls_ca: str = ""
    client_cert: str = ""
    client_key: str = ""
    seed: int = 0
