"""Callbacks: the product calls where it may, and nowhere else, whoever sends it there."""

from __future__ import annotations

from collections.abc import Iterator

from conformance.sdk import (
    Candidate,
    Effect,
    Evidence,
    Finding,
    NotTested,
    Pause,
    check,
    eventually,
    expect,
    pause,
    refused,
)
from conformance_security.declared import declared
from conformance_security.listening import listening
from conformance_security.receiving import Received, redirecting
from conformance_security.scene import Scene, control

#: Seconds in which a product tells of a subscription, if it does, and of a payment.
SUBSCRIBED_S, CALLED_S = 1.0, 5.0
#: Seconds in which a redirection would have been followed.
FOLLOWED_S = 0.5


@check("SEC-I08", needs=("notices.subscribe",), effects=Effect.WRITE)
def inner_addresses_are_not_called(candidate: Candidate, evidence: Evidence) -> Iterator[Pause]:
    """A callback to loopback, link-local, private or file addresses, in any spelling, is refused and never called.

    Nor is it called when an allowed address redirects there.
    """
    allowed = declared(candidate, "callback_hosts", ())
    if not allowed:
        raise NotTested("[declared.security] names no callback_hosts that the product may call", blame="CONFIG")
    url = f"http://{allowed[0]}/notices"
    twin = control(candidate.prepare("notices.subscribe", url=url), "subscribing an allowed address")
    with listening() as (port, hits):
        for url in _inner_addresses(port):
            refused(
                candidate.prepare("notices.subscribe", url=url),
                twin=twin,
                because=f"{url} lies inside the product's own network",
            )
        expect(
            not hits,
            "a refused callback must not be called",
            expected="no connection",
            actual=f"{len(hits)} connections",
        )
        _redirect_a_notice(candidate, evidence, str(allowed[0]), port)
        yield pause(FOLLOWED_S)
        expect(
            not hits,
            "a callback that redirects into the product's own network must not be followed",
            expected="no connection",
            actual=f"{len(hits)} connections",
        )


def _redirect_a_notice(candidate: Candidate, evidence: Evidence, allowed: str, port: int) -> None:
    """Answer a notice with a redirection to our own listener: a careful product does not go there.

    The allowed address is free again afterwards: other checks listen there.
    """
    with redirecting(allowed, f"http://127.0.0.1:{port}/inner") as calls:
        path = f"/{evidence.unique('redirected')}"
        control(candidate.prepare("notices.subscribe", url=f"http://{allowed}{path}"), "subscribing an allowed address")
        _require_called(candidate, evidence, path, calls)


def _require_called(candidate: Candidate, evidence: Evidence, path: str, calls: list[Received]) -> None:
    """Wait for a notice of the subscription, else for one of a payment; raises NotTested when none comes."""
    called = lambda: any(call.target == path for call in list(calls))  # noqa: E731 - asked for twice
    try:
        eventually(called, deadline_s=SUBSCRIBED_S, what="a notice of the subscription", every_s=0.01)
        return
    except Finding:
        if candidate.offers("payments.create"):
            Scene.set(candidate, evidence).paid()
    try:
        eventually(called, deadline_s=CALLED_S, what="a notice at the allowed address", every_s=0.01)
    except Finding as finding:
        raise NotTested(
            f"whether redirections of callbacks are followed: {finding}; the product must be able to call that address",
            blame="CONFIG",
        ) from finding


def _inner_addresses(port: int) -> tuple[str, ...]:
    return (
        f"http://127.0.0.1:{port}/",
        f"http://localhost:{port}/",
        f"http://[::1]:{port}/",
        f"http://2130706433:{port}/",
        f"http://0x7f.1:{port}/",
        f"http://example.com@127.0.0.1:{port}/",
        "http://169.254.169.254/latest/meta-data/",
        "http://10.0.0.1/",
        "file:///etc/passwd",
        "gopher://127.0.0.1:25/",
    )
