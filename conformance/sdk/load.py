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


@dataclass(frozen=True, slots=True)
class Lifetime:
    """How long something in a finished request is good for: ``what`` names it, ``left_s`` are seconds from now.

    A token stands in the request as ``text``; ``renew`` fetches another. A signature is made anew with its request
    only: then ``text`` is "" and ``renew`` None.
    """

    what: str
    left_s: float
    text: str = ""
    renew: Callable[[], Lifetime] | None = None


class WireDriver(Protocol):
    """What HTTP drivers offer beside :class:`conformance.sdk.drivers.Driver`, for load clients of their own.

    A driver that knows when its requests run out may have ``lifetimes(prepared) -> tuple[Lifetime, ...]`` as well.
    """

    def wire(self, prepared: Prepared) -> WireRequest:
        """Return the finished request without sending it."""
        ...

    def interpret(self, prepared: Prepared, exchange: Exchange) -> Answer:
        """Return what a response to ``prepared`` means, from ``exchange.status``, ``.headers`` and ``.body``."""
        ...


class Spawned(Protocol):
    """A load process that another one started; it ends with it."""

    def ended(self) -> str:
        """Return how it ended, or "" while it runs."""
        ...

    def stop(self) -> None:
        """End it, politely, then firmly."""
        ...


@dataclass(frozen=True, slots=True)
class LoadContext:
    """Everything a scenario's ``run(context) -> measurement`` needs.

    ``directory`` is the scenario's own, for journals of payments. ``progress(done, total, note)`` feeds the live
    line. ``record`` appends one exchange to the journal: every failure and a seeded sample of the rest.
    ``tls_ca`` is the path of the root to trust, or "" for the system's; ``client_cert`` and ``client_key`` are those of
    the certificate to show, or "". ``candidate_digest`` is that of the candidate file's bytes. ``spawn(module,
    parameters, environment)`` starts another load process that runs ``module`` on the same candidate.
    ``address_of(url)`` is the address to which the host of a URL was resolved once, within the candidate's scope.
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
    candidate_digest: str = ""
    spawn: Callable[[str, Mapping[str, Any], Mapping[str, str]], Spawned] | None = None
    address_of: Callable[[str], str] | None = None
