"""The bound token that checks of proofs begin with, and the other ways to write the address that a proof is for."""

from __future__ import annotations

import re
from collections.abc import Mapping
from urllib.parse import SplitResult, urlsplit, urlunsplit

from conformance.sdk import Candidate
from conformance_security.oauth.flow import Flow, Grant, opened
from conformance_security.oauth.settings import first_client

_DEFAULT_PORTS = {"https": 443, "http": 80}
_LAST_LETTER = re.compile(r"[A-Za-z](?=[^A-Za-z]*$)")


def bound_grant(candidate: Candidate) -> tuple[Flow, Grant]:
    """Return a client with a DPoP-bound token that opened the resource; raises Inconclusive if it did not."""
    flow = Flow.of(candidate, first_client(candidate, "dpop"))
    grant = flow.grant()
    opened(flow.read(grant.access_token))
    return flow, grant


def spellings(url: str) -> Mapping[str, str]:
    """Return other ways to write the same URL (RFC 3986 6.2.2, 6.2.3), each with what is different about it.

    Only those that this URL has: an address of digits has no capitals, and one at a port of its own no default port.
    """
    parts = urlsplit(url)
    written = {
        "the scheme in capitals": f"{parts.scheme.upper()}{url[len(parts.scheme) :]}",
        "the host in capitals": urlunsplit(parts._replace(netloc=parts.netloc.upper())),
        **_with_other_port(parts),
        "a letter of the path percent-encoded": urlunsplit(parts._replace(path=_encoded(parts.path))),
    }
    return {what: spelling for what, spelling in written.items() if spelling != url}


def _with_other_port(parts: SplitResult) -> Mapping[str, str]:
    default = _DEFAULT_PORTS.get(parts.scheme)
    if parts.port is None:
        return {"the default port named": urlunsplit(parts._replace(netloc=f"{parts.netloc}:{default}"))}
    if parts.port == default:
        bare = parts.netloc.removesuffix(f":{default}")
        return {"the default port left out": urlunsplit(parts._replace(netloc=bare))}
    return {}


def _encoded(path: str) -> str:
    """Encode the last letter of a path: encoded or not, it is the same (RFC 3986 6.2.2.2)."""
    return _LAST_LETTER.sub(lambda found: f"%{ord(found[0]):02X}", path)
