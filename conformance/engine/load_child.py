"""The load process: ``python -m conformance.engine.load_child SPEC``.

gevent is patched in before anything else is imported, as Locust would do it, so that every room below sees one world.
"""

# ruff: noqa: E402 - the order of these imports is the point of this module
from gevent import monkey

monkey.patch_all()

import importlib
import json
import os
import signal
import sys
import zlib
from collections.abc import Callable, Mapping
from pathlib import Path
from types import FrameType, ModuleType
from typing import Any

import gevent

from conformance.engine.binding import LOAD, bound
from conformance.engine.load_spawn import Spawner, address_of
from conformance.engine.spec import CheckSpec
from conformance.errors import ConformanceError
from conformance.files.candidate_file import file_digest
from conformance.sdk.load import LoadContext


def main(arguments: list[str]) -> int:
    """Run the scenario of the work order in ``arguments`` and write its measurement."""
    spec = json.loads(Path(arguments[0]).read_text(encoding="utf-8"))
    emit = _emitter()
    ending = Ending()
    try:
        measurement = _run(spec, emit, ending)
    except ConformanceError as error:
        emit({"event": "scenario-failed", "reason": error.diagnostics()})
        return error.exit_code
    except KeyboardInterrupt:
        emit({"event": "scenario-interrupted", "note": ""})
        return 130
    except Exception as error:
        emit({"event": "scenario-failed", "reason": f"{type(error).__name__}: {error}"})
        raise
    if measurement is not None:
        Path(spec["output"]).write_text(json.dumps(measurement, ensure_ascii=False, sort_keys=True), encoding="utf-8")
    if measurement is None or "unfinished" in measurement:
        emit({"event": "scenario-interrupted", "note": (measurement or {}).get("unfinished", "")})
        return 130
    emit({"event": "scenario-finished"})
    return 0


class Ending:
    """Turns SIGTERM, and the closing of the pipe of orders, into one KeyboardInterrupt of the scenario.

    It is raised where the scenario waits, so that everything unwinds: the pressure ends at once, disturbances are
    undone. A second signal ends the process as it stands. Once ``over``, what is measured is written first.
    """

    def __init__(self) -> None:
        self.over = False
        self._asked = False
        self._scenario = gevent.getcurrent()
        signal.signal(signal.SIGTERM, self._signalled)
        signal.signal(signal.SIGINT, self._signalled)
        if "CONFORMANCE_EVENTS_FD" in os.environ:
            gevent.monkey.get_original("_thread", "start_new_thread")(_end_with_orders, ())

    def _signalled(self, number: int, frame: FrameType | None) -> None:
        if self.over:
            return
        if self._asked:
            os._exit(128 + number)
        self._asked = True
        if gevent.getcurrent() is self._scenario:
            raise KeyboardInterrupt
        # A greenlet beside it runs: interrupted there, whoever sends would take it for a failure of its own.
        gevent.get_hub().loop.run_callback_threadsafe(self._scenario.throw, KeyboardInterrupt)


def _end_with_orders() -> None:
    """Wait until whoever gives orders closes the pipe or is gone; in a real thread, since greenlets may be busy."""
    while os.read(0, 4096):
        pass
    os.kill(os.getpid(), signal.SIGTERM)


def _emitter() -> Callable[[Mapping[str, Any]], None]:
    if "CONFORMANCE_EVENTS_FD" not in os.environ:  # a worker: its master is told in another way
        return lambda event: None
    stream = os.fdopen(int(os.environ["CONFORMANCE_EVENTS_FD"]), "w", encoding="utf-8")

    def emit(event: Mapping[str, Any]) -> None:
        stream.write(json.dumps(event, ensure_ascii=False) + "\n")
        stream.flush()

    return emit


def _run(spec: Mapping[str, Any], emit: Callable[[Mapping[str, Any]], None], ending: Ending) -> dict[str, Any] | None:
    """Return the measurement; None where there was nothing to account for."""
    module = importlib.import_module(spec["module"])
    only = spec["only_plugins"]
    work = CheckSpec(
        run=spec["run"],
        candidate=spec["candidate"],
        directory=spec["keep"],
        checks=(),
        warn=(),
        parameters={},
        attempt=spec["attempt"],
        only_plugins=tuple(only) if only is not None else None,
    )
    with bound(work) as binding:
        binding.recorder.start(f"{LOAD}{spec['scenario']}")
        context = LoadContext(
            run=spec["run"],
            scenario=spec["scenario"],
            candidate=binding.candidate,
            parameters=spec["parameters"],
            directory=Path(spec["directory"]),
            progress=lambda done, total, note: emit({"event": "progress", "done": done, "total": total, "note": note}),
            record=binding.recorder.record,
            tls_ca=_path(binding.candidate.file.tls, "ca", spec["candidate"]),
            client_cert=_path(binding.candidate.file.tls, "client_cert", spec["candidate"]),
            client_key=_path(binding.candidate.file.tls, "client_key", spec["candidate"]),
            seed=int(spec["seed"]) or zlib.crc32(spec["run"].encode()),
            candidate_digest=file_digest(Path(spec["candidate"])),
            spawn=Spawner(spec),
            address_of=address_of(binding.candidate.driver),
        )
        measured = _settled(module, context, spec["settle"]) if spec.get("settle") else module.run(context)
        ending.over = True
        measurement: dict[str, Any] | None = binding.redact(measured)
        binding.flush()
        return measurement


def _settled(module: ModuleType, context: LoadContext, reason: str) -> dict[str, Any] | None:
    """Account for what an earlier process left, where the scenario can."""
    settle = getattr(module, "settle", None)
    return settle(context, reason) if settle else None


def _path(tls: Mapping[str, Any], name: str, candidate: str) -> str:
    """Return a file that the candidate file names, seen from where that lies; "" where it names none."""
    value = tls.get(name, "")
    return str((Path(candidate).parent / value).resolve()) if isinstance(value, str) and value else ""


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
