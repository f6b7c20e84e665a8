"""What the product's own certificate proves, read in a handshake that trusts nothing and judged one question at a time.

These checks do not go through the candidate's session, which refuses a bad certificate outright: so the certificate
that makes every request of a run fail is named here, with what is wrong with it.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes

from conformance.sdk import Candidate, Effect, Evidence, Inconclusive, NotApplicable, NotTested, Params, check, expect
from conformance_security.tls.inspection import Shown, inspect
from conformance_security.tls.staple import defect, demands_staple
from conformance_security.tls.strength import purposes, self_issued, serves_servers, weak_key, weak_signature
from conformance_security.tls.target import TlsTarget, tls_settings, tls_target
from conformance_security.tls.trust import Roots, alternative_names, names_host


@check("SEC-T07", effects=Effect.READ)
def the_chain_leads_to_the_given_root(candidate: Candidate, evidence: Evidence) -> None:
    """The certificates that the server sends lead, by themselves, to a root that the candidate file names.

    Neither the name nor the validity matters here: each is a requirement of its own.
    """
    shown = _look(_target(candidate), evidence)
    route = Roots.of(candidate.file).route(shown.chain)
    expect(
        not route.error,
        f"the chain must verify against the given root: {route.error}",
        expected="a chain that leads to the root under [tls] ca, or to one of the system's",
        actual=f"{len(shown.chain)} sent: {' ← '.join(_name(item) for item in shown.chain)}",
    )


@check("SEC-T08", effects=Effect.READ)
def the_certificate_names_the_host(candidate: Candidate, evidence: Evidence) -> None:
    """The host is among the certificate's subject alternative names; a common name is no name (RFC 9525)."""
    target = _target(candidate)
    shown = _look(target, evidence)
    names = alternative_names(shown.leaf)
    expect(
        names_host(shown.leaf, target.host),
        f"the certificate must name {target.host} in its subject alternative names",
        expected=target.host,
        actual=", ".join(names) or f"no alternative names at all; the subject is {_name(shown.leaf)}",
    )


@check("SEC-T09", effects=Effect.READ)
def the_certificates_are_valid_now(candidate: Candidate, evidence: Evidence) -> None:
    """Now lies within the validity of every certificate that the server sends: not before, and before not after."""
    shown = _look(_target(candidate), evidence)
    now = datetime.now(UTC)
    for certificate in shown.chain:
        began, ended = certificate.not_valid_before_utc <= now, now >= certificate.not_valid_after_utc
        expect(
            began and not ended,
            f"the certificate of {_name(certificate)} {'has expired' if ended else 'is not valid yet'}",
            expected=f"a validity that includes {now:%Y-%m-%d %H:%M} UTC",
            actual=_validity(certificate),
        )


@check("SEC-T19", effects=Effect.READ)
def the_certificate_is_renewed_in_time(candidate: Candidate, evidence: Evidence, params: Params) -> None:
    """Thirty days of the certificate's life are left, or, where it lives shorter than ninety, a third of it."""
    shown = _look(_target(candidate), evidence)
    leaf, now = shown.leaf, datetime.now(UTC)
    if now >= leaf.not_valid_after_utc:
        raise Inconclusive("the certificate has expired already, see SEC-T09", blame="PRODUCT")
    life = leaf.not_valid_after_utc - leaf.not_valid_before_utc
    due = min(timedelta(days=int(params["certificate_days_min"])), life / 3)
    expect(
        leaf.not_valid_after_utc - now >= due,
        "the certificate should have been renewed by now: it is about to expire",
        expected=f"{due.days} days left or more",
        actual=f"{(leaf.not_valid_after_utc - now).days} days left: {_validity(leaf)}",
    )


@check("SEC-T10", effects=Effect.READ)
def the_certificate_is_strong_and_for_servers(candidate: Candidate, evidence: Evidence) -> None:
    """The certificate is for server authentication, and no key or signature of the chain is weak.

    RSA keys have 2048 bits and more, EC keys 224 and more, and no signature rests on SHA-1 or MD5. A root's signature
    on itself does not count: nobody relies on it. A certificate without the extension for purposes serves any.
    """
    shown = _look(_target(candidate), evidence)
    expect(
        serves_servers(shown.leaf),
        "the certificate must be for server authentication (serverAuth)",
        expected="extended key usage serverAuth (1.3.6.1.5.5.7.3.1)",
        actual=", ".join(purposes(shown.leaf) or ()),
    )
    for place, certificate in enumerate(shown.chain):
        found = [weak_key(certificate)]
        if place == 0 or not self_issued(certificate):
            found.append(weak_signature(certificate))
        weak = " and ".join(filter(None, found))
        expect(
            not weak,
            f"keys and signatures of the chain must be strong: {_name(certificate)} has {weak}",
            expected="RSA of 2048 bits or EC of 224 bits or more, signed with SHA-256 or better",
            actual=weak,
        )


@check("SEC-T11", effects=Effect.READ)
def a_stapled_response_is_good(candidate: Candidate, evidence: Evidence) -> None:
    """A stapled OCSP response is about this certificate, signed by its issuer or its responder, fresh, and good.

    Stapling is not required, except where the certificate itself demands it (RFC 7633): without a staple there is
    nothing to judge.
    """
    shown = _look(_target(candidate), evidence)
    if not shown.staple:
        expect(not demands_staple(shown.leaf), "the certificate demands a stapled OCSP response, and none was sent")
        raise NotApplicable("the server staples no OCSP response, and the certificate does not demand one")
    try:
        wrong = defect(shown.staple, shown.leaf, _issuer(candidate, shown), datetime.now(UTC))
    except UnsupportedAlgorithm as error:
        raise NotTested(f"the signature of the stapled OCSP response cannot be verified here: {error}") from error
    expect(
        not wrong,
        f"the stapled OCSP response {wrong}",
        expected="a current response that says good, signed by the issuer or by a responder of the issuer",
        actual=wrong,
    )


def _target(candidate: Candidate) -> TlsTarget:
    """Return whose certificate to judge: ``certificate_endpoint``, else ``endpoint``, else the base URL's."""
    named = tls_settings(candidate).get("certificate_endpoint")
    return tls_target(candidate, str(named) if named is not None else None)


def _look(target: TlsTarget, evidence: Evidence) -> Shown:
    shown = inspect(target)
    for certificate in shown.chain:
        digest = certificate.fingerprint(hashes.SHA256()).hex()
        evidence.note(f"certificate of {_name(certificate)}", f"{_validity(certificate)}, SHA-256 {digest}")
    evidence.note("stapled OCSP response", f"{len(shown.staple)} bytes" if shown.staple else "none")
    return shown


def _issuer(candidate: Candidate, shown: Shown) -> x509.Certificate:
    issuer = Roots.of(candidate.file).route(shown.chain).issuer
    sent = (item for item in shown.chain[1:] if item.subject == shown.leaf.issuer)
    found = issuer or next(sent, None)
    if found is None:
        raise Inconclusive("the issuer is unknown, so the staple cannot be judged, see SEC-T07", blame="PRODUCT")
    return found


def _name(certificate: x509.Certificate) -> str:
    return certificate.subject.rfc4514_string() or f"serial {certificate.serial_number:x}"


def _validity(certificate: x509.Certificate) -> str:
    begins, ends = certificate.not_valid_before_utc, certificate.not_valid_after_utc
    return f"valid from {begins:%Y-%m-%d %H:%M} to {ends:%Y-%m-%d %H:%M} UTC"
