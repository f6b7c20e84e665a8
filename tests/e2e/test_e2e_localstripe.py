"""A real product that knows nothing of us, bound by a mapping alone and run as a process of its own."""

import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
import zstandard
from outcomes import found, must_be_as_expected, uncalibrated
from stranger import Run, no_traceback, only_run, statement_of

from conformance.candidate.doctor import examine
from conformance.candidate.http import DRIVER
from conformance.candidate.open import bind
from conformance.files.candidate_file import read_candidate
from conformance.sdk import Accepted, Candidate, Refused, Sighting, accepted

pytestmark = pytest.mark.e2e

VERSION = "1.15.10"
FILE = Path(__file__).parents[2] / "examples" / "candidates" / "localstripe.toml"

#: The product binds every interface; its child process gets sockets that bind the loopback address instead.
LAUNCHER = """
import runpy, socket
class Loopback(socket.socket):
    def bind(self, address):
        super().bind(("::ffff:127.0.0.1", address[1]))
socket.socket = Loopback
runpy.run_module("localstripe", run_name="__main__", alter_sys=True)
"""


KEYS = {"LOCALSTRIPE_ALICE": "sk_test_alice_0123456789", "LOCALSTRIPE_BOB": "sk_test_bob_0123456789"}


class Recording:
    def __init__(self) -> None:
        self.check = "E2E"
        self.run = "localstripe"
        self.sightings: list[Sighting] = []

    def record(self, sighting: Sighting) -> int:
        self.sightings.append(sighting)
        return len(self.sightings)


def installed() -> Path:
    """Return the interpreter of a cached environment that holds the product; its licence keeps it out of ours."""
    cache = Path(os.environ.get("CONFORMANCE_E2E_CACHE") or Path.home() / ".cache" / "conformance-e2e")
    home = cache / f"localstripe-{VERSION}"
    python = home / "bin" / "python"
    marker = home / "complete"
    if not marker.exists():
        cache.mkdir(parents=True, exist_ok=True)
        subprocess.run([sys.executable, "-m", "venv", str(home)], check=True, timeout=120)
        install = [str(python), "-m", "pip", "install", "--quiet", f"localstripe=={VERSION}"]
        subprocess.run(install, check=True, timeout=300)
        marker.touch()
    return python


def content_of(path: Path) -> bytes:
    """Return what a file holds, unpacked if it is a journal segment."""
    if path.suffix != ".zst":
        return path.read_bytes()
    with path.open("rb") as packed:
        return bytes(zstandard.ZstdDecompressor().stream_reader(packed, read_across_frames=True).read())


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def await_port(port: int, process: subprocess.Popen[bytes], deadline_s: float = 30) -> None:
    limit = time.monotonic() + deadline_s
    while time.monotonic() < limit:
        assert process.poll() is None, "localstripe ended before it listened"
        with socket.socket() as probe:
            probe.settimeout(0.2)
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.05)
    raise AssertionError(f"localstripe did not listen within {deadline_s} s")


@pytest.fixture(scope="module")
def localstripe(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Start the product on a loopback port and return its base URL."""
    port = free_port()
    command = [str(installed()), "-c", LAUNCHER, "--from-scratch", "--port", str(port)]
    process = subprocess.Popen(
        command, cwd=tmp_path_factory.mktemp("localstripe"), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    try:
        await_port(port, process)
        yield f"http://127.0.0.1:{port}"
    finally:
        process.terminate()
        process.wait(10)


@pytest.fixture
def recording() -> Recording:
    return Recording()


@pytest.fixture
def candidate(localstripe: str, recording: Recording, monkeypatch: pytest.MonkeyPatch) -> Iterator[Candidate]:
    for name, value in KEYS.items():
        monkeypatch.setenv(name, value)
    bound = bind(replace(read_candidate(FILE), base_url=localstripe), recording, {"http": DRIVER})
    yield bound
    bound.driver.close()


def test_a_payment_is_made_read_listed_and_refunded(candidate: Candidate) -> None:
    account = candidate.account(balance=0, currency="USD")

    payment = accepted(
        candidate.call(
            "payments.create",
            debtor=account.id,
            creditor="the platform",
            amount=12_34,
            currency="USD",
            reference="order 7",
            idempotency_key="key-1",
        ),
        "a payment",
    )
    read = accepted(candidate.call("payments.read", payment=payment["id"]), "reading it")
    refund = accepted(candidate.call("payments.refund", payment=payment["id"], amount=2_34), "a refund")
    after = accepted(candidate.call("payments.read", payment=payment["id"]), "reading it again")

    assert payment["state"] == "confirmed"
    assert (payment["amount"], payment["currency"], payment["debtor"]) == (1234, "USD", account.id)
    assert payment["created"].endswith("Z")
    assert (read["amount"], read["reference"], read["refunded"]) == (1234, "order 7", 0)
    assert (refund["payment"], refund["amount"]) == (payment["id"], 234)
    assert after["refunded"] == 234


def test_a_list_is_read_page_by_page(candidate: Candidate) -> None:
    account = candidate.account(balance=0, currency="USD")
    made = [
        accepted(candidate.call("payments.create", debtor=account.id, amount=n, currency="USD"), "a payment")["id"]
        for n in (100, 200, 300)
    ]

    seen: list[str] = []
    cursor = None
    for _ in range(50):
        page = accepted(candidate.call("payments.list", account=account.id, limit=2, cursor=cursor), "a page")
        seen += [item["id"] for item in page["items"]]
        cursor = page["next"]
        if cursor is None:
            break

    assert seen == made


def test_two_keys_are_two_users_and_no_key_is_refused(candidate: Candidate, recording: Recording) -> None:
    candidate.call("accounts.list")
    candidate.as_user("bob").call("accounts.list")
    stranger = candidate.without_credentials().call("accounts.list")

    sent = [dict(item.request.headers).get("Authorization") for item in recording.sightings]
    assert sent[0] is not None
    assert sent[1] not in (None, sent[0])
    assert sent[2] is None
    assert isinstance(stranger, Refused)
    assert (stranger.exchange.status, stranger.code) == (401, "invalid_request_error")


def test_a_refusal_is_understood_with_its_code(candidate: Candidate) -> None:
    account = candidate.account(balance=0, currency="USD")
    negative = candidate.call("payments.create", debtor=account.id, amount=-1, currency="USD")
    unknown = candidate.call("payments.read", payment="ch_00000000000000")

    assert isinstance(negative, Refused)
    assert negative.exchange.status == 400
    assert isinstance(unknown, Refused)
    assert unknown.exchange.status == 404


def test_the_product_does_not_know_idempotency(candidate: Candidate) -> None:
    account = candidate.account(balance=0, currency="USD")
    payment = candidate.prepare(
        "payments.create", debtor=account.id, amount=500, currency="USD", idempotency_key="the same key"
    )

    first, again = payment.send(), payment.send()

    assert isinstance(first, Accepted)
    assert isinstance(again, Accepted)
    assert first.value["id"] != again.value["id"], "localstripe has learnt idempotency: a finding less to expect"


def test_the_doctor_proves_the_mapping(candidate: Candidate) -> None:
    candidate.account(balance=0, currency="USD")
    rows = examine(candidate)

    assert [row for row in rows if not row.good] == []
    assert {row.operation for row in rows if row.state == "understood"} >= {"accounts.list", "accounts.read"}
    assert {row.user for row in rows if row.user} == {"alice", "bob"}
    assert all("sk_test" not in row.curl for row in rows)


def test_a_whole_run_finds_what_is_wrong_with_it(
    localstripe: str, conformance: Run, environment: dict[str, str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    for name, value in KEYS.items():
        monkeypatch.setitem(environment, name, value)
    file, runs = tmp_path / "candidate.toml", tmp_path / "runs"
    file.write_text(FILE.read_text("utf-8").replace("http://127.0.0.1:8420", localstripe), encoding="utf-8")

    arguments = ["-p", str(uncalibrated(tmp_path)), "--suite", "security", "--runs", str(runs), "--quiet"]
    done = conformance("run", "-c", str(file), *arguments)

    no_traceback(done)
    assert done.returncode == 1, done.stdout + done.stderr
    predicate = statement_of(only_run(runs))
    must_be_as_expected("localstripe", found(predicate, ["security"]))
    assert [item["reason"] for item in predicate["outcomes"] if item["blame"] == "HARNESS"] == []
    written = b"".join(content_of(path) for path in runs.rglob("*") if path.is_file())
    assert [key for key in KEYS.values() if key.encode() in written] == []
    assert conformance("verify", str(only_run(runs))).returncode == 0
