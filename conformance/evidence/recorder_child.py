"""The recorder process: ``python -m conformance.evidence.recorder_child``, see :mod:`conformance.evidence.channel`.

Takes frames on standard input and answers on standard output. The end of its input, or of its parent, is the end of
it, after what it was given is written. Signals that end its parent do not end it before.
"""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO

from conformance.errors import HarnessError
from conformance.evidence.channel import CLOSE, DONE, FLUSH, OPEN, RECORD, packed, received, refusal

if TYPE_CHECKING:
    from conformance.evidence.recorder import EvidenceRecorder
    from conformance.sdk.drivers import Sighting, WireMessage

Answer = Callable[[tuple[Any, ...]], None]


def main() -> int:
    """Serve one journal; return 0, or 1 after an error that was told."""
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.SIG_IGN)
    replies = sys.stdout.buffer

    def answer(values: tuple[Any, ...]) -> None:
        try:
            replies.write(packed(values))
            replies.flush()
        except BrokenPipeError:  # the parent is gone; what it sent is written all the same
            return

    try:
        _serve(sys.stdin.buffer, answer)
    except Exception as error:  # noqa: BLE001 - the parent must learn of it, whatever it is
        answer(refusal(error))
        return 1
    return 0


def _serve(orders: BinaryIO, answer: Answer) -> None:
    from conformance.evidence.recorder import EvidenceRecorder

    order = received(orders)
    if order is None:
        return
    kind, directory, run, attempt, patience_s = order
    if kind != OPEN:
        raise HarnessError("the recorder process was given a record before a run")
    with EvidenceRecorder(Path(directory), run, attempt=attempt, patience_s=patience_s) as recorder:
        answer((DONE, recorder.next_seq))
        closing = _record(orders, recorder, answer)
    if closing:
        answer((DONE, None))


def _record(orders: BinaryIO, recorder: EvidenceRecorder, answer: Answer) -> bool:
    """Record until the parent says so, or ends; return whether it waits for an answer."""
    while (order := received(orders)) is not None:
        if order[0] == RECORD:
            _append(recorder, *order[1:])
        elif order[0] == FLUSH:
            recorder.flush()
            answer((DONE, None))
        elif order[0] == CLOSE:
            return True
    return False


def _append(recorder: EvidenceRecorder, seq: int, check: str, learnt: list[str], seen: tuple[Any, ...]) -> None:
    if learnt:
        recorder.add_secrets(learnt)
    recorder.check = check
    given = recorder.record(_sighting(*seen))
    if given != seq:
        raise HarnessError(f"exchange {seq} was given the number {given} in the journal")


def _sighting(
    kind: str, request: Any, response: Any, started_us: int, elapsed_us: int, error: str, net: Any
) -> Sighting:
    from conformance.sdk.drivers import Sighting

    answered = None if response is None else _message(response)
    return Sighting(kind, _message(request), answered, started_us, elapsed_us, error, net=net)


def _message(values: Any) -> WireMessage:
    from conformance.sdk.drivers import WireMessage

    return WireMessage(*values)


if __name__ == "__main__":
    code = main()
    # What was given is on disk, and answers were flushed: taking the interpreter apart would only keep the parent.
    os._exit(code)
