"""Disturbing the candidate while it is under load, and how long it takes until it serves as before.

A disturbance is made through the candidate's own hooks (kill, pause, slow disk) or by a proxy of ours (resets), in a
greenlet beside the load: a hook may take seconds and holds nothing up. A hook that fails says nothing about the
product: the measurement is then invalid.
"""

from __future__ import annotations

import contextlib
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import Any, Protocol

import gevent
import gevent.event

from conformance.errors import ConfigError, ConformanceError
from conformance.sdk import Candidate, LoadContext, Undecided
from conformance_load.flow import Reply, Times, Work, now_ns

_S = 1_000_000_000
_MS = 1_000_000
#: The measured line is looked at in slices of this length, and windows of so many slices.
SLICE_MS = 100
WINDOW_SLICES = 10
#: Of the payments that arrive in a window, this share must be served, in parts per thousand.
SERVED_PERMILLE_MIN = 950
#: Outcomes of arrivals that were answered as they should be.
_GOOD = ("confirmed", "replayed", "expected")


class Kind(StrEnum):
    """What is done to the candidate."""

    KILL = "kill"  #: killed, and started again at the end
    PAUSE = "pause"  #: stopped in its tracks, and resumed at the end
    SLOW_DISK = "slow-disk"  #: every commit takes longer
    RESETS = "resets"  #: connections to it are reset


@dataclass(frozen=True, slots=True)
class Disturbance:
    """One disturbance: it begins ``at_s`` after the epoch and lasts ``length_s``.

    ``delay_ms``: what a commit takes longer on a slow disk.
    """

    at_s: int
    kind: Kind
    length_s: int
    delay_ms: int = 0


@dataclass(slots=True)
class Mark:
    """A disturbance as it came about, in nanoseconds of :func:`now_ns`; ``end_ns`` is when its end was ordered."""

    kind: Kind
    label: str
    at_ns: int
    end_ns: int = 0

    def as_json(self, epoch_ns: int) -> dict[str, Any]:
        """Return the form used in reports, in milliseconds from the epoch."""
        at_ms, end_ms = ((moment - epoch_ns) // _MS for moment in (self.at_ns, self.end_ns))
        return {"atMs": at_ms, "endMs": end_ms, "kind": self.kind.value, "label": self.label}


class Cutter(Protocol):
    """What cuts connections; see :class:`conformance_load.resets.ResetProxy`."""

    def cut(self, on: bool) -> None:
        """Switch cutting on or off."""
        ...


class Hooks:
    """How each disturbance is begun and ended."""

    def __init__(self, candidate: Candidate, cutter: Cutter | None = None) -> None:
        self._candidate = candidate
        self._cutter = cutter

    def begin(self, disturbance: Disturbance) -> None:
        """Begin it; raises what the hook raises."""
        match disturbance.kind:
            case Kind.KILL:
                self._candidate.hook("kill")
            case Kind.PAUSE:
                self._candidate.hook("pause")
            case Kind.SLOW_DISK:
                self._candidate.hook("slow_disk", delay_ms=disturbance.delay_ms)
            case Kind.RESETS:
                self._cut(True)

    def end(self, disturbance: Disturbance) -> None:
        """End it; raises what the hook raises."""
        match disturbance.kind:
            case Kind.KILL:
                self._candidate.hook("start")
            case Kind.PAUSE:
                self._candidate.hook("resume")
            case Kind.SLOW_DISK:
                self._candidate.hook("slow_disk", delay_ms=0)
            case Kind.RESETS:
                self._cut(False)

    def _cut(self, on: bool) -> None:
        if self._cutter is None:
            raise ValueError("connections are cut by a proxy, and there is none")
        self._cutter.cut(on)


_LABELS = {
    Kind.KILL: "killed, started again after {length_s} s",
    Kind.PAUSE: "paused for {length_s} s",
    Kind.SLOW_DISK: "commits slowed by {delay_ms} ms for {length_s} s",
    Kind.RESETS: "connections reset for {length_s} s",
}


@dataclass(slots=True)
class Disturber:
    """Carries a plan out beside the load. ``failure`` says which hook failed, "" where none did.

    ``under_way``: a file that says what has been begun and not been ended, for whoever comes after a sudden death.
    """

    plan: Sequence[Disturbance]
    hooks: Hooks
    under_way: Path | None = None
    marks: list[Mark] = field(default_factory=list)
    failure: str = ""
    _task: gevent.Greenlet | None = None

    def start(self, epoch_ns: int) -> None:
        """Start the plan's clock; only the first call counts."""
        if self._task is None:
            self._task = gevent.spawn(self._carry_out, epoch_ns)

    def finish(self) -> None:
        """Wait until the plan is done; whatever was begun has been ended then."""
        if self._task is not None:
            self._task.join()

    def drop(self) -> None:
        """Give the plan up, and end what is under way."""
        if self._task is not None:
            self._task.kill()

    def _carry_out(self, epoch_ns: int) -> None:
        for disturbance in sorted(self.plan, key=lambda item: item.at_s):
            _sleep_until(epoch_ns + disturbance.at_s * _S)
            if not self._one(disturbance, epoch_ns + (disturbance.at_s + disturbance.length_s) * _S):
                return

    def _one(self, disturbance: Disturbance, end_ns: int) -> bool:
        label = _LABELS[disturbance.kind].format(length_s=disturbance.length_s, delay_ms=disturbance.delay_ms)
        mark = Mark(disturbance.kind, label, now_ns())
        self._note(disturbance)
        try:
            begun = self._told(self.hooks.begin, disturbance)
            if begun:
                _sleep_until(end_ns)
        finally:
            # Also after a failed beginning: it may have failed half-way.
            mark.end_ns = now_ns()
            self.marks.append(mark)
            if ended := self._told(self.hooks.end, disturbance):
                self._note(None)
        return begun and ended

    def _note(self, disturbance: Disturbance | None) -> None:
        if self.under_way is None:
            return
        if disturbance is None:
            self.under_way.unlink(missing_ok=True)
        elif disturbance.kind is not Kind.RESETS:  # a proxy of ours dies with us
            self.under_way.write_text(json.dumps({"kind": disturbance.kind.value}), encoding="utf-8")

    def _told(self, do: Callable[[Disturbance], None], disturbance: Disturbance) -> bool:
        try:
            do(disturbance)
        except (Undecided, ConformanceError) as error:
            self.failure = self.failure or f"{disturbance.kind.value}: {error}"
            return False
        return True


def under_way_path(context: LoadContext) -> Path:
    """Return where it is kept which disturbance of a scenario is under way."""
    return context.directory / f"{context.scenario}-disturbed.json"


def undo(context: LoadContext) -> None:
    """End what an attempt that was killed had begun; raises ConfigError where the hook fails, and never tries again."""
    path = under_way_path(context)
    if not path.exists():
        return
    kind = Kind(json.loads(path.read_text(encoding="utf-8"))["kind"])
    path.unlink()
    try:
        Hooks(context.candidate).end(Disturbance(0, kind, 0))
    except (Undecided, ConformanceError) as error:
        raise ConfigError(
            f"the candidate may still be disturbed ({kind.value}) by an attempt that was killed: {error}",
            where=context.scenario,
            remedy="Undo it by hand, then go on with --resume.",
        ) from None


class Pulse:
    """How arrivals fared by the time they were *intended*, in slices: offered, and served well and in time.

    ``offsets`` are those of all arrivals, in nanoseconds from the epoch; ``limit_ms`` bounds the response time.
    """

    def __init__(self, offsets: Sequence[int], limit_ms: int) -> None:
        self._limit_ns = limit_ms * _MS
        slices = 1 + max(offsets, default=0) // (SLICE_MS * _MS)
        self._offered = [0] * slices
        self._served = [0] * slices
        self._late = [0] * slices
        for offset in offsets:
            self._offered[offset // (SLICE_MS * _MS)] += 1

    def took(self, offset_ns: int, outcome: str, response_ns: int) -> None:
        """Count how an arrival ended. One whose connection we cut ourselves says nothing."""
        place = offset_ns // (SLICE_MS * _MS)
        if outcome == "cut":
            self._offered[place] -= 1
        elif outcome in _GOOD:
            self._served[place] += 1
            self._late[place] += response_ns > self._limit_ns

    def recovered_ms(self, end_ms: int) -> int | None:
        """Return how many ms after ``end_ms`` arrivals were served as before; None when they never were.

        From then on, in a window of :data:`WINDOW_SLICES`, 95 of 100 arrivals were answered as they should be, and
        the 99th percentile of their response times was within the limit.
        """
        first = max(0, -(-end_ms // SLICE_MS))
        for start in range(first, len(self._offered) - WINDOW_SLICES + 1):
            if self._well(slice(start, start + WINDOW_SLICES)):
                return start * SLICE_MS - end_ms
        return None

    def _well(self, window: slice) -> bool:
        offered, served, late = (sum(counts[window]) for counts in (self._offered, self._served, self._late))
        # The 99th percentile is within the limit when at most one in a hundred lies beyond it.
        return offered > 0 and served * 1000 >= offered * SERVED_PERMILLE_MIN and late * 100 <= served


class Watched:
    """A work whose arrivals feed a pulse, and whose first one starts the disturbances."""

    def __init__(self, work: Work, offsets: Sequence[int], pulse: Pulse, disturber: Disturber) -> None:
        self._work = work
        self._offsets = offsets
        self._pulse = pulse
        self._disturber = disturber
        self._started = False

    def request(self, arrival: int) -> tuple[bytes, bool]:
        """Return what the work sends."""
        return self._work.request(arrival)

    def sending(self, arrival: int, at_ns: int) -> None:
        """Tell the work; the first arrival of all says when the epoch was."""
        if not self._started:
            self._started = True
            self._disturber.start(at_ns - self._offsets[arrival])
        self._work.sending(arrival, at_ns)

    def answered(self, arrival: int, reply: Reply | None, times: Times) -> str:
        """Return what the work makes of a reply, and count it."""
        outcome = self._work.answered(arrival, reply, times)
        self._pulse.took(self._offsets[arrival], outcome, times.done - times.intended)
        return outcome


def described(
    disturber: Disturber, pulse: Pulse, epoch_ns: int, recovery_ms_max: int, resets: Mapping[str, int] | None = None
) -> dict[str, Any]:
    """Return ``marks`` and ``disturbance`` for the measurement; the worst recovery counts."""
    marks = [mark.as_json(epoch_ns) for mark in disturber.marks]
    recovered = [pulse.recovered_ms(mark["endMs"]) for mark in marks]
    worst = max((item for item in recovered if item is not None), default=None)
    slowest = None if None in recovered else worst
    return {
        "marks": marks,
        "disturbance": {
            "kind": disturber.plan[0].kind.value,
            "times": len(marks),
            "recoveredMs": slowest,
            "resumed": slowest is not None,
            "recoveryMsMax": recovery_ms_max,
            "resets": dict(resets or {}),
            "failure": disturber.failure,
        },
    }


def _sleep_until(at_ns: int) -> None:
    with contextlib.suppress(ValueError):
        gevent.sleep(max(0.0, (at_ns - now_ns()) / _S))
