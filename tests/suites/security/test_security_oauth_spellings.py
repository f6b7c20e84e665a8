"""Other spellings of an address are the same address to whoever normalises, and each is another text."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from conformance_security.oauth.bound import spellings
from conformance_security.reference.oauth.dpop import normal

HOSTS = st.sampled_from(["api.example.com", "127.0.0.1", "xn--fiq228c.example", "[::1]"])
PORTS = st.sampled_from(["", ":443", ":8443", ":80"])
PATHS = st.text("abcXYZ019-._~/", max_size=12).map(lambda text: f"/{text}")


@given(st.sampled_from(["https", "http"]), HOSTS, PORTS, PATHS)
def test_each_spelling_is_another_text_for_the_same_address(scheme: str, host: str, port: str, path: str) -> None:
    url = f"{scheme}://{host}{port}{path}"
    written = spellings(url)
    assert "the scheme in capitals" in written
    assert url not in written.values()
    assert {normal(spelling) for spelling in written.values()} == {normal(url)}


@pytest.mark.parametrize(
    ("url", "absent"),
    [
        ("https://127.0.0.1/me", {"the host in capitals"}),
        ("https://api.example.com:8443/me", {"the default port named", "the default port left out"}),
        ("https://api.example.com/", {"a letter of the path percent-encoded"}),
    ],
)
def test_a_url_has_no_spellings_that_it_does_not_have(url: str, absent: set[str]) -> None:
    assert not absent & set(spellings(url))


def test_every_kind_of_spelling() -> None:
    assert spellings("https://api.example.com/users/me") == {
        "the scheme in capitals": "HTTPS://api.example.com/users/me",
        "the host in capitals": "https://API.EXAMPLE.COM/users/me",
        "the default port named": "https://api.example.com:443/users/me",
        "a letter of the path percent-encoded": "https://api.example.com/users/m%65",
    }
    assert "the default port left out" in spellings("https://api.example.com:443/users/me")
