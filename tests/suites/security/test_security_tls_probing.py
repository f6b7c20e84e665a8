"""What counts as a refusal, and what only looks like one."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, cast

import pytest

from conformance.sdk import Evidence, Finding, Inconclusive
from conformance_security.tls.codepoints import OLD_SUITES
from conformance_security.tls.flight import Reply, ServerHello
from conformance_security.tls.hello import Version
from conformance_security.tls.probing import Prober
from conformance_security.tls.target import TlsTarget

TAKEN = Reply("hello", ServerHello(0x0303, bytes(32), 0xC02F))
OLD = Reply("hello", ServerHello(0x0301, bytes(32), 0x002F))
REFUSED, CLOSED, SILENT = Reply("alert", alert=40), Reply("closed"), Reply("silent")
STRANGE = Reply("alert", alert=50)


class Listener:
    """A TLS listener that gives the replies it was told to give, one after the other."""

    host = "bank.example.com"

    def __init__(self, replies: tuple[Reply, ...]) -> None:
        self._replies: Iterator[Reply] = iter(replies)

    def left(self) -> int:
        return len(list(self._replies))

    def ask(self, hello: bytes) -> Reply:
        return next(self._replies)


def probe(*replies: Reply) -> list[tuple[str, str]]:
    """Send the two controls, offer TLS 1.0, settle, and return what was noted."""
    listener: Any = Listener(replies)
    evidence = Evidence("run", "SEC-T01")
    prober = Prober(cast(TlsTarget, listener), evidence)
    prober.must_refuse("TLS 1.0", Version.TLS10, OLD_SUITES)
    prober.settle()
    assert listener.left() == 0, "every hello was sent"
    return evidence.notes


@pytest.mark.parametrize("controls", [(TAKEN, TAKEN), (TAKEN, REFUSED), (REFUSED, TAKEN)])
def test_an_alert_beside_a_control_refuses(controls: tuple[Reply, Reply]) -> None:
    assert ("hello for TLS 1.0", str(REFUSED)) in probe(*controls, REFUSED)


def test_hanging_up_refuses_if_sound_hellos_are_still_taken() -> None:
    assert ("hello for TLS 1.0", str(CLOSED)) in probe(TAKEN, TAKEN, CLOSED, REFUSED, TAKEN)


def test_hanging_up_for_good_is_a_block() -> None:
    with pytest.raises(Inconclusive, match="a block, not a refusal"):
        probe(TAKEN, TAKEN, CLOSED, CLOSED, CLOSED)


@pytest.mark.parametrize("reply", [REFUSED, CLOSED])
def test_without_a_control_nothing_is_a_refusal(reply: Reply) -> None:
    with pytest.raises(Inconclusive, match="positive control"):
        probe(REFUSED, CLOSED, reply)


@pytest.mark.parametrize("reply", [SILENT, STRANGE, Reply("garbage")])
def test_what_neither_refuses_nor_accepts_decides_nothing(reply: Reply) -> None:
    with pytest.raises(Inconclusive, match="neither refuses nor accepts"):
        probe(TAKEN, TAKEN, reply)


@pytest.mark.parametrize("controls", [(TAKEN, TAKEN), (REFUSED, REFUSED)])
def test_an_acceptance_fails_whatever_the_controls_say(controls: tuple[Reply, Reply]) -> None:
    with pytest.raises(Finding, match=r"TLS 1\.0 must be refused"):
        probe(*controls, OLD)
