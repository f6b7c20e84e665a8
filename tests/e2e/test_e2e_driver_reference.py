"""The declarative driver against the reference candidate: no mapping, every way to authenticate and to sign."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from conformance.candidate.doctor import examine
from conformance.candidate.http import DRIVER
from conformance.candidate.open import bind
from conformance.files.candidate_file import read_candidate
from conformance.model.candidate import CandidateFile
from conformance.reference.process import ReferenceProcess
from conformance.sdk import Accepted, Candidate, Refused, Sighting, accepted

pytestmark = pytest.mark.e2e


class Recording:
    def __init__(self) -> None:
        self.check = "E2E"
        self.run = "reference"
        self.sightings: list[Sighting] = []
        self.secrets: set[str] = set()

    def record(self, sighting: Sighting) -> int:
        self.sightings.append(sighting)
        return len(self.sightings)

    def add_secret(self, value: str) -> None:
        self.secrets.add(value)


@pytest.fixture(scope="module")
def bank(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ReferenceProcess]:
    with ReferenceProcess(tmp_path_factory.mktemp("bank")) as process:
        yield process


@pytest.fixture
def file(bank: ReferenceProcess, monkeypatch: pytest.MonkeyPatch) -> CandidateFile:
    for name, value in bank.environment.items():
        monkeypatch.setenv(name, value)
    return read_candidate(Path(bank.candidate_path))


def bound(file: CandidateFile, recording: Recording | None = None) -> Candidate:
    return bind(file, recording or Recording(), {"http": DRIVER})


def test_money_moves_by_the_contract_alone(file: CandidateFile) -> None:
    candidate = bound(file)
    debtor, creditor = candidate.account(balance=1000), candidate.account(balance=0, owner="bob")
    payment = accepted(
        candidate.call(
            "payments.create",
            debtor=debtor.id,
            creditor=creditor.id,
            amount=250,
            currency="CNY",
            idempotency_key="e2e-1",
        ),
        "a payment",
    )
    assert accepted(candidate.call("payments.read", payment=payment["id"]), "reading it")["amount"] == 250
    assert (candidate.balance(debtor), candidate.balance(creditor)) == (750, 250)
    assert candidate.statement(debtor)[-1]["amount"] == -250
    candidate.driver.close()


@pytest.mark.parametrize(
    ("algorithm", "name"), [("ed25519", "ed25519"), ("ecdsa-p256-sha256", "p256"), ("sm2-sm3", "sm2")]
)
def test_requests_are_signed_and_clients_prove_themselves_by_key(
    file: CandidateFile, algorithm: str, name: str
) -> None:
    signer = dict(file.users["signer"])
    key = {"env": f"CONFORMANCE_DEMO_SIGNER_{name.upper()}_KEY"}
    signer["signing"] = {**signer["signing"], "algorithm": algorithm, "keyid": f"signer-{name}", "key": key}
    signer["private_key"] = {"env": "CONFORMANCE_DEMO_SIGNER_ASSERTION_KEY"}
    candidate = bound(replace(file, users={**file.users, "signer": signer})).as_user("signer")
    debtor, creditor = candidate.account(balance=1000), candidate.account(balance=0)
    payment = candidate.prepare(
        "payments.create",
        debtor=debtor.id,
        creditor=creditor.id,
        amount=1,
        currency="CNY",
        idempotency_key=f"signed-{name}",
    )

    altered = payment.after_signing(body=lambda body: body + b" ").send()

    assert isinstance(payment.send(), Accepted)
    assert isinstance(altered, Refused)
    assert altered.exchange.status == 401
    candidate.driver.close()


def test_the_doctor_understands_the_bank_and_no_secret_shows(file: CandidateFile) -> None:
    recording = Recording()
    candidate = bound(file, recording)
    candidate.account(balance=0)

    rows = examine(candidate)

    assert [f"{row.operation}: {row.detail}" for row in rows if row.state == "broken"] == []
    understood = {row.operation for row in rows if row.state == "understood"}
    assert understood >= {"accounts.list", "accounts.balance", "payments.list", "audit.list", "supervisor.alarms"}
    # Users who bring a certificate or a client's key alone have nothing to show at this endpoint.
    with_login = {name for name, section in file.users.items() if "client_secret" in section}
    assert len(with_login) >= 7
    assert {row.user for row in rows if row.user and row.good} >= with_login
    shown = " ".join(item.curl for item in recording.sightings)
    assert [secret for secret in recording.secrets if secret in shown] == []
    assert len(recording.secrets) >= len(file.users)
    candidate.driver.close()
