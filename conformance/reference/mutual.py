"""Who a client is by its TLS certificate: the operation that asks for nothing else."""

from __future__ import annotations

import base64
from typing import TYPE_CHECKING
from urllib.parse import unquote

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from conformance.reference.web import answer
from conformance.sdk.reference import FaultBoard, Problem

if TYPE_CHECKING:
    from conformance.reference.host import ReferenceHost

#: The header that proxies put client certificates into, as URL-encoded PEM.
_HEADER = "x-client-cert"


def presented(request: Request, faults: FaultBoard) -> x509.Certificate | None:
    """Return the certificate that the client has proved to hold in TLS, or None.

    Fault mtls.header-trusted: what a header claims does as well, as in products that expect a proxy in front.
    """
    der: bytes | None = request.scope.get("client_certificate")
    if der is None and faults.on("mtls.header-trusted") and _HEADER in request.headers:
        return _claimed(request.headers[_HEADER])
    return x509.load_der_x509_certificate(der) if der else None


def routes(host: ReferenceHost) -> list[Route]:
    """Return the route that tells a client which certificate it came with.

    Fault mtls.certificate-optional: it came without one, and nobody minds.
    """

    async def whoami(request: Request) -> Response:
        certificate = presented(request, host.faults)
        if certificate is None and host.faults.on("mtls.certificate-optional"):
            return answer({"subject": "", "thumbprint": ""})
        if certificate is None:
            raise Problem(401, "certificate-missing", "A client certificate is required.")
        return answer({"subject": certificate.subject.rfc4514_string(), "thumbprint": thumbprint(certificate)})

    return [Route("/mtls/whoami", whoami, methods=["GET"])]


def thumbprint(certificate: x509.Certificate) -> str:
    """Return the SHA-256 of a certificate in base64url (RFC 8705 3.1: ``x5t#S256``)."""
    return base64.urlsafe_b64encode(certificate.fingerprint(hashes.SHA256())).rstrip(b"=").decode()


def _claimed(text: str) -> x509.Certificate:
    try:
        return x509.load_pem_x509_certificate(unquote(text).encode())
    except ValueError as error:
        raise Problem(400, "certificate-unreadable", "The certificate cannot be read.") from error
