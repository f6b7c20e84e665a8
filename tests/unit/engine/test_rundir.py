"""The run directory: one process at a time, and nothing that a crash cut short is believed."""

import errno
from pathlib import Path

import pytest

from conformance.engine.events import EventLog
from conformance.engine.rundir import discard_unplanned, disk_error, locked, new_run, open_run, read_events
from conformance.errors import ConfigError, RunInUse


def test_two_runs_cannot_share_a_directory(tmp_path: Path) -> None:
    run = new_run(tmp_path)
    with locked(run), pytest.raises(RunInUse, match="another process") as caught, locked(run):
        raise AssertionError("the lock was given twice")
    assert caught.value.exit_code == 2
    with locked(run):
        assert run.root.is_dir()


def test_a_directory_without_a_plan_is_not_a_run(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"no plan\.json"):
        open_run(tmp_path)


def test_a_run_that_never_had_a_plan_leaves_nothing_and_a_planned_one_stays(tmp_path: Path) -> None:
    unplanned, planned = new_run(tmp_path), new_run(tmp_path)
    planned.write(planned.plan, b"{}")
    discard_unplanned(unplanned)
    discard_unplanned(planned)
    assert list(tmp_path.iterdir()) == [planned.root]


def test_an_event_cut_short_is_dropped_and_the_next_starts_on_its_own(tmp_path: Path) -> None:
    path = tmp_path / "events.jsonl"
    log = EventLog(path)
    log.emit({"event": "outcome", "check": "X-1"})
    log.close()
    with path.open("ab") as stream:
        stream.write(b'{"event":"outcome","che')
    assert [event["check"] for event in read_events(path)] == ["X-1"]
    log = EventLog(path)
    log.emit({"event": "outcome", "check": "X-2"})
    log.close()
    assert [event["check"] for event in read_events(path)] == ["X-1", "X-2"]


def test_progress_is_told_but_not_kept(tmp_path: Path) -> None:
    told: list[object] = []
    log = EventLog(tmp_path / "events.jsonl", (told.append,))
    log.emit({"event": "progress", "done": 1})
    log.close()
    assert told == [{"event": "progress", "done": 1}]
    assert read_events(tmp_path / "events.jsonl") == []


def test_a_full_disk_says_so_and_how_to_go_on() -> None:
    error = disk_error(Path("events.jsonl"), OSError(errno.ENOSPC, "No space left on device"))
    assert "No space left" in error.diagnostics()
    assert "--resume" in error.diagnostics()
    assert error.exit_code == 70


def test_a_full_disk_while_logging_is_a_harness_error(tmp_path: Path) -> None:
    from conformance.errors import HarnessError

    log = EventLog(Path("/dev/full")) if Path("/dev/full").exists() else None
    assert log is not None, "this test needs /dev/full"
    with pytest.raises(HarnessError, match="No space left"):
        log.emit({"event": "outcome", "check": "X-1"})
