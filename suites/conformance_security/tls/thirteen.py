"""A client of TLS 1.3 that asks for tickets and sends early data (RFC 8446 2.3), for one probe and nothing else.

It does not verify certificates: what it says goes to the listener that other requests have verified, and it must be
able to send what a library would hold back.
"""

from __future__ import annotations

import hmac
import struct
from collections.abc import Iterator
from dataclasses import dataclass, field

from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from conformance.sdk import RawSocket
from conformance_security.tls.flight import ServerHello, parse_extensions, parse_server_hello
from conformance_security.tls.hello import EARLY_DATA, HANDSHAKE, KEY_SHARE, Version, client_hello
from conformance_security.tls.schedule import AES_128, SUITES, Protection, Suite
from conformance_security.tls.wire import Malformed, Reader, numbers, vector

_ALERT, _APPLICATION, _CHANGE_CIPHER = 21, 23, 20
_SERVER_HELLO, _TICKET, _END_OF_EARLY, _ENCRYPTED, _CERTIFICATE, _REQUEST, _FINISHED = 2, 4, 5, 8, 11, 13, 20
_PSK, _PSK_MODES = 0x0029, 0x002D
_X25519, _P256 = 0x001D, 0x0017


@dataclass(frozen=True, slots=True)
class Ticket:
    """A NewSessionTicket with the key it stands for, and the suite that the key is for.

    ``early_max``: bytes of early data that it allows, 0 for none.
    """

    identity: bytes
    key: bytes
    age_add: int
    early_max: int
    suite: Suite = AES_128


@dataclass(slots=True)
class Conversation:
    """What came of one connection. ``early_accepted``: the server said that it takes the early data."""

    tickets: list[Ticket] = field(default_factory=list)
    early_accepted: bool = False
    answer: bytes = b""


class Client:
    """One connection. ``speak`` does everything; raises Malformed, ConnectionError or TimeoutError."""

    def __init__(self, connection: RawSocket, host: str, ticket: Ticket | None = None) -> None:
        self._connection = connection
        self._ticket = ticket
        self._private = X25519PrivateKey.generate()
        self._other_private = ec.generate_private_key(ec.SECP256R1())
        self._result = Conversation()
        self._wire = b""
        self._transcript = self._hello(host)
        #: That of the ticket, until the server has chosen one.
        self._suite = ticket.suite if ticket else AES_128
        self._master = b""

    def speak(self, request: bytes, *, early: bool = False) -> Conversation:
        """Shake hands, send ``request`` (as early data if ``early``), and read until the server stops."""
        writing: Protection | None = None
        self._connection.send(struct.pack(">BH", HANDSHAKE, Version.TLS10) + vector(self._transcript, 2))
        if early:
            writing = self._suite.protection(self._suite.derive(self._early(), "c e traffic", self._transcript))
            self._connection.send(writing.seal(_APPLICATION, request))
        reading, sending = self._handshake(writing)
        accepted = early and self._result.early_accepted
        if not early:
            self._connection.send(sending.seal(_APPLICATION, request))
        if accepted or not early:
            self._listen(reading, bodiless=request.startswith(b"HEAD "))
        return self._result

    def _hello(self, host: str) -> bytes:
        more = {KEY_SHARE: vector(self._shares(), 2), _PSK_MODES: b"\x01\x01"}
        if self._ticket is None:
            return client_hello(Version.TLS13, [*SUITES], host, more=more)[5:]
        # The binders stand last and are computed over everything before them.
        identity = vector(self._ticket.identity, 2) + struct.pack(">I", self._ticket.age_add)
        suite = self._ticket.suite
        size = suite.hash_size
        more |= {EARLY_DATA: b"", _PSK: vector(identity, 2) + vector(vector(bytes(size), 1), 2)}
        # Early data is protected under the suite of the ticket, so no other one may be chosen.
        whole = client_hello(Version.TLS13, [suite.code], host, more=more)[5:]
        secret = suite.derive(suite.extract(b"", self._ticket.key), "res binder")
        return whole[:-size] + suite.finished(secret, whole[: -size - 3])

    def _shares(self) -> bytes:
        first = self._private.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)
        second = self._other_private.public_key().public_bytes(Encoding.X962, PublicFormat.UncompressedPoint)
        return numbers([_X25519]) + vector(first, 2) + numbers([_P256]) + vector(second, 2)

    def _handshake(self, early: Protection | None) -> tuple[Protection, Protection]:
        """Read the server's flight and finish; return the protections of application data, reading and writing."""
        hello = self._server_hello()
        suite = self._suite = SUITES[hello.suite]
        taken = self._early() if _PSK in hello.extensions else suite.extract(b"", b"")
        secret = suite.extract(suite.derive(taken, "derived"), self._shared(hello))
        theirs, ours = (suite.derive(secret, f"{side} hs traffic", self._transcript) for side in ("s", "c"))
        demanded = self._server_flight(suite.protection(theirs), theirs)
        master = suite.extract(suite.derive(secret, "derived"), b"")
        reading, sending = (suite.derive(master, f"{side} ap traffic", self._transcript) for side in ("s", "c"))
        if early and self._result.early_accepted:
            end = bytes([_END_OF_EARLY]) + vector(b"", 3)
            self._connection.send(early.seal(HANDSHAKE, end))
            self._transcript += end
        protection = suite.protection(ours)
        if demanded is not None:
            self._say(protection, _CERTIFICATE, vector(demanded, 1) + vector(b"", 3))
        self._say(protection, _FINISHED, suite.finished(ours, self._transcript))
        self._master = suite.derive(master, "res master", self._transcript)
        return suite.protection(reading), suite.protection(sending)

    def _early(self) -> bytes:
        """Return the early secret of the ticket, or that of none."""
        return self._suite.extract(b"", self._ticket.key if self._ticket else b"")

    def _shared(self, hello: ServerHello) -> bytes:
        reader = Reader(hello.extensions.get(KEY_SHARE, b""))
        group = reader.number(2)
        if reader.done or group not in (_X25519, _P256):
            raise Malformed("the server wants another group than X25519 and P-256")
        try:
            if group == _X25519:
                return self._private.exchange(X25519PublicKey.from_public_bytes(reader.vector(2)))
            public = ec.EllipticCurvePublicKey.from_encoded_point(ec.SECP256R1(), reader.vector(2))
            return self._other_private.exchange(ec.ECDH(), public)
        except ValueError as error:
            raise Malformed("the server's key share is no point of its curve") from error

    def _server_hello(self) -> ServerHello:
        for kind, _, body in self._records():
            if kind == _ALERT:
                raise Malformed(f"alert {body[-1] if body else 0}")
            if kind == HANDSHAKE:
                self._transcript += body
                reader = Reader(body)
                if reader.number(1) != _SERVER_HELLO:
                    break
                hello = parse_server_hello(reader.vector(3))
                if hello.version != Version.TLS13 or hello.suite not in self._offered():
                    break
                return hello
        raise Malformed("no ServerHello for TLS 1.3")

    def _offered(self) -> set[int]:
        return {self._ticket.suite.code} if self._ticket else set(SUITES)

    def _server_flight(self, protection: Protection, secret: bytes) -> bytes | None:
        """Read EncryptedExtensions to Finished; return the context of a CertificateRequest, or None."""
        demanded = None
        for kind, body in self._messages(protection):
            if kind == _ENCRYPTED:
                self._result.early_accepted = EARLY_DATA in parse_extensions(Reader(body).vector(2))
            if kind == _REQUEST:
                demanded = Reader(body).vector(1)
            if kind == _FINISHED and not hmac.compare_digest(body, self._suite.finished(secret, self._transcript)):
                raise Malformed("the server's Finished does not verify")
            self._transcript += bytes([kind]) + vector(body, 3)
            if kind == _FINISHED:
                return demanded
        raise Malformed("the handshake has no end")

    def _messages(self, protection: Protection) -> Iterator[tuple[int, bytes]]:
        """Give the handshake messages of protected records."""
        held = b""
        for _, inner, content in self._opened(protection):
            if inner != HANDSHAKE:
                raise Malformed("no handshake message")
            held += content
            while len(held) >= 4 and len(held) >= 4 + int.from_bytes(held[1:4], "big"):
                size = 4 + int.from_bytes(held[1:4], "big")
                message, held = held[:size], held[size:]
                yield message[0], message[4:]

    def _listen(self, protection: Protection, *, bodiless: bool) -> None:
        """Collect tickets and the answer until the server closes or has answered."""
        for _, inner, content in self._opened(protection):
            if inner == _ALERT:
                return
            if inner == HANDSHAKE:
                self._take_tickets(content)
            if inner == _APPLICATION:
                self._result.answer += content
                if _complete(self._result.answer, bodiless):
                    return

    def _take_tickets(self, content: bytes) -> None:
        reader = Reader(content)
        while not reader.done:
            kind, body = reader.number(1), Reader(reader.vector(3))
            if kind != _TICKET:
                continue
            _, age_add, nonce, identity = body.number(4), body.number(4), body.vector(1), body.vector(2)
            allowed = parse_extensions(body.vector(2)).get(EARLY_DATA, b"")
            key = self._suite.expand(self._master, "resumption", nonce)
            ticket = Ticket(identity, key, age_add, int.from_bytes(allowed, "big"), self._suite)
            self._result.tickets.append(ticket)

    def _say(self, protection: Protection, kind: int, body: bytes) -> None:
        message = bytes([kind]) + vector(body, 3)
        self._connection.send(protection.seal(HANDSHAKE, message))
        self._transcript += message

    def _opened(self, protection: Protection) -> Iterator[tuple[int, int, bytes]]:
        for kind, head, body in self._records():
            if kind == _APPLICATION:
                inner, content = protection.open(head, body)
                yield kind, inner, content
            elif kind == _ALERT:
                raise Malformed(f"alert {body[-1] if body else 0}")

    def _records(self) -> Iterator[tuple[int, bytes, bytes]]:
        """Give type, head and body of records, without the ChangeCipherSpec that means nothing."""
        while True:
            while len(self._wire) < 5 or len(self._wire) < 5 + int.from_bytes(self._wire[3:5], "big"):
                piece = self._connection.receive()
                if not piece:
                    return
                self._wire += piece
            size = 5 + int.from_bytes(self._wire[3:5], "big")
            record, self._wire = self._wire[:size], self._wire[size:]
            if record[0] != _CHANGE_CIPHER:
                yield record[0], record[:5], record[5:]


def _complete(answer: bytes, bodiless: bool) -> bool:
    """Tell whether an HTTP/1.1 answer is whole: by its length, where it states one."""
    head, separator, body = answer.partition(b"\r\n\r\n")
    if not separator or bodiless:
        return bool(separator)
    for line in head.lower().split(b"\r\n"):
        if line.startswith(b"content-length:"):
            return len(body) >= int(line.partition(b":")[2])
    return body.endswith(b"0\r\n\r\n")
