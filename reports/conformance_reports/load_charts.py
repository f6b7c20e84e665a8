"""The charts of a load scenario: percentiles, rates and times over its length, and the trials of a search."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import accumulate
from typing import Any

from conformance.model.text import Text
from conformance_reports.charts import (
    Chart,
    Frame,
    Mark,
    Note,
    Points,
    Rect,
    Scale,
    Series,
    Symbol,
    Tick,
    decades,
    duration,
    linear_scale,
    linear_ticks,
    log_scale,
    log_ticks,
    number,
    path,
    percentile_name,
    round_step,
    series,
)
from conformance_reports.limits import latency_limits
from conformance_reports.loads import PERCENTILES, Row, mark_text, marks_of
from conformance_reports.words import word

#: A longer run is drawn in this many steps at most; rates are then means and times the worst of each step.
STEPS_MAX = 240
#: Places between two named percentiles at which the curve is read from the buckets.
_BETWEEN = 12
#: About how wide a letter of a band's word is.
_WORD_WIDTH = 6.6
_LATENCIES = (("response", "response_time"), ("service", "service_time"), ("lag", "lag"))


def latency_chart(item: Row, frame: Frame) -> Chart | None:
    """Return latency by percentile on two logarithmic axes; None where nothing was measured."""
    latency = item["latencyUs"]
    measured = [(name, latency[key]) for key, name in _LATENCIES if _is_whole(latency.get(key, {}))]
    if not measured:
        return None
    limits = latency_limits(item)
    values = [max(1, row[key]) for _name, row in measured for key, _share in PERCENTILES]
    low, high = decades([*values, *(limit_us for _key, limit_us in limits)])
    y = _bounded(log_scale(low, high, frame.bottom, frame.top), low, high)
    x = log_scale(1 / PERCENTILES[0][1], 1 / PERCENTILES[-1][1], frame.left + 18, frame.right - 18)
    places = {key: x(1 / share) for key, share in PERCENTILES}
    return Chart(
        frame,
        tuple(Tick(number(places[key]), percentile_name(key)) for key in places),
        tuple(log_ticks(low, high, y)),
        _with_points(
            series([(name, [_curve(row, x, y)]) for name, row in measured], frame.bottom), measured, places, y
        ),
        tuple(_short_limit(frame, limit_us, places[key], y) for key, limit_us in limits),
        whiskers=tuple(_whiskers(latency.get("response", {}).get("intervals", {}), places, y)),
    )


def rate_chart(item: Row, frame: Frame) -> Chart | None:
    """Return requests per second over time, offered against confirmed; None where no second was recorded."""
    steps = Steps.of(item)
    if not steps:
        return None
    lines = [(name, steps.rates(name)) for name in ("offered", "confirmed")]
    broken = steps.rates("broken")
    bad = [sum(counts) for counts in zip(steps.rates("refused"), steps.rates("expected"), broken, strict=True)]
    least = int(item["slo"].get("ratePerSecondMin") or 0)
    highest = max([1, least, *bad, *(value for _name, values in lines for value in values)])
    step = round_step(highest / 4)
    top = math.ceil(highest * 1.08 / step) * step
    x, y = steps.scale(frame), linear_scale(0, top, frame.bottom, frame.top)
    drawn = [(name, [_stairs(steps, values, x, y)]) for name, values in lines]
    return Chart(
        frame,
        tuple(steps.ticks(frame, x)),
        tuple(linear_ticks(top, step, y)),
        series(drawn, frame.bottom - 4),
        (_long_limit(frame, f"≥ {least:,}", y(least)),) if least else (),
        tuple(_bars(steps, [0.0] * len(bad), broken, x, y)),
        tuple(_bars(steps, broken, bad, x, y)),
        area=f"{path(drawn[1][1][0])} L{number(drawn[1][1][0][-1][0])} {frame.bottom} L{frame.left} {frame.bottom} Z",
        **_marked(item, frame, steps, x),
    )


def time_chart(item: Row, frame: Frame) -> Chart | None:
    """Return the 99th percentile of each second with the generator's lag; None where no second has one."""
    steps = Steps.of(item)
    if not steps:
        return None
    found = [(name, steps.worst(key)) for name, key in (("p99_each", "p99Us"), ("lag_each", "lagP99Us"))]
    lag = item.get("generator", {}).get("ownLagP99Us")
    if not any(found[1][1]) and lag:
        found[1] = ("lag_whole", [lag] * len(steps.begins))
    found = [(name, values) for name, values in found if any(values)]
    if not found:
        return None
    limit = [us for key, us in latency_limits(item) if key == "p99"]
    low, high = decades([*limit, *(max(1, value) for _name, values in found for value in values if value)])
    frame = frame.lower(150)
    x, y = steps.scale(frame), _bounded(log_scale(low, high, frame.bottom, frame.top), low, high)
    return Chart(
        frame,
        tuple(steps.ticks(frame, x)),
        tuple(log_ticks(low, high, y)),
        series([(name, _pieces(steps, values, x, y)) for name, values in found], frame.bottom - 4),
        tuple(_long_limit(frame, f"≤ {duration(us)}", y(us)) for us in limit),
        **_marked(item, frame, steps, x),
    )


def search_chart(item: Row, frame: Frame) -> Chart | None:
    """Return the trials of a search in their order; None where nothing was searched."""
    trials = (item.get("search") or {}).get("trials", [])
    if not trials:
        return None
    frame = frame.lower(150)
    highest = max(1, *(row["ratePerSecond"] for row in trials))
    step = round_step(highest / 4)
    top = math.ceil(highest * 1.2 / step) * step
    x = linear_scale(0.4, len(trials) + 0.6, frame.left, frame.right)
    y = linear_scale(0, top, frame.bottom, frame.top)
    best = item["search"].get("best") or 0
    places = [(x(index), y(row["ratePerSecond"]), row) for index, row in enumerate(trials, 1)]
    return Chart(
        frame,
        tuple(_trial_ticks(len(trials), frame, x)),
        tuple(linear_ticks(top, step, y)),
        series([("trials", [[(at, height) for at, height, _row in places]])], frame.bottom),
        (replace(_long_limit(frame, "", y(best)), kind="limit best"),) if best else (),
        symbols=tuple(_symbol(at, height, row, crowded=len(trials) > frame.x_labels * 2) for at, height, row in places),
    )


@dataclass(frozen=True, slots=True)
class Steps:
    """The timeline in steps of ``width`` seconds: ``rows[i]`` holds the seconds that begin at ``begins[i]``.

    A last step after ``end`` holds everything that came once nothing was offered any more, if anything did.
    """

    rows: list[list[Row]]
    begins: list[int]
    width: int
    end: int
    flat_rate: int

    @classmethod
    def of(cls, item: Row) -> Steps | None:
        """Return the steps of a measurement; None where it has no timeline."""
        timeline = sorted(item["timeline"], key=lambda row: int(row["s"]))
        if not timeline:
            return None
        end = min(int(item["offered"].get("durationS") or 10**9), int(timeline[-1]["s"]) + 1)
        width = -(-end // STEPS_MAX)
        begins = list(range(0, end, width))
        rows: list[list[Row]] = [[] for _ in begins]
        for row in timeline:
            if row["s"] < end:
                rows[int(row["s"]) // width].append(row)
        later = [row for row in timeline if row["s"] >= end and _anything(row)]
        stated = any("offered" in row for row in timeline)
        flat = 0 if stated else int(item["offered"].get("ratePerSecond") or 0)
        return cls([*rows, later] if later else rows, [*begins, end] if later else begins, width, end, flat)

    @property
    def has_later(self) -> bool:
        """Whether the last step lies after the end."""
        return self.begins[-1] >= self.end

    def rates(self, name: str) -> list[float]:
        """Return the mean of a count per second in each step; what was offered is flat where no second states it."""
        if name == "offered" and self.flat_rate:
            return [0.0 if begin >= self.end else float(self.flat_rate) for begin in self.begins]
        return [sum(int(row.get(name, 0)) for row in rows) / self._seconds(rows) for rows in self.rows]

    def worst(self, name: str) -> list[int]:
        """Return the largest value in each step; 0 where there is none."""
        return [max((int(row.get(name, 0)) for row in rows), default=0) for rows in self.rows]

    def scale(self, frame: Frame) -> Scale:
        """Return the map from seconds to the x axis."""
        return linear_scale(0, self.begins[-1] + self.width, frame.left, frame.right)

    def ticks(self, frame: Frame, x: Scale) -> Iterator[Tick]:
        """Yield ticks of round seconds."""
        step = round_step(self.end / frame.x_labels)
        yield from linear_ticks(self.end, step, x)

    def _seconds(self, rows: Sequence[Row]) -> int:
        return max(1, min(self.width, len(rows)))


def _anything(row: Row) -> bool:
    return any(row.get(name) for name in ("sent", "confirmed", "replayed", "expected", "refused", "broken"))


def _is_whole(distribution: Row) -> bool:
    return bool(distribution.get("count")) and all(key in distribution for key, _share in PERCENTILES)


def _bounded(scale: Scale, low: float, high: float) -> Scale:
    return lambda value: scale(min(max(value, low), high))


def _curve(row: Row, x: Scale, y: Scale) -> Points:
    """Return a line through the named percentiles, with the buckets' own course between them."""
    points: Points = []
    at_share = _reader(row)
    for (key, share), following in zip(PERCENTILES, [*PERCENTILES[1:], None], strict=True):
        points.append((x(1 / share), y(row[key])))
        if following is None:
            break
        for index in range(1, _BETWEEN):
            between = share * (following[1] / share) ** (index / _BETWEEN)
            # Both ends are exact; what lies between may not leave them.
            value = min(max(at_share(between, row[key]), row[key]), row[following[0]])
            points.append((x(1 / between), y(value)))
    return _without_repeats(points)


def _reader(row: Row) -> Callable[[float, int], int]:
    """Return a function from the share of slower requests to a duration; its second argument is the value without."""
    buckets = row.get("buckets", [])
    sums = list(accumulate(count for _low, _high, count in buckets))

    def read(slower: float, otherwise: int) -> int:
        rank = math.ceil((1 - slower) * sums[-1]) if sums else 0
        for (low, high, _count), seen in zip(buckets, sums, strict=True):
            if seen >= rank > 0:
                return int(low + high) // 2
        return otherwise

    return read


def _without_repeats(points: Points) -> Points:
    """Leave out points in the middle of a level stretch; they would draw nothing."""
    return [
        point
        for index, point in enumerate(points)
        if index in (0, len(points) - 1) or not points[index - 1][1] == point[1] == points[index + 1][1]
    ]


def _with_points(
    lines: Iterable[Series], measured: Sequence[tuple[str, Row]], places: dict[str, float], y: Scale
) -> tuple[Series, ...]:
    marked = []
    for line, (_name, row) in zip(lines, measured, strict=True):
        points = tuple((number(at), number(y(max(1, row[key])))) for key, at in places.items())
        marked.append(Series(line.name, line.path, points, line.label_at))
    return tuple(marked)


def _whiskers(intervals: Row, places: dict[str, float], y: Scale) -> Iterator[tuple[str, str, str]]:
    for key, at in places.items():
        if key in intervals:
            low, high = intervals[key]
            yield number(at), number(y(max(1, high))), number(y(max(1, low)))


def _short_limit(frame: Frame, limit_us: int, centre: float, y: Scale) -> Mark:
    reach = 26 if frame.names else 20
    return Mark(
        number(max(centre - reach, frame.left)),
        number(min(centre + reach, frame.right)),
        number(y(limit_us)),
        f"≤ {duration(limit_us)}",
        number(centre),
        number(frame.bottom + 35),
    )


def _long_limit(frame: Frame, label: str, y: float) -> Mark:
    label_y = y - 8 if y - 8 > frame.top + 6 else y + 9
    return Mark(
        number(frame.left), number(frame.right), number(y), label, number(frame.right - 4), number(label_y), "end"
    )


def _bars(steps: Steps, lows: Sequence[float], highs: Sequence[float], x: Scale, y: Scale) -> Iterator[Rect]:
    """Yield a bar for each step in which ``highs`` rises above ``lows``, at least one unit high."""
    for begin, low, high in zip(steps.begins, lows, highs, strict=True):
        if high > low:
            left, right = x(begin + 0.2 * steps.width), x(begin + 0.8 * steps.width)
            top = min(y(high), y(low) - 1)
            yield Rect(number(left), number(top), number(right - left), number(y(low) - top))


def _stairs(steps: Steps, values: Sequence[float], x: Scale, y: Scale) -> Points:
    points: Points = []
    for begin, value in zip(steps.begins, values, strict=True):
        if points and points[-1][1] == y(value):
            points.pop()
        else:
            points.append((x(begin), y(value)))
        points.append((x(begin + steps.width), y(value)))
    return points


def _pieces(steps: Steps, values: Sequence[int], x: Scale, y: Scale) -> list[Points]:
    """Return the stairs of a line that is broken where nothing was answered."""
    pieces: list[Points] = [[]]
    for begin, value in zip(steps.begins, values, strict=True):
        if value:
            pieces[-1] += [(x(begin), y(value)), (x(begin + steps.width), y(value))]
        elif pieces[-1]:
            pieces.append([])
    return [piece for piece in pieces if piece]


def _marked(item: Row, frame: Frame, steps: Steps, x: Scale) -> dict[str, Any]:
    """Return the shaded bands of bursts and disturbances with their words above them, and the word for the rest."""
    bands, notes = [], []
    ends: list[float] = []
    for index, mark in enumerate(marks_of(item)):
        left, right = (_within(frame, x(ms / 1000)) for ms in (mark["atMs"], mark.get("endMs", mark["atMs"])))
        right = max(right, left + 2)
        bands.append(Rect(number(left), number(frame.top), number(right - left), number(frame.bottom - frame.top)))
        text = mark_text(index, mark)
        row, at, anchor = _free_row(ends, left, _WORD_WIDTH * len(text.en), frame)
        notes.append(Note(text, number(at), number(frame.top - 8 - 14 * row), anchor))
    if steps.has_later:
        notes.append(Note(word("later"), number(frame.right), number(frame.bottom + 32), "end"))
    return {"bands": tuple(bands), "notes": tuple(notes), "lift": 14 * len(ends)}


def _free_row(ends: list[float], left: float, width: float, frame: Frame) -> tuple[int, float, str]:
    """Return the row above the plot where a word finds room, its place and its anchor; ``ends`` are the rows so far."""
    beyond = left + width > frame.width - 4
    begin = frame.right - width if beyond else left
    row = next((number_ for number_, end in enumerate(ends) if end + 6 <= begin), len(ends))
    if row == len(ends):
        ends.append(0.0)
    ends[row] = begin + width
    return row, frame.right if beyond else left, "end" if beyond else "start"


def _within(frame: Frame, at: float) -> float:
    return min(max(at, frame.left), frame.right)


def _trial_ticks(count: int, frame: Frame, x: Scale) -> Iterator[Tick]:
    step = round_step(count / (frame.x_labels * 2))
    for index in range(step, count + 1, step):
        yield Tick(number(x(index)), str(index))


def _symbol(x: float, y: float, row: Row, *, crowded: bool) -> Symbol:
    kind = "void" if row.get("reasons") else "met" if row.get("met") else "missed"
    return Symbol(kind, number(x), number(y), "" if crowded else f"{row['ratePerSecond']:,}", number(y - 13))


def step_text(item: Row) -> Text | None:
    """Return a sentence that says how long a step is where seconds were drawn together; None where they were not."""
    steps = Steps.of(item)
    if not steps or steps.width == 1:
        return None
    text = word("steps_desc")
    return Text(text.en.format(seconds=steps.width), text.zh.format(seconds=steps.width))
