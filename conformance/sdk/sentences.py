"""The sentences that most checks are made of.

A refusal counts only beside an accepted twin: the same request, unmutated, must have been accepted, otherwise a
product that refuses everything would pass. And it counts only when the state read back is unchanged.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Mapping
from typing import Any, TypeVar

from conformance.sdk.answers import Accepted, Answer, Broken, Refused, describe
from conformance.sdk.findings import Finding, Inconclusive
from conformance.sdk.prepared import Prepared

T = TypeVar("T")
A = TypeVar("A", bound=Answer)

#: Reads whatever must not change; compared with ``==``.
StateReader = Callable[[], Any]


def expect(condition: bool, message: str, *, expected: object = None, actual: object = None) -> None:
    """Fail with ``message`` unless ``condition`` holds; ``expected`` and ``actual`` are shown side by side."""
    if not condition:
        raise Finding(message, expected=_shown(expected), actual=_shown(actual))


def accepted(answer: Answer | Prepared, what: str) -> dict[str, Any]:
    """Return the canonical value of an accepted answer: the positive control of a check.

    Raises Inconclusive when ``what`` was not accepted, because nothing after it would then mean anything.
    """
    answer = answer.send() if isinstance(answer, Prepared) else answer
    if isinstance(answer, Accepted):
        return answer.value
    raise Inconclusive(f"positive control: {what} was {describe(answer)}", blame=_blame(answer))


def must_accept(answer: Answer | Prepared, message: str) -> dict[str, Any]:
    """Return the value of an answer whose acceptance is itself the requirement; fails with ``message``."""
    answer = unthrottled(answer.send() if isinstance(answer, Prepared) else answer)
    if isinstance(answer, Accepted):
        return answer.value
    raise Finding(message, expected="accepted", actual=describe(answer))


def refused(
    mutated: Prepared,
    *,
    twin: Prepared | Answer,
    because: str,
    state: StateReader | None = None,
    codes: Collection[int] | None = None,
) -> Refused:
    """Require that ``mutated`` is refused although its ``twin`` is accepted, and that nothing changed.

    ``because`` completes "must be refused: …". ``state`` reads what must stay the same (balances, a list).
    ``codes`` narrows the statuses that count as a refusal; the default is any 4xx except 429. It says nothing of a
    product that refuses inside a 200, or later, as its mapping says: such an answer has no status of its own. A 5xx, a
    timeout or a lost connection is not a refusal but a failure of its own; 429 is inconclusive.
    """
    accepted(twin, "the unmutated twin")
    before = state() if state else None
    answer = unthrottled(mutated.send())
    if isinstance(answer, Accepted):
        raise Finding(f"must be refused: {because}", expected="a refusal (4xx)", actual=describe(answer))
    if isinstance(answer, Broken):
        raise Finding(f"must be refused cleanly: {because}", expected="a refusal (4xx)", actual=describe(answer))
    if codes is not None and answer.exchange.status >= 400 and answer.exchange.status not in codes:
        raise Finding(f"wrong refusal: {because}", expected=f"HTTP {sorted(codes)}", actual=describe(answer))
    after = state() if state else None
    expect(before == after, f"state changed although refused: {because}", expected=before, actual=after)
    return answer


def unthrottled(answer: A, what: str = "the request") -> A:
    """Return an answer that is no 429; raises Inconclusive for one, which is about how often we ask.

    ``what`` was throttled, for the reason: the request, or what it was for.
    """
    if isinstance(answer, Broken) and answer.kind == "throttled":
        raise Inconclusive(
            f"the candidate throttled {what} (429); lower [limits] requests_per_second_max or raise its quota",
            blame="CONFIG",
        )
    return answer


def eventually(probe: Callable[[], T | None], *, deadline_s: float, what: str, every_s: float = 0.05) -> T:
    """Return the first value of ``probe`` that is not None or False; poll until ``deadline_s`` has passed.

    Raises Finding when it never came: waiting longer is not the product's right.
    """
    limit = time.monotonic() + deadline_s
    while True:
        value = probe()
        if value is not None and value is not False:
            return value
        if time.monotonic() >= limit:
            raise Finding(f"{what} did not happen within {deadline_s:g} s", expected=what, actual="not seen")
        time.sleep(every_s)


def _blame(answer: Answer) -> str:
    if isinstance(answer, Broken):
        return "CONFIG" if answer.kind in ("throttled", "connection", "tls") else "PRODUCT"
    return "CONFIG" if answer.exchange.status in (401, 403, 404) else "PRODUCT"


def _shown(value: object) -> str | None:
    if value is None or isinstance(value, str):
        return value
    if isinstance(value, Mapping):
        return ", ".join(f"{key}: {item}" for key, item in value.items())
    return str(value)
