"""A listener before the bank's TLS port: with a fault on it chooses what it must not, else it passes bytes on.

The TLS library of the bank refuses to be as bad as products are, so the bad choices are scripted here: a server
flight up to ServerHelloDone, after which nobody needs to go on. Whatever no fault is about reaches the real server.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding

from conformance.sdk import Host, Listener
from conformance_security.reference.doors import serve_plainly
from conformance_security.reference.early_data import EarlyTerminator
from conformance_security.reference.relaying import relay
from conformance_security.reference.tls_script import Offer, Script, alert, old_hello, read_offer, sized

#: The endpoint name of the listener.
FRONT = "front"

_TLS10, _TLS12 = 0x0301, 0x0303
#: The extension of clients that want tickets (psk_key_exchange_modes).
_PSK_MODES = 0x002D
_OLD = frozenset({0x002F, 0x0035, 0xC009, 0xC00A, 0xC013, 0xC014})
_DHE = frozenset({0x009E, 0x009F, 0x0033, 0x0039, 0x0067, 0x006B})
#: Suites that a fault makes the server fall for.
_CHOSEN: Mapping[str, frozenset[int]] = {
    "tls.null-suites": frozenset({0x0001, 0x0002, 0x003B, 0xC006, 0xC010}),
    "tls.anonymous-suites": frozenset({0x0034, 0x003A, 0x00A6, 0x00A7, 0xC018, 0xC019}),
    "tls.export-suites": frozenset({0x0003, 0x0006, 0x0008, 0x0014}),
    "tls.rc4-suites": frozenset({0x0004, 0x0005, 0xC011}),
    "tls.3des-suites": frozenset({0x000A, 0x0016, 0xC012}),
    "tls.static-rsa": frozenset({0x009C, 0x009D, 0x002F, 0x0035}),
    "tls.static-dh": frozenset({0x00A0, 0xC004, 0xC02D, 0xC02E}),
    "tls.cbc": frozenset({0xC009, 0xC00A, 0xC013, 0xC014}),
}
#: The 1024-bit group of RFC 2409 6.2, once shipped as the default of everything.
_GROUP_1024 = int(
    "FFFFFFFFFFFFFFFFC90FDAA22168C234C4C6628B80DC1CD129024E088A67CC74020BBEA63B139B22514A08798E3404DD"
    "EF9519B3CD3A431B302B0A6DF25F14374FE1356D6D51C245E485B576625E7EC6F44C42E9A637ED6B0BFF5CB6F406B7ED"
    "EE386BFB5A899FA5AE9F24117C4B1FE649286651ECE65381FFFFFFFFFFFFFFFF",
    16,
)


class TlsFront:
    """The part of the reference candidate that owns the listener ``front``."""

    schema = ""

    def routes(self, host: Host) -> Sequence[Any]:
        """Return none: the front is below HTTP."""
        return ()

    def listeners(self, host: Host) -> Sequence[Listener]:
        """Return the front."""
        return (Listener(FRONT, _Front(host).serve, raw=True),)

    def hooks(self, host: Host) -> Mapping[str, Callable[[Mapping[str, Any]], Mapping[str, Any]]]:
        """Return none."""
        return {}

    def declared(self, host: Host) -> Mapping[str, Any]:
        """Say where the checks of transport shall knock."""
        return {"tls": {"endpoint": FRONT}}

    def supports(self) -> Sequence[str]:
        """Return none."""
        return ()

    def start(self, host: Host) -> None:
        """Do nothing: connections start themselves."""

    def stop(self) -> None:
        """Do nothing."""


class _Front:
    """Answers connections, each by a script or by the server behind."""

    def __init__(self, host: Host) -> None:
        self._host = host
        self._chain: tuple[bytes, ...] | None = None
        self._early: EarlyTerminator | None = None

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Read the first record and decide."""
        with contextlib.closing(writer), contextlib.suppress(ConnectionError):
            offer, taken = await read_offer(reader)
            if offer is None and taken.isascii() and self._host.faults.on("tls.plain-served"):
                await serve_plainly(taken, reader, writer, self._host)
                return
            answer = self._scripted(offer) if offer else self._oldest(taken)
            if answer is not None:
                writer.write(answer)
                await writer.drain()
            elif offer and _PSK_MODES in offer.extensions and self._host.faults.on("tls.early-data"):
                await self._terminator().serve(taken, reader, writer, self._host.url())
            else:
                await relay(taken, reader, writer, self._host.url())

    def _terminator(self) -> EarlyTerminator:
        """Return the terminator that takes early data, made when it is first needed."""
        self._early = self._early or EarlyTerminator(self._host.directory)
        return self._early

    def _oldest(self, taken: bytes) -> bytes | None:
        """Return the answer in SSL 2.0, which only a fault gives, or None."""
        return old_hello(taken, self._certificates()[0]) if self._host.faults.on("tls.ssl2") else None

    def _scripted(self, offer: Offer) -> bytes | None:
        """Return the answer of a faulty server, or None where no fault is about this hello."""
        on = self._host.faults.on
        if on("tls.only-old"):
            return self._only_old(offer)
        for fault, suites in _CHOSEN.items():
            suite = offer.first(suites)
            # Whoever offers sound suites beside the bad ones gets a sound one: order of preference is no defence.
            if suite is not None and on(fault) and offer.version == _TLS12 and not _sound(offer):
                return Script(_TLS12, suite, self._certificates()).flight()
        return self._misconfigured(offer)

    def _misconfigured(self, offer: Offer) -> bytes | None:
        """Return the answer of a server that is bad whatever suites are offered, or None."""
        on, suite = self._host.faults.on, offer.suites[0] if offer.suites else 0
        if on("tls.dh1024") and (dhe := offer.first(_DHE)) and not _elliptic(offer):
            return Script(_TLS12, dhe, self._certificates(), key_exchange=_weak_group()).flight()
        if offer.version != _TLS12 or not _sound(offer):
            return None
        if on("tls.no-renegotiation-info"):
            return Script(_TLS12, suite, self._certificates(), renegotiation=False).flight()
        if on("tls.compression") and 1 in offer.compressions:
            return Script(_TLS12, suite, self._certificates(), compression=1).flight()
        return None

    def _only_old(self, offer: Offer) -> bytes:
        suite = offer.first(_OLD)
        if suite is None or offer.version > _TLS12 or offer.version < _TLS10:
            return alert(70 if offer.version > _TLS12 else 40)
        return Script(_TLS10, suite, self._certificates()).flight()

    def _certificates(self) -> tuple[bytes, ...]:
        """Return the chain of the server behind."""
        if self._chain is None:
            pem = (self._host.directory / "server.pem").read_bytes()
            self._chain = tuple(item.public_bytes(Encoding.DER) for item in x509.load_pem_x509_certificates(pem))
        return self._chain


def _sound(offer: Offer) -> bool:
    return any(suite in {0x1301, 0x1302, 0x1303, 0xC02B, 0xC02C, 0xC02F, 0xC030} for suite in offer.suites)


def _elliptic(offer: Offer) -> bool:
    return any(suite >> 8 == 0xC0 and suite < 0xC09C for suite in offer.suites)


def _weak_group() -> bytes:
    """Return a ServerKeyExchange with the 1024-bit group, a public value and an unsigned signature."""
    prime = _GROUP_1024.to_bytes(128, "big")
    public = pow(2, int.from_bytes(prime[1:33], "big"), _GROUP_1024).to_bytes(128, "big")
    return sized(prime, 2) + sized(b"\x02", 2) + sized(public, 2) + b"\x04\x03" + sized(bytes(64), 2)
