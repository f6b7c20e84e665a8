"""The load process: ``python -m conformance.engine.load_child SPEC``.

gevent is patched in before anything else is imported, as Locust would do it, so that every room below sees one world.
"""

# ruff: noqa: E402 - the order of these imports is the point of this module
from gevent import monkey

monkey.patch_all()

import importlib
import json
import os
import sys
import zlib
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from conformance.engine.binding import bound
from conformance.engine.load_spawn import Spawner
from conformance.engine.spec import CheckSpec
from conformance.errors import ConformanceError
from conformance.files.candidate_file import file_digest
from conformance.sdk.load import LoadContext


def main(arguments: list[str]) -> int:
    """Run the scenario of the work order in ``arguments`` and write its measurement."""
    spec = json.loads(Path(arguments[0]).read_text(encoding="utf-8"))
    emit = _emitter()
    try:
        measurement = _run(spec, emit)
    except ConformanceError as error:
        emit({"event": "scenario-failed", "reason": error.diagnostics()})
        return error.exit_code
    except KeyboardInterrupt:
        return 130
    except Exception as error:
        emit({"event": "scenario-failed", "reason": f"{type(error).__name__}: {error}"})
        raise
    Path(spec["output"]).write_text(json.dumps(measurement, ensure_ascii=False, sort_keys=True), encoding="utf-8")
    emit({"event": "scenario-finished"})
    return 0


def _emitter() -> Callable[[Mapping[str, Any]], None]:
    if "CONFORMANCE_EVENTS_FD" not in os.environ:  # a worker: its master is told in another way
        return lambda event: None
    stream = os.fdopen(int(os.environ["CONFORMANCE_EVENTS_FD"]), "w", encoding="utf-8")

    def emit(event: Mapping[str, Any]) -> None:
        stream.write(json.dumps(event, ensure_ascii=False) + "\n")
        stream.flush()

    return emit


def _run(spec: Mapping[str, Any], emit: Callable[[Mapping[str, Any]], None]) -> dict[str, Any]:
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
        binding.recorder.start(f"load/{spec['scenario']}")
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
        )
        measurement: dict[str, Any] = binding.redact(module.run(context))
        binding.flush()
        return measurement


def _path(tls: Mapping[str, Any], name: str, candidate: str) -> str:
    """Return a file that the candidate file names, seen from where that lies; "" where it names none."""
    value = tls.get(name, "")
    return str((Path(candidate).parent / value).resolve()) if isinstance(value, str) and value else ""


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
