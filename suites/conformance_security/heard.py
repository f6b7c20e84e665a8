"""Answers that say something: what the network or a limit ate is no answer, and a crash is none to be content with."""

from __future__ import annotations

from collections.abc import Iterable

from conformance.sdk import Answer, Broken, Finding, Inconclusive, describe

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
    if answer.kind == "throttled":
        raise Inconclusive(
            f"the candidate throttled {what} (429); lower [limits] requests_per_second_max or raise its quota",
            blame="CONFIG",
        )
    if answer.kind in _LOST:
        raise Inconclusive(f"{what} was not answered: {describe(answer)}", blame="PRODUCT")
    raise Finding(f"{what} must be answered cleanly", expected="an answer below 500", actual=describe(answer))
