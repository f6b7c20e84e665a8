"""One call of an operation, with everything that is needed to make its request."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from conformance.candidate.auth import proves
from conformance.candidate.callers import Caller
from conformance.candidate.mapping import Operation, Step
from conformance.sdk.prepared import Prepared


@dataclass(frozen=True, slots=True)
class Call:
    """A step of an operation as it is to be made by ``caller``. A check's edits go into the ``main`` one."""

    operation: Operation
    step: Step
    prepared: Prepared
    arguments: Mapping[str, Any]
    caller: Caller | None
    main: bool


def shows_proof(call: Call) -> bool:
    """Tell whether a request carries a proof of possession of its caller's: unless a check sets or drops it itself."""
    if call.caller is None or not proves(call.caller):
        return False
    edits = call.prepared.edits if call.main else ()
    edited = any(edit.kind in ("header", "drop-header") and edit.name.lower() == "dpop" for edit in edits)
    return not edited and (call.step.auth or call.operation.name == call.caller.text("operation", "token"))
