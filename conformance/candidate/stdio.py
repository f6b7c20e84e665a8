"""The stdio driver: a candidate that is a program speaking one JSON object per line.

    driver = "stdio"
    [stdio]
    command = ["python", "acme_qr.py"]     # run in the directory of candidate.toml
    environment = { ACME_KEY = { env = "ACME_KEY" } }

In: ``{"operation": "codes.parse", "arguments": {…}, "user": "alice"}``. Out: ``{"result": {…}}`` or
``{"refused": {"code": "…", "detail": "…"}}``. Names and values are those of the neutral contract.
"""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Mapping
from typing import Any

from conformance.candidate.draft import json_text
from conformance.candidate.program import Program, ProgramFailed
from conformance.candidate.reading_toml import Place
from conformance.candidate.secrets import Secrets, is_reference
from conformance.contract.neutral import neutral_operations
from conformance.errors import FileProblems, Problem
from conformance.model.candidate import CandidateFile, Effect
from conformance.sdk.answers import Accepted, Answer, Broken, Exchange, Refused
from conformance.sdk.drivers import RawSocket, Recorder, Sighting, WireMessage
from conformance.sdk.findings import NotTested
from conformance.sdk.prepared import Prepared, Stage


class StdioDriver:
    """A bound program. One call at a time; started at the first call and again after it died."""

    def __init__(self, candidate: CandidateFile, recorder: Recorder) -> None:
        problems = stdio_problems(candidate)
        if problems:
            raise FileProblems(str(candidate.path or "candidate.toml"), problems)
        self._file = candidate
        self._recorder = recorder
        self._secrets = Secrets.of(candidate, recorder)
        self._lock = threading.Lock()
        self._program: Program | None = None

    def operations(self) -> frozenset[str]:
        """Return the operations offered: those whose group or name is declared in ``supports``."""
        supports = set(self._file.supports)
        neutral = {
            name
            for name, entry in neutral_operations().items()
            if name in supports or str(entry.get("group", name.partition(".")[0])) in supports
        }
        own = {name for name, entry in self._file.operations.items() if entry is not False}
        return frozenset((neutral | own) - {name for name, entry in self._file.operations.items() if entry is False})

    def endpoints(self) -> tuple[str, ...]:
        """Return nothing: a program has one end."""
        return ()

    def perform(self, prepared: Prepared) -> Answer:
        """Ask the program; whatever it does becomes an answer."""
        if prepared.operation not in self.operations():
            raise NotTested(f"candidate.toml does not offer {prepared.operation}", blame="CONFIG")
        self._require_allowed(prepared.operation)
        line = _line_of(prepared)
        with self._lock:
            started_us, begin = time.time_ns() // 1000, time.perf_counter_ns()
            output, failure = self._asked(line)
            elapsed_us = (time.perf_counter_ns() - begin) // 1000
        seq = self._recorder.record(
            Sighting(
                kind="stdio",
                request=WireMessage(prepared.operation, (), line),
                response=WireMessage("", (), output) if output else None,
                started_us=started_us,
                elapsed_us=elapsed_us,
                error=f"{failure.kind}: {failure.detail}" if failure else "",
            )
        )
        exchange = Exchange(seq, body=output, elapsed_us=elapsed_us, request_body=line)
        return Broken(failure.kind, failure.detail, exchange) if failure else _understood(exchange)

    def socket(self, endpoint: str, timeout_s: float) -> RawSocket:
        """Raise NotTested: a program has no socket."""
        raise NotTested("a candidate behind stdio has no network address", blame="CONFIG")

    def secrets(self) -> frozenset[str]:
        """Return the secret texts given to the program."""
        self._secrets.reveal_all(self._file.stdio.get("environment", {}), self._file.users)
        return self._secrets.values()

    def close(self) -> None:
        """End the program."""
        with self._lock:
            self._stop()

    def _asked(self, line: bytes) -> tuple[bytes, ProgramFailed | None]:
        try:
            if self._program is None:
                self._program = Program(self._command(), self._directory(), self._environment())
            return self._program.ask(line, self._file.limits.timeout_s, self._file.limits.response_bytes_max), None
        except ProgramFailed as failure:
            self._stop()
            return failure.output, failure

    def _stop(self) -> None:
        if self._program is not None:
            self._program.stop()
            self._program = None

    def _command(self) -> list[str]:
        return [str(word) for word in self._file.stdio["command"]]

    def _directory(self) -> str | None:
        return str(self._file.path.parent) if self._file.path else None

    def _environment(self) -> dict[str, str]:
        given = self._file.stdio.get("environment", {})
        return {name: self._secrets.reveal(value, f"[stdio] environment.{name}") for name, value in given.items()}

    def _require_allowed(self, operation: str) -> None:
        entry = neutral_operations().get(operation, {})
        own = self._file.operations.get(operation)
        stated = own.get("effect") if isinstance(own, Mapping) else None
        effect = Effect(stated or entry.get("effect", "write"))
        ceiling = self._file.scope.ceiling()
        if not effect.within(ceiling):
            raise NotTested(f"{operation} has effect {effect}, [scope] allows at most {ceiling}", blame="CONFIG")


def stdio_problems(candidate: CandidateFile) -> list[Problem]:
    """Return what is wrong in ``[stdio]``."""
    problems: list[Problem] = []
    place = Place(candidate.stdio, "$.stdio", "stdio", problems)
    place.only({"command", "environment"})
    command = place.at("command")
    if not isinstance(command.value, list) or not command.value or not all(isinstance(w, str) for w in command.value):
        command.wrong('a list of words, such as ["python", "product.py"]')
    environment = place.table("environment")
    for item in environment.members() if environment else ():
        if not isinstance(item.value, str) and not is_reference(item.value):
            item.wrong('text, or { env = "NAME" }')
    return problems


def _line_of(prepared: Prepared) -> bytes:
    """Return the request line after a check's edits; edits below the arguments replace the whole line."""
    arguments = dict(prepared.arguments)
    raw: bytes | None = None
    for edit in prepared.edits:
        match edit.stage, edit.kind:
            case Stage.FIELDS, "set" | "add":
                arguments[edit.name] = edit.value
            case Stage.FIELDS, "remove":
                arguments.pop(edit.name, None)
            case Stage.BYTES, _:
                raw = bytes(edit.value)
            case _, "body":
                raw = edit.value(raw or b"") if callable(edit.value) else bytes(edit.value)
            case _:
                raise NotTested("a candidate behind stdio has no headers, methods or paths", blame="CONFIG")
    if raw is not None:
        return raw.replace(b"\n", b" ")
    message: dict[str, Any] = {"operation": prepared.operation, "arguments": arguments}
    if prepared.user:
        message["user"] = prepared.user
    return json_text(message).encode("utf-8", "surrogatepass")


def _understood(exchange: Exchange) -> Answer:
    try:
        message = json.loads(exchange.body)
    except (ValueError, RecursionError) as error:
        return Broken("unparseable", f"the line is not JSON: {error}"[:300], exchange)
    match message:
        case {"result": dict(value)}:
            return Accepted(value, exchange)
        case {"refused": dict(reason)}:
            return Refused(str(reason.get("code", "")), exchange, reason)
        case {"error": _}:
            return Broken("server-error", str(message["error"])[:300], exchange)
        case _:
            return Broken("schema", 'expected {"result": {…}} or {"refused": {…}}', exchange)


class StdioDriverFactory:
    """Binds candidates whose file says ``driver = "stdio"``."""

    name = "stdio"

    def problems(self, candidate: CandidateFile) -> list[Problem]:
        """Return every mistake in ``[stdio]``."""
        return stdio_problems(candidate)

    def open(self, candidate: CandidateFile, recorder: Recorder) -> StdioDriver:
        """Bind a candidate; the program starts at the first call."""
        return StdioDriver(candidate, recorder)


DRIVER = StdioDriverFactory()
