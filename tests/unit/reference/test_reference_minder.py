"""The minder: what it does to the bank's process, what it keeps while the bank is dead, and what it leaves behind."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
import requests

from conformance.errors import HarnessError
from conformance.reference.process import ReferenceProcess

if TYPE_CHECKING:
    from conftest import Client

PARENT = """
import sys, time
from pathlib import Path
from conformance.reference.process import ReferenceProcess
process = ReferenceProcess(Path(sys.argv[1]), only_plugins=["none"]).start()
if sys.argv[2:] == ["paused"]:
    pid = process.pid
    process.hook("pause")
    print(pid, process._child.pid, flush=True)
else:
    print(process.pid, process._child.pid, flush=True)
time.sleep(600)
"""


@pytest.fixture
def whole(bank: Client) -> Iterator[Client]:
    """The bank, alive again afterwards whatever a test did to it."""
    yield bank
    bank.process.reset()


def alive(pid: int) -> bool:
    """Tell whether a process runs; one that nobody has buried yet does not."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] not in "ZX"
    except FileNotFoundError:
        return False


def await_end(*pids: int) -> None:
    limit = time.monotonic() + 20
    while any(alive(pid) for pid in pids):
        assert time.monotonic() < limit, f"still there: {[pid for pid in pids if alive(pid)]}"
        time.sleep(0.01)


def family(minder: int) -> list[int]:
    """Return the pids of a minder's children and theirs."""
    children: list[int] = []
    for task in Path(f"/proc/{minder}/task").iterdir():
        with contextlib.suppress(FileNotFoundError, ProcessLookupError):  # a thread may end meanwhile
            children += map(int, (task / "children").read_text().split())
    return children + [pid for child in children for pid in family(child)]


# -- the hooks ---------------------------------------------------------------------------------------------


def test_a_killed_bank_refuses_connections_until_it_is_started_on_the_same_ports(whole: Client) -> None:
    debtor, creditor = whole.pair()
    whole.pay(debtor, creditor, 100, key="before")
    url = whole.process.base_url
    assert whole.process.hook("kill") == {"killed": True}
    with pytest.raises(requests.ConnectionError, match=r"refused|reset"):
        whole.raw("GET", "/accounts")
    started = whole.process.hook("start")
    assert started["pid"] == whole.process.pid
    assert whole.process.base_url == url
    assert whole.balance(debtor) == 900
    replayed = whole.pay(debtor, creditor, 100, key="before")
    assert replayed.headers["idempotency-replayed"] == "true"
    assert whole.balance(debtor) == 900


def test_killing_and_starting_twice_changes_nothing(whole: Client) -> None:
    whole.process.hook("kill")
    assert whole.process.hook("kill") == {"killed": False}
    first = whole.process.hook("start")["pid"]
    assert whole.process.hook("start")["pid"] == first


def test_a_dead_bank_has_no_pid_and_what_needs_it_says_so(whole: Client) -> None:
    whole.process.hook("stop")
    with pytest.raises(HarnessError, match="dead"):
        _ = whole.process.pid
    with pytest.raises(HarnessError, match="the hook start brings it back"):
        whole.process.hook("export_logs")


def test_a_reset_brings_back_a_bank_that_was_killed_or_paused(whole: Client) -> None:
    for hook in ("kill", "stop", "pause"):
        whole.process.hook(hook)
        whole.process.reset()
        assert whole.ask("GET", "/accounts").json()["items"] == []


def test_a_paused_bank_answers_nobody_and_then_everybody(whole: Client) -> None:
    debtor, creditor = whole.pair()
    whole.process.hook("pause")
    answers: list[int] = []
    waiting = threading.Thread(target=lambda: answers.append(whole.pay(debtor, creditor, 100).status_code))
    waiting.start()
    with pytest.raises(requests.Timeout):
        requests.get(whole.process.base_url + "/accounts", timeout=0.2, verify=whole.session.verify)
    assert answers == []
    assert whole.process.hook("resume") == {"resumed": True}
    waiting.join()
    assert answers == [201]


def test_a_slow_disk_delays_every_commit_until_it_ends(whole: Client) -> None:
    debtor, creditor = whole.pair()
    assert whole.process.hook("slow_disk", delay_ms=300) == {"delay_ms": 300}
    began = time.monotonic()
    assert whole.pay(debtor, creditor, 1).status_code == 201
    assert time.monotonic() - began >= 0.3
    assert whole.process.hook("slow_disk", delay_ms=0) == {"delay_ms": 0}
    with pytest.raises(HarnessError, match="0 or more"):
        whole.process.hook("slow_disk", delay_ms=-1)


def test_a_disk_is_fast_again_after_a_reset(whole: Client) -> None:
    whole.process.hook("slow_disk", delay_ms=60_000)
    whole.process.reset()
    assert whole.pay(*whole.pair(), 1).status_code == 201


def test_hooks_that_name_a_node_are_not_about_the_bank(whole: Client) -> None:
    with pytest.raises(HarnessError, match="no hook stop"):
        whole.process.hook("stop", node="node1")
    assert whole.process.pid


def test_a_body_that_is_no_object_is_refused(whole: Client) -> None:
    control = whole.process._ready["control"]
    headers = {"Authorization": f"Bearer {whole.secrets['CONFORMANCE_DEMO_CONTROL_TOKEN']}"}
    for body in ("[]", "{"):
        answer = requests.post(f"{control}/hooks/start", data=body, headers=headers, timeout=5)
        assert answer.status_code == 400


# -- nothing stays behind ----------------------------------------------------------------------------------


@pytest.mark.parametrize("how", ["", "paused"])
def test_nothing_is_left_when_the_harness_is_killed(tmp_path: Path, how: str) -> None:
    command = [sys.executable, "-c", PARENT, str(tmp_path), *([how] if how else [])]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as parent:
        assert parent.stdout is not None
        try:
            bank, minder = map(int, parent.stdout.readline().split())
            everyone = [minder, *family(minder)]
        finally:
            parent.kill()  # whatever went wrong: to leave the block is to wait for its end
        assert bank in everyone
        assert len(everyone) == 3
        await_end(*everyone)


@pytest.mark.parametrize("victim", ["minder", "cradle"])
def test_nothing_is_left_when_a_part_of_the_environment_is_killed(tmp_path: Path, victim: str) -> None:
    process = ReferenceProcess(tmp_path, only_plugins=["none"]).start()
    assert process._child is not None
    minder = process._child.pid
    cradle, bank = family(minder)
    process.hook("pause")
    os.kill(minder if victim == "minder" else cradle, signal.SIGKILL)
    if victim == "minder":
        await_end(cradle, bank)
    process.stop()
    await_end(minder, cradle, bank)


def test_an_interrupt_ends_everything_in_order(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "conformance.reference.serve", "--directory", str(tmp_path)]
    command += ["--only-plugins", "none"]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, start_new_session=True) as minder:
        assert minder.stdout is not None
        assert json.loads(minder.stdout.readline())["ready"]
        everyone = family(minder.pid)
        os.killpg(minder.pid, signal.SIGINT)
        assert minder.wait(20) == 0
        await_end(*everyone)
    assert "Traceback" not in (tmp_path / "reference.log").read_text()
