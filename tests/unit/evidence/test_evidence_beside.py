"""Recording beside a process: the same records, in the same order, and nothing lost when either of the two ends."""

import contextlib
import gc
import io
import json
import os
import resource
import select
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from conformance.errors import HarnessError, RunInUse
from conformance.evidence.beside import RecorderBeside
from conformance.evidence.bodies import BodyStore
from conformance.evidence.channel import RecorderProcess, packed, received
from conformance.evidence.disclose import disclose
from conformance.evidence.journal import FINISHING_S, Journal
from conformance.evidence.reader import read_records
from conformance.evidence.recorder import EvidenceRecorder, evidence_directory
from conformance.evidence.sidecar import run_key
from conformance.sdk.drivers import Recorder, Sighting, WireMessage

CARD = "6228480402564890018"


class Word(str):
    """Text of a type of its own, as libraries hand it out."""

    __slots__ = ()


def sighting(body: bytes = b"{}", response: WireMessage | None = None, **more: Any) -> Sighting:
    request = WireMessage("POST /payments HTTP/1.1", (("Authorization", "Bearer abcdefgh"),), body)
    return Sighting("http", request, response, 1_700_000_000_000_000, 1234, **more)


def answer(body: bytes) -> WireMessage:
    return WireMessage(Word("HTTP/1.1 201 Created"), ((Word("Content-Type"), "application/json"),), body)


@contextmanager
def beside(run_dir: Path, **options: Any) -> Iterator[RecorderBeside]:
    with RecorderProcess() as process, RecorderBeside(process, run_dir, "run-1", **options) as recorder:
        yield recorder


def records(run_dir: Path) -> list[dict[str, Any]]:
    return list(read_records(evidence_directory(run_dir)))


def sequence(run_dir: Path) -> list[int]:
    return [record["seq"] for record in records(run_dir)]


# -- the channel --------------------------------------------------------------------------------------------------

TEXT = st.text(st.characters(exclude_categories=()))
PLAIN = st.recursive(
    st.none() | st.booleans() | st.integers() | TEXT | st.binary(),
    lambda inner: st.lists(inner).map(tuple) | st.dictionaries(TEXT, inner),
)


@given(st.lists(PLAIN, max_size=5).map(tuple))
def test_what_goes_through_the_channel_arrives_as_it_was(values: tuple[Any, ...]) -> None:
    assert received(io.BytesIO(packed(values))) == values


@given(st.lists(TEXT, min_size=1, max_size=5).map(tuple))
def test_text_of_other_types_arrives_as_plain_text(values: tuple[str, ...]) -> None:
    arrived = received(io.BytesIO(packed((tuple(map(Word, values)),))))
    assert arrived == (values,)
    assert {type(item) for item in arrived[0]} == {str}


def test_a_frame_cut_short_counts_for_nothing() -> None:
    frame = packed(("word", b"x" * 100))
    for length in range(len(frame)):
        assert received(io.BytesIO(frame[:length])) is None


# -- the same evidence --------------------------------------------------------------------------------------------

EXCHANGES = [
    sighting(),
    sighting(b"\xff\x00", error="timed out after Bearer abcdefgh12 \ud800"),
    sighting(json.dumps({"pan": CARD, "phone": "13812345678"}).encode(), answer('{"id":"支付"}'.encode())),
    sighting(b"learnt-secret-1 learnt-secret-2", net={"tls": "TLSv1.3"}),
    sighting(json.dumps({"password": "hunter2", "filler": "x" * 5_000_000}).encode(), answer(CARD.encode())),
    sighting(b'{"cvv":"\\ud800"}', answer(b"")),
]


def record_all(recorder: EvidenceRecorder | RecorderBeside) -> list[int]:
    numbers = []
    for number, item in enumerate(EXCHANGES):
        recorder.check = f"SEC-{number}"
        recorder.add_secret(f"learnt-secret-{number}")
        numbers.append(recorder.record(item))
    return numbers


def without_chance(record: dict[str, Any]) -> str:
    assert len(record.pop("nonce")) == 32
    return json.dumps(record)


def test_it_writes_the_very_records_that_a_recorder_here_would_write(tmp_path: Path) -> None:
    here, there = tmp_path / "here", tmp_path / "there"
    key = run_key(here)
    run_key(there)
    (there / "private" / "run.key").write_bytes(key)
    with EvidenceRecorder(here, "run-1", attempt=2) as recorder:
        numbers = record_all(recorder)
    with beside(there, attempt=2) as other:
        assert isinstance(other, Recorder)
        assert record_all(other) == numbers
    assert [*map(without_chance, records(there))] == [*map(without_chance, records(here))]
    assert [disclose(there, seq) for seq in numbers] == [disclose(here, seq) for seq in numbers]
    stored = records(there)[4]["req"]["body"]["stored"]
    assert BodyStore(evidence_directory(there)).get(stored) == BodyStore(evidence_directory(here)).get(stored)


def test_a_secret_applies_to_what_is_recorded_after_it_and_to_what_is_said(tmp_path: Path) -> None:
    with beside(tmp_path) as recorder:
        recorder.record(sighting(b"a later-secret"))
        recorder.add_secret("later-secret")
        recorder.record(sighting(b"b later-secret"))
        assert recorder.redact({"note": "c later-secret"}) == {"note": "c [redacted]"}
    assert [record["req"]["body"] for record in records(tmp_path)] == ["a later-secret", "b [redacted]"]


def test_what_was_flushed_is_on_disk_while_recording_goes_on(tmp_path: Path) -> None:
    with beside(tmp_path) as recorder:
        recorder.record(sighting())
        recorder.flush()
        assert sequence(tmp_path) == [1]
        assert recorder.next_seq == 2
        recorder.record(sighting())
    assert sequence(tmp_path) == [1, 2]
    recorder.flush()


def test_a_next_process_continues_the_numbers(tmp_path: Path) -> None:
    for first in (1, 2):
        with beside(tmp_path, attempt=first) as recorder:
            assert recorder.record(sighting()) == first
    assert [record["attempt"] for record in records(tmp_path)] == [1, 2]


def test_threads_record_at_the_same_time_also_more_than_the_pipe_holds(tmp_path: Path) -> None:
    numbers: list[int] = []
    large = sighting(b"x" * 300_000)
    with beside(tmp_path) as recorder:

        def work() -> None:
            numbers.extend(recorder.record(item) for item in [sighting(), large] * 10)

        threads = [threading.Thread(target=work) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert sorted(numbers) == list(range(1, 81))
    assert sequence(tmp_path) == list(range(1, 81))


def test_more_bodies_than_may_wait_in_memory_are_recorded_all_the_same(tmp_path: Path) -> None:
    with beside(tmp_path) as recorder:
        for _ in range(5):
            recorder.record(sighting(b"\0" * 10_000_000))
        assert len(sequence(tmp_path)) >= 4, "recording waited until they were written"
    assert sequence(tmp_path) == [1, 2, 3, 4, 5]


def test_a_deadline_that_strikes_while_it_records_tears_nothing(tmp_path: Path) -> None:
    class Struck(Exception):
        pass

    def strike(_number: int, _frame: FrameType | None) -> None:
        raise Struck

    struck, known = 0, 0
    before = signal.signal(signal.SIGALRM, strike)
    gc.disable()  # one that strikes in a callback of the collector is lost
    try:
        with beside(tmp_path) as recorder:
            while struck < 50:
                try:
                    signal.setitimer(signal.ITIMER_REAL, 0.0003)
                    while True:
                        known = max(known, recorder.record(sighting(b"x" * 2_000)))
                except Struck:
                    struck += 1
            signal.setitimer(signal.ITIMER_REAL, 0)
            total = recorder.next_seq - 1
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
        gc.enable()
    assert total >= known
    assert sequence(tmp_path) == list(range(1, total + 1))


# -- what goes wrong ----------------------------------------------------------------------------------------------


def record_until_refused(recorder: RecorderBeside) -> None:
    while True:
        recorder.record(sighting())


@pytest.mark.parametrize("act", [RecorderBeside.flush, record_until_refused])
def test_the_death_of_the_process_is_an_error_from_then_on(
    tmp_path: Path, act: Callable[[RecorderBeside], None]
) -> None:
    with RecorderProcess() as process:
        recorder = RecorderBeside(process, tmp_path, "run-1")
        recorder.record(sighting())
        recorder.flush()
        os.kill(process.pid, signal.SIGKILL)
        for _ in range(2):
            with pytest.raises(HarnessError, match="ended early, with code -9") as caught:
                act(recorder)
        assert "Resume the run" in caught.value.remedy
        with pytest.raises(HarnessError, match="ended early"):
            recorder.close()
    assert sequence(tmp_path) == [1]


@contextmanager
def file_size_limit(size: int) -> Iterator[None]:
    """Let the kernel refuse any file larger than ``size`` to processes started meanwhile: a full disk, for real."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


def test_a_full_disk_is_told_in_the_words_of_the_journal(tmp_path: Path) -> None:
    with file_size_limit(10_000):
        process = RecorderProcess()
    with process:
        recorder = RecorderBeside(process, tmp_path, "run-1")
        recorder.record(sighting())
        recorder.flush()
        recorder.record(sighting(os.urandom(20_000)))
        for act in (recorder.flush, lambda: recorder.record(sighting()), recorder.close):
            with pytest.raises(HarnessError, match="disk is full; the evidence written before is intact") as caught:
                act()
            assert caught.value.where.endswith("segment-0001.jsonl.zst")
            assert "resume" in caught.value.remedy
    assert sequence(tmp_path) == [1]


def test_a_run_that_another_process_writes_is_refused_here(tmp_path: Path) -> None:
    with (
        Journal(evidence_directory(tmp_path)),
        RecorderProcess() as process,
        pytest.raises(RunInUse, match="another process is writing") as caught,
    ):
        RecorderBeside(process, tmp_path, "run-1")
    assert caught.value.remedy


def test_a_writer_that_finishes_is_waited_for(tmp_path: Path) -> None:
    journal = Journal(evidence_directory(tmp_path))
    opened: list[int] = []

    def open_it() -> None:
        with beside(tmp_path, patience_s=FINISHING_S) as recorder:
            opened.append(recorder.next_seq)

    thread = threading.Thread(target=open_it)
    thread.start()
    journal.append(lambda seq: b'{"seq":%d}' % seq)
    journal.close()
    thread.join()
    assert opened in ([1], [2])


# -- ends ---------------------------------------------------------------------------------------------------------

KILLED = """
import os, signal, sys
from pathlib import Path
from conformance.evidence.beside import RecorderBeside
from conformance.evidence.channel import RecorderProcess
from conformance.sdk.drivers import Sighting, WireMessage

process = RecorderProcess()
recorder = RecorderBeside(process, Path(sys.argv[1]), "run-1")
print(process.pid, flush=True)
for _ in range(200):
    recorder.record(Sighting("http", WireMessage("GET / HTTP/1.1", (), b'{"a":"' + b"x" * 3000 + b'"}'), None, 1, 1))
while recorder._sent < 200:
    pass
os.killpg(0, signal.SIGTERM) if sys.argv[2] == "group" else os.kill(os.getpid(), signal.SIGKILL)
"""


@pytest.mark.parametrize("how", ["alone", "group"])
def test_what_was_sent_before_a_kill_is_written_and_the_next_process_waits_for_it(tmp_path: Path, how: str) -> None:
    child = subprocess.run(
        [sys.executable, "-c", KILLED, str(tmp_path), how],
        check=False, stdout=subprocess.PIPE, timeout=60, start_new_session=True,
    )  # fmt: skip
    assert child.returncode == (-signal.SIGTERM if how == "group" else -signal.SIGKILL)
    with EvidenceRecorder(tmp_path, "run-1", patience_s=FINISHING_S) as recorder:
        assert recorder.next_seq == 201
    assert sequence(tmp_path) == list(range(1, 201))
    assert not lives(int(child.stdout)), "it ended with its parent"


def lives(pid: int) -> bool:
    """Tell whether a process still runs after it has let go of the journal; one that ends is waited for."""
    with contextlib.suppress(OSError):
        handle = os.pidfd_open(pid)
        try:
            return not select.select([handle], [], [], 30)[0]
        finally:
            os.close(handle)
    return False


def test_it_ends_without_ever_having_had_work(tmp_path: Path) -> None:
    with RecorderProcess() as process:
        pid = process.pid
    assert not lives(pid)
    assert list(tmp_path.iterdir()) == []


def test_stopping_by_hand_does_not_end_it_before_it_has_written(tmp_path: Path) -> None:
    with RecorderProcess() as process, RecorderBeside(process, tmp_path, "run-1") as recorder:
        recorder.record(sighting())
        for number in (signal.SIGINT, signal.SIGTERM):
            os.kill(process.pid, number)
        recorder.record(sighting())
    assert sequence(tmp_path) == [1, 2]
