"""Versions, and what HTTPS says of itself; probed with hellos that no current library can send."""

from __future__ import annotations

import re

from conformance.sdk import Candidate, Effect, Evidence, NotTested, Params, check, expect
from conformance_security.reads import any_read
from conformance_security.scene import control
from conformance_security.tls.codepoints import OLD_SUITES, TLS12_SUITES, TLS13_SUITES
from conformance_security.tls.hello import Version, client_hello
from conformance_security.tls.http import request_bytes
from conformance_security.tls.plain import plain_answer
from conformance_security.tls.probing import Prober
from conformance_security.tls.target import tls_settings, tls_target


@check("SEC-T01", effects=Effect.READ)
def old_versions_are_refused(candidate: Candidate, evidence: Evidence) -> None:
    """SSL 3, TLS 1.0 and TLS 1.1 are never negotiated: a hello for one is refused by an alert or a closed connection.

    Only alerts that say so (handshake failure, protocol version, insufficient security) count as refusals, and only
    beside a control hello for TLS 1.2 or 1.3 that the same server accepted.
    """
    prober = Prober.of(candidate, evidence)
    for version in (Version.SSL3, Version.TLS10, Version.TLS11):
        prober.must_refuse(version.title, version, OLD_SUITES)
    prober.settle()


@check("SEC-T01.ssl2", requirement="SEC-T01", effects=Effect.READ)
def the_oldest_version_is_refused(candidate: Candidate, evidence: Evidence) -> None:
    """SSL 2.0 is never negotiated: its CLIENT-HELLO, with every cipher that it has, draws no SERVER-HELLO.

    It counts only beside hellos for TLS 1.2 or 1.3 that the same server accepted.
    """
    prober = Prober.of(candidate, evidence)
    prober.must_refuse_ssl2()
    prober.settle()


@check("SEC-T02", effects=Effect.READ)
def a_current_version_is_spoken(candidate: Candidate, evidence: Evidence) -> None:
    """TLS 1.2 or TLS 1.3 is negotiated when a client offers nothing else, with suites that are recommended for it.

    A server that takes neither hello is told apart from one that takes no hello of ours at all: it must have answered
    an older one, or have refused ours with an alert that says so.
    """
    prober = Prober.of(candidate, evidence)
    for version, reply in zip((Version.TLS12, Version.TLS13), prober.controls, strict=True):
        prober.note(version.title, reply)
    if any(reply.version in (Version.TLS12, Version.TLS13) for reply in prober.controls):
        return
    older = prober.target.ask(client_hello(Version.TLS11, OLD_SUITES, prober.target.host))
    prober.note("TLS 1.1", older)
    heard = next((reply for reply in (*prober.controls, older) if reply.kind == "hello"), None)
    if heard is None:
        prober.require_control()
    expect(
        heard is None,
        "the server must negotiate TLS 1.2 or TLS 1.3, but speaks older versions only",
        expected="a ServerHello for TLS 1.2 or TLS 1.3",
        actual=str(heard),
    )


@check("SEC-T18", effects=Effect.READ)
def the_newest_version_is_preferred(candidate: Candidate, evidence: Evidence) -> None:
    """A client that offers TLS 1.3 beside TLS 1.2 is answered in TLS 1.3."""
    prober = Prober.of(candidate, evidence)
    prober.require_control()
    suites = (*TLS13_SUITES, *TLS12_SUITES)
    reply = prober.target.ask(client_hello(Version.TLS13, suites, prober.target.host, also=(Version.TLS12,)))
    prober.note("TLS 1.3 beside TLS 1.2", reply)
    expect(
        reply.version == Version.TLS13,
        "a client that offers TLS 1.3 should be answered in TLS 1.3",
        expected="a ServerHello for TLS 1.3",
        actual=str(reply),
    )


@check("SEC-T12", effects=Effect.READ)
def https_is_demanded_for_a_year(candidate: Candidate, evidence: Evidence, params: Params) -> None:
    """Answers over HTTPS carry Strict-Transport-Security with a max-age of at least a year."""
    target = tls_target(candidate)
    answer = control(any_read(target.candidate), "a read over HTTPS")
    header = answer.exchange.header("Strict-Transport-Security")
    least = int(params["hsts_s_min"])
    age = re.search(r'max-age\s*=\s*"?(\d+)', header, re.IGNORECASE)
    expect(
        age is not None and int(age.group(1)) >= least,
        "answers over HTTPS must demand HTTPS by Strict-Transport-Security for a year",
        expected=f"max-age={least} or more",
        actual=header or "no such header",
    )


@check("SEC-T12.plain", requirement="SEC-T12", effects=Effect.READ)
def plain_http_is_not_served(candidate: Candidate, evidence: Evidence) -> None:
    """A request over plain HTTP, at the TLS port and at the plain one, is refused or sent to HTTPS, never served.

    ``[declared.security.tls] plain`` names the endpoint of the product's port for plain HTTP, or is false where it has
    none. The request carries no credentials: an answer that asks for them (401) invites to send them in the clear.
    """
    target = tls_target(candidate)
    read = any_read(target.candidate)
    control(read, "a read over HTTPS")
    request = request_bytes(target.candidate.wire(read.without_credentials()))
    _must_not_be_served(target.candidate, request, "at the TLS port", evidence)
    plain = tls_settings(candidate).get("plain")
    if plain is None:
        raise NotTested(
            "the TLS port serves no plain HTTP; of a port for it nothing is known: name its endpoint in "
            "[declared.security.tls] plain, or say plain = false where there is none",
            blame="CONFIG",
        )
    if plain:
        _must_not_be_served(candidate.at(str(plain)), request, "at the plain port", evidence)


def _must_not_be_served(candidate: Candidate, request: bytes, where: str, evidence: Evidence) -> None:
    said = plain_answer(candidate, request)
    evidence.note(f"plain HTTP {where}", said.text)
    expect(
        not said.served,
        f"plain HTTP must be refused or redirected to HTTPS, never served: {where}",
        expected="no answer, a redirect to https, or a refusal that asks for no credentials",
        actual=said.text,
    )
