"""Telling what a product says from what it does not.

Accepted and refused are decisions, a 429 decides nothing, and a 5xx, a timeout, a lost connection or an answer that
cannot be read is a failure of its own.
"""

from __future__ import annotations

from collections.abc import Iterable

from conformance.sdk import Accepted, Answer, Broken, Finding, Inconclusive, Prepared, Refused, describe, unthrottled

#: What a product did answer, though not as its interface says.
_SAID = frozenset({"unparseable", "schema", "too-large", "redirect"})

#: What never reached the product, or never came back.
_LOST = frozenset({"connection", "tls"})


def throttled(answer: Answer) -> bool:
    """Tell whether the product's own limit stood in the way (429)."""
    return isinstance(answer, Broken) and answer.kind == "throttled"


def crashed(answer: Answer) -> bool:
    """Tell whether the product answered by an error of its own (5xx)."""
    return isinstance(answer, Broken) and answer.kind == "server-error"


def lost(answers: Iterable[Answer]) -> bool:
    """Tell whether the network ate an answer."""
    return any(isinstance(answer, Broken) and answer.kind in _LOST for answer in answers)


def heard(answer: Answer, what: str) -> Answer:
    """Return an answer that the product gave of its own: accepted, refused, or of a form that nobody expected.

    Raises Inconclusive where a limit or the network stood in the way, Finding for a crash and for silence.
    """
    if not isinstance(answer, Broken) or answer.kind in _SAID:
        return answer
    unthrottled(answer, what)
    if answer.kind in _LOST:
        raise Inconclusive(f"{what} was not answered: {describe(answer)}", blame="PRODUCT")
    raise Finding(f"{what} must be answered cleanly", expected="an answer below 500", actual=describe(answer))


def decided(answer: Answer | Prepared, what: str) -> Accepted | Refused:
    """Return an answer by which the product accepted or refused ``what``.

    Raises Inconclusive for a 429, Finding for anything else that is no decision.
    """
    answer = unthrottled(answer.send() if isinstance(answer, Prepared) else answer)
    if isinstance(answer, Broken):
        raise Finding(
            f"must be accepted or refused cleanly: {what}",
            expected="accepted, or a refusal (4xx)",
            actual=describe(answer),
        )
    return answer
