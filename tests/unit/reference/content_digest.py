"""Content-Digest (RFC 9530), as the tests of the reference bank compute it."""

import base64
import hashlib


def digest(body: bytes) -> str:
    """Return the header's value for a body."""
    return f"sha-256=:{base64.b64encode(hashlib.sha256(body).digest()).decode()}:"
