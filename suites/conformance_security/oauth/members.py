"""What may stand in ``[declared.security.oauth]``: a misspelt word would otherwise be read as something left out."""

from __future__ import annotations

import difflib
from collections.abc import Collection, Mapping
from typing import Any

from conformance.sdk import NotTested

#: Members of the server's section.
SERVER = frozenset(
    {"issuer", "scope", "resource", "token_endpoint", "mtls_endpoint", "parameters", "decliner", "clients"}
)
#: Members of a client's section.
CLIENT = frozenset(
    {
        "client_id", "redirect_uri", "method", "algorithm", "kid", "key", "secret", "binding", "scope",
        "registered_scope", "user", "signed_requests", "grant_type",
    }
)  # fmt: skip
#: Members of a client's section with the words that they take.
_WORDS: Mapping[str, Collection[str]] = {
    "method": (
        "private_key_jwt", "tls_client_auth", "self_signed_tls_client_auth", "client_secret_basic",
        "client_secret_post", "none",
    ),
    "algorithm": ("ES256", "PS256", "EdDSA", "RS256"),
    "binding": ("dpop", "mtls", "none"),
    "grant_type": ("authorization_code", "client_credentials"),
}  # fmt: skip


def require_known(where: str, own: Mapping[str, Any], members: Collection[str]) -> None:
    """Require that a section holds nothing but ``members``, with the words they take; raises NotTested."""
    for name, value in own.items():
        if name not in members:
            raise NotTested(f"{where} has a member {name!r} that is not known{_near(name, members)}", blame="CONFIG")
        words = _WORDS.get(name, ())
        if words and value not in words:
            known = _near(str(value), words) or f"; known are {', '.join(words)}"
            raise NotTested(f"{where} {name} = {value!r} is not known{known}", blame="CONFIG")


def _near(word: str, known: Collection[str]) -> str:
    close = difflib.get_close_matches(word, sorted(known), 1)
    return f"; did you mean {close[0]!r}?" if close else ""
