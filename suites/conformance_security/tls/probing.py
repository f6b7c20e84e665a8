"""Refusals that count: each beside hellos that the same server took before and, where it hung up, after."""

from __future__ import annotations

from collections.abc import Sequence

from conformance.sdk import Candidate, Evidence, Inconclusive, expect
from conformance_security.tls.codepoints import TLS12_SUITES, TLS13_SUITES
from conformance_security.tls.flight import Reply
from conformance_security.tls.hello import Version, client_hello
from conformance_security.tls.target import TlsTarget, tls_target

_CONTROLS = ((Version.TLS12, TLS12_SUITES), (Version.TLS13, TLS13_SUITES))


class Prober:
    """Offers what must be refused to one listener, and knows whether its refusals mean anything."""

    def __init__(self, target: TlsTarget, evidence: Evidence) -> None:
        self.target = target
        self._evidence = evidence
        #: What hellos for TLS 1.2 and 1.3 with sound suites drew: the positive controls.
        self.controls = self._ask_controls()
        self._refusals: list[tuple[str, Reply]] = []

    @classmethod
    def of(cls, candidate: Candidate, evidence: Evidence) -> Prober:
        """Return a prober of the candidate's TLS listener, its controls sent."""
        return cls(tls_target(candidate), evidence)

    @property
    def controlled(self) -> bool:
        """Whether the server took a sound hello."""
        return any(reply.kind == "hello" for reply in self.controls)

    def require_control(self) -> None:
        """Raise Inconclusive unless the server took a sound hello."""
        if not self.controlled:
            one, other = self.controls
            raise Inconclusive(f"positive control: hellos for TLS 1.2 and 1.3 drew {one} and {other}", blame="PRODUCT")

    def note(self, what: str, reply: Reply) -> None:
        """Keep what a hello drew."""
        self._evidence.note(f"hello for {what}", str(reply))

    def must_refuse(self, what: str, version: Version, suites: Sequence[int]) -> None:
        """Require that a hello for ``what`` is not accepted; :meth:`settle` says whether that was a refusal.

        An acceptance fails even where the controls did not work: it needs nothing beside it.
        """
        reply = self.target.ask(client_hello(version, suites, self.target.host))
        self._must_refuse(what, reply, refuses=reply.refuses)

    def must_refuse_ssl2(self) -> None:
        """Require the same of a hello of SSL 2.0.

        Its records are not those of TLS. So any alert of TLS refuses, such as that the record cannot be read; and so
        does an ERROR of SSL 2.0, for every cipher of that version was offered.
        """
        reply = self.target.ask_ssl2()
        self._must_refuse("SSL 2.0", reply, refuses=reply.kind in ("alert", "closed", "ssl2-error"))

    def _must_refuse(self, what: str, reply: Reply, *, refuses: bool) -> None:
        self.note(what, reply)
        expect(
            reply.kind != "hello",
            f"{what} must be refused, but the server answered with a ServerHello",
            expected="alert 40, 70 or 71, or a closed connection",
            actual=str(reply),
        )
        if not refuses:
            raise Inconclusive(f"a hello for {what} drew {reply}, which neither refuses nor accepts", blame="PRODUCT")
        self._refusals.append((what, reply))

    def settle(self) -> None:
        """Require that the refusals mean something: the server takes sound hellos, and where it hung up, still does."""
        self.require_control()
        closed = next((what for what, reply in self._refusals if reply.kind == "closed"), "")
        if closed and not any(reply.kind == "hello" for reply in self._ask_controls()):
            raise Inconclusive(
                f"the server hung up on a hello for {closed} and takes no sound hello since: a block, "
                "not a refusal; exempt the harness from rate limits and retry",
                blame="CONFIG",
            )

    def _ask_controls(self) -> tuple[Reply, Reply]:
        hellos = (client_hello(version, suites, self.target.host) for version, suites in _CONTROLS)
        first, second = (self.target.ask(hello) for hello in hellos)
        return first, second
