"""What a payment under load costs besides sending: making its request, journal, reading its answer. Ratios printed.

    python benchmarks/load_payments.py [PAYMENTS]

Nothing is sent. Making: by template beside by the driver, and what signing adds. Reading: by shape beside by the
driver and beside ``json.loads`` alone. The hot path is what happens between two requests: request, sending, answered.
"""

from __future__ import annotations

import json
import os
import random
import sys
import tempfile
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from conformance.candidate.http import DRIVER
from conformance.candidate.open import bind
from conformance.model.candidate import CandidateFile
from conformance.sdk import Account, Exchange, LoadContext
from conformance_load.arrivals import Arrival, Kind
from conformance_load.flow import Reply, Times
from conformance_load.ids import Book
from conformance_load.journal import PaymentJournal
from conformance_load.making import PaymentMaker, Shot
from conformance_load.payments import PaymentWork
from conformance_load.presign import Magazine

ROUNDS = 5
ACCOUNTS = 12
#: What the three calls of the hot path may take together, in microseconds.
LIMIT_US = 3.0


class Nobody:
    """A recorder that nothing is recorded with."""

    check, run = "LOAD", "benchmark"

    def record(self, sighting: object) -> int:
        """Take what is never sent."""
        return 1


def maker_of(folder: Path, signing: Mapping[str, Any] | None = None) -> PaymentMaker:
    """Return the maker of payments of a product that speaks the neutral contract, signed or not."""
    users: dict[str, Any] = {
        "payer": {"scheme": "bearer", "token": "t" * 40, **({"signing": signing} if signing else {})}
    }
    file = CandidateFile("Benchmark", "1", base_url="http://127.0.0.1:9", supports=("payments",), users=users)
    candidate = bind(file, Nobody(), {"http": DRIVER})
    context = LoadContext("run", "payments-create", candidate, {}, folder, lambda *_: None, lambda _: 1)
    accounts = [Account(f"acc-{number:016x}", "CNY", "payer", 1) for number in range(ACCOUNTS + 1)]
    return PaymentMaker(context, Book("benchmark", ACCOUNTS, 100_000), accounts, "CNY")


def replies_of(maker: PaymentMaker, numbers: range) -> list[Reply]:
    """Return what a sound product answers; header objects are shared as long as the header is the same."""
    chance, headers = random.Random(1), {"Content-Type": "application/json", "Server": "benchmark"}
    replies = []
    for number in numbers:
        terms = maker.terms(number)
        body = {
            "id": f"pay-{chance.getrandbits(80):020x}",
            "debtor": terms.debtor,
            "creditor": terms.creditor,
            "amount": terms.amount,
            "currency": "CNY",
            "reference": terms.reference,
            "refunded": 0,
            "created": f"2026-01-01T00:{number // 60000 % 60:02}:{number // 1000 % 60:02}.{number % 1000:03}Z",
            "state": "accepted",
        }
        replies.append(Reply(201, headers, json.dumps(body).encode()))
    return replies


def us_each(work: Callable[[], object], count: int) -> float:
    """Return the CPU microseconds of one of ``count`` things done by a call: the least of some rounds."""
    taken = []
    for _ in range(ROUNDS):
        started = time.process_time_ns()
        work()
        taken.append(time.process_time_ns() - started)
    return min(taken) / 1000 / count


def signatures() -> dict[str, dict[str, Any]]:
    """Return signing settings by the name of the algorithm; their keys are put into the environment."""
    p256, large = ec.generate_private_key(ec.SECP256R1()), rsa.generate_private_key(65537, 2048)
    keys = {
        "ES256": ("ecdsa-p256-sha256", _pem(p256)),
        "PS256": ("rsa-pss-sha512", _pem(large)),
        "SM2": ("sm2-sm3", f"{random.Random(1).getrandbits(250):064x}"),
    }
    made = {}
    for name, (algorithm, text) in keys.items():
        os.environ[f"BENCHMARK_{name}"] = text
        made[name] = {"algorithm": algorithm, "keyid": "k", "key": {"env": f"BENCHMARK_{name}"}}
    return made


def _pem(key: ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey) -> str:
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()


def making(folder: Path, count: int) -> list[Shot]:
    """Print what making requests costs and return those of ``count`` payments."""
    arrivals = [Arrival(Kind.PAYMENT, number) for number in range(count)]
    maker = maker_of(folder)
    magazine = Magazine(maker, 600)
    shots = magazine.shots(arrivals)
    rendered = magazine.cost.cpu_us / magazine.cost.requests
    few = arrivals[:2000]
    driver = us_each(lambda: [maker.bytes_of(maker.terms(arrival.number)) for arrival in few], len(few))
    print(f"make    by template {rendered:7.2f} us   by driver {driver:7.2f} us   ratio {rendered / driver:.3f}")
    for name, signing in signatures().items():
        ahead = Magazine(maker_of(folder, signing), 600)
        ahead.shots(arrivals[:300])
        cost = ahead.cost.as_json()
        one_us = cost["cpuUsPerRequest"]
        print(f"make    signed with {name}: {one_us} us, {cost['how']}; a million take {one_us} s")
    return shots


def reading(folder: Path, shots: list[Shot]) -> float:
    """Print what answers and the hot path cost; return the latter in microseconds."""
    maker, count = maker_of(folder), len(shots)
    replies = replies_of(maker, range(count))
    times = Times(1, 2, 3)
    works: list[float] = []
    for turn in range(ROUNDS):
        with PaymentJournal.create(folder / f"journal-{turn}", count) as journal:
            work = PaymentWork(maker, shots, journal)
            request, sending, answered = work.request, work.sending, work.answered
            started = time.process_time_ns()
            for arrival, reply in enumerate(replies):
                request(arrival)
                sending(arrival, 5)
                answered(arrival, reply, times)
            works.append((time.process_time_ns() - started) / 1000 / count)
            reader = work.reader
    hot = min(works)
    fast = us_each(lambda: [reader.read(reply) for reply in replies], count)
    few = replies[:2000]
    prepared, driver = maker.prepare(0), maker.driver

    def interpret() -> None:
        for reply in few:
            driver.interpret(prepared, Exchange(0, reply.status, reply.headers, reply.body))

    slow = us_each(interpret, len(few))
    plain = us_each(lambda: [json.loads(reply.body) for reply in replies], count)
    print(f"read    by shape {fast:.2f} us   by driver {slow:.2f} us   ratio {fast / slow:.3f}")
    print(f"read    json.loads alone {plain:.2f} us   ratio {fast / plain:.3f}")
    print(f"answers read fast {reader.fast}, by the driver {reader.slow}, disagreed {reader.disagreed}")
    print(f"hot     request + sending + answered {hot:.2f} us of {LIMIT_US} us")
    return hot


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as name:
        made = making(Path(name), int(sys.argv[1]) if len(sys.argv) > 1 else 100_000)
        sys.exit(int(reading(Path(name), made) > LIMIT_US))
