"""What the harness adds to a security run: beside a plain ``requests`` loop that replays the run's own journal.

    python benchmarks/suite_overhead.py [ROUNDS]

A candidate that answers in 1 ms cannot be had to order, so the two parts are measured apart. *Own time* is how long
the checks took less the time in which at least one exchange was open (planning, check code, recording, redaction,
judging, waiting for the disk; the start of the check process too). *Bare time* is how long plain ``requests`` needs to
send the same requests, one after another over one connection, to a server that answers each after 1 ms with as many
bytes as the candidate did; *answers* is the part of it in which an exchange was open. The ratio is
(own + answers) / bare. Rounds alternate between the two; the median is printed.

One round more than asked for is run first and left out: it compiles Python's modules and fills the caches of the file
system, as an installation or the first run of a day does. For the same reason PYTHONDONTWRITEBYTECODE is taken out of
the environment, which would make each check process compile every module anew.

The last line is the whole command once, `conformance run --suite security`, with what surrounds the checks: its own
start, the preflight, the signed report in all formats and its verification. These take as long whatever the candidate.

Nothing is taken out of own time. Checks that let time pass wait side by side, and such waiting counts as own time
unless an exchange is open meanwhile. The reference candidate has a hook that moves its clock, so there is next to none
here; a product without one makes a run as long as its longest wait, 75 s for the age of a code, whatever else is saved.

Bodies are sent again as they were, the large ones that lie beside the journal too. Each line also says how much
processor time the check process used, and the recorder process beside it, exchanges included: on a busy machine own
time grows, and this one hardly. The two work at the same time where the machine has a core to spare.
"""

from __future__ import annotations

import asyncio
import base64
import multiprocessing
import os
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import requests

from conformance.engine.checks_pass import CheckWorker, Workplace, run_pass
from conformance.engine.plan import Selection, make_plan
from conformance.engine.run import offered_operations
from conformance.engine.spec import CheckSpec
from conformance.engine.world import load_world
from conformance.evidence.bodies import BodyStore
from conformance.evidence.reader import read_records
from conformance.files.candidate_file import read_candidate
from conformance.model.profile import Profile
from conformance.model.text import Text
from conformance.reference.process import ReferenceProcess

ANSWER_S = 0.001
#: Headers that belong to a connection, or that the replaying library writes itself.
_LEFT_OUT = frozenset({"host", "connection", "content-length", "transfer-encoding", "expect"})


@dataclass(frozen=True)
class Round:
    """One round, in seconds: own time, processor time of check and recorder process, bare time, answers within that."""

    own: float
    processor: float
    bare: float
    answers: float
    exchanges: int

    @property
    def ratio(self) -> float:
        """How much longer the run takes than its bare requests."""
        return (self.own + self.answers) / self.bare


@dataclass(frozen=True)
class Exchange:
    """One recorded exchange: what to send again, and how much came back."""

    method: str
    target: str
    headers: dict[str, str]
    body: bytes
    status: int
    size: int


# -- the run ------------------------------------------------------------------------------------------------------


def run_suite(reference: ReferenceProcess, folder: Path) -> tuple[float, list[dict[str, Any]]]:
    """Plan all security checks and run them in a check process of their own; return wall seconds and the journal."""
    reference.reset()
    outcomes: list[str] = []
    began = time.perf_counter()
    place = Workplace(folder, folder / "log.txt", reference.environment)
    with CheckWorker(place, recording=True) as worker:
        worker.process()  # as a run does: it starts while the plan is made
        spec = planned(reference, folder)
        run_pass(spec, worker, lambda event: outcomes.append(event["outcome"]) if event["event"] == "outcome" else None)
        wall = time.perf_counter() - began
    if set(outcomes) != {"passed"}:
        raise SystemExit(f"the reference candidate must pass everything, or the numbers mean nothing: {outcomes}")
    return wall, list(read_records(folder / "evidence"))


def planned(reference: ReferenceProcess, folder: Path) -> CheckSpec:
    """Return the work order of all security checks."""
    world = load_world(None, ("security",))
    candidate = read_candidate(reference.candidate_path)
    everything = Profile("benchmark", "1", Text("benchmark"), {"security": ("*",)})
    plan = make_plan("benchmark", world, candidate, offered_operations(candidate, None), everything, Selection(), {})
    return CheckSpec(
        run=plan.run,
        candidate=str(reference.candidate_path),
        directory=str(folder),
        checks=tuple(item.as_json() for item in plan.checks if not item.settled),
        warn=(),
        parameters={key: dict(value) for key, value in plan.parameters.items()},
        rootdir=str(folder),
    )


def open_seconds(records: Sequence[dict[str, Any]]) -> float:
    """Return for how long at least one exchange was open."""
    spans = sorted((record["t0Us"], record["t0Us"] + record["dtUs"]) for record in records)
    total, end = 0, 0
    for start, stop in spans:
        total += max(0, stop - max(start, end))
        end = max(end, stop)
    return total / 1e6


# -- the replay ---------------------------------------------------------------------------------------------------


def exchanges_of(records: Sequence[dict[str, Any]], bodies: BodyStore) -> list[Exchange]:
    """Return the HTTP exchanges that had an answer. Secrets stand in them as placeholders of about their length."""
    return [_exchange(record, bodies) for record in records if record["kind"] == "http" and record.get("resp")]


def _exchange(record: dict[str, Any], bodies: BodyStore) -> Exchange:
    method, target, _ = record["req"]["start"].split(" ", 2)
    headers = {name: value for name, value in record["req"]["headers"] if name.lower() not in _LEFT_OUT}
    headers = {name: value.encode("utf-8", "replace") for name, value in headers.items()}  # type: ignore[misc]
    status = int(record["resp"]["start"].split(" ")[1])
    sent, answered = _bytes(record["req"], bodies), _bytes(record["resp"], bodies)
    return Exchange(method, target, headers, sent, status, len(answered))


def _bytes(message: dict[str, Any], bodies: BodyStore) -> bytes:
    body = message.get("body") or ""
    if isinstance(body, str):
        return body.encode("utf-8", "surrogateescape")
    return bodies.get(body["stored"]) if "stored" in body else base64.b64decode(body["base64"])


def serve(sizes: Sequence[tuple[int, int]], ports: Any) -> None:
    """Answer the requests of one connection after another, each after 1 ms, with the recorded status and size."""

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        for status, size in sizes:
            try:
                head = (await reader.readuntil(b"\r\n\r\n")).lower()
            except asyncio.IncompleteReadError:
                break
            _, found, rest = head.partition(b"\r\ncontent-length:")
            if found:
                await reader.readexactly(int(rest.split(b"\r\n")[0]))
            await asyncio.sleep(ANSWER_S)
            size = 0 if head.startswith(b"head ") or status in (204, 304) else size
            writer.write(b"HTTP/1.1 %d X\r\ncontent-length: %d\r\n\r\n" % (status, size) + b"x" * size)
        writer.close()

    async def main() -> None:
        server = await asyncio.start_server(answer, "127.0.0.1", 0, limit=2**24)
        ports.send(server.sockets[0].getsockname()[1])
        await server.serve_forever()

    asyncio.run(main())


def replay(exchanges: Sequence[Exchange], port: int) -> tuple[float, float]:
    """Return the wall seconds of sending all requests with one plain session, and those spent on answers."""
    answers = 0.0
    with requests.Session() as session:
        began = time.perf_counter()
        for item in exchanges:
            url = f"http://127.0.0.1:{port}{item.target}"
            response = session.request(
                item.method, url, headers=item.headers, data=item.body or None, timeout=10, allow_redirects=False
            )
            answers += response.elapsed.total_seconds()
        return time.perf_counter() - began, answers


def measured(rounds: int) -> tuple[list[Round], str]:
    """Return the measurements of each round but the first, which is not counted, and a line on the whole command."""
    with tempfile.TemporaryDirectory() as folder, ReferenceProcess(Path(folder) / "reference") as reference:
        found = [one_round(reference, Path(folder) / f"round-{number}") for number in range(rounds + 1)][1:]
        command = Path(folder) / "command"
        command.mkdir()
        return found, whole_command(command, reference)


def one_round(reference: ReferenceProcess, place: Path) -> Round:
    """Run the checks, then replay their requests."""
    place.mkdir()
    before = _processor_of_children()
    wall, records = run_suite(reference, place)
    processor = _processor_of_children() - before
    exchanges = exchanges_of(records, BodyStore(place / "evidence"))
    here, there = multiprocessing.Pipe()
    server = multiprocessing.Process(target=serve, args=([(x.status, x.size) for x in exchanges], there))
    server.start()
    bare, answers = replay(exchanges, here.recv())
    server.terminate()
    server.join()
    return Round(wall - open_seconds(records), processor, bare, answers, len(exchanges))


def whole_command(folder: Path, reference: ReferenceProcess) -> str:
    """Run the whole command once and tell where its time goes."""
    reference.reset()
    command = [sys.executable, "-m", "conformance.cli.main", "run", "-q", "--suite", "security"]
    command += ["-c", str(reference.candidate_path), "--runs", str(folder)]
    began = time.time()
    subprocess.run(command, env={**os.environ, **reference.environment}, cwd=folder, capture_output=True, check=False)
    wall = time.time() - began
    (evidence,) = folder.glob("*/evidence")
    spans = [(item["t0Us"] / 1e6, item["dtUs"] / 1e6) for item in read_records(evidence) if item["check"][:4] == "SEC-"]
    first, last = min(start for start, _ in spans), max(start + length for start, length in spans)
    return (
        f"the whole command: {wall:.1f} s: {first - began:.1f} s to the first exchange, {last - first:.1f} s of "
        f"checks, {began + wall - last:.1f} s for the report"
    )


def _processor_of_children() -> float:
    """Return the processor seconds of children that have ended: of check processes and servers, not the candidate."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def main() -> None:
    """Measure and print."""
    os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
    rounds, command = measured(int(sys.argv[1]) if len(sys.argv) > 1 else 3)
    for item in rounds:
        print(f"{item.exchanges} exchanges: own {item.own:.2f} s (processor {item.processor:.2f} s), ", end="")
        print(f"bare {item.bare:.2f} s of which answers {item.answers:.2f} s, ratio {item.ratio:.2f}")
    ratio = statistics.median(item.ratio for item in rounds)
    print(command)
    print(f"median: a security run takes {100 * (ratio - 1):.0f} % longer than its bare requests at 1 ms an answer")


if __name__ == "__main__":
    main()
