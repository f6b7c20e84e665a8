"""A small but complete run, made without the engine: evidence on disk and a statement about it, to be attacked."""

import copy
import datetime
import hashlib
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
import rfc8785

from conformance.attest import verify as verifier
from conformance.attest.canonical import canonical_bytes
from conformance.attest.envelope import sign
from conformance.attest.keys import KeyPair
from conformance.attest.policy import Policy, trusting
from conformance.attest.statement import counts, judged
from conformance.errors import UntrustedError
from conformance.evidence.journal import describe_evidence
from conformance.evidence.recorder import EvidenceRecorder
from conformance.model.verdict import DecisionRule, decide
from conformance.sdk.drivers import Sighting, WireMessage

RUN = "20260102T030405Z-abc123"
NOW = datetime.datetime(2026, 1, 3, tzinfo=datetime.UTC)
TEXT = {"en": "t", "zh-CN": "题"}
DIGEST = f"sha256:{'0' * 64}"


def digest(value: Any) -> str:
    return f"sha256:{hashlib.sha256(rfc8785.dumps(value)).hexdigest()}"


@dataclass
class SmallRun:
    """A run directory, its statement and the key that signs it."""

    directory: Path
    statement: dict[str, Any]
    key: KeyPair = field(default_factory=KeyPair.new)

    @property
    def evidence(self) -> Path:
        return self.directory / "evidence"

    @property
    def policy(self) -> Policy:
        return trusting(self.key.public)

    def changed(self) -> dict[str, Any]:
        """Return a copy of the statement to change."""
        return copy.deepcopy(self.statement)

    def envelope(self, statement: dict[str, Any] | None = None) -> bytes:
        return sign(canonical_bytes(statement or self.statement), self.key)

    def verify(self, envelope: bytes | None = None, **options: Any) -> verifier.Verified:
        options.setdefault("policy", self.policy)
        options.setdefault("evidence_dir", self.evidence)
        options.setdefault("now", NOW)
        return verifier.verify(self.envelope() if envelope is None else envelope, **options)

    def reseal(self, change: Any) -> bytes:
        """Return an envelope over a statement that ``change`` has edited, its dependent members made to fit again."""
        statement = self.changed()
        change(statement["predicate"])
        settle(statement["predicate"])
        return self.envelope(statement)


def refused(run: SmallRun, envelope: bytes | None, code: str, step: int, **options: Any) -> UntrustedError:
    """Assert that verification refuses at ``step`` with ``code``, as a person and a pipeline need to see it."""
    with pytest.raises(UntrustedError) as caught:
        run.verify(envelope, **options)
    assert (caught.value.code, int(caught.value.step.split()[0])) == (code, step)
    assert caught.value.exit_code == 4
    assert caught.value.remedy
    return caught.value


def settle(predicate: dict[str, Any]) -> None:
    """Compute again what follows from the rest: what an attacker who can compute would do too."""
    predicate["plan"]["digest"] = digest(predicate["plan"]["document"])
    predicate["calibration"]["digest"] = digest(predicate["calibration"]["suites"])
    predicate["counts"] = counts(predicate["requirements"])
    rows = [judged(row) for row in predicate["requirements"]]
    verdict, reasons = decide(DecisionRule.from_json(predicate["decisionRule"]), rows)
    predicate["verdict"] = {"value": verdict.value, "reasons": list(reasons)}


def build(directory: Path, *, large: bool = False) -> SmallRun:
    """Make a run of two checks, SEC-1 (passed) and SEC-2 (failed), with one exchange each."""
    key = KeyPair.new()
    with EvidenceRecorder(directory, RUN) as recorder:
        for number, check in enumerate(("SEC-1", "SEC-2"), 1):
            recorder.check = check
            body = b"x" * (70_000 if large and number == 2 else 2)
            recorder.record(Sighting("http", WireMessage("GET /"), WireMessage("200", (), body), 1, 2))
    statement = {
        "_type": "https://in-toto.io/Statement/v1",
        "subject": [{"name": "Acme Pay 4.2.0", "digest": {"sha256": "0" * 64}}],
        "predicateType": "urn:fintech-conformance:report:v1",
        "predicate": predicate_of(key, describe_evidence(directory / "evidence")),
    }
    return SmallRun(directory, statement, key)


def predicate_of(key: KeyPair, evidence: dict[str, Any]) -> dict[str, Any]:
    planned = [planned_check("SEC-1"), planned_check("SEC-2")]
    plan = {
        "schema": "conformance/plan/v1",
        "run": RUN,
        "requirements": ["SEC-1", "SEC-2"],
        "checks": planned,
        "scenarios": [],
        "parameters": {},
        "inputs": {"candidate": DIGEST, "profile": DIGEST},
    }
    predicate: dict[str, Any] = {
        "schema": "conformance/report/v1",
        "critical": [],
        "id": RUN,
        "issuedAt": "2026-01-02T03:04:05Z",
        "mode": "self-test",
        "selfDeclared": True,
        "issuer": {"name": "self-declared", "keyid": key.keyid},
        "harness": {"name": "fintech-conformance", "version": "0.1.0"},
        "plugins": [],
        "candidate": {
            "name": "Acme Pay",
            "version": "4.2.0",
            "vendor": "",
            "baseUrl": "https://sandbox.example.com",
            "driver": "http",
            "supports": [],
            "digest": DIGEST,
        },
        "profile": {"id": "p", "version": "1", "title": TEXT, "digest": DIGEST, "parameters": {}},
        "decisionRule": {"failAt": "high", "inconclusiveMax": 0, "notTestedMax": 0, "calibrationRequired": True},
        "environment": {
            "python": "3.11",
            "platform": "Linux",
            "cpus": 2,
            "attempts": 1,
            "startedAt": "2026-01-02T03:00:00Z",
            "finishedAt": "2026-01-02T03:04:05Z",
        },
        "plan": {
            "digest": "",
            "document": plan,
            "checks": [{key: item[key] for key in ("id", "requirement", "suite")} for item in planned],
            "requirements": ["SEC-1", "SEC-2"],
            "scenarios": [],
        },
        "chapters": [],
        "standards": [],
        "requirements": [requirement("SEC-1", "passed"), requirement("SEC-2", "failed")],
        "outcomes": [outcome("SEC-1", "passed", 1), outcome("SEC-2", "failed", 2)],
        "load": [],
        "calibration": {"digest": "", "suites": [calibration()]},
        "evidence": evidence,
        "waivers": [],
        "limitations": [],
    }
    settle(predicate)
    return predicate


def planned_check(name: str) -> dict[str, Any]:
    return {
        "id": name,
        "requirement": name,
        "suite": "security",
        "module": "m",
        "function": "f",
        "deadlineS": 30,
        "scenarios": [],
        "settled": None,
    }


def requirement(name: str, value: str) -> dict[str, Any]:
    return {
        "id": name,
        "suite": "security",
        "chapter": "c",
        "title": TEXT,
        "level": "must",
        "severity": "high",
        "method": "test",
        "clauses": [],
        "selected": True,
        "outcome": value,
        "reason": "",
        "checks": [name],
    }


def outcome(name: str, value: str, seq: int) -> dict[str, Any]:
    return {
        "check": name,
        "requirement": name,
        "suite": "security",
        "title": TEXT,
        "outcome": value,
        "reason": "",
        "blame": None,
        "expected": None,
        "actual": None,
        "remedy": None,
        "exchanges": [[seq, seq]],
        "attempts": 1,
        "durationMs": 3,
        "curl": [],
        "notes": [],
    }


def calibration() -> dict[str, Any]:
    rows: list[dict[str, Any]] = [
        {"fault": f"f.{name.lower()}", "title": TEXT, "check": name, "says": "s", "detected": True, "others": []}
        for name in ("SEC-1", "SEC-2")
    ]
    return {
        "suite": "security",
        "checks": 2,
        "faults": 2,
        "detected": 2,
        "falseAlarms": 0,
        "uncalibrated": [],
        "current": True,
        "sound": {"SEC-1": "passed", "SEC-2": "passed"},
        "matrix": rows,
    }
