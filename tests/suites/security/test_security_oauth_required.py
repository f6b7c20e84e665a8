"""A profile may demand bound tokens: a server that binds none then fails instead of being spared."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any, cast

import pytest

from conformance.sdk import Candidate, Evidence, Finding, NotApplicable, Params
from conformance_security.checks import oauth_binding
from conformance_security.oauth.flow import Grant


class SoundFlow:
    """A flow that works and brings a bearer token."""

    @staticmethod
    def of(candidate: Candidate, client: Any = None) -> SoundFlow:
        return SoundFlow()

    def grant(self) -> Grant:
        return Grant("token-of-this-test", "Bearer")


def candidate(binding: str) -> Candidate:
    client = {"client_id": "first", "redirect_uri": "https://client.example.com/cb", "binding": binding}
    declared = {"security": {"oauth": {"issuer": "https://as.example.com", "clients": {"first": client}}}}
    return cast(Candidate, SimpleNamespace(declared=declared, file=SimpleNamespace(users={}), offers=lambda _: True))


@pytest.fixture(autouse=True)
def flow(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(oauth_binding, "Flow", SoundFlow)


def test_bearer_tokens_fail_where_bound_ones_are_demanded() -> None:
    params = Params({"bound_tokens_required": True})
    with pytest.raises(Finding, match="must be bound to a key") as found:
        oauth_binding.bound_tokens_need_their_proof(candidate("none"), Evidence("run", "SEC-J08"), params)
    assert "a token of type Bearer was issued" in str(found.value.actual)


@pytest.mark.parametrize(("binding", "demanded"), [("none", False), ("mtls", True)])
def test_else_a_server_without_dpop_is_spared(binding: str, demanded: bool) -> None:
    params = Params({"bound_tokens_required": demanded})
    with pytest.raises(NotApplicable, match="bound by dpop"):
        oauth_binding.bound_tokens_need_their_proof(candidate(binding), Evidence("run", "SEC-J08"), params)
