"""The check process: ``python -m conformance.engine.check_child [--recording]``.

It first imports what every order needs, and with ``--recording`` starts the recorder process that the first order will
need: its parent starts it before it makes its plan, and both work at the same time.

Reads paths of work orders from standard input, one a line, runs each in pytest, and writes events as JSON lines to
the descriptor named by CONFORMANCE_EVENTS_FD. The end of its input, or of its parent, is the end of it.
"""

from __future__ import annotations

import gc
import importlib
import json
import os
import sys
import threading
from collections.abc import Callable
from contextlib import nullcontext
from pathlib import Path
from typing import Any, TextIO

from conformance.engine.spec import CheckSpec
from conformance.errors import ConformanceError
from conformance.evidence.channel import RecorderProcess

#: Events that hold names of checks and nothing that a product or a candidate file said.
_OURS = frozenset({"check-started", "check-resumed"})


def main() -> int:
    """Serve work orders until standard input ends."""
    gc.disable()  # importing and collecting checks leaves no garbage; the first check switches it on
    events = os.fdopen(int(os.environ["CONFORMANCE_EVENTS_FD"]), "w", encoding="utf-8")
    emit = _emitter(events)
    recorders = _Recorders(ahead="--recording" in sys.argv[1:])
    _import_ahead()
    try:
        return _serve_orders(emit, recorders)
    finally:
        recorders.end()


class _Recorders:
    """Gives a recorder process to each order that records; the first may have been started ahead."""

    def __init__(self, *, ahead: bool) -> None:
        self._ahead = RecorderProcess() if ahead else None

    def next(self) -> RecorderProcess:
        """Return a process that nobody has used."""
        given, self._ahead = self._ahead or RecorderProcess(), None
        return given

    def end(self) -> None:
        """End the process that was started ahead, if nobody came for it."""
        if self._ahead is not None:
            self._ahead.end()


def _import_ahead() -> None:
    """Import what every order needs, by the way that it needs it: none of this is used here."""
    for module in ("engine.binding", "engine.pytest_plugin", "engine.run_pytest", "engine.telling", "candidate.http"):
        importlib.import_module(f"conformance.{module}")
    importlib.import_module("jsonschema")


def _serve_orders(emit: Callable[[dict[str, Any]], None], recorders: _Recorders) -> int:
    for line in sys.stdin:
        spec = CheckSpec.read(Path(line.strip()))
        try:
            _serve(spec, emit, recorders)
            emit({"event": "pass-finished"})
        except KeyboardInterrupt:
            return 130
        except ConformanceError as error:
            emit({"event": "pass-failed", "blame": error.blame, "reason": error.diagnostics(), "exit": error.exit_code})
        except Exception as error:  # noqa: BLE001 - the parent must learn of it, whatever it is
            emit({"event": "pass-failed", "blame": "HARNESS", "reason": f"{type(error).__name__}: {error}", "exit": 70})
    return 0


def _emitter(stream: TextIO) -> Callable[[dict[str, Any]], None]:
    lock = threading.Lock()

    def emit(event: dict[str, Any]) -> None:
        with lock:
            stream.write(json.dumps(event, ensure_ascii=False) + "\n")
            stream.flush()

    return emit


def _serve(spec: CheckSpec, emit: Callable[[dict[str, Any]], None], recorders: _Recorders) -> None:
    with recorders.next() if spec.directory else nullcontext() as beside:  # its imports run while ours do
        _serve_beside(spec, emit, beside)


def _serve_beside(spec: CheckSpec, emit: Callable[[dict[str, Any]], None], beside: RecorderProcess | None) -> None:
    from conformance.engine.binding import bound
    from conformance.engine.pytest_plugin import CheckRunner
    from conformance.engine.run_pytest import run_pytest
    from conformance.engine.telling import Teller
    from conformance.sdk.context import Measurements

    loaded = {name: json.loads(Path(path).read_text(encoding="utf-8")) for name, path in spec.measurements.items()}
    with bound(spec, beside) as binding:

        def tell(event: dict[str, Any]) -> None:
            emit(event if event["event"] in _OURS else binding.redact(event))

        teller = Teller(binding.flush, tell)
        runner = CheckRunner(spec, binding.candidate, binding.recorder, Measurements(loaded), tell, teller.tell)
        try:
            run_pytest(spec, runner)
        finally:
            teller.close()


if __name__ == "__main__":
    sys.exit(main())
