"""What a server answers a ClientHello with: an alert, an end, or the plaintext flight of TLS 1.2, below, and TLCP."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from conformance_security.tls.codepoints import suite_name
from conformance_security.tls.hello import HANDSHAKE, VERSIONS, Version
from conformance_security.tls.wire import Malformed, Reader

_ALERT = 21
_SERVER_HELLO, _CERTIFICATE, _KEY_EXCHANGE, _DONE, _STATUS = 2, 11, 12, 14, 22
#: Alerts by which a server says that it will not speak what was offered (RFC 8446 6.2).
REFUSAL_ALERTS = {40: "handshake_failure", 70: "protocol_version", 71: "insufficient_security"}
#: Bytes of a flight that are read, at most: chains are small.
_FLIGHT_MAX = 1024 * 1024

#: Returns what arrives next, b"" at the end of the stream; may raise ConnectionError or TimeoutError.
Receive = Callable[[], bytes]


@dataclass(frozen=True, slots=True)
class ServerHello:
    """What the server chose. ``version`` is the real one, whichever field carries it."""

    version: int
    random: bytes
    suite: int
    compression: int = 0
    extensions: Mapping[int, bytes] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Reply:
    """What came back first. ``kind``: hello, alert, closed, silent, garbage, or ssl2-error for an ERROR of SSL 2.0."""

    kind: str
    hello: ServerHello | None = None
    alert: int = -1

    @property
    def version(self) -> int:
        """The version that the server chose, 0 if none."""
        return self.hello.version if self.hello else 0

    @property
    def suite(self) -> int:
        """The suite that the server chose, 0 if none."""
        return self.hello.suite if self.hello else 0

    @property
    def refuses(self) -> bool:
        """Whether this is a refusal: one of the three alerts that say so, or the end of the connection."""
        return self.kind == "closed" or (self.kind == "alert" and self.alert in REFUSAL_ALERTS)

    def __str__(self) -> str:
        match self.kind:
            case "hello":
                name = Version(self.version).title if self.version in list(Version) else f"0x{self.version:04x}"
                return f"a ServerHello for {name} with {suite_name(self.suite)}"
            case "alert":
                return f"alert {self.alert} ({REFUSAL_ALERTS.get(self.alert, 'other')})"
            case "closed":
                return "a closed connection"
            case "silent":
                return "no answer"
            case "ssl2-error":
                return "an error in the words of SSL 2.0"
            case _:
                return "bytes that are not TLS"


@dataclass(frozen=True, slots=True)
class Flight:
    """A server's first flight. Everything behind ``reply`` is empty in TLS 1.3, which encrypts it.

    ``chain``: certificates in DER, as sent; ``staple``: the OCSP response in DER; ``key_exchange``: the body of the
    ServerKeyExchange; ``done``: the flight was read to its end.
    """

    reply: Reply
    chain: tuple[bytes, ...] = ()
    staple: bytes = b""
    key_exchange: bytes = b""
    done: bool = False


def read_reply(receive: Receive) -> Reply:
    """Read the first message that a server sends, and no more."""
    return _Collector(receive).run(whole=False).reply


def read_flight(receive: Receive) -> Flight:
    """Read a server's whole plaintext flight; what is missing or malformed leaves ``done`` False."""
    return _Collector(receive).run(whole=True)


class _Collector:
    """Takes records off the stream and handshake messages out of the records."""

    def __init__(self, receive: Receive) -> None:
        self._receive = receive
        self._wire = b""
        self._messages = b""
        self._size = 0
        self._end = ""
        self._alert = -1
        self._flight: dict[int, bytes] = {}

    def run(self, *, whole: bool) -> Flight:
        """Collect until the flight, or its first message, is there, or nothing more comes."""
        last = _DONE if whole else _SERVER_HELLO
        hello: ServerHello | None = None
        try:
            while last not in self._flight and self._more():
                self._unpack()
                if hello is None and _SERVER_HELLO in self._flight:
                    hello = parse_server_hello(self._flight[_SERVER_HELLO])
                if hello is not None and hello.version == Version.TLS13:
                    break
            return self._result(hello)
        except Malformed:
            return Flight(Reply("hello", hello) if hello else Reply("garbage"))

    def _result(self, hello: ServerHello | None) -> Flight:
        if hello is None:
            return Flight(Reply(self._end or "garbage", alert=self._alert))
        return Flight(
            Reply("hello", hello),
            parse_chain(self._flight[_CERTIFICATE]) if _CERTIFICATE in self._flight else (),
            _staple(self._flight.get(_STATUS, b"")),
            self._flight.get(_KEY_EXCHANGE, b""),
            _DONE in self._flight,
        )

    def _more(self) -> bool:
        """Take one record off the stream; False at an alert or when there is none."""
        while len(self._wire) < 5 or len(self._wire) < 5 + int.from_bytes(self._wire[3:5], "big"):
            if self._wire and self._wire[0] not in (HANDSHAKE, _ALERT):
                raise Malformed("no TLS record")
            piece = self._piece()
            if not piece:
                self._end = self._end or ("closed" if not self._wire else "garbage")
                return False
            self._wire += piece
        size = 5 + int.from_bytes(self._wire[3:5], "big")
        record, self._wire = self._wire[:size], self._wire[size:]
        if record[0] == _ALERT and size >= 7:
            self._end, self._alert = "alert", record[6]
            return False
        if record[0] != HANDSHAKE:
            raise Malformed("no handshake record")
        self._messages += record[5:]
        return True

    def _piece(self) -> bytes:
        if self._size > _FLIGHT_MAX:
            raise Malformed("a flight without end")
        try:
            piece = self._receive()
        except TimeoutError:
            self._end = "silent"
            return b""
        except ConnectionError:
            return b""
        self._size += len(piece)
        return piece

    def _unpack(self) -> None:
        """Take whole messages out of what the records held; the first must be the ServerHello."""
        while len(self._messages) >= 4 and len(self._messages) >= 4 + int.from_bytes(self._messages[1:4], "big"):
            kind, size = self._messages[0], 4 + int.from_bytes(self._messages[1:4], "big")
            if not self._flight and kind != _SERVER_HELLO:
                raise Malformed("no ServerHello")
            self._flight.setdefault(kind, self._messages[4:size])
            self._messages = self._messages[size:]


def parse_server_hello(body: bytes) -> ServerHello:
    """Read the body of a ServerHello; raises Malformed."""
    reader = Reader(body)
    version, random = reader.number(2), reader.take(32)
    reader.vector(1)
    suite, compression = reader.number(2), reader.number(1)
    extensions = parse_extensions(reader.vector(2)) if not reader.done else {}
    chosen = extensions.get(VERSIONS, b"")
    if len(chosen) == 2:
        version = int.from_bytes(chosen, "big")
    return ServerHello(version, random, suite, compression, extensions)


def parse_extensions(data: bytes) -> dict[int, bytes]:
    """Read a list of extensions; raises Malformed."""
    reader, found = Reader(data), {}
    while not reader.done:
        name = reader.number(2)
        found[name] = reader.vector(2)
    return found


def parse_chain(body: bytes) -> tuple[bytes, ...]:
    """Read the body of a Certificate message up to TLS 1.2 and of TLCP; raises Malformed."""
    reader, found = Reader(Reader(body).vector(3)), []
    while not reader.done:
        found.append(reader.vector(3))
    return tuple(found)


def _staple(body: bytes) -> bytes:
    """Read the body of a CertificateStatus: a type (1 is OCSP), then the response."""
    if not body:
        return b""
    reader = Reader(body)
    return reader.vector(3) if reader.number(1) == 1 else b""
