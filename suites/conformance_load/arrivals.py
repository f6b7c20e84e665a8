"""What each arrival of a run is: a payment, one whose connection is cut, or a repetition of an earlier one."""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import TypeVar

from conformance_load.settings import Settings

#: After so many arrivals in a row, others get their turn: they take some hundredths of a second.
_IN_A_ROW = 10_000
#: For how long, in seconds. Not 0: gevent then goes on with whoever sleeps before it looks at timers and sockets.
_TURN_S = 0.001

T = TypeVar("T")


class Kind(StrEnum):
    """What is special about an arrival."""

    PAYMENT = "payment"  #: a payment, and its answer is read
    CUT = "cut"  #: a payment whose connection is dropped after sending
    REPLAY = "replay"  #: an earlier payment again, with its key
    ALTERED = "altered"  #: the key of an earlier payment with another amount
    TWIN = "twin"  #: the request just before it once more, at the same moment over another connection


#: Kinds that bring a payment of their own.
FRESH = (Kind.PAYMENT, Kind.CUT)


@dataclass(frozen=True, slots=True)
class Arrival:
    """One arrival: its kind and the number of the payment that it makes or repeats."""

    kind: Kind
    number: int


def arrange(settings: Settings, count: int) -> list[Arrival]:
    """Return what each of ``count`` arrivals is; it depends on nothing but the parameters.

    Replays come at the end of their turn and repeat, by turns, the payment just before (which may still be under
    way) and one of half a turn ago. Cuts and altered repetitions sit elsewhere in theirs, so that they seldom meet. A
    twin always follows its payment at once.
    """
    arrivals: list[Arrival] = []
    number = 0
    for position in cooperatively(range(count)):
        kind = _kind(settings, position) if number else Kind.PAYMENT
        if kind is Kind.TWIN and arrivals[-1].kind is Kind.PAYMENT:
            arrivals.append(Arrival(kind, number - 1))
        elif kind is Kind.REPLAY:
            back = 1 if position // settings.replay_every % 2 else max(1, settings.replay_every // 2)
            arrivals.append(Arrival(kind, max(0, number - back)))
        elif kind is Kind.ALTERED:
            arrivals.append(Arrival(kind, max(0, number - max(1, settings.altered_every // 2))))
        else:
            arrivals.append(Arrival(Kind.CUT if kind is Kind.CUT else Kind.PAYMENT, number))
            number += 1
    return arrivals


def simultaneous(offsets: Iterable[int], arrivals: Sequence[Arrival]) -> Iterator[int]:
    """Yield the offsets at which arrivals are due: twins at the very moment of the arrival before them."""
    before = 0
    for offset, arrival in zip(offsets, arrivals, strict=True):
        if arrival.kind is not Kind.TWIN:
            before = offset
        yield before


def cooperatively(items: Iterable[T]) -> Iterator[T]:
    """Yield items, and let others run now and then: a generator that is silent for seconds is taken for lost.

    In a load process, whose sleep is cooperative, its heartbeats are those others.
    """
    for number, item in enumerate(items, 1):
        if not number % _IN_A_ROW:
            time.sleep(_TURN_S)
        yield item


def _kind(settings: Settings, position: int) -> Kind:
    if _at(position, settings.replay_every, settings.replay_every - 1):
        return Kind.REPLAY
    if _at(position, settings.altered_every, settings.altered_every // 4):
        return Kind.ALTERED
    if _at(position, settings.twin_every, settings.twin_every * 3 // 4):
        return Kind.TWIN
    return Kind.CUT if _at(position, settings.cut_every, settings.cut_every // 2) else Kind.PAYMENT


def _at(position: int, every: int, place: int) -> bool:
    return bool(every) and position % every == place
