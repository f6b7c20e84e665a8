"""Drivers: code that turns operations of the neutral contract into a candidate's own protocol."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Protocol, runtime_checkable

from conformance.model.candidate import CandidateFile
from conformance.sdk.answers import Answer, Command, Exchange, composed
from conformance.sdk.prepared import Prepared

if TYPE_CHECKING:
    from conformance.sdk.load import WireRequest


@dataclass(frozen=True, slots=True)
class WireMessage:
    """One direction of an exchange as it was on the wire. ``start`` is the request or status line."""

    start: str = ""
    headers: tuple[tuple[str, str], ...] = ()
    body: bytes = b""


@dataclass(frozen=True, slots=True)
class Sighting:
    """Everything a driver saw of one exchange, before redaction.

    ``kind``: http, stdio, rpc or raw. ``started_us``: microseconds since the epoch; ``elapsed_us``: duration.
    ``error`` says why there is no response, ``command`` repeats it. ``net`` may hold peer address, TLS version and
    cipher.
    """

    kind: str
    request: WireMessage
    response: WireMessage | None
    started_us: int
    elapsed_us: int
    error: str = ""
    command: Command = field(default="", repr=False, compare=False)
    net: Mapping[str, str] = field(default_factory=dict)

    @property
    def curl(self) -> str:
        """Return the command as text, with secrets named as environment variables; "" where there is none."""
        return composed(self.command)


@runtime_checkable
class Recorder(Protocol):
    """Where drivers put what they saw; redacts, then appends to the journal."""

    #: The check that exchanges are credited to, sent along in a header.
    check: str
    run: str

    def record(self, sighting: Sighting) -> int:
        """Append one exchange and return its sequence number."""
        ...


class RawSocket(Protocol):
    """A TCP connection whose bytes are recorded; closing it writes the exchange."""

    def send(self, data: bytes) -> None:
        """Send all of ``data``."""
        ...

    def receive(self, size: int = 65536) -> bytes:
        """Return what arrives next, b"" at the end of the stream; raises TimeoutError after the timeout."""
        ...

    def close(self) -> Exchange:
        """Close and return the recorded exchange."""
        ...


class Driver(Protocol):
    """A bound candidate: performs prepared operations and gives raw connections."""

    def operations(self) -> frozenset[str]:
        """Return the names of all operations that this candidate offers through this driver."""
        ...

    def endpoints(self) -> tuple[str, ...]:
        """Return the names of the declared endpoints besides the base URL ("")."""
        ...

    def perform(self, prepared: Prepared) -> Answer:
        """Make one exchange; never raises for the product's behaviour."""
        ...

    def socket(self, endpoint: str, timeout_s: float) -> RawSocket:
        """Open a recorded TCP connection to an endpoint ("" is the base URL)."""
        ...

    def secrets(self) -> frozenset[str]:
        """Return the literal secret values in use, so that they can be kept out of the journal."""
        ...

    def close(self) -> None:
        """Release connections and child processes."""
        ...


@runtime_checkable
class HttpDoor(Protocol):
    """What drivers that speak HTTP offer beside :class:`Driver`, for checks about HTTP itself."""

    def request(self, prepared: Prepared) -> Answer:
        """Send a request of no operation: method, path, headers and body are all given by its edits."""
        ...

    def wire(self, prepared: Prepared) -> WireRequest:
        """Return a finished request, authenticated and signed, without sending it."""
        ...

    def connection(self, endpoint: str, user: str | None, timeout_s: float) -> RawSocket:
        """Open a recorded connection as HTTP would use it: through verified TLS where the URL says https."""
        ...

    def together(self, prepared: Sequence[Prepared]) -> list[Answer]:
        """Send requests at the same moment and return their answers in the same order.

        Each has a connection of its own; all are written but for their last byte, and the last bytes then go out
        one right after the other, in the given order.
        """
        ...


class DriverFactory(Protocol):
    """The object behind an entry point of the group ``conformance.drivers``."""

    name: str

    def problems(self, candidate: CandidateFile) -> list[Any]:
        """Return what is wrong in the sections this driver reads, as :class:`conformance.errors.Problem`."""
        ...

    def open(self, candidate: CandidateFile, recorder: Recorder) -> Driver:
        """Bind a candidate."""
        ...
