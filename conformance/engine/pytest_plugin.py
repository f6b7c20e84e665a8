"""The pytest plugin of a check process: runs the planned checks, in the plan's order, and emits their outcomes.

It is loaded by name into a pytest that reads no configuration of the vendor's and autoloads no plugin.
"""

from __future__ import annotations

import gc
import inspect
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from conformance.engine.judge import judge
from conformance.engine.observing import OBSERVED, Observers
from conformance.engine.running import Running
from conformance.engine.spec import CheckSpec
from conformance.engine.tracing import TracingRecorder
from conformance.model.outcome import Blame, CheckOutcome, Outcome
from conformance.sdk.candidate import Candidate
from conformance.sdk.checks import CheckDeclaration, declaration_of
from conformance.sdk.context import Measurements, Params
from conformance.sdk.evidence import Evidence
from conformance.sdk.observe import Observer

Emit = Callable[[dict[str, Any]], None]


class CheckRunner:
    """Runs one pass of checks. ``tell`` is given each outcome, which it emits once its evidence is durable."""

    def __init__(
        self,
        spec: CheckSpec,
        candidate: Candidate,
        recorder: TracingRecorder,
        measurements: Measurements,
        emit: Emit,
        tell: Emit,
    ) -> None:
        self._spec = spec
        self._candidate = candidate
        self._recorder = recorder
        self._measurements = measurements
        self._emit = emit
        self._give = tell
        self._planned = {item["id"]: item for item in spec.checks}
        self._evidence = Evidence(spec.run, "")
        self._told: set[str] = set()
        self._current: Running | None = None
        self._paused: dict[str, Running] = {}
        self._observers = Observers(spec, candidate, recorder)
        self._observing: set[str] = set()

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

    @pytest.fixture
    def observed(self, request: pytest.FixtureRequest) -> Observer:
        """The suite's observer, which has seen every exchange of this process."""
        return self._observers.of(str(self._planned[_declared_id(request.node)]["suite"]))

    # -- selection ----------------------------------------------------------------------------------------

    @pytest.hookimpl(trylast=True)
    def pytest_collection_modifyitems(self, items: list[pytest.Item]) -> None:
        """Keep the planned checks, in the plan's order, but those that wait first, so that they wait together.

        Those that judge the whole run come last.
        """
        order = {identifier: position for position, identifier in enumerate(self._planned)}
        found = [
            (declaration.id, item) for item in items if (declaration := _declaration(item)) and declaration.id in order
        ]
        self._observing = {identifier for identifier, item in found if observes(item)}
        self._observers.begin(str(self._planned[identifier]["suite"]) for identifier in self._observing)
        found.sort(key=lambda pair: (pair[0] in self._observing, not waits(pair[1]), order[pair[0]]))
        items[:] = [item for _, item in found]

    # -- running ------------------------------------------------------------------------------------------

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_protocol(self, item: pytest.Item) -> Iterator[None]:
        """Frame one check: traces and evidence begin before its fixtures."""
        self._go_on_with_due()
        declaration = _declaration(item)
        assert declaration is not None  # noqa: S101 - only planned checks were kept
        self._recorder.start(declaration.id)
        self._evidence = Evidence(self._spec.run, declaration.id, self._spec.attempt)
        self._emit({"event": "check-started", "check": declaration.id, "suite": self._planned[declaration.id]["suite"]})
        result = yield
        return result

    @pytest.hookimpl(tryfirst=True)
    def pytest_pyfunc_call(self, pyfuncitem: pytest.Function) -> bool:
        """Run the check under its deadline, up to its end or to its first pause."""
        identifier = _declared_id(pyfuncitem)
        seconds = int(self._planned[identifier]["deadlineS"])
        arguments = {name: pyfuncitem.funcargs[name] for name in inspect.signature(pyfuncitem.obj).parameters}
        self._current = Running(identifier, self._evidence, self._recorder.traces, seconds)
        if identifier in self._observing and self._paused:
            self._current.hold(pyfuncitem.obj, arguments)
            self._paused[identifier] = self._current
        elif self._current.begin(pyfuncitem.obj, arguments):
            self._paused[identifier] = self._current
        return True

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_makereport(self, item: pytest.Item, call: pytest.CallInfo[None]) -> Iterator[None]:
        """Turn the way a phase ended into an outcome: the call's, or a failing set-up's."""
        result = yield
        failed_before = call.when == "setup" and call.excinfo is not None
        failed_after = call.when == "teardown" and call.excinfo is not None
        if (call.when == "call" or failed_before) and _declared_id(item) not in self._paused:
            error = call.excinfo.value if call.excinfo else None
            self._tell(_declared_id(item), error, int(call.duration * 1000))
        elif failed_after:
            self._emit({"event": "attempt-failed", "check": _declared_id(item), "reason": str(call.excinfo)})
        return result

    @pytest.hookimpl(wrapper=True)
    def pytest_runtestloop(self) -> Iterator[None]:
        """Run all checks, then wait for those that are paused still, each until its time has come."""
        if not gc.isenabled():  # the process has just begun: what is imported stays, nobody need look at it again
            gc.freeze()
            gc.enable()
        result = yield
        while self._paused:
            running = min(self._paused.values(), key=lambda item: item.due)
            running.wait()
            self._go_on(running)
        return result

    def _go_on_with_due(self) -> None:
        """Go on with paused checks whose time has come: what they wait for must not grow old while others run."""
        now = time.monotonic()
        for running in sorted(self._paused.values(), key=lambda item: item.due):
            if running.due <= now:
                self._go_on(running)

    def _go_on(self, running: Running) -> None:
        self._recorder.resume(running.check, running.traces)
        self._evidence = running.evidence
        self._emit({"event": "check-resumed", "check": running.check})
        error: BaseException | None = None
        try:
            if running.proceed():
                return
        except KeyboardInterrupt:
            raise
        except BaseException as ended:  # noqa: BLE001 - how a check ends is judged, whatever it raises
            error = ended
        self._paused.pop(running.check)
        self._tell(running.check, error, int(running.used_s * 1000))

    def _tell(self, identifier: str, error: BaseException | None, elapsed_ms: int) -> None:
        if identifier in self._observing and error is None:
            error = self._observers.defect()
        outcome = judge(
            identifier,
            error,
            should=identifier in self._spec.warn,
            evidence=self._evidence,
            traces=self._recorder.traces,
            elapsed_ms=elapsed_ms,
            attempt=self._spec.attempt,
            may_lack=bool(self._planned[identifier].get("mayLack", True)),
        )
        self._told.add(identifier)
        self._give(_event(outcome))

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


def waits(item: pytest.Item) -> bool:
    """Tell whether a check yields pauses."""
    return isinstance(item, pytest.Function) and inspect.isgeneratorfunction(inspect.unwrap(item.obj))


def observes(item: pytest.Item) -> bool:
    """Tell whether a check judges what its suite's observer has seen."""
    return isinstance(item, pytest.Function) and OBSERVED in inspect.signature(item.obj).parameters


def _declaration(item: pytest.Item) -> CheckDeclaration | None:
    return declaration_of(getattr(item, "obj", None))


def _declared_id(item: pytest.Item) -> str:
    declaration = _declaration(item)
    return declaration.id if declaration else item.name
