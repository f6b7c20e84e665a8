"""How long requests that are made ready stay acceptable: tokens and signatures in them run out.

Where a template makes the requests, a token that runs out is fetched anew meanwhile and put in its place in the bytes.
Where each is signed by itself that cannot be done: then a run that outlives them is refused before it starts.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from conformance.errors import ConfigError, ConformanceError
from conformance.sdk import Candidate, Lifetime, Prepared, Undecided
from conformance_load.flow import now_ns

#: A token is fetched anew when this share of its lifetime is left, in parts per thousand, or so many seconds.
RENEWED_PERMILLE, RENEWED_S_MAX = 200, 60
#: How long after a failed renewal the next is tried, in seconds.
_AGAIN_S = 2.0
_S = 1_000_000_000


@dataclass(slots=True)
class _Held:
    """One lifetime; ``first`` is what stands in requests that were made ready, ``until_ns`` when the newest ends."""

    lifetime: Lifetime
    first: str
    until_ns: int

    @property
    def due_ns(self) -> int:
        """When it is to be renewed."""
        return self.until_ns - int(_S * min(RENEWED_S_MAX, self.lifetime.left_s * RENEWED_PERMILLE / 1000))


class Freshness:
    """The lifetimes of what stands in the requests of one run of ``run_s`` seconds."""

    def __init__(self, run_s: float) -> None:
        self._run_s = run_s
        self._held: dict[str, _Held] = {}
        #: What stands in requests, and what is to stand there now.
        self.swaps: dict[bytes, bytes] = {}
        self._task: Any = None

    def note(self, candidate: Candidate, prepared: Prepared) -> None:
        """Note the lifetimes of a request's credentials; tokens that would not last are fetched anew at once."""
        tell: Callable[[Prepared], tuple[Lifetime, ...]] | None = getattr(candidate.driver, "lifetimes", None)
        for lifetime in tell(prepared) if tell else ():
            if lifetime.what in self._held:
                continue
            if lifetime.renew is not None and lifetime.left_s < self._run_s:
                lifetime = lifetime.renew()
            self._held[lifetime.what] = _Held(lifetime, lifetime.text, now_ns() + int(lifetime.left_s * _S))

    def require(self, before_s: float = 0.0) -> None:
        """Raise ConfigError where what was made ready runs out before a run that begins in ``before_s`` is over."""
        for held in self._held.values():
            left_s = (held.until_ns - now_ns()) / _S
            if left_s < before_s + self._run_s:
                more = f"preparing takes {before_s:.0f} s more and " if before_s >= 1 else ""
                raise ConfigError(
                    f"{held.lifetime.what} lasts {held.lifetime.left_s:.0f} s, and {max(0.0, left_s):.0f} s of it are "
                    f"left; {more}the run takes {self._run_s:.0f} s: a product would rightly refuse the rest, and "
                    "requests made one by one cannot be renewed",
                    where="load.duration_s",
                    remedy="Shorten the run, share it among workers so that preparing is shorter, or have the "
                    "candidate issue what lasts longer.",
                )

    def keep(self) -> None:
        """Renew tokens in a greenlet of its own from now on, as long as the process lives or until :meth:`stop`."""
        import gevent

        if any(held.lifetime.renew for held in self._held.values()):
            self._task = gevent.spawn(self._renew_by_turns, gevent.sleep)

    def stop(self) -> None:
        """Renew nothing any more."""
        if self._task is not None:
            self._task.kill()

    def renewed(self, data: bytes) -> bytes:
        """Return a request with the tokens of now."""
        for old, new in self.swaps.items():
            data = data.replace(old, new)
        return data

    def is_over(self, at_ns: int) -> bool:
        """Tell whether at a moment something in the requests was known to have run out."""
        return any(at_ns > held.until_ns for held in self._held.values())

    def renew_due(self) -> None:
        """Renew what is due; raises what fetching it raises."""
        for held in self._held.values():
            if held.lifetime.renew is not None and now_ns() >= held.due_ns:
                held.lifetime = held.lifetime.renew()
                self.swaps[held.first.encode("latin-1")] = held.lifetime.text.encode("latin-1")
                held.until_ns = now_ns() + int(held.lifetime.left_s * _S)

    def _renew_by_turns(self, sleep: Callable[[float], None]) -> None:
        while True:
            due_ns = min(held.due_ns for held in self._held.values() if held.lifetime.renew)
            sleep(max(0.0, (due_ns - now_ns()) / _S))
            try:
                self.renew_due()
            except (Undecided, ConformanceError):
                # Until it succeeds the old one may do; afterwards refusals are known to be our own doing.
                sleep(_AGAIN_S)
