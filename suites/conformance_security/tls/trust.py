"""Whether certificates lead to a root that the owner trusts, and name the host they are used for.

Each question is asked alone: a chain may verify although it has expired, and name the right host although nobody
vouches for it. OpenSSL's own path building answers the first; other verifiers demand more of private authorities
than clients do (an authority key identifier, for example) and would find faults that nobody meets.
"""

from __future__ import annotations

import ipaddress
import ssl
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from cryptography import x509
from OpenSSL import crypto

from conformance.sdk import CandidateFile, NotTested

#: X509_V_FLAG_NO_CHECK_TIME of OpenSSL: validity is a question of its own.
_NO_CHECK_TIME = 0x200000


@dataclass(frozen=True, slots=True)
class Route:
    """How a certificate leads to a root: itself, what lies between, the root. ``error`` says why it does not."""

    certificates: tuple[x509.Certificate, ...] = ()
    error: str = ""

    @property
    def issuer(self) -> x509.Certificate | None:
        """Who issued the first certificate, if that is known."""
        return self.certificates[1] if len(self.certificates) > 1 else None


class Roots:
    """The authorities that a candidate file names under ``[tls] ca``, or the system's."""

    def __init__(self, store: crypto.X509Store) -> None:
        store.set_flags(_NO_CHECK_TIME)
        self._store = store

    @classmethod
    def of(cls, candidate: CandidateFile) -> Roots:
        """Return the roots that the candidate's session trusts as well; raises NotTested for an unreadable file."""
        named = candidate.tls.get("ca")
        if not named:
            return cls.of_the_system()
        name = named.get("file", "") if isinstance(named, Mapping) else named
        path = (candidate.path.parent if candidate.path else Path.cwd()) / str(name)
        try:
            return cls.given(x509.load_pem_x509_certificates(path.read_bytes()))
        except (OSError, ValueError) as error:
            raise NotTested(f"[tls] ca cannot be read as PEM certificates: {error}", blame="CONFIG") from error

    @classmethod
    def given(cls, certificates: Sequence[x509.Certificate]) -> Roots:
        """Return these authorities as roots."""
        store = crypto.X509Store()
        for certificate in certificates:
            store.add_cert(crypto.X509.from_cryptography(certificate))
        return cls(store)

    @classmethod
    def of_the_system(cls) -> Roots:
        """Return what this machine trusts."""
        places, store = ssl.get_default_verify_paths(), crypto.X509Store()
        if places.cafile or places.capath:
            store.load_locations(places.cafile, places.capath)
        return cls(store)

    def route(self, chain: Sequence[x509.Certificate]) -> Route:
        """Find the way from the first certificate to a root through the others alone; validity does not matter."""
        first, *others = (crypto.X509.from_cryptography(certificate) for certificate in chain)
        try:
            found = crypto.X509StoreContext(self._store, first, others).get_verified_chain()
        except crypto.X509StoreContextError as error:
            return Route(error=str(error))
        return Route(tuple(certificate.to_cryptography() for certificate in found))


def alternative_names(certificate: x509.Certificate) -> tuple[str, ...]:
    """Return the DNS names and IP addresses among the subject alternative names, as text."""
    names = _alternative(certificate)
    return (*names.get_values_for_type(x509.DNSName), *map(str, names.get_values_for_type(x509.IPAddress)))


def names_host(certificate: x509.Certificate, host: str) -> bool:
    """Tell whether the subject alternative names cover a host; the common name counts for nothing (RFC 9525 6).

    A wildcard stands for exactly one whole leftmost label; an address must be named as an address.
    """
    names = _alternative(certificate)
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        wanted = host.rstrip(".").encode("idna").decode().lower()
        return any(_covers(name.rstrip(".").lower(), wanted) for name in names.get_values_for_type(x509.DNSName))
    return address in names.get_values_for_type(x509.IPAddress)


def _alternative(certificate: x509.Certificate) -> x509.SubjectAlternativeName:
    try:
        return certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except x509.ExtensionNotFound:
        return x509.SubjectAlternativeName([])


def _covers(name: str, wanted: str) -> bool:
    if not name.startswith("*."):
        return name == wanted
    _, dot, parent = wanted.partition(".")
    # "*.com" would cover every company: a wildcard needs at least two labels to its right.
    return bool(dot) and parent == name[2:] and "." in parent
