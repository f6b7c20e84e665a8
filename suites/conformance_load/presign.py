"""Requests made ready before the clock starts: by a proven template, or one by one as the driver makes and signs them.

What that costs is measured and told before it is spent: a signature takes from 25 microseconds (ES256) to a
millisecond (RS256 of a large key), and a run sends many.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Literal

from conformance.errors import ConfigError
from conformance_load.arrivals import Arrival, Kind, cooperatively
from conformance_load.freshness import Freshness
from conformance_load.making import PaymentMaker, Shot
from conformance_load.templates import Templates, Terms

#: One rendered request in so many is made by the driver as well and compared.
PROVEN_EVERY = 1000
#: Payments that a template is proven with beside the first, from the same debtor.
PROVEN_WITH = 2
#: Requests made ahead; this bounds the memory they take.
REQUESTS_MAX = 500_000
#: Requests made before the cost of all is estimated.
_ESTIMATED_AFTER = 20


@dataclass(slots=True)
class Cost:
    """What making the requests of a run ready took: ``cpu_us`` in all, in microseconds of CPU."""

    requests: int = 0
    cpu_us: int = 0
    how: Literal["template", "made ahead"] = "template"

    def as_json(self) -> dict[str, int | str]:
        """Return the form used in reports."""
        per_request = -(-self.cpu_us // self.requests) if self.requests else 0
        return {
            "requests": self.requests,
            "cpuUsPerRequest": per_request,
            "cpuS": -(-self.cpu_us // 1_000_000),
            "how": self.how,
        }


@dataclass(slots=True)
class Magazine:
    """Makes the shots of a run. ``cpu_s_max``: how many seconds of CPU that may take; ``run_s``: how long their
    tokens and signatures must last from then on.

    Beyond ``ahead_max`` requests, which is what fits into memory, a proven template makes each when it is sent: that
    takes some microseconds of the generator, where making it by the driver would take hundreds.
    """

    maker: PaymentMaker
    cpu_s_max: int
    cost: Cost = field(default_factory=Cost)
    ahead_max: int = REQUESTS_MAX
    run_s: float = 0.0

    def shots(self, arrivals: Sequence[Arrival]) -> list[Shot]:
        """Return every arrival with its request made ready; raises ConfigError when that would take too long.

        The same where what stands in them would run out before they are sent and cannot be renewed.
        """
        self._begin()
        started = time.process_time_ns()
        loader = _Loader(self.maker, arrivals, self._tell, self.ahead_max)
        try:
            shots = loader.load()
            if loader.how == "template":
                self.maker.fresh.keep()
            else:
                self.maker.fresh.require()
            return shots
        finally:
            self.cost.requests += loader.made
            self.cost.cpu_us += (time.process_time_ns() - started) // 1000
            self.cost.how = "made ahead" if "made ahead" in (self.cost.how, loader.how) else "template"

    def _begin(self) -> None:
        """Note what runs out in the requests of each account's owner."""
        maker = self.maker
        maker.fresh.stop()
        maker.fresh = Freshness(self.run_s)
        for account in maker.accounts if self.run_s else ():
            terms = maker.terms(0)._replace(debtor=account.id)
            maker.fresh.note(maker.context.candidate, maker.prepared(terms))

    def _tell(self, done: int, total: int, one_us: int, ahead: bool) -> None:
        """Say how far the making is, and refuse what would take too long."""
        expected_s = one_us * (total - done) / 1_000_000
        if ahead and expected_s + self.cost.cpu_us / 1_000_000 > self.cpu_s_max:
            raise ConfigError(
                f"making {total:,} requests ready takes {one_us} us of CPU each, about {expected_s:.0f} s in all, and"
                f" {self.cpu_s_max} s are allowed: their bytes differ in more than reference, accounts and amount"
                " (a signature, a time or a nonce), so each is made and signed by itself",
                where="load.prepare_s_max",
                remedy="Lower rate_per_s or duration_s, share the run among workers, or raise prepare_s_max.",
            )
        if ahead:
            self.maker.fresh.require(expected_s)
        note = f"making requests ready: {done:,} of {total:,}, about {expected_s:.0f} s of CPU left"
        self.maker.context.progress(0, total, note)


def require_memory(requests: int, most: int = REQUESTS_MAX) -> None:
    """Raise ConfigError when more requests would be made ahead than fit into memory."""
    if requests >= most:
        raise ConfigError(
            f"more than the {most:,} requests that fit into memory would be made ahead: their bytes differ in more than"
            " reference, accounts and amount (a signature, a time or a nonce), so none can be made when it is sent",
            where="load.duration_s",
            remedy="Shorten the run, lower the rate, or share it among workers.",
        )


def _later(arrival: Arrival) -> Shot:
    """Return an arrival whose request is made when it is sent."""
    return Shot(arrival.kind, arrival.number, b"", b"" if arrival.kind is Kind.ALTERED else None)


class _Loader:
    """Makes one list of shots."""

    def __init__(
        self,
        maker: PaymentMaker,
        arrivals: Sequence[Arrival],
        tell: Callable[[int, int, int, bool], None],
        ahead_max: int,
    ) -> None:
        self._maker = maker
        self._arrivals = arrivals
        self._tell = tell
        self._ahead_max = ahead_max
        self._templates = maker.templates = Templates(maker.bytes_of, self._others)
        self.made = 0

    @property
    def how(self) -> Literal["template", "made ahead"]:
        """How requests are made: by template as long as none was wrong."""
        return "template" if self._templates.proven else "made ahead"

    def load(self) -> list[Shot]:
        shots: list[Shot] = []
        proven = 0
        started = time.process_time_ns()
        for position, arrival in enumerate(self._arrivals):
            if position >= self._ahead_max and self._templates.proven:
                shots += (_later(item) for item in cooperatively(self._arrivals[position:]))
                break
            require_memory(position, self._ahead_max)
            shots.append(self._shot(arrival))
            if position % PROVEN_EVERY == 0 or position == len(self._arrivals) - 1:
                if self._templates.proven and not self._proves(arrival, shots[-1]):
                    shots[proven:] = [self._shot(item) for item in self._arrivals[proven : position + 1]]
                proven = position
            if position == _ESTIMATED_AFTER or (position and position % PROVEN_EVERY == 0):
                one_us = (time.process_time_ns() - started) // 1000 // (position + 1)
                self._tell(position + 1, len(self._arrivals), one_us, not self._templates.proven)
        return shots

    def _shot(self, arrival: Arrival) -> Shot:
        terms = self._maker.terms(arrival.number)
        instead = None
        if arrival.kind is Kind.ALTERED:
            instead = self._bytes(terms)
            terms = terms._replace(amount=terms.amount + 1)
        return Shot(arrival.kind, arrival.number, self._bytes(terms), instead)

    def _bytes(self, terms: Terms) -> bytes:
        self.made += 1
        rendered = self._templates.render(terms) if self._templates.proven else None
        return self._maker.bytes_of(terms) if rendered is None else rendered

    def _proves(self, arrival: Arrival, shot: Shot) -> bool:
        terms = self._maker.terms(arrival.number)
        return self._templates.still_right(terms, shot.data if shot.instead is None else shot.instead)

    def _others(self, terms: Terms) -> Iterator[Terms]:
        """Yield the terms of other payments, as if they had the same debtor."""
        numbers = (arrival.number for arrival in self._arrivals[:: max(1, len(self._arrivals) // 7)])
        others = (self._maker.terms(number)._replace(debtor=terms.debtor) for number in numbers)
        usable = (other for other in others if other.creditor != other.debtor)
        for _, other in zip(range(PROVEN_WITH), usable, strict=False):
            yield other
