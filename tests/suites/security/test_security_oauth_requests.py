"""Requests and metadata of authorization servers: what must be under TLS, and whose a pushed request is."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any, cast

import pytest

from conformance.sdk import Candidate, Evidence, Finding, Inconclusive
from conformance_security.checks import oauth_requests
from conformance_security.oauth.responses import AuthorizationResponse

ISSUER = "https://as.example.com"
METADATA = {"issuer": ISSUER, "token_endpoint": f"{ISSUER}/token", "jwks_uri": f"{ISSUER}/keys"}


def judged(monkeypatch: pytest.MonkeyPatch, **members: Any) -> None:
    server = SimpleNamespace(issuer=ISSUER, metadata={**METADATA, **members})
    monkeypatch.setattr(oauth_requests, "Server", SimpleNamespace(of=lambda candidate: server))
    candidate = cast(Candidate, SimpleNamespace(offers=lambda operation: False))
    oauth_requests.metadata_is_the_servers_own(candidate, Evidence("run", "SEC-J11"))


@pytest.mark.parametrize(
    ("name", "members"),
    [
        ("token_endpoint", {"token_endpoint": "http://as.example.com/token"}),
        ("jwks_uri", {"jwks_uri": "http://as.example.com/keys"}),
        (
            "mtls_endpoint_aliases.token_endpoint",
            {"mtls_endpoint_aliases": {"token_endpoint": "http://mtls.example.com/token"}},
        ),
    ],
)
def test_what_clients_send_to_or_trust_is_under_tls(
    monkeypatch: pytest.MonkeyPatch, name: str, members: dict[str, Any]
) -> None:
    with pytest.raises(Finding, match=f"^{name} must be under TLS"):
        judged(monkeypatch, **members)


def test_pages_for_people_need_not_be(monkeypatch: pytest.MonkeyPatch) -> None:
    page = "http://www.example.com/"
    aliases = {"token_endpoint": "https://mtls.example.com/token"}
    judged(monkeypatch, op_policy_uri=page, op_tos_uri=page, service_documentation=page, mtls_endpoint_aliases=aliases)


class Party:
    """A client whose own authorizations work a number of times; the server never gives it another's code."""

    def __init__(self, name: str, works: int = 9, other: Party | None = None) -> None:
        self.client, self.works, self.other = SimpleNamespace(client_id=name), works, other

    def of_client(self, name: str) -> Party | None:
        return self.other

    def pushed(self) -> str:
        return "urn:pushed"

    def visit(self, parameters: Any) -> AuthorizationResponse:
        return cast(AuthorizationResponse, SimpleNamespace(credentials="", status=400))

    def code(self) -> None:
        self.works -= 1
        if self.works < 0:
            raise Inconclusive(f"positive control: {self.client.client_id}")


@pytest.mark.parametrize("works", [0, 1])
def test_a_second_client_that_cannot_authorize_proves_nothing(monkeypatch: pytest.MonkeyPatch, works: int) -> None:
    flow = Party("first", other=Party("second", works))
    monkeypatch.setattr(oauth_requests, "_ready", lambda candidate: flow)
    with pytest.raises(Inconclusive, match="second"):
        oauth_requests.pushed_requests_are_for_their_client(cast(Candidate, None), Evidence("run", "SEC-J12"))


def test_one_that_can_does(monkeypatch: pytest.MonkeyPatch) -> None:
    flow = Party("first", other=Party("second"))
    monkeypatch.setattr(oauth_requests, "_ready", lambda candidate: flow)
    oauth_requests.pushed_requests_are_for_their_client(cast(Candidate, None), Evidence("run", "SEC-J12"))
