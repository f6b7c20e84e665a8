"""The oauth driver asks an authorization server at the endpoints that it advertises itself."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from candidate_product import Ears, Product, Request

from conformance.candidate.oauth import DRIVER
from conformance.candidate.open import bind
from conformance.model.candidate import CandidateFile
from conformance.sdk import Accepted, Broken, Candidate, NotTested, Refused

WELL_KNOWN = "/.well-known/oauth-authorization-server"


@pytest.fixture
def server(product: Product, ears: Ears, tmp_path: Path) -> Iterator[Callable[..., Candidate]]:
    """Bind the product as an authorization server, below any path."""
    made: list[Candidate] = []

    def make(path: str = "", **sections: Any) -> Candidate:
        file = CandidateFile(
            "Acme Login", "1", base_url=product.url + path, driver="oauth", path=tmp_path / "candidate.toml", **sections
        )
        candidate = bind(file, ears, {"oauth": DRIVER})
        made.append(candidate)
        return candidate

    yield make
    for candidate in made:
        candidate.driver.close()


def advertising(product: Product, at: str = WELL_KNOWN, **metadata: Any) -> None:
    """Let the product serve a discovery document at one path, and everything else with its own path in the answer."""
    document = {
        "issuer": product.url,
        "token_endpoint": f"{product.url}/as/token.oauth2",
        "authorization_endpoint": f"{product.url}/as/auth",
        **metadata,
    }

    def answer(request: Request) -> Any:
        if request.path == at:
            return document
        if "well-known" in request.path:
            return 404, {}, {"error": "not_found"}
        if "/as/auth" in request.path:
            return 303, {"Location": "https://client.example.com/cb?code=c"}, b""
        return {"path": request.path, "body": request.body.decode()}

    product.answer = answer


def value_of(answer: Any) -> dict[str, Any]:
    assert isinstance(answer, Accepted)
    return answer.value


def test_operations_go_where_the_document_says(product: Product, server: Callable[..., Candidate]) -> None:
    advertising(product)
    candidate = server()
    value = value_of(candidate.call("oauth.token", grant_type="client_credentials", scope="a b"))
    assert value == {"path": "/as/token.oauth2", "body": "grant_type=client_credentials&scope=a%20b"}


def test_the_document_is_read_once(product: Product, server: Callable[..., Candidate]) -> None:
    advertising(product)
    candidate = server()
    for _ in range(3):
        candidate.call("oauth.token", grant_type="x")
    assert [request.path for request in product.requests].count(WELL_KNOWN) == 1


def test_plans_are_made_without_the_server(product: Product, server: Callable[..., Candidate]) -> None:
    assert {"oauth.metadata", "oauth.push", "oauth.token"} <= server().driver.operations()
    assert product.requests == []


def test_the_query_of_an_authorization_survives(product: Product, server: Callable[..., Candidate]) -> None:
    advertising(product)
    answer = server().without_credentials().call("oauth.authorize", client_id="c", request_uri="urn:x:1")
    assert value_of(answer)["location"] == "https://client.example.com/cb?code=c"
    assert product.requests[-1].path == "/as/auth?client_id=c&request_uri=urn%3Ax%3A1"


def test_an_issuer_below_a_path_is_found_as_rfc_8414_says(product: Product, server: Callable[..., Candidate]) -> None:
    advertising(product, at=f"{WELL_KNOWN}/realms/acme")
    candidate = server("/realms/acme")
    assert value_of(candidate.call("oauth.metadata"))["token_endpoint"].endswith("/as/token.oauth2")
    assert value_of(candidate.call("oauth.token", grant_type="x"))["path"] == "/as/token.oauth2"


def test_an_openid_provider_is_found(product: Product, server: Callable[..., Candidate]) -> None:
    advertising(product, at="/realms/acme/.well-known/openid-configuration")
    assert value_of(server("/realms/acme").call("oauth.token", grant_type="x"))["path"] == "/as/token.oauth2"


def test_what_is_not_advertised_is_not_offered(product: Product, server: Callable[..., Candidate]) -> None:
    advertising(product)
    candidate = server()
    with pytest.raises(NotTested, match="names no pushed_authorization_request_endpoint"):
        candidate.call("oauth.push", client_id="c")
    assert not candidate.offers("oauth.push")
    assert candidate.offers("oauth.token")


def test_aliases_serve_connections_with_certificates(product: Product, server: Callable[..., Candidate]) -> None:
    advertising(product, mtls_endpoint_aliases={"token_endpoint": f"{product.url}/mtls/token"})
    candidate = server(endpoints={"mtls": product.url})
    assert value_of(candidate.at("mtls").call("oauth.token", grant_type="x"))["path"] == "/mtls/token"
    assert value_of(candidate.call("oauth.token", grant_type="x"))["path"] == "/as/token.oauth2"


def test_without_aliases_the_endpoint_has_the_same_paths(product: Product, server: Callable[..., Candidate]) -> None:
    advertising(product, token_endpoint="https://as.example.com/as/token.oauth2")
    candidate = server(endpoints={"mtls": f"{product.url}/ignored"})
    assert value_of(candidate.at("mtls").call("oauth.token", grant_type="x"))["path"] == "/as/token.oauth2"


def test_a_mapping_of_ones_own_wins(product: Product, server: Callable[..., Candidate]) -> None:
    advertising(product)
    own = {"oauth.resource": {"method": "GET", "path": "/accounts/1", "auth": False}}
    assert value_of(server(operations=own).call("oauth.resource"))["path"] == "/accounts/1"


def test_without_a_document_the_contract_holds(product: Product, server: Callable[..., Candidate]) -> None:
    def answer(request: Request) -> Any:
        return (404, {}, {}) if "well-known" in request.path else {"path": request.path}

    product.answer = answer
    candidate = server()
    assert isinstance(candidate.call("oauth.metadata"), Refused)
    assert value_of(candidate.call("oauth.token", grant_type="x"))["path"] == "/oauth/token"


@pytest.mark.parametrize("document", [[], "text", {"issuer": "https://as.example.com"}])
def test_what_is_no_document_is_none(product: Product, server: Callable[..., Candidate], document: Any) -> None:
    product.answer = lambda request: document if "well-known" in request.path else {"path": request.path}
    candidate = server()
    assert isinstance(candidate.call("oauth.metadata"), Accepted | Broken)
    assert value_of(candidate.call("oauth.token", grant_type="x"))["path"] == "/oauth/token"


@pytest.mark.parametrize("endpoint", [7, "token", "ftp://as.example.com/token"])
def test_an_endpoint_that_is_no_url_is_none(product: Product, server: Callable[..., Candidate], endpoint: Any) -> None:
    advertising(product, token_endpoint=endpoint)
    with pytest.raises(NotTested, match="names no token_endpoint"):
        server().call("oauth.token", grant_type="x")


def test_other_operations_are_those_of_the_http_driver(product: Product, server: Callable[..., Candidate]) -> None:
    advertising(product)
    candidate = server(supports=("accounts",))
    assert value_of(candidate.call("accounts.list"))["path"] == "/accounts"
