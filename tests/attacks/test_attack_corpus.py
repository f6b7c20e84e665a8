"""Reports that must be refused, each with its step and reason code: the attack table of the design, row by row."""

import base64
import datetime
import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import small_run

from conformance.attest.canonical import canonical_bytes
from conformance.attest.envelope import PAYLOAD_TYPE, pae, sign
from conformance.attest.keys import P256, KeyPair
from conformance.attest.policy import MODES, Policy, Role, TrustedKey, trusting
from conformance.attest.verify import ENVELOPE_SIZE_MAX, read_envelope
from conformance.errors import UntrustedError
from conformance.evidence.frames import pack
from conformance.evidence.journal import describe_evidence
from conformance.evidence.recorder import EvidenceRecorder
from conformance.sdk.drivers import Sighting, WireMessage

Run = small_run.SmallRun


def refused(run: Run, envelope: bytes | None, code: str, step: int, **options: Any) -> UntrustedError:
    with pytest.raises(UntrustedError) as caught:
        run.verify(envelope, **options)
    assert (caught.value.code, int(caught.value.step.split()[0])) == (code, step)
    assert caught.value.exit_code == 4
    assert caught.value.remedy
    return caught.value


def repacked(run: Run, **members: Any) -> bytes:
    return json.dumps(json.loads(run.envelope()) | members).encode()


def sealed(run: Run, payload: bytes) -> bytes:
    """Sign bytes that the engine would never sign, with the trusted key."""
    return sign(payload, run.key)


# -- (1) the envelope itself -----------------------------------------------------------------------------------


def test_an_envelope_of_100_megabytes_is_not_parsed(run: Run) -> None:
    refused(run, b'{"payload":"' + b"A" * 100_000_000 + b'"}', "TOO_LARGE", 1)


def test_an_envelope_file_of_100_megabytes_is_not_read(tmp_path: Path) -> None:
    path = tmp_path / "huge.dsse.json"
    with path.open("wb") as stream:
        stream.truncate(100_000_000)
    assert path.stat().st_size > ENVELOPE_SIZE_MAX
    with pytest.raises(UntrustedError, match="TOO_LARGE"):
        read_envelope(path)


@pytest.mark.parametrize("opening", [b"[", b'{"a":'])
def test_nesting_10000_deep_is_refused_without_recursion(run: Run, opening: bytes) -> None:
    refused(run, opening * 10_000, "TOO_DEEP", 1)


def test_nesting_10000_deep_inside_the_payload_is_refused(run: Run) -> None:
    refused(run, sealed(run, b"[" * 10_000 + b"]" * 10_000), "TOO_DEEP", 4)


@pytest.mark.parametrize(
    ("envelope", "code"),
    [
        (b"", "NOT_JSON"),
        (b"not json", "NOT_JSON"),
        (b"\xff\xfe{}", "NOT_UTF8"),
        (b"[]", "MALFORMED_ENVELOPE"),
        (b"{}", "MALFORMED_ENVELOPE"),
        (b'{"payload":1,"payloadType":"a","signatures":[{"keyid":"","sig":""}]}', "MALFORMED_ENVELOPE"),
        (b'{"payload":"","payload":"","payloadType":"a","signatures":[]}', "DUPLICATE_KEY"),
        (b'{"payload":"","payloadType":"a","signatures":[],"more":1}', "MALFORMED_ENVELOPE"),
        (b'{"payload":1.5}', "FLOAT"),
    ],
)
def test_malformed_envelopes(run: Run, envelope: bytes, code: str) -> None:
    refused(run, envelope, code, 1)


def test_signature_stripping(run: Run) -> None:
    refused(run, repacked(run, signatures=[]), "MALFORMED_ENVELOPE", 1)


def test_a_flood_of_signatures(run: Run) -> None:
    signature = json.loads(run.envelope())["signatures"][0]
    refused(run, repacked(run, signatures=[signature] * 33), "MALFORMED_ENVELOPE", 1)


def test_base64_that_hides_bits(run: Run) -> None:
    text = json.loads(run.envelope())["signatures"][0]["sig"]
    assert text.endswith("==")
    loose = text[:-3] + chr(ord(text[-3]) + 1) + "=="
    assert base64.b64decode(loose) == base64.b64decode(text)
    refused(run, repacked(run, signatures=[{"keyid": "", "sig": loose}]), "MALFORMED_ENVELOPE", 1)


# -- (2) (3) types and signatures ------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["application/json", "application/vnd.in-toto+json", ""])
def test_payload_type_confusion(run: Run, kind: str) -> None:
    payload = canonical_bytes(run.statement)
    signature = base64.b64encode(run.key.sign(pae(kind, payload))).decode()
    envelope = repacked(run, payloadType=kind, signatures=[{"keyid": run.key.keyid, "sig": signature}])
    refused(run, envelope, "PAYLOAD_TYPE", 2)


def test_a_signature_for_another_payload_type_does_not_count(run: Run) -> None:
    signature = base64.b64encode(run.key.sign(pae("application/json", canonical_bytes(run.statement)))).decode()
    refused(run, repacked(run, signatures=[{"keyid": run.key.keyid, "sig": signature}]), "NO_TRUSTED_SIGNATURE", 3)


def test_a_signature_over_the_bare_payload_does_not_count(run: Run) -> None:
    signature = base64.b64encode(run.key.sign(canonical_bytes(run.statement))).decode()
    refused(run, repacked(run, signatures=[{"keyid": run.key.keyid, "sig": signature}]), "NO_TRUSTED_SIGNATURE", 3)


def test_key_substitution_under_the_trusted_key_id(run: Run) -> None:
    stranger = KeyPair.new()
    envelope = json.loads(sign(canonical_bytes(run.statement), stranger))
    envelope["signatures"][0]["keyid"] = run.key.keyid
    refused(run, json.dumps(envelope).encode(), "NO_TRUSTED_SIGNATURE", 3)


def test_verdict_edited_and_signed_again_by_a_stranger(run: Run) -> None:
    statement = run.changed()
    statement["predicate"]["verdict"] = {"value": "conformant", "reasons": []}
    refused(run, sign(canonical_bytes(statement), KeyPair.new()), "NO_TRUSTED_SIGNATURE", 3)


def test_verdict_edited_under_the_old_signature(run: Run) -> None:
    statement = run.changed()
    statement["predicate"]["verdict"] = {"value": "conformant", "reasons": []}
    payload = base64.b64encode(canonical_bytes(statement)).decode()
    refused(run, repacked(run, payload=payload), "NO_TRUSTED_SIGNATURE", 3)


def two_of_two(run: Run, other: KeyPair) -> Policy:
    keys = (TrustedKey("one", ("lab",), run.key.public), TrustedKey("two", ("lab",), other.public))
    return Policy(keys, (Role("lab", 2, MODES),))


def test_one_key_under_two_ids_does_not_reach_a_threshold_of_two(run: Run) -> None:
    envelope = json.loads(run.envelope())
    envelope["signatures"] += [{**envelope["signatures"][0], "keyid": "sha256:other"}]
    refused(run, json.dumps(envelope).encode(), "THRESHOLD", 3, policy=two_of_two(run, KeyPair.new()))


def test_one_key_trusted_under_two_names_counts_once(run: Run) -> None:
    keys = (TrustedKey("one", ("lab",), run.key.public), TrustedKey("two", ("lab",), run.key.public))
    refused(run, None, "THRESHOLD", 3, policy=Policy(keys, (Role("lab", 2, MODES),)))


def test_two_keys_of_both_algorithms_reach_a_threshold_of_two(run: Run) -> None:
    other = KeyPair.new(P256)
    verified = run.verify(sign(canonical_bytes(run.statement), run.key, other), policy=two_of_two(run, other))
    assert {key.name for key in verified.signers} == {"one", "two"}


def test_a_key_of_the_wrong_role(run: Run) -> None:
    policy = Policy((TrustedKey("vendor", ("vendor",), run.key.public),), (Role("lab", 1, MODES),))
    refused(run, None, "THRESHOLD", 3, policy=policy)


# -- (4) JSON tricks, signed by the trusted key ------------------------------------------------------------------


def tricked(run: Run, old: bytes, new: bytes) -> bytes:
    payload = canonical_bytes(run.statement)
    assert old in payload
    return sealed(run, payload.replace(old, new, 1))


@pytest.mark.parametrize(
    ("old", "new", "code"),
    [
        (b'"critical":[]', b'"critical":[],"critical":[]', "DUPLICATE_KEY"),
        (b'"critical":[]', b'"critical":[],"\\u0063ritical":[]', "DUPLICATE_KEY"),
        (b'"cpus":2', b'"cpus":2.0', "FLOAT"),
        (b'"cpus":2', b'"cpus":2e0', "FLOAT"),
        (b'"cpus":2', b'"cpus":NaN', "FLOAT"),
        (b'"cpus":2', b'"cpus":Infinity', "FLOAT"),
        (b'"cpus":2', b'"cpus":9007199254740992', "BIG_INTEGER"),
        (b'"cpus":2', b'"cpus":-9007199254740992', "BIG_INTEGER"),
        (b'"cpus":2', b'"cpus":' + b"9" * 5000, "BIG_INTEGER"),
        (b'"cpus":2', b'"cpus": 2', "NOT_CANONICAL"),
        (b'"cpus":2', b'"cpus":-0', "NOT_CANONICAL"),
        (b'"cpus":2', b'"cpus":02', "NOT_JSON"),
        (b'"Linux"', b'"\\u004cinux"', "NOT_CANONICAL"),
        (b'"Linux"', b'"\\ud800"', "NOT_CANONICAL"),
        (b'"Linux"', b'"Linux\xff"', "NOT_UTF8"),
        (b'"attempts":1,"cpus":2', b'"cpus":2,"attempts":1', "NOT_CANONICAL"),
        (b'{"_type"', b' {"_type"', "NOT_CANONICAL"),
        (b'{"_type"', b'\xef\xbb\xbf{"_type"', "NOT_JSON"),
    ],
)
def test_json_tricks_inside_a_signed_payload(run: Run, old: bytes, new: bytes, code: str) -> None:
    refused(run, tricked(run, old, new), code, 4)


# -- (5) to (10): what the report says about itself ---------------------------------------------------------------

Edit = Callable[[dict[str, Any]], object]


@pytest.mark.parametrize(
    ("edit", "code", "step"),
    [
        (lambda p: p.pop("limitations"), "SCHEMA", 5),
        (lambda p: p.update(schema="conformance/report/v2"), "SCHEMA", 5),
        (lambda p: p.update(mode="certified"), "SCHEMA", 5),
        (lambda p: p["outcomes"][0].update(outcome="perfect"), "SCHEMA", 5),
        (lambda p: p["requirements"][0].update(reason=None), "SCHEMA", 5),
        (lambda p: p.update(critical=["quantum"]), "CRITICAL_UNKNOWN", 5),
        (lambda p: p.update(selfDeclared=False), "SELF_DECLARED", 5),
        (lambda p: p.update(mode="audit"), "SELF_DECLARED", 5),
        (lambda p: p["issuer"].update(keyid=small_run.DIGEST), "ISSUER", 5),
        (lambda p: p.update(issuedAt="2026-01-05T00:00:00Z"), "ISSUED_LATER", 6),
        (lambda p: p.update(issuedAt="2026-02-31T00:00:00Z"), "ISSUED_NEVER", 6),
    ],
)
def test_what_a_report_says_about_itself(run: Run, edit: Edit, code: str, step: int) -> None:
    refused(run, run.reseal(edit), code, step)


def test_a_payload_that_is_no_object(run: Run) -> None:
    refused(run, sealed(run, b"[]"), "SCHEMA", 5)


def test_a_vendor_key_cannot_sign_an_audit(run: Run) -> None:
    keys = (TrustedKey("vendor", ("vendor",), run.key.public),)
    policy = Policy(keys, (Role("vendor", 1, ("self-test",)), Role("lab", 1, ("audit",))))
    assert run.verify(policy=policy).statement.mode == "self-test"
    envelope = run.reseal(lambda p: p.update(mode="audit", selfDeclared=False))
    refused(run, envelope, "MODE", 5, policy=policy)


@pytest.mark.parametrize(
    ("begins", "ends", "code"),
    [
        (datetime.datetime(2026, 1, 2, 12, tzinfo=datetime.UTC), None, "KEY_NOT_VALID_AT_ISSUE"),
        (None, datetime.datetime(2026, 1, 2, 12, tzinfo=datetime.UTC), "KEY_NOT_VALID_NOW"),
    ],
)
def test_keys_outside_their_validity(run: Run, begins: Any, ends: Any, code: str) -> None:
    keys = (TrustedKey("lab", ("lab",), run.key.public, begins, ends),)
    refused(run, None, code, 6, policy=Policy(keys, (Role("lab", 1, MODES),)))


@pytest.mark.parametrize(
    ("name", "step"), [("certificates", 6), ("timestamp", 7), ("registry", 8), ("status", 9), ("subject", 10)]
)
def test_a_demanded_proof_that_is_not_there(run: Run, name: str, step: int) -> None:
    policy = Policy(run.policy.keys, run.policy.roles, frozenset({name}))
    refused(run, None, f"{name.upper()}_MISSING", step, policy=policy)


def test_demanded_evidence_that_was_not_given(run: Run) -> None:
    refused(run, None, "EVIDENCE_MISSING", 12, policy=trusting(run.key.public, evidence=True), evidence_dir=None)


def test_another_product(run: Run) -> None:
    assert run.verify(subject_digest="0" * 64).steps[9].status == "passed"
    refused(run, None, "SUBJECT", 10, subject_digest="1" * 64)


# -- (11) completeness: signed by the trusted key, and still refused ----------------------------------------------


def drop_outcome(p: dict[str, Any]) -> None:
    p["outcomes"].pop()
    p["requirements"][1].update(outcome="not tested")


def drop_from_plan_listing(p: dict[str, Any]) -> None:
    p["plan"]["checks"].pop()


def add_outcome(p: dict[str, Any]) -> None:
    p["outcomes"].append(small_run.outcome("SEC-3", "passed", 2))


def waive(p: dict[str, Any], expires: str | None) -> None:
    p["requirements"][1].update(outcome="waived")
    if expires:
        entry = {"requirement": "SEC-2", "justification": "known", "approver": "the certifier", "expires": expires}
        p["waivers"] = [entry]


def settle_in_plan(p: dict[str, Any]) -> None:
    p["plan"]["document"]["checks"][1]["settled"] = ["not tested", "no such operation"]


def plan_a_scenario(p: dict[str, Any]) -> None:
    p["plan"]["document"]["checks"][0]["scenarios"] = ["pay"]
    p["plan"]["document"]["scenarios"] = [{"id": "pay", "suite": "load"}]
    p["plan"]["scenarios"] = ["pay"]


@pytest.mark.parametrize(
    ("edit", "code"),
    [
        (drop_outcome, "OUTCOME_MISSING"),
        (drop_from_plan_listing, "PLAN_MISMATCH"),
        (lambda p: p["plan"]["document"]["checks"].pop(), "PLAN_MISMATCH"),
        (lambda p: p["plan"]["requirements"].pop(), "PLAN_MISMATCH"),
        (lambda p: p["plan"]["scenarios"].append("pay"), "PLAN_MISMATCH"),
        (lambda p: p["plan"]["document"].update(run="other"), "PLAN_OTHER_RUN"),
        (lambda p: p["plan"]["document"]["checks"].append(small_run.planned_check("SEC-1")), "PLAN_DUPLICATE"),
        (add_outcome, "OUTCOME_UNPLANNED"),
        (lambda p: p["outcomes"].append(p["outcomes"][0]), "OUTCOME_DUPLICATE"),
        (lambda p: p["outcomes"][0].update(requirement="SEC-2"), "OUTCOME_MISLABELLED"),
        (settle_in_plan, "SETTLED_CHANGED"),
        (lambda p: p["requirements"].pop(), "REQUIREMENT_MISSING"),
        (lambda p: p["requirements"].append(p["requirements"][0]), "REQUIREMENT_DUPLICATE"),
        (lambda p: p["requirements"][1].update(selected=False), "REQUIREMENT_SELECTION"),
        (lambda p: p["requirements"][1].update(checks=[]), "REQUIREMENT_CHECKS"),
        (lambda p: p["load"].append({"scenario": "pay"}), "LOAD_UNPLANNED"),
        (plan_a_scenario, "LOAD_MISSING"),
        (lambda p: p["outcomes"][0].update(exchanges=[]), "PASS_WITHOUT_EVIDENCE"),
        (lambda p: p["calibration"]["suites"][0]["matrix"][0].update(detected=False), "PASS_UNCALIBRATED"),
        (lambda p: p["calibration"]["suites"][0].update(current=False), "PASS_UNCALIBRATED"),
        (lambda p: p["calibration"]["suites"][0].update(sound={"SEC-1": "failed"}), "PASS_UNCALIBRATED"),
        (lambda p: p["calibration"].update(suites=[]), "PASS_UNCALIBRATED"),
        (lambda p: p["outcomes"][1].update(outcome="warned"), "MUST_ONLY_WARNED"),
        (lambda p: p["outcomes"][1].update(outcome="waived"), "CHECK_WAIVED"),
        (lambda p: p["requirements"][1].update(outcome="passed"), "REQUIREMENT_OUTCOME"),
        (lambda p: p["requirements"][1].update(outcome="not applicable"), "REQUIREMENT_OUTCOME"),
        (lambda p: p["requirements"][0].update(outcome="waived"), "WAIVER_UNNEEDED"),
        (lambda p: waive(p, None), "WAIVER_MISSING"),
        (lambda p: waive(p, "2026-01-01"), "WAIVER_EXPIRED_AT_ISSUE"),
        (lambda p: waive(p, "2026-01-02"), "WAIVER_EXPIRED"),
        (lambda p: waive(p, "2026-02-31"), "WAIVER_DATE"),
    ],
)
def test_incomplete_or_inconsistent_reports(run: Run, edit: Edit, code: str) -> None:
    refused(run, run.reseal(edit), code, 11)


@pytest.mark.parametrize(
    ("edit", "code"),
    [
        (lambda p: p["plan"].update(digest=small_run.DIGEST), "PLAN_DIGEST"),
        (lambda p: p["plan"]["document"]["parameters"].update(slo=1), "PLAN_DIGEST"),
        (lambda p: p["calibration"].update(digest=small_run.DIGEST), "CALIBRATION_DIGEST"),
        (lambda p: p["counts"].update(passed=2), "COUNTS_MISMATCH"),
        (lambda p: p["verdict"].update(value="conformant", reasons=[]), "VERDICT_MISMATCH"),
        (lambda p: p["verdict"].update(reasons=["a trifle"]), "VERDICT_REASONS"),
        (lambda p: p["decisionRule"].update(failAt="critical"), "VERDICT_MISMATCH"),
    ],
)
def test_what_was_computed_is_computed_again(run: Run, edit: Edit, code: str) -> None:
    statement = run.changed()
    edit(statement["predicate"])
    refused(run, run.envelope(statement), code, 11)


def test_a_waiver_holds_through_its_last_day(run: Run) -> None:
    envelope = run.reseal(lambda p: waive(p, "2026-01-03"))
    assert run.verify(envelope).statement.verdict == "conformant"
    refused(run, envelope, "WAIVER_EXPIRED", 11, now=small_run.NOW + datetime.timedelta(days=1))


# -- (12) evidence ---------------------------------------------------------------------------------------------


def segment(run: Run) -> Path:
    return run.evidence / "segment-0001.jsonl.zst"


def test_evidence_of_another_run(run: Run, tmp_path: Path) -> None:
    other = small_run.build(tmp_path / "other")
    shutil.rmtree(run.evidence)
    shutil.copytree(other.evidence, run.evidence)
    refused(run, None, "SEGMENT_DIGEST", 12)


def test_evidence_of_another_run_signed_as_ones_own(run: Run, tmp_path: Path) -> None:
    evidence = tmp_path / "other" / "evidence"
    with EvidenceRecorder(evidence.parent, "20250101T000000Z-999999") as recorder:
        recorder.check = "SEC-1"
        for _ in range(2):
            recorder.record(Sighting("http", WireMessage("GET /"), WireMessage("200"), 1, 2))
    envelope = run.reseal(lambda p: p.update(evidence=describe_evidence(evidence)))
    refused(run, envelope, "OTHER_RUN", 12, evidence_dir=evidence)


def test_no_evidence_where_it_should_be(run: Run) -> None:
    shutil.rmtree(run.evidence)
    refused(run, None, "SEGMENT_MISSING", 12)


def test_a_segment_too_many(run: Run) -> None:
    shutil.copy(segment(run), run.evidence / "segment-0002.jsonl.zst")
    refused(run, None, "SEGMENT_UNLISTED", 12)


def test_a_truncated_segment(run: Run) -> None:
    data = segment(run).read_bytes()
    segment(run).write_bytes(data[: len(data) // 2])
    refused(run, None, "SEGMENT_DIGEST", 12)


def test_a_truncated_segment_that_is_signed(run: Run) -> None:
    import hashlib

    data = segment(run).read_bytes()[:-5]
    segment(run).write_bytes(data)
    digest = hashlib.sha256(data).hexdigest()
    envelope = run.reseal(lambda p: p["evidence"]["segments"][0].update(sha256=digest))
    refused(run, envelope, "SEGMENT_TRUNCATED", 12)


def test_an_edited_record_in_a_signed_segment(run: Run) -> None:
    """The leaves and the root still speak of the old record."""
    import hashlib

    from conformance.evidence.reader import read_lines

    lines = [line.replace(b'"dtUs":2', b'"dtUs":9') for line in read_lines(segment(run))]
    data = pack(b"\n".join(lines) + b"\n")
    segment(run).write_bytes(data)
    digest = hashlib.sha256(data).hexdigest()
    envelope = run.reseal(lambda p: p["evidence"]["segments"][0].update(sha256=digest))
    refused(run, envelope, "LEAVES_MISMATCH", 12)


def test_a_decompression_bomb_as_a_segment(run: Run) -> None:
    import hashlib

    data = pack(b"0" * 60_000_000) * 6
    segment(run).write_bytes(data)
    digest = hashlib.sha256(data).hexdigest()
    assert len(data) < 100_000
    envelope = run.reseal(lambda p: p["evidence"]["segments"][0].update(sha256=digest))
    refused(run, envelope, "SEGMENT_DAMAGED", 12)


@pytest.mark.parametrize(
    ("edit", "code"),
    [
        (lambda p: p["evidence"].update(root="1" * 64), "ROOT_MISMATCH"),
        (lambda p: p["evidence"].update(size=3), "EVIDENCE_SIZE"),
        (lambda p: p["evidence"]["segments"][0].update(first=2), "SEGMENT_GAP"),
        (lambda p: p["evidence"]["segments"][0].update(size=1), "EVIDENCE_SIZE"),
        (lambda p: p["evidence"]["segments"].append(p["evidence"]["segments"][0]), "SEGMENT_ORDER"),
        (lambda p: p["evidence"].update(segments=[], size=2), "EVIDENCE_SIZE"),
        (lambda p: p["outcomes"][0].update(exchanges=[[1, 3]]), "RANGE_OUTSIDE"),
        (lambda p: p["outcomes"][0].update(exchanges=[[2, 1]]), "RANGE_OUTSIDE"),
        (lambda p: p["outcomes"][0].update(exchanges=[[1, 2]]), "RANGE_OVERLAP"),
        (lambda p: p["outcomes"][1].update(exchanges=[[1, 1]]), "RANGE_OVERLAP"),
        (lambda p: (p["outcomes"][1].update(exchanges=[]), p["outcomes"][0].update(exchanges=[[2, 2]])), "OTHER_CHECK"),
    ],
)
def test_citations_and_listings_that_do_not_fit(run: Run, edit: Edit, code: str) -> None:
    refused(run, run.reseal(edit), code, 12)


def test_citations_outside_the_tree_are_refused_without_the_evidence_too(run: Run) -> None:
    envelope = run.reseal(lambda p: p["outcomes"][0].update(exchanges=[[1, 9]]))
    refused(run, envelope, "RANGE_OUTSIDE", 12, evidence_dir=None)


def test_a_hidden_attempt(tmp_path: Path) -> None:
    run = small_run.build(tmp_path)
    with EvidenceRecorder(run.directory, small_run.RUN, attempt=2) as recorder:
        recorder.check = "SEC-2"
        recorder.record(Sighting("http", WireMessage("GET /"), None, 1, 2, error="timeout"))
    evidence = describe_evidence(run.evidence)
    assert [item["name"] for item in evidence["segments"]] == ["segment-0001.jsonl.zst", "segment-0002.jsonl.zst"]
    refused(run, run.reseal(lambda p: p.update(evidence=evidence)), "ATTEMPT_HIDDEN", 12)
    honest = run.reseal(lambda p: (p.update(evidence=evidence), p["environment"].update(attempts=2)))
    assert run.verify(honest).steps[11].status == "passed"


@pytest.mark.parametrize("change", ["missing", "swapped"])
def test_a_stored_body_that_is_not_the_cited_one(tmp_path: Path, change: str) -> None:
    run = small_run.build(tmp_path, large=True)
    (body,) = (run.evidence / "bodies").iterdir()
    if change == "missing":
        body.unlink()
    else:
        body.write_bytes(pack(b"y" * 70_000))
    refused(run, None, "BODY_MISSING" if change == "missing" else "BODY_DAMAGED", 12)


def test_steps_that_nobody_demanded_say_so(run: Run) -> None:
    statuses = {step.name: step.status for step in run.verify(evidence_dir=None).steps}
    silent = ["certificates", "timestamp", "registry", "status", "subject", "evidence", "renderings"]
    assert [name for name, status in statuses.items() if status == "not required by policy"] == silent
    assert PAYLOAD_TYPE in run.verify().steps[1].detail
