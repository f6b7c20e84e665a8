"""Binding a candidate for one process: files, driver, recorder and journal, put together and taken apart."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from conformance.candidate.open import bind
from conformance.engine.spec import CheckSpec
from conformance.engine.tracing import NullRecorder, TracingRecorder
from conformance.evidence.beside import RecorderBeside
from conformance.evidence.canary import CANARY_CHECK, plant
from conformance.evidence.channel import RecorderProcess
from conformance.evidence.errors import EvidenceDamaged
from conformance.evidence.journal import FINISHING_S
from conformance.evidence.reader import read_records
from conformance.evidence.recorder import EvidenceRecorder
from conformance.evidence.sidecar import run_key
from conformance.files.candidate_file import read_candidate
from conformance.plugins import load_drivers
from conformance.sdk.candidate import Candidate

#: What exchanges of load scenarios are credited to begins with this.
LOAD = "load/"


@dataclass(frozen=True, slots=True)
class Binding:
    """A candidate ready for checks.

    ``flush`` makes the evidence so far durable; ``redact`` cleans what a check says, as the journal is cleaned.
    """

    candidate: Candidate
    recorder: TracingRecorder
    flush: Callable[[], None]
    redact: Callable[[Any], Any]


@contextmanager
def bound(spec: CheckSpec, beside: RecorderProcess | None = None) -> Iterator[Binding]:
    """Bind the candidate of a work order, and release everything afterwards.

    Evidence is written by the process ``beside`` this one where there is one, else here.
    """
    file = read_candidate(Path(spec.candidate))
    drivers = {name: factory for name, (factory, _) in load_drivers(spec.only_plugins, file.driver).items()}
    if not spec.directory:
        recorder = TracingRecorder(NullRecorder(spec.run))
        candidate = bind(file, recorder, drivers)
        try:
            yield Binding(candidate, recorder, lambda: None, lambda value: value)
        finally:
            candidate.driver.close()
        return
    directory = Path(spec.directory)
    with _journal(spec, directory, beside) as journal:
        if journal.next_seq == 1:
            plant(journal, run_key(directory))
        recorder = TracingRecorder(journal, exchanges_of_checks(directory) if journal.next_seq > 2 else 0)
        candidate = bind(file, recorder, drivers)
        for secret in candidate.driver.secrets():
            journal.add_secret(secret)
        try:
            yield Binding(candidate, recorder, journal.flush, journal.redact)
        finally:
            candidate.driver.close()


def exchanges_of_checks(directory: Path) -> int:
    """Return how many exchanges checks have made in a run so far.

    Those of load scenarios come before any check and are a sample: no check claims to have seen them.
    """
    try:
        names = [str(record["check"]) for record in read_records(directory / "evidence")]
    except EvidenceDamaged:
        return 1  # how many is not known, but that there were some
    return sum(not name.startswith(LOAD) and name != CANARY_CHECK for name in names)


def _journal(spec: CheckSpec, directory: Path, beside: RecorderProcess | None) -> EvidenceRecorder | RecorderBeside:
    if beside is not None:
        return RecorderBeside(beside, directory, spec.run, attempt=spec.attempt, patience_s=FINISHING_S)
    return EvidenceRecorder(directory, spec.run, attempt=spec.attempt, patience_s=FINISHING_S)
