"""A listener that speaks the first flight of TLCP (GB/T 38636), with SM2 certificates made on the spot.

It proves its identity as a real server does, by a signature over both randoms and the encryption certificate, and
ends where record protection would begin: checks look at the flight alone.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from conformance.sdk import Host, Listener
from conformance_security.reference import sm2_certificates as sm2
from conformance_security.reference.sm2_certificates import Party, certificate
from conformance_security.reference.tls_script import Offer, Script, alert, read_offer, sized

#: The endpoint name of the listener.
NAME = "tlcp"

_TLCP, _TLS12 = 0x0101, 0x0303
#: ECC with SM4 in GCM and CBC mode: key exchange by the encryption certificate.
_SUITES = (0xE053, 0xE013)
_ROOT_FILE = "tlcp-ca.pem"
_SIGNING = sm2.DIGITAL_SIGNATURE | sm2.NON_REPUDIATION
_ENCRYPTING = sm2.KEY_ENCIPHERMENT | sm2.DATA_ENCIPHERMENT | sm2.KEY_AGREEMENT


class TlcpPart:
    """The part of the reference candidate that owns the listener ``tlcp``."""

    schema = ""

    def routes(self, host: Host) -> Sequence[Any]:
        """Return none: the listener is below HTTP."""
        return ()

    def listeners(self, host: Host) -> Sequence[Listener]:
        """Return the listener."""
        return (Listener(NAME, _Server(host).serve, raw=True),)

    def hooks(self, host: Host) -> Mapping[str, Callable[[Mapping[str, Any]], Mapping[str, Any]]]:
        """Return none."""
        return {}

    def declared(self, host: Host) -> Mapping[str, Any]:
        """Name the endpoint and the root that its chain leads to."""
        return {"tls": {"tlcp": NAME, "tlcp_ca": str(host.directory / _ROOT_FILE)}}

    def supports(self) -> Sequence[str]:
        """Return none."""
        return ()

    def start(self, host: Host) -> None:
        """Write the root, once for the life of the instance."""
        path = host.directory / _ROOT_FILE
        if not path.exists():
            root = _root(host)
            own = certificate(root, root, sm2.CERTIFICATE_SIGN, datetime.now(UTC), authority=True)
            path.write_bytes(sm2.pem(own))

    def stop(self) -> None:
        """Do nothing."""


class _Server:
    """Answers each hello with one flight."""

    def __init__(self, host: Host) -> None:
        self._host = host
        self._chains: dict[tuple[int, int, bool], tuple[bytes, bytes]] = {}
        self._signer = Party.of("Reference Bank TLCP signature", host.seed("tlcp/sign"))
        self._encrypter = Party.of("Reference Bank TLCP encryption", host.seed("tlcp/encrypt"))

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Read the hello and answer with a flight, or with an alert where nothing on offer fits."""
        with contextlib.closing(writer), contextlib.suppress(ConnectionError):
            offer, _ = await read_offer(reader)
            if offer is None:
                return
            # Signatures in plain Python take tens of milliseconds: not on the loop that serves the bank.
            writer.write(await asyncio.to_thread(self._answer, offer))
            await writer.drain()

    def _answer(self, offer: Offer) -> bytes:
        on = self._host.faults.on
        if offer.version != _TLCP:
            return alert(70)
        suite = offer.first(_SUITES)
        if suite is None:
            return alert(40)
        signing, encrypting = (_ENCRYPTING, _SIGNING) if on("tlcp.key-usage-swapped") else (_SIGNING, _ENCRYPTING)
        chain: tuple[bytes, ...] = self._chain(signing, encrypting, on("tlcp.chain-broken"))
        random = os.urandom(32)
        proof = self._proof(bytes(32) if on("tlcp.key-exchange-unbound") else offer.random, random, chain[1])
        if on("tlcp.single-certificate"):
            chain = chain[:1]
        version = _TLS12 if on("tlcp.version") else _TLCP
        return Script(version, suite, chain, 0, False, proof, random).flight()

    def _proof(self, client: bytes, server: bytes, encrypting: bytes) -> bytes:
        """Return a ServerKeyExchange of ECC: a signature over both randoms and the encryption certificate."""
        return sized(self._signer.sign(client + server + sized(encrypting, 3)), 2)

    def _chain(self, signing: int, encrypting: int, broken: bool) -> tuple[bytes, bytes]:
        """Return both certificates; ``broken``: the second is issued by a stranger of the root's name."""
        key = (signing, encrypting, broken)
        if key not in self._chains:
            root, now = _root(self._host), datetime.now(UTC)
            issuer = Party.of(root.name, self._host.seed("tlcp/stranger")) if broken else root
            self._chains[key] = (
                certificate(self._signer, root, signing, now),
                certificate(self._encrypter, issuer, encrypting, now),
            )
        return self._chains[key]


def _root(host: Host) -> Party:
    return Party.of("Reference Bank TLCP Root", host.seed("tlcp/root"))
