"""The journal outlives its writer, never forgets that something was sent, and never forgets a decision."""

import signal
import subprocess
import sys

import pytest

from conformance.errors import ConfigError
from conformance_load.journal import PaymentJournal, State

WRITER = """
import sys
from pathlib import Path
from conformance_load.journal import PaymentJournal, State
journal = PaymentJournal.create(Path(sys.argv[1]), 1000, worker=3)
for number in range(700):
    journal.sending(number, 10 + number)
    if number < 600:
        journal.decide(number, State.REJECT if number % 10 == 0 else State.ACK, 20 + number)
print("written", flush=True)
sys.stdin.read()
"""


def test_what_a_killed_writer_wrote_is_still_there(tmp_path):
    path = tmp_path / "payments.journal"
    writer = subprocess.Popen(
        [sys.executable, "-c", WRITER, str(path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    try:
        assert writer.stdout.readline() == "written\n"
        writer.send_signal(signal.SIGKILL)
    finally:
        writer.kill()
        writer.communicate()
    assert writer.returncode == -signal.SIGKILL
    with PaymentJournal.open(path) as journal:
        assert (journal.worker, journal.capacity) == (3, 1000)
        counts = {state: journal.count(state) for state in State}
        sent = {State.FREE: 300, State.SENT: 100, State.ACK: 540, State.REJECT: 60}
        assert counts == sent | {State.UNKNOWN: 0, State.PENDING: 0}
        assert journal.times(5) == (15, 25)
        assert journal.times(650) == (660, 0)


def test_a_doubt_never_overwrites_a_decision(tmp_path):
    with PaymentJournal.create(tmp_path / "j", 2) as journal:
        journal.sending(0, 1)
        journal.decide(0, State.ACK, 2)
        journal.decide(0, State.UNKNOWN, 3)
        journal.decide(1, State.UNKNOWN, 3)
        assert (journal.state(0), journal.times(0)) == (State.ACK, (1, 2))
        assert journal.state(1) is State.FREE


def test_a_confirmation_is_final_and_a_refusal_is_not(tmp_path):
    with PaymentJournal.create(tmp_path / "j", 1) as journal:
        journal.sending(0, 1)
        for state in (State.REJECT, State.ACK, State.REJECT):
            journal.decide(0, state, 2)
        assert journal.state(0) is State.ACK


def test_an_unknown_payment_can_be_decided_later(tmp_path):
    with PaymentJournal.create(tmp_path / "j", 1) as journal:
        journal.sending(0, 1)
        journal.decide(0, State.UNKNOWN, 2)
        journal.decide(0, State.REJECT, 3)
        assert journal.state(0) is State.REJECT


def test_a_journal_is_never_overwritten(tmp_path):
    PaymentJournal.create(tmp_path / "j", 1).close()
    with pytest.raises(FileExistsError):
        PaymentJournal.create(tmp_path / "j", 1)


@pytest.mark.parametrize("content", [b"", b"nonsense", b"CFLOADJ1" + bytes(16)])
def test_a_file_that_is_no_journal_is_refused(tmp_path, content):
    (tmp_path / "j").write_bytes(content)
    with pytest.raises(ConfigError, match="not a complete payment journal"):
        PaymentJournal.open(tmp_path / "j")


def test_a_cut_journal_is_refused(tmp_path):
    PaymentJournal.create(tmp_path / "j", 100).close()
    content = (tmp_path / "j").read_bytes()
    (tmp_path / "j").write_bytes(content[:-1])
    with pytest.raises(ConfigError):
        PaymentJournal.open(tmp_path / "j")
