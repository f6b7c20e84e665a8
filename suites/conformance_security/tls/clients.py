"""The door that client certificates open, and the certificates to try it with: ``[declared.security.tls.mtls]``."""

from __future__ import annotations

import base64
import ssl
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import quote

from cryptography import x509
from cryptography.hazmat.primitives import serialization

from conformance.sdk import Candidate, NotApplicable, NotTested, Prepared, accepted
from conformance_security.reads import some_read
from conformance_security.tls.target import tls_settings

_SECTION = "[declared.security.tls.mtls]"
#: The operation of the neutral contract that asks for nothing but a certificate.
_WHOAMI = "mtls.whoami"
#: Headers that carry certificates as URL-encoded PEM (nginx, AWS), and as DER in base64 (Azure, Traefik).
_ESCAPED = ("X-Client-Cert", "X-SSL-Client-Cert", "X-SSL-Cert", "SSL-Client-Cert", "X-Amzn-Mtls-Clientcert")
_ENCODED = ("X-Client-Cert", "X-Client-Certificate", "X-ARR-ClientCert", "X-Forwarded-Tls-Client-Cert")


@dataclass(frozen=True, slots=True)
class Door:
    """A protected read at the endpoint that asks for client certificates, and who may try it.

    ``good``, ``stranger``, ``revoked`` and ``expired`` name users that differ in their certificate alone.
    """

    candidate: Candidate
    settings: Mapping[str, Any]

    @classmethod
    def of(cls, candidate: Candidate) -> Door:
        """Return the declared door; raises NotTested if there is none, NotApplicable if the owner says so."""
        settings = tls_settings(candidate).get("mtls")
        if settings is False:
            raise NotApplicable("the candidate file says that the product has no mutual TLS")
        if not isinstance(settings, Mapping):
            raise NotTested(
                f"no mutual TLS is declared; declare {_SECTION} endpoint and the users good, stranger, revoked and "
                "expired in candidate.toml, or mtls = false under [declared.security.tls]",
                blame="CONFIG",
            )
        return cls(candidate.at(str(settings.get("endpoint", ""))), settings)

    @property
    def header(self) -> str:
        """The header that the product's own proxy uses for certificates, or ""."""
        return str(self.settings.get("header", ""))

    def admits_the_good_one(self) -> None:
        """Make the positive control: the good certificate is accepted."""
        accepted(self.request("good"), "a request with the good client certificate")

    def request(self, use: str) -> Prepared:
        """Return the read as the user who has the certificate for ``use``; raises NotTested without that user."""
        self._certificate(use)
        return self._read(self.candidate.as_user(self._user(use)))

    def without_certificate(self) -> Prepared:
        """Return the read by nobody, or by the user ``bare``, who has everything but a certificate."""
        return self._read(self._bare(self.candidate))

    def bare_requests(self) -> Iterator[tuple[Prepared, str]]:
        """Give the read without a certificate, at the door and at the main address, each with words for where."""
        yield self.without_certificate(), "at the door"
        if self.candidate.endpoint:
            yield self._read(self._bare(self.candidate.at(""))), "at the main address"

    def good_certificate(self) -> x509.Certificate:
        """Return the certificate that opens the door."""
        return self._certificate("good")

    def _bare(self, candidate: Candidate) -> Candidate:
        if "bare" in self.settings and candidate.file.tls.get("client_cert"):
            raise NotTested("[tls] client_cert is sent for every user; put it under [users] instead", blame="CONFIG")
        if "bare" in self.settings:
            return candidate.as_user(str(self.settings["bare"]))
        if _scheme(candidate, self._user("good")) != "none":
            raise NotTested(
                f"whoever has no certificate would lack other credentials as well; declare {_SECTION} bare = a user "
                "with the credentials of the good one and no client_cert",
                blame="CONFIG",
            )
        return candidate.without_credentials()

    def _read(self, candidate: Candidate) -> Prepared:
        operation = str(self.settings.get("operation", _WHOAMI if candidate.offers(_WHOAMI) else ""))
        return candidate.prepare(operation) if operation else some_read(candidate)

    def _user(self, use: str) -> str:
        if use not in self.settings:
            raise NotTested(f"no certificate for this case; declare {_SECTION} {use} = a user", blame="CONFIG")
        return str(self.settings[use])

    def _certificate(self, use: str) -> x509.Certificate:
        """Return a user's certificate, read before it is used: one that cannot be sent would look like a refusal."""
        name = self._user(use)
        section = self.candidate.as_user(name).file.users[name]
        if not section.get("client_cert"):
            raise NotTested(f"[users.{name}] has no client_cert; add the path of a PEM file", blame="CONFIG")
        certificate, key = (_path(self.candidate, section.get(member)) for member in ("client_cert", "client_key"))
        try:
            ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT).load_cert_chain(str(certificate), str(key) if key else None)
            found = x509.load_pem_x509_certificates(certificate.read_bytes() if certificate else b"")[0]
        except (OSError, ValueError) as error:
            raise NotTested(f"the client_cert of [users.{name}] cannot be used: {error}", blame="CONFIG") from error
        _suits(found, use, name)
        return found


def _suits(certificate: x509.Certificate, use: str, name: str) -> None:
    """Raise NotTested for a certificate that is not what its use says: its refusal would prove something else."""
    expired = datetime.now(UTC) >= certificate.not_valid_after_utc
    if expired != (use == "expired"):
        state = "has expired" if expired else "has not expired"
        raise NotTested(f"the client_cert of [users.{name}], declared as {use}, {state}", blame="CONFIG")


def _path(candidate: Candidate, named: Any) -> Path | None:
    name = named.get("file") if isinstance(named, Mapping) else named
    base = candidate.file.path.parent if candidate.file.path else Path.cwd()
    return base / str(name) if name else None


def _scheme(candidate: Candidate, user: str) -> str:
    own = candidate.file.users.get(user, {})
    inner = own.get("auth", {})
    settings = {**candidate.file.auth, **own, **(inner if isinstance(inner, Mapping) else {})}
    return str(settings.get("scheme", "none"))


def header_sets(certificate: x509.Certificate, named: str = "") -> Iterator[dict[str, str]]:
    """Give the headers in which proxies hand on a verified client certificate, with it in their usual encodings."""
    pem = certificate.public_bytes(serialization.Encoding.PEM).decode()
    der = base64.b64encode(certificate.public_bytes(serialization.Encoding.DER)).decode()
    escaped, subject = quote(pem, safe=""), certificate.subject.rfc4514_string()
    for name in filter(None, (named, *_ESCAPED)):
        yield {name: escaped}
    for name in filter(None, (named, *_ENCODED)):
        yield {name: der}
    yield {"Client-Cert": f":{der}:"}  # RFC 9440
    yield {"X-Forwarded-Client-Cert": f'Cert="{escaped}";Subject="{subject}"'}
    yield {"X-SSL-Client-Verify": "SUCCESS", "X-SSL-Client-S-DN": subject, "X-SSL-Client-Cert": escaped}
