"""The journal: nothing that was durable is lost, by a crash, a full disk or a second writer."""

import json
import os
import resource
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from conformance.errors import HarnessError, RunInUse
from conformance.evidence import merkle
from conformance.evidence.errors import EvidenceDamaged
from conformance.evidence.frames import BadFrame, TruncatedFrame, frames, pack, unpack
from conformance.evidence.journal import Journal, describe_evidence
from conformance.evidence.reader import leaves_path, read_leaves, read_lines, read_records, segment_name, summary


def line(seq: int, filler: str = "") -> bytes:
    return json.dumps({"seq": seq, "filler": filler}).encode()


def write(directory: Path, count: int, **options: int) -> None:
    with Journal(directory, **options) as journal:
        for _ in range(count):
            journal.append(line)


def sequence(directory: Path) -> list[int]:
    return [record["seq"] for record in read_records(directory)]


def segment(directory: Path, number: int = 1) -> Path:
    return directory / segment_name(number)


def test_records_are_numbered_from_one_and_read_back_in_order(tmp_path: Path) -> None:
    write(tmp_path, 25, records_per_frame=10)
    assert sequence(tmp_path) == list(range(1, 26))
    assert len(read_leaves(segment(tmp_path))) == 25


def test_each_process_opens_a_segment_and_continues_the_numbers(tmp_path: Path) -> None:
    write(tmp_path, 3)
    write(tmp_path, 0)
    write(tmp_path, 2)
    found = describe_evidence(tmp_path)
    assert [(item["name"], item["first"], item["size"]) for item in found["segments"]] == [
        ("segment-0001.jsonl.zst", 1, 3),
        ("segment-0002.jsonl.zst", 4, 2),
    ]
    assert found["size"] == 5


def test_the_root_is_that_of_the_records_in_order(tmp_path: Path) -> None:
    write(tmp_path, 7, records_per_frame=2)
    leaves = [merkle.leaf_hash(line(seq)) for seq in range(1, 8)]
    assert summary(tmp_path)["root"] == merkle.root_of(leaves).hex()
    assert read_leaves(segment(tmp_path)) == leaves


def test_an_empty_run_has_the_root_of_nothing(tmp_path: Path) -> None:
    found = describe_evidence(tmp_path / "evidence")
    assert (found["size"], found["segments"], found["root"]) == (0, [], merkle.root_of([]).hex())


def test_flush_makes_records_durable_while_the_journal_is_open(tmp_path: Path) -> None:
    with Journal(tmp_path) as journal:
        journal.append(line)
        assert sequence(tmp_path) == []
        journal.flush()
        assert sequence(tmp_path) == [1]
        assert journal.next_seq == 2


def test_a_torn_frame_is_dropped_at_every_place_it_can_be_torn(tmp_path: Path) -> None:
    write(tmp_path, 4, records_per_frame=2)
    whole = segment(tmp_path).read_bytes()
    first = len(next(frames(segment(tmp_path).open("rb"))))
    for cut in range(first + 1, len(whole)):
        segment(tmp_path).write_bytes(whole[:cut])
        found = describe_evidence(tmp_path)
        assert found["size"] == 2, cut
        assert segment(tmp_path).read_bytes() == whole[:first]
        assert len(read_leaves(segment(tmp_path))) == 2


def test_after_a_torn_frame_the_numbers_continue_with_the_lost_ones(tmp_path: Path) -> None:
    write(tmp_path, 4, records_per_frame=2)
    data = segment(tmp_path).read_bytes()
    segment(tmp_path).write_bytes(data[:-3])
    write(tmp_path, 2)
    assert sequence(tmp_path) == [1, 2, 3, 4]
    assert [item["first"] for item in summary(tmp_path)["segments"]] == [1, 3]


def test_a_segment_with_nothing_whole_in_it_disappears(tmp_path: Path) -> None:
    write(tmp_path, 2)
    segment(tmp_path).write_bytes(segment(tmp_path).read_bytes()[:-1])
    write(tmp_path, 1)
    assert sequence(tmp_path) == [1]
    assert [path.name for path in tmp_path.glob("segment-*.zst")] == ["segment-0001.jsonl.zst"]


def test_zeros_that_a_power_cut_left_at_the_end_are_dropped(tmp_path: Path) -> None:
    write(tmp_path, 2)
    with segment(tmp_path).open("ab") as stream:
        stream.write(bytes(500))
    assert describe_evidence(tmp_path)["size"] == 2


def test_damage_elsewhere_than_at_the_end_is_an_error(tmp_path: Path) -> None:
    write(tmp_path, 4, records_per_frame=2)
    data = bytearray(segment(tmp_path).read_bytes())
    data[0] ^= 1
    segment(tmp_path).write_bytes(data)
    with pytest.raises(EvidenceDamaged) as caught:
        Journal(tmp_path)
    assert caught.value.code == "SEGMENT_DAMAGED"
    assert caught.value.remedy


def test_lost_leaves_are_made_again_from_the_records(tmp_path: Path) -> None:
    write(tmp_path, 3)
    leaves = leaves_path(segment(tmp_path))
    original = leaves.read_bytes()
    leaves.write_bytes(original[:-40])
    describe_evidence(tmp_path)
    assert leaves.read_bytes() == original


def test_a_second_writer_is_refused(tmp_path: Path) -> None:
    with Journal(tmp_path), pytest.raises(RunInUse) as caught:
        Journal(tmp_path)
    assert caught.value.remedy
    Journal(tmp_path).close()


KILLED = """
import os, signal, sys
from pathlib import Path
from conformance.evidence.journal import Journal
journal = Journal(Path(sys.argv[1]), records_per_frame=3)
for _ in range(8):
    journal.append(lambda seq: b'{"seq":%d}' % seq)
os.kill(os.getpid(), signal.SIGKILL)
"""


def test_kill_9_loses_only_what_was_not_flushed(tmp_path: Path) -> None:
    child = subprocess.run([sys.executable, "-c", KILLED, str(tmp_path)], check=False, timeout=60)
    assert child.returncode == -signal.SIGKILL
    write(tmp_path, 1)
    assert sequence(tmp_path) == [1, 2, 3, 4, 5, 6, 7]


@contextmanager
def file_size_limit(size: int) -> Iterator[None]:
    """Let the kernel refuse any file larger than ``size``: a full disk, for real."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    handler = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
        signal.signal(signal.SIGXFSZ, handler)


def test_a_full_disk_is_an_error_with_a_remedy_and_earlier_evidence_stays_valid(tmp_path: Path) -> None:
    journal = Journal(tmp_path, records_per_frame=1)
    journal.append(line)
    with file_size_limit(segment(tmp_path).stat().st_size + 1000), pytest.raises(HarnessError) as caught:
        journal.append(lambda seq: line(seq, os.urandom(20_000).hex()))
    assert "disk is full" in caught.value.summary
    assert "resume" in caught.value.remedy
    assert sequence(tmp_path) == [1]
    journal.close()
    assert sequence(tmp_path) == [1, 2], "with space again, closing writes what was kept in memory"


def test_an_interruption_in_the_middle_of_a_write_is_repaired_by_the_next(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    journal = Journal(tmp_path, records_per_frame=100)
    journal.append(line)
    journal.flush()

    def interrupted(_handle: int) -> None:
        raise KeyboardInterrupt

    journal.append(line)
    with monkeypatch.context() as patch:
        patch.setattr(os, "fdatasync", interrupted)
        with pytest.raises(KeyboardInterrupt):
            journal.flush()
    journal.append(line)
    journal.close()
    assert sequence(tmp_path) == [1, 2, 3]
    assert len(read_leaves(segment(tmp_path))) == 3


def test_threads_share_a_journal(tmp_path: Path) -> None:
    with Journal(tmp_path, records_per_frame=7) as journal:
        threads = [threading.Thread(target=lambda: [journal.append(line) for _ in range(50)]) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert sequence(tmp_path) == list(range(1, 201))


def test_a_record_is_one_line(tmp_path: Path) -> None:
    with Journal(tmp_path) as journal, pytest.raises(ValueError, match="one line"):
        journal.append(lambda seq: b"{}\n{}")


@pytest.mark.parametrize(
    ("content", "code"),
    [
        (b"no frame at all, but long enough", "SEGMENT_DAMAGED"),
        (pack(b'{"seq":1}\n')[:-2], "SEGMENT_TRUNCATED"),
        (pack(b'{"seq":1}'), "SEGMENT_DAMAGED"),
        (pack(b'["seq"]\n'), "RECORD_DAMAGED"),
        (pack(b"{\n"), "RECORD_DAMAGED"),
        (pack(b"[" * 100_000 + b"\n"), "RECORD_DAMAGED"),
        (pack(b"x" * 70_000_000), "SEGMENT_DAMAGED"),
    ],
)
def test_a_reader_refuses_what_the_journal_never_writes(tmp_path: Path, content: bytes, code: str) -> None:
    segment(tmp_path).write_bytes(content)
    with pytest.raises(EvidenceDamaged) as caught:
        list(read_records(tmp_path))
    assert caught.value.code == code


def test_a_segment_that_expands_beyond_measure_is_refused(tmp_path: Path) -> None:
    segment(tmp_path).write_bytes(pack((b"x" * 999_999 + b"\n") * 60) * 6)
    with pytest.raises(EvidenceDamaged) as caught:
        for _ in read_lines(segment(tmp_path)):
            pass
    assert caught.value.code == "SEGMENT_BOMB"


def test_frames_are_plain_zstandard(tmp_path: Path) -> None:
    path = tmp_path / "two.zst"
    contents = [b"a" * 10, os.urandom(300_000)]
    path.write_bytes(b"".join(map(pack, contents)))
    with path.open("rb") as stream:
        assert [unpack(frame) for frame in frames(stream)] == contents
    assert unpack(pack(b"")) == b""


@pytest.mark.parametrize("cut", [1, 5, 9, 14, 20])
def test_a_cut_frame_is_told_from_a_damaged_one(tmp_path: Path, cut: int) -> None:
    path = tmp_path / "cut.zst"
    path.write_bytes(pack(bytes(range(40)))[:cut])
    with path.open("rb") as stream, pytest.raises(TruncatedFrame):
        list(frames(stream))


def test_a_frame_that_hides_its_size_is_refused() -> None:
    import zstandard

    silent = zstandard.ZstdCompressor(write_content_size=False).compress(b"x" * 100)
    with pytest.raises(BadFrame, match="announces"):
        unpack(silent)
