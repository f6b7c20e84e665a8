"""The recorder, its sealed values and the redactor's self-test, as a run uses them."""

import json
import stat
from pathlib import Path

import pytest

from conformance.errors import ConfigError, HarnessError
from conformance.evidence.bodies import BodyStore
from conformance.evidence.canary import CANARY_CHECK, canaries_of, canary_leaks, plant
from conformance.evidence.disclose import Disclosure, disclose, opens
from conformance.evidence.errors import EvidenceDamaged
from conformance.evidence.journal import describe_evidence
from conformance.evidence.reader import read_records
from conformance.evidence.recorder import EvidenceRecorder, evidence_directory
from conformance.evidence.sidecar import Sidecar, erase_values, run_key
from conformance.sdk.drivers import Recorder, Sighting, WireMessage

CARD = "6228480402564890018"


def sighting(body: bytes = b"{}", response: WireMessage | None = None, **more: object) -> Sighting:
    request = WireMessage("POST /payments HTTP/1.1", (("Authorization", "Bearer abcdefgh"),), body)
    return Sighting("http", request, response, 1_700_000_000_000_000, 1234, **more)  # type: ignore[arg-type]


def record_one(run_dir: Path, what: Sighting, **options: object) -> dict[str, object]:
    with EvidenceRecorder(run_dir, "run-1", **options) as recorder:  # type: ignore[arg-type]
        recorder.check = "SEC-1"
        recorder.record(what)
    *_, record = read_records(evidence_directory(run_dir))
    return record


def test_it_is_a_recorder(tmp_path: Path) -> None:
    with EvidenceRecorder(tmp_path, "run-1") as recorder:
        assert isinstance(recorder, Recorder)
        assert recorder.next_seq == 1
        assert recorder.record(sighting()) == 1


def test_a_record_says_what_was_sent_and_what_came_back(tmp_path: Path) -> None:
    response = WireMessage("HTTP/1.1 201 Created", (("Content-Type", "application/json"),), '{"id":"支付"}'.encode())
    record = record_one(tmp_path, sighting(response=response, net={"tls": "TLSv1.3"}), attempt=2)
    assert len(str(record.pop("nonce"))) == 32
    assert record == {
        "seq": 1,
        "run": "run-1",
        "check": "SEC-1",
        "attempt": 2,
        "t0Us": 1_700_000_000_000_000,
        "dtUs": 1234,
        "kind": "http",
        "req": {"start": "POST /payments HTTP/1.1", "headers": [["Authorization", "Bearer [redacted]"]], "body": "{}"},
        "resp": {
            "start": "HTTP/1.1 201 Created",
            "headers": [["Content-Type", "application/json"]],
            "body": '{"id":"支付"}',
        },
        "net": {"tls": "TLSv1.3"},
        "error": "",
    }


def test_no_response_and_bytes_that_are_no_text(tmp_path: Path) -> None:
    record = record_one(tmp_path, sighting(b"\xff\x00", error="timed out after Bearer abcdefgh12"))
    assert record["resp"] is None
    assert record["error"] == "timed out after Bearer [redacted]"
    assert record["req"]["body"] == {"base64": "/wA="}  # type: ignore[index]


def test_text_that_no_encoding_can_write_is_kept_escaped(tmp_path: Path) -> None:
    body = b'{"password":"x\\ud800","cvv":"\\ud800","note":"\\ud800 13812345678"}'
    record = record_one(tmp_path, sighting(body, error="lone \ud800 surrogate"))
    assert record["error"] == "lone \ud800 surrogate"
    assert "13812345678" not in str(record)


def test_a_large_body_goes_to_the_store_redacted(tmp_path: Path) -> None:
    body = json.dumps({"password": "hunter2", "filler": "x" * 70_000}).encode()
    record = record_one(tmp_path, sighting(body))
    reference = record["req"]["body"]  # type: ignore[index]
    stored = BodyStore(evidence_directory(tmp_path)).get(reference["stored"])
    assert reference["size"] == len(stored)
    assert b"[redacted]" in stored
    assert b"hunter2" not in stored


def test_the_store_refuses_names_and_files_that_are_not_its_own(tmp_path: Path) -> None:
    store = BodyStore(tmp_path)
    name = store.put(b"x" * 100)
    assert store.put(b"x" * 100) == name
    assert store.get(name) == b"x" * 100
    for bad, code in (("../../etc/passwd", "BODY_DAMAGED"), ("0" * 64, "BODY_MISSING")):
        with pytest.raises(EvidenceDamaged) as caught:
            store.get(bad)
        assert caught.value.code == code


def test_secrets_learnt_on_the_way_are_redacted(tmp_path: Path) -> None:
    with EvidenceRecorder(tmp_path, "run-1", secrets=["first-secret"]) as recorder:
        recorder.add_secrets(["second-secret"])
        recorder.record(sighting(b"first-secret second-secret third"))
    (record,) = read_records(evidence_directory(tmp_path))
    assert record["req"]["body"] == "[redacted] [redacted] third"


def test_one_field_can_be_opened_and_checked_by_anyone(tmp_path: Path) -> None:
    record = record_one(tmp_path, sighting(json.dumps({"pan": CARD, "phone": "13812345678"}).encode()))
    first, second = disclose(tmp_path, 1)
    assert {first.value, second.value} == {CARD, "13812345678"}
    handed_over = Disclosure.from_json(json.loads(json.dumps(first.as_json())))
    assert opens(handed_over, record)
    for lie in ({"value": "6228480402564890000"}, {"salt": "00" * 16}, {"path": "req.body#9"}, {"seq": 2}):
        assert not opens(Disclosure.from_json(first.as_json() | lie), record)


def test_values_are_sealed_on_disk_and_erased_with_their_key(tmp_path: Path) -> None:
    record_one(tmp_path, sighting(CARD.encode()))
    before = describe_evidence(evidence_directory(tmp_path))
    private = tmp_path / "private"
    assert stat.S_IMODE((private / "run.key").stat().st_mode) == 0o600
    assert stat.S_IMODE((private / "values.jsonl").stat().st_mode) == 0o600
    assert CARD.encode() not in (private / "values.jsonl").read_bytes()
    erase_values(tmp_path)
    assert describe_evidence(evidence_directory(tmp_path)) == before
    with pytest.raises(ConfigError, match="run key is missing"):
        disclose(tmp_path, 1)


def test_another_key_opens_nothing(tmp_path: Path) -> None:
    record_one(tmp_path, sighting(CARD.encode()))
    with pytest.raises(HarnessError, match="do not fit"):
        Sidecar(tmp_path, b"0" * 32).values(1)


def test_the_run_key_stays_the_same(tmp_path: Path) -> None:
    assert run_key(tmp_path) == run_key(tmp_path)
    assert run_key(tmp_path) != run_key(tmp_path / "other")


def planted(run_dir: Path) -> tuple[str, ...]:
    with EvidenceRecorder(run_dir, "run-1") as recorder:
        recorder.check = "before"
        plant(recorder, run_key(run_dir))
        assert recorder.check == "before"
    return canaries_of(run_key(run_dir))


def test_planted_canaries_are_in_the_journal_and_not_to_be_found(tmp_path: Path) -> None:
    canaries = planted(tmp_path)
    (record,) = read_records(evidence_directory(tmp_path))
    assert record["check"] == CANARY_CHECK
    assert canary_leaks(tmp_path, canaries) == ()
    assert len(set(canaries)) == 5
    assert canaries != canaries_of(b"another key of 32 bytes.........")


@pytest.mark.parametrize("number", range(5))
def test_each_canary_is_found_wherever_it_leaks(tmp_path: Path, number: int) -> None:
    canaries = planted(tmp_path)
    (tmp_path / "report.html").write_text(f"<p>{canaries[number]}</p>", encoding="utf-8")
    leaks = canary_leaks(tmp_path, canaries)
    assert leaks == (f"report.html contains canary {number + 1}",)
    assert canaries[number] not in str(leaks)


def test_a_canary_is_found_inside_compressed_evidence_and_at_any_place_of_a_large_file(tmp_path: Path) -> None:
    canaries = planted(tmp_path)
    BodyStore(evidence_directory(tmp_path)).put(b"x" * 90_000 + canaries[0].encode())
    (tmp_path / "large.txt").write_bytes(b"." * (4 * 1024 * 1024 - 10) + canaries[1].encode() + b"." * 100)
    leaks = canary_leaks(tmp_path, canaries)
    assert len(leaks) == 2
    assert "bodies" in leaks[0]
    assert leaks[1] == "large.txt contains canary 2"


def test_a_redactor_that_fails_is_found_out(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("conformance.evidence.redact.names.is_secret", lambda name: False)
    assert canary_leaks(tmp_path, planted(tmp_path))
