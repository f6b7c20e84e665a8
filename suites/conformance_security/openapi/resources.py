"""Things of a user's own, so that requests made from a document reach something that exists."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from conformance.sdk import Accepted, Candidate, Evidence, Prepared
from conformance_security.openapi.document import Document
from conformance_security.scene import Scene

#: Values of path parameters by their place: ``/accounts/{account}`` → an id.
Known = Mapping[str, str]


def known_values(candidate: Candidate, evidence: Evidence, document: Document) -> dict[str, str]:
    """Make an account, a payment and a consent of the caller's, and return where the document names them."""
    known: dict[str, str] = {}
    for request in own_requests(candidate, evidence):
        path = document.relative(candidate, candidate.wire(request).url)
        for endpoint in document.endpoints:
            values = endpoint.values_in(path)
            if values and endpoint.method == "GET":
                known |= dict(zip(endpoint.places(), values, strict=True))
    return known


def own_requests(candidate: Candidate, evidence: Evidence) -> Iterator[Prepared]:
    """Give one request for each kind of thing that the caller can make and that has an id in its path."""
    if not candidate.offers("accounts.read") and not candidate.offers("payments.read"):
        return
    scene = Scene.set(candidate, evidence)
    if candidate.offers("accounts.read"):
        yield candidate.prepare("accounts.read", account=scene.debtor.id)
    if candidate.offers("payments.create") and candidate.offers("payments.read"):
        paid = scene.payment().send()
        if isinstance(paid, Accepted) and "id" in paid.value:
            yield candidate.prepare("payments.read", payment=paid.value["id"])
    if candidate.offers("consents.grant") and candidate.offers("consents.read"):
        granted = candidate.call(
            "consents.grant", account=scene.debtor.id, permissions=["accounts.balance"], expires_in=600
        )
        if isinstance(granted, Accepted) and "id" in granted.value:
            yield candidate.prepare("consents.read", consent=granted.value["id"])
