"""A misspelt declaration is said to be misspelt, with the word that was meant."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any, cast

import pytest

from conformance.sdk import Candidate, NotTested
from conformance_security.oauth.settings import Client, Server

CLIENT = {
    "client_id": "first", "redirect_uri": "https://client.example.com/cb", "method": "client_secret_basic",
    "binding": "none",
}  # fmt: skip


def candidate(client: dict[str, Any], **server: Any) -> Candidate:
    own = {"issuer": "https://as.example.com", "clients": {"first": client}, **server}
    declared = {"security": {"oauth": own}}
    return cast(Candidate, SimpleNamespace(declared=declared, offers=lambda _: False))


def test_what_is_spelt_right_is_read() -> None:
    sound = candidate(CLIENT)
    assert Client.of(sound, "first").method == "client_secret_basic"
    assert Server.of(sound).issuer == "https://as.example.com"


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"bindng": "dpop"}, "has a member 'bindng' that is not known; did you mean 'binding'"),
        ({"method": "private_key_jtw"}, "method = 'private_key_jtw' is not known; did you mean 'private_key_jwt'"),
        ({"binding": "certificate"}, "binding = 'certificate' is not known; known are dpop, mtls, none"),
        ({"algorithm": "es256"}, "algorithm = 'es256' is not known"),
    ],
)
def test_a_misspelt_client_is_not_tested_with_words(change: dict[str, str], says: str) -> None:
    with pytest.raises(NotTested) as found:
        Client.of(candidate({**CLIENT, **change}), "first")
    assert says in str(found.value)
    assert str(found.value).startswith("[declared.security.oauth.clients.first]")
    assert found.value.blame == "CONFIG"


def test_a_misspelt_server_is_not_tested_with_words() -> None:
    with pytest.raises(NotTested, match="'declinr' that is not known; did you mean 'decliner'"):
        Server.of(candidate(CLIENT, declinr="nobody"))
