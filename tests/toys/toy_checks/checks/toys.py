"""Checks that end in every way a check can end."""

import os
import signal
import time

import pytest

from conformance.sdk import Candidate, Evidence, NotTested, accepted, check, expect


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


@check("TOY-EXIT")
def exits() -> None:
    """It tries to end pytest."""
    raise SystemExit(0)
