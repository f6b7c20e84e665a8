"""What is negotiated below HTTP, probed with hellos that no current library can send."""

from __future__ import annotations

import re
from urllib.parse import urlsplit

from conformance.sdk import Candidate, Effect, Evidence, Inconclusive, NotTested, Params, check, expect
from conformance_security.reads import some_read
from conformance_security.scene import control
from conformance_security.tls_probe import (
    OLD_SUITES,
    TLS12_SUITES,
    TLS13_SUITES,
    Reply,
    Version,
    client_hello,
    read_reply,
)

#: Seconds that a server may take to answer a hello.
PATIENCE_S = 5.0


@check("SEC-T01", effects=Effect.READ)
def old_versions_are_refused(candidate: Candidate, evidence: Evidence) -> None:
    """SSL 3, TLS 1.0 and TLS 1.1 are never negotiated: a hello for one is refused by an alert or a closed connection.

    Only alerts that say so (handshake failure, protocol version, insufficient security) count as refusals, and only
    beside a control hello for TLS 1.2 or 1.3 that the same server accepted.
    """
    host = _tls_host(candidate)
    controls = [_probe(candidate, version, suites, host) for version, suites in _CONTROLS]
    if not any(reply.kind == "hello" for reply in controls):
        raise Inconclusive(f"positive control: hellos for TLS 1.2 and 1.3 drew {controls[0]} and {controls[1]}")
    for version in (Version.SSL3, Version.TLS10, Version.TLS11):
        reply = _probe(candidate, version, OLD_SUITES, host)
        evidence.note(f"hello for {version.title}", str(reply))
        expect(
            reply.kind != "hello",
            f"{version.title} must be refused, but the server answered with a ServerHello",
            expected="alert 40, 70 or 71, or a closed connection",
            actual=str(reply),
        )
        if not reply.refuses:
            raise Inconclusive(f"a hello for {version.title} drew {reply}, which neither refuses nor accepts")


@check("SEC-T12", effects=Effect.READ)
def https_is_demanded_for_a_year(candidate: Candidate, evidence: Evidence, params: Params) -> None:
    """Answers over HTTPS carry Strict-Transport-Security with a max-age of at least a year."""
    _tls_host(candidate)
    answer = control(some_read(candidate), "a read over HTTPS")
    header = answer.exchange.header("Strict-Transport-Security")
    least = int(params["hsts_s_min"])
    age = re.search(r'max-age\s*=\s*"?(\d+)', header, re.IGNORECASE)
    expect(
        age is not None and int(age.group(1)) >= least,
        "answers over HTTPS must demand HTTPS by Strict-Transport-Security for a year",
        expected=f"max-age={least} or more",
        actual=header or "no such header",
    )


_CONTROLS = ((Version.TLS12, TLS12_SUITES), (Version.TLS13, TLS13_SUITES))


def _tls_host(candidate: Candidate) -> str:
    parts = urlsplit(candidate.file.base_url)
    if parts.scheme != "https":
        raise NotTested("base_url is plain HTTP; point it at the product's TLS listener", blame="CONFIG")
    return parts.hostname or ""


def _probe(candidate: Candidate, version: Version, suites: tuple[int, ...], host: str) -> Reply:
    connection = candidate.socket(PATIENCE_S)
    try:
        connection.send(client_hello(version, suites, host))
        return read_reply(connection.receive)
    except ConnectionError:
        return Reply("closed")
    except TimeoutError:
        return Reply("silent")
    finally:
        connection.close()
