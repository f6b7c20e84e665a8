"""Evidence that is swapped, cut, edited, omitted or cited wrongly: step 12."""

import hashlib
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import small_run
from small_run import SmallRun, refused

from conformance.evidence.frames import pack
from conformance.evidence.journal import describe_evidence
from conformance.evidence.reader import read_lines
from conformance.evidence.recorder import EvidenceRecorder
from conformance.sdk.drivers import Sighting, WireMessage

Edit = Callable[[dict[str, Any]], object]


# -- (12) evidence ---------------------------------------------------------------------------------------------


def segment(run: SmallRun) -> Path:
    return run.evidence / "segment-0001.jsonl.zst"


def test_evidence_of_another_run(run: SmallRun, tmp_path: Path) -> None:
    other = small_run.build(tmp_path / "other")
    shutil.rmtree(run.evidence)
    shutil.copytree(other.evidence, run.evidence)
    refused(run, None, "SEGMENT_DIGEST", 12)


def test_evidence_of_another_run_signed_as_ones_own(run: SmallRun, tmp_path: Path) -> None:
    evidence = tmp_path / "other" / "evidence"
    with EvidenceRecorder(evidence.parent, "20250101T000000Z-999999") as recorder:
        recorder.check = "SEC-1"
        for _ in range(2):
            recorder.record(Sighting("http", WireMessage("GET /"), WireMessage("200"), 1, 2))
    envelope = run.reseal(lambda p: p.update(evidence=describe_evidence(evidence)))
    refused(run, envelope, "OTHER_RUN", 12, evidence_dir=evidence)


def test_no_evidence_where_it_should_be(run: SmallRun) -> None:
    shutil.rmtree(run.evidence)
    refused(run, None, "SEGMENT_MISSING", 12)


def test_a_segment_too_many(run: SmallRun) -> None:
    shutil.copy(segment(run), run.evidence / "segment-0002.jsonl.zst")
    refused(run, None, "SEGMENT_UNLISTED", 12)


def test_a_truncated_segment(run: SmallRun) -> None:
    data = segment(run).read_bytes()
    segment(run).write_bytes(data[: len(data) // 2])
    refused(run, None, "SEGMENT_DIGEST", 12)


def test_a_truncated_segment_that_is_signed(run: SmallRun) -> None:
    data = segment(run).read_bytes()[:-5]
    segment(run).write_bytes(data)
    digest = hashlib.sha256(data).hexdigest()
    envelope = run.reseal(lambda p: p["evidence"]["segments"][0].update(sha256=digest))
    refused(run, envelope, "SEGMENT_TRUNCATED", 12)


def test_an_edited_record_in_a_signed_segment(run: SmallRun) -> None:
    """The leaves and the root still speak of the old record."""
    lines = [line.replace(b'"dtUs":2', b'"dtUs":9') for line in read_lines(segment(run))]
    data = pack(b"\n".join(lines) + b"\n")
    segment(run).write_bytes(data)
    digest = hashlib.sha256(data).hexdigest()
    envelope = run.reseal(lambda p: p["evidence"]["segments"][0].update(sha256=digest))
    refused(run, envelope, "LEAVES_MISMATCH", 12)


def test_a_decompression_bomb_as_a_segment(run: SmallRun) -> None:
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
def test_citations_and_listings_that_do_not_fit(run: SmallRun, edit: Edit, code: str) -> None:
    refused(run, run.reseal(edit), code, 12)


def test_citations_outside_the_tree_are_refused_without_the_evidence_too(run: SmallRun) -> None:
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
