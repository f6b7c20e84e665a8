"""The product's own public keys: those of its key set, and those that the candidate file declares."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from cryptography.hazmat.primitives import serialization

from conformance.sdk import Candidate, NotTested, accepted
from conformance_security.declared import declared
from conformance_security.signing_keys import public_of_jwk

#: Key id → public key.
Keys = Mapping[str, Any]


def product_keys(candidate: Candidate) -> Keys:
    """Return the keys that the product signs answers and notices with, by key id.

    ``[declared.security] product_keys`` maps key ids to public keys in PEM; the rest is the published key set.
    Raises NotTested where there is neither.
    """
    found: dict[str, Any] = {}
    if candidate.offers("jwks"):
        published = accepted(candidate.without_credentials().call("jwks"), "the published key set").get("keys", ())
        found = {str(jwk.get("kid", "")): public_of_jwk(jwk) for jwk in published if isinstance(jwk, Mapping)}
    for keyid, pem in declared(candidate, "product_keys", {}).items():
        found[keyid] = serialization.load_pem_public_key(str(pem).encode())
    if not found:
        raise NotTested(
            "no key of the product is known; map jwks, or declare public keys under [declared.security.product_keys]",
            blame="CONFIG",
        )
    return {keyid: key for keyid, key in found.items() if key is not None}
