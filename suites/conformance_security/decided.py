"""Telling a decision of the product from an answer that is none.

Accepted and refused are decisions. A 429 decides nothing, so that the check is inconclusive; a 5xx, a timeout, a lost
connection or an answer that cannot be read is neither, and a failure of its own.
"""

from __future__ import annotations

from typing import TypeVar

from conformance.sdk import Accepted, Answer, Broken, Finding, Inconclusive, Prepared, Refused, describe

A = TypeVar("A", bound=Answer)


def decided(answer: Answer | Prepared, what: str) -> Accepted | Refused:
    """Return an answer by which the product accepted or refused ``what``.

    Raises Inconclusive for a 429, Finding for anything else that is no decision.
    """
    answer = heard(answer.send() if isinstance(answer, Prepared) else answer)
    if isinstance(answer, Broken):
        raise Finding(
            f"must be accepted or refused cleanly: {what}",
            expected="accepted, or a refusal (4xx)",
            actual=describe(answer),
        )
    return answer


def heard(answer: A) -> A:
    """Return an answer that is no 429; raises Inconclusive for one, which is about how often we ask."""
    if isinstance(answer, Broken) and answer.kind == "throttled":
        raise Inconclusive(
            "the candidate throttled the request (429); lower [limits] requests_per_second_max or raise its quota",
            blame="CONFIG",
        )
    return answer
