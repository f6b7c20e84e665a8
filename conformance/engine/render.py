"""Renderings: everything people look at, made from the signed statement by the installed report plugins."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from pathlib import Path
from typing import Any

from conformance.engine.rundir import RunDirectory
from conformance.errors import ConfigError, ConformanceError, HarnessError
from conformance.evidence.bodies import BodyStore
from conformance.evidence.reader import read_records
from conformance.plugins import load_modules

#: Reads one redacted exchange by its sequence number.
EvidenceReader = Callable[[int], Mapping[str, Any] | None]


def require_formats(names: Collection[str], only: Collection[str] | None = None) -> None:
    """Raise ConfigError for a format that is not installed."""
    installed = load_modules("report", only) if names else {}
    unknown = sorted(set(names) - set(installed))
    if unknown:
        known = ", ".join(installed)
        raise ConfigError(f"no report format {', '.join(unknown)}; installed are {known}", where="--report")


def render_all(
    run: RunDirectory, statement: Mapping[str, Any], *, names: Collection[str] = (), only: Collection[str] | None = None
) -> dict[str, list[Path]]:
    """Write the named renderings (all, if none is named) into the run directory; return files by format.

    Raises ConfigError for a format that is not installed, HarnessError when one fails to write.
    """
    require_formats(names, only)
    installed = load_modules("report", only)
    reader = evidence_reader(run)
    written: dict[str, list[Path]] = {}
    for name, (module, source) in installed.items():
        if names and name not in names:
            continue
        try:
            written[name] = list(module.render(statement, run.root, reader))
        except ConformanceError:
            raise
        except Exception as error:
            raise HarnessError(
                f"the rendering failed: {type(error).__name__}: {error}",
                where=f"report {name} ({source.distribution} {source.version})",
                remedy="The signed report is unharmed; leave this format out with --report.",
            ) from error
    return written


class _Exchanges:
    """The run's exchanges by number, and bodies kept beside the journal; the index is made on first use."""

    def __init__(self, run: RunDirectory) -> None:
        self._run = run
        self._index: dict[int, Mapping[str, Any]] = {}

    def __call__(self, seq: int) -> Mapping[str, Any] | None:
        if not self._index:
            self._index.update({int(record["seq"]): record for record in read_records(self._run.evidence)})
        return self._index.get(seq)

    def stored(self, name: str) -> bytes:
        """Return a body that a record names."""
        return BodyStore(self._run.evidence).get(name)


def evidence_reader(run: RunDirectory) -> EvidenceReader:
    """Return a reader of the run's exchanges, which also has what records name as stored."""
    return _Exchanges(run)
