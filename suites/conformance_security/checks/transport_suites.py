"""Which cipher suites a server can be talked into, class by class."""

from __future__ import annotations

from conformance.sdk import Candidate, Effect, Evidence, Inconclusive, check, expect
from conformance_security.tls.codepoints import (
    BROKEN_CLASSES,
    CBC_SUITES,
    DHE_SUITES,
    STATIC_CLASSES,
    TLS12_SUITES,
    TLS13_NULL_SUITES,
    suite_name,
)
from conformance_security.tls.hello import RENEGOTIATION_INFO, Version, client_hello
from conformance_security.tls.keyexchange import finite_field_bits
from conformance_security.tls.probing import Prober

#: Least bits of a finite-field group (RFC 9325 4).
GROUP_BITS_MIN = 2048


@check("SEC-T03", effects=Effect.READ)
def broken_suites_are_refused(candidate: Candidate, evidence: Evidence) -> None:
    """No class of broken suites is negotiated: NULL, anonymous, export, RC4, 3DES and DES, each offered alone.

    The hello allows every version up to TLS 1.2, so that the server may fall back to whichever speaks the suite;
    suites of TLS 1.3 that do not encrypt are offered in a hello of their own.
    """
    prober = Prober.of(candidate, evidence)
    for name, suites in BROKEN_CLASSES.items():
        prober.must_refuse(f"suites of the class {name}", Version.TLS12, suites)
    prober.must_refuse("suites of the class NULL in TLS 1.3", Version.TLS13, TLS13_NULL_SUITES)
    prober.settle()


@check("SEC-T04", effects=Effect.READ)
def suites_without_forward_secrecy_are_refused(candidate: Candidate, evidence: Evidence) -> None:
    """Key exchange by static RSA or static Diffie-Hellman is not negotiated, whatever cipher stands behind it."""
    prober = Prober.of(candidate, evidence)
    for name, suites in STATIC_CLASSES.items():
        prober.must_refuse(f"key exchange by {name}", Version.TLS12, suites)
    prober.settle()


@check("SEC-T05", effects=Effect.READ)
def cbc_suites_are_refused(candidate: Candidate, evidence: Evidence) -> None:
    """Suites in CBC mode are not negotiated, not even with forward secrecy: BCP 195 recommends AEAD alone."""
    prober = Prober.of(candidate, evidence)
    prober.must_refuse("forward-secret suites in CBC mode", Version.TLS12, CBC_SUITES)
    prober.settle()


@check("SEC-T06", effects=Effect.READ)
def finite_field_groups_are_large(candidate: Candidate, evidence: Evidence) -> None:
    """Where DHE is negotiated, the prime in the ServerKeyExchange has at least 2048 bits.

    Suites of DHE are offered alone and without named groups, so that the server shows the group it was configured
    with. A server that refuses DHE cannot show a weak group.
    """
    prober = Prober.of(candidate, evidence)
    flight = prober.target.flight(client_hello(Version.TLS12, DHE_SUITES, prober.target.host))
    prober.note("DHE", flight.reply)
    if flight.reply.kind != "hello":
        prober.require_control()
        if not flight.reply.refuses:
            raise Inconclusive(f"a hello for DHE drew {flight.reply}, which neither refuses nor accepts")
        return
    bits = finite_field_bits(flight.key_exchange)
    if bits is None:
        raise Inconclusive(f"the server chose {suite_name(flight.reply.suite)}, but its ServerKeyExchange has no group")
    evidence.note("bits of the DHE prime", bits)
    expect(
        bits >= GROUP_BITS_MIN,
        f"the DHE group must have at least {GROUP_BITS_MIN} bits",
        expected=f"{GROUP_BITS_MIN} bits or more",
        actual=f"{bits} bits with {suite_name(flight.reply.suite)}",
    )


@check("SEC-T13.renegotiation", requirement="SEC-T13", effects=Effect.READ)
def renegotiation_is_bound(candidate: Candidate, evidence: Evidence) -> None:
    """A server that speaks TLS 1.2 echoes renegotiation_info, empty on a first handshake.

    TLS 1.3 has no renegotiation: a server that speaks nothing else passes.
    """
    prober = Prober.of(candidate, evidence)
    prober.require_control()
    reply = prober.controls[0]
    prober.note("TLS 1.2 with renegotiation_info", reply)
    if reply.hello is None:
        return
    echoed = reply.hello.extensions.get(RENEGOTIATION_INFO)
    expect(
        echoed == b"\x00",
        "the server must echo renegotiation_info, or its renegotiation can be hijacked",
        expected="an empty renegotiation_info",
        actual="none" if echoed is None else echoed.hex(),
    )


@check("SEC-T13.compression", requirement="SEC-T13", effects=Effect.READ)
def compression_is_off(candidate: Candidate, evidence: Evidence) -> None:
    """A hello for TLS 1.2 that offers DEFLATE before no compression is answered without compression."""
    prober = Prober.of(candidate, evidence)
    hello = client_hello(Version.TLS12, TLS12_SUITES, prober.target.host, compressions=b"\x01\x00")
    reply = prober.target.ask(hello)
    prober.note("TLS 1.2 with DEFLATE", reply)
    if reply.hello is None:
        prober.require_control()
        if not reply.refuses:
            raise Inconclusive(f"a hello that offers DEFLATE drew {reply}, which neither refuses nor accepts")
        return
    expect(
        reply.hello.compression == 0,
        "TLS compression must be off: it gives away secrets by length",
        expected="compression method 0",
        actual=f"compression method {reply.hello.compression}",
    )
