"""How close together a burst's requests arrive, beside threads that start together: run it, it prints both.

The server notes when the last byte of each request is readable. What is compared is the spread: the time between the
first and the last of eight complete requests.
"""

from __future__ import annotations

import selectors
import socket
import statistics
import threading
import time
from concurrent.futures import ThreadPoolExecutor

from conformance.candidate.http import DRIVER
from conformance.candidate.open import bind
from conformance.model.candidate import CandidateFile, Limits
from conformance.sdk import Candidate, Prepared, Sighting

AT_ONCE = 8
ROUNDS = 40
ANSWER = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 2\r\n\r\n{}"


class Ears:
    check, run = "BENCH-1", "bench"

    def record(self, sighting: Sighting) -> int:
        return 1


class Clock(threading.Thread):
    """A server that answers a round only when all its requests are complete, and notes when each was."""

    def __init__(self) -> None:
        super().__init__(daemon=True)
        self.listening = socket.create_server(("127.0.0.1", 0), backlog=64)
        self.spreads_us: list[float] = []

    def run(self) -> None:
        chooser = selectors.DefaultSelector()
        chooser.register(self.listening, selectors.EVENT_READ)
        held: dict[socket.socket, bytes] = {}
        done: dict[socket.socket, int] = {}
        while True:
            for key, _ in chooser.select():
                if key.fileobj is self.listening:
                    accepted, _ = self.listening.accept()
                    chooser.register(accepted, selectors.EVENT_READ)
                    held[accepted] = b""
                    continue
                peer = key.fileobj
                assert isinstance(peer, socket.socket)
                data = peer.recv(65536)
                now = time.perf_counter_ns()
                if not data:
                    chooser.unregister(peer)
                    peer.close()
                    held.pop(peer, None)
                    continue
                held[peer] = held.get(peer, b"") + data
                if b"\r\n\r\n" in held[peer] and held[peer].endswith(b'{"amount":1}'):
                    done[peer], held[peer] = now, b""
            if len(done) == AT_ONCE:
                self.spreads_us.append((max(done.values()) - min(done.values())) / 1000)
                for peer in done:
                    peer.sendall(ANSWER)
                done.clear()


def together(candidate: Candidate, request: Prepared) -> None:
    candidate.together([request] * AT_ONCE)


def threads(candidate: Candidate, request: Prepared) -> None:
    gate = threading.Barrier(AT_ONCE)

    def run() -> None:
        gate.wait(10)
        request.send()

    with ThreadPoolExecutor(AT_ONCE) as pool:
        for future in [pool.submit(run) for _ in range(AT_ONCE)]:
            future.result()


def main() -> None:
    clock = Clock()
    clock.start()
    file = CandidateFile(
        "Clock", "1", base_url=f"http://127.0.0.1:{clock.listening.getsockname()[1]}",
        operations={"payments.create": {"method": "POST", "path": "/payments", "body": ["amount"]}},
        limits=Limits(requests_per_second_max=100_000),
    )  # fmt: skip
    candidate = bind(file, Ears(), {"http": DRIVER})
    request = candidate.prepare("payments.create", amount=1)
    for name, way in (("threads that start together", threads), ("last byte held back", together)):
        clock.spreads_us.clear()
        for _ in range(ROUNDS):
            way(candidate, request)
        found = sorted(clock.spreads_us)
        print(
            f"{name:28} spread of {AT_ONCE}: median {statistics.median(found):7.0f} µs,"
            f" p90 {found[int(len(found) * 0.9)]:7.0f} µs, worst {found[-1]:7.0f} µs"
        )


if __name__ == "__main__":
    main()
