"""Where the browser was sent is read alike from query, fragment and signed responses."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from conformance_security.oauth.keys import SigningKey
from conformance_security.oauth.responses import AuthorizationResponse, cookies, place, same_origin
from conformance_security.oauth.tokens import Jwt

CALLBACK = "https://client.example.com/cb"


def test_a_code_arrives() -> None:
    response = AuthorizationResponse.read(303, f"{CALLBACK}?code=c1&state=s&iss=https%3A%2F%2Fas.example.com", CALLBACK)
    assert response.arrived
    assert (response.code, response.parameters["iss"], response.credentials) == (
        "c1",
        "https://as.example.com",
        ("code",),
    )
    assert "c1" not in str(response)


def test_tokens_in_the_fragment_are_seen() -> None:
    response = AuthorizationResponse.read(302, f"{CALLBACK}#access_token=t1&id_token=i1", CALLBACK)
    assert response.credentials == ("access_token", "id_token")
    assert response.in_fragment == {"access_token", "id_token"}


def test_a_signed_response_is_taken_apart() -> None:
    inside = Jwt({"alg": "ES256"}, {"code": "c1", "iss": "https://as.example.com"}, SigningKey.made()).text()
    assert AuthorizationResponse.read(302, f"{CALLBACK}?response={inside}", CALLBACK).code == "c1"


def test_an_error_is_no_credential() -> None:
    response = AuthorizationResponse.read(302, f"{CALLBACK}?error=access_denied", CALLBACK)
    assert (response.error, response.credentials) == ("access_denied", ())
    assert str(response) == "error access_denied (HTTP 302)"


def test_a_page_arrives_nowhere() -> None:
    response = AuthorizationResponse.read(200, "", CALLBACK)
    assert not response.arrived
    assert str(response) == "HTTP 200"


def test_another_path_of_the_client_is_not_its_address() -> None:
    assert not AuthorizationResponse.read(302, "https://client.example.com/other?code=c", CALLBACK).arrived


def test_several_cookies_in_one_header_are_told_apart() -> None:
    header = "a=1; Path=/; Expires=Wed, 21 Oct 2026 07:28:00 GMT; HttpOnly, b=2=3; Secure"
    assert cookies(header) == {"a": "1", "b": "2=3"}


def test_origins_compare_scheme_host_and_port() -> None:
    assert same_origin("https://EXAMPLE.com/a", "https://example.com/b?c")
    assert not same_origin("https://example.com:8443/", "https://example.com/")
    assert not same_origin("http://example.com/", "https://example.com/")


@given(st.text(), st.text())
def test_reading_never_fails(location: str, callback: str) -> None:
    assert str(AuthorizationResponse.read(302, location, callback))
    assert same_origin(location, callback) in (True, False)


@given(st.text("abc/:?#=&"))
def test_a_place_shows_no_parameters(url: str) -> None:
    assert "?" not in place(url)
    assert "#" not in place(url)
