"""Serving masters elsewhere: load processes that wait for a master's scenarios, one after another."""

from __future__ import annotations

import itertools
import json
import math
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path

from conformance.engine.load import LoadSpec
from conformance.errors import ConfigError
from conformance.plugins import load_suites

#: A process that no master spoke to for so long makes room for a new one, in seconds: Locust, in it, gives up for good
#: after five minutes, and a master may be busy with other scenarios and their books for hours.
TURN_S = 240


@dataclass(frozen=True, slots=True)
class Service:
    """What a worker serves: the master's ``HOST:PORT``, its own name, and how long it waits for a next scenario."""

    candidate: Path
    master: str
    name: str
    idle_s: int
    only_plugins: tuple[str, ...] | None = None


def worker_module(only: tuple[str, ...] | None) -> str:
    """Return the module of the worker that an installed suite brings; raises ConfigError where none does."""
    for loaded in load_suites(only):
        if loaded.suite.load_worker:
            return loaded.suite.load_worker
    raise ConfigError("no installed suite brings a load worker", where="--only-plugins", remedy="Load the suite load.")


def serve(service: Service, environment: Mapping[str, str], tell: Callable[[str], None]) -> int:
    """Serve one scenario after another until no master came for ``idle_s``; return how many were served.

    Each scenario has a process of its own, so that nothing of one is left in the next. Raises ConfigError when a
    process ends with a mistake of the configuration, which it has printed.
    """
    module = worker_module(service.only_plugins)
    with tempfile.TemporaryDirectory(prefix="conformance-worker-") as folder:
        served = 0
        directories = (Path(folder) / str(number) for number in itertools.count())
        tell(f"worker {service.name} waits for the master at {service.master}")
        while _serve_one(service, module, directories, environment):
            served += 1
            tell(
                f"worker {service.name} has served {served} scenario{'s' if served > 1 else ''}, and waits for the next"
            )
    return served


def _serve_one(service: Service, module: str, directories: Iterator[Path], environment: Mapping[str, str]) -> bool:
    """Tell whether a master came within ``idle_s`` and was served."""
    limit = time.monotonic() + service.idle_s
    while True:
        left_s = max(1, math.ceil(limit - time.monotonic()))
        spec = _spec(service, module, next(directories), min(left_s, TURN_S))
        if _served(service, spec, environment):
            return True
        if time.monotonic() >= limit:
            return False


def _served(service: Service, spec: LoadSpec, environment: Mapping[str, str]) -> bool:
    Path(spec.directory).mkdir()
    order = Path(spec.directory) / "worker.spec.json"
    order.write_text(json.dumps(asdict(spec)), encoding="utf-8")
    if code := _run(order, environment):
        raise ConfigError(f"the worker ended with code {code}", where=service.name, remedy="See its output above.")
    return bool(json.loads(Path(spec.output).read_text(encoding="utf-8"))["served"])


def _run(order: Path, environment: Mapping[str, str]) -> int:
    command = [sys.executable, "-m", "conformance.engine.load_child", str(order)]
    with subprocess.Popen(command, env=dict(environment), stdin=subprocess.DEVNULL) as process:
        try:
            return process.wait()
        except KeyboardInterrupt:
            process.terminate()
            process.wait()
            raise


def _spec(service: Service, module: str, directory: Path, idle_s: int) -> LoadSpec:
    return LoadSpec(
        run=f"worker-{int(time.time())}",
        scenario="worker",
        module=module,
        candidate=str(service.candidate.resolve()),
        parameters={"master": service.master, "name": service.name, "idle_s": idle_s},
        directory=str(directory),
        output=str(directory / "worker.json"),
        keep="",
        only_plugins=service.only_plugins,
        seed=1,
    )
