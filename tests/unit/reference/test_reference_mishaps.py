"""Payments pour in while the bank is killed, paused, cut off or on a slow disk: a sound one does each exactly once.

Afterwards every payment without an answer is repeated with its key, and the books are compared with what was sent.
Each fault is found as often as the bank says that it struck.
"""

from __future__ import annotations

import http.client
import json
import socket
import ssl
import struct
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from conftest import Client

#: Amounts that are no whole yuan, so that rounding shows.
AMOUNT = 123
OPENING = 10_000_000
PAYERS = 4
SOUND = {"lost": 0, "doubled": 0, "ghost": 0, "half": 0, "undecided": 0, "drift": 0}
#: Faults that a kill brings out, by what they do to the books.
CRASHING = {
    "load.ack-before-commit": "lost",
    "load.lost-on-crash": "lost",
    "load.doubled-on-restart": "doubled",
    "load.half-on-crash": "half",
}


class Pouring:
    """Payments from several threads, each with a key that is its reference; what was confirmed is noted."""

    def __init__(self, bank: Client) -> None:
        self.bank = bank
        self.accounts = [bank.account("alice", OPENING) for _ in range(3)]
        self.sent: list[str] = []
        self.confirmed: set[str] = set()
        self.over = threading.Event()
        self._context = ssl.create_default_context(cafile=str(bank.session.verify))
        self._token = bank.token("alice")
        self._threads = [threading.Thread(target=self._pour, args=(name,)) for name in range(PAYERS)]

    def body(self, key: str) -> dict[str, Any]:
        number = int(key.rpartition("-")[2])
        debtor, creditor = self.accounts[number % 3], self.accounts[(number + 1) % 3]
        return self.bank.order(debtor, creditor, AMOUNT, reference=key)

    def connection(self) -> http.client.HTTPSConnection:
        authority = self.bank.process.base_url.removeprefix("https://")
        return http.client.HTTPSConnection(authority, context=self._context, timeout=20)

    def ask(self, connection: http.client.HTTPSConnection, key: str) -> None:
        headers = {"Authorization": f"Bearer {self._token}", "Idempotency-Key": key}
        headers["Content-Type"] = "application/json"
        connection.request("POST", "/payments", json.dumps(self.body(key)), headers)

    def pay(self, connection: http.client.HTTPSConnection, key: str) -> None:
        self.ask(connection, key)
        answer = connection.getresponse()
        value = json.loads(answer.read())
        if answer.status == 201 and value["state"] != "pending":
            self.confirmed.add(key)

    def start(self, at_least: int = 30) -> None:
        """Begin, and return when so many payments were confirmed."""
        for thread in self._threads:
            thread.start()
        self.await_more(at_least)

    def await_more(self, number: int) -> None:
        """Wait until so many more payments were confirmed."""
        wanted = len(self.confirmed) + number
        while len(self.confirmed) < wanted:
            assert any(thread.is_alive() for thread in self._threads)
            self.over.wait(0.01)

    def end(self) -> None:
        self.over.set()
        for thread in self._threads:
            thread.join()

    def decide(self) -> int:
        """Repeat what has no answer; return how many stay without one."""
        connection = self.connection()
        for key in self.sent:
            if key not in self.confirmed:
                self.pay(connection, key)
        connection.close()
        return len(self.sent) - len(self.confirmed)

    def books(self) -> dict[str, int]:
        """Compare the books with what was sent."""
        undecided = self.decide()
        debits, credits = self.legs()
        balances = [self.bank.balance(account) for account in self.accounts]
        return {
            "lost": sum(key not in debits for key in self.confirmed),
            "doubled": sum(number > 1 for number in debits.values()),
            "ghost": sum(key not in set(self.sent) for key in debits),
            "half": sum(debits[key] != credits[key] for key in debits),
            "undecided": undecided,
            "drift": sum(balances) - 3 * OPENING,
        }

    def legs(self) -> tuple[Counter[str], Counter[str]]:
        legs: tuple[Counter[str], Counter[str]] = (Counter(), Counter())
        for account in self.accounts:
            for item in self.statement(account):
                if item["kind"] == "payment":
                    legs[item["amount"] > 0][item["reference"]] += 1
        return legs

    def statement(self, account: str) -> Iterator[dict[str, Any]]:
        cursor = ""
        while cursor is not None:
            path = f"/accounts/{account}/statement?limit=200" + (f"&cursor={cursor}" if cursor else "")
            page = self.bank.ask("GET", path).json()
            yield from page["items"]
            cursor = page["next"]

    def _pour(self, name: int) -> None:
        connection = self.connection()
        number = 0
        while not self.over.is_set():
            key = f"load-{name}-{number}"
            self.sent.append(key)
            number += 1
            try:
                self.pay(connection, key)
            except (OSError, http.client.HTTPException):
                connection.close()
                self.over.wait(0.01)
        connection.close()


@pytest.fixture
def whole(bank: Client) -> Iterator[Client]:
    """The bank, alive again afterwards whatever a test did to it."""
    yield bank
    bank.process.reset()


@contextmanager
def pouring(bank: Client) -> Iterator[Pouring]:
    pours = Pouring(bank)
    try:
        yield pours
    finally:
        pours.end()


def kill(pours: Pouring) -> None:
    pours.bank.process.hook("kill")
    pours.bank.process.hook("start")


def stop(pours: Pouring) -> None:
    pours.bank.process.hook("stop")
    pours.bank.process.hook("start")


def pause(pours: Pouring) -> None:
    pours.bank.process.hook("pause")
    pours.over.wait(0.2)
    pours.bank.process.hook("resume")


def slow_disk(pours: Pouring) -> None:
    pours.bank.process.hook("slow_disk", delay_ms=50)
    pours.await_more(12)
    pours.bank.process.hook("slow_disk", delay_ms=0)


def resets(pours: Pouring) -> None:
    """Cut twenty connections with a reset after their request was sent."""
    for _ in range(20):
        key = f"load-9-{len(pours.sent)}"
        pours.sent.append(key)
        connection = pours.connection()
        pours.ask(connection, key)
        connection.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        pours.over.wait(0.005)  # so that the request is read before the reset throws it away
        connection.close()


@pytest.mark.parametrize("disturb", [kill, pause, slow_disk, resets])
def test_a_sound_bank_does_every_payment_once_whatever_disturbs_it(
    whole: Client, disturb: Callable[[Pouring], None]
) -> None:
    with pouring(whole) as pours:
        pours.start()
        for _ in range(3):
            disturb(pours)
            pours.await_more(20)
    assert pours.books() == SOUND
    assert whole.ask("GET", "/audit/verify", "auditor").json()["valid"] is True
    assert whole.process.hits() == {}


@pytest.mark.parametrize("fault", CRASHING)
def test_what_a_kill_brings_out_is_found_as_often_as_it_struck(whole: Client, fault: str) -> None:
    whole.process.reset([fault])
    with pouring(whole) as pours:
        pours.start(100)
        first = time.monotonic()
        while time.monotonic() < first + 0.5:  # some must be old enough to have been answered for certain
            pours.await_more(10)
        kill(pours)
        pours.await_more(20)
    struck = whole.process.hits()[fault]
    found = pours.books()
    assert found[CRASHING[fault]] == struck >= 10
    assert {name: found[name] for name in ("ghost", "undecided")} == {"ghost": 0, "undecided": 0}
    others = {"lost", "doubled", "half"} - {CRASHING[fault]}
    assert {name: found[name] for name in others} == dict.fromkeys(others, 0)


@pytest.mark.parametrize("fault", CRASHING)
def test_what_a_kill_brings_out_stays_in_without_one(whole: Client, fault: str) -> None:
    whole.process.reset([fault])
    with pouring(whole) as pours:
        pours.start(40)
        stop(pours)
        pours.await_more(5)
    assert pours.books() == SOUND
    assert whole.process.hits() == {}


def test_payments_under_way_are_doubled_after_a_pause(whole: Client) -> None:
    whole.process.reset(["load.doubled-on-resume"])
    with pouring(whole) as pours:
        pours.start(50)
        pause(pours)
        pours.await_more(10)
    assert pours.books() == SOUND | {"doubled": whole.process.hits()["load.doubled-on-resume"]}


def test_keys_that_a_crash_takes_away_double_what_is_asked_again(whole: Client) -> None:
    whole.process.reset(["load.keys-lost-on-crash"])
    with pouring(whole) as pours:
        pours.start(20)
        resets(pours)
        kill(pours)
        pours.await_more(5)
    found = pours.books()
    assert found["doubled"] == whole.process.hits()["load.keys-lost-on-crash"] >= 10
    assert found == SOUND | {"doubled": found["doubled"]}


@pytest.mark.parametrize(("fault", "name"), [("load.reset-doubled", "doubled"), ("load.reset-stuck", "undecided")])
def test_a_client_that_goes_away_brings_it_out(whole: Client, fault: str, name: str) -> None:
    whole.process.reset([fault])
    with pouring(whole) as pours:
        pours.start(10)
        resets(pours)
        pours.await_more(10)
    found = pours.books()
    assert found == SOUND | {name: whole.process.hits()[fault]}
    assert found[name] >= 10


def test_a_slow_disk_makes_it_book_half(whole: Client) -> None:
    whole.process.reset(["load.corrupt-when-slow"])
    with pouring(whole) as pours:
        pours.start(30)
        assert whole.process.hits() == {}
        whole.process.hook("slow_disk", delay_ms=5)
        pours.await_more(40)
        whole.process.hook("slow_disk", delay_ms=0)
        pours.await_more(20)
    struck = whole.process.hits()["load.corrupt-when-slow"]
    found = pours.books()
    assert struck >= 4
    assert found == SOUND | {"half": struck, "drift": -AMOUNT * struck}


def test_rounding_and_pending_strike_every_tenth(whole: Client) -> None:
    whole.process.reset(["load.wrong-rounding", "load.stuck-pending"])
    debtor, creditor = whole.pair(100_000)
    answers = [whole.pay(debtor, creditor, AMOUNT, reference=f"load-{number}", key=str(number)) for number in range(40)]
    pending = [answer.json() for answer in answers if answer.json()["state"] == "pending"]
    assert len(pending) == whole.process.hits()["load.stuck-pending"] == 4
    assert whole.pay(debtor, creditor, AMOUNT, reference="load-9", key="9").json() == pending[0]
    rounded = whole.process.hits()["load.wrong-rounding"]
    assert rounded == 3  # of the 36 that were booked
    assert whole.balance(creditor) == 33 * AMOUNT + 3 * 100


def test_two_equal_requests_at_once_are_both_booked(whole: Client) -> None:
    whole.process.reset(["load.duplicate-race"])
    pours = Pouring(whole)
    pours.sent.append("load-0-0")
    pair = [threading.Thread(target=pours.pay, args=(pours.connection(), "load-0-0")) for _ in range(2)]
    for one in pair:
        one.start()
    for one in pair:
        one.join()
    assert whole.process.hits() == {"load.duplicate-race": 1}
    assert pours.books() == SOUND | {"doubled": 1}


def test_payments_at_once_overwrite_a_balance(whole: Client) -> None:
    whole.process.reset(["load.lost-update"])
    pours = Pouring(whole)
    pours.sent += ["load-0-0", "load-1-0", "load-2-0"]
    threads = [threading.Thread(target=pours.pay, args=(pours.connection(), key)) for key in pours.sent]
    for one in threads:
        one.start()
    for one in threads:
        one.join()
    struck = whole.process.hits()["load.lost-update"]
    assert 1 <= struck <= 2
    assert pours.books() == SOUND | {"drift": AMOUNT * struck}


@pytest.mark.parametrize(
    ("fault", "disturb"), [("load.cold-start", kill), ("load.no-resume", pause), ("load.no-heal", slow_disk)]
)
def test_it_never_is_fast_again(whole: Client, fault: str, disturb: Callable[[Pouring], None]) -> None:
    whole.process.reset([fault])
    debtor, creditor = whole.pair()
    with pouring(whole) as pours:
        pours.start(5)
        disturb(pours)
    slow = whole.pay(debtor, creditor, 1, reference="load-after")
    assert slow.elapsed.total_seconds() > 0.9
