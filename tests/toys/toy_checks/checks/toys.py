"""Checks that end in every way a check can end."""

import os
import signal
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from conformance.sdk import Candidate, Evidence, NotOffered, NotTested, Pause, accepted, check, expect, pause


@check("TOY-PASS", needs=("accounts.read",))
def passes(candidate: Candidate) -> None:
    """It asks and is answered."""
    accepted(candidate.call("accounts.read", account="a"), "the account")


@check("TOY-FAIL")
def fails(candidate: Candidate) -> None:
    """It finds something."""
    candidate.call("accounts.read", account="a")
    expect(False, "a defect was found", expected="none", actual="one")


@check("TOY-BARE")
def leaves_no_evidence() -> None:
    """It does nothing at all."""


@check("TOY-NOTE")
def leaves_a_note(evidence: Evidence) -> None:
    """It notes a computed fact."""
    evidence.note("sum", 3)


@check("TOY-SKIP")
def skips() -> None:
    """It tries to skip itself."""
    pytest.skip("not today")


@check("TOY-CRASH")
def crashes() -> None:
    """It has a bug of its own."""
    raise KeyError("amount")


@check("TOY-NEED")
def needs_more() -> None:
    """It cannot run here."""
    raise NotTested("no card reader")


@check("TOY-HANG", deadline_s=1)
def hangs(candidate: Candidate) -> None:
    """It never ends, and swallows every Exception."""
    candidate.call("accounts.read", account="a")
    while True:
        try:
            time.sleep(60)
        except Exception:
            continue


@check("TOY-KILL")
def kills_its_process() -> None:
    """It takes its process down."""
    os.kill(os.getpid(), signal.SIGKILL)


@check("TOY-UNRECORDED")
def kills_its_recorder(candidate: Candidate) -> None:
    """It takes down the process that writes its evidence."""
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            parent = int(stat.read_text().rpartition(")")[2].split()[1])
            command = (stat.parent / "cmdline").read_bytes()
        except OSError:
            continue
        if parent == os.getpid() and b"recorder_child" in command:
            os.kill(int(stat.parent.name), signal.SIGKILL)
    accepted(candidate.call("accounts.read", account="a"), "the account")


@check("TOY-EXIT")
def exits() -> None:
    """It tries to end pytest."""
    raise SystemExit(0)


@check("TOY-WAIT-PASS", deadline_s=5)
def waits_twice(candidate: Candidate, evidence: Evidence) -> Iterator[Pause]:
    """It asks, lets others go first, and asks again."""
    candidate.call("accounts.read", account="a")
    evidence.note("before", "asked")
    yield pause(0.4, "the token has expired")
    candidate.call("accounts.read", account="a")
    yield pause(0.1)
    evidence.note("after", "asked again")


@check("TOY-WAIT-FAIL", deadline_s=5)
def waits_and_fails(candidate: Candidate) -> Iterator[Pause]:
    """It finds something after its pause."""
    candidate.call("accounts.read", account="a")
    yield pause(0.4, "the code has expired")
    expect(False, "the code still works")


@check("TOY-WAIT-LONG", deadline_s=1)
def waits_too_long() -> Iterator[Pause]:
    """It would wait longer than it said."""
    yield pause(60)


@check("TOY-LACK")
def lacks_something() -> None:
    """What it is about is not there."""
    raise NotOffered("nothing is signed here")


@check("TOY-WAIT-SHORT", deadline_s=5)
def waits_a_moment(candidate: Candidate) -> Iterator[Pause]:
    """It waits so shortly that its time comes while other checks are left."""
    candidate.call("accounts.read", account="a")
    yield pause(0.001)
    candidate.call("accounts.read", account="a")
