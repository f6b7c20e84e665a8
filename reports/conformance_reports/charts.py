"""The geometry that all charts share: frames, scales, ticks and lines, as plain numbers that a template draws as SVG.

Nothing here depends on time or chance: the same measurement gives the same drawing.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from itertools import pairwise

from conformance.model.text import Text

_LABEL_GAP = 15.0

Scale = Callable[[float], float]
Points = list[tuple[float, float]]


@dataclass(frozen=True, slots=True)
class Frame:
    """Size of a drawing and of its plot area, in SVG units; ``names`` says whether lines are named at their right."""

    width: int
    height: int
    left: int
    right: int
    top: int
    bottom: int
    names: bool
    #: About how many labels fit along the x axis.
    x_labels: int

    def lower(self, height: int) -> Frame:
        """Return this frame with another height of its plot area."""
        cut = self.bottom - self.top - height
        return Frame(
            self.width, self.height - cut, self.left, self.right, self.top, self.bottom - cut, self.names, self.x_labels
        )


#: Each chart is drawn twice, so that letters stay legible on a narrow screen: the style sheet shows the one that fits.
WIDE = Frame(680, 270, 58, 560, 14, 226, names=True, x_labels=8)
NARROW = Frame(360, 258, 50, 348, 14, 204, names=False, x_labels=5)
FRAMES = (WIDE, NARROW)


@dataclass(frozen=True, slots=True)
class Tick:
    """A labelled place on an axis; minor ones have an empty label."""

    at: str
    label: str


@dataclass(frozen=True, slots=True)
class Series:
    """A line: its name (a word of this package), path data, marked points, and where its label stands."""

    name: str
    path: str
    points: tuple[tuple[str, str], ...]
    label_at: str


@dataclass(frozen=True, slots=True)
class Mark:
    """A limit: a short or long horizontal line, and its label with the place and the anchor of that."""

    x1: str
    x2: str
    y: str
    label: str
    x: str
    label_y: str
    anchor: str = "middle"
    #: "limit", or "limit best" for what a search found.
    kind: str = "limit"


@dataclass(frozen=True, slots=True)
class Rect:
    """A rectangle."""

    x: str
    y: str
    width: str
    height: str


@dataclass(frozen=True, slots=True)
class Note:
    """Words inside of a chart, in both languages."""

    text: Text
    x: str
    y: str
    anchor: str


@dataclass(frozen=True, slots=True)
class Symbol:
    """A single result: ``kind`` is met, missed or void; each has a shape of its own. ``label`` stands above it."""

    kind: str
    x: str
    y: str
    label: str
    label_y: str


@dataclass(frozen=True, slots=True)
class Chart:
    """Everything a template needs to draw one chart."""

    frame: Frame
    x_ticks: tuple[Tick, ...]
    y_ticks: tuple[Tick, ...]
    series: tuple[Series, ...] = ()
    limits: tuple[Mark, ...] = ()
    #: Bars of what got no proper answer, and on top of each what was refused, rightly or not.
    broken: tuple[Rect, ...] = ()
    refused: tuple[Rect, ...] = ()
    bands: tuple[Rect, ...] = ()
    notes: tuple[Note, ...] = ()
    whiskers: tuple[tuple[str, str, str], ...] = ()
    symbols: tuple[Symbol, ...] = ()
    area: str = ""
    #: Room above the plot area for the words of bands.
    lift: int = 0


def percentile_name(key: str) -> str:
    """Return ``p999`` as ``p99.9``."""
    return f"p{key[1:3]}.{key[3:]}" if len(key) > 3 else key


def duration(microseconds: float) -> str:
    """Return a duration with three significant digits and its unit."""
    if microseconds < 1000:
        return f"{microseconds:.0f} µs"
    value, unit = (microseconds / 1000, "ms") if microseconds < 1_000_000 else (microseconds / 1_000_000, "s")
    digits = 0 if value >= 100 else 1 if value >= 10 else 2
    text = f"{value:.{digits}f}"
    return f"{text.rstrip('0').rstrip('.') if '.' in text else text} {unit}"


def series(lines: Sequence[tuple[str, list[Points]]], lowest: float) -> tuple[Series, ...]:
    """Return lines, each of one or more pieces, with their names kept apart and none below ``lowest``."""
    places = _spread([pieces[-1][-1][1] for _name, pieces in lines], lowest)
    return tuple(
        Series(name, " ".join(path(piece) for piece in pieces), (), number(place))
        for (name, pieces), place in zip(lines, places, strict=True)
    )


def path(points: Iterable[tuple[float, float]]) -> str:
    """Return path data of straight lines through ``points``."""
    return "M" + " L".join(f"{number(x)} {number(y)}" for x, y in points)


def decades(values: Iterable[float]) -> tuple[float, float]:
    """Return the powers of ten around ``values``, at least one decade apart."""
    found = list(values)
    low = math.floor(math.log10(min(found)))
    high = math.ceil(math.log10(max(found)))
    return 10.0**low, 10.0 ** max(high, low + 1)


def log_scale(low: float, high: float, start: float, end: float) -> Scale:
    """Return the map of a logarithmic axis."""
    span = math.log10(high) - math.log10(low)
    return lambda value: start + (end - start) * (math.log10(value) - math.log10(low)) / span


def linear_scale(low: float, high: float, start: float, end: float) -> Scale:
    """Return the map of a linear axis."""
    return lambda value: start + (end - start) * (value - low) / (high - low)


def log_ticks(low: float, high: float, y: Scale) -> Iterable[Tick]:
    """Yield a labelled tick for each decade and minor ones between."""
    for exponent in range(round(math.log10(low)), round(math.log10(high)) + 1):
        yield Tick(number(y(10.0**exponent)), duration(10.0**exponent))
        if 10.0**exponent < high:
            for factor in (2, 5):
                yield Tick(number(y(factor * 10.0**exponent)), "")


def linear_ticks(end: float, step: int, scale: Scale) -> Iterable[Tick]:
    """Yield a tick for every ``step`` up to ``end``."""
    for value in range(0, math.floor(end) + 1, step):
        yield Tick(number(scale(value)), f"{value:,}")


def round_step(rough: float) -> int:
    """Return the smallest of 1, 2, 5, 10, 20, 50, … that is at least ``rough``."""
    power: int = 10 ** max(0, math.floor(math.log10(max(rough, 1))))
    return next(factor * power for factor in (1, 2, 5, 10) if factor * power >= rough)


def number(value: float) -> str:
    """Return a coordinate with one digit at most."""
    text = f"{value:.1f}".rstrip("0").rstrip(".")
    return "0" if text == "-0" else text


def _spread(places: list[float], lowest: float) -> list[float]:
    """Move labels apart that would overlap, keeping their order; if they then end below ``lowest``, lift them all."""
    order = sorted(range(len(places)), key=lambda index: places[index])
    moved = list(places)
    for before, after in pairwise(order):
        moved[after] = max(moved[after], moved[before] + _LABEL_GAP)
    for after, before in pairwise([-1, *reversed(order)]):
        most = lowest if after < 0 else moved[after] - _LABEL_GAP
        moved[before] = min(moved[before], most)
    return moved
