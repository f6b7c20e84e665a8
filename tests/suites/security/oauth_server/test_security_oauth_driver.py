"""The driver's own bound tokens (DPoP) before a server that accepts nothing less, with and without its nonces."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from oauth_party import Party

from conformance.candidate.http import DRIVER
from conformance.candidate.open import bind
from conformance.model.candidate import CandidateFile
from conformance.reference.process import ReferenceProcess
from conformance.sdk import Accepted, Candidate, Refused, Sighting, accepted


class Recording:
    check, run = "TST-1", "dpop"

    def __init__(self) -> None:
        self.sent: list[str] = []

    def record(self, sighting: Sighting) -> int:
        self.sent.append(sighting.request.start)
        return len(self.sent)


def bound(party: Party, recording: Recording, **settings: Any) -> Candidate:
    """Bind the server as a product whose token operation redeems a code that the party was given."""
    code = party.authorized()["code"]
    form = {
        "grant_type": "authorization_code", "code": code, "code_verifier": party.verifier,
        "redirect_uri": party.redirect_uri, "client_id": "{user.client_id}",
        "client_assertion_type": "{user.client_assertion_type}", "client_assertion": "{user.client_assertion}",
    }  # fmt: skip
    operations = {
        "token": {"method": "POST", "path": "/oauth/token", "auth": False, "format": "form", "body": form},
        "accounts.read": {"path": "/oauth/resource", "result": {"id": "$.client_id", "owner": "$.sub"}},
    }
    key = {"env": f"CONFORMANCE_DEMO_OAUTH_{party.name.upper()}_KEY"}
    user = {"scheme": "oauth2", "client_id": party.client_id, "private_key": key, "kid": f"{party.client_id}-1"}
    user |= {"audience": party.base, **settings}
    file = CandidateFile(
        "Reference AS", "1.0", base_url=party.base, users={"alice": user}, operations=operations,
        tls={"ca": str(party.process.candidate_path.parent / "ca.pem")}, path=Path(party.process.candidate_path),
    )  # fmt: skip
    return bind(file, recording, {"http": DRIVER})


@pytest.fixture(autouse=True)
def _secrets(served: ReferenceProcess, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in served.environment.items():
        monkeypatch.setenv(name, value)


def test_a_bound_token_opens_the_resource(first: Party) -> None:
    recording = Recording()
    candidate = bound(first, recording, dpop={})
    for _ in range(2):
        assert accepted(candidate.call("accounts.read", account="any"), "the resource")["owner"] == "alice"
    assert len(recording.sent) == 3
    candidate.driver.close()


def test_nonces_are_used_when_the_server_wants_them(first: Party, bank: ReferenceProcess) -> None:
    recording = Recording()
    bank.hook("dpop_nonce", required=True)
    candidate = bound(first, recording, dpop={"algorithm": "ES256"})
    assert isinstance(candidate.call("accounts.read", account="any"), Accepted)
    assert [line.split()[1] for line in recording.sent] == ["/oauth/token", "/oauth/token", "/oauth/resource"]
    candidate.driver.close()


def test_without_a_proof_the_token_opens_nothing(first: Party) -> None:
    candidate = bound(first, Recording(), dpop={})
    read = candidate.prepare("accounts.read", account="any")
    assert isinstance(read.send(), Accepted)
    answer = read.without_header("DPoP").send()
    assert isinstance(answer, Refused)
    assert answer.exchange.status == 401
    candidate.driver.close()
