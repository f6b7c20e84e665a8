"""Races: requests that compete, played several times, and what a round may come to.

A violation seen once is a failure. Rounds without one that end differently are undecided: the product's answer then
depends on something that the check does not see.
"""

from __future__ import annotations

import hashlib
import random
import threading
from collections import Counter
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor

from conformance.sdk import (
    Accepted,
    Answer,
    Broken,
    Candidate,
    Evidence,
    Finding,
    HttpDoor,
    Inconclusive,
    Params,
    Prepared,
    describe,
)

#: What came of one round, comparable between rounds: how many were accepted, how much money moved.
Ending = tuple[object, ...]


def compete(candidate: Candidate, requests: Sequence[Prepared], seed: int) -> list[Answer]:
    """Let requests reach the product at the same moment, in an order drawn from ``seed``; answers in the given order.

    Raises Inconclusive when they did not compete (429, lost connections), Finding when one was answered with a 5xx:
    losing a race is a refusal, not a failure.
    """
    order = list(range(len(requests)))
    random.Random(seed).shuffle(order)  # noqa: S311 - an order to reproduce, not a secret
    drawn = [requests[index] for index in order]
    came = candidate.together(drawn) if isinstance(candidate.driver, HttpDoor) else _threads(drawn)
    answers = [answer for _, answer in sorted(zip(order, came, strict=True), key=lambda pair: pair[0])]
    for answer in answers:
        _require_decided(answer)
    return answers


def rounds(evidence: Evidence, params: Params, what: str, play: Callable[[int], Ending]) -> None:
    """Play a race ``race_rounds`` times, each with a seed of its own, and leave the agreement in the evidence.

    ``play`` raises Finding for a violation and returns how the round ended. Raises Inconclusive when rounds without a
    violation ended differently.
    """
    seeds = [_seed(evidence) for _ in range(int(params["race_rounds"]))]
    endings: list[Ending] = []
    try:
        for seed in seeds:
            endings.append(play(seed))
    except Finding:
        evidence.note(f"race: {what}", _summary(seeds[: len(endings) + 1], endings, "violated in the last round"))
        raise
    evidence.note(f"race: {what}", _summary(seeds, endings, "no violation"))
    if len(set(endings)) > 1:
        raise Inconclusive(
            f"the rounds of the race ({what}) ended differently without a violation: "
            + "; ".join(f"{count} × {ending}" for ending, count in Counter(endings).most_common()),
            blame="PRODUCT",
        )


def winners(answers: Sequence[Answer]) -> int:
    """Return how many answers were accepted."""
    return sum(isinstance(answer, Accepted) for answer in answers)


def shown(answers: Sequence[Answer]) -> str:
    """Return answers in a few words, equal ones counted."""
    counted = Counter(describe(answer) for answer in answers)
    return ", ".join(f"{count} × {text}" for text, count in sorted(counted.items()))


def _summary(seeds: Sequence[int], endings: Sequence[Ending], result: str) -> dict[str, object]:
    most = max(Counter(endings).values(), default=0)
    return {
        "rounds": len(seeds),
        "seeds": list(seeds),
        "endings": [list(ending) for ending in endings],
        "agreementPercent": 100 * most // len(seeds),
        "result": result,
    }


def _seed(evidence: Evidence) -> int:
    return int.from_bytes(hashlib.sha256(evidence.unique("seed").encode()).digest()[:4], "big")


def _require_decided(answer: Answer) -> None:
    if not isinstance(answer, Broken):
        return
    if answer.kind == "throttled":
        raise Inconclusive(
            "the candidate throttled simultaneous requests (429), so they did not compete; raise its quota in the "
            "test environment",
            blame="CONFIG",
        )
    if answer.kind in ("connection", "tls"):
        raise Inconclusive(f"the requests did not compete: {describe(answer)}", blame="PRODUCT")
    raise Finding(
        "a request that loses a race must be refused cleanly", expected="accepted, or a 4xx", actual=describe(answer)
    )


def _threads(requests: Sequence[Prepared]) -> list[Answer]:
    """Start a thread for each request: as close together as a driver without connections of its own allows."""
    gate = threading.Barrier(len(requests))

    def run(request: Prepared) -> Answer:
        gate.wait(timeout=10)
        return request.send()

    with ThreadPoolExecutor(len(requests)) as pool:
        return list(pool.map(run, requests))
