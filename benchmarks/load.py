"""The load suite's client beside other tools, interleaved in one run; ratios and gates, not promises.

    python benchmarks/load.py [--rounds N] [--seconds S]

Closed loop: the server is nginx with one worker on one core, the client has another core, connections are kept, a
payment of 170 bytes is posted, 204 bytes of JSON come back. The unit is the client's CPU time per request, user and
system, because the cores may be shared with others; its inverse is the rate that one client core can give. A ratio is
the other tool's CPU time per request divided by ours, taken within a round; the median of the rounds is printed.

Open loop: a server of ours holds each request for 2 ms, then also stands still for 200 ms every 2 s. What the tools
say is printed beside the truth, which follows from the schedule and from when the server stood still. A closed loop
waits together with the server, so its percentiles leave most of the stall out.

Missing tools (nginx, wrk, hey, ab) are named and left out. The exit code is 0 whatever the gates say.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from load_parts import tools
from load_parts.clients import BODY
from load_parts.servers import Holding, Nginx, holding, nginx, pinned

CLIENTS = Path(__file__).parent / "load_parts" / "clients.py"
HOLD_MS, STALL_MS, EVERY_MS = 2, 200, 2_000
RATE = 2_000
#: Connections of the open loop: more than arrivals come in a stall, so that the server alone decides.
WIDE = 512
NARROW = 32
MANY = 1_000
#: Share of its core that a client gets on a quiet machine, at least.
QUIET = 0.6


@dataclass
class Results:
    """Measurements by name, a list with one for each round, and the gates."""

    rounds: dict[str, list[dict[str, Any]]] = field(default_factory=dict)
    gates: list[str] = field(default_factory=list)

    def add(self, name: str, found: dict[str, Any]) -> None:
        """Keep and print one measurement."""
        self.rounds.setdefault(name, []).append(found)
        micros = found["cpu_s"] / found["requests"] * 1e6
        used = found["cpu_s"] / found["wall_s"]
        print(
            f"  {name:34} {micros:7.2f} µs CPU   {1e6 / micros:9,.0f}/s per core   (core {used:4.0%} busy)", flush=True
        )

    def ratio(self, name: str, other: str) -> float:
        """Return the median over the rounds of the other's CPU time per request by ours."""
        pairs = zip(self.rounds[other], self.rounds[name], strict=True)
        return statistics.median(
            theirs["cpu_s"] / theirs["requests"] / (ours["cpu_s"] / ours["requests"]) for theirs, ours in pairs
        )

    def warn_if_disturbed(self) -> None:
        """Say so when the clients had to share their core: time slices begin with cold caches, which costs us more."""
        shares = [found["cpu_s"] / found["wall_s"] for found in self.rounds["ReactorUser"]]
        if statistics.median(shares) < QUIET:
            print(f"clients got {statistics.median(shares):.0%} of their core: the machine is busy and ratios lie low;")
            print("repeat when it is quiet, or with --urgent")

    def gate(self, what: str, value: str, met: bool) -> None:
        """Keep one gate."""
        self.gates.append(f"  {'met   ' if met else 'MISSED'}  {what}: {value}")

    def at_least(self, name: str, other: str, least: float) -> None:
        """Keep a gate on a ratio, if both were measured."""
        if name in self.rounds and other in self.rounds:
            found = self.ratio(name, other)
            self.gate(f"{name} at least {least} x {other}", f"{found:.2f}", found >= least)


class Bench:
    """The machine's cores, and how to run a client on one of them."""

    def __init__(self, seconds: float, urgent: bool) -> None:
        cores = sorted(os.sched_getaffinity(0))
        self.server_core, self.client_core = cores[0], cores[-1]
        self.seconds = seconds
        #: Whether the clients run before all other processes; open loops always do, they need little of a core.
        self.urgent = urgent
        if len(cores) < 2:
            print("only one core: server and client share it, and rates mean little")

    @property
    def place(self) -> tools.Place:
        """Where clients run."""
        return self.client_core, self.urgent

    def client(self, kind: str, port: int, users: int, seconds: float | None = None, **order: Any) -> dict[str, Any]:
        """Run one of our clients in a process of its own and return what it measured."""
        text = json.dumps({"port": port, "users": users, "seconds": seconds or self.seconds, **order})
        command = [sys.executable, str(CLIENTS), kind, text]
        run = subprocess.run(command, capture_output=True, text=True, preexec_fn=pinned(*self.place), timeout=300)
        if run.returncode:
            raise RuntimeError(f"client {kind} ended with {run.returncode}: {run.stderr[-2000:]}")
        found: dict[str, Any] = json.loads(run.stdout.splitlines()[-1])
        if found.get("failures"):
            print(f"  {kind}: {found['failures']} of {found['requests']} requests failed")
        return found

    def wrk(self, url: str, connections: int) -> dict[str, Any]:
        """Run wrk on the client's core."""
        return tools.wrk(url, BODY, connections=connections, seconds=self.seconds, place=self.place)


def closed(bench: Bench, server: Nginx, results: Results, rounds: int) -> None:
    """Measure rates, interleaved: each tool of a round sees about the same machine."""
    plain, secure = f"http://127.0.0.1:{server.plain}/pay", f"https://127.0.0.1:{server.secure}/pay"
    steps: list[tuple[str, Callable[[], dict[str, Any]]]] = [
        ("ReactorUser", lambda: bench.client("closed", server.plain, NARROW)),
        ("wrk", lambda: bench.wrk(plain, NARROW)),
        ("ReactorUser, ids and journal", lambda: bench.client("journal", server.plain, NARROW)),
        ("FastHttpUser", lambda: bench.client("fast", server.plain, NARROW)),
        ("wrk over TLS", lambda: bench.wrk(secure, NARROW)),
        ("ReactorUser over TLS", lambda: bench.client("closed", server.secure, NARROW, authority=server.authority)),
        ("wrk, 1,000 connections", lambda: bench.wrk(plain, MANY)),
        ("ReactorUser, 1,000 connections", lambda: bench.client("closed", server.plain, MANY)),
    ]
    for number in range(rounds):
        print(f"round {number + 1} of {rounds}")
        for name, step in steps:
            if name.startswith("wrk") and shutil.which("wrk") is None:
                continue
            results.add(name, step())
    results.warn_if_disturbed()
    results.at_least("ReactorUser", "wrk", 0.9)
    results.at_least("ReactorUser", "FastHttpUser", 8)
    results.at_least("ReactorUser, ids and journal", "wrk", 0.7)
    results.at_least("ReactorUser over TLS", "wrk over TLS", 0.9)
    results.at_least("ReactorUser, 1,000 connections", "wrk, 1,000 connections", 0.8)


def steady(bench: Bench, results: Results, seconds: int) -> None:
    """Keep a rate against a server that holds every request equally long."""
    with holding(bench.server_core, HOLD_MS) as server:
        found = bench.client("open", server.port, WIDE, seconds, rate=RATE)
    told = found["us"]
    print(f"open loop at {RATE:,}/s, every request held {HOLD_MS} ms")
    row("truth", dict.fromkeys(told, HOLD_MS * 1000))
    row(f"open loop, {WIDE} connections", told)
    lag_ms, busy = found["own_lag_p99_us"] / 1000, found["cpu_permille"] / 1000
    print(f"    own lag p99 {lag_ms:.2f} ms, generator {busy:.0%} of a core")
    off = told["p50"] / (HOLD_MS * 1000) - 1
    results.gate(f"open loop at {RATE:,}/s: p50 within 10 % of {HOLD_MS} ms", f"{off:+.1%}", abs(off) <= 0.1)


def stalled(bench: Bench, results: Results, seconds: int) -> None:
    """Keep a rate against a server that stands still now and then, with several tools, each on its own server."""
    print(f"the same, standing still for {STALL_MS} ms every {EVERY_MS / 1000:g} s")
    with holding(bench.server_core, HOLD_MS, STALL_MS, EVERY_MS) as server:
        found = bench.client("open", server.port, WIDE, seconds, rate=RATE)
    truth = true_times(found["start_ns"], seconds, server)
    row("truth for this run", truth)
    row(f"open loop, {WIDE} connections", found["us"])
    off = found["us"]["p99"] / truth["p99"] - 1
    results.gate("open loop with stalls: p99 within 10 % of the truth", f"{off:+.1%}", abs(off) <= 0.1)
    others: list[tuple[str, Callable[[int, str], dict[str, Any] | None]]] = [
        (
            f"FastHttpUser, paced, {NARROW} users",
            lambda port, _url: bench.client("fast-paced", port, NARROW, seconds, rate=RATE),
        ),
        (
            f"hey -q, {NARROW} workers",
            lambda _port, url: tools.hey(url, BODY, connections=NARROW, seconds=seconds, rate=RATE, place=bench.place),
        ),
        (
            f"wrk, closed loop, {NARROW}",
            lambda _port, url: bench.wrk(url, NARROW) if shutil.which("wrk") else None,
        ),
        (
            f"ab, closed loop, {NARROW}",
            lambda _port, url: tools.ab(url, BODY, connections=NARROW, requests=40_000, place=bench.place),
        ),
    ]
    for name, step in others:
        with holding(bench.server_core, HOLD_MS, STALL_MS, EVERY_MS) as server:
            told = step(server.port, f"http://127.0.0.1:{server.port}/pay")
        if told is None:
            print(f"  {name:34} not installed")
        else:
            row(name, told["us"])


def true_times(start_ns: int, seconds: int, server: Holding) -> dict[str, int]:
    """Return the percentiles that a perfect client sees: who comes in a stall waits for its end, and is then held.

    Who is held when a stall begins is answered when it ends.
    """
    hold_ns = HOLD_MS * 1_000_000
    times = []
    for number in range(RATE * seconds):
        at = start_ns + number * 1_000_000_000 // RATE
        done = at + hold_ns
        for began, ended in server.stalls:
            if began <= at < ended:
                done = ended + hold_ns
            elif at < began < done:
                done = ended
        times.append((done - at) // 1000)
    times.sort()
    shares = {"p50": 5000, "p95": 9500, "p99": 9900, "p99.9": 9990}
    return {name: times[-(-len(times) * share // 10_000) - 1] for name, share in shares.items()}


def row(name: str, told: dict[str, int]) -> None:
    """Print percentiles in ms."""
    print(f"  {name:34} " + "   ".join(f"{share} {value / 1000:7.2f}" for share, value in told.items()), flush=True)


def main() -> None:
    """Measure and print."""
    options = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    options.add_argument("--rounds", type=int, default=5, help="rounds of the closed loop")
    options.add_argument("--seconds", type=float, default=1.0, help="seconds of each measurement of the closed loop")
    options.add_argument("--urgent", action="store_true", help="run the closed loop before all other processes, too")
    given = options.parse_args()
    bench, results = Bench(given.seconds, given.urgent), Results()
    started = time.monotonic()
    if shutil.which("wrk") is None:
        print("SKIPPED: wrk is not installed (Debian package wrk); no ratio to it can be had")
    with tempfile.TemporaryDirectory() as folder:
        with nginx(Path(folder), bench.server_core, given.urgent) as server:
            if server is None:
                print("SKIPPED: nginx is not installed (Debian package nginx-light); no closed loop is measured")
            else:
                closed(bench, server, results, given.rounds)
    bench.urgent = True
    steady(bench, results, 5)
    stalled(bench, results, 6)
    print("gates")
    print("\n".join(results.gates))
    print(f"{time.monotonic() - started:.0f} s")


if __name__ == "__main__":
    main()
