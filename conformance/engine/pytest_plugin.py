"""The pytest plugin of a check process: runs the planned checks, in the plan's order, and emits their outcomes.

It is loaded by name into a pytest that reads no configuration of the vendor's and autoloads no plugin.
"""

from __future__ import annotations

import signal
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from conformance.engine.judge import DeadlineExceeded, judge
from conformance.engine.spec import CheckSpec
from conformance.engine.tracing import TracingRecorder
from conformance.model.outcome import Blame, CheckOutcome, Outcome
from conformance.sdk.candidate import Candidate
from conformance.sdk.checks import CheckDeclaration, declaration_of
from conformance.sdk.context import Measurements, Params
from conformance.sdk.evidence import Evidence

Emit = Callable[[dict[str, Any]], None]


class CheckRunner:
    """Runs one pass of checks. ``flush`` makes evidence durable before an outcome is told."""

    def __init__(
        self,
        spec: CheckSpec,
        candidate: Candidate,
        recorder: TracingRecorder,
        measurements: Measurements,
        emit: Emit,
        flush: Callable[[], None],
    ) -> None:
        self._spec = spec
        self._candidate = candidate
        self._recorder = recorder
        self._measurements = measurements
        self._emit = emit
        self._flush = flush
        self._planned = {item["id"]: item for item in spec.checks}
        self._evidence = Evidence(spec.run, "")
        self._told: set[str] = set()

    # -- what checks may ask for --------------------------------------------------------------------------

    @pytest.fixture
    def candidate(self) -> Candidate:
        """The bound product, as its first declared user."""
        return self._candidate

    @pytest.fixture
    def evidence(self) -> Evidence:
        """Where the running check leaves notes."""
        return self._evidence

    @pytest.fixture
    def params(self, request: pytest.FixtureRequest) -> Params:
        """Parameters of the check's suite."""
        declaration = _declaration(request.node)
        suite = self._planned[declaration.id]["suite"] if declaration else ""
        return Params(self._spec.parameters.get(suite, {}))

    @pytest.fixture
    def measurements(self) -> Measurements:
        """Results of load scenarios."""
        return self._measurements

    # -- selection ----------------------------------------------------------------------------------------

    @pytest.hookimpl(trylast=True)
    def pytest_collection_modifyitems(self, items: list[pytest.Item]) -> None:
        """Keep the planned checks, in the plan's order."""
        order = {identifier: position for position, identifier in enumerate(self._planned)}
        found = [
            (declaration.id, item) for item in items if (declaration := _declaration(item)) and declaration.id in order
        ]
        items[:] = [item for _, item in sorted(found, key=lambda pair: order[pair[0]])]

    # -- running ------------------------------------------------------------------------------------------

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_protocol(self, item: pytest.Item) -> Iterator[None]:
        """Frame one check: traces and evidence begin before its fixtures."""
        declaration = _declaration(item)
        assert declaration is not None  # noqa: S101 - only planned checks were kept
        self._recorder.start(declaration.id)
        self._evidence = Evidence(self._spec.run, declaration.id, self._spec.attempt)
        self._emit({"event": "check-started", "check": declaration.id, "suite": self._planned[declaration.id]["suite"]})
        result = yield
        return result

    @pytest.hookimpl(wrapper=True)
    def pytest_pyfunc_call(self, pyfuncitem: pytest.Function) -> Iterator[None]:
        """Run the check under its deadline, counted in wall-clock time."""
        seconds = int(self._planned[_declared_id(pyfuncitem)]["deadlineS"])

        def expired(_signal: int, _frame: object) -> None:
            raise DeadlineExceeded(f"{seconds} s")

        previous = signal.signal(signal.SIGALRM, expired)
        signal.setitimer(signal.ITIMER_REAL, seconds)
        try:
            result = yield
            return result
        finally:
            signal.setitimer(signal.ITIMER_REAL, 0)
            signal.signal(signal.SIGALRM, previous)

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_makereport(self, item: pytest.Item, call: pytest.CallInfo[None]) -> Iterator[None]:
        """Turn the way a phase ended into an outcome: the call's, or a failing set-up's."""
        result = yield
        failed_before = call.when == "setup" and call.excinfo is not None
        failed_after = call.when == "teardown" and call.excinfo is not None
        if call.when == "call" or failed_before:
            self._tell(item, call)
        elif failed_after:
            self._emit({"event": "attempt-failed", "check": _declared_id(item), "reason": str(call.excinfo)})
        return result

    def _tell(self, item: pytest.Item, call: pytest.CallInfo[None]) -> None:
        identifier = _declared_id(item)
        outcome = judge(
            identifier,
            call.excinfo.value if call.excinfo else None,
            should=identifier in self._spec.warn,
            evidence=self._evidence,
            traces=self._recorder.traces,
            elapsed_ms=int(call.duration * 1000),
            attempt=self._spec.attempt,
        )
        self._flush()
        self._told.add(identifier)
        self._emit(_event(outcome))

    def pytest_sessionfinish(self) -> None:
        """Account for planned checks that pytest never ran: a harness error, not a silence."""
        for identifier in self._planned:
            if identifier not in self._told:
                reason = "the check was planned but pytest did not run it"
                self._emit(_event(CheckOutcome(identifier, Outcome.INCONCLUSIVE, reason, Blame.HARNESS)))

    def pytest_keyboard_interrupt(self) -> None:
        """Leave unfinished checks untold, so that the run can be resumed."""
        self._told.update(self._planned)


def _event(outcome: CheckOutcome) -> dict[str, Any]:
    return {"event": "outcome", "at": int(time.time() * 1000), **outcome.as_json()}


def _declaration(item: pytest.Item) -> CheckDeclaration | None:
    return declaration_of(getattr(item, "obj", None))


def _declared_id(item: pytest.Item) -> str:
    declaration = _declaration(item)
    return declaration.id if declaration else item.name
