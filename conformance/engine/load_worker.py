"""Serving masters elsewhere: load processes that wait for a master's scenarios, one after another."""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path

from conformance.engine.load import LoadSpec
from conformance.errors import ConfigError
from conformance.plugins import load_suites


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
    served = 0
    module = worker_module(service.only_plugins)
    with tempfile.TemporaryDirectory(prefix="conformance-worker-") as folder:
        while True:
            spec = _spec(service, module, Path(folder) / str(served))
            Path(spec.directory).mkdir()
            order = Path(spec.directory) / "worker.spec.json"
            order.write_text(json.dumps(asdict(spec)), encoding="utf-8")
            tell(f"worker {service.name} waits for the master at {service.master}")
            code = _run(order, environment)
            if code:
                raise ConfigError(
                    f"the worker ended with code {code}", where=service.name, remedy="See its output above."
                )
            if not json.loads(Path(spec.output).read_text(encoding="utf-8"))["served"]:
                return served
            served += 1
            tell(f"worker {service.name} has served {served} scenario{'s' if served > 1 else ''}")


def _run(order: Path, environment: Mapping[str, str]) -> int:
    command = [sys.executable, "-m", "conformance.engine.load_child", str(order)]
    with subprocess.Popen(command, env=dict(environment), stdin=subprocess.DEVNULL) as process:
        try:
            return process.wait()
        except KeyboardInterrupt:
            process.terminate()
            process.wait()
            raise


def _spec(service: Service, module: str, directory: Path) -> LoadSpec:
    return LoadSpec(
        run=f"worker-{int(time.time())}",
        scenario="worker",
        module=module,
        candidate=str(service.candidate.resolve()),
        parameters={"master": service.master, "name": service.name, "idle_s": service.idle_s},
        directory=str(directory),
        output=str(directory / "worker.json"),
        keep="",
        only_plugins=service.only_plugins,
        seed=1,
    )
