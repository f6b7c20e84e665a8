"""Whatever is fed to the verifier, it answers with a verified report or a reason code, never with a crash."""

import copy
import hashlib
import json
import shutil
from pathlib import Path
from typing import Any

import pytest
import small_run
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from conformance.attest.canonical import canonical_bytes
from conformance.attest.envelope import sign
from conformance.errors import HarnessError, UntrustedError
from conformance.evidence.frames import pack
from conformance.evidence.journal import describe_evidence
from conformance.evidence.reader import read_lines

SHARED = settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
WORDS = st.sampled_from(["", "SEC-1", "SEC-9", "passed", "failed", "waived", "not tested", "sha256:0", "2026-01-02"])
JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-5, 2**53 - 1) | WORDS | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(WORDS, inner, max_size=3),
    max_leaves=6,
)


def places(value: Any, above: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """Return the path of every member and item in a document."""
    if isinstance(value, dict):
        found = [(*above, key) for key in value]
    elif isinstance(value, list):
        found = [(*above, index) for index in range(len(value))]
    else:
        return []
    return found + [deeper for path in found for deeper in places(value[path[-1]], path)]


def edited(document: Any, path: tuple[Any, ...], new: Any, *, remove: bool) -> Any:
    """Return a copy of ``document`` with the part at ``path`` replaced or removed."""
    document = copy.deepcopy(document)
    inner = document
    for step in path[:-1]:
        inner = inner[step]
    if remove:
        del inner[path[-1]]
    else:
        inner[path[-1]] = new
    return document


def answer(run: small_run.SmallRun, envelope: bytes) -> str:
    try:
        run.verify(envelope)
    except UntrustedError as error:
        return error.code
    return "verified"


@pytest.fixture(scope="module")
def shared_run(tmp_path_factory: pytest.TempPathFactory) -> small_run.SmallRun:
    return small_run.build(tmp_path_factory.mktemp("fuzz"))


@SHARED
@given(st.binary(max_size=300) | JSON.map(canonical_bytes))
def test_any_bytes_as_an_envelope(shared_run: small_run.SmallRun, data: bytes) -> None:
    assert answer(shared_run, data) not in ("verified", "")


@SHARED
@given(st.binary(max_size=300) | JSON.map(canonical_bytes))
def test_any_bytes_as_a_signed_payload(shared_run: small_run.SmallRun, payload: bytes) -> None:
    assert answer(shared_run, sign(payload, shared_run.key)) not in ("verified", "")


@settings(SHARED, max_examples=150)
@given(st.data())
def test_any_edit_of_a_signed_statement(shared_run: small_run.SmallRun, data: st.DataObject) -> None:
    path = data.draw(st.sampled_from(places(shared_run.statement)))
    statement = edited(shared_run.statement, path, data.draw(JSON), remove=data.draw(st.booleans()))
    assert answer(shared_run, shared_run.envelope(statement))


@settings(SHARED, max_examples=60)
@given(st.data())
def test_any_edit_of_a_record_in_evidence_signed_as_it_is(tmp_path: Path, data: st.DataObject) -> None:
    """The attacker owns the key and rebuilds segment, leaves and root: records must still belong to the report."""
    shutil.rmtree(tmp_path / "run", ignore_errors=True)
    run = small_run.build(tmp_path / "run", large=True)
    segment = run.evidence / "segment-0001.jsonl.zst"
    records = [json.loads(line) for line in read_lines(segment)]
    path = data.draw(st.sampled_from(places(records)))
    changed = edited(records, path, data.draw(JSON), remove=data.draw(st.booleans()))
    segment.write_bytes(pack(b"".join(json.dumps(record).encode() + b"\n" for record in changed)))
    try:
        evidence = describe_evidence(run.evidence)
    except HarnessError:
        return
    result = answer(run, run.reseal(lambda predicate: predicate.update(evidence=evidence)))
    assert result
    if path[-1] in ("seq", "run", "check") and changed != records:
        assert result != "verified"


@settings(SHARED, max_examples=40)
@given(st.binary(max_size=200))
def test_any_bytes_as_a_segment(tmp_path: Path, data: bytes) -> None:
    run = small_run.build(tmp_path / hashlib.sha256(data).hexdigest()[:16] / "run")
    (run.evidence / "segment-0001.jsonl.zst").write_bytes(data)
    digest = hashlib.sha256(data).hexdigest()
    envelope = run.reseal(lambda predicate: predicate["evidence"]["segments"][0].update(sha256=digest))
    assert answer(run, envelope) not in ("verified", "")
