"""What a check process knows of the run before it."""

from __future__ import annotations

from pathlib import Path

from conformance.engine.binding import exchanges_of_checks
from conformance.evidence.canary import plant
from conformance.evidence.recorder import EvidenceRecorder
from conformance.evidence.sidecar import run_key
from conformance.sdk import Sighting, WireMessage

SIGHTING = Sighting("http", WireMessage("GET / HTTP/1.1"), WireMessage("HTTP/1.1 200 OK"), 1, 1)


def recorded(directory: Path, *checks: str) -> None:
    with EvidenceRecorder(directory, "run") as recorder:
        if recorder.next_seq == 1:
            plant(recorder, run_key(directory))
        for check in checks:
            recorder.check = check
            recorder.record(SIGHTING)


def test_only_exchanges_of_checks_were_missed_by_who_comes_later(tmp_path: Path) -> None:
    recorded(tmp_path, "load/payments-create", "load/shop-day")
    assert exchanges_of_checks(tmp_path) == 0
    recorded(tmp_path, "SEC-T01", "SEC-T01", "LED-A01")
    assert exchanges_of_checks(tmp_path) == 3


def test_a_journal_that_cannot_be_read_may_hold_exchanges_of_checks(tmp_path: Path) -> None:
    recorded(tmp_path, "load/payments-create")
    segment = next((tmp_path / "evidence").glob("*.zst"))
    segment.write_bytes(segment.read_bytes()[:-9] + b"damaged!!")
    assert exchanges_of_checks(tmp_path) == 1
