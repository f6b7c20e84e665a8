"""Observers of one check process: made when a planned check asks for one, and shown everything from then on."""

from __future__ import annotations

from collections.abc import Iterable

from conformance.engine.spec import CheckSpec
from conformance.engine.tracing import TracingRecorder
from conformance.plugins import load_suites
from conformance.sdk.candidate import Candidate
from conformance.sdk.context import Params
from conformance.sdk.findings import Inconclusive
from conformance.sdk.observe import Observer, Outlook

#: The parameter by which a check asks for its suite's observer.
OBSERVED = "observed"


class Observers:
    """The observers of the suites whose checks ask for one."""

    def __init__(self, spec: CheckSpec, candidate: Candidate, recorder: TracingRecorder) -> None:
        self._spec = spec
        self._candidate = candidate
        self._recorder = recorder
        self._made: dict[str, Observer] = {}

    def begin(self, suites: Iterable[str]) -> None:
        """Make the observers of these suites, and let them see what follows."""
        wanted = set(suites)
        if not wanted:
            return
        for loaded in load_suites(self._spec.only_plugins, named=wanted):
            if loaded.suite.id in wanted and (factory := loaded.observer()) is not None:
                self._made[loaded.suite.id] = factory(self._outlook(loaded.suite.id))
        self._recorder.show_to(self._made.values())

    def of(self, suite: str) -> Observer:
        """Return a suite's observer, which has seen everything so far; raises Inconclusive when the suite has none."""
        if suite not in self._made:
            raise Inconclusive(f"the suite {suite} declares no observer", blame="HARNESS")
        self._recorder.catch_up()
        return self._made[suite]

    def defect(self) -> Inconclusive | None:
        """Return why no verdict on the whole run can be trusted, or None."""
        error = self._recorder.blinded
        if error is None:
            return None
        return Inconclusive(f"the observer ended early: {type(error).__name__}: {error}", blame="HARNESS")

    def _outlook(self, suite: str) -> Outlook:
        return Outlook(
            run=self._spec.run,
            file=self._candidate.file,
            parameters=Params(self._spec.parameters.get(suite, {})),
            secrets=self._candidate.driver.secrets,
            earlier=self._recorder.earlier,
        )
