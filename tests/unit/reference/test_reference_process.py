"""The embedded bank as a process: what survives a crash, what a reset forgets, and who ends it."""

from __future__ import annotations

import json
import subprocess
import sys
import threading
import tomllib
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
import requests

from conformance.errors import HarnessError
from conformance.files.candidate_file import read_candidate
from conformance.reference.process import ReferenceProcess

if TYPE_CHECKING:
    from conftest import Client


def pay_until_cut(bank: Client, debtor: str, creditor: str, acknowledged: list[str]) -> None:
    """Pay until the connection is lost, noting what was acknowledged."""
    try:
        while True:
            answer = bank.pay(debtor, creditor, 1)
            if answer.status_code == 201:
                acknowledged.append(answer.json()["id"])
    except requests.RequestException:
        return


def clients(bank: Client, number: int) -> list[Client]:
    made = [type(bank)(bank.process) for _ in range(number)]
    for client in made:
        client.token("alice")
    return made


@pytest.mark.slow
def test_nothing_acknowledged_is_lost_when_the_process_is_killed(tmp_path: Path, running: Client) -> None:
    with ReferenceProcess(tmp_path, only_plugins=["none"]) as process:
        bank = type(running)(process)
        debtor, creditor = bank.pair(100_000)
        acknowledged: list[str] = []
        workers = [
            threading.Thread(target=pay_until_cut, args=(client, debtor, creditor, acknowledged))
            for client in clients(bank, 4)
        ]
        for worker in workers:
            worker.start()
        while len(acknowledged) < 100:
            assert any(worker.is_alive() for worker in workers)
        process.kill()
        for worker in workers:
            worker.join()
        process.start()
        bank = type(running)(process)
        booked, cursor = set(), ""
        while cursor is not None:
            path = f"/accounts/{debtor}/statement?limit=200" + (f"&cursor={cursor}" if cursor else "")
            page = bank.ask("GET", path).json()
            booked |= {item["payment"] for item in page["items"]}
            cursor = page["next"]
        assert set(acknowledged) <= booked
        assert bank.balance(debtor) + bank.balance(creditor) == 100_000
        assert bank.ask("GET", "/audit/verify", "auditor").json()["valid"] is True


def test_restart_keeps_what_was_booked_ports_and_credentials(bank: Client) -> None:
    debtor, creditor = bank.pair()
    bank.pay(debtor, creditor, 100)
    assert bank.process.hook("restart") == {"restarting": True}
    assert bank.balance(debtor) == 900
    assert bank.process.faults == []


def test_restart_keeps_revocations_and_faults(bank: Client) -> None:
    bank.process.switch(["headers.hsts-missing"])
    token = bank.grant().json()["access_token"]
    bank.raw(
        "POST", "/token/revoke", data={"token": token, "client_id": "alice", "client_secret": bank.secret("alice")}
    )
    bank.process.hook("restart")
    assert bank.bearing(token) == 401
    assert bank.process.faults == ["headers.hsts-missing"]


def test_reset_empties_the_bank_and_keeps_credentials(bank: Client) -> None:
    account = bank.account(balance=5)
    bank.process.reset(["limiter.off"])
    assert bank.ask("GET", f"/accounts/{account}").status_code == 404
    assert bank.ask("GET", "/accounts").json() == {"items": [], "next": None}
    assert bank.process.faults == ["limiter.off"]


def test_the_control_port_wants_its_token(bank: Client) -> None:
    control = tomllib.loads(bank.process.candidate_path.read_text())["hooks"]["restart"]["url"]
    assert bank.session.post(control, timeout=5).status_code == 401
    assert bank.session.post(control, timeout=5, headers={"Authorization": "Bearer wrong"}).status_code == 401


def test_unknown_hooks_and_kinds_are_named(bank: Client) -> None:
    with pytest.raises(HarnessError, match="no hook nonsense"):
        bank.process.hook("nonsense")
    with pytest.raises(HarnessError, match="token, rotate-keys or audit-tamper"):
        bank.process.hook("inject", kind="nonsense")


def test_the_candidate_file_is_valid_and_holds_no_secret(bank: Client) -> None:
    candidate = read_candidate(bank.process.candidate_path)
    text = bank.process.candidate_path.read_text()
    assert candidate.base_url == bank.process.base_url
    assert next(iter(candidate.users)) == "alice"
    assert not [name for name, value in bank.secrets.items() if value in text]


def test_no_secret_lies_in_the_directory(bank: Client) -> None:
    bank.raw("POST", "/login", json={"username": "alice", "password": bank.secret("alice", "PASSWORD")})
    bank.session.cookies.clear()
    bank.pay(*bank.pair())
    secrets = [value.encode() for value in bank.secrets.values()] + [bank.token("alice").encode()]
    for path in filter(Path.is_file, bank.process.candidate_path.parent.rglob("*")):
        content = path.read_bytes()
        assert not [value for value in secrets if value in content], path.name


def test_the_access_log_holds_no_bodies_or_tokens(bank: Client) -> None:
    bank.ask("GET", "/accounts?cursor=canary", headers={"Conformance-Check": "SEC-X"})
    lines = bank.process.hook("export_logs")["lines"]
    assert lines[-1]["path"] == "/accounts"
    assert (lines[-1]["user"], lines[-1]["check"]) == ("alice", "SEC-X")
    assert "canary" not in json.dumps(lines)


def test_the_bank_ends_with_its_parent(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "conformance.reference.serve", "--directory", str(tmp_path)]
    child = subprocess.Popen([*command, "--only-plugins", "none"], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    assert child.stdin is not None
    assert child.stdout is not None
    ready = json.loads(child.stdout.readline())
    assert "CONFORMANCE_DEMO_ALICE_SECRET" in ready["environment"]
    child.stdin.close()
    assert child.wait(10) == 0
    child.stdout.close()


def test_a_bank_that_cannot_start_says_why(tmp_path: Path) -> None:
    (tmp_path / "server.pem").mkdir()
    with pytest.raises(HarnessError, match="did not start"):
        ReferenceProcess(tmp_path, only_plugins=["none"]).start()
