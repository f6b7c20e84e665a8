"""The geometry of the load charts: plain numbers that a template draws as SVG, the same each time."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from itertools import pairwise

from conformance_reports.reading import Row

#: Size of the drawing and of its plot area, in SVG units.
WIDTH, HEIGHT = 680, 270
LEFT, RIGHT, TOP, BOTTOM = 58, 560, 14, 226

#: The percentiles that every measurement states, with the share of requests that are slower.
PERCENTILES = (("p50", 0.5), ("p90", 0.1), ("p95", 0.05), ("p99", 0.01), ("p999", 0.001))

_LIMIT_NAME = re.compile(r"(p\d+)MsMax")
_LABEL_GAP = 15.0

Scale = Callable[[float], float]


@dataclass(frozen=True, slots=True)
class Tick:
    """A labelled place on an axis; minor ones have an empty label."""

    at: str
    label: str


@dataclass(frozen=True, slots=True)
class Series:
    """A line: its name (a word of this package), path data, points, and where its label stands."""

    name: str
    path: str
    points: tuple[tuple[str, str], ...]
    label_at: str


@dataclass(frozen=True, slots=True)
class Mark:
    """A limit: a short or long horizontal line with its label, which stands under the axis at ``x``."""

    x1: str
    x2: str
    y: str
    x: str
    label: str


@dataclass(frozen=True, slots=True)
class Bar:
    """A bar of requests that were refused or broken in one second."""

    x: str
    y: str
    width: str
    height: str


@dataclass(frozen=True, slots=True)
class Chart:
    """Everything a template needs to draw one chart."""

    x_ticks: tuple[Tick, ...]
    y_ticks: tuple[Tick, ...]
    series: tuple[Series, ...]
    limits: tuple[Mark, ...] = ()
    bars: tuple[Bar, ...] = ()
    area: str = ""


def latency_chart(item: Row) -> Chart | None:
    """Return latency by percentile on two logarithmic axes; None where nothing was measured."""
    latency = item["latencyUs"]
    measured = [(name, latency[key]) for key, name in _LATENCIES if _is_whole(latency.get(key, {}))]
    if not measured:
        return None
    limits = latency_limits(item)
    values = [max(1, row[key]) for _name, row in measured for key, _share in PERCENTILES]
    low, high = _decades([*values, *(limit_us for _key, limit_us in limits)])
    y = _log_scale(low, high, BOTTOM, TOP)
    x = _log_scale(1 / PERCENTILES[0][1], 1 / PERCENTILES[-1][1], LEFT + 18, RIGHT - 18)
    lines = [(name, [(x(1 / share), y(max(1, row[key]))) for key, share in PERCENTILES]) for name, row in measured]
    return Chart(
        tuple(Tick(_number(x(1 / share)), percentile_name(key)) for key, share in PERCENTILES),
        tuple(_log_ticks(low, high, y)),
        _series(lines),
        tuple(_latency_mark(key, limit_us, x, y) for key, limit_us in limits),
    )


def rate_chart(item: Row) -> Chart | None:
    """Return requests per second over time, offered against confirmed; None where no second was recorded."""
    timeline = item["timeline"]
    if not timeline:
        return None
    offered = int(item["offered"].get("ratePerSecond") or 0)
    seconds = max(row["s"] for row in timeline) + 1
    top = max([offered, 1, *(max(row["sent"], row["confirmed"]) for row in timeline)])
    step = _round_step(top / 4)
    x = _linear_scale(0, seconds, LEFT, RIGHT)
    y = _linear_scale(0, math.ceil(top * 1.08 / step) * step, BOTTOM, TOP)
    lines = [(name, _steps(timeline, name, x, y)) for name in ("sent", "confirmed")]
    return Chart(
        tuple(_linear_ticks(seconds, _round_step(seconds / 8), x)),
        tuple(_linear_ticks(math.ceil(top * 1.08 / step) * step, step, y)),
        _series(lines, points=False),
        tuple(_rate_limits(item, y)),
        tuple(_bars(timeline, x, y)),
        f"{_path(lines[1][1])} L{_number(lines[1][1][-1][0])} {BOTTOM} L{LEFT} {BOTTOM} Z",
    )


def latency_limits(item: Row) -> list[tuple[str, int]]:
    """Return the latency limits of a scenario as pairs of a percentile's name and microseconds."""
    found = ((_LIMIT_NAME.fullmatch(name), value) for name, value in sorted(item["slo"].items()))
    known = dict(PERCENTILES)
    return [(match[1], int(value) * 1000) for match, value in found if match and match[1] in known]


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


def _is_whole(distribution: Row) -> bool:
    return bool(distribution.get("count")) and all(key in distribution for key, _share in PERCENTILES)


_LATENCIES = (("response", "response_time"), ("service", "service_time"))


def _latency_mark(key: str, limit_us: int, x: Scale, y: Scale) -> Mark:
    centre = x(1 / dict(PERCENTILES)[key])
    return Mark(
        _number(centre - 26), _number(centre + 26), _number(y(limit_us)), _number(centre), f"≤ {duration(limit_us)}"
    )


def _rate_limits(item: Row, y: Scale) -> Iterable[Mark]:
    offered = item["offered"].get("ratePerSecond")
    if offered:
        yield Mark(_number(LEFT), _number(RIGHT), _number(y(offered)), _number(RIGHT), str(offered))


def _bars(timeline: Sequence[Row], x: Scale, y: Scale) -> Iterable[Bar]:
    for row in timeline:
        bad = row.get("refused", 0) + row.get("broken", 0)
        if bad:
            left, right = x(row["s"] + 0.2), x(row["s"] + 0.8)
            top = min(y(bad), BOTTOM - 1)
            yield Bar(_number(left), _number(top), _number(right - left), _number(BOTTOM - top))


def _steps(timeline: Sequence[Row], name: str, x: Scale, y: Scale) -> list[tuple[float, float]]:
    points: list[tuple[float, float]] = []
    for row in timeline:
        points += [(x(row["s"]), y(row[name])), (x(row["s"] + 1), y(row[name]))]
    return points


def _series(lines: Sequence[tuple[str, list[tuple[float, float]]]], points: bool = True) -> tuple[Series, ...]:
    places = _spread([line[-1][1] for _name, line in lines])
    return tuple(
        Series(
            name,
            _path(line),
            tuple((_number(x), _number(y)) for x, y in line) if points else (),
            _number(place),
        )
        for (name, line), place in zip(lines, places, strict=True)
    )


def _spread(places: list[float]) -> list[float]:
    """Move labels apart that would overlap, keeping their order."""
    order = sorted(range(len(places)), key=lambda index: places[index])
    moved = list(places)
    for before, after in pairwise(order):
        moved[after] = max(moved[after], moved[before] + _LABEL_GAP)
    return moved


def _path(points: Iterable[tuple[float, float]]) -> str:
    return "M" + " L".join(f"{_number(x)} {_number(y)}" for x, y in points)


def _decades(values: Iterable[float]) -> tuple[float, float]:
    found = list(values)
    low = math.floor(math.log10(min(found)))
    high = math.ceil(math.log10(max(found)))
    return 10.0**low, 10.0 ** max(high, low + 1)


def _log_scale(low: float, high: float, start: float, end: float) -> Scale:
    span = math.log10(high) - math.log10(low)
    return lambda value: start + (end - start) * (math.log10(value) - math.log10(low)) / span


def _linear_scale(low: float, high: float, start: float, end: float) -> Scale:
    return lambda value: start + (end - start) * (value - low) / (high - low)


def _log_ticks(low: float, high: float, y: Scale) -> Iterable[Tick]:
    for exponent in range(round(math.log10(low)), round(math.log10(high)) + 1):
        yield Tick(_number(y(10.0**exponent)), duration(10.0**exponent))
        if 10.0**exponent < high:
            for factor in (2, 5):
                yield Tick(_number(y(factor * 10.0**exponent)), "")


def _linear_ticks(end: float, step: int, scale: Scale) -> Iterable[Tick]:
    for value in range(0, math.floor(end) + 1, step):
        yield Tick(_number(scale(value)), str(value))


def _round_step(rough: float) -> int:
    """Return the smallest of 1, 2, 5, 10, 20, 50, … that is at least ``rough``."""
    power: int = 10 ** max(0, math.floor(math.log10(max(rough, 1))))
    return next(factor * power for factor in (1, 2, 5, 10) if factor * power >= rough)


def _number(value: float) -> str:
    return f"{value:.1f}".rstrip("0").rstrip(".")
