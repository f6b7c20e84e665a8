"""A small bank over plain HTTP, with defects that can be switched on, and its driver: for the load suite's tests.

``python load_bank.py SPECS`` is the load process of such tests: it patches sockets, builds a context for each order
and prints its measurement. Importing Locust patches the whole process, so it must not happen inside the tests' own.
"""

from __future__ import annotations

import http.client
import json
import os
import subprocess
import sys
import threading
import time
from collections import Counter
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

EVERY = 10
#: Fault "dies": after so many payments nobody is answered any more.
LIVES_FOR = 60


class Bank:
    """Accounts, entries and keys in memory, under one lock."""

    def __init__(self, fault=""):
        self.fault, self.lock = fault, threading.Lock()
        self.balances, self.entries, self.keys = {}, {}, {}
        self.hits, self.seen, self.requests, self.payments = 0, Counter(), 0, 0
        self.currency = "USD" if fault == "usd" else "CNY"

    @property
    def dead(self):
        return self.fault == "dies" and self.payments > LIVES_FOR

    def strikes(self, fault):
        if self.fault != fault:
            return False
        self.seen[fault] += 1
        self.hits += self.seen[fault] % EVERY == 0
        return self.seen[fault] % EVERY == 0

    def open(self, balance):
        account = f"acc-{len(self.balances)}"
        self.balances[account], self.entries[account] = balance, []
        if balance:
            self.entries[account].append(self.entry(None, balance, ""))
        return {"id": account}

    def entry(self, payment, amount, reference):
        number = sum(map(len, self.entries.values()))
        return {
            "id": f"e{number}",
            "payment": payment,
            "amount": amount,
            "currency": self.currency,
            "reference": reference,
        }

    def pay(self, key, order):
        known = key in self.keys
        if self.fault == "known-fails" and (known or self.balances[order["debtor"]] < order["amount"]):
            return 500, {}
        self.hits += known and self.fault == "twin-doubled"
        if known and self.fault not in ("replay-doubled", "twin-doubled"):
            first, answer = self.keys[key]
            return (201, answer) if order == first else (422, {"code": "key-reused"})
        if self.balances[order["debtor"]] < order["amount"]:
            return 422, {"code": "insufficient-funds"}
        answer = {"id": f"pay-{len(self.keys)}-{self.requests}", "state": "accepted"}
        self.keys[key] = order, answer
        if self.strikes("lost"):
            return 201, answer
        times = 2 if self.strikes("doubled") else 1
        amount = order["amount"] + (1 if self.strikes("wrong-amount") else 0)
        for _ in range(times):
            self.book(order, answer["id"], amount, order["reference"])
        if self.strikes("ghost"):
            self.book(order, "pay-ghost", 1, f"unasked {self.requests}")
        if self.strikes("rejected-booked"):
            del self.keys[key]
            return 422, {"code": "sorry"}
        return (500, {}) if self.strikes("errors") else (201, answer)

    def book(self, order, payment, amount, reference):
        for account, signed in ((order["debtor"], -amount), (order["creditor"], amount)):
            self.balances[account] += signed
            self.entries[account].append(self.entry(payment, signed, reference))


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True

    def log_message(self, *_):
        pass

    def do_POST(self):
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        bank = self.server.bank
        with bank.lock:
            bank.requests += 1
            if self.path == "/accounts":
                wrong = body["currency"] != bank.currency
                self.answer(*((422, {"code": "4001"}) if wrong else (201, bank.open(body["balance"]))))
            else:
                bank.payments += 1
                self.answer(*bank.pay(self.headers["Idempotency-Key"], body))

    def do_GET(self):
        parts, bank = urlsplit(self.path), self.server.bank
        account = parts.path.split("/")[2]
        with bank.lock:
            if bank.fault == "unreadable" and bank.keys:
                self.answer(500, {})
                return
            if parts.path.endswith("/balance"):
                self.answer(200, {"available": bank.balances[account], "currency": "CNY"})
                return
            start = int(parse_qs(parts.query).get("cursor", ["0"])[0])
            page = bank.entries[account][start : start + 50]
            more = start + 50 < len(bank.entries[account])
            self.answer(200, {"items": page, "next": str(start + 50) if more else None})

    def answer(self, status, value):
        if self.server.bank.dead:
            self.close_connection = True
            return
        data = json.dumps(value).encode()
        try:
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(data)))
            self.end_headers()
            self.wfile.write(data)
        except OSError:
            self.close_connection = True


class Server(ThreadingHTTPServer):
    """The bank on a loopback port chosen by the system."""

    daemon_threads = True
    request_queue_size = 128

    def __init__(self, fault=""):
        super().__init__(("127.0.0.1", 0), _Handler)
        self.bank = Bank(fault)
        self.thread = threading.Thread(target=self.serve_forever, daemon=True)
        self.thread.start()

    @property
    def url(self):
        return f"http://127.0.0.1:{self.server_port}"

    def handle_error(self, request, client_address):
        if not isinstance(sys.exc_info()[1], OSError):
            super().handle_error(request, client_address)

    def __exit__(self, *_):
        self.shutdown()
        self.thread.join()
        self.server_close()


class Driver:
    """Binds the bank's few operations; the least that a load scenario needs of a driver."""

    def __init__(self, base):
        self.base = base

    def operations(self):
        return frozenset({"accounts.open", "accounts.statement", "accounts.balance", "payments.create"})

    def endpoints(self):
        return ()

    def wire(self, prepared):
        from conformance.sdk import WireRequest

        arguments = dict(prepared.arguments)
        key = arguments.pop("idempotency_key", "")
        account, cursor = arguments.get("account", ""), arguments.get("cursor")
        method, path = {
            "accounts.open": ("POST", "/accounts"),
            "payments.create": ("POST", "/payments"),
            "accounts.balance": ("GET", f"/accounts/{account}/balance"),
            "accounts.statement": ("GET", f"/accounts/{account}/statement" + (f"?cursor={cursor}" if cursor else "")),
        }[prepared.operation]
        body = json.dumps(arguments).encode() if method == "POST" else b""
        return WireRequest(method, self.base + path, (("Idempotency-Key", key),) if key else (), body)

    def interpret(self, prepared, exchange):
        from conformance.sdk import Accepted, Broken, Refused

        if exchange.status >= 500:
            return Broken("server-error", str(exchange.status), exchange)
        value = json.loads(exchange.body)
        return Accepted(value, exchange) if exchange.status < 400 else Refused(value["code"], exchange, value)

    def perform(self, prepared):
        from conformance.sdk import Broken, Exchange

        request = self.wire(prepared)
        parts = urlsplit(request.url)
        connection = http.client.HTTPConnection(parts.hostname, parts.port, timeout=10)
        try:
            target = parts.path + (f"?{parts.query}" if parts.query else "")
            connection.request(request.method, target, request.body, dict(request.headers))
            response = connection.getresponse()
            return self.interpret(prepared, Exchange(1, response.status, dict(response.getheaders()), response.read()))
        except (OSError, http.client.HTTPException) as error:
            return Broken("connection", str(error), Exchange(1))
        finally:
            connection.close()


def main(spec_path):
    """Run the scenario as a load process would, and print measurement and what was recorded."""
    from gevent import monkey

    monkey.patch_all()
    for spec in json.loads(Path(spec_path).read_text()):
        print(json.dumps(measure(spec)), flush=True)


def work(spec_path):
    """Be a worker of a crew, as a load process would."""
    from gevent import monkey

    monkey.patch_all()
    from conformance_load.crew.worker import run

    spec = json.loads(Path(spec_path).read_text())
    run(context_of(spec, []))


def measure(spec):
    """Run the scenario once and return its measurement and how many exchanges it recorded."""
    from conformance_load.scenario import run

    recorded = []
    return {"measurement": run(context_of(spec, recorded)), "recorded": len(recorded)}


def context_of(spec, recorded):
    """Return what a load process gives a scenario of the small bank."""
    from conformance.sdk import Candidate, CandidateFile, LoadContext, Pool

    mapping = {"currency": spec["currency"]} if "currency" in spec else {}
    file = CandidateFile("Small Bank", "1", spec["url"], users={"alice": {}}, mapping=mapping)
    candidate = Candidate(Driver(spec["url"]), file, Pool(()), lambda name, arguments: {}, "alice")
    return LoadContext(
        run="test",
        scenario="payments-create",
        candidate=candidate,
        parameters=spec["parameters"],
        directory=Path(spec["directory"]),
        progress=lambda done, total, note: None,
        record=lambda sighting: recorded.append(sighting) or len(recorded),
        seed=1,
        candidate_digest=spec.get("digest", "sha256:0"),
        spawn=lambda module, parameters, environment: Worker(spec, parameters, environment),
    )


class Worker:
    """A worker process; ``kill_after_s`` of the spec kills the last one so long after its wave began."""

    started = 0

    def __init__(self, spec, parameters, environment):
        Worker.started += 1
        path = Path(spec["directory"]) / f"worker-{Worker.started}.json"
        path.write_text(json.dumps(spec | {"parameters": parameters, "digest": spec.get("worker_digest", "sha256:0")}))
        command = [sys.executable, __file__, "--worker", str(path)]
        self.process = subprocess.Popen(command, env=os.environ | environment)
        workers = int(spec["parameters"]["workers"])
        if spec.get("kill") and Worker.started == workers:
            threading.Thread(target=self.kill_under_load, args=(Path(spec["directory"]),), daemon=True).start()

    def kill_under_load(self, folder):
        """Kill as soon as the journal shows that payments are under way."""
        from conformance_load.journal import PaymentJournal, State

        while not (found := list(folder.glob(f"*-worker-{Worker.started}.journal"))):
            time.sleep(0.05)
        with PaymentJournal.open(found[0]) as journal:
            while journal.count(State.ACK) < 20:
                time.sleep(0.01)
        self.process.kill()

    def ended(self):
        code = self.process.poll()
        return "" if code is None else f"it ended with {code}"

    def stop(self):
        try:
            self.process.wait(5)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait(5)


if __name__ == "__main__":
    (work if sys.argv[1] == "--worker" else main)(sys.argv[-1])
