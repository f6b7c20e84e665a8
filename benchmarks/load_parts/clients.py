"""The clients of ours and of Locust's own, each in a process of its own: what it measured is printed as JSON.

    python clients.py KIND ORDER      (ORDER: JSON, see the fields of Order)

CPU time is that of the process in the measured window alone, user and system.
"""

from __future__ import annotations

import itertools
import json
import os
import resource
import ssl
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import gevent
from locust import FastHttpUser, constant_throughput, task
from locust.env import Environment

from conformance_load.flow import Reply, Span, Stream, Target, Times
from conformance_load.ids import ODD
from conformance_load.journal import PaymentJournal, State
from conformance_load.press import press
from conformance_load.reactor.batch import Statistics
from conformance_load.reactor.user import ReactorUser
from conformance_load.schedule import constant
from conformance_load.tally import Tally

#: The body of a payment, 170 bytes; and the same with places for what an id decides.
BODY = (
    b'{"debtor":"acc-00000001","creditor":"acc-00000002","amount":123456,"currency":"CNY",'
    b'"reference":"load-00000000-0123456789abcdef","note":"' + b"x" * 30 + b'"}'
)
#: Room for as many payments as a core can make in the seconds measured.
_JOURNAL_SIZE = 3_000_000


@dataclass(frozen=True)
class Order:
    """What to do: ``port`` on this machine, users or connections, seconds; ``rate`` per second where one is kept."""

    port: int
    users: int
    seconds: float
    rate: int = 0
    authority: str = ""


def closed_loop(order: Order) -> dict[str, Any]:
    """Users in the reactor, as fast as they can."""
    return measured(_payer(order), order)


def with_journal(order: Order) -> dict[str, Any]:
    """The same, every payment with an id of its own, journalled before it is sent and when it is answered."""
    with tempfile.TemporaryDirectory() as folder:
        with PaymentJournal.create(Path(folder) / "journal", _JOURNAL_SIZE) as journal:
            found = measured(_journalling(order, journal), order)
            found["acknowledged"], found["sent"] = journal.count(State.ACK), journal.count(State.SENT)
    return found


def fast_http_user(order: Order) -> dict[str, Any]:
    """Locust's own faster user, as fast as it can."""
    return measured(_fast(order), order)


def fast_http_user_paced(order: Order) -> dict[str, Any]:
    """Locust's own faster user at a rate, in the way that Locust offers: each user keeps its share of it."""
    made = _fast(order)
    made.wait_time = constant_throughput(order.rate / order.users)
    return measured(made, order)


def open_loop(order: Order) -> dict[str, Any]:
    """Arrivals at a rate, from the intended start."""
    seconds = int(order.seconds)
    request = b"POST /pay HTTP/1.1\r\nHost: h\r\nContent-Length: %d\r\n\r\n%s" % (len(BODY), BODY)

    class Paying:
        def request(self, _arrival: int) -> tuple[bytes, bool]:
            return request, False

        def sending(self, _arrival: int, _at_ns: int) -> None:
            pass

        def answered(self, _arrival: int, reply: Reply | None, _times: Times) -> str:
            return "confirmed" if reply is not None and reply.status == 200 else "broken"

    tally = Tally(seconds)
    target = Target("127.0.0.1", order.port, 10.0, 100_000)
    stream = Stream("pay", target, constant(order.rate, seconds + 1), Paying(), tally)
    pressed = press([stream], Span(1, seconds, 5), connections=order.users, progress=lambda _done: None)
    names = {"p50": 5000, "p95": 9500, "p99": 9900, "p99.9": 9990}
    return {
        "requests": tally.sent,
        "failures": tally.sent - tally.counts["confirmed"],
        "start_ns": tally.start_ns,
        "cpu_permille": pressed.cpu_permille,
        "own_lag_p99_us": tally.own_lag.quantile(9900),
        "service_p50_us": tally.service.quantile(5000),
        "us": {name: tally.response.quantile(share) for name, share in names.items()},
    }


def measured(user_class: Any, order: Order) -> dict[str, Any]:
    """Run users and count requests and CPU in a window after they all run."""
    environment = Environment(user_classes=[user_class])
    environment.stop_timeout = 3
    statistics = Statistics.of(environment)
    runner: Any = environment.create_local_runner()
    runner.start(order.users, spawn_rate=order.users)
    while runner.user_count < order.users:
        gevent.sleep(0.05)
    gevent.sleep(0.5)
    statistics.flush()
    environment.stats.reset_all()
    before, started = cpu_s(), time.monotonic()
    gevent.sleep(order.seconds)
    statistics.flush()
    total = environment.stats.total
    found = {
        "requests": total.num_requests,
        "failures": total.num_failures,
        "cpu_s": cpu_s() - before,
        "wall_s": time.monotonic() - started,
        "us": {
            name: int((total.get_response_time_percentile(share) or 0) * 1000)
            for name, share in {"p50": 0.5, "p95": 0.95, "p99": 0.99, "p99.9": 0.999}.items()
        },
    }
    runner.quit()
    return found


def cpu_s() -> float:
    """Return the CPU seconds of this process so far."""
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


def _url(order: Order) -> str:
    return f"{'https' if order.authority else 'http'}://127.0.0.1:{order.port}"


def _payer(order: Order) -> Any:
    class Payer(ReactorUser):
        host = _url(order)
        name = "/pay"
        tls = ssl.create_default_context(cafile=order.authority) if order.authority else None

        def on_start(self) -> None:
            self.bytes = self.compose("POST", "/pay", BODY, {"Content-Type": "application/json"})

        def request(self) -> bytes:
            return self.bytes  # type: ignore[no-any-return]

    return Payer


def _journalling(order: Order, journal: PaymentJournal) -> Any:
    numbers = itertools.count()
    sending, confirm, now = journal.sending, journal.confirm, time.perf_counter_ns
    form = (
        b"POST /pay HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\n"
        b"Idempotency-Key: load-00000000-%b\r\nContent-Length: 170\r\n\r\n"
        b'{"debtor":"%b","creditor":"%b","amount":%d,"currency":"CNY",'
        b'"reference":"load-00000000-%b","note":"' + b"x" * 30 + b'"}'
    )
    accounts = [b"acc-%08d" % number for number in range(64)]

    class Journalling(ReactorUser):
        host = _url(order)
        name = "/pay"

        def request(self) -> bytes:
            self.number = number = next(numbers)
            identifier = number * ODD & 0xFFFFFFFFFFFFFFFF
            reference = b"%016x" % identifier
            debtor = (identifier >> 16) % 64
            creditor = (debtor + 1 + (identifier >> 28) % 63) % 64
            amount = 100_000 + (identifier >> 40) % 900_000
            made = form % (reference, accounts[debtor], accounts[creditor], amount, reference)
            sending(number, now())
            return made

        def answered(self, reply: Reply, times: Times) -> str | None:
            if reply.status == 200:
                confirm(self.number, times.done)
                return None
            return f"status {reply.status}"

    return Journalling


def _fast(order: Order) -> Any:
    class Fast(FastHttpUser):
        host = _url(order)

        @task
        def pay(self) -> None:
            self.client.post("/pay", data=BODY, headers={"Content-Type": "application/json"})

    return Fast


KINDS: dict[str, Callable[[Order], dict[str, Any]]] = {
    "closed": closed_loop,
    "journal": with_journal,
    "fast": fast_http_user,
    "fast-paced": fast_http_user_paced,
    "open": open_loop,
}

if __name__ == "__main__":
    result = KINDS[sys.argv[1]](Order(**json.loads(sys.argv[2])))
    print(json.dumps(result), flush=True)
    # Locust's greenlets have nothing left to say.
    os._exit(0)
