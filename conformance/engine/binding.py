"""Binding a candidate for one process: files, driver, recorder and journal, put together and taken apart."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from conformance.candidate.bind import bind
from conformance.engine.spec import CheckSpec
from conformance.engine.tracing import NullRecorder, TracingRecorder
from conformance.evidence.recorder import open_recorder
from conformance.files.candidate_file import read_candidate
from conformance.plugins import load_drivers
from conformance.sdk.candidate import Candidate


@dataclass(frozen=True, slots=True)
class Binding:
    """A candidate ready for checks. ``flush`` makes the evidence so far durable."""

    candidate: Candidate
    recorder: TracingRecorder
    flush: Callable[[], None]


@contextmanager
def bound(spec: CheckSpec) -> Iterator[Binding]:
    """Bind the candidate of a work order, and release everything afterwards."""
    file = read_candidate(Path(spec.candidate))
    drivers = {name: factory for name, (factory, _) in load_drivers(spec.only_plugins).items()}
    if not spec.evidence:
        recorder = TracingRecorder(NullRecorder(spec.run))
        candidate = bind(file, recorder, drivers)
        try:
            yield Binding(candidate, recorder, lambda: None)
        finally:
            candidate.driver.close()
        return
    with open_recorder(Path(spec.evidence), spec.run, Path(spec.key).read_bytes(), spec.attempt) as journal:
        recorder = TracingRecorder(journal)
        candidate = bind(file, recorder, drivers)
        journal.add_secrets(candidate.driver.secrets())
        try:
            yield Binding(candidate, recorder, journal.flush)
        finally:
            candidate.driver.close()
