"""What becomes of a pushed request (RFC 9126): it is the client's own words, used once, and over in time."""

from __future__ import annotations

from collections.abc import Iterator

from conformance.sdk import Candidate, Effect, Evidence, Inconclusive, NotTested, Pause, accepted, check, expect, pause
from conformance_security.oauth.clock import movable, moved
from conformance_security.oauth.flow import Flow
from conformance_security.oauth.verdicts import declined, no_code

#: Operations without which nothing is pushed.
PUSHED = ("oauth.push", "oauth.authorize")
#: Seconds for which a pushed request may wait (FAPI 2.0 5.3.2.2).
REQUEST_LIFE_S_MAX = 600
#: Seconds that clocks and leeway may add to it.
LEEWAY_S = 15


@check("SEC-J11.nested", requirement="SEC-J11", needs=PUSHED, effects=Effect.WRITE)
def pushed_requests_refer_to_no_other(candidate: Candidate, evidence: Evidence) -> None:
    """A pushed request that itself names a request_uri is refused (RFC 9126 2.1)."""
    flow = Flow.of(candidate)
    earlier = flow.pushed()
    declined(flow.push(flow.attempt(request_uri=earlier)), "the pushed request names a request_uri")


@check("SEC-J12.age", requirement="SEC-J12", needs=PUSHED, effects=Effect.WRITE, deadline_s=720)
def pushed_requests_expire(candidate: Candidate, evidence: Evidence) -> Iterator[Pause]:
    """A request_uri leads to no code after its expires_in and 15 s for clocks, where a new one does."""
    flow = Flow.of(candidate)
    flow.code()
    pushed = accepted(flow.push(flow.attempt()), "the sound pushed request")
    age = _lifetime(pushed.get("expires_in")) + LEEWAY_S
    old = {"client_id": flow.client.client_id, "request_uri": str(pushed.get("request_uri", ""))}
    because = "the pushed request has expired (expires_in)"
    if movable(candidate):
        with moved(candidate, age):
            no_code(flow.later(age).visit(old), because)
            flow.later(age).code()
    else:
        yield pause(age, "a request that was pushed just now has expired")
        no_code(flow.visit(old), because)
        flow.code()


@check("SEC-J24", needs=PUSHED, effects=Effect.WRITE)
def pushed_requests_are_used_once(candidate: Candidate, evidence: Evidence) -> None:
    """A request_uri that led to a code leads to no second one.

    RFC 9126 4 asks servers to treat it so, but lets them allow for a user who reloads the page: hence a warning.
    """
    flow = Flow.of(candidate)
    used = {"client_id": flow.client.client_id, "request_uri": flow.pushed()}
    first = flow.visit(used)
    if not first.code:
        raise Inconclusive(f"positive control: the first use of a request_uri ended with {first}")
    second = flow.visit(used)
    expect(
        not second.credentials and second.status < 500,
        "a request_uri should lead to a code once",
        expected="an error, no code",
        actual=str(second),
    )


def _lifetime(stated: object) -> int:
    """Return how long a pushed request may wait; raises NotTested where that is not said, or longer than allowed."""
    if isinstance(stated, int) and 0 < stated < REQUEST_LIFE_S_MAX:
        return stated
    raise NotTested(f"expires_in is {stated}, which SEC-J12.pushed judges; nothing is waited for beyond ten minutes")
