"""Each seeded fault of the authorization server changes what it does: an attack that is refused, and then works."""

from __future__ import annotations

import pytest
from oauth_attacks import ATTACKS, VARIATIONS, Attack, Parties, got_code, refresh_of, wrong_proof
from oauth_party import jwt, new_key

from conformance.reference.process import ReferenceProcess
from conformance_security.faults.oauth import FAULTS


@pytest.mark.parametrize(("fault", "variation"), VARIATIONS, ids=[fault for fault, _ in VARIATIONS])
def test_what_an_honest_client_may_write_is_accepted_until_its_fault_is_on(
    bank: ReferenceProcess, party: Parties, fault: str, variation: Attack
) -> None:
    accepted = variation(bank, party)
    assert accepted.status_code == 200, accepted.text
    bank.switch([fault])
    assert variation(bank, party).status_code == 401


@pytest.mark.parametrize(("fault", "attack"), ATTACKS, ids=[f"{fault}-{n}" for n, (fault, _) in enumerate(ATTACKS)])
def test_an_attack_is_refused_until_its_fault_is_on(
    bank: ReferenceProcess, party: Parties, fault: str, attack: Attack
) -> None:
    refused = attack(bank, party)
    assert 400 <= refused.status_code < 500, refused.text
    assert refused.json()["error"]
    bank.switch([fault])
    worked = attack(bank, party)
    assert worked.status_code in (200, 201) or got_code(worked), worked.text


@pytest.mark.parametrize("fault", sorted({fault for fault, _ in (*ATTACKS, *VARIATIONS)}))
def test_an_honest_client_notices_no_fault(bank: ReferenceProcess, party: Parties, fault: str) -> None:
    bank.switch([fault])
    first = party("first")
    assert first.read(first.grant()["access_token"]).status_code == 200


def test_a_fault_takes_the_issuer_out_of_responses(bank: ReferenceProcess, party: Parties) -> None:
    assert party("first").authorized()["iss"] == bank.base_url
    bank.switch(["oauth.iss-missing"])
    assert "iss" not in party("first").authorized()


def test_a_fault_names_another_issuer(bank: ReferenceProcess, party: Parties) -> None:
    first = party("first")
    url = f"{first.base}/.well-known/oauth-authorization-server"
    assert first.session.get(url, timeout=10).json()["issuer"] == first.base
    bank.switch(["oauth.metadata-issuer"])
    assert first.session.get(url, timeout=10).json()["issuer"] != first.base


def test_a_fault_rotates_refresh_tokens(bank: ReferenceProcess, party: Parties) -> None:
    first = party("first")
    bank.switch(["oauth.refresh-rotated"])
    refresh = first.grant()["refresh_token"]
    assert refresh_of(first, refresh).json()["refresh_token"] != refresh
    assert refresh_of(first, refresh).status_code == 400


def test_a_fault_publishes_the_private_key(bank: ReferenceProcess, party: Parties) -> None:
    first = party("first")
    assert "d" not in first.session.get(f"{first.base}/oauth/jwks", timeout=10).json()["keys"][0]
    bank.switch(["oauth.private-key-published"])
    assert "d" in first.session.get(f"{first.base}/oauth/jwks", timeout=10).json()["keys"][0]


def test_a_fault_names_an_endpoint_for_client_certificates_without_tls(bank: ReferenceProcess, party: Parties) -> None:
    first = party("first")

    def aliases() -> list[str]:
        document = first.session.get(f"{first.base}/.well-known/oauth-authorization-server", timeout=10).json()
        return list(document["mtls_endpoint_aliases"].values())

    assert all(alias.startswith("https://") for alias in aliases())
    bank.switch(["oauth.metadata-alias-plain"])
    assert sum(alias.startswith("http://") for alias in aliases()) == 1


def test_a_fault_breaks_on_a_clock_slightly_ahead(bank: ReferenceProcess, party: Parties) -> None:
    ahead = wrong_proof(iat=8)
    assert ahead(bank, party).status_code == 200
    bank.switch(["oauth.dpop-ahead-crash"])
    assert ahead(bank, party).status_code == 500


#: Faults that no attack shows: the tests above do.
SHOWN = {
    "oauth.dpop-ahead-crash",
    "oauth.iss-missing",
    "oauth.metadata-alias-plain",
    "oauth.metadata-issuer",
    "oauth.private-key-published",
    "oauth.refresh-rotated",
}


def test_every_declared_fault_of_the_server_is_shown() -> None:
    assert {fault.id for fault in FAULTS} <= {fault for fault, _ in (*ATTACKS, *VARIATIONS)} | SHOWN


def test_a_stranger_cannot_mint_tokens_whatever_the_fault(bank: ReferenceProcess, party: Parties) -> None:
    """Faults open what they say and nothing else: a token of another signer stays refused."""
    bank.switch([fault.id for fault in FAULTS])
    first = party("first")
    now = first.now()
    claims = {"iss": first.base, "sub": "alice", "aud": f"{first.base}/oauth/resource", "exp": now + 60, "iat": now}
    token = jwt(new_key(), {"typ": "at+jwt", "kid": "as-1"}, {**claims, "scope": "accounts", "jti": "x"})
    assert first.read(token).status_code == 401
