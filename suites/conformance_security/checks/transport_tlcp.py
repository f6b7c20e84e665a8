"""TLCP, where a product speaks it: version, both certificates, their chain, and the proof of the signing key."""

from __future__ import annotations

import os
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from conformance.sdk import Candidate, Effect, Evidence, Inconclusive, NotApplicable, NotTested, check, expect
from conformance_security.tls.codepoints import TLCP_ECC_SUITES, TLCP_SUITES, suite_name
from conformance_security.tls.flight import Flight, ServerHello
from conformance_security.tls.hello import Version, client_hello
from conformance_security.tls.target import tls_settings, tls_target
from conformance_security.tls.tlcp import SmCertificate, chain_problem, proof_holds
from conformance_security.tls.wire import Malformed

#: What the key of an encryption certificate may be for; any of them will do.
_ENCRYPTING = frozenset({"keyEncipherment", "dataEncipherment", "keyAgreement"})


@check("SEC-T17.version", requirement="SEC-T17", effects=Effect.READ)
def tlcp_is_negotiated(candidate: Candidate, evidence: Evidence) -> None:
    """A hello of version 0x0101 with the suites of SM2, SM3 and SM4 is answered in that version, with one of them.

    Where the candidate file declares no TLCP endpoint, the TLS listener is asked; its refusal makes this *not
    applicable*.
    """
    met = _meet(candidate, evidence)
    expect(
        met.hello.version == Version.TLCP and met.hello.suite in TLCP_SUITES,
        "a TLCP hello must be answered in version 0x0101 with a suite that was offered",
        expected="version 0x0101",
        actual=f"version 0x{met.hello.version:04x}, {suite_name(met.hello.suite)}",
    )


@check("SEC-T17.certificates", requirement="SEC-T17", effects=Effect.READ)
def two_certificates_part_the_two_usages(candidate: Candidate, evidence: Evidence) -> None:
    """The signature certificate comes first, the encryption certificate second, and keyUsage tells them apart."""
    met = _meet(candidate, evidence)
    leaves = [item for item in met.certificates() if not item.authority]
    evidence.note("certificates", [f"{item.subject}: {', '.join(sorted(item.usage))}" for item in leaves])
    expect(
        len(leaves) == 2,
        "TLCP must present two certificates, one for signatures and one for encryption",
        expected="2",
        actual=str(len(leaves)),
    )
    signing, encrypting = leaves
    expect(
        "digitalSignature" in signing.usage and not signing.usage & _ENCRYPTING,
        "the first certificate must be for signatures alone by its keyUsage",
        expected="digitalSignature",
        actual=_listed(signing),
    )
    expect(
        bool(encrypting.usage & _ENCRYPTING) and "digitalSignature" not in encrypting.usage,
        "the second certificate must be for encryption alone by its keyUsage",
        expected="keyEncipherment, dataEncipherment or keyAgreement",
        actual=_listed(encrypting),
    )
    expect(
        signing.public != encrypting.public,
        "the two certificates must hold two keys",
        expected="two keys",
        actual="one key in both",
    )


@check("SEC-T17.chain", requirement="SEC-T17", effects=Effect.READ)
def both_certificates_lead_to_the_root(candidate: Candidate, evidence: Evidence) -> None:
    """Both certificates verify by SM2 with SM3, step by step, up to the root that the candidate file names."""
    met = _meet(candidate, evidence)
    root = _root(candidate)
    certificates = met.certificates()
    leaves = [item for item in certificates if not item.authority]
    if not leaves:
        raise Inconclusive("the server sent no certificate of its own", blame="PRODUCT")
    for leaf in leaves:
        problem = chain_problem(leaf, certificates, root, datetime.now(UTC))
        evidence.note(f"chain of {leaf.subject}", problem or "verifies")
        expect(
            not problem,
            "both TLCP certificates must verify by SM2 up to the declared root",
            expected=f"a chain to {root.subject}",
            actual=problem,
        )


@check("SEC-T17.proof", requirement="SEC-T17", effects=Effect.READ)
def the_signing_key_is_proved_afresh(candidate: Candidate, evidence: Evidence) -> None:
    """The ServerKeyExchange is signed by the signature certificate's key over both randoms and the encryption
    certificate, so that an old signature proves nothing.
    """
    met = _meet(candidate, evidence)
    if met.hello.suite not in TLCP_ECC_SUITES:
        raise NotTested(f"{suite_name(met.hello.suite)} proves its key in another way, which this check does not know")
    if len(met.flight.chain) < 2 or not met.flight.key_exchange:
        raise Inconclusive("the flight holds no second certificate or no ServerKeyExchange", blame="PRODUCT")
    proved = proof_holds(
        met.flight.key_exchange, met.random, met.hello.random, met.certificates()[0], met.flight.chain[1]
    )
    evidence.note("ServerKeyExchange", "its signature verifies" if proved else "its signature does not verify")
    expect(
        proved,
        "the ServerKeyExchange must be signed over both randoms and the encryption certificate",
        expected="a signature by the first certificate's key",
        actual="one that does not verify",
    )


@dataclass(frozen=True, slots=True)
class _Meeting:
    """A TLCP hello's random, and the flight that it drew."""

    random: bytes
    hello: ServerHello
    flight: Flight

    def certificates(self) -> list[SmCertificate]:
        """Return what was sent, read; a certificate that cannot be read is a finding."""
        found = []
        for number, der in enumerate(self.flight.chain, 1):
            try:
                found.append(SmCertificate.of(der))
            except Malformed as error:
                expect(False, f"certificate {number} must be one of SM2: {error}")
        return found


def _meet(candidate: Candidate, evidence: Evidence) -> _Meeting:
    name = tls_settings(candidate).get("tlcp")
    target = tls_target(candidate, str(name) if name is not None else None)
    random = os.urandom(32)
    flight = target.flight(client_hello(Version.TLCP, TLCP_SUITES, random=random))
    evidence.note("hello for TLCP", str(flight.reply))
    if flight.reply.hello is None:
        if name is None and flight.reply.refuses:
            raise NotApplicable(
                "the TLS listener speaks no TLCP; if another one does, name its endpoint: "
                "tlcp under [declared.security.tls] in candidate.toml"
            )
        raise Inconclusive(f"a TLCP hello drew {flight.reply}", blame="PRODUCT")
    return _Meeting(random, flight.reply.hello, flight)


def _root(candidate: Candidate) -> SmCertificate:
    named = tls_settings(candidate).get("tlcp_ca")
    if not named:
        raise NotTested(
            "no root to verify the TLCP chain with; declare tlcp_ca (a PEM file) under [declared.security.tls] in "
            "candidate.toml",
            blame="CONFIG",
        )
    base = candidate.file.path.parent if candidate.file.path else Path()
    try:
        return SmCertificate.of_pem((base / str(named)).read_bytes())
    except (OSError, Malformed) as error:
        raise NotTested(f"tlcp_ca, {named}, is no SM2 root: {error}", blame="CONFIG") from error


def _listed(certificate: SmCertificate) -> str:
    return ", ".join(sorted(certificate.usage)) or "none"
