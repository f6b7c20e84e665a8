"""Plugins: found by entry point, ours exactly as a third party's, and validated when they are loaded.

A plugin's code runs inside a certification, so each one's distribution, version and file digest are recorded.
"""

from __future__ import annotations

import functools
import hashlib
import importlib
import importlib.util
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from importlib.metadata import EntryPoint, entry_points
from pathlib import Path
from types import ModuleType
from typing import Any

from conformance.errors import PluginError
from conformance.model.candidate import CandidateFile
from conformance.model.fault import Fault
from conformance.sdk.drivers import DriverFactory
from conformance.sdk.observe import ObserverFactory
from conformance.sdk.reference import ReferencePart
from conformance.sdk.suite import Suite

#: Kinds of plugin; the entry point group is ``conformance.<kind>s``.
KINDS = ("suite", "profile", "report", "driver")


@dataclass(frozen=True, slots=True)
class PluginSource:
    """Where a plugin comes from. ``digest`` is SHA-256 over the files of its package."""

    kind: str
    name: str
    distribution: str
    version: str
    digest: str

    def as_json(self) -> dict[str, str]:
        """Return the form used in reports."""
        return {
            "kind": self.kind,
            "name": self.name,
            "distribution": self.distribution,
            "version": self.version,
            "digest": self.digest,
        }


@dataclass(frozen=True, slots=True)
class LoadedSuite:
    """A suite with its source; its reference part and faults are imported only when asked for."""

    suite: Suite
    source: PluginSource

    def reference(self) -> ReferencePart | None:
        """Import and return the suite's part of the reference candidate, if it has one."""
        part: ReferencePart | None = resolve(self.suite.reference, self.source) if self.suite.reference else None
        return part

    def observer(self) -> ObserverFactory | None:
        """Import and return the factory of the suite's observer, if it has one."""
        factory: ObserverFactory | None = resolve(self.suite.observer, self.source) if self.suite.observer else None
        return factory

    def check_parameters(self, parameters: Mapping[str, Any], candidate: CandidateFile) -> None:
        """Let the suite look at a load scenario's parameters; raises ConfigError for wrong ones."""
        if self.suite.parameter_check:
            resolve(self.suite.parameter_check, self.source)(parameters, candidate)

    def faults(self) -> tuple[Fault, ...]:
        """Import and return the suite's faults."""
        found = resolve(self.suite.faults, self.source) if self.suite.faults else ()
        if not all(isinstance(fault, Fault) for fault in found):
            raise PluginError(self.source.name, f"{self.suite.faults} must be a sequence of Fault objects")
        return tuple(found)


def load_suites(only: Collection[str] | None = None, named: Collection[str] = ()) -> list[LoadedSuite]:
    """Return all suites, sorted by id; ``only`` names the plugins or distributions that may be loaded.

    Where suites are ``named``, those alone, unless their plugins are called else. Raises PluginError naming the plugin
    when one raises on import or is not a Suite, and when two share an id.
    """
    points = _points("suite", only)
    suites = [_suite(point) for point in points if point.name in named]
    if {item.suite.id for item in suites} != set(named) or not named:
        suites = [_suite(point) for point in points]
    _no_duplicates([(item.suite.id, item.source) for item in suites])
    return sorted(suites, key=lambda item: item.suite.id)


def load_drivers(only: Collection[str] | None = None, named: str = "") -> dict[str, tuple[DriverFactory, PluginSource]]:
    """Return all driver factories by name; where one is ``named``, that one alone, unless its plugin is called else."""
    points = _points("driver", only)
    if named:
        found = _drivers([point for point in points if point.name == named])
        if named in found:
            return {named: found[named]}
    return _drivers(points)


def _drivers(points: Iterable[EntryPoint]) -> dict[str, tuple[DriverFactory, PluginSource]]:
    found: dict[str, tuple[DriverFactory, PluginSource]] = {}
    for point in points:
        factory = _load(point)
        if not callable(getattr(factory, "open", None)) or not getattr(factory, "name", ""):
            raise PluginError(
                point.name, f"{point.value} is not a driver: it needs a name and open(candidate, recorder)"
            )
        found[factory.name] = (factory, source_of(point, "driver"))
    return found


def load_modules(kind: str, only: Collection[str] | None = None) -> dict[str, tuple[ModuleType, PluginSource]]:
    """Return plugins that are whole modules (``profile`` and ``report``) by entry point name."""
    return {point.name: (_load(point), source_of(point, kind)) for point in _points(kind, only)}


def resolve(reference: str | None, source: PluginSource) -> Any:
    """Import "package.module:NAME" for a plugin; raises PluginError if that fails."""
    module, _, name = (reference or "").partition(":")
    try:
        return getattr(importlib.import_module(module), name)
    except Exception as error:
        raise PluginError(source.name, f"importing {reference} failed: {type(error).__name__}: {error}") from error


def package_digest(package: str) -> str:
    """Return ``sha256:…`` over names and contents of a package's files, found without importing it."""
    spec = importlib.util.find_spec(package)
    if spec is None or not spec.origin:
        raise PluginError(package, "the package cannot be found")
    origin = Path(spec.origin)
    return _digest_of_loaded(origin.parent if spec.submodule_search_locations else origin)


#: Files that are made from a package's code and so cannot be part of its digest.
_DERIVED = frozenset({"calibration.json"})


@functools.cache
def _digest_of_loaded(root: Path) -> str:
    """Return the digest of code that this process works with: what is written there later is not what was loaded."""
    return tree_digest(root)


def tree_digest(root: Path) -> str:
    """Return ``sha256:…`` over the relative names and contents of the files below ``root`` (or of one file)."""
    digest = hashlib.sha256()
    for path in sorted(_files(root)):
        relative = path.relative_to(root).as_posix() if path != root else path.name
        digest.update(relative.encode() + b"\0" + hashlib.sha256(path.read_bytes()).digest())
    return f"sha256:{digest.hexdigest()}"


def _files(root: Path) -> Iterable[Path]:
    if root.is_file():
        return [root]
    return (
        path
        for path in root.rglob("*")
        if path.is_file() and "__pycache__" not in path.parts and path.name not in _DERIVED and path.suffix != ".pyc"
    )


def source_of(point: EntryPoint, kind: str) -> PluginSource:
    """Return where an entry point's object comes from."""
    distribution = point.dist
    name = distribution.metadata["Name"] if distribution else "unknown"
    version = distribution.version if distribution else "unknown"
    return PluginSource(kind, point.name, name, version, package_digest(_digested(point.module)))


def _digested(module: str) -> str:
    # Top-level packages are whole plugins; modules of the core are digested one by one.
    return module if module.startswith("conformance.") else module.partition(".")[0]


def _points(kind: str, only: Collection[str] | None) -> list[EntryPoint]:
    points = sorted(entry_points(group=f"conformance.{kind}s"), key=lambda point: point.name)
    if only is None:
        return points
    chosen = [point for point in points if point.name in only or (point.dist and point.dist.metadata["Name"] in only)]
    # Drivers, profiles and renderings of the harness itself stay: --only-plugins keeps strangers out, not us.
    own = [point for point in points if point.dist and point.dist.metadata["Name"] == "fintech-conformance"]
    return chosen if kind == "suite" else sorted({*chosen, *own}, key=lambda point: point.name)


def _load(point: EntryPoint) -> Any:
    try:
        return point.load()
    except Exception as error:
        raise PluginError(point.name, f"importing {point.value} failed: {type(error).__name__}: {error}") from error


def _suite(point: EntryPoint) -> LoadedSuite:
    loaded = _load(point)
    suite = getattr(loaded, "SUITE", loaded)
    if not isinstance(suite, Suite):
        raise PluginError(point.name, f"{point.value} holds no SUITE = Suite(…)")
    return LoadedSuite(suite, source_of(point, "suite"))


def _no_duplicates(found: list[tuple[str, PluginSource]]) -> None:
    seen: dict[str, PluginSource] = {}
    for identifier, source in found:
        if identifier in seen:
            other = seen[identifier]
            raise PluginError(
                source.name,
                f"suite id {identifier!r} is also given by {other.name} ({other.distribution} {other.version})",
            )
        seen[identifier] = source
